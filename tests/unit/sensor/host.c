/* SPDX-License-Identifier: Apache-2.0 */
/* agent/sensor/host.c on made-up /proc and /sys trees. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sensor/host.h"
#include "tree.h"

static void an_empty_root_is_unknown_and_not_no(void **state)
{
	struct tree *tree = *state;
	struct tt_host host;

	tt_host_read(tree->root, &host);

	assert_string_equal(host.lockdown, "");
	assert_string_equal(host.lsm, "");
	assert_int_equal(host.unprivileged_bpf_disabled, TT_HOST_UNKNOWN);
	assert_int_equal(host.perf_event_paranoid, TT_HOST_UNKNOWN);
	assert_int_equal(host.uprobe_pmu, TT_HOST_UNKNOWN);
	assert_false(host.pid_ns_known);
	assert_string_equal(host.container, "");
	assert_string_equal(host.cgroup2, "");
}

static void sysctls_and_sysfs_are_read(void **state)
{
	struct tree *tree = *state;
	struct tt_host host;

	tree_text(tree, "/proc/sys/kernel/unprivileged_bpf_disabled", 0644, "2\n");
	tree_text(tree, "/proc/sys/kernel/perf_event_paranoid", 0644, "-1\n");
	tree_text(tree, "/proc/sys/net/core/bpf_jit_enable", 0644, "not a number\n");
	tree_text(tree, "/sys/bus/event_source/devices/uprobe/type", 0644, "9\n");
	tree_text(tree, "/sys/kernel/security/lsm", 0644, "lockdown,capability,bpf");

	tt_host_read(tree->root, &host);

	assert_int_equal(host.unprivileged_bpf_disabled, 2);
	assert_int_equal(host.perf_event_paranoid, -1);
	assert_int_equal(host.bpf_jit_enable, TT_HOST_UNKNOWN);
	assert_int_equal(host.uprobe_pmu, 9);
	assert_string_equal(host.lsm, "lockdown,capability,bpf");
}

static void lockdown_is_the_word_in_brackets(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "[none] integrity confidentiality\n", "none" },
		{ "none [integrity] confidentiality\n", "integrity" },
		{ "none integrity [confidentiality]", "confidentiality" },
		{ "garbage\n", "" },
		{ "[", "" },
		{ "", "" },
	};
	struct tree *tree = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tt_host host;

		tree_text(tree, "/sys/kernel/security/lockdown", 0644, cases[i].text);
		tt_host_read(tree->root, &host);
		assert_string_equal(host.lockdown, cases[i].want);
	}
}

static void cgroup2_and_tracefs_come_from_the_mount_table(void **state)
{
	struct tree *tree = *state;
	struct tt_host host;

	tree_text(tree, "/proc/self/mountinfo", 0644,
		  "short line\n"
		  "22 1 0:20 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
		  "23 22 0:21 / /sys/fs/cgroup/unified rw,nosuid shared:4 - cgroup2 cgroup2 rw\n"
		  "24 22 0:22 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
		  "25 1 0:23 / /sys/kernel/tracing rw - tracefs tracefs rw\n"
		  "26 1 0:24 / /second rw - cgroup2 cgroup2 rw\n");

	tt_host_read(tree->root, &host);

	assert_string_equal(host.cgroup2, "/sys/fs/cgroup/unified");
	assert_true(host.tracefs);
}

static void the_pid_namespace_is_told_by_its_inode(void **state)
{
	struct tree *tree = *state;
	struct tt_host host;

	tree_link(tree, "/proc/self/ns/pid", "pid:[4026531836]");
	tt_host_read(tree->root, &host);
	assert_true(host.pid_ns_known);
	assert_true(host.pid_ns_initial);

	assert_int_equal(unlink(tree_path(tree, "/proc/self/ns/pid")), 0);
	tree_link(tree, "/proc/self/ns/pid", "pid:[4026532201]");
	tt_host_read(tree->root, &host);
	assert_true(host.pid_ns_known);
	assert_false(host.pid_ns_initial);
}

static void containers_are_told_by_what_their_managers_leave(void **state)
{
	struct tree *tree = *state;
	struct tt_host host;

	tree_text(tree, "/run/.containerenv", 0644, "");
	tt_host_read(tree->root, &host);
	assert_string_equal(host.container, "podman");

	tree_text(tree, "/run/systemd/container", 0644, "lxc\n");
	tt_host_read(tree->root, &host);
	assert_string_equal(host.container, "lxc");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_empty_root_is_unknown_and_not_no, tree_setup,
						tree_teardown),
		cmocka_unit_test_setup_teardown(sysctls_and_sysfs_are_read, tree_setup, tree_teardown),
		cmocka_unit_test_setup_teardown(lockdown_is_the_word_in_brackets, tree_setup, tree_teardown),
		cmocka_unit_test_setup_teardown(cgroup2_and_tracefs_come_from_the_mount_table, tree_setup,
						tree_teardown),
		cmocka_unit_test_setup_teardown(the_pid_namespace_is_told_by_its_inode, tree_setup,
						tree_teardown),
		cmocka_unit_test_setup_teardown(containers_are_told_by_what_their_managers_leave, tree_setup,
						tree_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
