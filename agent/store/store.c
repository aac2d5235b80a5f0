/* SPDX-License-Identifier: Apache-2.0 */
/* Opening the database, and batches. Puts are in writer.c, what is read back in tally.c.
 *
 * WAL with synchronous NORMAL: a crash of telltale loses the open batch, a crash of the machine at
 * most the batches since the last checkpoint, and neither ever loses what was there before. Nothing
 * that this file does when it fails changes or removes a database. */
#include "store/store.h"

#include <errno.h>
#include <sys/stat.h>

#include "store/error.h"
#include "store/internal.h"
#include "store/schema.h"

/* Longest wait, when opening, for another program that writes. */
#define OPEN_WAIT_MS 1500
/* A row's text is at most a few KiB; JSON of an environment or of ancestors may be more. */
#define VALUE_MAX    (1 << 20)
/* Up to here the whole file is checked at every opening (about 5 ms per MiB). Damage in larger ones
 * shows when the page concerned is read. */
#define CHECK_MAX    (16 << 20)

int tt_store_prepare(struct tt_store *store, sqlite3_stmt **ret, const char *sql)
{
	return sqlite3_prepare_v2(store->db, sql, -1, ret, NULL);
}

int tt_store_int(struct tt_store *store, int64_t *ret, const char *sql, unsigned n, const int64_t *params)
{
	_cleanup_(sqlite3_finalizep) sqlite3_stmt *stmt = NULL;
	int rc;

	rc = tt_store_prepare(store, &stmt, sql);
	for (unsigned i = 0; rc == SQLITE_OK && i < n; i++)
		rc = sqlite3_bind_int64(stmt, i + 1, params[i]);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return rc;
	if (ret)
		*ret = rc == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : 0;
	while (rc == SQLITE_ROW)
		rc = sqlite3_step(stmt);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int tt_store_exec(struct tt_store *store, const char *sql)
{
	return sqlite3_exec(store->db, sql, NULL, NULL, NULL);
}

static int configure(struct tt_store *store)
{
	static const struct {
		int id, value;
	} limits[] = {
		{ SQLITE_LIMIT_LENGTH, VALUE_MAX },
		{ SQLITE_LIMIT_ATTACHED, 0 },
		{ SQLITE_LIMIT_WORKER_THREADS, 0 },
	};
	int rc;

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		sqlite3_limit(store->db, limits[i].id, limits[i].value);
	sqlite3_busy_timeout(store->db, OPEN_WAIT_MS);
	/* The file may be one that a user prepared: no schema tricks. */
	sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(store->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(store->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);

	rc = tt_store_exec(store, "PRAGMA cell_size_check = ON;"
				  "PRAGMA temp_store = MEMORY; PRAGMA foreign_keys = ON;"
				  "PRAGMA synchronous = NORMAL; PRAGMA cache_size = -8192;"
				  "PRAGMA journal_size_limit = 8388608; PRAGMA secure_delete = ON");
	return rc;
}

/* auto_vacuum works only before the first table is made; later it would only write to the file. */
static int set_vacuum(struct tt_store *store)
{
	int64_t pages;
	int rc = tt_store_int(store, &pages, "PRAGMA page_count", 0, NULL);

	return rc == SQLITE_OK && pages == 0 ? tt_store_exec(store, "PRAGMA auto_vacuum = INCREMENTAL") : rc;
}

static int open_wal(struct tt_store *store, char **ret_message)
{
	_cleanup_(sqlite3_finalizep) sqlite3_stmt *stmt = NULL;
	bool wal;
	int rc;

	rc = tt_store_prepare(store, &stmt, "PRAGMA journal_mode = WAL");
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc != SQLITE_ROW)
		return tt_store_sqlite_error(store->db, rc, "cannot write database", store->place.path,
					     ret_message);
	wal = sqlite3_stricmp((const char *)sqlite3_column_text(stmt, 0), "wal") == 0;
	if (!wal)
		return tt_store_message(
			-EIO, ret_message,
			"cannot write database %s: no write-ahead log on this file system; choose "
			"a local disk with --db",
			store->place.path);
	return 0;
}

static int check_integrity(struct tt_store *store, char **ret_message)
{
	_cleanup_(sqlite3_finalizep) sqlite3_stmt *stmt = NULL;
	int64_t bytes;
	int rc;

	rc = tt_store_int(store, &bytes,
			  "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size", 0, NULL);
	if (rc == SQLITE_OK && bytes > CHECK_MAX)
		return 0;
	if (rc == SQLITE_OK)
		rc = tt_store_prepare(store, &stmt, "PRAGMA quick_check(1)");
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW && tt_streq((const char *)sqlite3_column_text(stmt, 0), "ok"))
		return 0;
	return tt_store_sqlite_error(store->db, rc == SQLITE_ROW ? SQLITE_CORRUPT : rc, "cannot use database",
				     store->place.path, ret_message);
}

