/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of store/timezone.c: which rows are time-zone look-ups, and of which zone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "store/timezone.h"
#include "util/util.h"

#define Z "/usr/share/zoneinfo/"

static const struct {
	const char *op, *path, *real_path, *target, *file_type;
	int result;
	const char *how, *zone;
} file_cases[] = {
	{ "read", "/etc/localtime", Z "Asia/Shanghai", NULL, "regular", 0, "localtime", "Asia/Shanghai" },
	{ "read", "/etc/localtime", NULL, NULL, "regular", 0, "localtime", "" },
	{ "read", "/etc/localtime", NULL, NULL, NULL, -2, "localtime", "" },
	{ "open", "/etc/localtime", Z "UTC", NULL, "regular", 0, "localtime", "UTC" },
	{ "read", "/proc/self/root/etc/localtime", Z "PRC", NULL, "regular", 0, "zoneinfo", "PRC" },
	{ "read", "/tmp/link", "/etc/localtime", NULL, "regular", 0, "localtime", "" },
	{ "read", "/etc/timezone", NULL, NULL, "regular", 0, "timezone-file", "" },
	{ "read", "/etc/timezone", NULL, NULL, NULL, -2, "timezone-file", "" },
	{ "read", Z "Asia/Shanghai", NULL, NULL, "regular", 0, "zoneinfo", "Asia/Shanghai" },
	{ "read", Z "Asia/Shanghai", NULL, NULL, NULL, -2, "zoneinfo", "" },
	{ "read", Z "PRC", Z "Asia/Shanghai", NULL, "regular", 0, "zoneinfo", "PRC" },
	{ "read", Z "posix/America/Port-au-Prince", NULL, NULL, "regular", 0, "zoneinfo",
	  "America/Port-au-Prince" },
	{ "read", Z "right/Etc/GMT+8", NULL, NULL, "regular", 0, "zoneinfo", "Etc/GMT+8" },
	{ "read", Z "America/North_Dakota/New_Salem", NULL, NULL, "regular", 0, "zoneinfo",
	  "America/North_Dakota/New_Salem" },
	{ "read", Z "localtime", Z "Asia/Tokyo", NULL, "regular", 0, "localtime", "Asia/Tokyo" },
	{ "read", Z "zone.tab", NULL, NULL, "regular", 0, "zoneinfo-index", "" },
	{ "read", Z "tzdata.zi", NULL, NULL, "regular", 0, "zoneinfo-index", "" },
	{ "read", Z "posixrules", Z "America/New_York", NULL, "regular", 0, "zoneinfo-index", "" },
	{ "read", Z "Asia", NULL, NULL, "directory", 0, "zoneinfo-index", "" },
	{ "read", "/usr/share/zoneinfo", NULL, NULL, "directory", 0, "zoneinfo-index", "" },
	{ "read", Z "Newarea", NULL, NULL, "directory", 0, "zoneinfo-index", "" },
	{ "read", "/v/lib/python3.11/site-packages/tzdata/zoneinfo/Europe/Berlin", NULL, NULL, "regular", 0,
	  "zoneinfo", "Europe/Berlin" },
	{ "read", "/v/lib/python3.11/site-packages/tzdata/zoneinfo/tzdata.zi", NULL, NULL, "regular", 0,
	  "zoneinfo-index", "" },
	{ "read", "/usr/local/go/lib/time/zoneinfo.zip", NULL, NULL, "regular", 0, "zoneinfo-index", "" },
	{ "read", "/usr/lib/jvm/java-17/lib/tzdb.dat", NULL, NULL, "regular", 0, "zoneinfo-index", "" },
	{ "readlink", "/etc/localtime", NULL, Z "Asia/Shanghai", NULL, 0, "readlink", "Asia/Shanghai" },
	{ "readlink", "/etc/localtime", NULL, "../usr/share/zoneinfo/Etc/UTC", NULL, 0, "readlink",
	  "Etc/UTC" },
	{ "readlink", "/etc/localtime", NULL, NULL, NULL, -22, "readlink", "" },
	{ "readlink", "/home/u/zone", NULL, Z "Asia/Urumqi", NULL, 0, "readlink", "Asia/Urumqi" },
	{ "readlink", Z "Asia/Shanghai", NULL, NULL, NULL, -22, "readlink", "" },
	{ "readlink", Z "Asia", NULL, NULL, NULL, -22, "zoneinfo-index", "" },
	{ "readlink", "/usr/share/zoneinfo", NULL, NULL, NULL, -22, "zoneinfo-index", "" },
	/* no look-ups */
	{ "read", "/usr/lib/python3.11/zoneinfo/__init__.py", NULL, NULL, "regular", 0, NULL, "" },
	{ "read", "/usr/lib/python3.11/zoneinfo/__pycache__/_tzpath.cpython-311.pyc", NULL, NULL, "regular",
	  0, NULL, "" },
	{ "read", "/home/u/zoneinfo.zip", NULL, NULL, "regular", 0, NULL, "" },
	{ "read", "/usr/share/zoneinfos", NULL, NULL, "regular", 0, NULL, "" },
	{ "read", "/home/u/myzoneinfo/Asia/Shanghai", NULL, NULL, "regular", 0, NULL, "" },
	{ "read", "/etc/passwd", NULL, NULL, "regular", 0, NULL, "" },
	{ "readlink", "/usr", NULL, NULL, NULL, -22, NULL, "" },
	{ "readlink", "/proc/self/exe", NULL, "/usr/bin/node", NULL, 0, NULL, "" },
	{ "write", "/etc/localtime", NULL, NULL, "regular", 0, NULL, "" },
	{ "create", Z "Asia/Here", NULL, NULL, "regular", 0, NULL, "" },
};

