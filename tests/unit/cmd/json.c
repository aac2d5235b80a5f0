/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>

#include "cmd/json.h"
#include "store/query.h"

static struct tt_value text(const char *s)
{
	return (struct tt_value){ .type = TT_TEXT, .text = s, .len = strlen(s) };
}

static struct tt_value integer(int64_t i)
{
	return (struct tt_value){ .type = TT_INTEGER, .i = i };
}

static struct tt_value real(double d)
{
	return (struct tt_value){ .type = TT_REAL, .d = d };
}

static void assert_member(const char *name, struct tt_value value, const char *cooked, const char *raw)
{
	const struct tt_query_row row = { 1, &name, &value };
	struct tt_buf buf = TT_BUF_INIT;

	tt_json_members(&buf, &row);
	assert_string_equal(buf.text, cooked);
	tt_buf_reset(&buf);
	tt_json_members_raw(&buf, &row);
	assert_string_equal(buf.text, raw);
	tt_buf_done(&buf);
}

static void null_stays_null(void **state)
{
	const struct tt_value null = { .type = TT_NULL };

	assert_member("bytes", null, "\"bytes\":null", "\"bytes\":null");
	assert_member("argv", null, "\"argv\":null", "\"argv\":null");
	assert_member("ended_ns", null, "\"ended_ns\":null,\"ended\":null", "\"ended_ns\":null");
}

static void a_time_comes_in_both_forms(void **state)
{
	assert_member("first_ns", integer(1500000000),
		      "\"first_ns\":1500000000,\"first\":\"1970-01-01T00:00:01.500000000Z\"",
		      "\"first_ns\":1500000000");
}

static void durations_and_namespaces_are_no_times(void **state)
{
	assert_member("duration_ns", integer(5), "\"duration_ns\":5", "\"duration_ns\":5");
	assert_member("mount_ns", integer(5), "\"mount_ns\":5", "\"mount_ns\":5");
	assert_false(tt_json_is_time("_ns"));
}

static void stored_json_is_embedded_on_one_line(void **state)
{
	assert_member("argv", text("[\"a\",\n \"\xc2\x9b\"]"), "\"argv\":[\"a\",\"\\u009B\"]",
		      "\"argv\":\"[\\\"a\\\",\\n \\\"\\u009b\\\"]\"");
	assert_member("argv", text("[\"\x7f\\\\\x7f\"]"), "\"argv\":[\"\\u007f\\\\\\u007f\"]",
		      "\"argv\":\"[\\\"\\u007f\\\\\\\\\\u007f\\\"]\"");
}

static void what_is_no_json_is_a_string(void **state)
{
	assert_member("argv", text("[\"a"), "\"argv\":\"[\\\"a\"", "\"argv\":\"[\\\"a\"");
	assert_member("coverage", text(""), "\"coverage\":\"\"", "\"coverage\":\"\"");
}

static void observed_text_is_escaped(void **state)
{
	assert_member("path", text("/a\n\033\xff\""), "\"path\":\"/a\\n\\u001b\xef\xbf\xbd\\\"\"",
		      "\"path\":\"/a\\n\\u001b\xef\xbf\xbd\\\"\"");
}

static void numbers_keep_their_value(void **state)
{
	assert_member("score", real(42.5), "\"score\":42.5", "\"score\":42.5");
	assert_member("score", real(0.1 + 0.2), "\"score\":0.30000000000000004",
		      "\"score\":0.30000000000000004");
	assert_member("score", real(INFINITY), "\"score\":null", "\"score\":null");
	assert_member("ino", integer(INT64_MIN), "\"ino\":-9223372036854775808",
		      "\"ino\":-9223372036854775808");
}

static void argv_reads_as_a_command_line(void **state)
{
	static const struct {
		const char *json, *line;
	} cases[] = {
		{ "[\"git\",\"status\"]", "git status" },
		{ "[]", "" },
		{ "[\"sh\",\"-c\",\"a b\"]", "sh -c 'a b'" },
		{ "[\"\",\"it's\"]", "'' 'it'\\''s'" },
		{ "[1,\"x\"]", " x" },
		{ "not json", "not json" },
		{ "{\"a\":1}", "{\"a\":1}" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tt_buf line = TT_BUF_INIT;

		tt_json_argv(&line, cases[i].json, strlen(cases[i].json));
		assert_string_equal(line.text ? line.text : "", cases[i].line);
		tt_buf_done(&line);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(null_stays_null),
		cmocka_unit_test(a_time_comes_in_both_forms),
		cmocka_unit_test(durations_and_namespaces_are_no_times),
		cmocka_unit_test(stored_json_is_embedded_on_one_line),
		cmocka_unit_test(what_is_no_json_is_a_string),
		cmocka_unit_test(observed_text_is_escaped),
		cmocka_unit_test(numbers_keep_their_value),
		cmocka_unit_test(argv_reads_as_a_command_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
