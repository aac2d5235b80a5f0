/* SPDX-License-Identifier: Apache-2.0 */
#include "process/procfs.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "unit/process/fixture.h"
#include "util/util.h"

TT_DEFINE_CLEANUP(struct tt_procfs *, tt_procfs_free)

#define _cleanup_procfs_ _cleanup_(tt_procfs_freep)
#define CONTAINER	 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct tt_procfs *open_fixture(void)
{
	struct tt_procfs *fs = NULL;

	assert_int_equal(tt_procfs_new(fixture_path("/proc"), &fs), 0);
	return fs;
}

static void put_process(unsigned int pid, unsigned int ppid, const char *comm, const char *exe,
			unsigned long long start)
{
	char path[64], text[256];

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	snprintf(text, sizeof(text), "%u (%s) S %u 1 1 34817 1 0 0 0 0 0 0 0 0 0 20 0 1 0 %llu 0 0\n", pid,
		 comm, ppid, start);
	fixture_file(path, text);
	snprintf(path, sizeof(path), "/proc/%u/status", pid);
	fixture_file(path, "Name:\tx\nUid:\t1000\t1001\t1002\t1003\nGid:\t0\t0\t0\t0\n");
	snprintf(path, sizeof(path), "/proc/%u/cmdline", pid);
	fixture_file(path, exe ? exe : "");
	snprintf(path, sizeof(path), "/proc/%u/exe", pid);
	if (exe)
		fixture_link(path, exe);
}

static void stat_is_read_whatever_the_name_holds(void **state)
{
	_cleanup_procfs_ struct tt_procfs *fs = open_fixture();
	struct tt_procfs_stat stat;

	put_process(7, 3, "a) S 9 (b", "/bin/x", 1234567890123ull);

	assert_int_equal(tt_procfs_stat(fs, 7, &stat), 0);
	assert_int_equal(stat.pid, 7);
	assert_int_equal(stat.ppid, 3);
	assert_int_equal(stat.uid, 1001);
	assert_int_equal(stat.tty, 136 << 20 | 1);
	assert_string_equal(stat.comm, "a) S 9 (b");
	assert_true(stat.start_ticks == 1234567890123ull);
}

static void numbers_of_a_pid_are_read(void **state)
{
	static const struct {
		const char *text;
		int r;
		struct tt_procfs_ids ids;
	} cases[] = {
		{ "Name:\tx\nTgid:\t7\nNSpid:\t7\n", 0, { 7, 7, 1 } },
		{ "Name:\tx\nTgid:\t5\nPid:\t7\nNSpid:\t7\t30\t2\nNSpgid:\t9\n", 0, { 5, 2, 3 } },
		{ "Name:\tx\nTgid:\t7\nNSpid:\n", 0, { 7, 0, 0 } },
		{ "Name:\tx\nNSpid:\t7\n", -EBADMSG, { 0 } },
		{ "Name:\tx\nTgid:\tx\nNSpid:\t7\n", -EBADMSG, { 0 } },
		{ "Name:\tx\nTgid:\t7\n", -EBADMSG, { 0 } },
		{ "", -EBADMSG, { 0 } },
	};
	_cleanup_procfs_ struct tt_procfs *fs = open_fixture();

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tt_procfs_ids ids = { 0 };

		fixture_file("/proc/7/status", cases[i].text);
		assert_int_equal(tt_procfs_ids(fs, 7, &ids), cases[i].r);
		assert_memory_equal(&ids, &cases[i].ids, sizeof(ids));
	}
	assert_int_equal(tt_procfs_ids(fs, 8, &(struct tt_procfs_ids){ 0 }), -ENOENT);
}

static void a_device_is_proc_where_the_process_has_it_mounted_as_that(void **state)
{
	_cleanup_procfs_ struct tt_procfs *fs = open_fixture();

	fixture_file("/proc/7/mountinfo", "21 1 0:19 / /sys rw shared:7 - sysfs sysfs rw\n"
					  "25 1 0:40 / /mnt/\\040p rw,nosuid - proc proc rw\n"
					  "bad\n- proc\n26 1 8:1 / / rw - ext4 /dev/proc rw\n");
	assert_true(tt_procfs_has_proc(fs, 7, 40));
	assert_false(tt_procfs_has_proc(fs, 7, 19));
	assert_false(tt_procfs_has_proc(fs, 7, 8 << 20 | 1));
	assert_false(tt_procfs_has_proc(fs, 8, 40));
}

