/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of store/schema.c: migrations, with a made-up list of them. */
#include "fixture.h"

#include "store/schema.h"

static const struct tt_migration one[] = {
	{ 1, "0001_first", "CREATE TABLE a (x); INSERT INTO a VALUES (41);" },
	{ 0 },
};
static const struct tt_migration three[] = {
	{ 1, "0001_first", "CREATE TABLE a (x); INSERT INTO a VALUES (41);" },
	{ 2, "0002_second", "ALTER TABLE a ADD COLUMN y; UPDATE a SET y = x + 1;" },
	{ 3, "0003_third", "CREATE VIEW b AS SELECT y FROM a;" },
	{ 0 },
};
static const struct tt_migration broken[] = {
	{ 1, "0001_first", "CREATE TABLE a (x); INSERT INTO a VALUES (41);" },
	{ 2, "0002_second", "ALTER TABLE a ADD COLUMN y; DELETE FROM a; CREATE TABLE a (z);" },
	{ 0 },
};

static int migrate(struct fixture *f, const struct tt_migration *migrations)
{
	sqlite3 *db;
	int r;

	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	free(TAKE_PTR(f->message));
	r = tt_schema_migrate(db, migrations, f->path, &f->message);
	assert_true(sqlite3_get_autocommit(db));
	sqlite3_close(db);
	return r;
}

static void an_empty_database_gets_all_migrations(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(migrate(f, three), 0);

	assert_query(f, "SELECT y FROM b", "42");
	assert_query(f, "PRAGMA user_version", "3");
}

static void a_version_1_database_goes_forward_with_its_rows(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(migrate(f, one), 0);
	assert_query(f, "PRAGMA user_version", "1");

	assert_int_equal(migrate(f, three), 0);

	assert_query(f, "SELECT y FROM b", "42");
	assert_query(f, "SELECT count(*) FROM a", "1");
	assert_int_equal(migrate(f, three), 0); /* and once only */
	assert_query(f, "SELECT count(*) FROM a", "1");
}

static void a_migration_that_fails_changes_nothing(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(migrate(f, one), 0);

	assert_true(migrate(f, broken) < 0);

	assert_non_null(strstr(f->message, f->path));
	assert_query(f, "PRAGMA user_version", "1");
	assert_query(f, "SELECT x FROM a", "41");
	assert_query(f, "SELECT group_concat(name) FROM pragma_table_info('a')", "x");
}

static void a_newer_version_is_refused(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(migrate(f, three), 0);

	assert_int_equal(migrate(f, one), -ENOTSUP);
	assert_non_null(strstr(f->message, "newer telltale (schema 3, this one knows 1); upgrade"));
}

static void the_real_migrations_are_numbered_without_gaps(void **state)
{
	int n = 0;

	for (const struct tt_migration *m = tt_schema_migrations; m->version; m++)
		assert_int_equal(m->version, ++n);
	assert_true(n >= 1);
}

static void every_promised_view_and_column_is_there(void **state)
{
	static const char *const selects[] = {
		"SELECT session_id, parent_session_id, agent, agent_name, vendor, agent_version, "
		"install_path, build_id,"
		" root_process_id, launched_by, tty, user, uid, cwd, command, started_ns, ended_ns, "
		"exit_status,"
		" process_count, score, level, policy, complete, gateway, gateway_source FROM session",
		"SELECT process_id, session_id, parent_process_id, pid, ppid, uid, exe, host_exe, argv, cwd, "
		"script, "
		"role, started_ns,"
		" ended_ns, exit_status, mount_ns, cgroup, container_id, coverage FROM process",
		"SELECT process_id, seq, exe, argv, script, result, at_ns FROM process_exec",
		"SELECT process_id, path, op, category, result, count, bytes, first_ns, last_ns, dev, ino, "
		"path_source,"
		" truncated, row_id, revision, real_path, host_path, target, file_type FROM file_access",
		"SELECT process_id, name, source, category, present, count, first_ns, last_ns, value, "
		"row_id, revision"
		" FROM env_lookup",
		"SELECT of_process_id, of_exe FROM env_lookup",
		"SELECT process_id, what, of_process_id, of_pid, of_exe, op, result, count, first_ns, "
		"last_ns, "
		"row_id, revision FROM process_access",
		"SELECT process_id, how, zone, count, first_ns, last_ns, result FROM timezone_lookup",
		"SELECT process_id, direction, family, protocol, local_address, local_port, address, port, "
		"unix_path,"
		" hostname, hostname_source, hostname_confidence, category, state, result, count, "
		"duration_ns, bytes_sent,"
		" bytes_received, first_ns, last_ns, row_id, revision, address_source FROM connection",
		"SELECT process_id, name, type, source, answers, result, count, first_ns, last_ns, row_id, "
		"revision"
		" FROM name_lookup",
		"SELECT finding_id, session_id, process_id, rule_id, title, level, technique, score, count, "
		"first_ns, last_ns,"
		" evidence FROM finding",
		"SELECT process_id, session_id, agent, exe, score, level, reasons, files_read, "
		"credential_files,"
		" timezone_lookups, env_lookups, connections, bytes_sent, first_ns, last_ns, complete FROM "
		"risk_record",
		"SELECT boot_id, sensor, kind, count, from_ns, to_ns, session_id, process_id, row_id, "
		"revision FROM loss",
		"SELECT host_id, hostname, os, kernel, backend, telltale_version, boot_id FROM host",
	};
	struct fixture *f = *state;

	assert_int_equal(migrate(f, tt_schema_migrations), 0);

	for (size_t i = 0; i < ARRAY_SIZE(selects); i++)
		assert_query(f, selects[i], "(none)");
}

static void an_older_database_keeps_its_sessions(void **state)
{
	struct tt_migration older[3] = { tt_schema_migrations[0], tt_schema_migrations[1] };
	struct fixture *f = *state;
	sqlite3 *db;

	assert_int_equal(migrate(f, older), 0);
	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	assert_int_equal(
		sqlite3_exec(db, "INSERT INTO session_row (session_id, score, complete) VALUES ('s1', 2, 1)",
			     NULL, NULL, NULL),
		SQLITE_OK);
	sqlite3_close(db);

	assert_int_equal(migrate(f, tt_schema_migrations), 0);

	assert_query(
		f, "SELECT session_id || score || (gateway IS NULL) || (gateway_source IS NULL) FROM session",
		"s12.011");
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		test(an_empty_database_gets_all_migrations),
		test(a_version_1_database_goes_forward_with_its_rows),
		test(a_migration_that_fails_changes_nothing),
		test(a_newer_version_is_refused),
		test(the_real_migrations_are_numbered_without_gaps),
		test(an_older_database_keeps_its_sessions),
		test(every_promised_view_and_column_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
