/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <time.h>

#include "util/timespec.h"
#include "util/util.h"

#define S   INT64_C(1000000000)
/* 2026-01-31T09:30:00Z, in Berlin 10:30 */
#define NOW (1769851800 * S)

static void use_zone(const char *zone)
{
	setenv("TZ", zone, 1);
	tzset();
}

/* POSIX rules instead of a name: no zone files needed. */
#define BERLIN "CET-1CEST,M3.5.0,M10.5.0/3"

static void every_form_of_a_time_is_read(void **state)
{
	static const struct {
		const char *text;
		int64_t ns;
	} cases[] = {
		{ "now", NOW },
		{ "2h ago", NOW - 7200 * S },
		{ "2 hours ago", NOW - 7200 * S },
		{ "1h 30min ago", NOW - 5400 * S },
		{ "1h30m ago", NOW - 5400 * S },
		{ "1w ago", NOW - 604800 * S },
		{ " 0s ago", NOW },
		{ "today", 1769814000 * S }, /* 2026-01-30T23:00Z */
		{ "yesterday", 1769727600 * S },
		{ "@0", 0 },
		{ "@1767225600", 1767225600 * S },
		{ "@1767225600.5", 1767225600 * S + 500000000 },
		{ "@1.1234567899", S + 123456789 },
		{ "2026-01-31", 1769814000 * S },
		{ "2026-01-31T09:30Z", NOW },
		{ "2026-01-31 09:30:00 Z", NOW },
		{ "2026-01-31T09:30:00.000000001Z", NOW + 1 },
		{ "2026-01-31T09:30:00,25z", NOW + 250000000 },
		{ "2026-01-31T11:30+02:00", NOW },
		{ "2026-01-31T11:30+0200", NOW },
		{ "2026-01-31T11:30+02", NOW },
		{ "2026-01-31T00:00-09:30", NOW },
		{ "2026-01-31T10:30", NOW },
		{ "2026-01-31 10:30:00", NOW },
		{ "2024-02-29T00:00:00Z", 1709164800 * S },
		{ "2026-07-01T00:00", 1782856800 * S }, /* summer time */
	};

	use_zone(BERLIN);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t ns = -1;

		print_message("# '%s'\n", cases[i].text);
		assert_int_equal(tt_timespec_parse(cases[i].text, NOW, &ns), 0);
		assert_int_equal(ns, cases[i].ns);
	}
}

static void what_is_no_time_is_refused(void **state)
{
	static const struct {
		const char *text;
		int error;
	} cases[] = {
		{ "", -EINVAL },
		{ "soon", -EINVAL },
		{ "ago", -EINVAL },
		{ "2h", -EINVAL },
		{ "2 fortnights ago", -EINVAL },
		{ "h ago", -EINVAL },
		{ "-2h ago", -EINVAL },
		{ "2h ago!", -EINVAL },
		{ "@", -EINVAL },
		{ "@12x", -EINVAL },
		{ "@1.", -EINVAL },
		{ "@-1", -EINVAL },
		{ "1767225600", -EINVAL },
		{ "31.01.2026", -EINVAL },
		{ "2026-1-31", -EINVAL },
		{ "2026-13-01", -EINVAL },
		{ "2026-00-01", -EINVAL },
		{ "2026-02-29", -EINVAL },
		{ "2026-", -EINVAL },
		{ "2026-01-31T", -EINVAL },
		{ "2026-01-31T9:30", -EINVAL },
		{ "2026-01-31T24:00", -EINVAL },
		{ "2026-01-31T09:60", -EINVAL },
		{ "2026-01-31T09:30:", -EINVAL },
		{ "2026-01-31T09:30:61", -EINVAL },
		{ "2026-01-31T09:30+", -EINVAL },
		{ "2026-01-31T09:30+1", -EINVAL },
		{ "2026-01-31T09:30+24:00", -EINVAL },
		{ "2026-01-31T09:30+02:", -EINVAL },
		{ "2026-01-31T09:30Zulu", -EINVAL },
		{ "99999999w ago", -ERANGE },
		{ "999999999999w ago", -ERANGE },
		{ "@999999999999999999", -ERANGE },
		{ "2300-01-01T00:00Z", -ERANGE },
		{ "1969-12-31T00:00Z", -ERANGE },
	};

	use_zone("UTC0");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t ns = -7;

		print_message("# '%s'\n", cases[i].text);
		assert_int_equal(tt_timespec_parse(cases[i].text, NOW, &ns), cases[i].error);
		assert_int_equal(ns, -7);
	}
}