static void a_list_of_mounts_is_read_whole_or_not_at_all(void **state)
{
	_cleanup_procfs_ struct tt_procfs *fs = open_fixture();
	_cleanup_free_ char *text = NULL, *none = NULL;
	size_t len = 0;

	fixture_file("/proc/7/mountinfo", "0123456789");
	fixture_file("/proc/self/mountinfo", "");
	assert_int_equal(tt_procfs_mountinfo(fs, 7, 9, UINT64_MAX, &text, &len), -EFBIG);
	assert_int_equal(tt_procfs_mountinfo(fs, 7, 10, 0, &text, &len), -ETIME);
	assert_int_equal(tt_procfs_mountinfo(fs, 8, 10, UINT64_MAX, &text, &len), -ENOENT);
	assert_int_equal(tt_procfs_mountinfo(fs, 7, 10, UINT64_MAX, &text, &len), 0);
	assert_int_equal(len, 10);
	assert_string_equal(text, "0123456789");
	assert_int_equal(tt_procfs_mountinfo(fs, 0, 10, UINT64_MAX, &none, &len), 0);
	assert_int_equal(len, 0);
}

static void damaged_and_missing_stat_is_an_error(void **state)
{
	static const char *const texts[] = { "", "7", "7 (x", "7 )x(", "7 (x) S", "7 (x) S a b c" };
	_cleanup_procfs_ struct tt_procfs *fs = open_fixture();
	struct tt_procfs_stat stat;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		fixture_file("/proc/7/stat", texts[i]);
		assert_int_equal(tt_procfs_stat(fs, 7, &stat), -EBADMSG);
	}
	assert_int_equal(tt_procfs_stat(fs, 8, &stat), -ENOENT);
}

static void a_deleted_executable_keeps_its_name(void **state)
{
	_cleanup_procfs_ struct tt_procfs *fs = open_fixture();
	_cleanup_free_ char *exe = NULL, *cwd = NULL;

	fixture_link("/proc/7/exe", "/opt/claude (deleted)");
	fixture_link("/proc/7/cwd", "/home/u");

	assert_int_equal(tt_procfs_exe(fs, 7, &exe), 0);
	assert_string_equal(exe, "/opt/claude");
	assert_int_equal(tt_procfs_cwd(fs, 7, &cwd), 0);
	assert_string_equal(cwd, "/home/u");
}

static void command_lines_are_bounded(void **state)
{
	_cleanup_procfs_ struct tt_procfs *fs = open_fixture();
	_cleanup_free_ char *text = NULL, *none = NULL;
	size_t len = 0;

	fixture_file("/proc/7/cmdline", "0123456789");
	fixture_file("/proc/8/environ", "");

	assert_int_equal(tt_procfs_cmdline(fs, 7, 4, &text, &len), 0);
	assert_int_equal(len, 4);
	assert_string_equal(text, "0123");
	assert_int_equal(tt_procfs_environ(fs, 8, 100, &none, &len), 0);
	assert_int_equal(len, 0);
	assert_int_equal(tt_procfs_environ(fs, 9, 100, &none, &len), -ENOENT);
}

