/* SPDX-License-Identifier: Apache-2.0 */
/* Which rows are look-ups of a time zone, and of which. Pure. Private to store/. */
#ifndef TT_STORE_TIMEZONE_H
#define TT_STORE_TIMEZONE_H

#include "telltale/record.h"

/* Longest zone name kept; the longest of the tz database has 32 characters. */
#define TT_ZONE_MAX 64

struct tt_timezone {
	const char *how; /* static; NULL: not a look-up of a time zone */
	char name[TT_ZONE_MAX]; /* "" unknown: nothing was learned, or not which */
};

/* how: localtime timezone-file zoneinfo zoneinfo-index readlink (docs/data-model.md says what each is). */
void tt_timezone_of_file(const struct tt_row_file *row, struct tt_timezone *ret);

/* how: TZ, or "TZ (exec)" for a value that was merely handed over. */
void tt_timezone_of_env(const struct tt_row_env *row, struct tt_timezone *ret);

#endif
