/* SPDX-License-Identifier: Apache-2.0 */
/* What is logged, read back from a pipe in the place of stderr. */
#include "util/log.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static int saved = -1, ends[2];

static int setup(void **state)
{
	unsetenv("JOURNAL_STREAM");
	saved = dup(STDERR_FILENO);
	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	dup2(ends[1], STDERR_FILENO);
	return 0;
}

static int teardown(void **state)
{
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(ends[0]);
	close(ends[1]);
	return 0;
}

/* What was written since the last time. */
static const char *written(void)
{
	static char text[65536];
	ssize_t n = read(ends[0], text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void a_line_begins_with_the_programs_name(void **state)
{
	tt_log_error("cannot %s %d", "count to", 3);
	assert_string_equal(written(), "telltale: cannot count to 3\n");
}

static void an_error_is_told_in_words_and_returned(void **state)
{
	assert_int_equal(tt_log_errno(-ENOENT, "cannot open %s", "/x"), -ENOENT);
	assert_string_equal(written(), "telltale: cannot open /x: No such file or directory\n");
	assert_int_equal(tt_log_warn_errno(EACCES, "no"), EACCES);
	assert_string_equal(written(), "telltale: no: Permission denied\n");
}

static void the_journal_gets_priorities(void **state)
{
	setenv("JOURNAL_STREAM", "8:1", 1);
	tt_log_error("e");
	tt_log_warn("w");
	tt_log_info("i");
	assert_string_equal(written(), "<3>e\n<4>w\n<6>i\n");
	unsetenv("JOURNAL_STREAM");
}

static void one_message_is_one_line_whatever_is_in_it(void **state)
{
	tt_log_error("file %s", "a\nb\x1b[2J\xff");
	assert_string_equal(written(), "telltale: file a\\nb\\x1b[2J\\xff\n");
}

static void a_message_that_is_too_long_is_cut(void **state)
{
	char text[5000];
	const char *line;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	tt_log_error("%s", text);
	line = written();
	assert_true(strlen(line) > 2000 && strlen(line) < 2100);
	assert_int_equal(line[strlen(line) - 1], '\n');
}

static void a_stderr_that_is_gone_is_no_error(void **state)
{
	close(STDERR_FILENO);
	tt_log_error("nobody hears");
	assert_int_equal(tt_log_errno(-EIO, "nobody"), -EIO);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_line_begins_with_the_programs_name), TEST(an_error_is_told_in_words_and_returned),
		TEST(the_journal_gets_priorities),	    TEST(one_message_is_one_line_whatever_is_in_it),
		TEST(a_message_that_is_too_long_is_cut),    TEST(a_stderr_that_is_gone_is_no_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
