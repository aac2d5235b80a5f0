/* SPDX-License-Identifier: Apache-2.0 */
/* Migrations: schema/NNNN_name.sql, compiled in, applied in order. Private to store/.
 *
 * PRAGMA user_version is the number of the last one applied, PRAGMA application_id says whose file it
 * is. Each migration is one transaction: a crash leaves the version before or after, nothing between. */
#ifndef TT_STORE_SCHEMA_H
#define TT_STORE_SCHEMA_H

#include <sqlite3.h>

#define TT_APPLICATION_ID 0x54656c6c /* "Tell" */

struct tt_migration {
	int version;
	const char *name, *sql;
};

/* Ends with version 0. */
extern const struct tt_migration tt_schema_migrations[];

/* Says whether db is telltale's and not newer than the last of migrations: its version, 0 for an empty
 * database. -EUCLEAN: another program's. -ENOTSUP: from a newer telltale. Errors as tt_store_open. */
int tt_schema_check(sqlite3 *db, const struct tt_migration *migrations, const char *path, char **ret_message);

/* Brings db to the last of migrations. */
int tt_schema_migrate(sqlite3 *db, const struct tt_migration *migrations, const char *path,
		      char **ret_message);

#endif
