/* SPDX-License-Identifier: Apache-2.0 */
/* Retention: what is too old, or too much, goes; oldest ended session first, in bounded pieces.
 *
 * Each call does one of, in this order: a step of collecting unused strings; deleting rows of the
 * oldest session that must go; giving free pages back to the file system. Before a session goes because
 * of the size, the strings of those before it are collected: they count, too.
 *
 * Strings are collected by mark and sweep, because counting references would cost every insert:
 * a window of string ids is marked from all rows, a bounded number per call, while the intern module
 * marks what is written meanwhile; then the window's unmarked ids, of those that existed when marking
 * began, are deleted. A cycle reads the whole database, so it starts only when deleted rows are an
 * eighth of the remaining. Its state is in memory only: a restart starts it anew. */
#include "store/retention.h"

#include <errno.h>
#include <sys/stat.h>

#include "store/error.h"
#include "store/internal.h"

/* About 50 ms with a warm cache: short beside what the sensor's rings can bridge. */
#define ROWS_PER_CALL  20000
#define MARKS_PER_CALL 100000
/* 512 KiB of marks at a time. */
#define WINDOW	       (1ll << 22)
/* Pages given back per call. */
#define PAGES_PER_CALL 2000
/* A cycle is due when deleted rows * this >= rows left. */
#define CYCLE_SHARE    8

/* What a call is about. */
struct plan {
	const struct tt_retention *limits;
	int64_t now_ns;
	int64_t victim; /* session to delete from, or 0 */
	bool for_size; /* not because of its age */
};

enum phase { IDLE, MARKING, SWEEPING };

struct tt_collector {
	enum phase phase;
	int64_t deleted_rows; /* since the last cycle */
	int64_t last_string; /* highest id when marking of this window began */
	int64_t low; /* of the window */
	int64_t position; /* last rowid marked in `table`, or last id swept */
	unsigned table;
};

void tt_collector_free(struct tt_collector *collector)
{
	free(collector);
}

static int changed(struct tt_store *store, const char *sql, unsigned n, const int64_t *params,
		   int64_t *budget)
{
	int rc = tt_store_int(store, NULL, sql, n, params);

	if (rc == SQLITE_OK)
		*budget -= sqlite3_changes(store->db);
	return rc;
}

/* ---- deleting sessions */

/* Children of a process, and what names them. risk_row has one row at most. */
static const char *const process_rows[] = {
	"DELETE FROM access_row WHERE row_id IN (SELECT row_id FROM access_row WHERE process = ?1 LIMIT ?2)",
	"DELETE FROM file_row WHERE row_id IN (SELECT row_id FROM file_row WHERE process = ?1 LIMIT ?2)",
	"DELETE FROM env_row WHERE row_id IN (SELECT row_id FROM env_row WHERE process = ?1 LIMIT ?2)",
	"DELETE FROM connection_row WHERE row_id IN (SELECT row_id FROM connection_row WHERE process = ?1 "
	"LIMIT ?2)",
	"DELETE FROM name_row WHERE row_id IN (SELECT row_id FROM name_row WHERE process = ?1 LIMIT ?2)",
	"DELETE FROM exec_row WHERE id IN (SELECT id FROM exec_row WHERE process = ?1 LIMIT ?2)",
	"DELETE FROM risk_row WHERE process IN (SELECT ?1 LIMIT ?2)",
	"DELETE FROM process_row WHERE id IN (SELECT ?1 LIMIT ?2)",
};

/* Deletes rows of a process until the budget is used up, the process itself last. */
static int delete_process(struct tt_store *store, int64_t process, int64_t *budget)
{
	int rc = SQLITE_OK;

	for (size_t i = 0; rc == SQLITE_OK && *budget > 0 && i < ARRAY_SIZE(process_rows); i++)
		rc = changed(store, process_rows[i], 2, (const int64_t[]){ process, *budget }, budget);
	return rc;
}

static int delete_session_itself(struct tt_store *store, int64_t session, int64_t *budget)
{
	struct tt_row_loss loss = { .sensor = "store", .kind = "retention", .count = 1 };
	_cleanup_(sqlite3_finalizep) sqlite3_stmt *stmt = NULL;
	int rc, r;

	rc = tt_store_prepare(
		store, &stmt,
		"SELECT started_ns, ended_ns, (SELECT boot_id FROM host_row ORDER BY id DESC LIMIT 1)"
		" FROM session_row WHERE id = ?");
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(stmt, 1, session);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc != SQLITE_ROW)
		return rc == SQLITE_DONE ? SQLITE_CORRUPT : rc;
	loss.from_ns = sqlite3_column_int64(stmt, 0);
	loss.to_ns = sqlite3_column_int64(stmt, 1);
	loss.boot_id = (const char *)sqlite3_column_text(stmt, 2);

	r = tt_store_own_loss(store, &loss);
	if (r < 0)
		return store->in_batch ? SQLITE_ERROR : SQLITE_ABORT;
	sqlite3_reset(stmt);
	rc = changed(
		store,
		"DELETE FROM loss_row WHERE session_id = (SELECT session_id FROM session_row WHERE id = ?)",
		1, &session, budget);
	if (rc == SQLITE_OK)
		rc = changed(store, "DELETE FROM session_row WHERE id = ?", 1, &session, budget);
	return rc;
}

