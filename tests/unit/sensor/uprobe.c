/* SPDX-License-Identifier: Apache-2.0 */
/* agent/sensor/uprobe.c: which files are probed, once each and within bounds. Attaching is a stand-in
 * that notes; the files are copies of this machine's C library and of this very program. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <sys/sendfile.h>
#include <time.h>

#include "sensor/uprobe.h"
#include "tree.h"

struct fixture {
	struct tree *tree;
	struct tt_uprobe *up;
	int attached, fail_with;
	char symbols[256];
};

static int attach(void *arg, int fd, const char *symbol, uint64_t offset, struct bpf_link **ret)
{
	struct fixture *f = arg;
	size_t len = strlen(f->symbols);

	assert_true(offset > 0);
	if (f->fail_with)
		return f->fail_with;
	f->attached++;
	snprintf(f->symbols + len, sizeof(f->symbols) - len, "%s ", symbol);
	return 0;
}

/* The C library that this program runs with. */
static bool host_libc(char *path, size_t size)
{
	_cleanup_fclose_ FILE *maps = fopen("/proc/self/maps", "re");
	char line[PATH_MAX + 128];

	while (maps && fgets(line, sizeof(line), maps)) {
		char *slash = strchr(line, '/');

		if (!slash)
			continue;
		slash[strcspn(slash, "\n")] = '\0';
		if (tt_uprobe_is_libc_path(slash)) {
			snprintf(path, size, "%s", slash);
			return true;
		}
	}
	return false;
}

static void copy_file(struct fixture *f, const char *from, const char *name)
{
	_cleanup_close_ int in = open(from, O_RDONLY | O_CLOEXEC), out = -1;
	struct stat st;

	assert_true(in >= 0 && fstat(in, &st) == 0);
	tree_make_parents(f->tree, name);
	out = open(tree_path(f->tree, name), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	assert_true(out >= 0);
	for (off_t left = st.st_size; left > 0;) {
		ssize_t n = sendfile(out, in, NULL, (size_t)left);

		assert_true(n > 0);
		left -= n;
	}
}

static void copy_libc(struct fixture *f, const char *name)
{
	char libc[PATH_MAX];

	if (!host_libc(libc, sizeof(libc)))
		skip();
	copy_file(f, libc, name);
}

static int setup_with(void **state, bool libc_off, unsigned max_files)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct tt_uprobe_params params = {
		.libc_off = libc_off, .max_files = max_files, .attach = attach, .arg = f
	};

	if (!f || tree_setup((void **)&f->tree))
		return -1;
	params.root = f->tree->root;
	*state = f;
	return tt_uprobe_new(&params, &f->up);
}

static int setup(void **state)
{
	return setup_with(state, false, 0);
}

static int setup_libc_off(void **state)
{
	return setup_with(state, true, 0);
}

static int setup_one_file(void **state)
{
	return setup_with(state, false, 1);
}

static int setup_two_files(void **state)
{
	return setup_with(state, false, 2);
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	int r;

	tt_uprobe_free(f->up);
	r = tree_teardown((void **)&f->tree);
	free(f);
	return r;
}

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* What the program interpreters of this machine's programs may be, with the C library beside them. */
static void make_loaders(struct fixture *f)
{
	tree_text(f->tree, "/lib64/ld-linux-x86-64.so.2", 0755, "");
	tree_text(f->tree, "/lib/ld-linux-aarch64.so.1", 0755, "");
}