static void files_are_recognised(void **state)
{
	struct tt_timezone tz;

	for (size_t i = 0; i < ARRAY_SIZE(file_cases); i++) {
		struct tt_row_file row = {
			.op = file_cases[i].op,
			.path = file_cases[i].path,
			.real_path = file_cases[i].real_path,
			.target = file_cases[i].target,
			.file_type = file_cases[i].file_type,
			.result = file_cases[i].result,
		};

		tt_timezone_of_file(&row, &tz);

		if (!tt_streq(tz.how ?: "-", file_cases[i].how ?: "-") ||
		    !tt_streq(tz.name, file_cases[i].zone))
			fail_msg("%s %s: %s '%s', expected %s '%s'", row.op, row.path, tz.how, tz.name,
				 file_cases[i].how, file_cases[i].zone);
	}
}

static const struct {
	const char *name, *source, *value, *how, *zone;
} env_cases[] = {
	{ "TZ", "getenv", "Asia/Shanghai", "TZ", "Asia/Shanghai" },
	{ "TZ", "getenv", ":Europe/Berlin", "TZ", "Europe/Berlin" },
	{ "TZ", "getenv", NULL, "TZ", "" },
	{ "TZ", "getenv", "", "TZ", "" },
	{ "TZ", "getenv", "CST-8", "TZ", "CST-8" },
	{ "TZ", "getenv", ":/etc/localtime", "TZ", "" },
	{ "TZ", "uv_os_getenv", Z "Asia/Tokyo", "TZ", "Asia/Tokyo" },
	{ "TZ", "exec", "UTC", "TZ (exec)", "UTC" },
	{ "TZDIR", "getenv", "/usr/share/zoneinfo", NULL, "" },
	{ "LANG", "getenv", "zh_CN.UTF-8", NULL, "" },
};

static void variables_are_recognised(void **state)
{
	struct tt_timezone tz;

	for (size_t i = 0; i < ARRAY_SIZE(env_cases); i++) {
		struct tt_row_env row = { .name = env_cases[i].name,
					  .source = env_cases[i].source,
					  .value = env_cases[i].value };

		tt_timezone_of_env(&row, &tz);

		if (!tt_streq(tz.how ?: "-", env_cases[i].how ?: "-") ||
		    !tt_streq(tz.name, env_cases[i].zone))
			fail_msg("%s=%s: %s '%s'", row.name, row.value, tz.how, tz.name);
	}
}

static void an_overlong_zone_is_unknown(void **state)
{
	struct tt_row_env row = { .name = "TZ", .source = "getenv" };
	struct tt_timezone tz;
	char value[300];

	memset(value, 'A', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	row.value = value;

	tt_timezone_of_env(&row, &tz);

	assert_string_equal(tz.how, "TZ");
	assert_string_equal(tz.name, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_are_recognised),
		cmocka_unit_test(variables_are_recognised),
		cmocka_unit_test(an_overlong_zone_is_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
