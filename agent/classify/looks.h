/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel lets through where a process only looks, from the category definitions. */
#ifndef TT_CLASSIFY_LOOKS_H
#define TT_CLASSIFY_LOOKS_H

#include "telltale/looks.h"

struct tt_config_categories;

/* Every path that tt_classify_look() has a category for passes. A definition without any component that is free of wildcards
 * (names: 'my*') lets all paths pass: *ret_open is its text then, which belongs to config, else NULL. */
void tt_looks_make(const struct tt_config_categories *config, struct tt_looks *ret, const char **ret_open);

#endif
