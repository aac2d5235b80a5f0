/* SPDX-License-Identifier: Apache-2.0 */
/* Puts: from the row structs of record.h to the tables.
 *
 * One description per table drives the statement (insert, or update where something differs) and the
 * binding. A row that is wrong in itself is refused alone; any other failure undoes the whole batch. */
#include <errno.h>
#include <stddef.h>

#include <xxhash.h>

#include "store/error.h"
#include "store/internal.h"
#include "store/timezone.h"
#include "util/buf.h"

struct file_row {
	struct tt_row_file row;
	struct tt_timezone tz;
};

struct env_row {
	struct tt_row_env row;
	struct tt_timezone tz;
};

#define COLUMN(type, kind, member, column)                                                                   \
	{                                                                                                    \
		column, TT_COL_##kind, offsetof(type, member)                                                \
	}

#define HOST(kind, member) COLUMN(struct tt_row_host, kind, member, #member)
static const struct tt_column host_columns[] = {
	HOST(ID, host_id),   HOST(TEXT, hostname),	   HOST(TEXT, os),	HOST(TEXT, kernel),
	HOST(TEXT, backend), HOST(TEXT, telltale_version), HOST(TEXT, boot_id),
};

#define SESSION(kind, member) COLUMN(struct tt_row_session, kind, member, #member)
static const struct tt_column session_columns[] = {
	SESSION(ID, session_id),
	SESSION(ID, parent_session_id),
	SESSION(ID, root_process_id),
	SESSION(STRING, agent),
	SESSION(STRING, agent_name),
	SESSION(STRING, vendor),
	SESSION(STRING, agent_version),
	SESSION(STRING, install_path),
	SESSION(STRING, build_id),
	SESSION(STRING, launched_by),
	SESSION(STRING, tty),
	SESSION(STRING, user),
	SESSION(U32, uid),
	SESSION(STRING, cwd),
	SESSION(STRING, command),
	SESSION(I64_POSITIVE, started_ns),
	SESSION(I64_POSITIVE, ended_ns),
	SESSION(INT_KNOWN, exit_status),
	SESSION(I64, process_count),
	SESSION(DOUBLE, score),
	SESSION(STRING, level),
	SESSION(STRING, policy),
	SESSION(BOOL, complete),
	SESSION(STRING, gateway),
	SESSION(STRING, gateway_source),
};

#define PROCESS(kind, member) COLUMN(struct tt_row_process, kind, member, #member)
static const struct tt_column process_columns[] = {
	PROCESS(ID, process_id),
	COLUMN(struct tt_row_process, SESSION, session_id, "session"),
	PROCESS(ID, parent_process_id),
	PROCESS(U32, pid),
	PROCESS(U32, ppid),
	PROCESS(U32, uid),
	PROCESS(STRING, exe),
	PROCESS(STRING, argv),
	PROCESS(STRING, cwd),
	PROCESS(STRING, script),
	PROCESS(STRING, role),
	PROCESS(I64_POSITIVE, started_ns),
	PROCESS(I64_POSITIVE, ended_ns),
	PROCESS(INT_KNOWN, exit_status),
	COLUMN(struct tt_row_process, I64_POSITIVE, mnt_ns, "mount_ns"),
	PROCESS(I64_POSITIVE, cgroup_id),
	PROCESS(STRING, cgroup),
	PROCESS(STRING, container_id),
	PROCESS(STRING, coverage),
	PROCESS(STRING, host_exe),
};

#define EXEC(kind, member, column) COLUMN(struct tt_row_exec, kind, member, column)
static const struct tt_column exec_columns[] = {
	EXEC(PROCESS, process_id, "process"), EXEC(U32, seq, "seq"),	      EXEC(STRING, exe, "exe"),
	EXEC(STRING, argv, "argv"),	      EXEC(STRING, script, "script"), EXEC(INT, result, "result"),
	EXEC(I64_POSITIVE, at_ns, "at_ns"),
};

