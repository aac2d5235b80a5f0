/* SPDX-License-Identifier: Apache-2.0 */
#include "process/mounts.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "util/buf.h"
#include "util/util.h"

TT_DEFINE_CLEANUP(struct tt_mounts *, tt_mounts_free)

#define _cleanup_mounts_ _cleanup_(tt_mounts_freep)

static struct tt_mounts *parse(const char *text)
{
	struct tt_mounts *mounts = NULL;

	assert_int_equal(tt_mounts_parse(text, strlen(text), &mounts), 0);
	return mounts;
}

/* "ID REST", or "-" */
static const char *find(const struct tt_mounts *mounts, uint32_t root, const char *path)
{
	static char text[256];
	const char *rest = NULL;
	const struct tt_mount *mount = tt_mounts_find(mounts, root, path, &rest);

	if (!mount)
		return "-";
	snprintf(text, sizeof(text), "%u %s", mount->id, rest);
	return text;
}

static void fields_are_read_whatever_stands_between(void **state)
{
	static const struct {
		const char *line, *root, *point, *type, *options;
		uint32_t dev;
	} cases[] = {
		{ "21 1 8:1 / / rw - ext4 /dev/sda1 rw,errors=remount-ro\n", "/", "/", "ext4",
		  "rw,errors=remount-ro", 8 << 20 | 1 },
		{ "21 1 0:1048575 / / rw shared:1 master:2 propagate_from:3 - tmpfs x rw\n", "/", "/",
		  "tmpfs", "rw", 0xfffff },
		/* a source may be empty, or look like the separator */
		{ "21 1 0:5 / / rw - tmpfs  rw\n", "/", "/", "tmpfs", "rw", 5 },
		{ "21 1 0:5 / / rw - tmpfs - rw - x\n", "/", "/", "tmpfs", "rw - x", 5 },
		{ "21 1 0:5 /a\\040b /c\\011\\012\\134\\043d\\040-\\040e rw - tmpfs x rw\n", "/a b",
		  "/c\t\n\\#d - e", "tmpfs", "rw", 5 },
		/* no escapes: too short, no octal, and what would end the name */
		{ "21 1 0:5 / /a\\04\\09x\\400\\000b\\ rw - tmpfs x rw\n", "/", "/a\\04\\09x\\400\\000b\\",
		  "tmpfs", "rw", 5 },
		{ "21 1 0:4 net:[4026531840] /run/n rw - nsfs nsfs rw\n", "net:[4026531840]", "/run/n",
		  "nsfs", "rw", 4 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_mounts_ struct tt_mounts *mounts = parse(cases[i].line);
		const char *rest;
		const struct tt_mount *mount = tt_mounts_find(mounts, 1, cases[i].point, &rest);

		if (!mount)
			mount = tt_mounts_find(mounts, 0, cases[i].point, &rest);
		assert_non_null(mount);
		assert_int_equal(mount->id, 21);
		assert_int_equal(mount->dev, cases[i].dev);
		assert_string_equal(mount->root, cases[i].root);
		assert_string_equal(mount->point, cases[i].point);
		assert_string_equal(mount->type, cases[i].type);
		assert_string_equal(mount->options, cases[i].options);
	}
}

static void what_is_no_line_is_left_out(void **state)
{
	static const char *const lines[] = {
		"\n",
		"21\n",
		"21 1 8:1 / / rw - ext4 x\n",
		"21 1 8:1 / / rw ext4 x rw\n",
		"21 1 8:1 / x rw - ext4 x rw\n",
		"x 1 8:1 / / rw - ext4 x rw\n",
		"21 -1 8:1 / / rw - ext4 x rw\n",
		"21 1 8 / / rw - ext4 x rw\n",
		"21 1 4096:1 / / rw - ext4 x rw\n",
		"21 1 8:1048576 / / rw - ext4 x rw\n",
		"4294967296 1 8:1 / / rw - ext4 x rw\n",
		"21 1 8:1 / / rw - ext4 x rw", /* cut */
	};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		_cleanup_mounts_ struct tt_mounts *mounts = parse(lines[i]);

		assert_string_equal(find(mounts, 0, "/"), "-");
		assert_string_equal(find(mounts, 21, "/"), "-");
	}
}

