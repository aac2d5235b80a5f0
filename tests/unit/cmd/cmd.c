/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "cmd/cmd.h"
#include "util/log.h"

static bool flag;
static const char *word;

static const struct tt_cmd_option options[] = {
	{ "flag", 'f', NULL, "", &flag, NULL },
	{ "word", 0, "WORD", "", NULL, &word },
};

static struct tt_cmd_spec spec(unsigned want)
{
	return (struct tt_cmd_spec){ .name = "test",
				     .operands = "[ID]",
				     .summary = "",
				     .want = want,
				     .options = options,
				     .n_options = 2,
				     .max_operands = 1 };
}

#define ALL (TT_WANT_DB | TT_WANT_JSON | TT_WANT_TIME | TT_WANT_LIMIT | TT_WANT_TEXT | TT_WANT_EXIT_CODE)

static int parse(const struct tt_cmd_spec *s, struct tt_cmd_common *common, int *status, char **argv)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	flag = false;
	word = NULL;
	*status = -1;
	return tt_cmd_parse(s, argc, argv, common, status);
}

#define ARGV(...)                                                                                            \
	(char *[])                                                                                           \
	{                                                                                                    \
		(char[]){ "test" }, __VA_ARGS__, NULL                                                        \
	}

static char *copy(const char *s)
{
	static char texts[64][64];
	static unsigned n;
	char *text = texts[n++ % 64];

	snprintf(text, 64, "%s", s);
	return text;
}

static void shared_and_own_options_are_understood(void **state)
{
	struct tt_cmd_spec s = spec(ALL);
	struct tt_cmd_common common;
	int status, first;
	char **argv = ARGV(copy("--db"), copy("x.db"), copy("abc"), copy("--json"), copy("-n5"), copy("-f"),
			   copy("--since=@10"), copy("--until"), copy("@20"), copy("--color=never"),
			   copy("--no-pager"), copy("--exit-code"), copy("--word=w"));

	first = parse(&s, &common, &status, argv);

	assert_true(first > 0);
	assert_string_equal(argv[first], "abc");
	assert_string_equal(common.db, "x.db");
	assert_true(common.json && common.no_pager && common.exit_code && flag);
	assert_int_equal(common.limit, 5);
	assert_int_equal(common.since_ns, INT64_C(10000000000));
	assert_int_equal(common.until_ns, INT64_C(20000000000));
	assert_int_equal(common.color, TT_COLOR_NEVER);
	assert_string_equal(word, "w");
}

static void without_options_there_are_no_bounds(void **state)
{
	struct tt_cmd_spec s = spec(ALL);
	struct tt_cmd_common common;
	int status;
	char **argv = ARGV(NULL);

	assert_int_equal(parse(&s, &common, &status, argv), 1);

	assert_null(common.db);
	assert_int_equal(common.since_ns, 0);
	assert_int_equal(common.until_ns, INT64_MAX);
	assert_int_equal(common.limit, 0);
	assert_int_equal(common.color, TT_COLOR_AUTO);
}

static void wrong_usage_exits_2(void **state)
{
	static const struct {
		unsigned want;
		const char *argument, *more;
	} cases[] = {
		{ ALL, "--jsn", NULL },
		{ ALL, "-x", NULL },
		{ ALL, "--json=yes", NULL },
		{ ALL, "--db", NULL },
		{ ALL, "--db=", NULL },
		{ ALL, "-n", NULL },
		{ ALL, "-nmany", NULL },
		{ ALL, "-n-1", NULL },
		{ ALL, "--since", "soon" },
		{ ALL, "--since", "@99999999999999999" },
		{ ALL, "--color", "blue" },
		{ ALL, "one", "two" },
		{ 0, "--json", NULL },
		{ 0, "-n1", NULL },
		{ ALL, "--since=@9", "--until=@8" },
	};
	struct tt_cmd_common common;
	int status;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tt_cmd_spec s = spec(cases[i].want);
		char **argv = ARGV(copy(cases[i].argument), cases[i].more ? copy(cases[i].more) : NULL);

		print_message("# %s\n", cases[i].argument);
		assert_int_equal(parse(&s, &common, &status, argv), -1);
		assert_int_equal(status, TT_EXIT_USAGE);
	}
}

static void a_missing_operand_is_wrong_usage(void **state)
{
	struct tt_cmd_spec s = spec(ALL);
	struct tt_cmd_common common;
	int status;
	char **argv = ARGV(NULL);

	s.min_operands = 1;

	assert_int_equal(parse(&s, &common, &status, argv), -1);
	assert_int_equal(status, TT_EXIT_USAGE);
}