static void cgroup_and_container_are_read(void **state)
{
	static const struct {
		const char *text, *path, *container;
	} cases[] = {
		{ "0::/user.slice/a.scope\n", "/user.slice/a.scope", NULL },
		{ "5:cpu:/docker/" CONTAINER "\n0::/\n", "/", CONTAINER },
		{ "0::/system.slice/docker-" CONTAINER ".scope", "/system.slice/docker-" CONTAINER ".scope",
		  CONTAINER },
		{ "0::/x/" CONTAINER "0\n", "/x/" CONTAINER "0", NULL },
		{ "0::/u/libpod-" CONTAINER ".scope/container\n", "/u/libpod-" CONTAINER ".scope/container",
		  CONTAINER },
		{ "0::/m/libpod-conmon-" CONTAINER ".scope\n", "/m/libpod-conmon-" CONTAINER ".scope", NULL },
		{ "0::/kubepods.slice/cri-containerd-" CONTAINER ".scope\n",
		  "/kubepods.slice/cri-containerd-" CONTAINER ".scope", CONTAINER },
		{ "0::/kubepods.slice/crio-" CONTAINER ".scope\n", "/kubepods.slice/crio-" CONTAINER ".scope",
		  CONTAINER },
		{ "4:devices:/x\n3:pids:/k8s.io/" CONTAINER "\n0::/x\n", "/x", CONTAINER },
		/* the outermost, which the host's own engine knows */
		{ "0::/docker/" CONTAINER "/docker/f" CONTAINER "\n",
		  "/docker/" CONTAINER "/docker/f" CONTAINER, CONTAINER },
		{ "0::/lxc.payload.web-1/init.scope\n", "/lxc.payload.web-1/init.scope", "web-1" },
		{ "0::/x/lxc/web\n", "/x/lxc/web", "web" },
		{ "0::/lxc.payload/web\n", "/lxc.payload/web", "web" },
		{ "0::/lxc/\n", "/lxc/", NULL },
		{ "0::/lxc.monitor.web\n", "/lxc.monitor.web", NULL },
		{ "1:name=systemd:/a:b\n", NULL, NULL },
		{ "nonsense\n\n", NULL, NULL },
	};
	_cleanup_procfs_ struct tt_procfs *fs = open_fixture();

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *path = NULL, *container = NULL;

		fixture_file("/proc/7/cgroup", cases[i].text);
		assert_int_equal(tt_procfs_cgroup(fs, 7, &path, &container), 0);
		assert_string_equal(path ? path : "-", cases[i].path ? cases[i].path : "-");
		assert_string_equal(container ? container : "-",
				    cases[i].container ? cases[i].container : "-");
	}
}

/* ---- files as the process sees them */

static void lay_out_links(void)
{
	fixture_file("/root/a/b/file", "inside");
	fixture_link("/root/absolute", "/a/b/file");
	fixture_link("/root/a/relative", "b/../b/file");
	fixture_link("/root/a/up", "../../../../a/b");
	fixture_link("/root/escape", "/etc/hostname");
	fixture_link("/root/loop", "loop");
	fixture_link("/root/dangling", "nowhere");
	fixture_link("/root/self", "/proc/self/exe");
	fixture_link("/root/proc/self", "1");
	fixture_link("/root/proc/100/exe", "/a/b/file");
}

static void links_stay_inside_the_processs_root(void **state)
{
	static const struct {
		const char *path, *real;
		int error;
	} cases[] = {
		{ "/a/b/file", "/a/b/file", 0 },
		{ "//a/./b//file", "/a/b/file", 0 },
		{ "/a/../../../a/b/file", "/a/b/file", 0 },
		{ "/absolute", "/a/b/file", 0 },
		{ "/a/relative", "/a/b/file", 0 },
		{ "/a/up/file", "/a/b/file", 0 },
		{ "/a/b", "/a/b", 0 },
		{ "/", "/", 0 },
		{ "/self", "/a/b/file", 0 },
		{ "/escape", NULL, -ENOENT },
		{ "/loop", NULL, -ELOOP },
		{ "/dangling", NULL, -ENOENT },
		{ "/a/b/file/x", NULL, -ENOTDIR },
		{ "relative", NULL, -EINVAL },
	};
	_cleanup_procfs_ struct tt_procfs *fs = open_fixture();

	lay_out_links();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *real = NULL;

		assert_int_equal(tt_procfs_realpath(fs, FIXTURE_PID, cases[i].path, &real), cases[i].error);
		assert_string_equal(real ? real : "-", cases[i].real ? cases[i].real : "-");
	}
}

static void only_regular_files_are_opened(void **state)
{
	_cleanup_procfs_ struct tt_procfs *fs = open_fixture();
	_cleanup_close_ int fd = -1, directory = -1;
	_cleanup_free_ char *text = NULL;
	size_t len;

	lay_out_links();
	assert_int_equal(mkfifo(fixture_path("/root/fifo"), 0600), 0);

	fd = tt_procfs_open(fs, FIXTURE_PID, "/absolute");
	assert_true(fd >= 0);
	assert_int_equal(tt_procfs_read(fd, 100, &text, &len), 0);
	assert_string_equal(text, "inside");
	assert_int_equal(tt_procfs_open(fs, FIXTURE_PID, "/fifo"), -EINVAL);
	assert_int_equal(tt_procfs_open(fs, FIXTURE_PID, "/a"), -EINVAL);
	assert_int_equal(tt_procfs_open_directory(fs, FIXTURE_PID, "/absolute"), -ENOTDIR);
	directory = tt_procfs_open_directory(fs, FIXTURE_PID, "/a/up");
	assert_true(directory >= 0);
}

