/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TELLTALE_VERSION_H
#define TELLTALE_VERSION_H
#define TT_VERSION "0.1.0"
#endif