static void a_path_goes_through_the_tree_of_mounts(void **state)
{
	_cleanup_mounts_ struct tt_mounts *mounts = parse("10 1 8:1 / / rw - ext4 x rw\n"
							  "11 10 0:5 / /tmp rw - tmpfs x rw\n"
							  "12 11 8:1 /home /tmp/in rw - ext4 x rw\n"
							  /* on top of one another */
							  "13 10 0:6 / /mnt rw - tmpfs x rw\n"
							  "14 13 0:7 / /mnt rw - tmpfs x rw\n"
							  /* covered by what was mounted above it later */
							  "15 10 0:8 / /a/b rw - tmpfs x rw\n"
							  "16 10 0:9 / /a rw - tmpfs x rw\n"
							  /* over the root directory: nobody enters it */
							  "17 10 0:10 / / rw - tmpfs x rw\n");
	static const struct {
		const char *path, *found;
	} cases[] = {
		{ "/", "10 " },
		{ "/etc/passwd", "10 /etc/passwd" },
		{ "/tmp", "11 " },
		{ "/tmp/x", "11 /x" },
		{ "/tmpx", "10 /tmpx" },
		{ "/tmp/in/u/f", "12 /u/f" },
		{ "/tmp/inside", "11 /inside" },
		{ "/mnt/f", "14 /f" },
		{ "/a/b/c", "16 /b/c" },
		{ "relative", "-" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(find(mounts, 10, cases[i].path), cases[i].found);
}

static void the_root_directory_may_lie_in_a_mount_that_is_not_listed(void **state)
{
	_cleanup_mounts_ struct tt_mounts *chrooted = parse("11 9 0:5 / /tmp rw - tmpfs x rw\n"
							    "12 9 0:6 / / rw - tmpfs x rw\n");
	_cleanup_mounts_ struct tt_mounts *mounts = parse("10 1 8:1 / / rw - ext4 x rw\n");

	assert_string_equal(find(chrooted, 9, "/tmp/f"), "11 /f");
	assert_string_equal(find(chrooted, 9, "/etc/f"), "-");
	/* not known: then it is the one at "/" */
	assert_string_equal(find(mounts, 0, "/f"), "10 /f");
}

static void names_lead_back(void **state)
{
	_cleanup_mounts_ struct tt_mounts *mounts = parse("10 1 8:1 / / rw - ext4 x rw\n"
							  "11 10 8:2 /sub /mnt/sub rw - ext4 x rw\n"
							  "12 10 8:2 / /mnt/all rw - ext4 x rw\n"
							  "13 10 8:3 / /covered rw - ext4 x rw\n"
							  "14 13 0:5 / /covered rw - tmpfs x rw\n"
							  "15 10 8:3 /d /seen rw - ext4 x rw\n"
							  "16 10 0:4 net:[1] /run/n rw - nsfs nsfs rw\n"
							  "17 10 8:4 /file /etc/hosts rw - ext4 x rw\n");
	static const struct {
		uint32_t dev;
		const char *inner, *name;
	} cases[] = {
		{ 8 << 20 | 1, "/etc/passwd", "/etc/passwd" },
		{ 8 << 20 | 1, "/", "/" },
		{ 8 << 20 | 1, "/mnt/all/f", NULL }, /* another file system lies there */
		{ 8 << 20 | 2, "/sub/f", "/mnt/all/sub/f" },
		{ 8 << 20 | 2, "/", "/mnt/all" },
		{ 8 << 20 | 3, "/d/f", "/seen/f" },
		{ 8 << 20 | 3, "/dd/f", NULL },
		{ 8 << 20 | 4, "/file", "/etc/hosts" },
		{ 8 << 20 | 4, "/file2", NULL },
		{ 4, "net:[1]", NULL },
		{ 9, "/f", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *name = tt_mounts_name(mounts, 10, cases[i].dev, cases[i].inner);

		assert_string_equal(name ? name : "-", cases[i].name ? cases[i].name : "-");
	}
}

static void a_place_in_a_mount_has_a_name_in_its_file_system(void **state)
{
	static const struct {
		const char *root, *rest, *inner;
	} cases[] = {
		{ "/", "", "/" },	    { "/", "/f", "/f" },    { "/sub", "", "/sub" },
		{ "/sub", "/f", "/sub/f" }, { "net:[1]", "", "-" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tt_mount mount = { .root = cases[i].root };
		_cleanup_free_ char *inner = tt_mount_inner(&mount, cases[i].rest);

		assert_string_equal(inner ? inner : "-", cases[i].inner);
	}
}

static void layers_are_read_from_an_overlays_options(void **state)
{
	static const struct {
		const char *options, *layers;
	} cases[] = {
		{ "rw,lowerdir=/b:/c,upperdir=/a,workdir=/w", "/a|/b|/c" },
		{ "ro,lowerdir=/b", "-|/b" },
		{ "rw,lowerdir+=/b,lowerdir+=/c:d,datadir+=/e,upperdir=/a", "/a|/b|/c:d" },
		/* names with what separates them, and layers that have none */
		{ "rw,lowerdir=/b\\134:b:/c\\054d\\040e::/data,upperdir=/u\\134:v", "/u:v|/b:b|/c,d e" },
		/* relative to a directory that nobody knows */
		{ "rw,lowerdir=l/A:/b,upperdir=u", "-|/b" },
		{ "rw,upperdir,lowerdir", "-" },
		{ "rw,upperdir=,lowerdir=", "-" },
		{ "", "-" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tt_mount mount = { .type = "overlay", .options = cases[i].options };
		_cleanup_(tt_buf_done) struct tt_buf text = TT_BUF_INIT;
		_cleanup_(tt_layers_done) struct tt_layers layers = { 0 };

		assert_int_equal(tt_mount_layers(&mount, &layers), 0);
		tt_buf_str(&text, layers.upper ? layers.upper : "-");
		for (unsigned k = 0; k < layers.n; k++)
			tt_buf_printf(&text, "|%s", layers.lower[k]);
		assert_string_equal(text.text, cases[i].layers);
	}
}

static void layers_are_bounded(void **state)
{
	_cleanup_(tt_buf_done) struct tt_buf text = TT_BUF_INIT;
	_cleanup_(tt_layers_done) struct tt_layers layers = { 0 };
	struct tt_mount mount = { .type = "overlay" };

	tt_buf_str(&text, "rw,lowerdir=/0");
	for (unsigned i = 1; i < 2 * TT_LAYERS_MAX; i++)
		tt_buf_printf(&text, ":/%u", i);
	mount.options = text.text;

	assert_int_equal(tt_mount_layers(&mount, &layers), 0);
	assert_int_equal(layers.n, TT_LAYERS_MAX);
	assert_string_equal(layers.lower[TT_LAYERS_MAX - 1], "/127");
}

static void a_hundred_thousand_mounts_are_too_many(void **state)
{
	_cleanup_(tt_buf_done) struct tt_buf text = TT_BUF_INIT;
	struct tt_mounts *mounts = NULL;

	for (unsigned i = 0; i < 100000; i++)
		tt_buf_printf(&text, "%u 1 0:5 / /m/%u rw - tmpfs x rw\n", i + 2, i);

	assert_int_equal(tt_mounts_parse(text.text, text.len, &mounts), -E2BIG);
	assert_null(mounts);
}

static void a_stack_without_an_end_is_given_up(void **state)
{
	_cleanup_(tt_buf_done) struct tt_buf text = TT_BUF_INIT;
	_cleanup_mounts_ struct tt_mounts *deep = NULL, *own_parent = NULL;

	tt_buf_str(&text, "10 1 8:1 / / rw - ext4 x rw\n");
	for (unsigned i = 0; i < 1000; i++)
		tt_buf_printf(&text, "%u %u 0:5 / /m rw - tmpfs x rw\n", i + 11, i + 10);
	deep = parse(text.text);
	own_parent = parse("10 1 8:1 / / rw - ext4 x rw\n11 10 0:5 / /m rw - tmpfs x rw\n"
			   "11 11 0:5 / /m rw - tmpfs x rw\n");

	assert_string_equal(find(deep, 10, "/m/f"), "-");
	assert_string_equal(find(deep, 10, "/n/f"), "10 /n/f");
	assert_string_equal(find(own_parent, 10, "/m/f"), "-");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_read_whatever_stands_between),
		cmocka_unit_test(what_is_no_line_is_left_out),
		cmocka_unit_test(a_path_goes_through_the_tree_of_mounts),
		cmocka_unit_test(the_root_directory_may_lie_in_a_mount_that_is_not_listed),
		cmocka_unit_test(names_lead_back),
		cmocka_unit_test(a_place_in_a_mount_has_a_name_in_its_file_system),
		cmocka_unit_test(layers_are_read_from_an_overlays_options),
		cmocka_unit_test(layers_are_bounded),
		cmocka_unit_test(a_hundred_thousand_mounts_are_too_many),
		cmocka_unit_test(a_stack_without_an_end_is_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
