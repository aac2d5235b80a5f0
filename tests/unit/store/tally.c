/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of store/tally.c: groups for scoring, known builds, sessions left open. */
#include "fixture.h"

struct lines {
	char text[2048];
};

static int collect(const struct tt_store_tally *tally, void *arg)
{
	struct lines *lines = arg;
	size_t at = strlen(lines->text);

	snprintf(lines->text + at, sizeof(lines->text) - at,
		 "%s %s %s %d rows %llu count %llu first %llu ids %u %s\n", tally->kind,
		 tally->category ?: "-", tally->op_or_source ?: "-", tally->result_ok,
		 (unsigned long long)tally->rows, (unsigned long long)tally->count,
		 (unsigned long long)tally->row_ids[0], tally->n_row_ids, tally->example ?: "-");
	return 0;
}

static int stop(const struct tt_store_tally *tally, void *arg)
{
	return 5;
}

static void put_files(struct fixture *f, uint64_t first, unsigned n, const char *category, const char *op,
		      int result)
{
	char path[64];

	for (unsigned i = 0; i < n; i++) {
		struct tt_row_file row;

		snprintf(path, sizeof(path), "/%s/%u", category ?: "none", i);
		row = file_row(first + i, 0x1000, path);
		row.category = category;
		row.op = op;
		row.result = result;
		row.count = 2;
		assert_int_equal(tt_store_put_file(f->store, &row), 0);
	}
}

static void rows_are_grouped_also_those_of_the_open_batch(void **state)
{
	struct tt_row_env env = env_row(200, 0x1000, "TZ", "getenv");
	struct tt_row_env base = env_row(201, 0x1000, "OPENAI_BASE_URL", "getenv");
	struct tt_row_connection connection = { .row_id = 300,
						.process_id = fixture_id(0x1000),
						.direction = "out",
						.address = "192.0.2.1",
						.state = "established",
						.result = -115,
						.category = "model-api",
						.count = 1 },
				 came_in = { .row_id = 301,
					     .process_id = connection.process_id,
					     .direction = "in",
					     .address = "192.0.2.1",
					     .state = "established",
					     .count = 1 };
	struct tt_row_file zone = file_row(400, 0x1000, "/etc/localtime");
	struct tt_id process = fixture_id(0x1000);
	struct fixture *f = *state;
	struct lines lines = { "" };

	env.category = "timezone";
	base.category = "api-base-url";
	base.present = 0;
	zone.category = "timezone";
	fixture_open(f);
	assert_int_equal(tt_store_begin(f->store), 0);
	put_session(f, 1);
	put_files(f, 1, 12, "credential", "read", 0);
	put_files(f, 50, 2, "credential", "read", -2);
	put_files(f, 100, 1, NULL, "write", 0);
	assert_int_equal(tt_store_put_env(f->store, &env), 0);
	assert_int_equal(tt_store_put_env(f->store, &base), 0);
	assert_int_equal(tt_store_put_connection(f->store, &connection), 0);
	assert_int_equal(tt_store_put_connection(f->store, &came_in), 0);
	assert_int_equal(tt_store_put_file(f->store, &zone), 0);

	assert_int_equal(tt_store_tally_process(f->store, &process, collect, &lines), 0);

	assert_string_equal(lines.text,
			    "file - write 1 rows 1 count 2 first 100 ids 1 /none/0\n"
			    "file credential read 0 rows 2 count 4 first 50 ids 2 /credential/0\n"
			    "file credential read 1 rows 12 count 24 first 1 ids 8 /credential/0\n"
			    "file timezone read 1 rows 1 count 1 first 400 ids 1 /etc/localtime\n"
			    "env timezone getenv 1 rows 1 count 1 first 200 ids 1 TZ\n"
			    "env api-base-url getenv 1 rows 1 count 1 first 201 ids 1 OPENAI_BASE_URL\n"
			    "connection model-api established 1 rows 1 count 1 first 300 ids 1 192.0.2.1\n"
			    "timezone timezone TZ 1 rows 1 count 1 first 200 ids 1 TZ\n"
			    "timezone timezone localtime 1 rows 1 count 1 first 400 ids 1 /etc/localtime\n");
	assert_int_equal(tt_store_tally_process(f->store, &process, stop, NULL), 5);
}