static void help_exits_0(void **state)
{
	struct tt_cmd_spec s = spec(ALL);
	struct tt_cmd_common common;
	int status;
	char **argv = ARGV(copy("--help"));

	assert_int_equal(parse(&s, &common, &status, argv), -1);
	assert_int_equal(status, TT_EXIT_OK);
}

static void anothers_command_line_is_left_alone(void **state)
{
	struct tt_cmd_spec s = spec(TT_WANT_JSON);
	struct tt_cmd_common common;
	int status, first;
	char **argv = ARGV(copy("-f"), copy("ls"), copy("--json"), copy("-x"));

	s.options_first = true;
	s.max_operands = 100;
	first = parse(&s, &common, &status, argv);

	assert_int_equal(first, 2);
	assert_true(flag);
	assert_false(common.json);
	assert_string_equal(argv[3], "--json");
}

static const char *candidate(unsigned i, const void *arg)
{
	static const char *const names[] = { "sessions", "show", "status", "timeline", NULL };

	return names[i];
}

static void the_nearest_word_is_suggested(void **state)
{
	static const struct {
		const char *word, *nearest;
	} cases[] = {
		{ "sesions", "sessions" }, { "session", "sessions" },
		{ "hsow", "show" },	   { "stauts", "status" },
		{ "time", "timeline" },	   { "xyz", NULL },
		{ "report", NULL },	   { "averyveryveryveryveryveryverylongword", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *near = tt_cmd_nearest(cases[i].word, candidate, NULL);

		print_message("# %s\n", cases[i].word);
		if (cases[i].nearest)
			assert_string_equal(near, cases[i].nearest);
		else
			assert_null(near);
	}
}

static void touch(const char *path, int64_t seconds)
{
	const struct timespec times[2] = { { .tv_sec = seconds }, { .tv_sec = seconds } };
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(futimens(fd, times), 0);
	close(fd);
}

static void the_newest_of_ones_own_databases_is_chosen(void **state)
{
	char dir[] = "/tmp/telltale-test-XXXXXX", path[128], *chosen = NULL, *message = NULL;

	if (access(TT_CMD_SYSTEM_DB, F_OK) == 0)
		skip();
	assert_non_null(mkdtemp(dir));
	setenv("XDG_STATE_HOME", dir, 1);

	assert_int_equal(tt_cmd_choose_db(NULL, &chosen, &message), -ENOENT);
	assert_non_null(strstr(message, "telltale run"));
	free(message);

	snprintf(path, sizeof(path), "%s/telltale", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/telltale/old.db", dir);
	touch(path, 100);
	snprintf(path, sizeof(path), "%s/telltale/new.txt", dir);
	touch(path, 900);
	snprintf(path, sizeof(path), "%s/telltale/new.db", dir);
	touch(path, 200);
	assert_int_equal(tt_cmd_choose_db(NULL, &chosen, &message), 0);
	assert_string_equal(chosen, path);
	free(chosen);

	/* its write-ahead log is newer */
	snprintf(path, sizeof(path), "%s/telltale/old.db-wal", dir);
	touch(path, 300);
	assert_int_equal(tt_cmd_choose_db(NULL, &chosen, &message), 0);
	path[strlen(path) - strlen("-wal")] = '\0';
	assert_string_equal(chosen, path);
	free(chosen);

	assert_int_equal(tt_cmd_choose_db("given", &chosen, &message), 0);
	assert_string_equal(chosen, "given");
	free(chosen);
	snprintf(path, sizeof(path), "rm -r %s", dir);
	assert_int_equal(system(path), 0);
}

static void the_state_directory_follows_the_xdg_specification(void **state)
{
	char *dir;

	setenv("XDG_STATE_HOME", "/x", 1);
	dir = tt_cmd_state_dir();
	assert_string_equal(dir, "/x/telltale");
	free(dir);

	setenv("XDG_STATE_HOME", "relative", 1);
	setenv("HOME", "/home/dev", 1);
	dir = tt_cmd_state_dir();
	assert_string_equal(dir, "/home/dev/.local/state/telltale");
	free(dir);

	unsetenv("HOME");
	assert_null(tt_cmd_state_dir());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shared_and_own_options_are_understood),
		cmocka_unit_test(without_options_there_are_no_bounds),
		cmocka_unit_test(wrong_usage_exits_2),
		cmocka_unit_test(a_missing_operand_is_wrong_usage),
		cmocka_unit_test(help_exits_0),
		cmocka_unit_test(anothers_command_line_is_left_alone),
		cmocka_unit_test(the_nearest_word_is_suggested),
		cmocka_unit_test(the_newest_of_ones_own_databases_is_chosen),
		cmocka_unit_test(the_state_directory_follows_the_xdg_specification),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
