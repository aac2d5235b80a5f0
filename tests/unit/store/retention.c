/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of store/retention.c: who goes, who stays, and that the file gets smaller. */
#include "fixture.h"

#include "store/retention.h"

#define DAY (86400 * SECOND)

static const struct tt_retention a_day = { .max_age_ns = DAY };

/* Session n with n_files files of its own names, ended when ended_ns is not 0. Row ids follow on. */
static void add_session(struct fixture *f, uint64_t n, unsigned n_files, int64_t ended_ns)
{
	uint64_t row_id = tt_store_next_row_id(f->store);
	char path[128];

	assert_int_equal(tt_store_begin(f->store), 0);
	put_session(f, n);
	put_file(f, row_id++, n * 0x1000, "/shared/path");
	for (unsigned i = 0; i < n_files; i++, row_id++) {
		snprintf(path, sizeof(path), "/session-%llu/a/rather/long/directory/name/file-%u",
			 (unsigned long long)n, i);
		put_file(f, row_id, n * 0x1000, path);
	}
	if (ended_ns)
		end_session(f, n, ended_ns);
	assert_int_equal(tt_store_commit(f->store), 0);
}

/* Until there is nothing left to do; how many calls did something. */
static unsigned retain(struct fixture *f, const struct tt_retention *limits, int64_t now_ns)
{
	unsigned calls = 0;
	int r;

	while ((r = tt_store_retain(f->store, limits, now_ns)) > 0) {
		calls++;
		assert_true(calls < 1000);
	}
	if (r < 0)
		fail_msg("%d: %s", r, tt_store_error(f->store));
	return calls;
}

static void without_limits_everything_stays(void **state)
{
	static const struct tt_retention none = { 0 };
	struct fixture *f = *state;

	fixture_open(f);
	add_session(f, 1, 10, 100 * SECOND);

	assert_int_equal(retain(f, &none, 1000 * DAY), 0);
	assert_query(f, "SELECT count(*) FROM file_access", "11");
}

static void old_sessions_go_with_everything_of_theirs(void **state)
{
	struct fixture *f = *state;
	struct tt_row_exec exec = { .process_id = fixture_id(0x1000), .exe = "/bin/sh", .at_ns = 1 };
	struct tt_row_env env = env_row(900, 0x1000, "TZ", "getenv");
	struct tt_row_connection connection = {
		.row_id = 901, .process_id = fixture_id(0x1000), .address = "192.0.2.1", .count = 1
	};
	struct tt_row_loss loss = {
		.row_id = 902, .sensor = "file", .kind = "x", .count = 1, .session_id = fixture_id(1)
	};
	struct tt_row_risk risk = { .process_id = fixture_id(0x1000), .level = "low", .reasons = "[]" };
	struct tt_row_access access = { .row_id = 1, .process_id = fixture_id(0x1000), .what = "mem" };

	fixture_open(f);
	add_session(f, 1, 10, 100 * SECOND);
	assert_int_equal(tt_store_begin(f->store), 0);
	assert_int_equal(tt_store_put_access(f->store, &access), 0);
	assert_int_equal(tt_store_put_exec(f->store, &exec), 0);
	assert_int_equal(tt_store_put_env(f->store, &env), 0);
	assert_int_equal(tt_store_put_connection(f->store, &connection), 0);
	assert_int_equal(tt_store_put_loss(f->store, &loss), 0);
	assert_int_equal(tt_store_put_risk(f->store, &risk), 0);
	assert_int_equal(tt_store_commit(f->store), 0);
	add_session(f, 2, 5, 2 * DAY);

	assert_true(retain(f, &a_day, 2 * DAY) > 0);

	assert_query(f, "SELECT group_concat(session_id) FROM session", "0000000000000002");
	assert_query(f, "SELECT count(*) FROM process", "1");
	assert_query(f, "SELECT count(*) FROM file_access", "6");
	assert_query(f,
		     "SELECT (SELECT count(*) FROM exec_row) || (SELECT count(*) FROM env_row) ||"
		     " (SELECT count(*) FROM connection_row) || (SELECT count(*) FROM risk_row) ||"
		     " (SELECT count(*) FROM access_row)",
		     "00000");
	assert_query(f, "SELECT complete FROM session", "1");
	assert_query(f, "PRAGMA foreign_key_check", "(none)");
}

static void what_went_is_in_the_ledger_once(void **state)
{
	struct fixture *f = *state;

	fixture_open(f);
	for (uint64_t n = 1; n <= 3; n++)
		add_session(f, n, 2, (100 + n) * SECOND);

	retain(f, &a_day, 2 * DAY);
	retain(f, &a_day, 300 * DAY);

	assert_query(f, "SELECT json_array(sensor, kind, count, from_ns, to_ns, session_id) FROM loss",
		     "[\"store\",\"retention\",3,1000000000,103000000000,null]");
	assert_query(f, "SELECT row_id >= 1 << 52 FROM loss", "1");
}

static void a_session_that_lives_stays(void **state)
{
	struct fixture *f = *state;
	struct tt_row_process process = process_row(2, 0x2001);

	fixture_open(f);
	add_session(f, 1, 10, 0);
	add_session(f, 2, 10, 100 * SECOND); /* ended, but for one process */
	assert_int_equal(tt_store_begin(f->store), 0);
	assert_int_equal(tt_store_put_process(f->store, &process), 0);
	assert_int_equal(tt_store_commit(f->store), 0);

	assert_int_equal(retain(f, &a_day, 1000 * DAY), 0);
	assert_query(f, "SELECT count(*) FROM session", "2");
}