#define FILE_(kind, member) COLUMN(struct file_row, kind, row.member, #member)
static const struct tt_column file_columns[] = {
	FILE_(I64, row_id),
	COLUMN(struct file_row, PROCESS, row.process_id, "process"),
	FILE_(STRING, path),
	FILE_(STRING, real_path),
	FILE_(STRING, host_path),
	FILE_(STRING, op),
	FILE_(STRING, category),
	FILE_(STRING, target),
	FILE_(STRING, file_type),
	FILE_(STRING, path_source),
	FILE_(INT, result),
	FILE_(I64, count),
	FILE_(I64_MEASURED, bytes),
	FILE_(I64_POSITIVE, first_ns),
	FILE_(I64_POSITIVE, last_ns),
	FILE_(U32_POSITIVE, dev),
	FILE_(I64_POSITIVE, ino),
	FILE_(BOOL, truncated),
	COLUMN(struct file_row, STRING, tz.how, "how"),
	COLUMN(struct file_row, NAME, tz.name, "zone"),
};

#define ENV(kind, member) COLUMN(struct env_row, kind, row.member, #member)
static const struct tt_column env_columns[] = {
	ENV(I64, row_id),
	COLUMN(struct env_row, PROCESS, row.process_id, "process"),
	ENV(STRING, name),
	ENV(STRING, source),
	ENV(STRING, category),
	ENV(INT_KNOWN, present),
	ENV(I64, count),
	ENV(I64_POSITIVE, first_ns),
	ENV(I64_POSITIVE, last_ns),
	ENV(STRING, value),
	COLUMN(struct env_row, STRING, tz.how, "how"),
	COLUMN(struct env_row, NAME, tz.name, "zone"),
};

#define CONNECTION(kind, member) COLUMN(struct tt_row_connection, kind, member, #member)
static const struct tt_column connection_columns[] = {
	CONNECTION(I64, row_id),
	COLUMN(struct tt_row_connection, PROCESS, process_id, "process"),
	CONNECTION(STRING, direction),
	CONNECTION(STRING, family),
	CONNECTION(STRING, protocol),
	CONNECTION(STRING, local_address),
	CONNECTION(U16, local_port),
	CONNECTION(STRING, address),
	CONNECTION(U16, port),
	CONNECTION(STRING, unix_path),
	CONNECTION(STRING, hostname),
	CONNECTION(STRING, hostname_source),
	CONNECTION(STRING, hostname_confidence),
	CONNECTION(STRING, names),
	CONNECTION(STRING, category),
	CONNECTION(STRING, state),
	CONNECTION(STRING, address_source),
	CONNECTION(INT, result),
	CONNECTION(I64, count),
	CONNECTION(I64_MEASURED, duration_ns),
	CONNECTION(I64_MEASURED, bytes_sent),
	CONNECTION(I64_MEASURED, bytes_received),
	CONNECTION(I64_POSITIVE, first_ns),
	CONNECTION(I64_POSITIVE, last_ns),
};

#define LOOKUP(kind, member) COLUMN(struct tt_row_name, kind, member, #member)
static const struct tt_column name_columns[] = {
	LOOKUP(I64, row_id),
	COLUMN(struct tt_row_name, PROCESS, process_id, "process"),
	LOOKUP(STRING, name),
	LOOKUP(STRING, type),
	LOOKUP(STRING, source),
	LOOKUP(STRING, answers),
	LOOKUP(INT_KNOWN, result),
	LOOKUP(I64, count),
	LOOKUP(I64_POSITIVE, first_ns),
	LOOKUP(I64_POSITIVE, last_ns),
};

#define ACCESS(kind, member) COLUMN(struct tt_row_access, kind, member, #member)
static const struct tt_column access_columns[] = {
	ACCESS(I64, row_id),	      COLUMN(struct tt_row_access, PROCESS, process_id, "process"),
	ACCESS(STRING, what),	      ACCESS(ID, of_process_id),
	ACCESS(U32_POSITIVE, of_pid), ACCESS(STRING, of_exe),
};

