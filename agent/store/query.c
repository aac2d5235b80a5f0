/* SPDX-License-Identifier: Apache-2.0 */
/* Read-only access: one connection, one statement at a time, and only what reads.
 *
 * The SQL may be anybody's (a saved query, a web form), so an authorizer allows SELECT and harmless
 * PRAGMAs only, and limits bound what one statement can take. The database may be anybody's too: its
 * schema is not trusted. */
#include "store/query.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "store/error.h"
#include "store/schema.h"
#include "telltale/record.h"

/* How often the interrupt flag is looked at, in virtual machine steps: some microseconds. */
#define PROGRESS_STEPS 1000
#define WAIT_MS	       2000
#define COLUMNS_MAX    500
/* Sorting and recursion work in memory: what a statement may take, all in all. */
#define MEMORY_MAX     (INT64_C(1) << 30)

struct tt_query_db {
	sqlite3 *db;
	char *path, *error;
	volatile sig_atomic_t interrupted;
	bool denied; /* the authorizer refused something: SQLite's own code does not always say so */
};

TT_DEFINE_CLEANUP(struct tt_query_db *, tt_query_close)
TT_DEFINE_CLEANUP(struct sqlite3_stmt *, sqlite3_finalize)

static const struct {
	int id, value;
} limits[] = {
	{ SQLITE_LIMIT_LENGTH, 64 << 20 },     { SQLITE_LIMIT_SQL_LENGTH, 1 << 20 },
	{ SQLITE_LIMIT_COLUMN, COLUMNS_MAX },  { SQLITE_LIMIT_EXPR_DEPTH, 200 },
	{ SQLITE_LIMIT_COMPOUND_SELECT, 100 }, { SQLITE_LIMIT_FUNCTION_ARG, 100 },
	{ SQLITE_LIMIT_ATTACHED, 0 },	       { SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 4096 },
	{ SQLITE_LIMIT_VARIABLE_NUMBER, 999 }, { SQLITE_LIMIT_TRIGGER_DEPTH, 1 },
	{ SQLITE_LIMIT_WORKER_THREADS, 0 },
};

/* Pragmas that only tell, also with an argument. */
static const char *const pragmas_with_argument[] = { "table_info",	 "table_xinfo", "table_list",
						     "index_list",	 "index_info",	"index_xinfo",
						     "foreign_key_list", "quick_check", "integrity_check" };
/* Pragmas that only tell as long as they have none. */
static const char *const pragmas_alone[] = { "user_version", "application_id", "page_count",
					     "page_size",    "freelist_count", "compile_options",
					     "encoding",     "collation_list", "function_list",
					     "pragma_list",  "journal_mode" };

/* They load code, or hand out addresses of this process. */
static const char *const refused_functions[] = { "load_extension", "fts3_tokenizer" };

static bool listed(const char *const *list, size_t n, const char *s)
{
	for (size_t i = 0; i < n; i++) {
		if (sqlite3_stricmp(list[i], s) == 0)
			return true;
	}
	return false;
}

static bool is_harmless(int action, const char *a, const char *b)
{
	switch (action) {
	case SQLITE_SELECT:
	case SQLITE_READ:
	case SQLITE_RECURSIVE:
		return true;
	case SQLITE_UPDATE: /* how a table-valued function (json_each) declares itself; a real one is not read-only */
		return sqlite3_stricmp(a, "sqlite_master") == 0;
	case SQLITE_FUNCTION:
		return !listed(refused_functions, ARRAY_SIZE(refused_functions), b);
	case SQLITE_PRAGMA:
		return listed(pragmas_with_argument, ARRAY_SIZE(pragmas_with_argument), a) ||
		       (!b && listed(pragmas_alone, ARRAY_SIZE(pragmas_alone), a));
	default:
		return false;
	}
}

static int authorize(void *arg, int action, const char *a, const char *b, const char *schema,
		     const char *view)
{
	struct tt_query_db *db = arg;

	if (is_harmless(action, a, b))
		return SQLITE_OK;
	db->denied = true;
	return SQLITE_DENY;
}

static int progress(void *arg)
{
	return ((struct tt_query_db *)arg)->interrupted;
}

void tt_query_interrupt(struct tt_query_db *db)
{
	db->interrupted = 1;
}

/* "file:" URI of path. malloc'd. */
static char *uri_of(const char *path, const char *options)
{
	char *uri = malloc(strlen(path) * 3 + strlen(options) + 8), *p = uri;

	if (!uri)
		return NULL;
	p = stpcpy(p, "file:");
	path += path[0] == '/' ? strspn(path, "/") - 1 : 0; /* behind two slashes SQLite looks for a host */
	for (; *path; path++) {
		if (isalnum((unsigned char)*path) || strchr("/._-~", *path))
			*p++ = *path;
		else
			p += sprintf(p, "%%%02X", (unsigned char)*path);
	}
	stpcpy(p, options);
	return uri;
}