static enum tt_coverage coverage_of(struct fixture *f, struct tt_uprobe_process process, char *reason)
{
	enum tt_coverage coverage;
	int fd = open(process.exe, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	process.exe_fd = fd;
	coverage = tt_uprobe_coverage(f->up, &process, reason, TT_COVERAGE_REASON_MAX);
	close(fd);
	return coverage;
}

static void a_library_under_several_names_is_probed_once(void **state)
{
	struct fixture *f = *state;
	struct tt_uprobe_stats stats;

	copy_libc(f, "/lib/x86_64-linux-gnu/libc.so.6");
	tree_link(f->tree, "/lib64/libc.so.6", "../lib/x86_64-linux-gnu/libc.so.6");
	tree_link(f->tree, "/usr/lib64/libc.so.6", "../../lib/x86_64-linux-gnu/libc.so.6");

	assert_int_equal(tt_uprobe_attach_libcs(f->up), 1);
	assert_int_equal(tt_uprobe_attach_libcs(f->up), 1);

	assert_string_equal(f->symbols, "getenv secure_getenv getaddrinfo freeaddrinfo ");
	tt_uprobe_get_stats(f->up, &stats);
	assert_int_equal(stats.files, 1);
	assert_int_equal(stats.probes, 4);
}

static void a_replaced_library_is_another_file(void **state)
{
	struct fixture *f = *state;

	copy_libc(f, "/lib64/libc.so.6");
	assert_int_equal(tt_uprobe_attach_libcs(f->up), 1);

	copy_libc(f, "/lib64/new");
	assert_int_equal(rename(tree_path(f->tree, "/lib64/new"), tree_path(f->tree, "/lib64/libc.so.6")), 0);
	assert_int_equal(tt_uprobe_attach_libcs(f->up), 2);

	assert_int_equal(f->attached, 8);
}

static void what_is_no_library_is_refused(void **state)
{
	struct fixture *f = *state;

	tree_text(f->tree, "/lib64/libc.so.6", 0755, "GROUP ( /lib/libc.so.6 )");
	tree_text(f->tree, "/usr/lib64/libc.so.6", 0755, "");
	assert_int_equal(mkdir(tree_path(f->tree, "/lib"), 0755), 0);
	assert_int_equal(mkfifo(tree_path(f->tree, "/lib/libc.so.6"), 0644), 0);

	assert_int_equal(tt_uprobe_attach_libcs(f->up), 0);
	assert_int_equal(tt_uprobe_attach_file(f->up, tree_path(f->tree, "/lib/libc.so.6"), -1), -ENOEXEC);
	assert_int_equal(tt_uprobe_attach_file(f->up, tree_path(f->tree, "/lib64/libc.so.6"), -1), -ENOEXEC);
	assert_int_equal(tt_uprobe_attach_file(f->up, tree_path(f->tree, "/gone"), -1), -ENOENT);
}

static void a_library_for_another_processor_is_refused(void **state)
{
	struct fixture *f = *state;
	const unsigned char machine[2] = { 0xf3, 0 }; /* EM_RISCV */
	char reason[TT_COVERAGE_REASON_MAX];
	int fd;

	copy_libc(f, "/lib64/libc.so.6");
	fd = open(tree_path(f->tree, "/lib64/libc.so.6"), O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, machine, 2, 18), 2);
	close(fd);

	assert_int_equal(tt_uprobe_attach_libcs(f->up), 0);
	assert_int_equal(tt_uprobe_attach_file(f->up, tree_path(f->tree, "/lib64/libc.so.6"), -1), -ENOEXEC);
	assert_int_equal(coverage_of(f,
				     (struct tt_uprobe_process){
					     .exe = tree_path(f->tree, "/lib64/libc.so.6"), .libc_fd = -1 },
				     reason),
			 TT_COVERAGE_BLIND);
	assert_non_null(strstr(reason, "another processor"));
}

static void beyond_the_budget_is_counted_and_said(void **state)
{
	struct fixture *f = *state;
	struct tt_uprobe_stats stats;

	copy_libc(f, "/lib64/libc.so.6");
	copy_libc(f, "/other/libc.so.6");
	assert_int_equal(tt_uprobe_attach_libcs(f->up), 1);

	assert_int_equal(tt_uprobe_attach_file(f->up, tree_path(f->tree, "/other/libc.so.6"), -1), -ENOSPC);

	tt_uprobe_get_stats(f->up, &stats);
	assert_int_equal(stats.files, 1);
	assert_int_equal(stats.over_budget, 1);
}

static int count_errors(const struct tt_uprobe_file_info *info, void *arg)
{
	*(int *)arg += info->error == -EPERM && info->attached_ns == 0 && info->symbols[0] == '\0';
	return 0;
}

static void a_refusal_by_the_kernel_is_kept_and_tried_again(void **state)
{
	struct fixture *f = *state;
	struct tt_uprobe_stats stats;
	struct tt_uprobe_process process = { .exe = "/proc/self/exe", .libc_fd = -1 };
	char reason[TT_COVERAGE_REASON_MAX];
	int errors = 0;

	make_loaders(f);
	copy_libc(f, "/lib64/libc.so.6");
	tree_link(f->tree, "/lib/libc.so.6", "../lib64/libc.so.6");
	f->fail_with = -EPERM;
	assert_int_equal(tt_uprobe_attach_libcs(f->up), 0);
	tt_uprobe_get_stats(f->up, &stats);
	assert_true(stats.failed >= 1); /* a try for each name */
	assert_int_equal(stats.probes, 0);
	tt_uprobe_each(f->up, count_errors, &errors);
	assert_int_equal(errors, 1);
	assert_int_equal(coverage_of(f, process, reason), TT_COVERAGE_BLIND);
	assert_string_equal(reason, "its C library could not be probed: Operation not permitted");

	f->fail_with = 0;
	assert_int_equal(tt_uprobe_attach_libcs(f->up), 1);
}