#define LOSS(kind, member) COLUMN(struct tt_row_loss, kind, member, #member)
static const struct tt_column loss_columns[] = {
	LOSS(I64, row_id),	   LOSS(STRING, boot_id), LOSS(STRING, sensor),
	LOSS(STRING, kind),	   LOSS(I64, count),	  LOSS(I64_POSITIVE, from_ns),
	LOSS(I64_POSITIVE, to_ns), LOSS(ID, session_id),  LOSS(ID, process_id),
};

#define RISK(kind, member, column) COLUMN(struct tt_row_risk, kind, member, column)
static const struct tt_column risk_columns[] = {
	RISK(PROCESS, process_id, "process"), RISK(DOUBLE, score, "score"),	RISK(STRING, level, "level"),
	RISK(TEXT, reasons, "reasons"),	      RISK(BOOL, complete, "complete"),
};

#define TABLE(name, rowid, key, n_key, revised)                                                              \
	{                                                                                                    \
#name "_row", rowid, key, n_key, revised, name##_columns, ARRAY_SIZE(name##_columns)         \
	}

const struct tt_table tt_tables[TT_TABLES] = {
	[TT_TABLE_HOST] = TABLE(host, "id", "host_id", 1, false),
	[TT_TABLE_SESSION] = TABLE(session, "id", "session_id", 1, false),
	[TT_TABLE_PROCESS] = TABLE(process, "id", "process_id", 1, false),
	[TT_TABLE_EXEC] = TABLE(exec, "id", "process, seq", 2, false),
	[TT_TABLE_FILE] = TABLE(file, "row_id", "row_id", 1, true),
	[TT_TABLE_ENV] = TABLE(env, "row_id", "row_id", 1, true),
	[TT_TABLE_CONNECTION] = TABLE(connection, "row_id", "row_id", 1, true),
	[TT_TABLE_NAME] = TABLE(name, "row_id", "row_id", 1, true),
	[TT_TABLE_ACCESS] = TABLE(access, "row_id", "row_id", 1, false),
	[TT_TABLE_LOSS] = TABLE(loss, "row_id", "row_id", 1, true),
	[TT_TABLE_RISK] = TABLE(risk, "process", "process", 1, false),
};

static void add_list(struct tt_buf *sql, const struct tt_table *table, unsigned from, const char *prefix)
{
	for (unsigned i = from; i < table->n_columns; i++)
		tt_buf_printf(sql, "%s%s%s", i > from ? ", " : "", prefix, table->columns[i].name);
}

/* Where the key is there already update, but only if a value differs: then one revision more. */
static void add_update(struct tt_buf *sql, const struct tt_table *table)
{
	tt_buf_printf(sql, " ON CONFLICT (%s) DO UPDATE SET ", table->key);
	for (unsigned i = table->n_key; i < table->n_columns; i++)
		tt_buf_printf(sql, "%s%s = excluded.%s", i > table->n_key ? ", " : "", table->columns[i].name,
			      table->columns[i].name);
	if (table->revised)
		tt_buf_str(sql, ", revision = revision + 1");
	tt_buf_str(sql, " WHERE (");
	add_list(sql, table, table->n_key, "");
	tt_buf_str(sql, ") IS NOT (");
	add_list(sql, table, table->n_key, "excluded.");
	tt_buf_str(sql, ")");
}

/* Of a row that is new for certain an update is not prepared for: with one, SQLite makes each insert a transaction
 * within the transaction, which takes twice as long. */
static int prepare_put(struct tt_store *store, const struct tt_table *table, bool is_new, sqlite3_stmt **ret)
{
	_cleanup_(tt_buf_done) struct tt_buf sql = TT_BUF_INIT;

	tt_buf_printf(&sql, "INSERT INTO %s (", table->name);
	add_list(&sql, table, 0, "");
	tt_buf_str(&sql, ") VALUES (?");
	for (unsigned i = 1; i < table->n_columns; i++)
		tt_buf_str(&sql, ", ?");
	tt_buf_char(&sql, ')');
	if (!is_new)
		add_update(&sql, table);
	if (!tt_buf_ok(&sql))
		return SQLITE_NOMEM;
	return sqlite3_prepare_v3(store->db, sql.text, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL);
}

