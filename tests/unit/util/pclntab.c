/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of Go's functions in each layout, made by hand, whole and damaged. tests/bpf/env_runtimes.sh has real ones. */
#include "util/pclntab.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "util/util.h"

#define BEFORE	  100 /* of the file, before the table */
#define TEXT	  0x401000
#define TABLE_LEN 4096

struct table {
	unsigned char bytes[TABLE_LEN];
	size_t list, functions, names; /* where they begin */
	bool relative;
};

static void put(struct table *t, size_t at, uint64_t value, size_t size)
{
	assert_true(at + size <= TABLE_LEN);
	memcpy(t->bytes + at, &value, size);
}

static const struct {
	uint32_t magic;
	unsigned version;
} layouts[] = { { 0xfffffffb, 2 }, { 0xfffffffa, 16 }, { 0xfffffff0, 18 }, { 0xfffffff1, 20 } };

static const char *const names[] = { "main.main", "os.Getenv", "internal/syscall.Getenv", "syscall.Getenv",
				     "syscall.Getenv.func1" };

static uint64_t start_of(const struct table *t, size_t i)
{
	return (t->relative ? 0 : TEXT) + 0x100 * (i + 1);
}

/* As Go's linker lays it out. */
static void table_init(struct table *t, unsigned version)
{
	size_t half, at;

	memset(t, 0, sizeof(*t));
	t->relative = version >= 18;
	half = t->relative ? 4 : 8;
	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++)
		if (layouts[i].version == version)
			put(t, 0, layouts[i].magic, 4);
	t->bytes[6] = 1;
	t->bytes[7] = 8;
	put(t, 8, ARRAY_SIZE(names), 8);
	t->list = version == 2 ? 16 : 1024;
	t->names = version == 2 ? 0 : 256;
	if (version == 16) {
		put(t, 8 + 8 * 2, t->names, 8);
		put(t, 8 + 8 * 6, t->list, 8);
	} else if (t->relative) {
		put(t, 8 + 8 * 2, TEXT, 8);
		put(t, 8 + 8 * 3, t->names, 8);
		put(t, 8 + 8 * 7, t->list, 8);
	}
	t->functions = version == 2 ? 0 : t->list;
	at = 256;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		size_t described = 2048 + 64 * i - t->functions;

		put(t, t->list + 2 * half * i, start_of(t, i), half);
		put(t, t->list + 2 * half * i + half, described, half);
		put(t, t->functions + described, start_of(t, i), half);
		put(t, t->functions + described + half, at - t->names, 4);
		memcpy(t->bytes + at, names[i], strlen(names[i]) + 1);
		at += strlen(names[i]) + 1;
	}
}

static int file_of(const struct table *t, size_t len)
{
	static const char before[BEFORE];
	int fd = memfd_create("pclntab", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, before, BEFORE), BEFORE);
	assert_int_equal(write(fd, t->bytes, len), len);
	return fd;
}

static void a_function_is_found_in_each_layout(void **state)
{
	for (size_t l = 0; l < ARRAY_SIZE(layouts); l++) {
		_cleanup_close_ int fd = -1;
		struct tt_pclntab tab;
		struct table t;
		uint64_t start;

		table_init(&t, layouts[l].version);
		fd = file_of(&t, TABLE_LEN);
		assert_int_equal(tt_pclntab_open(fd, BEFORE, TABLE_LEN, &tab), 0);
		assert_int_equal(tab.version, layouts[l].version);
		assert_int_equal(tab.functions, ARRAY_SIZE(names));
		assert_int_equal(tab.text, t.relative ? TEXT : 0);
		for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
			assert_int_equal(tt_pclntab_find(&tab, names[i], &start), 0);
			assert_int_equal(start, start_of(&t, i));
		}
		/* the bytes are there, but no function has this name */
		assert_int_equal(tt_pclntab_find(&tab, "Getenv", &start), -ENOENT);
		assert_int_equal(tt_pclntab_find(&tab, "syscall.Getpid", &start), -ENOENT);
	}
}