static int connect_with(struct tt_query_db *db, const char *options)
{
	_cleanup_free_ char *uri = uri_of(db->path, options);
	int rc;

	if (!uri)
		return SQLITE_NOMEM;
	sqlite3_close(db->db);
	db->db = NULL;
	rc = sqlite3_open_v2(
		uri, &db->db,
		SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
	if (rc != SQLITE_OK)
		return rc;
	sqlite3_busy_timeout(db->db, WAIT_MS);
	sqlite3_db_config(db->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		sqlite3_limit(db->db, limits[i].id, limits[i].value);
	sqlite3_hard_heap_limit64(MEMORY_MAX); /* of the process: SQLite knows no other */
	/* The first read is where a missing -shm or a lock shows. */
	return sqlite3_exec(db->db, "PRAGMA temp_store = MEMORY; SELECT 1 FROM sqlite_schema LIMIT 1", NULL,
			    NULL, NULL);
}

static bool has_log(const char *path)
{
	_cleanup_free_ char *wal = NULL;
	struct stat st;

	if (asprintf(&wal, "%s-wal", path) < 0) {
		wal = NULL;
		return true;
	}
	return stat(wal, &st) == 0 && st.st_size > 0;
}

/* A reader of a WAL database wants to write its -shm. Without a log there is nothing to coordinate:
 * the writer has finished, and a directory that we cannot write is not where one will soon begin. */
static int database_connect(struct tt_query_db *db, char **ret_message)
{
	int rc;

	rc = connect_with(db, "?mode=ro");
	if ((rc & 0xff) != SQLITE_CANTOPEN && (rc & 0xff) != SQLITE_READONLY)
		return rc == SQLITE_OK ? 0
				       : tt_store_sqlite_error(db->db, rc, "cannot read database", db->path,
							       ret_message);
	if (access(db->path, R_OK) < 0)
		return tt_store_file_error(-errno, "cannot read database", db->path, ret_message);
	if (has_log(db->path))
		return tt_store_message(-EACCES, ret_message,
					"cannot read database %s: it is in use and its -shm file cannot be "
					"written; run as its owner or as root",
					db->path);
	rc = connect_with(db, "?mode=ro&immutable=1");
	return rc == SQLITE_OK
		       ? 0
		       : tt_store_sqlite_error(db->db, rc, "cannot read database", db->path, ret_message);
}

static int file_check(const char *path, char **ret_message)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return tt_store_file_error(-errno, "cannot read database", path, ret_message);
	if (S_ISDIR(st.st_mode))
		return tt_store_file_error(-EISDIR, "cannot read database", path, ret_message);
	if (!S_ISREG(st.st_mode))
		return tt_store_message(-EINVAL, ret_message,
					"cannot read database %s: not a regular file; name another", path);
	return 0;
}

/* Views that a database of an older telltale does not have: there is nothing of theirs in it. */
static int add_missing_views(struct tt_query_db *db, char **ret_message)
{
	static const char *const views[][2] = {
		{ "process_access", "CREATE TEMP VIEW process_access AS SELECT NULL AS process_id, NULL AS "
				    "what, NULL AS of_process_id,"
				    " NULL AS of_pid, NULL AS of_exe, NULL AS op, NULL AS result, NULL AS "
				    "count, NULL AS first_ns,"
				    " NULL AS last_ns, NULL AS row_id, NULL AS revision WHERE 0" },
	};
	int rc = SQLITE_OK;

	for (size_t i = 0; rc == SQLITE_OK && i < ARRAY_SIZE(views); i++) {
		sqlite3_stmt *find = NULL;

		rc = sqlite3_prepare_v2(db->db, "SELECT 1 FROM main.sqlite_schema WHERE name = ?", -1, &find,
					NULL);
		if (rc == SQLITE_OK)
			rc = sqlite3_bind_text(find, 1, views[i][0], -1, SQLITE_STATIC);
		if (rc == SQLITE_OK)
			rc = sqlite3_step(find);
		sqlite3_finalize(find);
		if (rc == SQLITE_DONE)
			rc = sqlite3_exec(db->db, views[i][1], NULL, NULL, NULL);
		else if (rc == SQLITE_ROW)
			rc = SQLITE_OK;
	}
	return rc == SQLITE_OK
		       ? 0
		       : tt_store_sqlite_error(db->db, rc, "cannot read database", db->path, ret_message);
}

int tt_query_open(const char *path, struct tt_query_db **ret, char **ret_message)
{
	_cleanup_(tt_query_closep) struct tt_query_db *db = NULL;
	_cleanup_free_ char *message = NULL;
	int r = -ENOMEM;

	db = calloc(1, sizeof(*db));
	if (db)
		db->path = strdup(path);
	if (db && db->path)
		r = file_check(path, &message);
	if (r >= 0)
		r = database_connect(db, &message);
	if (r >= 0)
		r = tt_schema_check(db->db, tt_schema_migrations, path, &message);
	if (r == 0)
		r = tt_store_message(-EUCLEAN, &message, "%s is empty: nothing was recorded in it yet", path);
	if (r > 0)
		r = add_missing_views(db, &message);
	if (r < 0) {
		if (ret_message)
			*ret_message = TAKE_PTR(message);
		return r;
	}
	sqlite3_set_authorizer(db->db, authorize, db);
	sqlite3_progress_handler(db->db, PROGRESS_STEPS, progress, db);
	*ret = TAKE_PTR(db);
	return 0;
}

void tt_query_close(struct tt_query_db *db)
{
	if (!db)
		return;
	sqlite3_close(db->db);
	free(db->path);
	free(db->error);
	free(db);
}

const char *tt_query_error(const struct tt_query_db *db)
{
	return db->error ? db->error : "";
}

static int query_failed(struct tt_query_db *db, int rc)
{
	int r = db->denied ? -EPERM : tt_store_errno(db->db, rc);

	switch (r) {
	case -EINTR:
		return tt_store_message(r, &db->error, "interrupted");
	case -EPERM:
		return tt_store_message(r, &db->error,
					"only SELECT is allowed, on the views of telltale's database");
	case -EINVAL:
		return tt_store_message(r, &db->error, "%s", sqlite3_errmsg(db->db));
	case -E2BIG:
		return tt_store_message(r, &db->error, "the query or its result is too large");
	case -ENOMEM:
		return tt_store_message(r, &db->error, "the query needs too much memory (more than %d MiB)",
					(int)(MEMORY_MAX >> 20));
	default:
		return tt_store_sqlite_error(db->db, rc, "cannot read database", db->path, &db->error);
	}
}

int tt_query_hold(struct tt_query_db *db)
{
	int rc;

	sqlite3_set_authorizer(db->db, NULL, NULL);
	rc = sqlite3_exec(db->db, "BEGIN", NULL, NULL, NULL);
	sqlite3_set_authorizer(db->db, authorize, db);
	return rc == SQLITE_OK ? 0 : query_failed(db, rc);
}

static int query_prepare(struct tt_query_db *db, const char *sql, unsigned n_params, sqlite3_stmt **ret)
{
	_cleanup_(sqlite3_finalizep) sqlite3_stmt *stmt = NULL, *more = NULL;
	const char *tail;
	int rc;

	rc = sqlite3_prepare_v2(db->db, sql, -1, &stmt, &tail);
	if (rc == SQLITE_OK && stmt)
		rc = sqlite3_prepare_v2(db->db, tail, -1, &more, NULL); /* a comment is no statement */
	if (rc != SQLITE_OK)
		return query_failed(db, rc);
	if (!stmt || more)
		return tt_store_message(-EINVAL, &db->error, "expected one SQL statement");
	if (!sqlite3_stmt_readonly(stmt) || sqlite3_column_count(stmt) == 0)
		return query_failed(db, SQLITE_AUTH);
	if ((unsigned)sqlite3_bind_parameter_count(stmt) != n_params)
		return tt_store_message(-EINVAL, &db->error, "the statement has %d parameters, %u were given",
					sqlite3_bind_parameter_count(stmt), n_params);
	*ret = TAKE_PTR(stmt);
	return 0;
}

static void read_value(sqlite3_stmt *stmt, int i, struct tt_value *value)
{
	static const enum tt_value_type types[] = {
		[SQLITE_INTEGER] = TT_INTEGER, [SQLITE_FLOAT] = TT_REAL, [SQLITE_TEXT] = TT_TEXT,
		[SQLITE_BLOB] = TT_TEXT,       [SQLITE_NULL] = TT_NULL,
	};
	const void *blob;

	*value = (struct tt_value){ .type = types[sqlite3_column_type(stmt, i)] };
	switch (value->type) {
	case TT_INTEGER:
		value->i = sqlite3_column_int64(stmt, i);
		break;
	case TT_REAL:
		value->d = sqlite3_column_double(stmt, i);
		break;
	case TT_TEXT:
		blob = sqlite3_column_blob(stmt, i); /* text as it is stored; NULL for an empty blob */
		value->text = blob ? blob : "";
		value->len = sqlite3_column_bytes(stmt, i);
		break;
	case TT_NULL:
		break;
	}
}

static int query_rows(struct tt_query_db *db, sqlite3_stmt *stmt, struct tt_query_row *row,
		      struct tt_value *values, int (*fn)(const struct tt_query_row *row, void *arg),
		      void *arg)
{
	int rc, r;

	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		for (unsigned i = 0; i < row->n; i++)
			read_value(stmt, i, &values[i]);
		r = fn ? fn(row, arg) : 0;
		if (r != 0)
			return r;
	}
	return rc == SQLITE_DONE ? 0 : query_failed(db, rc);
}