static int read_row_ids(struct tt_store *store)
{
	static const enum tt_table_id numbered[] = { TT_TABLE_FILE, TT_TABLE_ENV, TT_TABLE_CONNECTION,
						     TT_TABLE_NAME, TT_TABLE_LOSS };
	int64_t value, own = TT_OWN_ROW_IDS;
	char sql[96];
	int rc;

	rc = tt_store_int(store, &value, "SELECT value FROM meta WHERE key = 'first_free_row'", 0, NULL);
	store->next_row_id = value > 0 ? value : 1;
	for (size_t i = 0; rc == SQLITE_OK && i < ARRAY_SIZE(numbered); i++) {
		snprintf(sql, sizeof(sql), "SELECT max(row_id) FROM %s WHERE row_id < ?",
			 tt_tables[numbered[i]].name);
		rc = tt_store_int(store, &value, sql, 1, &own);
		if (rc == SQLITE_OK && (uint64_t)value >= store->next_row_id)
			store->next_row_id = value + 1;
	}
	if (rc == SQLITE_OK)
		rc = tt_store_int(store, &value, "SELECT max(row_id) FROM loss_row WHERE row_id >= ?", 1,
				  &own);
	store->next_own_row_id = value >= own ? value + 1 : own;
	return rc;
}

static int prepare(struct tt_store *store)
{
	int rc;

	rc = tt_intern_new(store->db, &store->intern);
	if (rc == SQLITE_OK)
		rc = tt_store_prepare(store, &store->find_session,
				      "SELECT id FROM session_row WHERE session_id = ?");
	if (rc == SQLITE_OK)
		rc = tt_store_prepare(store, &store->find_process,
				      "SELECT id FROM process_row WHERE process_id = ?");
	if (rc == SQLITE_OK)
		rc = read_row_ids(store);
	return rc;
}

/* Everything that SQLite does, from the first look at the file. */
static int database_open(struct tt_store *store, char **ret_message)
{
	static const char verb[] = "cannot write database";
	const char *path = store->place.path;
	int rc, r;

	rc = sqlite3_open_v2(path, &store->db,
			     SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_NOMUTEX |
				     SQLITE_OPEN_EXRESCODE,
			     NULL);
	if (rc == SQLITE_OK && sqlite3_db_readonly(store->db, "main"))
		return tt_store_file_error(access(path, W_OK) < 0 ? -errno : -EROFS, verb, path, ret_message);
	if (rc == SQLITE_OK)
		rc = configure(store);
	if (rc != SQLITE_OK)
		return tt_store_sqlite_error(store->db, rc, verb, path, ret_message);

	/* Look before the first write: what is not ours, or newer than we are, stays as it is. */
	r = tt_schema_check(store->db, tt_schema_migrations, path, ret_message);
	if (r >= 0)
		r = check_integrity(store, ret_message);
	if (r < 0)
		return r;
	rc = set_vacuum(store);
	if (rc != SQLITE_OK)
		return tt_store_sqlite_error(store->db, rc, verb, path, ret_message);
	r = open_wal(store, ret_message);
	if (r >= 0)
		r = tt_schema_migrate(store->db, tt_schema_migrations, path, ret_message);
	if (r < 0)
		return r;

	rc = prepare(store);
	if (rc != SQLITE_OK)
		return tt_store_sqlite_error(store->db, rc, verb, path, ret_message);
	sqlite3_busy_timeout(store->db, TT_BATCH_WAIT_MS);
	return 0;
}