static void unused_strings_go_and_used_ones_stay(void **state)
{
	struct fixture *f = *state;

	fixture_open(f);
	add_session(f, 1, 100, 100 * SECOND);
	add_session(f, 2, 10, 2 * DAY);

	retain(f, &a_day, 2 * DAY);

	assert_query(f, "SELECT count(*) FROM string WHERE text LIKE '/session-1/%'", "0");
	assert_query(f, "SELECT count(DISTINCT path) FROM file_access", "11");
	assert_query(f, "SELECT count(*) FROM file_access WHERE path IS NULL OR op IS NULL", "0");
	assert_query(f, "SELECT agent FROM session", "claude-code");

	/* And the cache does not remember what went. */
	add_session(f, 3, 100, 2 * DAY);
	assert_int_equal(tt_store_begin(f->store), 0);
	put_file(f, 900, 0x3000, "/session-1/a/rather/long/directory/name/file-5");
	assert_int_equal(tt_store_commit(f->store), 0);
	assert_query(f, "SELECT path FROM file_access WHERE row_id = 900",
		     "/session-1/a/rather/long/directory/name/file-5");
}

static void rows_written_during_a_collection_keep_their_strings(void **state)
{
	struct fixture *f = *state;
	char sql[128];
	int r = 1;

	fixture_open(f);
	add_session(f, 1, 200, 100 * SECOND);
	add_session(f, 2, 1, 0);

	/* Between any two calls a row with a string that only session 1 had. */
	for (unsigned i = 0; r > 0; i++) {
		char path[128];

		snprintf(path, sizeof(path), "/session-1/a/rather/long/directory/name/file-%u", i);
		assert_int_equal(tt_store_begin(f->store), 0);
		put_file(f, 1000 + i, 0x2000, path);
		assert_int_equal(tt_store_commit(f->store), 0);
		r = tt_store_retain(f->store, &a_day, 2 * DAY);
		assert_true(r >= 0);
		snprintf(sql, sizeof(sql), "SELECT path FROM file_access WHERE row_id = %u", 1000 + i);
		assert_query(f, sql, path);
	}
	assert_query(f, "SELECT count(*) FROM file_access WHERE path IS NULL", "0");
	assert_query(f, "SELECT count(*) < 20 FROM string WHERE text LIKE '/session-1/%'", "1");
}

static void a_big_session_goes_in_bounded_pieces(void **state)
{
	struct fixture *f = *state;
	int r;

	fixture_open(f);
	add_session(f, 1, 45000, 100 * SECOND);

	r = tt_store_retain(f->store, &a_day, 2 * DAY);

	assert_true(r > 0);
	assert_query(f, "SELECT count(*) FROM file_access", "25001");
	assert_query(f, "SELECT complete FROM session", "0"); /* rows are missing: it says so */
	assert_true(retain(f, &a_day, 2 * DAY) > 1);
	assert_query(f, "SELECT count(*) FROM session", "0");
}

static void too_large_a_file_shrinks_oldest_first(void **state)
{
	const struct tt_retention limits = { .max_bytes = 2 << 20 };
	struct fixture *f = *state;
	struct stat st;

	fixture_open(f);
	for (uint64_t n = 1; n <= 8; n++)
		add_session(f, n, 4000, (1000 - n) * SECOND); /* the last one ended first */
	assert_int_equal(stat(f->path, &st), 0);
	assert_true(st.st_size > limits.max_bytes);

	retain(f, &limits, 0);

	assert_int_equal(stat(f->path, &st), 0);
	assert_true(st.st_size <= limits.max_bytes);
	assert_query(f, "SELECT min(session_id) FROM session", "0000000000000001");
	assert_query(f, "SELECT count(*) BETWEEN 1 AND 4 FROM session", "1");
	assert_query(f, "PRAGMA integrity_check", "ok");
}

static void row_ids_are_not_given_out_again(void **state)
{
	struct fixture *f = *state;
	uint64_t next;

	fixture_open(f);
	add_session(f, 1, 10, 100 * SECOND);
	next = tt_store_next_row_id(f->store);
	retain(f, &a_day, 2 * DAY);
	fixture_close(f);

	fixture_open(f);
	assert_int_equal(tt_store_next_row_id(f->store), next);
}

static void an_open_batch_is_not_disturbed(void **state)
{
	struct fixture *f = *state;

	fixture_open(f);
	add_session(f, 1, 10, 100 * SECOND);
	assert_int_equal(tt_store_begin(f->store), 0);
	put_session(f, 2);

	assert_int_equal(tt_store_retain(f->store, &a_day, 2 * DAY), -EALREADY);
	assert_int_equal(tt_store_commit(f->store), 0);
	assert_query(f, "SELECT count(*) FROM session", "2");
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		test(without_limits_everything_stays),
		test(old_sessions_go_with_everything_of_theirs),
		test(what_went_is_in_the_ledger_once),
		test(a_session_that_lives_stays),
		test(unused_strings_go_and_used_ones_stay),
		test(rows_written_during_a_collection_keep_their_strings),
		test(a_big_session_goes_in_bounded_pieces),
		test(too_large_a_file_shrinks_oldest_first),
		test(row_ids_are_not_given_out_again),
		test(an_open_batch_is_not_disturbed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
