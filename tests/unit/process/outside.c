/* SPDX-License-Identifier: Apache-2.0 */
/* Names outside: /proc is a fixture, whose "host" and "box" are directories of it. */
#include "process/outside.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "process/procfs.h"
#include "unit/process/fixture.h"
#include "util/buf.h"
#include "util/util.h"

/* Ids that no mount of this machine has. */
#define OURS "4000000001 4000000000 0:1 / / rw - rootfs rootfs rw\n"
#define MOUNTS                                                                                               \
	"4000000003 4000000000 8:9 / / rw - ext4 x rw\n"                                                     \
	"4000000004 4000000003 8:7 /sub /d rw - ext4 x rw\n"
#define BOX    8 << 20 | 7
#define SECOND UINT64_C(1000000000)

struct box {
	struct tt_procfs *procfs;
	struct tt_outside *outside;
	struct tt_view view;
	uint64_t now_ns, passes_ns; /* by each look at the clock */
};

static struct box box;

static uint64_t clock_ns(void)
{
	box.now_ns += box.passes_ns;
	return box.now_ns;
}

static ino_t inode(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(fixture_path(path), &st), 0);
	return st.st_ino;
}

/* Nothing is known yet. */
static void begin(void)
{
	tt_outside_free(box.outside);
	assert_int_equal(tt_outside_new(box.procfs, clock_ns, &box.outside), 0);
}

/* The process has another namespace; what it sees as /d is here host/disk/sub. */
static int setup(void **state)
{
	char text[512];

	if (fixture_setup(state) < 0)
		return -1;
	fixture_file("/proc/self/ns/mnt", "");
	fixture_file("/proc/100/ns/mnt", "");
	snprintf(text, sizeof(text), OURS "4000000002 4000000001 8:7 / %s/host/disk rw - ext4 x rw\n",
		 fixture);
	fixture_file("/proc/self/mountinfo", text);
	fixture_file("/proc/100/mountinfo", MOUNTS);
	fixture_file("/host/disk/sub/file", "x");
	box = (struct box){ .now_ns = 100 * SECOND };
	assert_int_equal(tt_procfs_new(fixture_path("/proc"), &box.procfs), 0);
	begin();
	tt_outside_look(box.outside, 100, 0, &box.view);
	return 0;
}

static int teardown(void **state)
{
	tt_outside_free(box.outside);
	tt_procfs_free(box.procfs);
	return fixture_teardown(state);
}

static struct tt_outside_file file(const char *path, ino_t ino)
{
	return (struct tt_outside_file){ .path = path, .ino = ino, .mode = S_IFREG };
}

/* Its name without the fixture's; "-": none. */
static const char *name_of(uint32_t pid, const struct tt_view *view, const struct tt_outside_file *of)
{
	static char text[PATH_MAX];
	_cleanup_free_ char *name = tt_outside_name(box.outside, pid, view, of);

	snprintf(text, sizeof(text), "%s",
		 !name						? "-"
		 : strncmp(name, fixture, strlen(fixture)) != 0 ? name
								: name + strlen(fixture));
	return text;
}

static const char *name(const char *path, ino_t ino)
{
	struct tt_outside_file of = file(path, ino);

	return name_of(100, &box.view, &of);
}

static void another_namespace_is_elsewhere(void **state)
{
	struct tt_view own = { 0 }, inherited = box.view;
	struct stat root;

	assert_int_equal(stat("/", &root), 0);
	own = (struct tt_view){ .mnt_ns = inode("/proc/self/ns/mnt"),
				.root_dev = root.st_dev,
				.root_ino = root.st_ino };
	assert_false(tt_outside_is_elsewhere(box.outside, &own));
	own.mnt_ns = box.view.mnt_ns;
	assert_true(tt_outside_is_elsewhere(box.outside, &own));
	assert_false(tt_outside_is_other_root(box.outside, &own));
	assert_true(tt_outside_is_other_root(box.outside, &box.view));

	/* gone: as inherited, unless it went elsewhere */
	tt_outside_look(box.outside, 999, box.view.mnt_ns, &inherited);
	assert_memory_equal(&inherited, &box.view, sizeof(inherited));
	tt_outside_look(box.outside, 999, 77, &inherited);
	assert_true(inherited.mnt_ns == 77 && inherited.root_ino == 0);
	assert_true(tt_outside_is_other_root(box.outside, &inherited));
	tt_outside_look(box.outside, 999, inode("/proc/self/ns/mnt"), &inherited);
	assert_false(tt_outside_is_elsewhere(box.outside, &inherited));
	assert_false(tt_outside_is_elsewhere(box.outside, &(struct tt_view){ 0 }));
}

