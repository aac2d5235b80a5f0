/* SPDX-License-Identifier: Apache-2.0 */
/* Migrations: whose database is it, which version, and bringing it to ours. See schema.h. */
#include "store/schema.h"

#include <errno.h>

#include "store/error.h"

const struct tt_migration tt_schema_migrations[] = {
#include "store/schema.inc" /* made of schema/NNNN_name.sql by the Makefile */
	{ 0 },
};

static int read_int(sqlite3 *db, const char *sql, int *ret)
{
	sqlite3_stmt *stmt = NULL;
	int rc;

	rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW) {
		*ret = sqlite3_column_int(stmt, 0);
		rc = SQLITE_OK;
	}
	sqlite3_finalize(stmt);
	return rc;
}

static int latest(const struct tt_migration *migrations)
{
	int version = 0;

	for (; migrations->version; migrations++)
		version = migrations->version;
	return version;
}

int tt_schema_check(sqlite3 *db, const struct tt_migration *migrations, const char *path, char **ret_message)
{
	int application = 0, version = 0, objects = 0, rc;

	rc = read_int(db, "PRAGMA application_id", &application);
	if (rc == SQLITE_OK)
		rc = read_int(db, "PRAGMA user_version", &version);
	if (rc == SQLITE_OK)
		rc = read_int(db, "SELECT count(*) FROM sqlite_schema", &objects);
	if (rc != SQLITE_OK)
		return tt_store_sqlite_error(db, rc, "cannot read database", path, ret_message);

	if (application == 0 && version == 0 && objects == 0)
		return 0;
	if (application != TT_APPLICATION_ID)
		return tt_store_message(
			-EUCLEAN, ret_message,
			"%s is another program's database and was left untouched; choose another "
			"file with --db",
			path);
	if (version > latest(migrations))
		return tt_store_message(
			-ENOTSUP, ret_message,
			"%s was made by a newer telltale (schema %d, this one knows %d); upgrade "
			"telltale, or choose another file with --db",
			path, version, latest(migrations));
	return version;
}

static int apply(sqlite3 *db, const struct tt_migration *migration)
{
	char mark[96];
	int rc;

	snprintf(mark, sizeof(mark), "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
		 TT_APPLICATION_ID, migration->version);
	rc = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, migration->sql, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, mark, NULL, NULL, NULL);
	return rc;
}

int tt_schema_migrate(sqlite3 *db, const struct tt_migration *migrations, const char *path,
		      char **ret_message)
{
	int version, rc, r;

	version = tt_schema_check(db, migrations, path, ret_message);
	if (version < 0)
		return version;

	for (; migrations->version; migrations++) {
		if (migrations->version <= version)
			continue;
		rc = apply(db, migrations);
		if (rc == SQLITE_OK)
			continue;
		r = tt_store_sqlite_error(db, rc, "cannot bring to this version the database", path,
					  ret_message);
		if (!sqlite3_get_autocommit(db))
			sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
		return r;
	}
	return 0;
}
