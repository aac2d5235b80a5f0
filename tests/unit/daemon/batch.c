/* SPDX-License-Identifier: Apache-2.0 */
/* Rows on their way into a real store: copied, kept while it fails, refused when there is no room. */
#include "daemon/batch.h"

#include <signal.h>
#include <sys/resource.h>

#include "unit/store/fixture.h"

static struct tt_batch *batch;

static int setup(void **state)
{
	struct fixture *f;

	fixture_setup(state);
	f = *state;
	fixture_open(f);
	return tt_batch_new(f->store, &batch);
}

static int teardown(void **state)
{
	tt_batch_free(batch);
	return fixture_teardown(state);
}

static void put_one_session(void)
{
	struct tt_row_session session = session_row(1);
	struct tt_row_process process = process_row(1, 0x1000);

	assert_int_equal(tt_batch_session(batch, &session), 0);
	assert_int_equal(tt_batch_process(batch, &process), 0);
}

static void flush(uint64_t expected_refused)
{
	uint64_t refused = 0;

	assert_int_equal(tt_batch_flush(batch, &refused), 0);
	assert_int_equal(refused, expected_refused);
	assert_int_equal(tt_batch_rows(batch), 0);
	assert_int_equal(tt_batch_bytes(batch), 0);
}

static void rows_of_every_kind_arrive(void **state)
{
	struct tt_row_host host = { .host_id = fixture_id(9), .hostname = "h", .boot_id = "b" };
	struct tt_row_exec exec = { .process_id = fixture_id(0x1000), .exe = "/bin/sh", .at_ns = 1 };
	struct tt_row_file file = file_row(1, 0x1000, "/etc/passwd");
	struct tt_row_env env = env_row(2, 0x1000, "TZ", "getenv");
	struct tt_row_connection connection = { .row_id = 3,
						.process_id = fixture_id(0x1000),
						.family = "inet",
						.protocol = "tcp",
						.address = "127.0.0.1",
						.count = 1 };
	struct tt_row_loss loss = { .row_id = 4, .sensor = "file", .kind = "file_access", .count = 5 };
	struct tt_row_risk risk = { .process_id = fixture_id(0x1000), .level = "low", .reasons = "[]" };
	struct tt_row_counts counts = { .of = TT_COUNTED_FILE, .row_id = 1, .count = 7, .bytes = -1 };

	put_one_session();
	assert_int_equal(tt_batch_host(batch, &host), 0);
	assert_int_equal(tt_batch_exec(batch, &exec), 0);
	assert_int_equal(tt_batch_file(batch, &file), 0);
	assert_int_equal(tt_batch_env(batch, &env), 0);
	assert_int_equal(tt_batch_connection(batch, &connection), 0);
	assert_int_equal(tt_batch_loss(batch, &loss), 0);
	assert_int_equal(tt_batch_risk(batch, &risk), 0);
	assert_int_equal(tt_batch_counts(batch, &counts), 0);
	assert_int_equal(tt_batch_rows(batch), 10);
	flush(0);

	assert_query(*state, "SELECT hostname FROM host", "h");
	assert_query(*state, "SELECT exe FROM process_exec", "/bin/sh");
	assert_query(*state, "SELECT path || count FROM file_access", "/etc/passwd7");
	assert_query(*state, "SELECT name FROM env_lookup", "TZ");
	assert_query(*state, "SELECT address FROM connection", "127.0.0.1");
	assert_query(*state, "SELECT kind || count FROM loss", "file_access5");
	assert_query(*state, "SELECT level FROM risk_record", "low");
}

static void a_row_is_copied_whole(void **state)
{
	char path[4096];
	struct tt_row_file row = file_row(1, 0x1000, path);

	put_one_session();
	memset(path, 'p', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(tt_batch_file(batch, &row), 0);
	memset(path, 'x', sizeof(path) - 1); /* the caller's memory is the caller's again */
	flush(0);

	assert_query(*state, "SELECT length(replace(path, 'p', '')) || ' ' || length(path) FROM file_access",
		     "0 4095");
}

static void a_row_that_is_wrong_in_itself_is_refused_alone(void **state)
{
	struct tt_row_file orphan = file_row(1, 0xdead, "/a"), good = file_row(2, 0x1000, "/b");

	put_one_session();
	assert_int_equal(tt_batch_file(batch, &orphan), 0);
	assert_int_equal(tt_batch_file(batch, &good), 0);
	flush(1);

	assert_query(*state, "SELECT group_concat(path) FROM file_access", "/b");
}

/* Another program that holds the database: what a backup, or a curious user's sqlite3, does. */
static sqlite3 *lock(const struct fixture *f)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	return db;
}

