/* SPDX-License-Identifier: Apache-2.0 */
/* Points in time as people write and read them. Times are nanoseconds since the Unix epoch, UTC.
 *
 * The clock is a parameter; the local time zone is the process's (tzset(3)). Days and weeks that are
 * counted back ("2d ago") have 24 hours; "today" and "yesterday" begin at local midnight. */
#ifndef TT_UTIL_TIMESPEC_H
#define TT_UTIL_TIMESPEC_H

#include <stdint.h>

/* Room for any text written here, with its NUL. */
#define TT_TIMESPEC_MAX 64

/* What tt_timespec_parse() takes, for error messages. */
#define TT_TIMESPEC_FORMS "2h ago, today, yesterday, 2026-01-31T09:30+02:00, @1767225600"

/* "now", "today", "yesterday", "2h ago", "1h 30min ago", "@EPOCH[.FRACTION]", or ISO 8601: a date, or a
 * date and a time (seconds and fraction optional) with Z, an offset, or neither: local time.
 * -EINVAL: not a time. -ERANGE: before 1970 or after 2262. */
int tt_timespec_parse(const char *text, int64_t now_ns, int64_t *ret_ns);

int64_t tt_timespec_now(void);

/* "2026-01-31 09:30:00 +02:00" */
void tt_timespec_local(int64_t ns, char ret[static TT_TIMESPEC_MAX]);
/* "09:30:00.123" */
void tt_timespec_local_clock(int64_t ns, char ret[static TT_TIMESPEC_MAX]);
/* "2026-01-31T07:30:00.000000000Z" */
void tt_timespec_utc(int64_t ns, char ret[static TT_TIMESPEC_MAX]);
/* "250 us", "1.25 s", "3 min 05 s", "2 h 07 min", "3 d 04 h"; negative ones with a sign */
void tt_timespec_duration(int64_t ns, char ret[static TT_TIMESPEC_MAX]);

#endif