static int find_key(sqlite3_stmt *stmt, const struct tt_id *id, int64_t *ret_key)
{
	int rc;

	rc = sqlite3_bind_text(stmt, 1, id->s, -1, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		*ret_key = sqlite3_column_int64(stmt, 0);
	sqlite3_reset(stmt);
	return rc == SQLITE_ROW ? SQLITE_OK : rc == SQLITE_DONE ? SQLITE_NOTFOUND : rc;
}

/* SQLITE_NOTFOUND: no such session or process. */
static int cached_key(struct tt_key *cached, sqlite3_stmt *stmt, const struct tt_id *id, int64_t *ret_key)
{
	int rc;

	if (!tt_streq(cached->id.s, id->s)) {
		rc = find_key(stmt, id, ret_key);
		if (rc != SQLITE_OK)
			return rc;
		*cached = (struct tt_key){ *id, *ret_key };
	}
	*ret_key = cached->key;
	return SQLITE_OK;
}

static int bind_key(struct tt_store *store, sqlite3_stmt *stmt, int i, enum tt_column_kind kind,
		    const struct tt_id *id)
{
	int64_t key;
	int rc;

	if (kind == TT_COL_SESSION)
		rc = cached_key(&store->session, store->find_session, id, &key);
	else
		rc = cached_key(&store->processes[XXH3_64bits(id->s, strlen(id->s)) % TT_KEY_CACHE],
				store->find_process, id, &key);
	return rc == SQLITE_OK ? sqlite3_bind_int64(stmt, i, key) : rc;
}

static int bind_interned(struct tt_store *store, sqlite3_stmt *stmt, int i, const char *text)
{
	int64_t id;
	int rc;

	if (!text)
		return sqlite3_bind_null(stmt, i);
	rc = tt_intern_get(store->intern, text, &id);
	return rc == SQLITE_OK ? sqlite3_bind_int64(stmt, i, id) : rc;
}

static int bind_int(sqlite3_stmt *stmt, int i, int64_t value, int64_t least)
{
	return value < least ? sqlite3_bind_null(stmt, i) : sqlite3_bind_int64(stmt, i, value);
}

static int bind_column(struct tt_store *store, sqlite3_stmt *stmt, int i, const struct tt_column *column,
		       const void *row)
{
	const void *p = (const char *)row + column->offset;
	int64_t v;

	switch (column->kind) {
	case TT_COL_SESSION:
	case TT_COL_PROCESS:
		return bind_key(store, stmt, i, column->kind, p);
	case TT_COL_ID:
		return sqlite3_bind_text(stmt, i, *(const char *)p ? p : NULL, -1, SQLITE_STATIC);
	case TT_COL_STRING:
		return bind_interned(store, stmt, i, *(const char *const *)p);
	case TT_COL_TEXT:
		return sqlite3_bind_text(stmt, i, *(const char *const *)p, -1, SQLITE_STATIC);
	case TT_COL_NAME:
		return bind_interned(store, stmt, i, *(const char *)p ? p : NULL);
	case TT_COL_I64:
		return bind_int(stmt, i, *(const int64_t *)p, INT64_MIN);
	case TT_COL_I64_POSITIVE:
		v = *(const int64_t *)p;
		return v ? sqlite3_bind_int64(stmt, i, v) : sqlite3_bind_null(stmt, i);
	case TT_COL_I64_MEASURED:
		return bind_int(stmt, i, *(const int64_t *)p, 0);
	case TT_COL_U32:
		return bind_int(stmt, i, *(const uint32_t *)p, 0);
	case TT_COL_U32_POSITIVE:
		return bind_int(stmt, i, *(const uint32_t *)p, 1);
	case TT_COL_U16:
		return bind_int(stmt, i, *(const uint16_t *)p, 0);
	case TT_COL_INT:
		return bind_int(stmt, i, *(const int *)p, INT64_MIN);
	case TT_COL_INT_KNOWN:
		return bind_int(stmt, i, *(const int *)p, 0);
	case TT_COL_DOUBLE:
		return sqlite3_bind_double(stmt, i, *(const double *)p);
	case TT_COL_BOOL:
		return bind_int(stmt, i, *(const bool *)p, 0);
	}
	return SQLITE_MISUSE;
}

/* Failures that are the row's own. */
static bool is_refusal(int rc)
{
	rc &= 0xff;
	return rc == SQLITE_NOTFOUND || rc == SQLITE_CONSTRAINT || rc == SQLITE_TOOBIG ||
	       rc == SQLITE_MISMATCH;
}

static int refuse(struct tt_store *store, const struct tt_table *table, int rc)
{
	if (rc == SQLITE_NOTFOUND)
		return tt_store_message(-ENOENT, &store->error,
					"a row for %s names a session or process that was not put before",
					table->name);
	return tt_store_sqlite_error(store->db, rc, "cannot put a row into", table->name, &store->error);
}

static int put_row(struct tt_store *store, enum tt_table_id id, bool is_new, const void *row)
{
	const struct tt_table *table = &tt_tables[id];
	sqlite3_stmt **prepared = is_new ? &store->add[id] : &store->put[id], *stmt;
	int rc = SQLITE_OK, r = 0;

	if (!store->in_batch)
		return store->batch_error ? store->batch_error : -EINVAL;
	if (!*prepared)
		rc = prepare_put(store, table, is_new, prepared);
	stmt = *prepared;

	for (unsigned i = 0; rc == SQLITE_OK && i < table->n_columns; i++)
		rc = bind_column(store, stmt, i + 1, &table->columns[i], row);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc != SQLITE_DONE)
		r = is_refusal(rc) ? refuse(store, table, rc)
				   : tt_store_batch_failed(store, rc, "cannot write to");
	sqlite3_reset(stmt);
	return r;
}

