/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of store/query.c: opening to read, what is allowed, and ids from prefixes. */
#include "fixture.h"

#include <signal.h>
#include <sys/mount.h>
#include <sys/time.h>

#include "store/query.h"

struct answer {
	unsigned rows, heads;
	char text[256];
};

static int collect(const struct tt_query_row *row, void *arg)
{
	struct answer *answer = arg;

	answer->rows++;
	for (unsigned i = 0; i < row->n; i++) {
		const struct tt_value *value = &row->values[i];
		size_t at = strlen(answer->text), room = sizeof(answer->text) - at;

		switch (value->type) {
		case TT_NULL:
			snprintf(answer->text + at, room, "%s=null;", row->names[i]);
			break;
		case TT_INTEGER:
			snprintf(answer->text + at, room, "%s=%lld;", row->names[i], (long long)value->i);
			break;
		case TT_REAL:
			snprintf(answer->text + at, room, "%s=%.2f;", row->names[i], value->d);
			break;
		case TT_TEXT:
			snprintf(answer->text + at, room, "%s='%.*s';", row->names[i], (int)value->len,
				 value->text);
			break;
		}
	}
	return 0;
}

static int head(unsigned n, const char *const *names, void *arg)
{
	((struct answer *)arg)->heads += n;
	return 0;
}

static void make(struct fixture *f)
{
	fixture_open(f);
	assert_int_equal(tt_store_begin(f->store), 0);
	put_session(f, 0xabcd0000000001);
	put_session(f, 0xabce0000000002);
	assert_int_equal(tt_store_commit(f->store), 0);
}

static struct tt_query_db *open_query(struct fixture *f)
{
	struct tt_query_db *db = NULL;

	if (tt_query_open(f->path, &db, &f->message) != 0)
		fail_msg("%s", f->message);
	return db;
}