static void libraries_are_left_alone_when_switched_off(void **state)
{
	struct fixture *f = *state;

	copy_libc(f, "/lib64/libc.so.6");

	assert_int_equal(tt_uprobe_attach_libcs(f->up), 0);
	assert_int_equal(tt_uprobe_attach_file(f->up, tree_path(f->tree, "/lib64/libc.so.6"), -1), -EPERM);
	assert_int_equal(f->attached, 0);
}

static void names_are_left_alone_when_switched_off(void **state)
{
	struct fixture *f = *state;
	const struct tt_uprobe_params params = {
		.names_off = true, .root = f->tree->root, .attach = attach, .arg = f
	};

	copy_libc(f, "/lib64/libc.so.6");
	tt_uprobe_free(f->up);
	f->up = NULL;
	assert_int_equal(tt_uprobe_new(&params, &f->up), 0);

	assert_int_equal(tt_uprobe_attach_libcs(f->up), 1);
	assert_string_equal(f->symbols, "getenv secure_getenv ");
}

static void detached_libraries_can_be_probed_again(void **state)
{
	struct fixture *f = *state;
	struct tt_uprobe_stats stats;

	copy_libc(f, "/lib64/libc.so.6");
	tt_uprobe_attach_libcs(f->up);

	tt_uprobe_detach_libcs(f->up);
	tt_uprobe_get_stats(f->up, &stats);
	assert_int_equal(stats.files, 0);
	assert_int_equal(stats.probes, 0);

	assert_int_equal(tt_uprobe_attach_libcs(f->up), 1);
	assert_int_equal(f->attached, 8);
}

/* Here with room for two, "crowded" is two: a copy of the library under another name is a program. */
static void programs_just_met_make_room_when_it_is_crowded(void **state)
{
	struct fixture *f = *state;
	struct tt_uprobe_stats stats;

	copy_libc(f, "/bin/met");
	copy_libc(f, "/bin/prepared");
	assert_int_equal(tt_uprobe_attach_file(f->up, tree_path(f->tree, "/bin/met"), -1), 0);
	tt_uprobe_detach_libcs(f->up);
	tt_uprobe_get_stats(f->up, &stats);
	assert_int_equal(stats.files, 1);

	assert_int_equal(tt_uprobe_prepare_name(f->up, "prepared", tree_path(f->tree, "/bin")), 1);
	tt_uprobe_detach_libcs(f->up);
	tt_uprobe_get_stats(f->up, &stats);
	assert_int_equal(stats.files, 1);
	assert_int_equal(tt_uprobe_prepare_name(f->up, "prepared", tree_path(f->tree, "/bin")), 1);
	assert_int_equal(f->attached, 8);
}

static void a_script_prepares_its_interpreter_and_that_ones_library(void **state)
{
	struct fixture *f = *state;
	char script[PATH_MAX + 16];
	const char *argv[] = { "agent", NULL };

	/* this program's loader, below the root, with a C library beside it */
	copy_file(f, "/proc/self/exe", "/bin/runtime");
	copy_libc(f, "/lib64/libc.so.6");
	copy_libc(f, "/lib/libc.so.6"); /* beside arm64's */
	make_loaders(f);
	snprintf(script, sizeof(script), "#!%s/bin/runtime\n", f->tree->root);
	tree_text(f->tree, "/bin/agent", 0755, script);

	assert_true(tt_uprobe_prepare_command(f->up, argv, tree_path(f->tree, "/bin"), "/") >= 1);
	assert_non_null(strstr(f->symbols, "getenv secure_getenv getaddrinfo freeaddrinfo "));
}

static void a_name_is_prepared_wherever_path_has_it(void **state)
{
	struct fixture *f = *state;
	char path[PATH_MAX * 2 + 64];

	copy_libc(f, "/a/libc.so.6");
	copy_libc(f, "/b/libc.so.6.x");
	snprintf(path, sizeof(path), "%s/a:relative::%s/b", f->tree->root, f->tree->root);

	assert_int_equal(chdir(tree_path(f->tree, "/")), 0);
	assert_int_equal(tt_uprobe_prepare_name(f->up, "libc.so.6", "a:./b"), 0);
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(tt_uprobe_prepare_name(f->up, "libc.so.6*", path), 2);
	assert_int_equal(tt_uprobe_prepare_name(f->up, "nothing", path), 0);
	assert_int_equal(tt_uprobe_prepare_name(f->up, "libc.so.6", ""), 0);
}