/* A piece of a session: processes oldest first, the session last. */
static int delete_session(struct tt_store *store, int64_t session, int64_t *budget)
{
	int64_t process;
	int rc;

	rc = tt_store_int(store, NULL, "UPDATE session_row SET complete = 0 WHERE id = ? AND complete", 1,
			  &session);
	while (rc == SQLITE_OK && *budget > 0) {
		rc = tt_store_int(store, &process,
				  "SELECT id FROM process_row WHERE session = ? ORDER BY started_ns LIMIT 1",
				  1, &session);
		if (rc == SQLITE_OK && !process)
			return delete_session_itself(store, session, budget);
		if (rc == SQLITE_OK)
			rc = delete_process(store, process, budget);
	}
	return rc;
}

/* The session to go next, 0 if there is none. A half-deleted one ended before all others. */
static int next_victim(struct tt_store *store, int64_t ended_before, int64_t *ret)
{
	return tt_store_int(store, ret,
			    "SELECT id FROM session_row s WHERE ended_ns < ? AND NOT EXISTS"
			    " (SELECT 1 FROM process_row WHERE session = s.id AND ended_ns IS NULL)"
			    " ORDER BY ended_ns LIMIT 1",
			    1, &ended_before);
}

/* Pages in use, and the log. Free pages will be given back. */
static int bytes_used(struct tt_store *store, int64_t *ret)
{
	_cleanup_free_ char *wal = NULL;
	struct stat st;
	int rc;

	rc = tt_store_int(store, ret,
			  "SELECT (page_count - freelist_count) * page_size"
			  " FROM pragma_page_count, pragma_freelist_count, pragma_page_size",
			  0, NULL);
	if (asprintf(&wal, "%s-wal", store->place.path) < 0) {
		wal = NULL;
		return SQLITE_NOMEM;
	}
	if (rc == SQLITE_OK && stat(wal, &st) == 0)
		*ret += st.st_size;
	return rc;
}

/* Moves the log into the database, as far as readers let us, without waiting for them. */
static void checkpoint(struct tt_store *store)
{
	sqlite3_busy_timeout(store->db, 0);
	sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	sqlite3_busy_timeout(store->db, TT_BATCH_WAIT_MS);
}

static int find_victim(struct tt_store *store, struct plan *plan)
{
	const struct tt_retention *limits = plan->limits;
	int64_t used = 0;
	int rc = SQLITE_OK;

	if (limits->max_age_ns > 0)
		rc = next_victim(store, plan->now_ns - limits->max_age_ns, &plan->victim);
	if (rc != SQLITE_OK || plan->victim || limits->max_bytes <= 0)
		return rc;

	rc = bytes_used(store, &used);
	if (rc == SQLITE_OK && used > limits->max_bytes) {
		checkpoint(store);
		rc = bytes_used(store, &used);
	}
	plan->for_size = used > limits->max_bytes;
	if (rc == SQLITE_OK && plan->for_size)
		rc = next_victim(store, INT64_MAX, &plan->victim);
	return rc;
}

/* Losses that concern no session in the database go by age; the store's own account of what retention
 * deleted stays, it is one row per boot. */
static int delete_old_losses(struct tt_store *store, int64_t before, int64_t *budget)
{
	return changed(store,
		       "DELETE FROM loss_row WHERE row_id IN (SELECT row_id FROM loss_row WHERE to_ns < ?1"
		       " AND row_id < ?3 AND (session_id IS NULL OR session_id NOT IN (SELECT session_id "
		       "FROM session_row))"
		       " LIMIT ?2)",
		       3, (const int64_t[]){ before, *budget, TT_OWN_ROW_IDS }, budget);
}

/* ---- collecting strings */

