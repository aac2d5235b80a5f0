/* SPDX-License-Identifier: Apache-2.0 */
#include "process/table.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "util/util.h"

#define BOOT "01234567-89ab-cdef-0123-456789abcdef"

static struct tt_process_table *table;
static uint32_t forgotten[64];
static size_t n_forgotten;

static void note_forgotten(struct tt_process *process, void *arg)
{
	assert_ptr_equal(arg, &table);
	forgotten[n_forgotten++ % ARRAY_SIZE(forgotten)] = process->key.pid;
}

static int setup(void **state)
{
	n_forgotten = 0;
	return tt_process_table_new(4, note_forgotten, &table, &table);
}

static int teardown(void **state)
{
	tt_process_table_free(table);
	return 0;
}

static struct tt_process_key key(uint32_t pid, uint64_t start_ns)
{
	return (struct tt_process_key){ .pid = pid, .start_ns = start_ns };
}

static struct tt_process *add(uint32_t pid, uint64_t start_ns)
{
	struct tt_process_key k = key(pid, start_ns);
	struct tt_process *process = NULL;

	assert_int_equal(tt_process_add(table, BOOT, &k, &process), 0);
	assert_non_null(process);
	return process;
}

static struct tt_process *find(uint32_t pid, uint64_t start_ns)
{
	struct tt_process_key k = key(pid, start_ns);

	return tt_process_find(table, &k);
}

static int count_one(struct tt_process *process, void *arg)
{
	++*(unsigned *)arg;
	return 0;
}

static unsigned count(void)
{
	unsigned n = 0;

	assert_int_equal(tt_process_each(table, count_one, &n), 0);
	return n;
}

static void reused_pid_gets_a_new_entry(void **state)
{
	struct tt_process *old = add(10, 1), *new = add(10, 2);

	assert_ptr_not_equal(old, new);
	assert_string_not_equal(old->id.s, new->id.s);
	assert_ptr_equal(find(10, 1), old);
	assert_ptr_equal(find(10, 2), new);
}

static void an_older_holder_of_a_pid_ends_alone(void **state)
{
	struct tt_process *old = add(10, 1), *new = add(10, 2);

	tt_process_end(table, old, 5, 0);
	assert_int_equal(new->ended_ns, 0);
	tt_process_end(table, new, 6, 0);
	assert_int_equal(old->ended_ns, 5);
	assert_ptr_equal(find(10, 1), old); /* both are still there for late events */
	assert_ptr_equal(find(10, 2), new);
}

static void an_entry_begins_with_what_is_known(void **state)
{
	struct tt_process_key k = key(10, 1);
	struct tt_process *process = add(10, 1), *again = NULL;

	assert_int_equal(process->status, TT_UNKNOWN_STATUS);
	assert_int_equal(strlen(process->id.s), TT_ID_LEN);
	assert_null(process->exe);
	assert_int_equal(process->ended_ns, 0);
	assert_int_equal(tt_process_add(table, BOOT, &k, &again), -EEXIST);
	assert_null(again);
}

static void ids_differ_by_boot_pid_and_start_and_stay_the_same(void **state)
{
	struct tt_process_key keys[] = { key(1, 1), key(1, 2), key(2, 1) };
	struct tt_id ids[ARRAY_SIZE(keys)], other;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		tt_process_id(BOOT, &keys[i], &ids[i]);
	assert_string_not_equal(ids[0].s, ids[1].s);
	assert_string_not_equal(ids[0].s, ids[2].s);
	tt_process_id("11234567-89ab-cdef-0123-456789abcdef", &keys[0], &other);
	assert_string_not_equal(ids[0].s, other.s);
	tt_process_id(BOOT, &keys[0], &other);
	assert_string_equal(ids[0].s, other.s);
	tt_process_id("short", &keys[0], &other); /* reads no further than it is */
	assert_int_equal(strlen(other.s), TT_ID_LEN);
}

static void what_ended_stays_until_it_expires(void **state)
{
	tt_process_end(table, add(1, 1), 100, 0);
	tt_process_end(table, add(2, 1), 200, 0);
	add(3, 1);

	tt_process_expire(table, 100);
	assert_int_equal(n_forgotten, 0);
	tt_process_expire(table, 101);
	assert_int_equal(n_forgotten, 1);
	assert_int_equal(forgotten[0], 1);
	assert_null(find(1, 1));
	tt_process_expire(table, UINT64_MAX);
	assert_int_equal(n_forgotten, 2);
	assert_int_equal(count(), 1);
	assert_non_null(find(3, 1));
}