static void a_locked_database_keeps_the_rows_for_the_next_try(void **state)
{
	const struct fixture *f = *state;
	struct tt_row_file row = file_row(1, 0x1000, "/a");
	uint64_t refused = 0;
	sqlite3 *other;

	put_one_session();
	assert_int_equal(tt_batch_file(batch, &row), 0);
	other = lock(f);
	assert_true(tt_batch_flush(batch, &refused) < 0);
	assert_int_equal(refused, 0);
	assert_int_equal(tt_batch_rows(batch), 3);
	assert_non_null(strstr(tt_store_error(f->store), f->path));

	sqlite3_close(other);
	flush(0);
	assert_query(f, "SELECT count(*) FROM file_access", "1");
}

/* A disk that fills up in the middle of a batch, by way of the file size limit. */
static void a_full_disk_undoes_the_whole_batch_and_loses_none_of_it(void **state)
{
	const struct fixture *f = *state;
	struct rlimit before, tight;
	uint64_t refused = 0;
	int r;

	put_one_session();
	flush(0);
	for (uint64_t i = 1; i <= 2000; i++) {
		char path[600];
		struct tt_row_file row = file_row(i, 0x1000, path);

		snprintf(path, sizeof(path), "/%0500llu", (unsigned long long)i);
		assert_int_equal(tt_batch_file(batch, &row), 0);
	}
	/* one that will be refused: it must be counted once, not once a try */
	struct tt_row_file orphan = file_row(5000, 0xdead, "/a");

	assert_int_equal(tt_batch_file(batch, &orphan), 0);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	tight = before;
	tight.rlim_cur = 300000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
	r = tt_batch_flush(batch, &refused);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_true(r < 0);
	assert_int_equal(refused, 0);
	assert_int_equal(tt_batch_rows(batch), 2001);
	assert_query(f, "SELECT count(*) FROM file_access", "0");
	assert_query(f, "SELECT count(*) FROM session", "1");

	flush(1);
	assert_query(f, "SELECT count(*) || ' ' || count(DISTINCT path) FROM file_access", "2000 2000");
}

static void a_full_batch_refuses_and_works_again_when_it_is_empty(void **state)
{
	char path[4096] = "";
	struct tt_row_file row = file_row(1, 0x1000, path);
	size_t rows;
	int r;

	put_one_session();
	memset(path, 'p', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	while ((r = tt_batch_file(batch, &row)) == 0)
		row.row_id++;
	assert_int_equal(r, -ENOSPC);
	rows = tt_batch_rows(batch);
	assert_int_equal(rows, row.row_id + 1); /* what was refused is not in it */
	assert_true(tt_batch_bytes(batch) <= TT_BATCH_BYTES_MAX);
	assert_true(tt_batch_bytes(batch) > TT_BATCH_BYTES_MAX - 2 * sizeof(path));
	assert_int_equal(tt_batch_file(batch, &row), -ENOSPC);
	assert_int_equal(tt_batch_rows(batch), rows);

	flush(0);
	assert_int_equal(tt_batch_file(batch, &row), 0);
	flush(0);
}

static void a_batch_is_dropped_with_what_is_in_it(void **state)
{
	put_one_session();
	tt_batch_free(TAKE_PTR(batch));
	tt_batch_free(NULL);
	assert_query(*state, "SELECT count(*) FROM session", "0");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rows_of_every_kind_arrive),
		TEST(a_row_is_copied_whole),
		TEST(a_row_that_is_wrong_in_itself_is_refused_alone),
		TEST(a_locked_database_keeps_the_rows_for_the_next_try),
		TEST(a_full_disk_undoes_the_whole_batch_and_loses_none_of_it),
		TEST(a_full_batch_refuses_and_works_again_when_it_is_empty),
		TEST(a_batch_is_dropped_with_what_is_in_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