static void what_the_kernel_offers_as_files_is_not_opened(void **state)
{
	_cleanup_procfs_ struct tt_procfs *fs = open_fixture();
	struct stat st;

	/* a process that has gone: the paths are the host's, where there is a true /proc */
	assert_int_equal(stat("/proc/version", &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(tt_procfs_open(fs, 4294967295u, "/proc/version"), -EINVAL);
	assert_int_equal(tt_procfs_open_directory(fs, 4294967295u, "/proc/sys"), -EINVAL);
}

static void a_process_that_has_gone_leaves_the_hosts_files(void **state)
{
	_cleanup_procfs_ struct tt_procfs *fs = open_fixture();
	_cleanup_close_ int fd = tt_procfs_open(fs, 4294967295u, fixture_path("/root/a/b/file")), gone = -1;

	assert_int_equal(fd, -ENOENT);
	lay_out_links();
	gone = tt_procfs_open(fs, 4294967295u, fixture_path("/root/a/b/file"));
	assert_true(gone >= 0);
}

static void a_path_made_to_cost_time_is_given_up(void **state)
{
	_cleanup_procfs_ struct tt_procfs *fs = open_fixture();
	char path[PATH_MAX] = "/a/b", long_path[PATH_MAX + 10];
	_cleanup_free_ char *real = NULL;

	lay_out_links();
	while (strlen(path) + 6 < sizeof(path))
		strcat(path, "/../b");
	memset(long_path, '/', sizeof(long_path) - 1);
	long_path[sizeof(long_path) - 1] = '\0';

	assert_int_equal(tt_procfs_realpath(fs, FIXTURE_PID, path, &real), 0);
	assert_string_equal(real, "/a/b");
	assert_int_equal(tt_procfs_open(fs, FIXTURE_PID, long_path), -ENAMETOOLONG);

	/* Each ".." walks a hundred directories again. */
	memset(path, 0, sizeof(path));
	for (size_t k = 0; k < 100; k++)
		strcat(path, "/d");
	snprintf(long_path, sizeof(long_path), "/root%s/x", path);
	fixture_parents(long_path);
	while (strlen(path) + 6 < sizeof(path))
		strcat(path, "/../d");
	assert_int_equal(tt_procfs_open(fs, FIXTURE_PID, path), -ELOOP);
}

/* ---- launchers */

static void the_nearest_known_ancestor_names_the_kind(void **state)
{
	_cleanup_procfs_ struct tt_procfs *fs = open_fixture();
	_cleanup_free_ char *json = NULL;

	put_process(1, 0, "systemd", "/usr/lib/systemd/systemd", 1);
	put_process(20, 1, "sshd", "/usr/sbin/sshd", 20);
	put_process(30, 20, "bash", "/usr/bin/bash", 30);
	put_process(40, 30, "claude", "/opt/claude", 40);

	assert_int_equal(tt_procfs_launcher(fs, 40, 0, 0, &json), 0);
	assert_string_equal(json, "{\"kind\":\"ssh\",\"ancestors\":["
				  "{\"pid\":30,\"exe\":\"/usr/bin/bash\",\"argv\":[\"/usr/bin/bash\"]},"
				  "{\"pid\":20,\"exe\":\"/usr/sbin/sshd\",\"argv\":[\"/usr/sbin/sshd\"]},"
				  "{\"pid\":1,\"exe\":\"/usr/lib/systemd/systemd\",\"argv\":"
				  "[\"/usr/lib/systemd/systemd\"]}]}");
}

static void launchers_are_known_by_name_and_path(void **state)
{
	static const struct {
		const char *comm, *exe, *kind;
	} cases[] = {
		{ "gnome-terminal-", "/usr/libexec/gnome-terminal-server", "terminal" },
		{ "tmux: server", "/usr/bin/tmux", "terminal" },
		{ "code", "/usr/share/code/code", "editor" },
		{ "java", "/opt/idea/jbr/bin/java", "editor" },
		{ "cron", "/usr/sbin/cron", "cron" },
		{ "Runner.Worker", "/actions/bin/Runner.Worker", "ci" },
		{ "containerd-shim", "/usr/bin/containerd-shim-runc-v2", "container" },
		{ "systemd", "/usr/lib/systemd/systemd", "systemd" },
		{ "bash", "/usr/bin/bash", "unknown" },
		{ "kthreadd", NULL, "unknown" },
	};
	_cleanup_procfs_ struct tt_procfs *fs = open_fixture();

	put_process(40, 20, "claude", "/opt/claude", 40);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *json = NULL;
		char want[64];

		unlink(fixture_path("/proc/20/exe"));
		put_process(20, 0, cases[i].comm, cases[i].exe, 20);
		assert_int_equal(tt_procfs_launcher(fs, 40, 0, 0, &json), 0);
		snprintf(want, sizeof(want), "{\"kind\":\"%s\",", cases[i].kind);
		assert_int_equal(strncmp(json, want, strlen(want)), 0);
	}
}

static void a_parent_younger_than_its_child_is_another_process(void **state)
{
	_cleanup_procfs_ struct tt_procfs *fs = open_fixture();
	_cleanup_free_ char *json = NULL;

	put_process(20, 1, "sshd", "/usr/sbin/sshd", 50);
	put_process(40, 20, "claude", "/opt/claude", 40);

	assert_int_equal(tt_procfs_launcher(fs, 40, 0, 0, &json), 0);
	assert_string_equal(json, "{\"kind\":\"unknown\",\"ancestors\":[]}");
}

static void who_started_what_has_gone_is_found_by_its_parent(void **state)
{
	static const struct {
		uint64_t start_ns;
		const char *json;
	} cases[] = {
		{ 50 * UINT64_C(1000000000),
		  "{\"kind\":\"ssh\",\"ancestors\":[{\"pid\":20,\"exe\":\"/usr/sbin/sshd\",\"argv\":["
		  "\"/usr/sbin/sshd\"]}]}" },
		/* the parent has gone as well, and its number was taken */
		{ 1, "{\"kind\":\"unknown\",\"ancestors\":[]}" },
	};
	_cleanup_procfs_ struct tt_procfs *fs = open_fixture();

	put_process(20, 0, "sshd", "/usr/sbin/sshd", 50);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *json = NULL;

		assert_int_equal(tt_procfs_launcher(fs, 40, 20, cases[i].start_ns, &json), 0);
		assert_string_equal(json, cases[i].json);
	}
}

