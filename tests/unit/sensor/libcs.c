/* SPDX-License-Identifier: Apache-2.0 */
/* agent/sensor/libcs.c: names, places, and ld.so.cache in both formats and damaged. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sensor/libcs.h"
#include "tree.h"

struct found {
	char text[4096];
	int stop_after;
};

static int note(const char *path, void *arg)
{
	struct found *found = arg;
	size_t len = strlen(found->text);

	snprintf(found->text + len, sizeof(found->text) - len, "%s\n", path);
	return found->stop_after && --found->stop_after == 0 ? 7 : 0;
}

static void names_of_c_libraries_are_known(void **state)
{
	static const struct {
		const char *path;
		bool is, musl;
	} cases[] = {
		{ "/lib/x86_64-linux-gnu/libc.so.6", true, false },
		{ "libc.so.6", true, false },
		{ "/lib/x86_64-linux-gnu/libc-2.31.so", true, false },
		{ "/lib/ld-musl-x86_64.so.1", true, true },
		{ "/lib/libc.musl-x86_64.so.1", true, true },
		{ "/usr/lib/musl/lib/libc.so", true, true },
		{ "/lib/libc.so.6.bak", false, false },
		{ "/lib/libcap.so.2", false, false },
		{ "/lib/libc-2.x", false, false },
		{ "/lib/libc.so.6/other", false, false },
		{ "", false, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(tt_libcs_is_name(cases[i].path), cases[i].is);
		assert_int_equal(tt_libcs_is_musl(cases[i].path), cases[i].musl);
	}
}

static void libraries_are_found_in_their_places(void **state)
{
	struct tree *tree = *state;
	struct found found = { .stop_after = 0 };

	tree_text(tree, "/lib/x86_64-linux-gnu/libc.so.6", 0755, "x");
	tree_text(tree, "/lib64/libc.so.6", 0755, "x");
	tree_text(tree, "/lib/ld-musl-x86_64.so.1", 0755, "x");
	tree_text(tree, "/lib/x86_64-linux-gnu/libm.so.6", 0755, "x");

	assert_int_equal(tt_libcs_find(tree->root, note, &found), 0);

	assert_non_null(strstr(found.text, "/lib/x86_64-linux-gnu/libc.so.6\n"));
	assert_non_null(strstr(found.text, "/lib64/libc.so.6\n"));
	assert_non_null(strstr(found.text, "/lib/ld-musl-x86_64.so.1\n"));
	assert_null(strstr(found.text, "libm"));
}

static void the_search_stops_when_told_to(void **state)
{
	struct tree *tree = *state;
	struct found found = { .stop_after = 1 };

	tree_text(tree, "/lib64/libc.so.6", 0755, "x");
	tree_text(tree, "/lib/ld-musl-x86_64.so.1", 0755, "x");

	assert_int_equal(tt_libcs_find(tree->root, note, &found), 7);
	assert_null(strstr(found.text, "musl"));
}

/* ---- ld.so.cache */

struct cache {
	char data[1024];
	size_t len;
};

static void put(struct cache *cache, const void *data, size_t len)
{
	memcpy(cache->data + cache->len, data, len);
	cache->len += len;
}

static void put_u32(struct cache *cache, uint32_t value)
{
	put(cache, &value, sizeof(value));
}

/* Two entries: libc.so.6 -> /opt/lib/libc.so.6, libm.so.6 -> /lib/libm.so.6 */
static void make_cache(struct cache *cache, uint32_t entries)
{
	static const char strings[] = "libc.so.6\0/opt/lib/libc.so.6\0libm.so.6\0/lib/libm.so.6";
	const uint32_t base = 48 + 2 * 24, offsets[2][2] = { { 0, 10 }, { 29, 39 } };
	const char zeros[20] = { 0 };

	put(cache, "glibc-ld.so.cache1.1", 20);
	put_u32(cache, entries);
	put_u32(cache, sizeof(strings));
	put(cache, zeros, 20);
	for (int i = 0; i < 2; i++) {
		put_u32(cache, 0x303);
		put_u32(cache, base + offsets[i][0]);
		put_u32(cache, base + offsets[i][1]);
		put(cache, zeros, 12);
	}
	put(cache, strings, sizeof(strings));
}

static void the_cache_names_libraries_elsewhere(void **state)
{
	struct cache cache = { .len = 0 };
	struct found found = { .stop_after = 0 };

	make_cache(&cache, 2);
	assert_int_equal(tt_libcs_cache(cache.data, cache.len, "libc.so.6", note, &found), 0);
	assert_string_equal(found.text, "/opt/lib/libc.so.6\n");

	/* a path that is not absolute is none */
	*(char *)memchr(cache.data + 96, '/', cache.len - 96) = 'x';
	found.text[0] = '\0';
	tt_libcs_cache(cache.data, cache.len, "libc.so.6", note, &found);
	assert_string_equal(found.text, "");
}

static void the_cache_may_follow_an_older_table(void **state)
{
	struct cache old = { .len = 0 }, cache = { .len = 0 };
	struct found found = { .stop_after = 0 };
	const char entry[12] = { 0 }, pad[4] = { 0 };

	put(&old, "ld.so-1.7.0", 12);
	put_u32(&old, 1);
	put(&old, entry, sizeof(entry));
	put(&old, pad, sizeof(pad)); /* to 32 */
	make_cache(&cache, 2);
	put(&old, cache.data, cache.len);

	assert_int_equal(tt_libcs_cache(old.data, old.len, "libc.so.6", note, &found), 0);
	assert_string_equal(found.text, "/opt/lib/libc.so.6\n");
}

static void a_damaged_cache_is_read_within_its_bounds(void **state)
{
	struct cache cache = { .len = 0 };

	make_cache(&cache, UINT32_MAX);
	for (size_t len = 0; len <= cache.len; len++) {
		/* an allocation of the exact size, so that a read beyond it is caught */
		_cleanup_free_ char *cut = malloc(len + !len);
		struct found found = { .stop_after = 0 };

		memcpy(cut, cache.data, len);
		tt_libcs_cache(cut, len, "libc.so.6", note, &found);
	}
	for (size_t at = 0; at < cache.len; at++) {
		struct cache wrong = cache;
		struct found found = { .stop_after = 0 };

		wrong.data[at] = (char)0xff;
		tt_libcs_cache(wrong.data, wrong.len, "libc.so.6", note, &found);
	}
}

static void the_cache_is_found_below_the_root(void **state)
{
	struct tree *tree = *state;
	struct cache cache = { .len = 0 };
	struct found found = { .stop_after = 0 };
	char want[PATH_MAX + 32];

	make_cache(&cache, 2);
	tree_write(tree, "/etc/ld.so.cache", 0644, cache.data, cache.len);

	tt_libcs_find(tree->root, note, &found);

	snprintf(want, sizeof(want), "%s/opt/lib/libc.so.6\n", tree->root);
	assert_string_equal(found.text, want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_c_libraries_are_known),
		cmocka_unit_test_setup_teardown(libraries_are_found_in_their_places, tree_setup,
						tree_teardown),
		cmocka_unit_test_setup_teardown(the_search_stops_when_told_to, tree_setup, tree_teardown),
		cmocka_unit_test(the_cache_names_libraries_elsewhere),
		cmocka_unit_test(the_cache_may_follow_an_older_table),
		cmocka_unit_test(a_damaged_cache_is_read_within_its_bounds),
		cmocka_unit_test_setup_teardown(the_cache_is_found_below_the_root, tree_setup, tree_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
