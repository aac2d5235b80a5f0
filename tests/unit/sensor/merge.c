/* SPDX-License-Identifier: Apache-2.0 */
/* Two queues of records, delivered in one order. Time is an argument. */
#include "sensor/merge.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "fixtures/frames.h"
#include "util/util.h"

static const struct frames_task who = { .pid = 100, .start_ns = 1000, .slot = 7 };

/* What was delivered, in order. */
static struct {
	struct {
		uint64_t time_ns;
		enum tt_event_type type;
		uint32_t pid;
		size_t n_env;
		uint32_t flags;
	} v[8192];
	size_t n;
	size_t stop_after; /* 0: never */
	uint64_t counted, malformed;
} got;

static struct tt_decoder *decoder;
static struct tt_merge *merge;

static int setup(void **state)
{
	memset(&got, 0, sizeof(got));
	assert_int_equal(tt_decoder_new(NULL, NULL, &decoder), 0);
	return tt_merge_new(decoder, &merge);
}

static int teardown(void **state)
{
	tt_merge_free(merge);
	tt_decoder_free(decoder);
	return 0;
}

static int take(const struct tt_event *event, void *arg)
{
	assert_true(got.n < ARRAY_SIZE(got.v));
	got.v[got.n].time_ns = event->time_ns;
	got.v[got.n].type = event->type;
	got.v[got.n].pid = event->process.pid;
	got.v[got.n].flags = event->flags;
	got.v[got.n].n_env = event->type == TT_EVENT_EXEC ? event->exec.n_env : 0;
	got.n++;
	return got.n == got.stop_after ? -ECANCELED : 0;
}

static void add(enum tt_ring ring, const struct frames_record *record)
{
	assert_int_equal(tt_merge_add(merge, ring, record->data, record->len), 0);
}

static void add_note(enum tt_ring ring, uint64_t time_ns)
{
	static struct frames_record record;

	record_note(&record, time_ns, who, TT_NOTE_IO_URING, 0);
	add(ring, &record);
}

static int deliver(uint64_t watermark_ns)
{
	return tt_merge_deliver(merge, watermark_ns, watermark_ns, take, NULL, &got.counted, &got.malformed);
}