/* A service has a namespace of its own, a container with the host's pids even another root: names are process 1's. */
static void the_host_is_where_process_1_is(void **state)
{
	char text[256];

	fixture_file("/proc/1/ns/mnt", "");
	fixture_link("/proc/1/root", "../../elsewhere");
	snprintf(text, sizeof(text), OURS "4000000002 4000000001 8:7 / /data rw - ext4 x rw\n");
	fixture_file("/proc/1/mountinfo", text);
	fixture_file("/elsewhere/data/sub/file", "x");
	begin();

	assert_string_equal(name("/d/file", inode("/elsewhere/data/sub/file")), "/data/sub/file");
	assert_string_equal(name("/d/file", inode("/host/disk/sub/file")), "-");
	tt_outside_look(box.outside, 1, 0, &box.view);
	assert_false(tt_outside_is_elsewhere(box.outside, &box.view));
	assert_true(tt_outside_is_other_root(box.outside, &box.view));
	/* of one that has gone only its namespace is known */
	box.view.root_ino = 0;
	assert_false(tt_outside_is_other_root(box.outside, &box.view));
	tt_outside_look(box.outside, 0, 0, &box.view);
	assert_true(tt_outside_is_elsewhere(box.outside, &box.view));
}

static void a_file_has_the_name_of_its_mount_here(void **state)
{
	assert_string_equal(name("/d/file", inode("/host/disk/sub/file")), "/host/disk/sub/file");
	/* there is no other file of this number, and none in its mount of the root */
	assert_string_equal(name("/d/file", 1), "-");
	assert_string_equal(name("/etc/file", inode("/host/disk/sub/file")), "-");
	assert_string_equal(name("/d/none", 1), "-");
	assert_string_equal(name("memfd:x", 1), "-");
	assert_string_equal(name("/d/file", 0), "-");
}

static void what_is_there_has_to_be_that_file(void **state)
{
	struct tt_outside_file of = file("/d/file", inode("/host/disk/sub/file"));

	of.dev = BOX;
	assert_string_equal(name_of(100, &box.view, &of), "/host/disk/sub/file");
	of.dev = 8 << 20 | 8;
	assert_string_equal(name_of(100, &box.view, &of), "-");
	of.dev = 0;
	of.mode = S_IFDIR;
	assert_string_equal(name_of(100, &box.view, &of), "-");
}

static void links_are_not_followed(void **state)
{
	fixture_link("/host/disk/sub/link", "file");
	fixture_link("/host/disk/sub/up", ".");

	assert_string_equal(name("/d/link", inode("/host/disk/sub/file")), "-");
	assert_string_equal(name("/d/up/file", inode("/host/disk/sub/file")), "-");
}

static void a_name_that_is_the_same_is_none(void **state)
{
	fixture_file("/proc/100/mountinfo", "4000000003 4000000000 0:1 / / rw - rootfs x rw\n");

	assert_string_equal(name(fixture_path("/host/disk/sub/file"), 1), "-");
	/* the root file system's, covered by the disk here */
	assert_string_equal(name(fixture_path("/host/disk/sub/file"), inode("/host/disk/sub/file")), "-");
	fixture_file("/host/file", "x");
	assert_string_equal(name(fixture_path("/host/file"), inode("/host/file")), "-");
}

static void who_has_gone_saw_what_others_see(void **state)
{
	struct tt_view unknown = { .mnt_ns = box.view.mnt_ns }, other = { .mnt_ns = 77 };
	struct tt_outside_file of = file("/d/file", inode("/host/disk/sub/file"));

	fixture_link("/proc/100/root", "/"); /* the top of its namespace */
	tt_outside_look(box.outside, 100, 0, &box.view);
	assert_string_equal(name_of(999, &box.view, &of), "-");
	assert_string_equal(name_of(100, &box.view, &of), "/host/disk/sub/file");
	assert_string_equal(name_of(999, &box.view, &of), "/host/disk/sub/file");
	assert_string_equal(name_of(999, &unknown, &of), "/host/disk/sub/file");
	assert_string_equal(name_of(999, &other, &of), "-");
}

static void a_changed_root_in_our_namespace_is_a_prefix(void **state)
{
	fixture_link("/proc/100/ns/mnt", "../../self/ns/mnt");
	fixture_file("/root/etc/f", "x");
	box.view = (struct tt_view){ 0 };
	tt_outside_look(box.outside, 100, 0, &box.view);

	assert_true(tt_outside_is_other_root(box.outside, &box.view));
	assert_string_equal(name("/etc/f", inode("/root/etc/f")), "/root/etc/f");
	assert_string_equal(name("/etc/f", 1), "-");
}

