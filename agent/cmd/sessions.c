/* SPDX-License-Identifier: Apache-2.0 */
/* telltale sessions: the recorded runs of coding agents, newest first. */
#include <errno.h>

#include "cmd/cmd.h"
#include "cmd/json.h"
#include "cmd/row.h"
#include "util/log.h"
#include "util/timespec.h"

struct list {
	struct tt_output *out;
	struct tt_table *table; /* NULL: JSON */
	uint64_t rows;
	bool risky;
};

/* Sessions that were alive between ?1 and ?2, of agent ?3 ('' any). */
#define WHERE                                                                                                \
	"WHERE coalesce(ended_ns, 9223372036854775807) >= CAST(?1 AS INTEGER) "                              \
	"AND coalesce(started_ns, 0) <= CAST(?2 AS INTEGER) AND (?3 = '' OR agent = ?3) "                    \
	"ORDER BY started_ns DESC, session_id LIMIT CAST(?4 AS INTEGER)"

static const char text_sql[] =
	"SELECT session_id, started_ns, ended_ns, agent, agent_version, user, level, score, process_count, "
	"complete, exit_status, cwd FROM session " WHERE;
static const char json_sql[] = "SELECT * FROM session " WHERE;

static const struct tt_column columns[] = {
	{ "SESSION", false, TT_KEEP }, { "STARTED", false, TT_KEEP },	    { "LASTED", true, TT_KEEP },
	{ "AGENT", false, TT_KEEP },   { "VERSION", false, TT_KEEP },	    { "USER", false, TT_KEEP },
	{ "RISK", false, TT_KEEP },    { "PROCS", true, TT_KEEP },	    { "RECORD", false, TT_KEEP },
	{ "EXIT", true, TT_KEEP },     { "DIRECTORY", false, TT_CUT_HEAD },
};

static bool is_risky(const char *level)
{
	return tt_streq(level, "medium") || tt_streq(level, "high") || tt_streq(level, "critical");
}

static void print_row(struct tt_table *table, const struct tt_query_row *row)
{
	int64_t started = tt_row_int(row, 1, 0), ended = tt_row_int(row, 2, 0);
	const char *level = tt_row_text(row, 6, "none");
	bool complete = tt_row_int(row, 9, 0) != 0;
	char when[TT_TIMESPEC_MAX] = "?", lasted[TT_TIMESPEC_MAX] = "running";

	if (started)
		tt_timespec_local(started, when);
	if (started && ended)
		tt_timespec_duration(ended - started, lasted);
	tt_table_cell(table, TT_ACCENT, tt_row_text(row, 0, "?"));
	tt_table_cell(table, TT_PLAIN, when);
	tt_table_cell(table, ended ? TT_PLAIN : TT_NOTICE, lasted);
	tt_table_cell(table, TT_BOLD, tt_row_text(row, 3, "?"));
	tt_table_cell(table, TT_PLAIN, tt_row_text(row, 4, "?"));
	tt_table_cell(table, TT_PLAIN, tt_row_text(row, 5, "?"));
	tt_table_cellf(table, is_risky(level) ? TT_BAD : TT_PLAIN, "%s %.4g", level, tt_row_real(row, 7));
	tt_table_cellf(table, TT_PLAIN, "%lld", (long long)tt_row_int(row, 8, 0));
	tt_table_cell(table, complete ? TT_DIM : TT_ALARM, complete ? "complete" : "LOSSES");
	if (tt_row_int(row, 10, -1) >= 0)
		tt_table_cellf(table, TT_PLAIN, "%lld", (long long)tt_row_int(row, 10, 0));
	else
		tt_table_cell(table, TT_DIM, "?");
	tt_table_cell(table, TT_PLAIN, tt_row_text(row, 11, "?"));
}

static int list_row(const struct tt_query_row *row, void *arg)
{
	_cleanup_(tt_buf_done) struct tt_buf buf = TT_BUF_INIT;
	struct list *list = arg;

	list->rows++;
	for (unsigned i = 0; i < row->n; i++)
		if (tt_streq(row->names[i], "level") && is_risky(tt_row_text(row, i, NULL)))
			list->risky = true;
	if (list->table) {
		print_row(list->table, row);
	} else {
		tt_buf_char(&buf, '{');
		tt_json_members(&buf, row);
		tt_buf_char(&buf, '}');
		tt_output_json(list->out, &buf);
	}
	return list->out->error;
}

static int list(struct tt_query_db *db, const struct tt_cmd_common *common, const char *agent,
		struct list *list)
{
	char since[24], until[24], limit[24];
	const char *params[] = { since, until, agent ? agent : "", limit };
	uint64_t n = common->limit ? common->limit : INT64_MAX;
	int r;

	snprintf(since, sizeof(since), "%lld", (long long)common->since_ns);
	snprintf(until, sizeof(until), "%lld", (long long)common->until_ns);
	snprintf(limit, sizeof(limit), "%lld", (long long)(n > INT64_MAX ? INT64_MAX : n));
	if (!common->json) {
		list->table = tt_table_new(list->out, columns, ARRAY_SIZE(columns));
		if (!list->table)
			return -ENOMEM;
	}
	r = tt_row_run(db, common->json ? json_sql : text_sql, params, ARRAY_SIZE(params), NULL, list_row,
		       list);
	tt_table_end(list->table);
	return r;
}

int tt_cmd_sessions(int argc, char **argv)
{
	_cleanup_(tt_query_closep) struct tt_query_db *db = NULL;
	const char *agent = NULL;
	const struct tt_cmd_option options[] = {
		{ "agent", 0, "ID", "only this agent: claude-code, codex, ...", NULL, &agent },
	};
	const struct tt_cmd_spec spec = {
		.name = "sessions",
		.operands = "",
		.summary = "Lists the recorded runs of coding agents, newest first.",
		.want = TT_WANT_DB | TT_WANT_JSON | TT_WANT_TIME | TT_WANT_LIMIT | TT_WANT_TEXT |
			TT_WANT_EXIT_CODE,
		.options = options,
		.n_options = ARRAY_SIZE(options),
	};
	struct tt_cmd_common common;
	struct tt_output out;
	struct list rows = { .out = &out };
	int r, status;

	if (tt_cmd_parse(&spec, argc, argv, &common, &status) < 0)
		return status;
	if (tt_cmd_open(&common, &db) < 0)
		return TT_EXIT_FAILURE;
	tt_output_open(&out, common.color, !common.json && !common.no_pager);
	r = list(db, &common, agent, &rows);
	if (r < 0 && !tt_output_failed(&out))
		return tt_cmd_finish(&out, tt_cmd_query_failed(db, r));
	status = tt_cmd_finish(&out, common.exit_code && rows.risky ? TT_EXIT_FINDINGS : TT_EXIT_OK);
	if (rows.rows == 0)
		tt_log_info("no sessions%s", common.since_ns || agent ? " match" : " recorded yet");
	return status;
}
