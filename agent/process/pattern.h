/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns of agents.d: over names and over paths. */
#ifndef TT_PROCESS_PATTERN_H
#define TT_PROCESS_PATTERN_H

#include <stdbool.h>

/* '*' any run without '/', '**' with it, '?' one character but '/'. A path pattern starts with '/', or with "~/"
 * or a double star and a slash, both of which stand for any directory: homes are not only below /home.
 * "{version}" matches what looks like a version (a digit first, then digits, letters, . _ + -), the
 * longest first, which then is *ret_version (malloc'd; ret_version may be NULL).
 * A text that takes too many steps, which only a hostile one does, does not match. */
bool tt_pattern_match(const char *pattern, const char *text, char **ret_version);

/* tt_pattern_match without regard to ASCII case. */
bool tt_pattern_match_any_case(const char *pattern, const char *text);

#endif