int tt_query_run(struct tt_query_db *db, const char *sql, const char *const *params, unsigned n_params,
		 int (*head)(unsigned n, const char *const *names, void *arg),
		 int (*fn)(const struct tt_query_row *row, void *arg), void *arg)
{
	_cleanup_(sqlite3_finalizep) sqlite3_stmt *stmt = NULL;
	_cleanup_free_ struct tt_value *values = NULL;
	_cleanup_free_ const char **names = NULL;
	struct tt_query_row row;
	int r;

	db->interrupted = 0;
	db->denied = false;
	r = query_prepare(db, sql, n_params, &stmt);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < n_params; i++)
		sqlite3_bind_text(stmt, i + 1, params[i], -1, SQLITE_STATIC);

	row.n = sqlite3_column_count(stmt);
	values = calloc(row.n, sizeof(*values));
	names = calloc(row.n, sizeof(*names));
	if (!values || !names)
		return tt_store_message(-ENOMEM, &db->error, "out of memory");
	for (unsigned i = 0; i < row.n; i++)
		names[i] = sqlite3_column_name(stmt, i);
	row.names = names;
	row.values = values;

	r = head ? head(row.n, names, arg) : 0;
	return r != 0 ? r : query_rows(db, stmt, &row, values, fn, arg);
}

