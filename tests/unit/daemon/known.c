/* SPDX-License-Identifier: Apache-2.0 */
/* The table of known keys: whatever comes and goes, each key has its own entry. */
#include "daemon/known.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "util/util.h"

#define KEYS 5000 /* several chunks, and several sizes of the table */

static struct tt_agg_key key_of(unsigned i)
{
	return (struct tt_agg_key){ .start_ns = 1, .ident = i / 2, .pid = 100, .op = TT_OP_READ + i % 2 };
}

static int setup(void **state)
{
	return tt_known_new((struct tt_known_table **)state);
}

static int teardown(void **state)
{
	tt_known_free(*state);
	return 0;
}

static void add(struct tt_known_table *table, unsigned i)
{
	struct tt_agg_key key = key_of(i);
	struct tt_known *known = tt_known_add(table, &key);

	assert_non_null(known);
	assert_int_equal(known->counted, 0);
	assert_int_equal(known->path_hash, 0);
	known->row_id = i + 1;
}

static const struct tt_known *look(const struct tt_known_table *table, unsigned i)
{
	struct tt_agg_key key = key_of(i);

	return tt_known_find(table, &key);
}

static unsigned count(const struct tt_known_table *table)
{
	unsigned n = 0;

	for (size_t at = 0; tt_known_next(table, &at);)
		n++;
	return n;
}

static void an_empty_table_knows_nothing(void **state)
{
	assert_null(look(*state, 1));
	assert_int_equal(count(*state), 0);
}

static void each_key_has_its_entry_and_keeps_it(void **state)
{
	const struct tt_known *first;

	add(*state, 0);
	first = look(*state, 0);
	for (unsigned i = 1; i < KEYS; i++)
		add(*state, i);

	assert_ptr_equal(look(*state, 0), first);
	for (unsigned i = 0; i < KEYS; i++)
		assert_int_equal(look(*state, i)->row_id, i + 1);
	assert_null(look(*state, KEYS));
	assert_int_equal(count(*state), KEYS);
}

static void what_comes_and_goes_at_random_is_found_while_it_is_there(void **state)
{
	static bool there[KEYS];
	uint32_t random = 1;
	unsigned n = 0;

	for (unsigned round = 0; round < 100000; round++) {
		unsigned i;

		random = random * 1103515245 + 12345;
		i = (random >> 8) % KEYS;
		if (there[i])
			tt_known_remove(*state, (struct tt_known *)look(*state, i));
		else
			add(*state, i);
		there[i] = !there[i];
		n += there[i] ? 1 : -1;
	}
	for (unsigned i = 0; i < KEYS; i++) {
		assert_int_equal(look(*state, i) != NULL, there[i]);
		if (there[i])
			assert_int_equal(look(*state, i)->row_id, i + 1);
	}
	assert_int_equal(count(*state), n);
}

static struct tt_known *look_read(const struct tt_known_table *table, unsigned i, uint32_t path_hash)
{
	struct tt_agg_key key = key_of(i);

	key.op = TT_OP_BYTES;
	return tt_known_find_read(table, &key, path_hash);
}

static void what_takes_bytes_is_found_by_its_file_and_name(void **state)
{
	static uint32_t named[KEYS]; /* path_hash, or 0 */
	uint32_t random = 7;

	assert_null(look_read(*state, 0, 1));
	for (unsigned round = 0; round < 50000; round++) {
		struct tt_known *known;
		unsigned i;

		random = random * 1103515245 + 12345;
		i = (random >> 8) % KEYS & ~1u; /* one of each file */
		known = (struct tt_known *)look(*state, i);
		if (known && random >> 30 == 0) {
			tt_known_remove(*state, known);
			named[i] = 0;
			continue;
		}
		if (!known) {
			add(*state, i);
			known = (struct tt_known *)look(*state, i);
		}
		named[i] = (random >> 20 & 3) + 1;
		assert_int_equal(tt_known_is_read(*state, known, named[i]), 0);
	}
	for (unsigned i = 0; i < KEYS; i += 2) {
		for (uint32_t hash = 1; hash <= 4; hash++) {
			const struct tt_known *found = look_read(*state, i, hash);

			assert_int_equal(found != NULL, named[i] == hash);
			if (found)
				assert_int_equal(found->row_id, i + 1);
		}
	}
}

static void of_two_openings_the_later_takes_the_bytes(void **state)
{
	struct tt_known *first, *second;

	add(*state, 0);
	add(*state, 1); /* the same file */
	first = (struct tt_known *)look(*state, 0);
	second = (struct tt_known *)look(*state, 1);
	first->last_ns = 5;
	second->last_ns = 6;
	assert_int_equal(tt_known_is_read(*state, first, 1), 0);
	assert_int_equal(tt_known_is_read(*state, second, 1), 0);
	assert_ptr_equal(look_read(*state, 0, 1), second);
	first->last_ns = 7;
	assert_ptr_equal(look_read(*state, 0, 1), first);
	tt_known_remove(*state, first);
	assert_ptr_equal(look_read(*state, 0, 1), second);
	assert_null(look_read(*state, 0, 2));
}

static void a_walk_may_remove_what_it_meets(void **state)
{
	struct tt_known *known;
	size_t at = 0;

	for (unsigned i = 0; i < KEYS; i++)
		add(*state, i);
	while ((known = tt_known_next(*state, &at))) {
		if (known->row_id % 2)
			tt_known_remove(*state, known);
	}
	for (unsigned i = 0; i < KEYS; i++)
		assert_int_equal(look(*state, i) != NULL, i % 2);

	for (at = 0; (known = tt_known_next(*state, &at));)
		tt_known_remove(*state, known);
	assert_int_equal(count(*state), 0);
	assert_null(look(*state, 1));

	add(*state, 7); /* from nothing again */
	assert_int_equal(look(*state, 7)->row_id, 8);
}

static void names_are_told_apart(void **state)
{
	assert_int_equal(tt_known_hash(*state, "/a"), tt_known_hash(*state, "/a"));
	assert_int_not_equal(tt_known_hash(*state, "/a"), tt_known_hash(*state, "/b"));
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		test(an_empty_table_knows_nothing),
		test(each_key_has_its_entry_and_keeps_it),
		test(what_comes_and_goes_at_random_is_found_while_it_is_there),
		test(what_takes_bytes_is_found_by_its_file_and_name),
		test(of_two_openings_the_later_takes_the_bytes),
		test(a_walk_may_remove_what_it_meets),
		test(names_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
