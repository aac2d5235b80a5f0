/* SPDX-License-Identifier: Apache-2.0 */
/* Time parsing and printing; see timespec.h. Refuses what it would have to guess: no locale's month
 * names, no day-month order, no bare numbers. */
#include "util/timespec.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <time.h>

#include "util/util.h"

#define NS_PER_S ((int64_t)1000000000)

static const struct unit {
	const char *name;
	int64_t seconds;
} units[] = {
	{ "s", 1 },	    { "sec", 1 },	 { "second", 1 },   { "seconds", 1 },  { "m", 60 },
	{ "min", 60 },	    { "minute", 60 },	 { "minutes", 60 }, { "h", 3600 },     { "hour", 3600 },
	{ "hours", 3600 },  { "d", 86400 },	 { "day", 86400 },  { "days", 86400 }, { "w", 604800 },
	{ "week", 604800 }, { "weeks", 604800 },
};

static const char *skip_blanks(const char *s)
{
	while (*s == ' ' || *s == '\t')
		s++;
	return s;
}

/* Between min and max digits, none of them more than an int holds. */
static bool take_digits(const char **s, unsigned min, unsigned max, int64_t *ret)
{
	int64_t value = 0;
	unsigned n = 0;

	for (; n < max && isdigit((unsigned char)(*s)[n]); n++)
		value = value * 10 + ((*s)[n] - '0');
	if (n < min || isdigit((unsigned char)(*s)[n]))
		return false;
	*s += n;
	*ret = value;
	return true;
}

/* Up to nine digits after the point count; further ones are read and dropped. */
static bool take_fraction(const char **s, int64_t *ret_ns)
{
	int64_t scale = NS_PER_S / 10, ns = 0;

	if (**s != '.' && **s != ',') {
		*ret_ns = 0;
		return true;
	}
	if (!isdigit((unsigned char)*++*s))
		return false;
	for (; isdigit((unsigned char)**s); ++*s, scale /= 10)
		ns += scale * (**s - '0');
	*ret_ns = ns;
	return true;
}

static int to_ns(int64_t seconds, int64_t ns, int64_t *ret_ns)
{
	int64_t t;

	if (seconds < 0 || __builtin_mul_overflow(seconds, NS_PER_S, &t) || __builtin_add_overflow(t, ns, &t))
		return -ERANGE;
	*ret_ns = t;
	return 0;
}

static int parse_epoch(const char *s, int64_t *ret_ns)
{
	int64_t seconds, ns;

	if (!take_digits(&s, 1, 18, &seconds) || !take_fraction(&s, &ns) || *s)
		return -EINVAL;
	return to_ns(seconds, ns, ret_ns);
}

static int64_t take_unit(const char **s)
{
	size_t n = 0;

	while (isalpha((unsigned char)(*s)[n]))
		n++;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (strlen(units[i].name) == n && strncmp(units[i].name, *s, n) == 0) {
			*s += n;
			return units[i].seconds;
		}
	}
	return 0;
}

static int parse_ago(const char *s, int64_t now_ns, int64_t *ret_ns)
{
	int64_t back = 0, amount, unit, t;

	while (strcmp(s, "ago") != 0) {
		if (!take_digits(&s, 1, 12, &amount))
			return -EINVAL;
		s = skip_blanks(s);
		unit = take_unit(&s);
		if (unit == 0)
			return -EINVAL;
		s = skip_blanks(s);
		if (__builtin_mul_overflow(amount, unit * NS_PER_S, &t) ||
		    __builtin_add_overflow(back, t, &back))
			return -ERANGE;
	}
	if (__builtin_sub_overflow(now_ns, back, &t) || t < 0)
		return -ERANGE;
	*ret_ns = t;
	return 0;
}

static int local_to_ns(struct tm *tm, int64_t ns, int64_t *ret_ns)
{
	time_t t;

	tm->tm_isdst = -1;
	t = mktime(tm);
	if (t == (time_t)-1)
		return -ERANGE;
	return to_ns(t, ns, ret_ns);
}

static int midnight(int64_t now_ns, int days_back, int64_t *ret_ns)
{
	time_t now = (time_t)(now_ns / NS_PER_S);
	struct tm tm;

	if (!localtime_r(&now, &tm))
		return -ERANGE;
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	tm.tm_mday -= days_back;
	return local_to_ns(&tm, 0, ret_ns);
}

static bool is_leap(int64_t year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static bool take_date(const char **s, struct tm *tm)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int64_t year, month, day;

	if (!take_digits(s, 4, 4, &year) || *(*s)++ != '-' || !take_digits(s, 2, 2, &month) ||
	    *(*s)++ != '-' || !take_digits(s, 2, 2, &day))
		return false;
	if (month < 1 || month > 12 || day < 1 || day > days[month - 1] + (month == 2 && is_leap(year)))
		return false;
	tm->tm_year = (int)year - 1900;
	tm->tm_mon = (int)month - 1;
	tm->tm_mday = (int)day;
	return true;
}

static bool take_clock(const char **s, struct tm *tm, int64_t *ret_ns)
{
	int64_t hour, minute, second = 0;

	*ret_ns = 0;
	if (!take_digits(s, 2, 2, &hour) || *(*s)++ != ':' || !take_digits(s, 2, 2, &minute))
		return false;
	if (**s == ':') {
		++*s;
		if (!take_digits(s, 2, 2, &second) || !take_fraction(s, ret_ns))
			return false;
	}
	if (hour > 23 || minute > 59 || second > 59)
		return false;
	tm->tm_hour = (int)hour;
	tm->tm_min = (int)minute;
	tm->tm_sec = (int)second;
	return true;
}