int tt_store_open(const char *path, struct tt_store **ret, char **ret_message)
{
	_cleanup_(tt_store_freep) struct tt_store *store = NULL;
	_cleanup_free_ char *message = NULL;
	int r;

	store = calloc(1, sizeof(*store));
	if (!store)
		return tt_store_file_error(-ENOMEM, "cannot open database", path, ret_message);
	store->place.lock_fd = -1;

	r = tt_place_take(path, &store->place, &message);
	if (r >= 0) {
		tt_place_enter(&store->place);
		r = database_open(store, &message);
		tt_place_leave(&store->place);
	}
	if (r < 0) {
		if (ret_message)
			*ret_message = TAKE_PTR(message);
		return r;
	}
	*ret = TAKE_PTR(store);
	return 0;
}

void tt_store_free(struct tt_store *store)
{
	if (!store)
		return;
	tt_store_rollback(store);
	tt_collector_free(store->collector);
	for (size_t i = 0; i < TT_TABLES; i++) {
		sqlite3_finalize(store->put[i]);
		sqlite3_finalize(store->add[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(store->counts); i++)
		sqlite3_finalize(store->counts[i]);
	for (size_t i = 0; i < ARRAY_SIZE(store->tallies); i++)
		sqlite3_finalize(store->tallies[i]);
	sqlite3_finalize(store->find_text);
	sqlite3_finalize(store->find_session);
	sqlite3_finalize(store->find_process);
	tt_intern_free(store->intern);
	tt_place_enter(&store->place); /* closing checkpoints and removes the log */
	sqlite3_close(store->db);
	tt_place_leave(&store->place);
	tt_place_release(&store->place);
	free(store->error);
	free(store);
}

const char *tt_store_path(const struct tt_store *store)
{
	return store->place.path;
}

const char *tt_store_error(const struct tt_store *store)
{
	return store->error ? store->error : "";
}

uint64_t tt_store_next_row_id(const struct tt_store *store)
{
	return store->next_row_id;
}

void tt_store_forget(struct tt_store *store)
{
	if (store->intern)
		tt_intern_forget(store->intern);
	memset(store->processes, 0, sizeof(store->processes));
	memset(&store->session, 0, sizeof(store->session));
}

int tt_store_batch_failed(struct tt_store *store, int rc, const char *verb)
{
	int r;

	r = tt_store_sqlite_error(store->db, rc, verb, store->place.path, &store->error);
	tt_store_rollback(store);
	store->batch_error = r;
	return r;
}

int tt_store_begin(struct tt_store *store)
{
	int rc;

	if (store->in_batch)
		return tt_store_message(-EALREADY, &store->error, "a batch is open already");
	store->batch_error = 0;
	rc = tt_store_exec(store, "BEGIN IMMEDIATE");
	if (rc != SQLITE_OK)
		return tt_store_batch_failed(store, rc, "cannot write to");
	store->in_batch = true;
	return 0;
}

int tt_store_commit(struct tt_store *store)
{
	int rc;

	if (!store->in_batch)
		return store->batch_error ? store->batch_error : -EINVAL;
	rc = tt_store_exec(store, "COMMIT");
	if (rc != SQLITE_OK)
		return tt_store_batch_failed(store, rc, "cannot write to");
	store->in_batch = false;
	return 0;
}

void tt_store_rollback(struct tt_store *store)
{
	/* SQLite has often rolled back by itself when something failed. */
	if (store->db && !sqlite3_get_autocommit(store->db))
		tt_store_exec(store, "ROLLBACK");
	if (store->in_batch)
		tt_store_forget(store);
	store->in_batch = false;
}
