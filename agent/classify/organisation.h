/* SPDX-License-Identifier: Apache-2.0 */
/* Who owns a host name, as far as a name can say: the public suffix list (https://publicsuffix.org) knows below which
 * domains anybody may register one. */
#ifndef TT_CLASSIFY_ORGANISATION_H
#define TT_CLASSIFY_ORGANISATION_H

#include <stdbool.h>

/* Whether both are below the same registrable domain: api.example.co.uk and eu.example.co.uk are, a.github.io and
 * b.github.io are not. An address, and a name that is not below a public suffix, is the same as itself only. The list is
 * the one that libpsl was built with. */
bool tt_same_organisation(const char *a, const char *b);

#endif
