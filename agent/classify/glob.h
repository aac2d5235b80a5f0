/* SPDX-License-Identifier: Apache-2.0 */
/* Path patterns. '*' any bytes but '/', '?' one of them, [a-z] and [!a-z] one of a set, '\' takes the next
 * byte literally; "**" as a whole component stands for any number of components, at the end for at
 * least one. Time is at most proportional to the product of both lengths, whatever they hold. */
#ifndef TT_CLASSIFY_GLOB_H
#define TT_CLASSIFY_GLOB_H

#include <stdbool.h>
#include <stddef.h>

bool tt_glob_match(const char *pattern, const char *text);
/* Whether text of len bytes has a byte that means something other than itself in a pattern. */
bool tt_glob_is_pattern(const char *text, size_t len);

#endif
