/* SPDX-License-Identifier: Apache-2.0 */
#include "util/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void text_grows_and_is_always_terminated(void **state)
{
	_cleanup_(tt_buf_done) struct tt_buf buf = TT_BUF_INIT;

	tt_buf_str(&buf, "a");
	assert_string_equal(buf.text, "a");
	tt_buf_char(&buf, 'b');
	tt_buf_add(&buf, "c\0d", 3);
	assert_int_equal(buf.len, 5);
	assert_memory_equal(buf.text, "abc\0d", 6);
	tt_buf_add(&buf, NULL, 0);
	assert_int_equal(buf.len, 5);
	for (int i = 0; i < 10000; i++)
		tt_buf_printf(&buf, "%d,", i % 10);
	assert_int_equal(buf.len, 20005);
	assert_int_equal(strlen(buf.text + 5), 20000);
	assert_true(tt_buf_ok(&buf));
}

static void a_printed_text_may_be_longer_than_the_buffer(void **state)
{
	_cleanup_(tt_buf_done) struct tt_buf buf = TT_BUF_INIT;
	char text[300];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	tt_buf_printf(&buf, "<%s>", text);
	assert_int_equal(buf.len, 301);
	assert_int_equal(buf.text[300], '>');
}

static void taking_hands_the_text_over(void **state)
{
	struct tt_buf buf = TT_BUF_INIT;
	char *text;

	text = tt_buf_take(&buf);
	assert_string_equal(text, ""); /* nothing is an empty text, not NULL */
	free(text);
	tt_buf_str(&buf, "abc");
	text = tt_buf_take(&buf);
	assert_string_equal(text, "abc");
	assert_null(buf.text);
	assert_int_equal(buf.len, 0);
	free(text);
	tt_buf_done(&buf);
}

static void a_reset_buffer_is_empty_and_keeps_its_memory(void **state)
{
	_cleanup_(tt_buf_done) struct tt_buf buf = TT_BUF_INIT;
	const char *before;

	tt_buf_reset(&buf);
	tt_buf_str(&buf, "abc");
	before = buf.text;
	tt_buf_reset(&buf);
	assert_string_equal(buf.text, "");
	tt_buf_str(&buf, "d");
	assert_string_equal(buf.text, "d");
	assert_ptr_equal(buf.text, before);
}

static void what_cannot_fit_fails_for_good(void **state)
{
	struct tt_buf buf = TT_BUF_INIT;

	tt_buf_str(&buf, "abc");
	tt_buf_add(&buf, "", SIZE_MAX / 2);
	assert_false(tt_buf_ok(&buf));
	tt_buf_str(&buf, "d"); /* is ignored */
	assert_int_equal(buf.len, 3);
	assert_null(tt_buf_take(&buf));
	assert_true(tt_buf_ok(&buf)); /* and empty again */
}

static const struct {
	const char *bytes;
	size_t len;
	const char *json, *terminal;
} examples[] = {
	{ "plain", 5, "\"plain\"", "plain" },
	{ "", 0, "\"\"", "" },
	{ "a\"b\\c/", 6, "\"a\\\"b\\\\c/\"", "a\"b\\c/" },
	{ "\b\t\n\f\r", 5, "\"\\b\\t\\n\\f\\r\"", "\\x08\\t\\n\\x0c\\x0d" },
	{ "\0\x1b[31m", 6, "\"\\u0000\\u001b[31m\"", "\\x00\\x1b[31m" },
	{ "\x7f", 1, "\"\\u007f\"", "\\x7f" },
	{ "\xc2\x9b", 2, "\"\\u009b\"", "\\u009b" }, /* CSI, a C1 control */
	{ "\xe2\x80\xae", 3, "\"\\u202e\"", "\\u202e" }, /* right-to-left override */
	{ "\xe2\x80\xa8", 3, "\"\\u2028\"", "\\u2028" },
	{ "\xef\xbb\xbf", 3, "\"\\ufeff\"", "\\ufeff" },
	{ "\xc2\xad", 2, "\"\\u00ad\"", "\\u00ad" }, /* soft hyphen */
	{ "\xd8\x9c", 2, "\"\\u061c\"", "\\u061c" }, /* Arabic letter mark */
	{ "\xf3\xa0\x81\x81", 4, "\"\\udb40\\udc41\"", "\\U000e0041" }, /* tag, unseen and readable */
	{ "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9, "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"",
	  "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80" },
	/* not UTF-8: lone bytes, overlong, surrogate, beyond Unicode, cut off */
	{ "\xff", 1, "\"\xef\xbf\xbd\"", "\\xff" },
	{ "\x80x", 2, "\"\xef\xbf\xbdx\"", "\\x80x" },
	{ "\xc0\xaf", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\"", "\\xc0\\xaf" },
	{ "\xe0\x80\xaf", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"", "\\xe0\\x80\\xaf" },
	{ "\xed\xa0\x80", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"", "\\xed\\xa0\\x80" },
	{ "\xf4\x90\x80\x80", 4, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"",
	  "\\xf4\\x90\\x80\\x80" },
	{ "\xe2\x82", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\"", "\\xe2\\x82" },
	{ "\xc3(", 2, "\"\xef\xbf\xbd(\"", "\\xc3(" },
};

static void bytes_become_json_and_text_for_a_terminal(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
		_cleanup_(tt_buf_done) struct tt_buf json = TT_BUF_INIT, terminal = TT_BUF_INIT;
		/* of its very length: what reads beyond is found */
		_cleanup_free_ char *exact = malloc(examples[i].len + !examples[i].len);

		assert_non_null(exact);
		memcpy(exact, examples[i].bytes, examples[i].len);
		tt_buf_jsonn(&json, exact, examples[i].len);
		assert_string_equal(json.text, examples[i].json);
		tt_buf_terminal(&terminal, exact, examples[i].len);
		assert_string_equal(terminal.text ?: "", examples[i].terminal);
	}
}

static void nothing_is_null_in_json(void **state)
{
	_cleanup_(tt_buf_done) struct tt_buf buf = TT_BUF_INIT;

	tt_buf_json(&buf, NULL);
	tt_buf_json(&buf, "x");
	assert_string_equal(buf.text, "null\"x\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_grows_and_is_always_terminated),
		cmocka_unit_test(a_printed_text_may_be_longer_than_the_buffer),
		cmocka_unit_test(taking_hands_the_text_over),
		cmocka_unit_test(a_reset_buffer_is_empty_and_keeps_its_memory),
		cmocka_unit_test(what_cannot_fit_fails_for_good),
		cmocka_unit_test(bytes_become_json_and_text_for_a_terminal),
		cmocka_unit_test(nothing_is_null_in_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
