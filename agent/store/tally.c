/* SPDX-License-Identifier: Apache-2.0 */
/* What the writer reads back: tallies for scoring, known builds, and sessions that a dead telltale left open. */
#include <errno.h>
#include <time.h>

#include "store/error.h"
#include "store/internal.h"

/* Most builds handed out: a host has seen a few hundred versions of agents, not thousands. */
#define BUILDS_MAX 1000

/* Each: kind's group (category, op or source, ok), row id, count, example; sorted by the group. An
 * environment look-up is one whether the variable is there or not; -115 is EINPROGRESS, a success. */
static const struct {
	const char *kind, *sql;
} tallies[] = {
	{ "file", "SELECT category, op, result = 0, row_id, count, path FROM file_row WHERE process = ?"
		  " ORDER BY 1, 2, 3, 4" },
	{ "env", "SELECT category, source, 1, row_id, count, name FROM env_row WHERE process = ?"
		 " ORDER BY 1, 2, 4" },
	{ "connection", "SELECT category, state, result IN (0, -115), row_id, count,"
			" coalesce(hostname, address, unix_path)"
			" FROM connection_row WHERE process = ? ORDER BY 1, 2, 3, 4" },
	{ "timezone", "SELECT NULL, how, result = 0, row_id, count, path FROM file_row"
		      " WHERE process = ?1 AND how IS NOT NULL UNION ALL"
		      " SELECT NULL, how, 1, row_id, count, coalesce(zone, name) FROM env_row"
		      " WHERE process = ?1 AND how IS NOT NULL ORDER BY 2, 3, 4" },
};

struct group {
	struct tt_store_tally tally;
	int64_t category, op, example; /* string ids, 0 for NULL */
};

static int string_text(sqlite3_stmt *stmt, int64_t id, char **ret)
{
	int rc;

	if (!id)
		return SQLITE_OK;
	sqlite3_bind_int64(stmt, 1, id);
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW) {
		*ret = strdup((const char *)sqlite3_column_text(stmt, 0) ?: "");
		rc = *ret ? SQLITE_OK : SQLITE_NOMEM;
	}
	sqlite3_reset(stmt);
	return rc == SQLITE_DONE ? SQLITE_CORRUPT : rc;
}

static int hand_over(sqlite3_stmt *text, struct group *group,
		     int (*fn)(const struct tt_store_tally *tally, void *arg), void *arg, int *ret)
{
	_cleanup_free_ char *category = NULL, *op = NULL, *example = NULL;
	bool timezone = tt_streq(group->tally.kind, "timezone");
	int rc;

	if (!group->tally.rows)
		return SQLITE_OK;
	rc = string_text(text, group->category, &category);
	if (rc == SQLITE_OK)
		rc = string_text(text, group->op, &op);
	if (rc == SQLITE_OK)
		rc = string_text(text, group->example, &example);
	if (rc != SQLITE_OK)
		return rc;
	group->tally.category = timezone ? "timezone" : category;
	group->tally.op_or_source = op;
	group->tally.example = example;
	*ret = fn(&group->tally, arg);
	return SQLITE_OK;
}

static int tally_rows(sqlite3_stmt *rows, sqlite3_stmt *text, const char *kind,
		      int (*fn)(const struct tt_store_tally *tally, void *arg), void *arg, int *ret)
{
	struct group group = { .tally.kind = kind };
	int rc;

	while ((rc = sqlite3_step(rows)) == SQLITE_ROW) {
		int64_t category = sqlite3_column_int64(rows, 0), op = sqlite3_column_int64(rows, 1);
		int ok = sqlite3_column_int(rows, 2);
		struct tt_store_tally *tally = &group.tally;

		if (category != group.category || op != group.op || ok != tally->result_ok) {
			rc = hand_over(text, &group, fn, arg, ret);
			if (rc != SQLITE_OK || *ret != 0)
				return rc;
			group = (struct group){ .tally = { .kind = kind, .result_ok = ok },
						.category = category,
						.op = op };
		}
		if (!tally->rows++)
			group.example = sqlite3_column_int64(rows, 5);
		tally->count += sqlite3_column_int64(rows, 4);
		if (tally->n_row_ids < ARRAY_SIZE(tally->row_ids))
			tally->row_ids[tally->n_row_ids++] = sqlite3_column_int64(rows, 3);
	}
	return rc == SQLITE_DONE ? hand_over(text, &group, fn, arg, ret) : rc;
}

static int read_failed(struct tt_store *store, int rc)
{
	return tt_store_sqlite_error(store->db, rc, "cannot read", store->place.path, &store->error);
}