static int begin_window(struct tt_store *store, int64_t low)
{
	struct tt_collector *collector = store->collector;
	int rc;

	rc = tt_store_int(store, &collector->last_string, "SELECT max(id) FROM string", 0, NULL);
	if (rc != SQLITE_OK)
		return rc;
	if (low > collector->last_string) {
		collector->phase = IDLE;
		tt_intern_mark_end(store->intern);
		return SQLITE_OK;
	}
	if (!tt_intern_mark_begin(store->intern, low, WINDOW))
		return SQLITE_NOMEM;
	collector->phase = MARKING;
	collector->low = low;
	collector->table = 0;
	collector->position = INT64_MIN;
	return SQLITE_OK;
}

static bool is_interned(const struct tt_column *column)
{
	return column->kind == TT_COL_STRING || column->kind == TT_COL_NAME;
}

/* "SELECT rowid, every interned column": NULL where a table has none. malloc'd. */
static char *marking_sql(const struct tt_table *table)
{
	char *sql = NULL, *longer;
	int n = 0;

	if (asprintf(&sql, "SELECT %s", table->rowid) < 0)
		return NULL;
	for (unsigned i = 0; i < table->n_columns; i++) {
		if (!is_interned(&table->columns[i]))
			continue;
		n = asprintf(&longer, "%s, %s", sql, table->columns[i].name);
		free(sql);
		if (n < 0)
			return NULL;
		sql = longer;
	}
	n = asprintf(&longer, "%s FROM %s WHERE %s > ? ORDER BY %s LIMIT ?", sql, table->name, table->rowid,
		     table->rowid);
	free(sql);
	return n < 0 ? NULL : longer;
}

/* Marks from one table; *budget shrinks by the rows read. Goes on with the next table when it is through. */
static int mark_rows(struct tt_store *store, int64_t *budget)
{
	struct tt_collector *collector = store->collector;
	_cleanup_(sqlite3_finalizep) sqlite3_stmt *stmt = NULL;
	_cleanup_free_ char *sql = marking_sql(&tt_tables[collector->table]);
	int rc;

	if (!sql)
		return SQLITE_NOMEM;
	rc = tt_store_prepare(store, &stmt, sql);
	if (rc != SQLITE_OK)
		return rc;
	sqlite3_bind_int64(stmt, 1, collector->position);
	sqlite3_bind_int64(stmt, 2, *budget);
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		collector->position = sqlite3_column_int64(stmt, 0);
		for (int i = 1; i < sqlite3_column_count(stmt); i++)
			tt_intern_mark(store->intern, sqlite3_column_int64(stmt, i));
		--*budget;
	}
	if (rc != SQLITE_DONE)
		return rc;
	if (*budget > 0) {
		collector->table++;
		collector->position = INT64_MIN;
	}
	return SQLITE_OK;
}

static int mark(struct tt_store *store)
{
	struct tt_collector *collector = store->collector;
	int64_t budget = MARKS_PER_CALL;
	int rc = SQLITE_OK;

	while (rc == SQLITE_OK && budget > 0 && collector->table < TT_TABLES)
		rc = mark_rows(store, &budget);
	if (rc == SQLITE_OK && collector->table == TT_TABLES) {
		collector->phase = SWEEPING;
		collector->position = collector->low - 1;
	}
	return rc;
}