struct resolved {
	char id[TT_ID_LEN + 1];
	char kind;
	unsigned n;
};

static int resolved_row(const struct tt_query_row *row, void *arg)
{
	struct resolved *resolved = arg;

	if (row->values[0].len > TT_ID_LEN)
		return 0;
	if (resolved->n++ == 0) {
		memcpy(resolved->id, row->values[0].text, row->values[0].len);
		resolved->kind = row->values[1].text[0];
	}
	return 0;
}

/* ids are hex digits, so prefix || 'g' is behind all that begin with prefix; each id once, as the first kind
 * of thing it is. */
#define RESOLVE                                                                                              \
	"SELECT id, substr(min(kind), 2) FROM ("                                                             \
	" SELECT session_id AS id, '1s' AS kind FROM session WHERE session_id >= ?1 AND session_id < ?1 || " \
	"'g'"                                                                                                \
	" UNION ALL SELECT process_id, '2p' FROM process WHERE process_id >= ?1 AND process_id < ?1 || 'g'"  \
	" UNION ALL SELECT finding_id, '3f' FROM finding WHERE finding_id >= ?1 AND finding_id < ?1 || 'g'"  \
	") GROUP BY id LIMIT 2"

int tt_query_resolve(struct tt_query_db *db, const char *prefix, char ret[17], char *ret_kind)
{
	size_t len = strlen(prefix);
	struct resolved resolved = { 0 };
	char lower[TT_ID_LEN + 1] = "";
	const char *param = lower;
	int r;

	if (len < 2 || strspn(prefix, "0123456789abcdefABCDEF") != len)
		return tt_store_message(-EINVAL, &db->error, "an id is at least 2 hex digits");
	if (len > TT_ID_LEN)
		return tt_store_message(-ENOENT, &db->error, "an id has %d hex digits", TT_ID_LEN);
	for (size_t i = 0; i < len; i++)
		lower[i] = tolower((unsigned char)prefix[i]);

	r = tt_query_run(db, RESOLVE, &param, 1, NULL, resolved_row, &resolved);
	if (r < 0)
		return r;
	if (resolved.n != 1)
		return tt_store_message(resolved.n ? -ENOTUNIQ : -ENOENT, &db->error,
					resolved.n ? "several ids begin with %s; give more of it"
						   : "no session or process has an id that begins with %s",
					lower);
	memcpy(ret, resolved.id, sizeof(resolved.id));
	*ret_kind = resolved.kind;
	return 0;
}