static void a_full_table_forgets_what_ended_first(void **state)
{
	for (uint32_t pid = 1; pid <= 4; pid++)
		add(pid, 1);
	tt_process_end(table, find(3, 1), 10, 0);
	tt_process_end(table, find(2, 1), 20, 0);

	add(5, 1);
	assert_null(find(3, 1));
	add(6, 1);
	assert_null(find(2, 1));
	assert_int_equal(count(), 4);
	assert_int_equal(tt_process_evicted(table), 2);
	assert_int_equal(n_forgotten, 2);
}

static void a_table_full_of_living_processes_refuses(void **state)
{
	struct tt_process_key k = key(5, 1);
	struct tt_process *process = NULL;

	for (uint32_t pid = 1; pid <= 4; pid++)
		add(pid, 1);
	assert_int_equal(tt_process_add(table, BOOT, &k, &process), -ENOSPC);
	assert_null(process);
	assert_int_equal(n_forgotten, 0);
	assert_int_equal(count(), 4);
}

static void a_process_ends_once(void **state)
{
	struct tt_process *process = add(1, 1);

	tt_process_end(table, process, 100, 7);
	tt_process_end(table, process, 200, 7);
	assert_int_equal(process->ended_ns, 100);
	tt_process_expire(table, 101);
	assert_int_equal(n_forgotten, 1);
	tt_process_expire(table, UINT64_MAX);
	assert_int_equal(n_forgotten, 1);
}

static void removing_from_the_middle_keeps_the_order_of_ends(void **state)
{
	for (uint32_t pid = 1; pid <= 4; pid++)
		tt_process_end(table, add(pid, 1), pid * 10, 0);
	/* the four go one by one as five more come */
	for (uint32_t pid = 5; pid <= 9; pid++)
		tt_process_end(table, add(pid, 1), pid * 10, 0);
	for (uint32_t pid = 1; pid <= 5; pid++)
		assert_int_equal(forgotten[pid - 1], pid);
	assert_int_equal(count(), 4);
}

static int count_until(struct tt_process *process, void *arg)
{
	int *left = arg;

	return --*left == 0 ? 42 : 0;
}

static void a_walk_meets_all_and_stops_when_told(void **state)
{
	int left = 100;

	for (uint32_t pid = 1; pid <= 4; pid++)
		add(pid, 1);
	assert_int_equal(tt_process_each(table, count_until, &left), 0);
	assert_int_equal(left, 96);
	left = 2;
	assert_int_equal(tt_process_each(table, count_until, &left), 42);
}

static void strings_are_replaced_and_may_be_nothing(void **state)
{
	struct tt_process *process = add(1, 1);

	assert_int_equal(tt_process_set(&process->exe, "/bin/a"), 0);
	assert_int_equal(tt_process_set(&process->exe, "/bin/b"), 0);
	assert_string_equal(process->exe, "/bin/b");
	assert_int_equal(tt_process_set(&process->exe, NULL), 0);
	assert_null(process->exe);
	assert_string_equal(tt_role_name(TT_ROLE_AGENT), "agent");
	assert_string_equal(tt_role_name(TT_ROLE_RUNTIME), "runtime");
	assert_string_equal(tt_role_name(TT_ROLE_TOOL), "tool");
	tt_process_table_free(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(reused_pid_gets_a_new_entry),
		TEST(an_older_holder_of_a_pid_ends_alone),
		TEST(an_entry_begins_with_what_is_known),
		TEST(ids_differ_by_boot_pid_and_start_and_stay_the_same),
		TEST(what_ended_stays_until_it_expires),
		TEST(a_full_table_forgets_what_ended_first),
		TEST(a_table_full_of_living_processes_refuses),
		TEST(a_process_ends_once),
		TEST(removing_from_the_middle_keeps_the_order_of_ends),
		TEST(a_walk_meets_all_and_stops_when_told),
		TEST(strings_are_replaced_and_may_be_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