static int sweep_ids(struct tt_store *store, sqlite3_stmt *ids, sqlite3_stmt *remove, int64_t *ret_seen)
{
	struct tt_collector *collector = store->collector;
	int rc;

	while ((rc = sqlite3_step(ids)) == SQLITE_ROW) {
		collector->position = sqlite3_column_int64(ids, 0);
		++*ret_seen;
		if (tt_intern_is_marked(store->intern, collector->position))
			continue;
		sqlite3_bind_int64(remove, 1, collector->position);
		rc = sqlite3_step(remove);
		sqlite3_reset(remove);
		if (rc != SQLITE_DONE)
			return rc;
	}
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int sweep(struct tt_store *store)
{
	_cleanup_(sqlite3_finalizep) sqlite3_stmt *ids = NULL, *remove = NULL;
	struct tt_collector *collector = store->collector;
	int64_t end = collector->low + WINDOW - 1, seen = 0;
	int rc;

	if (end > collector->last_string)
		end = collector->last_string;
	rc = tt_store_prepare(store, &ids,
			      "SELECT id FROM string WHERE id > ? AND id <= ? ORDER BY id LIMIT ?");
	if (rc == SQLITE_OK)
		rc = tt_store_prepare(store, &remove, "DELETE FROM string WHERE id = ?");
	if (rc != SQLITE_OK)
		return rc;
	sqlite3_bind_int64(ids, 1, collector->position);
	sqlite3_bind_int64(ids, 2, end);
	sqlite3_bind_int64(ids, 3, ROWS_PER_CALL);
	rc = sweep_ids(store, ids, remove, &seen);
	tt_intern_forget(store->intern);
	if (rc == SQLITE_OK && seen < ROWS_PER_CALL)
		rc = begin_window(store, collector->low + WINDOW);
	return rc;
}

/* Whether so much was deleted that a cycle pays. */
static int cycle_due(struct tt_store *store, bool *ret)
{
	int64_t first, rows;
	int rc;

	*ret = false;
	if (!store->collector->deleted_rows)
		return SQLITE_OK;
	rc = tt_store_int(store, &first, "SELECT min(row_id) FROM file_row", 0, NULL);
	rows = first ? (int64_t)store->next_row_id - first : 0;
	*ret = store->collector->deleted_rows * CYCLE_SHARE >= rows;
	return rc;
}

/* ---- one call */

enum work { NOTHING, DONE_SOME };

static int work_collect(struct tt_store *store, const struct plan *plan, enum work *ret)
{
	*ret = store->collector->phase == IDLE ? NOTHING : DONE_SOME;
	switch (store->collector->phase) {
	case MARKING:
		return mark(store);
	case SWEEPING:
		return sweep(store);
	case IDLE:
		break;
	}
	return SQLITE_OK;
}

static int work_start_cycle(struct tt_store *store, const struct plan *plan, enum work *ret)
{
	bool due;
	int rc;

	if (plan->victim && !plan->for_size)
		return SQLITE_OK;
	rc = cycle_due(store, &due);
	if (rc != SQLITE_OK || !due)
		return rc;
	store->collector->deleted_rows = 0;
	*ret = DONE_SOME;
	return begin_window(store, 1);
}

static int work_delete(struct tt_store *store, const struct plan *plan, enum work *ret)
{
	int64_t next = store->next_row_id, budget = ROWS_PER_CALL;
	int rc = SQLITE_OK;

	if (plan->victim) {
		rc = tt_store_int(store, NULL,
				  "UPDATE meta SET value = max(value, ?) WHERE key = 'first_free_row'", 1,
				  &next);
		if (rc == SQLITE_OK)
			rc = delete_session(store, plan->victim, &budget);
	} else if (plan->limits->max_age_ns > 0) {
		rc = delete_old_losses(store, plan->now_ns - plan->limits->max_age_ns, &budget);
	}
	store->collector->deleted_rows += ROWS_PER_CALL - budget;
	*ret = plan->victim || budget < ROWS_PER_CALL ? DONE_SOME : NOTHING;
	return rc;
}

static int work_shrink(struct tt_store *store, const struct plan *plan, enum work *ret)
{
	int64_t pages;
	char sql[64];
	int rc;

	rc = tt_store_int(store, &pages, "PRAGMA freelist_count", 0, NULL);
	if (rc != SQLITE_OK || !pages)
		return rc;
	snprintf(sql, sizeof(sql), "PRAGMA incremental_vacuum(%d)", PAGES_PER_CALL);
	*ret = pages > PAGES_PER_CALL ? DONE_SOME : NOTHING;
	return tt_store_exec(store, sql);
}

/* The first that finds something to do has done this call's share. */
static int (*const works[])(struct tt_store *store, const struct plan *plan, enum work *ret) = {
	work_collect,
	work_start_cycle,
	work_delete,
	work_shrink,
};

int tt_store_retain(struct tt_store *store, const struct tt_retention *limits, int64_t now_ns)
{
	struct plan plan = { .limits = limits, .now_ns = now_ns };
	enum work work = NOTHING;
	int rc, r;

	if (!store->collector)
		store->collector = calloc(1, sizeof(*store->collector));
	if (!store->collector)
		return -ENOMEM;
	if (store->in_batch)
		return tt_store_message(-EALREADY, &store->error, "a batch is open");
	rc = find_victim(store, &plan); /* may checkpoint, which no transaction can */
	if (rc != SQLITE_OK)
		return tt_store_sqlite_error(store->db, rc, "cannot read", store->place.path, &store->error);

	r = tt_store_begin(store);
	if (r < 0)
		return r;
	for (size_t i = 0; rc == SQLITE_OK && work == NOTHING && i < ARRAY_SIZE(works); i++)
		rc = works[i](store, &plan, &work);
	if (rc == SQLITE_OK)
		r = tt_store_commit(store);
	else if (store->in_batch)
		r = tt_store_batch_failed(store, rc, "cannot apply the retention limits to");
	else
		r = store->batch_error;
	if (r < 0)
		store->collector->phase = IDLE; /* what it remembers may have been undone */
	else if (work == NOTHING)
		checkpoint(store);
	return r < 0 ? r : work == DONE_SOME;
}
