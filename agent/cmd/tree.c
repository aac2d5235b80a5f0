/* SPDX-License-Identifier: Apache-2.0 */
/* telltale tree: a session's processes with what each did, agents inside agents included. */
#include "cmd/cmd.h"
#include "cmd/json.h"
#include "cmd/proctree.h"
#include "cmd/row.h"
#include "util/log.h"

static void add_time(struct tt_buf *buf, const char *name, int64_t ns)
{
	if (ns)
		tt_buf_printf(buf, ",\"%s_ns\":%lld", name, (long long)ns);
	else
		tt_buf_printf(buf, ",\"%s_ns\":null", name);
}

/* One object a line, parents before children: `depth` is how far below the root. */
static void print_json(const struct tt_proctree *tree, struct tt_output *out, uint64_t limit)
{
	_cleanup_(tt_buf_done) struct tt_buf buf = TT_BUF_INIT;
	const struct tt_proc *p = NULL;

	for (uint64_t n = 0; (p = tt_proctree_next(tree, p)) && (!limit || n < limit); n++) {
		if (tt_output_failed(out))
			return;
		tt_buf_reset(&buf);
		tt_buf_printf(&buf,
			      "{\"process_id\":\"%s\",\"parent_process_id\":%s%s%s,\"session_id\":\"%s\","
			      "\"depth\":%u,\"pid\":%lld,\"exe\":",
			      p->process_id, p->parent_id[0] ? "\"" : "",
			      p->parent_id[0] ? p->parent_id : "null", p->parent_id[0] ? "\"" : "",
			      p->session_id, p->depth, (long long)p->pid);
		tt_buf_json(&buf, p->exe);
		tt_buf_str(&buf, ",\"command\":");
		tt_buf_json(&buf, p->command);
		tt_buf_str(&buf, ",\"role\":");
		tt_buf_json(&buf, p->role);
		tt_buf_str(&buf, ",\"exit_status\":");
		if (p->exit_status < 0)
			tt_buf_str(&buf, "null");
		else
			tt_buf_printf(&buf, "%lld", (long long)p->exit_status);
		add_time(&buf, "started", p->started_ns);
		add_time(&buf, "ended", p->ended_ns);
		tt_buf_printf(&buf,
			      ",\"files_read\":%lld,\"credential_files\":%lld,\"timezone_lookups\":%lld,"
			      "\"env_lookups\":%lld,\"connections\":%lld,\"score\":%.15g}",
			      (long long)p->files, (long long)p->credentials, (long long)p->timezone,
			      (long long)p->env, (long long)p->connections, p->score);
		tt_output_json(out, &buf);
	}
}

static void print_text(const struct tt_proctree *tree, struct tt_output *out, uint64_t limit)
{
	size_t left_out = tt_proctree_print(tree, out, limit);

	if (left_out && !tt_output_failed(out)) {
		tt_output_printf(out, TT_DIM, "%s and %zu more", tt_output_glyph(out, "\u2026", "..."),
				 left_out);
		tt_output_line(out);
	}
}

int tt_cmd_tree(int argc, char **argv)
{
	const struct tt_cmd_spec spec = {
		.name = "tree",
		.operands = "[ID]",
		.summary = "Prints a session's processes as a tree, with roles, exit statuses and what each "
			   "did;\n"
			   "agents that it started are included. Without ID, the latest session.",
		.want = TT_WANT_DB | TT_WANT_JSON | TT_WANT_LIMIT | TT_WANT_TEXT,
		.max_operands = 1,
	};
	_cleanup_(tt_query_closep) struct tt_query_db *db = NULL;
	_cleanup_(tt_proctree_freep) struct tt_proctree *tree = NULL;
	struct tt_cmd_common common;
	struct tt_output out;
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
	r = tt_proctree_load(db, id, true, &tree);
	if (r < 0)
		return tt_cmd_query_failed(db, r);
	tt_output_open(&out, common.color, !common.json && !common.no_pager);
	if (common.json)
		print_json(tree, &out, common.limit);
	else
		print_text(tree, &out, common.limit);
	status = tt_cmd_finish(&out, TT_EXIT_OK);
	if (tt_proctree_count(tree) == 0)
		tt_log_info("session %s has no processes", id);
	return status;
}