/* "Z", "+02:00", "+0200", "+02" */
static bool take_offset(const char **s, int64_t *ret_seconds)
{
	int64_t hours, minutes = 0;
	int sign;

	if (**s == 'Z' || **s == 'z') {
		++*s;
		*ret_seconds = 0;
		return true;
	}
	if (**s != '+' && **s != '-')
		return false;
	sign = *(*s)++ == '-' ? -1 : 1;
	for (int i = 0; i < 2; i++)
		if (!isdigit((unsigned char)(*s)[i]))
			return false;
	hours = ((*s)[0] - '0') * 10 + ((*s)[1] - '0');
	*s += 2;
	if (**s == ':')
		++*s;
	else if (**s == '\0')
		goto out;
	if (!take_digits(s, 2, 2, &minutes))
		return false;
out:
	if (hours > 23 || minutes > 59)
		return false;
	*ret_seconds = sign * (hours * 3600 + minutes * 60);
	return true;
}

static int parse_iso(const char *s, int64_t *ret_ns)
{
	int64_t ns = 0, offset = 0;
	struct tm tm = { 0 };

	if (!take_date(&s, &tm))
		return -EINVAL;
	if (*s == '\0')
		return local_to_ns(&tm, 0, ret_ns);
	if (*s != 'T' && *s != 't' && *s != ' ')
		return -EINVAL;
	s++;
	if (!take_clock(&s, &tm, &ns))
		return -EINVAL;
	s = skip_blanks(s);
	if (*s == '\0')
		return local_to_ns(&tm, ns, ret_ns);
	if (!take_offset(&s, &offset) || *s)
		return -EINVAL;
	return to_ns((int64_t)timegm(&tm) - offset, ns, ret_ns);
}

int tt_timespec_parse(const char *text, int64_t now_ns, int64_t *ret_ns)
{
	text = skip_blanks(text);
	if (tt_streq(text, "now")) {
		*ret_ns = now_ns;
		return 0;
	}
	if (tt_streq(text, "today"))
		return midnight(now_ns, 0, ret_ns);
	if (tt_streq(text, "yesterday"))
		return midnight(now_ns, 1, ret_ns);
	if (*text == '@')
		return parse_epoch(text + 1, ret_ns);
	/* "2026-..." and "2h ago" both begin with digits: the fifth character tells. */
	if (strlen(text) >= 5 && text[4] == '-')
		return parse_iso(text, ret_ns);
	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	return parse_ago(text, now_ns, ret_ns);
}

int64_t tt_timespec_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

/* Seconds and the nanoseconds above them, also before 1970. */
static time_t split(int64_t ns, int64_t *ret_rest)
{
	int64_t seconds = ns / NS_PER_S, rest = ns % NS_PER_S;

	if (rest < 0) {
		rest += NS_PER_S;
		seconds--;
	}
	*ret_rest = rest;
	return (time_t)seconds;
}

void tt_timespec_local(int64_t ns, char ret[static TT_TIMESPEC_MAX])
{
	int64_t rest;
	time_t t = split(ns, &rest);
	struct tm tm = { 0 };
	long offset;

	localtime_r(&t, &tm);
	offset = labs(tm.tm_gmtoff) / 60;
	snprintf(ret, TT_TIMESPEC_MAX, "%04d-%02d-%02d %02d:%02d:%02d %c%02ld:%02ld", tm.tm_year + 1900,
		 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, tm.tm_gmtoff < 0 ? '-' : '+',
		 offset / 60, offset % 60);
}

void tt_timespec_local_clock(int64_t ns, char ret[static TT_TIMESPEC_MAX])
{
	int64_t rest;
	time_t t = split(ns, &rest);
	struct tm tm = { 0 };

	localtime_r(&t, &tm);
	snprintf(ret, TT_TIMESPEC_MAX, "%02d:%02d:%02d.%03d", tm.tm_hour, tm.tm_min, tm.tm_sec,
		 (int)(rest / 1000000));
}

void tt_timespec_utc(int64_t ns, char ret[static TT_TIMESPEC_MAX])
{
	int64_t rest;
	time_t t = split(ns, &rest);
	struct tm tm = { 0 };

	gmtime_r(&t, &tm);
	snprintf(ret, TT_TIMESPEC_MAX, "%04d-%02d-%02dT%02d:%02d:%02d.%09" PRId64 "Z", tm.tm_year + 1900,
		 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, rest);
}

void tt_timespec_duration(int64_t ns, char ret[static TT_TIMESPEC_MAX])
{
	const char *sign = ns < 0 ? "-" : "";
	uint64_t n = ns < 0 ? -(uint64_t)ns : (uint64_t)ns, s = n / NS_PER_S;

	if (n < 1000000)
		snprintf(ret, TT_TIMESPEC_MAX, "%s%" PRIu64 " us", sign, n / 1000);
	else if (n < NS_PER_S)
		snprintf(ret, TT_TIMESPEC_MAX, "%s%" PRIu64 " ms", sign, n / 1000000);
	else if (s < 60)
		snprintf(ret, TT_TIMESPEC_MAX, "%s%" PRIu64 ".%02" PRIu64 " s", sign, s,
			 n % (uint64_t)NS_PER_S / 10000000);
	else if (s < 3600)
		snprintf(ret, TT_TIMESPEC_MAX, "%s%" PRIu64 " min %02" PRIu64 " s", sign, s / 60, s % 60);
	else if (s < 86400)
		snprintf(ret, TT_TIMESPEC_MAX, "%s%" PRIu64 " h %02" PRIu64 " min", sign, s / 3600,
			 s / 60 % 60);
	else
		snprintf(ret, TT_TIMESPEC_MAX, "%s%" PRIu64 " d %02" PRIu64 " h", sign, s / 86400,
			 s / 3600 % 24);
}
