/* SPDX-License-Identifier: Apache-2.0 */
/* agent/daemon/inside.c: which path shows the inside of a process, and of which one, with a /proc made by hand. */
#include "daemon/inside.h"

#include "unit/daemon/pipeline.h"

static const struct {
	const char *path;
	bool on_proc;
	enum tt_inside_what what;
	uint32_t pid;
	bool self;
} paths[] = {
	{ "/proc/1/environ", false, TT_INSIDE_ENVIRON, 1, false },
	{ "/proc/4194304/mem", false, TT_INSIDE_MEM, 4194304, false },
	{ "/proc/12/task/13/environ", false, TT_INSIDE_ENVIRON, 12, false },
	{ "/proc/self/environ", false, TT_INSIDE_ENVIRON, 0, true },
	{ "/proc/thread-self/mem", false, TT_INSIDE_MEM, 0, true },
	{ "/proc/self/task/13/environ", false, TT_INSIDE_ENVIRON, 0, true },
	{ "/mnt/p/12/environ", true, TT_INSIDE_ENVIRON, 12, false },
	{ "/mnt/of-one/environ", true, TT_INSIDE_ENVIRON, 0, false },
	{ "/mnt/of-one/task/13/environ", true, TT_INSIDE_ENVIRON, 13, false },
	{ "environ", true, TT_INSIDE_ENVIRON, 0, false },

	{ "/mnt/p/12/environ", false, TT_INSIDE_NONE, 0, false },
	{ "/proc/environ", false, TT_INSIDE_NONE, 0, false },
	{ "/proc/12/environment", false, TT_INSIDE_NONE, 0, false },
	{ "/proc/12/maps", false, TT_INSIDE_NONE, 0, false },
	{ "/proc/12x/environ", false, TT_INSIDE_NONE, 0, false },
	{ "/proc/99999999/mem", false, TT_INSIDE_NONE, 0, false },
	{ "/proc/12/environ/", false, TT_INSIDE_NONE, 0, false },
	{ "/proc//environ", false, TT_INSIDE_NONE, 0, false },
	{ "/procs/12/environ", false, TT_INSIDE_NONE, 0, false },
	{ "/", true, TT_INSIDE_NONE, 0, false },
	{ "", true, TT_INSIDE_NONE, 0, false },
};

static void a_path_says_what_and_of_whom(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		uint32_t pid;
		bool self;

		if (tt_inside_parse(paths[i].path, paths[i].on_proc, &pid, &self) != paths[i].what ||
		    pid != paths[i].pid || self != paths[i].self)
			fail_msg("%s: %u %d", paths[i].path, pid, self);
	}
}

#define READER 100
#define OTHER  101
#define THREAD 102 /* of OTHER */
#define AT     (10 * FRAMES_S)

static struct tt_process_table *table;
static struct tt_process *reader;

static struct tt_process *add(uint32_t pid, uint64_t start_ns, uint64_t ended_ns)
{
	struct tt_process_key key = { .pid = pid, .start_ns = start_ns };
	struct tt_process *process;

	assert_int_equal(tt_process_add(table, BOOT, &key, &process), 0);
	process->session = (struct tt_session *)&table; /* any */
	process->ended_ns = ended_ns;
	return process;
}

static int setup(void **state)
{
	pipeline_setup(state);
	assert_int_equal(tt_process_table_new(16, NULL, NULL, &table), 0);
	reader = add(READER, FRAMES_S, 0);
	fixture_file("/proc/102/status", "Name:\tx\nTgid:\t101\nNSpid:\t102\n");
	fixture_link("/proc/103/exe", "/usr/bin/stranger");
	return 0;
}

static int teardown(void **state)
{
	tt_process_table_free(table);
	return pipeline_teardown(state);
}

static struct tt_inside ask_of(struct pipeline *p, const char *path, const char *spelling, uint32_t dev,
			       uint16_t op)
{
	struct tt_event event = { .type = TT_EVENT_FILE,
				  .key = { .op = op },
				  .first_ns = AT,
				  .file = { .path = path, .spelling = spelling, .dev = dev } };
	struct tt_inside inside;

	tt_inside_of(&event, reader, table, p->procfs, &inside);
	return inside;
}

static struct tt_inside ask(struct pipeline *p, const char *path)
{
	return ask_of(p, path, NULL, tt_procfs_dev(p->procfs), TT_OP_READ);
}

