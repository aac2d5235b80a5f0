/* SPDX-License-Identifier: Apache-2.0 */
/* telltale export: every row of every view as JSON lines.
 *
 * {"type": VIEW, column: value, ...}: as in json.h, so NULL stays null. Rows that may grow have row_id
 * and revision: of two lines with the same type and row_id, the higher revision holds. The order of
 * types is parents first: a reader never meets a process before its session. */
#include <errno.h>
#include <inttypes.h>

#include "cmd/cmd.h"
#include "cmd/json.h"
#include "cmd/row.h"
#include "util/log.h"

/* A row belongs to the time from `from` to `to`; NULL `to`: until now. ?1 since, ?2 until. */
#define IN_TIME(from, to)                                                                                    \
	" WHERE coalesce(" to ", 9223372036854775807) >= CAST(?1 AS INTEGER) "                               \
	"AND coalesce(" from ", 0) <= CAST(?2 AS INTEGER) ORDER BY " from

static const struct view {
	const char *type, *sql;
	bool timeless;
} views[] = {
	{ "host", "SELECT 'host' AS type, * FROM host", true },
	{ "session", "SELECT 'session' AS type, * FROM session" IN_TIME("started_ns", "ended_ns"), false },
	{ "process", "SELECT 'process' AS type, * FROM process" IN_TIME("started_ns", "ended_ns"), false },
	{ "process_exec", "SELECT 'process_exec' AS type, * FROM process_exec" IN_TIME("at_ns", "at_ns"),
	  false },
	{ "file_access", "SELECT 'file_access' AS type, * FROM file_access" IN_TIME("first_ns", "last_ns"),
	  false },
	{ "env_lookup", "SELECT 'env_lookup' AS type, * FROM env_lookup" IN_TIME("first_ns", "last_ns"),
	  false },
	{ "timezone_lookup",
	  "SELECT 'timezone_lookup' AS type, * FROM timezone_lookup" IN_TIME("first_ns", "last_ns"), false },
	{ "connection", "SELECT 'connection' AS type, * FROM connection" IN_TIME("first_ns", "last_ns"),
	  false },
	/* its own column `type` (of the DNS record) gives way to ours */
	{ "name_lookup",
	  "SELECT 'name_lookup' AS type, process_id, name, type AS name_type, source, answers, result, "
	  "count, "
	  "first_ns, last_ns, row_id, revision FROM name_lookup" IN_TIME("first_ns", "last_ns"),
	  false },
	{ "process_access",
	  "SELECT 'process_access' AS type, * FROM process_access" IN_TIME("first_ns", "last_ns"), false },
	{ "finding", "SELECT 'finding' AS type, * FROM finding" IN_TIME("first_ns", "last_ns"), false },
	{ "risk_record", "SELECT 'risk_record' AS type, * FROM risk_record" IN_TIME("first_ns", "last_ns"),
	  false },
	{ "loss", "SELECT 'loss' AS type, * FROM loss" IN_TIME("from_ns", "to_ns"), false },
};

struct exporter {
	struct tt_output *out;
	uint64_t rows;
};

static int export_row(const struct tt_query_row *row, void *arg)
{
	_cleanup_(tt_buf_done) struct tt_buf buf = TT_BUF_INIT;
	struct exporter *e = arg;

	e->rows++;
	tt_buf_char(&buf, '{');
	tt_json_members(&buf, row);
	tt_buf_char(&buf, '}');
	tt_output_json(e->out, &buf);
	return e->out->error;
}

static int export_all(struct tt_query_db *db, const struct tt_cmd_common *common, struct exporter *e)
{
	char since[24], until[24];
	const char *params[] = { since, until };
	int r;

	r = tt_query_hold(db); /* or a row could come whose process came too late for its own view */
	snprintf(since, sizeof(since), "%" PRId64, common->since_ns);
	snprintf(until, sizeof(until), "%" PRId64, common->until_ns);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(views); i++)
		r = tt_row_run(db, views[i].sql, params, views[i].timeless ? 0 : ARRAY_SIZE(params), NULL,
			       export_row, e);
	return r;
}

int tt_cmd_export(int argc, char **argv)
{
	const char *format = "jsonl";
	const struct tt_cmd_option options[] = {
		{ "format", 'f', "FORMAT", "jsonl, which is the default", NULL, &format },
	};
	const struct tt_cmd_spec spec = {
		.name = "export",
		.operands = "",
		.summary =
			"Writes every row of every view as one JSON object a line, with its view as `type`.\n"
			"--since takes what was still going on at that time or began later.",
		.want = TT_WANT_DB | TT_WANT_TIME,
		.options = options,
		.n_options = ARRAY_SIZE(options),
	};
	_cleanup_(tt_query_closep) struct tt_query_db *db = NULL;
	struct tt_cmd_common common;
	struct tt_output out;
	struct exporter e = { .out = &out };
	int r, status;

	if (tt_cmd_parse(&spec, argc, argv, &common, &status) < 0)
		return status;
	if (!tt_streq(format, "jsonl"))
		return tt_cmd_usage("export", "format '%s' is not known; take jsonl", format);
	if (tt_cmd_open(&common, &db) < 0)
		return TT_EXIT_FAILURE;
	tt_output_open(&out, TT_COLOR_NEVER, false);
	r = export_all(db, &common, &e);
	if (r < 0 && !tt_output_failed(&out))
		return tt_cmd_finish(&out, tt_cmd_query_failed(db, r));
	status = tt_cmd_finish(&out, TT_EXIT_OK);
	if (e.rows == 0)
		tt_log_info("nothing to export%s", common.since_ns ? " since then" : "");
	return status;
}