static void yesterday_is_a_day_of_23_hours_when_clocks_go_forward(void **state)
{
	int64_t today, yesterday, noon = INT64_C(1774864800) * S; /* Monday 2026-03-30 12:00 in Berlin */

	use_zone(BERLIN);

	assert_int_equal(tt_timespec_parse("today", noon, &today), 0);
	assert_int_equal(tt_timespec_parse("yesterday", noon, &yesterday), 0);

	assert_int_equal(today - yesterday, 23 * 3600 * S);
}

static void times_print_in_local_time_with_their_offset(void **state)
{
	static const struct {
		const char *zone, *text;
	} cases[] = {
		{ "UTC0", "2026-01-31 09:30:00 +00:00" },
		{ BERLIN, "2026-01-31 10:30:00 +01:00" },
		{ "XXX9:30", "2026-01-31 00:00:00 -09:30" },
		{ "XXX-5:45", "2026-01-31 15:15:00 +05:45" },
	};
	char text[TT_TIMESPEC_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		use_zone(cases[i].zone);
		tt_timespec_local(NOW, text);
		assert_string_equal(text, cases[i].text);
	}
	use_zone(BERLIN);
	tt_timespec_local_clock(NOW + 7 * S + 123456789, text);
	assert_string_equal(text, "10:30:07.123");
}

static void utc_has_nanoseconds(void **state)
{
	char text[TT_TIMESPEC_MAX];

	use_zone(BERLIN);

	tt_timespec_utc(NOW + 1, text);
	assert_string_equal(text, "2026-01-31T09:30:00.000000001Z");
	tt_timespec_utc(-1, text);
	assert_string_equal(text, "1969-12-31T23:59:59.999999999Z");
	tt_timespec_utc(INT64_MAX, text);
	assert_string_equal(text, "2262-04-11T23:47:16.854775807Z");
	tt_timespec_utc(INT64_MIN, text);
	assert_string_equal(text, "1677-09-21T00:12:43.145224192Z");
}

static void what_was_printed_is_read_again(void **state)
{
	char text[TT_TIMESPEC_MAX];
	int64_t ns;

	use_zone(BERLIN);

	tt_timespec_utc(NOW + 123456789, text);
	assert_int_equal(tt_timespec_parse(text, 0, &ns), 0);
	assert_int_equal(ns, NOW + 123456789);
	tt_timespec_local(NOW, text);
	assert_int_equal(tt_timespec_parse(text, 0, &ns), 0);
	assert_int_equal(ns, NOW);
}

static void durations_have_the_unit_that_suits(void **state)
{
	static const struct {
		int64_t ns;
		const char *text;
	} cases[] = {
		{ 0, "0 us" },
		{ 250000, "250 us" },
		{ 4000000, "4 ms" },
		{ 1250000000, "1.25 s" },
		{ 59990000000, "59.99 s" },
		{ 185 * S, "3 min 05 s" },
		{ 7620 * S, "2 h 07 min" },
		{ 273600 * S, "3 d 04 h" },
		{ -1250000000, "-1.25 s" },
		{ INT64_MIN, "-106751 d 23 h" },
	};
	char text[TT_TIMESPEC_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		tt_timespec_duration(cases[i].ns, text);
		assert_string_equal(text, cases[i].text);
	}
}

static void now_is_after_this_was_written(void **state)
{
	assert_true(tt_timespec_now() > INT64_C(1735689600) * S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form_of_a_time_is_read),
		cmocka_unit_test(what_is_no_time_is_refused),
		cmocka_unit_test(yesterday_is_a_day_of_23_hours_when_clocks_go_forward),
		cmocka_unit_test(times_print_in_local_time_with_their_offset),
		cmocka_unit_test(utc_has_nanoseconds),
		cmocka_unit_test(what_was_printed_is_read_again),
		cmocka_unit_test(durations_have_the_unit_that_suits),
		cmocka_unit_test(now_is_after_this_was_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
