/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <locale.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>

#include "cmd/output.h"
#include "cmd/row.h"
#include "store/store.h"

struct fixture {
	char *text;
	size_t len;
	FILE *file;
	struct tt_output out;
};

/* A memory stream has no descriptor: it never looks like a terminal, and width is the test's to set. */
static void begin(struct fixture *f, unsigned width)
{
	*f = (struct fixture){ 0 };
	f->file = open_memstream(&f->text, &f->len);
	assert_non_null(f->file);
	tt_output_init(&f->out, f->file, TT_COLOR_NEVER);
	f->out.width = width;
	f->out.utf8 = true;
}

static const char *end(struct fixture *f)
{
	assert_int_equal(tt_output_close(&f->out), 0);
	return f->text;
}

static void done(struct fixture *f)
{
	fclose(f->file);
	free(f->text);
}

static void observed_text_cannot_reach_the_terminal_raw(void **state)
{
	struct fixture f;

	begin(&f, 0);
	tt_output_text(&f.out, TT_PLAIN,
		       "a\nb\033[31mc\xff\xe2\x80\xae"
		       "d\x7f");
	tt_output_printf(&f.out, TT_PLAIN, " %s", "\r\t\x01");
	tt_output_line(&f.out);

	assert_string_equal(end(&f), "a\\nb\\x1b[31mc\\xff\\u202ed\\x7f \\x0d\\t\\x01\n");
	done(&f);
}

static void colour_surrounds_the_text_and_nothing_else(void **state)
{
	struct fixture f;

	begin(&f, 0);
	f.out.color = true;
	tt_output_text(&f.out, TT_ALARM, "x");
	tt_output_text(&f.out, TT_BAD, "");
	tt_output_text(&f.out, TT_PLAIN, "y");
	tt_output_line(&f.out);

	assert_string_equal(end(&f), "\033[1;31mx\033[0my\n");
	done(&f);
}

static void no_color_and_dumb_terminals_are_respected(void **state)
{
	struct tt_output out;

	tt_output_init(&out, stdout, TT_COLOR_ALWAYS);
	assert_true(out.color);
	setenv("NO_COLOR", "1", 1);
	tt_output_init(&out, stdout, TT_COLOR_AUTO);
	assert_false(out.color);
	tt_output_init(&out, stdout, TT_COLOR_ALWAYS);
	assert_true(out.color);
	unsetenv("NO_COLOR");
}

static void columns_are_counted_not_bytes(void **state)
{
	assert_int_equal(tt_output_width("abc", 3), 3);
	assert_int_equal(tt_output_width("gr\u00fc\u00df", 6), 4);
	if (setlocale(LC_CTYPE, "C.UTF-8"))
		assert_int_equal(tt_output_width("\u4e0a\u6d77", 6), 4);
}

static void a_table_is_as_wide_as_its_contents(void **state)
{
	static const struct tt_column columns[] = {
		{ "NAME", false, TT_KEEP },
		{ "N", true, TT_KEEP },
		{ "REST", false, TT_CUT_TAIL },
	};
	struct fixture f;
	struct tt_table *table;

	begin(&f, 0);
	table = tt_table_new(&f.out, columns, 3);
	tt_table_cell(table, TT_PLAIN, "long name");
	tt_table_cellf(table, TT_PLAIN, "%d", 7);
	tt_table_cell(table, TT_PLAIN, "");
	tt_table_cell(table, TT_PLAIN, "x\n");
	tt_table_cellf(table, TT_PLAIN, "%d", 1234);
	tt_table_cell(table, TT_PLAIN, "rest");
	tt_table_end(table);

	assert_string_equal(end(&f), "NAME          N  REST\n"
				     "long name     7\n"
				     "x\\n        1234  rest\n");
	done(&f);
}

static void a_narrow_terminal_cuts_what_may_be_cut(void **state)
{
	static const struct tt_column columns[] = {
		{ "ID", false, TT_KEEP },
		{ "PATH", false, TT_CUT_HEAD },
		{ "TEXT", false, TT_CUT_TAIL },
	};
	struct fixture f;
	struct tt_table *table;

	begin(&f, 40);
	table = tt_table_new(&f.out, columns, 3);
	tt_table_cell(table, TT_PLAIN, "0123456789");
	tt_table_cell(table, TT_PLAIN, "/home/somebody/project/src/main.c");
	tt_table_cell(table, TT_PLAIN, "the quick brown fox jumps");
	tt_table_end(table);

	assert_string_equal(end(&f), "ID          PATH           TEXT\n"
				     "0123456789  \u2026t/src/main.c  the quick br\u2026\n");
	done(&f);
}

