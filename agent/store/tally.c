/* SPDX-License-Identifier: Apache-2.0 */
/* What the writer reads back: tallies for scoring, known builds, and sessions that a dead telltale left open. */
#include <errno.h>
#include <time.h>

#include "store/error.h"
#include "store/internal.h"

/* Most builds handed out: a host has seen a few hundred versions of agents, not thousands. */
#define BUILDS_MAX 1000

/* Each: what a row's group is made of (category, op or source, ok), row id, count, example. An
 * environment look-up is one whether the variable is there or not; -115 is EINPROGRESS, a success. Of connections those that
 * the process made: with whom it was for a purpose of its own is not said of who came to it.
 * Not sorted: a sorter would hold all rows of the process in memory, and there are few groups. */
static const struct {
	const char *kind, *sql;
} tallies[TT_TALLIES] = {
	{ "file", "SELECT category, op, result = 0, row_id, count, path FROM file_row WHERE process = ?" },
	{ "env", "SELECT category, source, 1, row_id, count, name FROM env_row WHERE process = ?" },
	{ "connection", "SELECT category, state, result IN (0, -115), row_id, count,"
			" coalesce(hostname, address, unix_path)"
			" FROM connection_row WHERE process = ? AND count > 0"
			" AND direction = (SELECT id FROM string WHERE text = 'out')" },
	{ "timezone", "SELECT NULL, how, result = 0, row_id, count, path FROM file_row"
		      " WHERE process = ?1 AND how IS NOT NULL UNION ALL"
		      " SELECT NULL, how, 1, row_id, count, coalesce(zone, name) FROM env_row"
		      " WHERE process = ?1 AND how IS NOT NULL" },
};

struct group {
	struct tt_store_tally tally;
	int64_t category, op, example; /* string ids, 0 for NULL */
};

/* There are as many as the definitions have categories, times the ways and outcomes. */
struct groups {
	struct group *v;
	size_t n, cap, last; /* last: the one met last, mostly the next row's too */
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

static bool is_group(const struct group *group, int64_t category, int64_t op, int ok)
{
	return group->category == category && group->op == op && group->tally.result_ok == ok;
}

/* NULL: no memory. */
static struct group *find_group(struct groups *groups, const char *kind, int64_t category, int64_t op, int ok)
{
	if (groups->n && is_group(&groups->v[groups->last], category, op, ok))
		return &groups->v[groups->last];
	for (size_t i = 0; i < groups->n; i++) {
		groups->last = i;
		if (is_group(&groups->v[i], category, op, ok))
			return &groups->v[i];
	}
	if (groups->n == groups->cap) {
		size_t cap = groups->cap ? groups->cap * 2 : 16;
		struct group *v = reallocarray(groups->v, cap, sizeof(*v));

		if (!v)
			return NULL;
		groups->v = v;
		groups->cap = cap;
	}
	groups->last = groups->n++;
	groups->v[groups->last] =
		(struct group){ .tally = { .kind = kind, .result_ok = ok }, .category = category, .op = op };
	return &groups->v[groups->last];
}

/* The lowest row ids, in order; the example is of the lowest. */
static void keep_row_id(struct group *group, uint64_t row_id, int64_t example)
{
	struct tt_store_tally *tally = &group->tally;
	unsigned i = tally->n_row_ids;

	if (i == ARRAY_SIZE(tally->row_ids) && tally->row_ids[i - 1] < row_id)
		return;
	if (i < ARRAY_SIZE(tally->row_ids))
		tally->n_row_ids++;
	else
		i--;
	for (; i > 0 && tally->row_ids[i - 1] > row_id; i--)
		tally->row_ids[i] = tally->row_ids[i - 1];
	tally->row_ids[i] = row_id;
	if (i == 0)
		group->example = example;
}

static int hand_over(sqlite3_stmt *text, struct group *group,
		     int (*fn)(const struct tt_store_tally *tally, void *arg), void *arg, int *ret)
{
	_cleanup_free_ char *category = NULL, *op = NULL, *example = NULL;
	bool timezone = tt_streq(group->tally.kind, "timezone");
	int rc;

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

static int by_group(const void *a, const void *b)
{
	const struct group *x = a, *y = b;

	if (x->category != y->category)
		return x->category < y->category ? -1 : 1;
	if (x->op != y->op)
		return x->op < y->op ? -1 : 1;
	return x->tally.result_ok - y->tally.result_ok;
}

static int collect_rows(sqlite3_stmt *rows, const char *kind, struct groups *groups)
{
	int rc;

	while ((rc = sqlite3_step(rows)) == SQLITE_ROW) {
		struct group *group = find_group(groups, kind, sqlite3_column_int64(rows, 0),
						 sqlite3_column_int64(rows, 1), sqlite3_column_int(rows, 2));

		if (!group)
			return SQLITE_NOMEM;
		group->tally.rows++;
		group->tally.count += sqlite3_column_int64(rows, 4);
		keep_row_id(group, sqlite3_column_int64(rows, 3), sqlite3_column_int64(rows, 5));
	}
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int tally_rows(sqlite3_stmt *rows, sqlite3_stmt *text, const char *kind,
		      int (*fn)(const struct tt_store_tally *tally, void *arg), void *arg, int *ret)
{
	struct groups groups = { 0 };
	int rc = collect_rows(rows, kind, &groups);

	if (groups.n)
		qsort(groups.v, groups.n, sizeof(*groups.v), by_group);
	for (size_t i = 0; rc == SQLITE_OK && *ret == 0 && i < groups.n; i++)
		rc = hand_over(text, &groups.v[i], fn, arg, ret);
	free(groups.v);
	return rc;
}

static int read_failed(struct tt_store *store, int rc)
{
	return tt_store_sqlite_error(store->db, rc, "cannot read", store->place.path, &store->error);
}

static int prepare_tallies(struct tt_store *store)
{
	int rc = SQLITE_OK;

	if (!store->find_text)
		rc = sqlite3_prepare_v3(store->db, "SELECT text FROM string WHERE id = ?", -1,
					SQLITE_PREPARE_PERSISTENT, &store->find_text, NULL);
	for (size_t i = 0; rc == SQLITE_OK && i < ARRAY_SIZE(tallies); i++) {
		if (!store->tallies[i])
			rc = sqlite3_prepare_v3(store->db, tallies[i].sql, -1, SQLITE_PREPARE_PERSISTENT,
						&store->tallies[i], NULL);
	}
	return rc;
}

int tt_store_tally_process(struct tt_store *store, const struct tt_id *process_id,
			   int (*fn)(const struct tt_store_tally *tally, void *arg), void *arg)
{
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

	rc = prepare_tallies(store);
	for (size_t i = 0; rc == SQLITE_OK && r == 0 && i < ARRAY_SIZE(tallies); i++) {
		sqlite3_stmt *rows = store->tallies[i];

		rc = sqlite3_bind_int64(rows, 1, process);
		if (rc == SQLITE_OK)
			rc = tally_rows(rows, store->find_text, tallies[i].kind, fn, arg, &r);
		sqlite3_reset(rows);
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
	" UNION ALL SELECT max(last_ns) FROM connection_row WHERE process = p.id"                            \
	" UNION ALL SELECT max(last_ns) FROM name_row WHERE process = p.id))"                                \
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