static void a_number_is_the_process_that_had_it_then(void **state)
{
	struct tt_process *then = add(OTHER, 3 * FRAMES_S, 0);
	struct tt_inside inside;

	add(OTHER, 2 * FRAMES_S, 3 * FRAMES_S);
	add(OTHER, 11 * FRAMES_S, 0);
	tt_process_set(&then->exe, "/usr/bin/other");
	inside = ask(*state, "/proc/101/environ");
	assert_int_equal(inside.pid, OTHER);
	assert_false(inside.own);
	assert_string_equal(inside.process_id.s, then->id.s);
	assert_string_equal(inside.exe, "/usr/bin/other");
	tt_inside_done(&inside);

	/* a thread's number */
	inside = ask(*state, "/proc/102/mem");
	assert_int_equal(inside.what, TT_INSIDE_MEM);
	assert_int_equal(inside.pid, OTHER);
	assert_string_equal(inside.process_id.s, then->id.s);
	tt_inside_done(&inside);

	/* one that had ended: whoever has the number now is not recorded */
	then->ended_ns = AT - 1;
	inside = ask(*state, "/proc/101/environ");
	assert_string_equal(inside.process_id.s, "");
	tt_inside_done(&inside);
}

static void one_that_is_not_recorded_has_a_program(void **state)
{
	struct tt_inside inside = ask(*state, "/proc/103/environ");

	assert_int_equal(inside.pid, 103);
	assert_string_equal(inside.process_id.s, "");
	assert_string_equal(inside.exe, "/usr/bin/stranger");
	tt_inside_done(&inside);

	inside = ask(*state, "/proc/104/environ"); /* gone */
	assert_int_equal(inside.pid, 104);
	assert_null(inside.exe);
}

static void its_own_is_its_own_by_every_name(void **state)
{
	static const char *const own[] = { "/proc/100/environ", "/proc/self/environ",
					   "/proc/100/task/104/environ" };

	for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
		struct tt_inside inside = ask(*state, own[i]);

		assert_true(inside.own);
		assert_string_equal(inside.process_id.s, reader->id.s);
		tt_inside_done(&inside);
	}
}

/* Where pids are others. */
static void in_a_container_only_the_reader_is_known(void **state)
{
	uint32_t elsewhere = tt_procfs_dev(((struct pipeline *)*state)->procfs) + 1;
	struct tt_inside inside;

	fixture_file("/proc/100/status", "Name:\tx\nTgid:\t100\nNSpid:\t100\t20\t7\nUid:\t0\n");
	inside = ask_of(*state, "/proc/7/environ", "/proc/self/environ", elsewhere, TT_OP_READ);
	assert_true(inside.own);
	tt_inside_done(&inside);
	inside = ask_of(*state, "/proc/7/environ", NULL, elsewhere, TT_OP_READ);
	assert_true(inside.own);
	tt_inside_done(&inside);
	inside = ask_of(*state, "/proc/103/environ", NULL, elsewhere, TT_OP_READ);
	assert_int_equal(inside.what, TT_INSIDE_ENVIRON);
	assert_int_equal(inside.pid, 0);
	assert_null(inside.exe);

	/* another mount, and the same pids */
	fixture_file("/proc/100/status", "Name:\tx\nTgid:\t100\nNSpid:\t100\nUid:\t0\n");
	inside = ask_of(*state, "/proc/103/environ", NULL, elsewhere, TT_OP_READ);
	assert_int_equal(inside.pid, 103);
	tt_inside_done(&inside);
	fixture_file("/proc/100/mountinfo", "25 1 0:40 / /mnt rw - proc proc rw\n");
	inside = ask_of(*state, "/mnt/103/environ", NULL, 40, TT_OP_READ);
	assert_int_equal(inside.pid, 103);
	tt_inside_done(&inside);
	inside = ask_of(*state, "/mnt/103/environ", NULL, 41, TT_OP_READ);
	assert_int_equal(inside.what, TT_INSIDE_NONE);
}

static void what_was_not_opened_shows_nothing(void **state)
{
	assert_int_equal(ask_of(*state, "/proc/103/environ", NULL, 0, TT_OP_OPEN).what, TT_INSIDE_NONE);
	assert_int_equal(ask_of(*state, "/proc/103/environ", NULL, 0, TT_OP_READLINK).what, TT_INSIDE_NONE);
	assert_int_equal(ask_of(*state, NULL, NULL, 0, TT_OP_READ).what, TT_INSIDE_NONE);
	/* an attempt that failed has the caller's spelling only */
	assert_int_equal(ask_of(*state, NULL, "/proc/104/environ", 0, TT_OP_READ).pid, 104);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_path_says_what_and_of_whom),
		TEST(a_number_is_the_process_that_had_it_then),
		TEST(one_that_is_not_recorded_has_a_program),
		TEST(its_own_is_its_own_by_every_name),
		TEST(in_a_container_only_the_reader_is_known),
		TEST(what_was_not_opened_shows_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