static void an_empty_table_prints_nothing(void **state)
{
	static const struct tt_column columns[] = { { "ID", false, TT_KEEP } };
	struct fixture f;

	begin(&f, 80);
	tt_table_end(tt_table_new(&f.out, columns, 1));
	tt_table_end(NULL);

	assert_string_equal(end(&f), "");
	done(&f);
}

static void a_long_table_streams(void **state)
{
	static const struct tt_column columns[] = { { "N", true, TT_KEEP } };
	struct fixture f;
	struct tt_table *table;
	size_t before;

	begin(&f, 0);
	table = tt_table_new(&f.out, columns, 1);
	for (int i = 0; i < 1000; i++)
		tt_table_cellf(table, TT_PLAIN, "%d", i);
	fflush(f.file);
	before = f.len;
	tt_table_cell(table, TT_PLAIN, "1000000");
	tt_table_end(table);
	end(&f);

	assert_true(before >= 4 * 1000);
	assert_string_equal(f.text + before, "1000000\n");
	done(&f);
}

static void a_full_disk_is_reported_once_and_at_the_end(void **state)
{
	struct tt_output out;
	FILE *full = fopen("/dev/full", "w");

	if (!full)
		skip();
	tt_output_init(&out, full, TT_COLOR_NEVER);
	tt_output_text(&out, TT_PLAIN, "x");

	assert_int_equal(tt_output_close(&out), -ENOSPC);
	assert_true(tt_output_failed(&out));
	fclose(full);
}

/* ---- an endless query, and a pager that has had enough */

#define TEST_PATIENCE_S 20

static int interrupt_at_the_first(const struct tt_query_row *row, void *arg)
{
	if (tt_row_int(row, 0, 0) == 1)
		raise(SIGINT);
	return 0;
}

static struct tt_query_db *empty_db(const char *dir)
{
	struct tt_query_db *db = NULL;
	struct tt_store *store = NULL;
	char path[64];

	snprintf(path, sizeof(path), "%s/t.db", dir);
	if (tt_store_open(path, &store, NULL) == 0) {
		tt_store_free(store);
		tt_query_open(path, &db, NULL);
	}
	return db;
}

/* In a child with a terminal as stdout. Exit status 0: the query ended as it should. */
static _Noreturn void page(const char *dir, const char *pager,
			   int (*fn)(const struct tt_query_row *row, void *arg), int error)
{
	static const char endless[] = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
				      "SELECT i FROM n WHERE i = 1 OR i < 0";
	struct tt_query_db *db = empty_db(dir);
	struct tt_output out;
	int r;

	alarm(TEST_PATIENCE_S); /* kills, where nothing ends it */
	unsetenv("SUDO_UID");
	setenv("PAGER", pager, 1);
	tt_output_open(&out, TT_COLOR_NEVER, true);
	if (!db || !out.pager)
		_exit(2);
	r = tt_row_run(db, endless, NULL, 0, NULL, fn, NULL);
	if (r != -EINTR || out.error != error)
		_exit(3);
	kill(out.pager, SIGTERM);
	if (tt_output_close(&out) != 0)
		_exit(4);
	tt_query_close(db);
	_exit(0);
}

static void assert_paged(const char *pager, int (*fn)(const struct tt_query_row *row, void *arg), int error)
{
	char dir[] = "/tmp/telltale-output-XXXXXX", command[64];
	int terminal, status;
	pid_t pid;

	assert_non_null(mkdtemp(dir));
	pid = forkpty(&terminal, NULL, NULL, NULL);
	assert_true(pid >= 0);
	if (pid == 0)
		page(dir, pager, fn, error);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(terminal);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	assert_int_equal(system(command), 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void a_query_ends_with_the_pager_that_shows_it(void **state)
{
	assert_paged("true", NULL, -EPIPE);
}

static void an_interrupt_ends_the_query_and_not_the_pager(void **state)
{
	assert_paged("sleep 60", interrupt_at_the_first, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(observed_text_cannot_reach_the_terminal_raw),
		cmocka_unit_test(colour_surrounds_the_text_and_nothing_else),
		cmocka_unit_test(no_color_and_dumb_terminals_are_respected),
		cmocka_unit_test(columns_are_counted_not_bytes),
		cmocka_unit_test(a_table_is_as_wide_as_its_contents),
		cmocka_unit_test(a_narrow_terminal_cuts_what_may_be_cut),
		cmocka_unit_test(an_empty_table_prints_nothing),
		cmocka_unit_test(a_long_table_streams),
		cmocka_unit_test(a_full_disk_is_reported_once_and_at_the_end),
		cmocka_unit_test(a_query_ends_with_the_pager_that_shows_it),
		cmocka_unit_test(an_interrupt_ends_the_query_and_not_the_pager),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