int tt_store_tally_process(struct tt_store *store, const struct tt_id *process_id,
			   int (*fn)(const struct tt_store_tally *tally, void *arg), void *arg)
{
	_cleanup_(sqlite3_finalizep) sqlite3_stmt *text = NULL;
	int64_t process = 0;
	int rc, r = 0;

	sqlite3_bind_text(store->find_process, 1, process_id->s, -1, SQLITE_STATIC);
	rc = sqlite3_step(store->find_process);
	if (rc == SQLITE_ROW)
		process = sqlite3_column_int64(store->find_process, 0);
	sqlite3_reset(store->find_process);
	if (rc == SQLITE_DONE)
		return tt_store_message(-ENOENT, &store->error, "process %s is not in the database",
					process_id->s);
	if (rc != SQLITE_ROW)
		return read_failed(store, rc);

	rc = tt_store_prepare(store, &text, "SELECT text FROM string WHERE id = ?");
	for (size_t i = 0; rc == SQLITE_OK && r == 0 && i < ARRAY_SIZE(tallies); i++) {
		_cleanup_(sqlite3_finalizep) sqlite3_stmt *rows = NULL;

		rc = tt_store_prepare(store, &rows, tallies[i].sql);
		if (rc == SQLITE_OK)
			rc = sqlite3_bind_int64(rows, 1, process);
		if (rc == SQLITE_OK)
			rc = tally_rows(rows, text, tallies[i].kind, fn, arg, &r);
	}
	return rc == SQLITE_OK ? r : read_failed(store, rc);
}

int tt_store_each_build(struct tt_store *store,
			int (*fn)(const char *agent, const char *version, const char *build_id, void *arg),
			void *arg)
{
	_cleanup_(sqlite3_finalizep) sqlite3_stmt *stmt = NULL;
	int rc, r = 0;

	rc = tt_store_prepare(
		store, &stmt,
		"SELECT agent, agent_version, build_id FROM session"
		" WHERE build_id IS NOT NULL AND agent <> '(command)'"
		" GROUP BY agent, agent_version, build_id ORDER BY max(started_ns) DESC LIMIT ?");
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int(stmt, 1, BUILDS_MAX);
	while (rc == SQLITE_OK && r == 0 && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		r = fn((const char *)sqlite3_column_text(stmt, 0), (const char *)sqlite3_column_text(stmt, 1),
		       (const char *)sqlite3_column_text(stmt, 2), arg);
		rc = SQLITE_OK;
	}
	return rc == SQLITE_OK || rc == SQLITE_DONE ? r : read_failed(store, rc);
}

/* The end of a process nobody saw end: the last thing known of it. */
#define CLOSE_PROCESSES                                                                                      \
	"UPDATE process_row AS p SET ended_ns = (SELECT coalesce(max(ns), 0) FROM ("                         \
	" SELECT p.started_ns AS ns"                                                                         \
	" UNION ALL SELECT max(at_ns) FROM exec_row WHERE process = p.id"                                    \
	" UNION ALL SELECT max(last_ns) FROM file_row WHERE process = p.id"                                  \
	" UNION ALL SELECT max(last_ns) FROM env_row WHERE process = p.id"                                   \
	" UNION ALL SELECT max(last_ns) FROM connection_row WHERE process = p.id))"                          \
	" WHERE ended_ns IS NULL"

#define CLOSE_SESSIONS                                                                                       \
	"UPDATE session_row AS s SET complete = 0, ended_ns = coalesce(max(coalesce(started_ns, 0),"         \
	" (SELECT coalesce(max(max(coalesce(ended_ns, 0), coalesce(started_ns, 0))), 0)"                     \
	"  FROM process_row WHERE session = s.id)), 0) WHERE ended_ns IS NULL"

static int record_gaps(struct tt_store *store, const char *boot_id)
{
	_cleanup_(sqlite3_finalizep) sqlite3_stmt *open = NULL;
	struct timespec now;
	int rc, r;

	clock_gettime(CLOCK_REALTIME, &now);
	rc = tt_store_prepare(
		store, &open,
		"SELECT session_id, (SELECT max(coalesce(p.ended_ns, 0)) FROM process_row p"
		" WHERE p.session = s.id), started_ns FROM session_row s WHERE ended_ns IS NULL");
	while (rc == SQLITE_OK && (rc = sqlite3_step(open)) == SQLITE_ROW) {
		struct tt_row_loss loss = {
			.boot_id = boot_id,
			.sensor = "store",
			.kind = "unclean_stop",
			.count = 1,
			.from_ns = sqlite3_column_int64(open, 1),
			.to_ns = now.tv_sec * 1000000000ll + now.tv_nsec,
		};

		if (!loss.from_ns)
			loss.from_ns = sqlite3_column_int64(open, 2);
		snprintf(loss.session_id.s, sizeof(loss.session_id.s), "%s",
			 (const char *)sqlite3_column_text(open, 0));
		r = tt_store_own_loss(store, &loss);
		if (r < 0)
			return r;
		rc = SQLITE_OK;
	}
	return rc == SQLITE_DONE ? 0 : tt_store_batch_failed(store, rc, "cannot write to");
}

int tt_store_close_stale(struct tt_store *store, const char *boot_id)
{
	int closed, rc, r;

	r = tt_store_begin(store);
	if (r < 0)
		return r;
	rc = tt_store_exec(store, CLOSE_PROCESSES);
	if (rc != SQLITE_OK)
		return tt_store_batch_failed(store, rc, "cannot write to");
	r = record_gaps(store, boot_id);
	if (r < 0) {
		tt_store_rollback(store);
		return r;
	}
	rc = tt_store_exec(store, CLOSE_SESSIONS);
	if (rc != SQLITE_OK)
		return tt_store_batch_failed(store, rc, "cannot write to");
	closed = sqlite3_changes(store->db);
	r = tt_store_commit(store);
	return r < 0 ? r : closed;
}