static void a_process_without_rows_has_no_groups(void **state)
{
	struct tt_id process = fixture_id(0x1000), other = fixture_id(0x9999);
	struct fixture *f = *state;
	struct lines lines = { "" };

	fixture_open(f);
	assert_int_equal(tt_store_begin(f->store), 0);
	put_session(f, 1);

	assert_int_equal(tt_store_tally_process(f->store, &process, collect, &lines), 0);
	assert_string_equal(lines.text, "");
	assert_int_equal(tt_store_tally_process(f->store, &other, collect, &lines), -ENOENT);
}

static int build(const char *agent, const char *version, const char *build_id, void *arg)
{
	struct lines *lines = arg;
	size_t at = strlen(lines->text);

	snprintf(lines->text + at, sizeof(lines->text) - at, "%s %s %s\n", agent, version ?: "-", build_id);
	return 0;
}

static void builds_come_newest_first_and_once(void **state)
{
	struct fixture *f = *state;
	struct lines lines = { "" };
	struct tt_row_session rows[] = { session_row(1), session_row(2), session_row(3), session_row(4) };

	rows[1].build_id = "ef01";
	rows[1].agent_version = NULL;
	rows[2].build_id = NULL;
	rows[3].agent = "(command)";
	rows[3].build_id = "9999";
	fixture_open(f);
	assert_int_equal(tt_store_begin(f->store), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(tt_store_put_session(f->store, &rows[i]), 0);
	rows[0].session_id = fixture_id(9);
	assert_int_equal(tt_store_put_session(f->store, &rows[0]), 0);

	assert_int_equal(tt_store_each_build(f->store, build, &lines), 0);

	assert_string_equal(lines.text, "claude-code - ef01\nclaude-code 1.2.3 abcd\n");
}

static void sessions_left_open_end_with_their_last_row(void **state)
{
	struct tt_row_env env = env_row(2, 0x1000, "TZ", "getenv");
	struct fixture *f = *state;

	env.last_ns = 42 * SECOND;
	fixture_open(f);
	assert_int_equal(tt_store_begin(f->store), 0);
	put_session(f, 1);
	put_file(f, 1, 0x1000, "/a");
	assert_int_equal(tt_store_put_env(f->store, &env), 0);
	put_session(f, 2);
	end_session(f, 2, 7 * SECOND);
	put_session(f, 3); /* nothing recorded but its start */
	assert_int_equal(tt_store_commit(f->store), 0);
	fixture_close(f);
	fixture_open(f);

	assert_int_equal(tt_store_close_stale(f->store, "boot"), 2);

	assert_query(f,
		     "SELECT group_concat((ended_ns / 1000000000) || ':' || complete || ':' || "
		     "coalesce(exit_status, '?'))"
		     " FROM session",
		     "42:0:?,7:1:0,3:0:?");
	assert_query(f, "SELECT group_concat(ended_ns / 1000000000) FROM process", "42,7,3");
	assert_query(f,
		     "SELECT group_concat(kind || ' ' || boot_id || ' ' || session_id || ' ' || (from_ns / "
		     "1000000000))"
		     " FROM loss",
		     "unclean_stop boot 0000000000000001 42,unclean_stop boot 0000000000000003 3");
	assert_query(f, "SELECT min(to_ns > from_ns) FROM loss", "1");
	assert_int_equal(tt_store_close_stale(f->store, "boot"), 0);
}

static void a_session_that_lives_on_is_reopened(void **state)
{
	struct fixture *f = *state;

	fixture_open(f);
	assert_int_equal(tt_store_begin(f->store), 0);
	put_session(f, 1);
	assert_int_equal(tt_store_commit(f->store), 0);
	assert_int_equal(tt_store_close_stale(f->store, NULL), 1);

	assert_int_equal(tt_store_begin(f->store), 0);
	put_session(f, 1);
	assert_int_equal(tt_store_commit(f->store), 0);

	assert_query(f, "SELECT ended_ns FROM session", "(null)");
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		test(rows_are_grouped_also_those_of_the_open_batch),
		test(a_process_without_rows_has_no_groups),
		test(builds_come_newest_first_and_once),
		test(sessions_left_open_end_with_their_last_row),
		test(a_session_that_lives_on_is_reopened),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
