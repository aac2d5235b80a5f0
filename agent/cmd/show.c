/* SPDX-License-Identifier: Apache-2.0 */
/* telltale show: the risk record of one session, or of the session that a process belongs to. */
#include <errno.h>

#include "cmd/cmd.h"
#include "cmd/record.h"
#include "cmd/row.h"
#include "util/log.h"

static int level_row(const struct tt_query_row *row, void *arg)
{
	bool *risky = arg;

	*risky = tt_row_is(row, 0, "medium") || tt_row_is(row, 0, "high") || tt_row_is(row, 0, "critical");
	return 0;
}

static int print(struct tt_query_db *db, const char *id, bool json, struct tt_output *out, bool *ret_risky)
{
	int r = tt_row_run(db, "SELECT level FROM session WHERE session_id = ?1", &id, 1, NULL, level_row,
			   ret_risky);

	return r < 0 ? r : tt_record_print(db, id, json ? TT_RECORD_JSON : TT_RECORD_TEXT, out);
}

int tt_cmd_show(int argc, char **argv)
{
	const struct tt_cmd_spec spec = {
		.name = "show",
		.operands = "[ID]",
		.summary = "Prints a session's risk record; without ID, the latest one's. ID is the "
			   "beginning of a\n"
			   "session's or process's id. --json prints one JSON document.",
		.want = TT_WANT_DB | TT_WANT_JSON | TT_WANT_TEXT | TT_WANT_EXIT_CODE,
		.max_operands = 1,
	};
	_cleanup_(tt_query_closep) struct tt_query_db *db = NULL;
	struct tt_cmd_common common;
	struct tt_output out;
	bool risky = false;
	int r, first, status;
	char id[17];

	first = tt_cmd_parse(&spec, argc, argv, &common, &status);
	if (first < 0)
		return status;
	if (tt_cmd_open(&common, &db) < 0)
		return TT_EXIT_FAILURE;
	status = tt_cmd_choose_session(db, argv[first], id);
	if (status != 0)
		return status;
	tt_output_open(&out, common.color, !common.json && !common.no_pager);
	r = print(db, id, common.json, &out, &risky);
	if (r < 0 && !tt_output_failed(&out))
		return tt_cmd_finish(&out, tt_cmd_query_failed(db, r));
	return tt_cmd_finish(&out, common.exit_code && risky ? TT_EXIT_FINDINGS : TT_EXIT_OK);
}