static void a_root_within_a_namespace_is_found_from_its_top(void **state)
{
	struct tt_view chrooted = { 0 };
	struct tt_outside_file of;
	char text[512];

	/* 100 sees all of it and 101 has a root in it, in a mount that is not in 101's own list */
	fixture_link("/proc/100/root", "/");
	tt_outside_look(box.outside, 100, 0, &box.view);
	fixture_file("/d/jail/f", "");
	fixture_link("/proc/101/ns", "../100/ns");
	fixture_file("/proc/101/mountinfo", "4000000008 4000000004 0:9 / /tmp rw - tmpfs x rw\n");
	snprintf(text, sizeof(text), "%s/d/jail", fixture);
	fixture_link("/proc/101/root", text);
	fixture_file("/host/disk/sub/jail/f", "x");
	snprintf(text, sizeof(text),
		 "4000000003 4000000000 8:9 / / rw - ext4 x rw\n"
		 "4000000004 4000000003 8:7 /sub %s/d rw - ext4 x rw\n",
		 fixture);
	fixture_file("/proc/100/mountinfo", text);
	tt_outside_look(box.outside, 101, 0, &chrooted);
	of = file("/f", inode("/host/disk/sub/jail/f"));

	assert_string_equal(name_of(101, &chrooted, &of), "-");
	assert_string_equal(name("/none", 1), "-"); /* of the other, whose mounts are known from now on */
	assert_string_equal(name_of(101, &chrooted, &of), "/host/disk/sub/jail/f");
}

/* An overlay that is mounted nowhere here; upper and lower are directories of the fixture. */
static void put_overlay(const char *lower)
{
	_cleanup_(tt_buf_done) struct tt_buf text = TT_BUF_INIT;

	tt_buf_printf(
		&text,
		"4000000003 4000000000 0:50 / / rw - overlay o rw,lowerdir=%s/none:%s/%s,upperdir=%s/upper,"
		"workdir=/w\n",
		fixture, fixture, lower, fixture);
	fixture_file("/proc/100/mountinfo", text.text);
	fixture_file("/upper/new", "x");
	fixture_file("/upper/dir/changed", "x");
	fixture_file("/lower/dir/changed", "y");
	fixture_file("/lower/dir/old", "y");
}

static void an_overlays_file_is_found_in_its_layer(void **state)
{
	put_overlay("lower");

	assert_string_equal(name("/new", inode("/upper/new")), "/upper/new");
	assert_string_equal(name("/dir/old", inode("/lower/dir/old")), "/lower/dir/old");
	assert_string_equal(name("/dir/changed", inode("/upper/dir/changed")), "/upper/dir/changed");
	/* copied up, under the number that it had */
	assert_string_equal(name("/dir/changed", inode("/lower/dir/changed")), "/upper/dir/changed");
	/* with the number of its layer (xino) */
	assert_string_equal(name("/dir/old", (ino_t)(inode("/lower/dir/old") | 2ull << 62)),
			    "/lower/dir/old");
	assert_string_equal(name("/dir/old", 1), "-");
	assert_string_equal(name("/new/../dir/old", inode("/lower/dir/old")), "-");
}

static void a_layers_own_name_may_be_a_link(void **state)
{
	static const char *const links[] = { "lower", "x/../lower", "../lower", "l/../../lower",
					     "../up/lower" };
	char text[128];

	fixture_link("/up", ".");
	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		put_overlay("l/link");
		fixture_link("/l/link", links[i]);
		assert_string_equal(name("/dir/old", inode("/lower/dir/old")),
				    i == 2 ? "/lower/dir/old" : "-");
	}
	snprintf(text, sizeof(text), "%s/lower", fixture);
	fixture_link("/l/link", text);
	fixture_link("/lower/out", "../upper");
	assert_string_equal(name("/dir/old", inode("/lower/dir/old")), "/lower/dir/old");
	assert_string_equal(name("/out/new", inode("/upper/new")), "-");
	/* but not on the way to it */
	put_overlay("up/lower");
	begin();
	assert_string_equal(name("/dir/old", inode("/lower/dir/old")), "-");
}

/* The text of an overlay's options leads to no server. */
static void a_layer_is_not_looked_for_where_one_may_wait(void **state)
{
	static const char *const types[] = { "autofs", "nfs4", "fuse.sshfs", "ext4" };
	char text[512];

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		snprintf(text, sizeof(text), OURS "4000000002 4000000001 0:77 / %s/lower rw - %s x rw\n",
			 fixture, types[i]);
		fixture_file("/proc/self/mountinfo", text);
		begin();
		put_overlay("lower");
		assert_string_equal(name("/dir/old", inode("/lower/dir/old")),
				    i == 3 ? "/lower/dir/old" : "-");
	}
}

static void mounts_are_read_anew_where_they_do_not_fit(void **state)
{
	struct tt_outside_file of = file("/e/file", inode("/host/disk/sub/file"));

	of.dev = BOX;
	assert_string_equal(name_of(100, &box.view, &of), "-");
	fixture_file("/proc/100/mountinfo", "4000000003 4000000000 8:9 / / rw - ext4 x rw\n"
					    "4000000004 4000000003 8:7 /sub /e rw - ext4 x rw\n");
	assert_string_equal(name_of(100, &box.view, &of), "-");
	box.now_ns += SECOND / 50;
	assert_string_equal(name_of(100, &box.view, &of), "/host/disk/sub/file");
}