static void coverage_knows_when_the_library_was_probed(void **state)
{
	struct fixture *f = *state;
	char reason[TT_COVERAGE_REASON_MAX];
	int libc;
	struct tt_uprobe_process process = { .exe = "/proc/self/exe", .libc = "/lib64/libc.so.6" };

	copy_libc(f, "/lib64/libc.so.6");
	libc = open(tree_path(f->tree, "/lib64/libc.so.6"), O_RDONLY | O_CLOEXEC);
	process.libc_fd = libc;
	process.exec_ns = now();

	assert_int_equal(coverage_of(f, process, reason), TT_COVERAGE_BLIND);
	assert_string_equal(reason, "its C library is not probed");

	tt_uprobe_attach_libcs(f->up);
	assert_int_equal(coverage_of(f, process, reason), TT_COVERAGE_PARTIAL);
	assert_non_null(strstr(reason, "ms after it started"));

	process.exec_ns = now();
	coverage_of(f, process, reason);
	assert_null(strstr(reason, "ms after it started"));
	close(libc);
}

static void another_roots_library_is_unknown_until_seen(void **state)
{
	struct fixture *f = *state;
	char reason[TT_COVERAGE_REASON_MAX];
	const struct tt_uprobe_process process = {
		.exe = "/proc/self/exe", .libc_fd = -1, .other_root = true, .exec_ns = now()
	};

	assert_int_equal(coverage_of(f, process, reason), TT_COVERAGE_BLIND);
	assert_string_equal(reason, "its C library is not known");
}

static void a_program_that_bun_built_is_blind(void **state)
{
	struct fixture *f = *state;
	static const char behind[] =
		"// a script\n\n---- Bun! ----\n\1\0\0\0\0\0\0"; /* and its NUL: 8 bytes */
	struct tt_uprobe_process process = { .libc_fd = -1, .other_root = true, .exec_ns = now() };
	char reason[TT_COVERAGE_REASON_MAX];
	int fd;

	copy_file(f, "/proc/self/exe", "/bin/tool");
	fd = open(tree_path(f->tree, "/bin/tool"), O_RDWR | O_APPEND | O_CLOEXEC);
	assert_int_equal(write(fd, behind, sizeof(behind)), sizeof(behind));
	process.exe = "/bin/tool";
	process.exe_fd = fd;
	assert_int_equal(tt_uprobe_coverage(f->up, &process, reason, sizeof(reason)), TT_COVERAGE_BLIND);
	assert_non_null(strstr(reason, "its runtime copies the environment block"));
	close(fd);
}

static void a_program_that_cannot_be_read_is_blind(void **state)
{
	struct fixture *f = *state;
	const struct tt_uprobe_process process = { .exe_fd = -1, .exe_error = -ENOENT, .libc_fd = -1 };
	char reason[TT_COVERAGE_REASON_MAX];

	assert_int_equal(tt_uprobe_coverage(f->up, &process, reason, sizeof(reason)), TT_COVERAGE_BLIND);
	assert_non_null(strstr(reason, "No such file"));
}

/* More programs than are remembered: the probed library must stay. */
static void many_programs_do_not_push_probed_files_out(void **state)
{
	struct fixture *f = *state;
	struct tt_uprobe_stats stats;

	copy_libc(f, "/lib64/libc.so.6");
	tt_uprobe_attach_libcs(f->up);
	copy_file(f, "/proc/self/exe", "/bin/program");
	for (int i = 0; i < 600; i++) {
		const char *name = tree_path(f->tree, "/bin/program");
		const struct timespec times[2] = { { .tv_sec = i }, { .tv_sec = i } };
		char reason[TT_COVERAGE_REASON_MAX];

		assert_int_equal(utimensat(AT_FDCWD, name, times, 0), 0); /* another file, to us */
		coverage_of(f, (struct tt_uprobe_process){ .exe = name, .libc_fd = -1 }, reason);
	}

	tt_uprobe_get_stats(f->up, &stats);
	assert_int_equal(stats.files, 1);
	assert_int_equal(tt_uprobe_attach_libcs(f->up), 1);
	assert_int_equal(f->attached, 4);
}

#define TEST(name)	       cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_WITH(name, setup) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_library_under_several_names_is_probed_once),
		TEST(a_replaced_library_is_another_file),
		TEST(what_is_no_library_is_refused),
		TEST(a_library_for_another_processor_is_refused),
		TEST_WITH(beyond_the_budget_is_counted_and_said, setup_one_file),
		TEST(a_refusal_by_the_kernel_is_kept_and_tried_again),
		TEST_WITH(libraries_are_left_alone_when_switched_off, setup_libc_off),
		TEST(names_are_left_alone_when_switched_off),
		TEST(detached_libraries_can_be_probed_again),
		TEST_WITH(programs_just_met_make_room_when_it_is_crowded, setup_two_files),
		TEST(a_script_prepares_its_interpreter_and_that_ones_library),
		TEST(a_name_is_prepared_wherever_path_has_it),
		TEST(coverage_knows_when_the_library_was_probed),
		TEST(another_roots_library_is_unknown_until_seen),
		TEST(a_program_that_bun_built_is_blind),
		TEST(a_program_that_cannot_be_read_is_blind),
		TEST(many_programs_do_not_push_probed_files_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