static int put(struct tt_store *store, enum tt_table_id id, const void *row)
{
	return put_row(store, id, false, row);
}

/* Aggregated rows: remember the highest id, so that none is ever given out twice. */
static int put_numbered(struct tt_store *store, enum tt_table_id id, uint64_t row_id, const void *row)
{
	int r;

	if (row_id == 0 || row_id >= TT_OWN_ROW_IDS)
		return tt_store_message(-EINVAL, &store->error, "row id %llu is out of range",
					(unsigned long long)row_id);
	r = put_row(store, id, row_id >= store->next_row_id, row);
	if (r >= 0 && row_id >= store->next_row_id)
		store->next_row_id = row_id + 1;
	return r;
}

int tt_store_put_host(struct tt_store *store, const struct tt_row_host *row)
{
	return put(store, TT_TABLE_HOST, row);
}

int tt_store_put_session(struct tt_store *store, const struct tt_row_session *row)
{
	return put(store, TT_TABLE_SESSION, row);
}

int tt_store_put_process(struct tt_store *store, const struct tt_row_process *row)
{
	return put(store, TT_TABLE_PROCESS, row);
}

int tt_store_put_exec(struct tt_store *store, const struct tt_row_exec *row)
{
	return put(store, TT_TABLE_EXEC, row);
}

int tt_store_put_file(struct tt_store *store, const struct tt_row_file *row)
{
	struct file_row file = { .row = *row };

	tt_timezone_of_file(row, &file.tz);
	return put_numbered(store, TT_TABLE_FILE, row->row_id, &file);
}

int tt_store_put_env(struct tt_store *store, const struct tt_row_env *row)
{
	struct env_row env = { .row = *row };

	tt_timezone_of_env(row, &env.tz);
	return put_numbered(store, TT_TABLE_ENV, row->row_id, &env);
}

int tt_store_put_connection(struct tt_store *store, const struct tt_row_connection *row)
{
	return put_numbered(store, TT_TABLE_CONNECTION, row->row_id, row);
}

int tt_store_put_name(struct tt_store *store, const struct tt_row_name *row)
{
	return put_numbered(store, TT_TABLE_NAME, row->row_id, row);
}