/* One that was written before there was this view. */
static void what_an_older_database_lacks_is_empty(void **state)
{
	struct fixture *f = *state;
	struct answer answer = { 0 };
	struct tt_query_db *db;
	sqlite3 *older = NULL;

	make(f);
	assert_int_equal(sqlite3_open(f->path, &older), SQLITE_OK);
	assert_int_equal(sqlite3_exec(older, "DROP VIEW process_access", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(older);

	db = open_query(f);
	assert_int_equal(
		tt_query_run(db, "SELECT count(*) AS n FROM process_access", NULL, 0, head, collect, &answer),
		0);
	assert_string_equal(answer.text, "n=0;");
	tt_query_close(db);
}

static void open_fails(struct fixture *f, int error, const char *words)
{
	_cleanup_free_ char *message = NULL;
	struct tt_query_db *db = NULL;

	assert_int_equal(tt_query_open(f->path, &db, &message), error);
	assert_null(db);
	if (!message || !strstr(message, words))
		fail_msg("'%s' lacks '%s'", message ?: "(null)", words);
}

static void values_come_with_their_types(void **state)
{
	struct answer answer = { 0 };
	struct fixture *f = *state;
	struct tt_query_db *db;

	make(f);
	db = open_query(f);

	assert_int_equal(tt_query_run(db, "SELECT 1 AS i, 2.5 AS d, 'x' AS t, NULL AS n, zeroblob(0) AS b",
				      NULL, 0, head, collect, &answer),
			 0);

	assert_int_equal(answer.heads, 5);
	assert_string_equal(answer.text, "i=1;d=2.50;t='x';n=null;b='';");
	tt_query_close(db);
}

static void parameters_are_bound_and_counted(void **state)
{
	const char *const params[] = { "00abcd0000000001", "5" };
	struct answer answer = { 0 };
	struct fixture *f = *state;
	struct tt_query_db *db;

	make(f);
	db = open_query(f);

	assert_int_equal(tt_query_run(db, "SELECT agent FROM session WHERE session_id = ? AND started_ns > ?",
				      params, 2, NULL, collect, &answer),
			 0);
	assert_string_equal(answer.text, "agent='claude-code';");
	assert_int_equal(tt_query_run(db, "SELECT ?", params, 2, NULL, NULL, NULL), -EINVAL);
	assert_string_equal(tt_query_error(db), "the statement has 1 parameters, 2 were given");
	tt_query_close(db);
}

static void a_reader_sees_what_was_committed_only(void **state)
{
	struct answer answer = { 0 };
	struct fixture *f = *state;
	struct tt_query_db *db;

	make(f);
	db = open_query(f);
	assert_int_equal(tt_store_begin(f->store), 0);
	put_session(f, 3);

	assert_int_equal(
		tt_query_run(db, "SELECT count(*) AS n FROM session", NULL, 0, NULL, collect, &answer), 0);
	assert_string_equal(answer.text, "n=2;");
	assert_int_equal(tt_store_commit(f->store), 0);
	assert_int_equal(
		tt_query_run(db, "SELECT count(*) AS n FROM session", NULL, 0, NULL, collect, &answer), 0);
	assert_string_equal(answer.text, "n=2;n=3;");
	tt_query_close(db);
}

static void a_held_reader_sees_one_moment(void **state)
{
	static const char count[] = "SELECT count(*) AS n FROM session";
	struct answer answer = { 0 };
	struct fixture *f = *state;
	struct tt_query_db *db;

	make(f);
	db = open_query(f);
	assert_int_equal(tt_query_hold(db), 0);
	assert_int_equal(tt_query_run(db, count, NULL, 0, NULL, collect, &answer), 0);
	assert_int_equal(tt_store_begin(f->store), 0);
	put_session(f, 3);
	assert_int_equal(tt_store_commit(f->store), 0);

	assert_int_equal(tt_query_run(db, count, NULL, 0, NULL, collect, &answer), 0);
	assert_string_equal(answer.text, "n=2;n=2;");
	assert_int_equal(tt_query_run(db, "COMMIT", NULL, 0, NULL, collect, &answer), -EPERM);
	tt_query_close(db);
}

static const struct {
	const char *sql;
	int result;
} statements[] = {
	{ "SELECT 1", 0 },
	{ " select 1 ; -- and a comment", 0 },
	{ "EXPLAIN SELECT * FROM session", 0 },
	{ "EXPLAIN QUERY PLAN SELECT * FROM file_access WHERE process_id = 'x'", 0 },
	{ "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10) SELECT sum(i) FROM n",
	  0 },
	{ "VALUES (1, 2)", 0 },
	{ "SELECT value FROM json_each('[1, 2]')", 0 },
	{ "UPDATE sqlite_master SET sql = ''", -EINVAL },
	{ "SELECT json_extract('{\"a\":1}', '$.a'), group_concat(agent) OVER () FROM session", 0 },
	{ "PRAGMA table_info(session)", 0 },
	{ "SELECT name FROM pragma_table_info('session')", 0 },
	{ "PRAGMA user_version", 0 },
	{ "", -EINVAL },
	{ "-- nothing", -EINVAL },
	{ "SELECT 1; SELECT 2", -EINVAL },
	{ "SELECT nothing FROM nowhere", -EINVAL },
	{ "SELEC 1", -EINVAL },
	{ "DELETE FROM session_row", -EPERM },
	{ "INSERT INTO meta VALUES (1, 2)", -EPERM },
	{ "UPDATE session_row SET complete = 1", -EPERM },
	{ "DROP VIEW session", -EPERM },
	{ "CREATE TEMP TABLE t (x)", -EPERM },
	{ "CREATE VIRTUAL TABLE t USING fts5(x)", -EPERM },
	{ "ATTACH '/tmp/telltale-other.db' AS o", -EPERM },
	{ "DETACH main", -EPERM },
	{ "VACUUM", -EPERM },
	{ "VACUUM INTO '/tmp/telltale-copy.db'", -EPERM },
	{ "BEGIN", -EPERM },
	{ "SAVEPOINT s", -EPERM },
	{ "REINDEX", -EPERM },
	{ "ANALYZE", -EPERM },
	{ "PRAGMA user_version = 7", -EPERM },
	{ "PRAGMA journal_mode = DELETE", -EPERM },
	{ "PRAGMA writable_schema = 1", -EPERM },
	{ "PRAGMA trusted_schema = 1", -EPERM },
	{ "PRAGMA wal_checkpoint", -EPERM },
	{ "PRAGMA incremental_vacuum", -EPERM },
	{ "SELECT load_extension('/tmp/x.so')", -EPERM },
	{ "SELECT fts3_tokenizer('simple')", -EPERM },
	{ "SELECT zeroblob(100000000)", -E2BIG },
};

static void only_reading_is_allowed(void **state)
{
	struct fixture *f = *state;
	struct tt_query_db *db;
	int r;

	make(f);
	db = open_query(f);

	for (size_t i = 0; i < ARRAY_SIZE(statements); i++) {
		struct answer answer = { 0 };

		r = tt_query_run(db, statements[i].sql, NULL, 0, NULL, collect, &answer);
		if (r != statements[i].result)
			fail_msg("%s: %d (%s), expected %d", statements[i].sql, r, tt_query_error(db),
				 statements[i].result);
		assert_true(r == 0 || *tt_query_error(db));
	}
	assert_int_equal(access("/tmp/telltale-copy.db", F_OK), -1);
	assert_int_equal(access("/tmp/telltale-other.db", F_OK), -1);
	tt_query_close(db);
}

static int stop_at_once(const struct tt_query_row *row, void *arg)
{
	++*(int *)arg;
	return 77;
}

static void a_callback_can_stop(void **state)
{
	struct fixture *f = *state;
	struct tt_query_db *db;
	int calls = 0;

	make(f);
	db = open_query(f);

	assert_int_equal(tt_query_run(db, "SELECT 1 FROM session", NULL, 0, NULL, stop_at_once, &calls), 77);
	assert_int_equal(calls, 1);
	tt_query_close(db);
}

static struct tt_query_db *interrupted;

static void on_alarm(int sig)
{
	tt_query_interrupt(interrupted);
}

static void an_endless_query_can_be_interrupted(void **state)
{
	const struct itimerval soon = { .it_value.tv_usec = 20000 };
	struct answer answer = { 0 };
	struct fixture *f = *state;

	make(f);
	interrupted = open_query(f);
	signal(SIGALRM, on_alarm);
	setitimer(ITIMER_REAL, &soon, NULL);

	assert_int_equal(tt_query_run(interrupted,
				      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
				      " SELECT max(i) FROM n",
				      NULL, 0, NULL, collect, &answer),
			 -EINTR);
	assert_string_equal(tt_query_error(interrupted), "interrupted");
	assert_int_equal(tt_query_run(interrupted, "SELECT 1", NULL, 0, NULL, collect, &answer), 0);
	tt_query_close(interrupted);
}

static void a_query_cannot_take_all_memory(void **state)
{
	struct answer answer = { 0 };
	struct fixture *f = *state;
	struct tt_query_db *db;

	make(f);
	db = open_query(f);
	assert_in_range(sqlite3_hard_heap_limit64(-1), 1, INT64_C(1) << 30);
	sqlite3_hard_heap_limit64(8 << 20); /* sooner, so that the test is quick */

	assert_int_equal(tt_query_run(db, "SELECT hex(zeroblob(10000000))", NULL, 0, NULL, collect, &answer),
			 -ENOMEM);
	assert_non_null(strstr(tt_query_error(db), "too much memory"));
	assert_int_equal(tt_query_run(db, "SELECT 1", NULL, 0, NULL, collect, &answer), 0);
	tt_query_close(db);
	sqlite3_hard_heap_limit64(0);
}

static void more_slashes_name_the_same_file(void **state)
{
	_cleanup_free_ char *message = NULL, *path = NULL;
	struct tt_query_db *db = NULL;
	struct fixture *f = *state;

	make(f);
	assert_true(asprintf(&path, "//%s", f->path) > 0);
	assert_int_equal(tt_query_open(path, &db, &message), 0);
	tt_query_close(db);
}

static void what_is_no_database_is_said(void **state)
{
	struct fixture *f = *state;
	FILE *file;

	open_fails(f, -ENOENT, "it does not exist");
	assert_int_equal(access(f->path, F_OK), -1);

	assert_int_equal(mkdir(f->path, 0700), 0);
	open_fails(f, -EISDIR, "it is a directory");
	assert_int_equal(rmdir(f->path), 0);

	file = fopen(f->path, "w");
	open_fails(f, -EUCLEAN, "is empty: nothing was recorded in it yet");
	for (int i = 0; i < 1000; i++)
		fputs("garbage ", file);
	fclose(file);
	open_fails(f, -EUCLEAN, "not a database, or corrupt");
}

static void a_finished_database_in_a_read_only_directory_is_read(void **state)
{
	struct answer answer = { 0 };
	struct fixture *f = *state;
	struct tt_query_db *db;

	if (geteuid() != 0 || mount("tmpfs", f->dir, "tmpfs", 0, NULL) < 0)
		skip();
	make(f);
	fixture_close(f);
	assert_int_equal(mount("tmpfs", f->dir, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);

	db = open_query(f);
	assert_int_equal(
		tt_query_run(db, "SELECT count(*) AS n FROM session", NULL, 0, NULL, collect, &answer), 0);
	assert_string_equal(answer.text, "n=2;");
	tt_query_close(db);
	umount(f->dir);
}

static void an_unfinished_database_in_a_read_only_directory_is_not_guessed_at(void **state)
{
	struct fixture *f = *state;
	char command[512];

	if (geteuid() != 0 || mount("tmpfs", f->dir, "tmpfs", 0, NULL) < 0)
		skip();
	make(f);
	snprintf(command, sizeof(command), "cp %s %s/u.db && cp %s-wal %s/u.db-wal", f->path, f->dir, f->path,
		 f->dir);
	assert_int_equal(system(command), 0);
	fixture_close(f);
	snprintf(f->path, sizeof(f->path), "%s/u.db", f->dir);
	assert_int_equal(mount("tmpfs", f->dir, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);

	open_fails(f, -EACCES, "its -shm file cannot be written; run as its owner");
	umount(f->dir);
}

static void a_writer_opens_beside_a_reader(void **state)
{
	struct answer answer = { 0 };
	struct fixture *f = *state;
	struct tt_query_db *db;

	make(f);
	fixture_close(f);
	db = open_query(f);

	fixture_open(f);
	assert_int_equal(tt_store_begin(f->store), 0);
	put_session(f, 3);
	assert_int_equal(tt_store_commit(f->store), 0);

	assert_int_equal(
		tt_query_run(db, "SELECT count(*) AS n FROM session", NULL, 0, NULL, collect, &answer), 0);
	assert_string_equal(answer.text, "n=3;");
	tt_query_close(db);
}

static void prefixes_resolve(void **state)
{
	static const struct {
		const char *prefix;
		int result;
		const char *id;
		char kind;
	} cases[] = {
		{ "00abcd0000000001", 0, "00abcd0000000001", 's' },
		{ "00abcd", 0, "00abcd0000000001", 's' },
		{ "00ABCD", 0, "00abcd0000000001", 's' },
		{ "00abce", 0, "00abce0000000002", 's' },
		{ "abcd", 0, "abcd000000000100", 'p' },
		{ "00abc", -ENOTUNIQ, NULL, 0 },
		{ "00", -ENOTUNIQ, NULL, 0 },
		{ "ff", -ENOENT, NULL, 0 },
		{ "00abcd00000000011", -ENOENT, NULL, 0 },
		{ "0", -EINVAL, NULL, 0 },
		{ "", -EINVAL, NULL, 0 },
		{ "%%", -EINVAL, NULL, 0 },
	};
	struct fixture *f = *state;
	struct tt_row_process process = process_row(0xabcd0000000001, 0xabcd000000000100);
	struct tt_query_db *db;
	char id[17], kind;

	make(f);
	assert_int_equal(tt_store_begin(f->store), 0);
	assert_int_equal(tt_store_put_process(f->store, &process), 0);
	assert_int_equal(tt_store_commit(f->store), 0);
	db = open_query(f);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int r = tt_query_resolve(db, cases[i].prefix, id, &kind);

		if (r != cases[i].result)
			fail_msg("'%s': %d (%s)", cases[i].prefix, r, tt_query_error(db));
		if (r < 0)
			continue;
		assert_string_equal(id, cases[i].id);
		assert_int_equal(kind, cases[i].kind);
	}
	tt_query_close(db);
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		test(values_come_with_their_types),
		test(parameters_are_bound_and_counted),
		test(a_reader_sees_what_was_committed_only),
		test(a_held_reader_sees_one_moment),
		test(only_reading_is_allowed),
		test(a_callback_can_stop),
		test(an_endless_query_can_be_interrupted),
		test(a_query_cannot_take_all_memory),
		test(more_slashes_name_the_same_file),
		test(what_is_no_database_is_said),
		test(a_finished_database_in_a_read_only_directory_is_read),
		test(an_unfinished_database_in_a_read_only_directory_is_not_guessed_at),
		test(a_writer_opens_beside_a_reader),
		test(what_an_older_database_lacks_is_empty),
		test(prefixes_resolve),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