static void assert_times(const uint64_t *times, size_t n)
{
	assert_int_equal(got.n, n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(got.v[i].time_ns, times[i]);
}

static void both_rings_come_out_in_one_order(void **state)
{
	static const uint64_t expected[] = { 1, 2, 3, 4, 5, 6 };

	add_note(TT_RING_ACTIVITY, 2);
	add_note(TT_RING_ACTIVITY, 5);
	add_note(TT_RING_ACTIVITY, 6);
	add_note(TT_RING_LIFECYCLE, 1);
	add_note(TT_RING_LIFECYCLE, 3);
	add_note(TT_RING_LIFECYCLE, 4);
	assert_int_equal(deliver(UINT64_MAX), 0);

	assert_times(expected, 6);
	assert_int_equal(got.counted, 6);
}

static void what_is_nearly_sorted_is_sorted(void **state)
{
	uint64_t expected[1000];

	/* neighbours swapped and every tenth record late by some: what CPUs do to one another */
	for (uint64_t i = 0; i < 1000; i++) {
		add_note(i % 3 ? TT_RING_ACTIVITY : TT_RING_LIFECYCLE, 1 + (i % 10 == 9 ? i - 7 : i ^ 1));
		expected[i] = 1 + (i % 10 == 9 ? i - 7 : i ^ 1);
	}
	for (size_t i = 1; i < 1000; i++) {
		for (size_t k = i; k > 0 && expected[k - 1] > expected[k]; k--) {
			uint64_t swap = expected[k];

			expected[k] = expected[k - 1];
			expected[k - 1] = swap;
		}
	}
	assert_int_equal(deliver(UINT64_MAX), 0);

	assert_times(expected, 1000);
}

static void at_the_same_time_life_comes_before_activity(void **state)
{
	static struct frames_record record;
	struct file_opts file = { .path = "/etc/passwd" };

	record_file(&record, 10, who, &file);
	add(TT_RING_ACTIVITY, &record);
	record_fork(&record, 10, who, who);
	add(TT_RING_LIFECYCLE, &record);
	assert_int_equal(deliver(10), 0);

	assert_int_equal(got.v[0].type, TT_EVENT_FORK);
	assert_int_equal(got.v[1].type, TT_EVENT_FILE);
}

static void nothing_newer_than_the_watermark_is_delivered(void **state)
{
	static const uint64_t expected[] = { 1, 10, 11, 12, 20 };

	add_note(TT_RING_ACTIVITY, 10);
	add_note(TT_RING_ACTIVITY, 20);
	add_note(TT_RING_LIFECYCLE, 1);
	add_note(TT_RING_LIFECYCLE, 12);
	assert_int_equal(deliver(10), 0);
	assert_times(expected, 2);

	/* one that was drained later, and is older than what waits */
	add_note(TT_RING_LIFECYCLE, 11);
	assert_int_equal(deliver(19), 0);
	assert_times(expected, 4);

	assert_int_equal(deliver(20), 0);
	assert_times(expected, 5);
}

static void equal_times_in_one_ring_keep_their_order(void **state)
{
	static struct frames_record record;

	for (uint32_t pid = 1; pid <= 50; pid++) {
		struct frames_task task = { .pid = pid, .start_ns = 1, .slot = 1 };

		record_fork(&record, 5, who, task);
		add(TT_RING_LIFECYCLE, &record);
	}
	assert_int_equal(deliver(5), 0);

	for (uint32_t pid = 1; pid <= 50; pid++)
		assert_int_equal(got.v[pid - 1].pid, pid);
}

/* ---- an exec and its environment */

static void add_exec(uint64_t time_ns, struct frames_task task, uint32_t env_bytes)
{
	static struct frames_record record;
	struct exec_opts opts = { .exe = "/usr/bin/node", .flags = TT_EVF_CANDIDATE };

	record_exec(&record, time_ns, task, &opts);
	((struct tt_ev_exec *)record.data)->env_bytes = env_bytes;
	add(TT_RING_LIFECYCLE, &record);
}

static void add_chunk(uint64_t time_ns, struct frames_task task, uint32_t offset, const void *bytes,
		      size_t len)
{
	static struct frames_record record;

	record_env_chunk(&record, time_ns, task, offset, bytes, len);
	add(TT_RING_LIFECYCLE, &record);
}

static void an_exec_waits_for_its_environment(void **state)
{
	static char chunk[TT_ENV_CHUNK_MAX] = "A=1";

	add_exec(10, who, TT_ENV_CHUNK_MAX + 4);
	add_note(TT_RING_ACTIVITY, 11);
	assert_int_equal(deliver(20), 0);
	assert_int_equal(got.n, 0); /* and what is behind it waits as well */

	add_chunk(10, who, 0, chunk, sizeof(chunk));
	assert_int_equal(deliver(20), 0);
	assert_int_equal(got.n, 0);

	add_chunk(10, who, TT_ENV_CHUNK_MAX, "B=2", 4);
	assert_int_equal(deliver(20), 0);
	assert_int_equal(got.n, 2);
	assert_int_equal(got.v[0].type, TT_EVENT_EXEC);
	assert_int_equal(got.v[0].n_env, 2);
	assert_int_equal(got.v[0].flags & TT_EVF_ENV_CUT, 0);
	assert_int_equal(got.v[1].time_ns, 11);
}

static void but_not_for_ever(void **state)
{
	add_exec(10, who, 4);
	assert_int_equal(deliver(10 + 49 * FRAMES_MS), 0);
	assert_int_equal(got.n, 0);

	assert_int_equal(deliver(10 + 50 * FRAMES_MS), 0);
	assert_int_equal(got.n, 1);
	assert_int_equal(got.v[0].flags & TT_EVF_ENV_CUT, TT_EVF_ENV_CUT);
}

static void nothing_waits_when_nothing_can_come(void **state)
{
	/* a time that only a damaged recording has: the end of all times must not look like just now */
	add_exec(UINT64_MAX - 1, who, 4);
	assert_int_equal(deliver(UINT64_MAX), 0);
	assert_int_equal(got.n, 1);
}

static void execs_at_the_same_time_get_their_own_environment(void **state)
{
	struct frames_task other = { .pid = 200, .start_ns = 2000, .slot = 8 };

	add_exec(10, who, 4);
	add_exec(10, other, 8);
	add_chunk(10, other, 0, "C=3\0D=4", 8);
	add_chunk(10, who, 0, "A=1", 4);
	assert_int_equal(deliver(20), 0);

	assert_int_equal(got.n, 2);
	assert_int_equal(got.v[0].pid, 100);
	assert_int_equal(got.v[0].n_env, 1);
	assert_int_equal(got.v[1].pid, 200);
	assert_int_equal(got.v[1].n_env, 2);
}

static void a_chunk_without_its_exec_is_passed_over(void **state)
{
	add_chunk(5, who, 0, "A=1", 4);
	add_exec(10, who, 0);
	assert_int_equal(deliver(20), 0);

	assert_int_equal(got.n, 1);
	assert_int_equal(got.v[0].n_env, 0);
	assert_int_equal(got.malformed, 0);
}

/* ---- limits and faults */

static void a_handler_can_stop_and_go_on(void **state)
{
	static const uint64_t expected[] = { 1, 2, 3 };

	add_note(TT_RING_ACTIVITY, 1);
	add_note(TT_RING_ACTIVITY, 2);
	add_note(TT_RING_LIFECYCLE, 3);
	got.stop_after = 2;
	assert_int_equal(deliver(10), -ECANCELED);
	assert_times(expected, 2);

	assert_int_equal(deliver(10), 0);
	assert_times(expected, 3);
	assert_int_equal(got.counted, 3);
}

static void malformed_records_are_counted_and_passed_over(void **state)
{
	static struct frames_record record;

	record_note(&record, 1, who, TT_NOTE_IO_URING, 0);
	assert_int_equal(tt_merge_add(merge, TT_RING_ACTIVITY, record.data, record.len - 1), -EBADMSG);
	((struct tt_ev_header *)record.data)->type = 77;
	add(TT_RING_ACTIVITY, &record);
	add_note(TT_RING_ACTIVITY, 2);
	assert_int_equal(deliver(10), 0);

	assert_int_equal(got.n, 1);
	assert_int_equal(got.malformed, 1);
	assert_int_equal(got.counted, 1);
}

static void a_candidate_too_short_for_an_exec_is_malformed(void **state)
{
	static struct frames_record record;
	struct tt_ev_header hdr = record_header(TT_EV_EXEC, TT_EVF_CANDIDATE, 1, who);

	record.len = sizeof(hdr);
	record_finish(&record, &hdr, sizeof(hdr));
	add(TT_RING_LIFECYCLE, &record);
	hdr.type = TT_EV_EXEC_ENV;
	add_exec(2, who, 4);
	hdr.time_ns = 2;
	record_finish(&record, &hdr, sizeof(hdr));
	add(TT_RING_LIFECYCLE, &record); /* a chunk of nothing but its header */
	assert_int_equal(deliver(UINT64_MAX), 0);

	assert_int_equal(got.malformed, 1);
	assert_int_equal(got.n, 1);
}

static void memory_stays_at_what_waits(void **state)
{
	uint64_t now = 1;
	size_t most = 0;

	/* a watermark that trails by ten records, for a hundred times what is queued at once */
	for (int round = 0; round < 100; round++) {
		for (int i = 0; i < 40; i++)
			add_note(i % 2 ? TT_RING_ACTIVITY : TT_RING_LIFECYCLE, now++);
		got.n = 0;
		assert_int_equal(deliver(now - 10), 0);
		if (tt_merge_bytes(merge) > most)
			most = tt_merge_bytes(merge);
	}
	assert_true(most <= 10 * sizeof(struct tt_ev_note));
	assert_int_equal(got.counted, 100 * 40 - 9);
	assert_int_equal(tt_merge_newest(merge, TT_RING_ACTIVITY), now - 1);

	assert_int_equal(deliver(now), 0);
	assert_int_equal(tt_merge_bytes(merge), 0);
	assert_int_equal(tt_merge_newest(merge, TT_RING_ACTIVITY), 0);
}

static void large_records_survive_growing_and_moving(void **state)
{
	static struct frames_record record;
	static char path[TT_PATH_MAX];

	memset(path, 'n', sizeof(path) - 1);
	path[0] = '/';
	for (uint64_t i = 0; i < 600; i++) {
		struct file_opts file = { .path = path };

		path[1] = (char)('a' + i % 26);
		/* odd lengths: the next record has to be aligned all the same */
		path[4000 + i % 95] = '\0';
		record_file(&record, 1 + i, who, &file);
		path[4000 + i % 95] = 'n';
		add(TT_RING_ACTIVITY, &record);
		if (i % 100 == 99)
			assert_int_equal(deliver(i - 20), 0);
	}
	assert_int_equal(deliver(UINT64_MAX), 0);

	assert_int_equal(got.n, 600);
	assert_int_equal(got.malformed, 0);
	for (size_t i = 0; i < 600; i++)
		assert_int_equal(got.v[i].time_ns, i + 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(both_rings_come_out_in_one_order),
		TEST(what_is_nearly_sorted_is_sorted),
		TEST(at_the_same_time_life_comes_before_activity),
		TEST(nothing_newer_than_the_watermark_is_delivered),
		TEST(equal_times_in_one_ring_keep_their_order),
		TEST(an_exec_waits_for_its_environment),
		TEST(but_not_for_ever),
		TEST(nothing_waits_when_nothing_can_come),
		TEST(execs_at_the_same_time_get_their_own_environment),
		TEST(a_chunk_without_its_exec_is_passed_over),
		TEST(a_handler_can_stop_and_go_on),
		TEST(malformed_records_are_counted_and_passed_over),
		TEST(a_candidate_too_short_for_an_exec_is_malformed),
		TEST(memory_stays_at_what_waits),
		TEST(large_records_survive_growing_and_moving),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