/* What is on that device here is not known: no list of mounts would tell more. */
static void nor_are_they_read_for_what_has_no_name(void **state)
{
	struct tt_outside_file of = file("/file", inode("/host/disk/sub/file"));

	of.dev = 8 << 20 | 9;
	assert_string_equal(name_of(100, &box.view, &of), "-");
	fixture_file("/proc/100/mountinfo", "4000000003 4000000000 8:7 /sub / rw - ext4 x rw\n");
	box.now_ns += SECOND;
	assert_string_equal(name_of(100, &box.view, &of), "-");
	of.dev = BOX;
	assert_string_equal(name_of(100, &box.view, &of), "/host/disk/sub/file");
}

static void a_list_that_is_too_long_is_not_read_all_the_time(void **state)
{
	_cleanup_(tt_buf_done) struct tt_buf text = TT_BUF_INIT;
	ino_t ino = inode("/host/disk/sub/file");

	for (unsigned i = 0; i < 60000; i++)
		tt_buf_str(&text, "4000000004 4000000003 8:7 /sub /d rw - ext4 x rw\n");
	fixture_file("/proc/100/mountinfo", text.text);

	assert_string_equal(name("/d/file", ino), "-");
	fixture_file("/proc/100/mountinfo", MOUNTS);
	assert_string_equal(name("/d/file", ino), "-");
	box.now_ns += SECOND;
	assert_string_equal(name("/d/file", ino), "/host/disk/sub/file");
}

/* A list may be read in the very moment before something is mounted, and what is opened there told at once. */
static void what_came_after_the_list_has_it_read_again(void **state)
{
	struct tt_outside_file of = file("/d/file", inode("/host/disk/sub/file"));

	of.dev = BOX;
	fixture_file("/proc/100/mountinfo", "4000000003 4000000000 8:9 / / rw - ext4 x rw\n");
	assert_string_equal(name_of(100, &box.view, &of), "-");
	fixture_file("/proc/100/mountinfo", MOUNTS);
	of.at_ns = box.now_ns;
	assert_string_equal(name_of(100, &box.view, &of), "-");
	of.at_ns = box.now_ns + 1;
	assert_string_equal(name_of(100, &box.view, &of), "/host/disk/sub/file");
}

/* Each takes a millisecond: after some 20 of them no more are read, until it is a 20th of the time. */
static void many_namespaces_are_read_at_a_rate(void **state)
{
	struct tt_outside_file of = file("/d/file", inode("/host/disk/sub/file"));
	unsigned known = 0, n = 100;
	char path[64];

	box.passes_ns = SECOND / 1000;
	for (unsigned i = 0; i < n; i++) {
		struct tt_view view = { 0 };

		snprintf(path, sizeof(path), "/proc/%u/ns/mnt", 1000 + i);
		fixture_file(path, "");
		snprintf(path, sizeof(path), "/proc/%u/mountinfo", 1000 + i);
		fixture_file(path, MOUNTS);
		snprintf(path, sizeof(path), "/proc/%u/root", 1000 + i);
		fixture_link(path, "../../root");
		tt_outside_look(box.outside, 1000 + i, 0, &view);
		known += strcmp(name_of(1000 + i, &view, &of), "-") != 0;
	}
	assert_in_range(known, 20, 30);
	assert_string_equal(name("/d/file", of.ino), "-");
	box.now_ns += SECOND;
	assert_string_equal(name("/d/file", of.ino), "/host/disk/sub/file");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(another_namespace_is_elsewhere),
		TEST(the_host_is_where_process_1_is),
		TEST(a_file_has_the_name_of_its_mount_here),
		TEST(what_is_there_has_to_be_that_file),
		TEST(links_are_not_followed),
		TEST(a_name_that_is_the_same_is_none),
		TEST(who_has_gone_saw_what_others_see),
		TEST(a_changed_root_in_our_namespace_is_a_prefix),
		TEST(a_root_within_a_namespace_is_found_from_its_top),
		TEST(an_overlays_file_is_found_in_its_layer),
		TEST(a_layers_own_name_may_be_a_link),
		TEST(a_layer_is_not_looked_for_where_one_may_wait),
		TEST(mounts_are_read_anew_where_they_do_not_fit),
		TEST(nor_are_they_read_for_what_has_no_name),
		TEST(a_list_that_is_too_long_is_not_read_all_the_time),
		TEST(what_came_after_the_list_has_it_read_again),
		TEST(many_namespaces_are_read_at_a_rate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