static void secrets_of_ancestors_are_redacted(void **state)
{
	_cleanup_procfs_ struct tt_procfs *fs = open_fixture();
	_cleanup_free_ char *json = NULL;

	put_process(20, 0, "sh", "/bin/sh", 20);
	fixture_file("/proc/20/cmdline", "--token=abc");
	put_process(40, 20, "claude", "/opt/claude", 40);

	assert_int_equal(tt_procfs_launcher(fs, 40, 0, 0, &json), 0);
	assert_null(strstr(json, "abc"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(stat_is_read_whatever_the_name_holds),
		TEST(a_list_of_mounts_is_read_whole_or_not_at_all),
		TEST(damaged_and_missing_stat_is_an_error),
		TEST(numbers_of_a_pid_are_read),
		TEST(a_device_is_proc_where_the_process_has_it_mounted_as_that),
		TEST(a_deleted_executable_keeps_its_name),
		TEST(command_lines_are_bounded),
		TEST(cgroup_and_container_are_read),
		TEST(links_stay_inside_the_processs_root),
		TEST(only_regular_files_are_opened),
		TEST(what_the_kernel_offers_as_files_is_not_opened),
		TEST(a_process_that_has_gone_leaves_the_hosts_files),
		TEST(a_path_made_to_cost_time_is_given_up),
		TEST(the_nearest_known_ancestor_names_the_kind),
		TEST(launchers_are_known_by_name_and_path),
		TEST(a_parent_younger_than_its_child_is_another_process),
		TEST(who_started_what_has_gone_is_found_by_its_parent),
		TEST(secrets_of_ancestors_are_redacted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