int tt_store_put_access(struct tt_store *store, const struct tt_row_access *row)
{
	return put(store, TT_TABLE_ACCESS, row);
}

int tt_store_put_loss(struct tt_store *store, const struct tt_row_loss *row)
{
	return put_numbered(store, TT_TABLE_LOSS, row->row_id, row);
}

int tt_store_put_risk(struct tt_store *store, const struct tt_row_risk *row)
{
	return put(store, TT_TABLE_RISK, row);
}

int tt_store_put_counts(struct tt_store *store, const struct tt_row_counts *row)
{
	/* bytes of a connection are two numbers and come with its outcome */
	static const char *const sql[] = {
		[TT_COUNTED_FILE] =
			"UPDATE file_row SET count = coalesce(?2, count), last_ns = max(last_ns, ?3),"
			" bytes = coalesce(bytes + ?4, ?4, bytes), revision = revision + 1"
			" WHERE row_id = ?1",
		[TT_COUNTED_ENV] = "UPDATE env_row SET count = ?2, last_ns = ?3, revision = revision + 1"
				   " WHERE row_id = ?1",
		[TT_COUNTED_CONNECTION] = "UPDATE connection_row SET count = ?2, last_ns = ?3,"
					  " revision = revision + 1 WHERE row_id = ?1",
	};
	sqlite3_stmt **stmt = &store->counts[row->of];
	int rc = SQLITE_OK;

	if (!store->in_batch)
		return store->batch_error ? store->batch_error : -EINVAL;
	if (!*stmt)
		rc = sqlite3_prepare_v3(store->db, sql[row->of], -1, SQLITE_PREPARE_PERSISTENT, stmt, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(*stmt, 1, (int64_t)row->row_id);
	if (rc == SQLITE_OK)
		rc = bind_int(*stmt, 2, row->count, 0);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(*stmt, 3, row->last_ns);
	if (rc == SQLITE_OK && row->of == TT_COUNTED_FILE)
		rc = bind_int(*stmt, 4, row->bytes, 0);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(*stmt);
	sqlite3_reset(*stmt);
	return rc == SQLITE_DONE ? 0 : tt_store_batch_failed(store, rc, "cannot write to");
}

int tt_store_own_loss(struct tt_store *store, const struct tt_row_loss *loss)
{
	_cleanup_(sqlite3_finalizep) sqlite3_stmt *find = NULL;
	struct tt_row_loss row = *loss;
	int rc;

	rc = tt_store_prepare(store, &find,
			      "SELECT row_id, count, from_ns, to_ns FROM loss_row l WHERE row_id >= ?1"
			      " AND (SELECT text FROM string WHERE id = l.kind) = ?2"
			      " AND (SELECT text FROM string WHERE id = l.boot_id) IS ?3"
			      " AND coalesce(session_id, '') = ?4");
	if (rc == SQLITE_OK) {
		sqlite3_bind_int64(find, 1, TT_OWN_ROW_IDS);
		sqlite3_bind_text(find, 2, loss->kind, -1, SQLITE_STATIC);
		sqlite3_bind_text(find, 3, loss->boot_id, -1, SQLITE_STATIC);
		sqlite3_bind_text(find, 4, loss->session_id.s, -1, SQLITE_STATIC);
		rc = sqlite3_step(find);
	}
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return tt_store_batch_failed(store, rc, "cannot write to");

	row.row_id = store->next_own_row_id;
	if (rc == SQLITE_ROW) {
		int64_t from_ns = sqlite3_column_int64(find, 2), to_ns = sqlite3_column_int64(find, 3);

		row.row_id = sqlite3_column_int64(find, 0);
		row.count += sqlite3_column_int64(find, 1);
		if (from_ns && (!row.from_ns || from_ns < row.from_ns))
			row.from_ns = from_ns;
		if (to_ns > row.to_ns)
			row.to_ns = to_ns;
	} else {
		store->next_own_row_id++;
	}
	return put(store, TT_TABLE_LOSS, &row);
}