static void what_is_no_table_is_refused(void **state)
{
	static const struct {
		size_t at;
		unsigned char value;
	} wrong[] = { { 0, 0xee }, { 4, 1 }, { 5, 1 }, { 6, 3 }, { 7, 4 } /* of a 32-bit program */ };
	struct tt_pclntab tab;
	struct table t;

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		_cleanup_close_ int fd = -1;

		table_init(&t, 20);
		t.bytes[wrong[i].at] = wrong[i].value;
		fd = file_of(&t, TABLE_LEN);
		assert_int_equal(tt_pclntab_open(fd, BEFORE, TABLE_LEN, &tab), -ENOEXEC);
	}
	table_init(&t, 20);
	put(&t, 8, 1ull << 21, 8); /* more functions than any program has */
	{
		_cleanup_close_ int fd = file_of(&t, TABLE_LEN);

		assert_int_equal(tt_pclntab_open(fd, BEFORE, TABLE_LEN, &tab), -ENOEXEC);
		assert_int_equal(tt_pclntab_open(fd, BEFORE, 1ull << 40, &tab), -ENOEXEC);
		assert_int_equal(tt_pclntab_open(fd, UINT64_MAX - 8, 64, &tab), -ENOEXEC);
		assert_int_equal(tt_pclntab_open(-1, BEFORE, TABLE_LEN, &tab), -ENOEXEC);
	}
}

/* Cut anywhere, in the file or by what the section says, it is read without harm, and never answered wrongly. */
static void a_table_cut_anywhere_is_read_without_harm(void **state)
{
	for (size_t l = 0; l < ARRAY_SIZE(layouts); l++) {
		struct table t;

		table_init(&t, layouts[l].version);
		for (size_t len = 0; len < 2400; len += 3) {
			_cleanup_close_ int cut = file_of(&t, len), whole = file_of(&t, TABLE_LEN);
			struct tt_pclntab tab;
			uint64_t start;

			if (tt_pclntab_open(cut, BEFORE, TABLE_LEN, &tab) == 0 &&
			    tt_pclntab_find(&tab, "syscall.Getenv", &start) == 0)
				assert_int_equal(start, start_of(&t, 3));
			if (tt_pclntab_open(whole, BEFORE, len, &tab) == 0 &&
			    tt_pclntab_find(&tab, "syscall.Getenv", &start) == 0)
				assert_int_equal(start, start_of(&t, 3));
		}
	}
}

/* Each word of header and list in turn leads far away. */
static void hostile_numbers_are_read_without_harm(void **state)
{
	static const uint64_t values[] = { 0, 1, TABLE_LEN - 1, TABLE_LEN, 1 << 20, UINT32_MAX, UINT64_MAX };

	for (size_t l = 0; l < ARRAY_SIZE(layouts); l++) {
		for (size_t at = 8; at < 1200; at += 4) {
			for (size_t v = 0; v < ARRAY_SIZE(values); v++) {
				_cleanup_close_ int fd = -1;
				struct tt_pclntab tab;
				struct table t;
				uint64_t start;

				table_init(&t, layouts[l].version);
				put(&t, at, values[v], 8);
				fd = file_of(&t, TABLE_LEN);
				if (tt_pclntab_open(fd, BEFORE, TABLE_LEN, &tab) == 0)
					tt_pclntab_find(&tab, "syscall.Getenv", &start);
			}
		}
	}
}

/* A million functions, described at places that jump to and fro: given up instead of a million reads. */
static void a_table_that_jumps_about_is_given_up(void **state)
{
	const size_t len = 16 << 20, n = 1 << 20;
	const uint32_t list = 1 << 20;
	_cleanup_close_ int fd = memfd_create("pclntab", MFD_CLOEXEC);
	_cleanup_free_ uint32_t *entries = malloc(n * 8);
	struct tt_pclntab tab;
	struct table t;
	uint64_t start;

	assert_true(fd >= 0 && entries);
	table_init(&t, 20);
	put(&t, 8, n, 8);
	put(&t, 8 + 8 * 7, list, 8);
	for (size_t i = 0; i < n; i++) {
		entries[2 * i] = (uint32_t)i;
		entries[2 * i + 1] = i % 2 ? 9 << 20 : 14 << 20;
	}
	assert_int_equal(ftruncate(fd, (off_t)len), 0);
	assert_int_equal(pwrite(fd, t.bytes, TABLE_LEN, 0), TABLE_LEN);
	assert_int_equal(pwrite(fd, entries, n * 8, list), n * 8);
	assert_int_equal(tt_pclntab_open(fd, 0, len, &tab), 0);
	assert_int_equal(tt_pclntab_find(&tab, "syscall.Getenv", &start), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_function_is_found_in_each_layout),
		cmocka_unit_test(what_is_no_table_is_refused),
		cmocka_unit_test(a_table_cut_anywhere_is_read_without_harm),
		cmocka_unit_test(hostile_numbers_are_read_without_harm),
		cmocka_unit_test(a_table_that_jumps_about_is_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
