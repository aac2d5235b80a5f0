/* SPDX-License-Identifier: Apache-2.0 */
/* telltale agents: which coding agents are recognised, and by what; or is a definition right? Reads the
 * definitions only: which agents ran is `telltale sessions`. */
#include <errno.h>

#include "cmd/cmd.h"
#include "config/config.h"
#include "util/log.h"

TT_DEFINE_CLEANUP(struct tt_config *, tt_config_free)
TT_DEFINE_CLEANUP(struct tt_config_agents *, tt_config_agents_free)

/* What an agent is recognised by, and what is known of it: the definition's keys. */
static const struct list {
	const char *key;
	size_t offset;
	bool recognises;
} lists[] = {
	{ "binaries", offsetof(struct tt_config_agent, binaries), true },
	{ "packages", offsetof(struct tt_config_agent, packages), true },
	{ "python", offsetof(struct tt_config_agent, python), true },
	{ "paths", offsetof(struct tt_config_agent, paths), true },
	{ "extensions", offsetof(struct tt_config_agent, extensions), true },
	{ "build_ids", offsetof(struct tt_config_agent, build_ids), true },
	{ "markers", offsetof(struct tt_config_agent, markers), true },
	{ "env", offsetof(struct tt_config_agent, env), false },
	{ "base_urls", offsetof(struct tt_config_agent, base_urls), false },
	{ "api_hosts", offsetof(struct tt_config_agent, api_hosts), false },
	{ "prompt_args", offsetof(struct tt_config_agent, prompt_args), false },
	{ "version_paths", offsetof(struct tt_config_agent, version_paths), false },
	{ "version_files", offsetof(struct tt_config_agent, version_files), false },
};

static const struct tt_strv *list_of(const struct tt_config_agent *agent, const struct list *list)
{
	return (const struct tt_strv *)((const char *)agent + list->offset);
}

static void json_member(struct tt_buf *buf, const char *key, const char *value)
{
	tt_buf_char(buf, ',');
	tt_buf_json(buf, key);
	tt_buf_char(buf, ':');
	tt_buf_json(buf, value);
}

static void print_json(struct tt_output *out, const struct tt_config_agent *agent)
{
	_cleanup_(tt_buf_done) struct tt_buf buf = TT_BUF_INIT;

	tt_buf_str(&buf, "{\"agent\":");
	tt_buf_json(&buf, agent->id);
	json_member(&buf, "agent_name", agent->name);
	json_member(&buf, "vendor", agent->vendor);
	tt_buf_printf(&buf, ",\"editor\":%s", agent->editor ? "true" : "false");
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		const struct tt_strv *v = list_of(agent, &lists[i]);

		tt_buf_printf(&buf, ",\"%s\":[", lists[i].key);
		for (size_t k = 0; k < v->n; k++) {
			if (k)
				tt_buf_char(&buf, ',');
			tt_buf_json(&buf, v->v[k]);
		}
		tt_buf_char(&buf, ']');
	}
	json_member(&buf, "file", agent->file);
	tt_buf_char(&buf, '}');
	tt_output_json(out, &buf);
}

static void add_recognised(struct tt_buf *text, const struct tt_config_agent *agent)
{
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		const struct tt_strv *v = list_of(agent, &lists[i]);

		for (size_t k = 0; lists[i].recognises && k < v->n; k++)
			tt_buf_printf(text, "%s%s", text->len ? " " : "", v->v[k]);
	}
}

static int print_text(struct tt_output *out, const struct tt_config_agents *agents)
{
	static const struct tt_column columns[] = {
		{ "AGENT", false, TT_KEEP },
		{ "NAME", false, TT_KEEP },
		{ "VENDOR", false, TT_KEEP },
		{ "RECOGNISED BY", false, TT_CUT_TAIL },
	};
	struct tt_table *table = tt_table_new(out, columns, ARRAY_SIZE(columns));

	if (!table)
		return -ENOMEM;
	for (size_t i = 0; i < agents->n_agents; i++) {
		const struct tt_config_agent *agent = &agents->agents[i];
		_cleanup_(tt_buf_done) struct tt_buf text = TT_BUF_INIT;

		add_recognised(&text, agent);
		tt_table_cell(table, TT_BOLD, agent->id ? agent->id : "?");
		tt_table_cell(table, TT_PLAIN, agent->name ? agent->name : "");
		tt_table_cell(table, TT_PLAIN, agent->vendor ? agent->vendor : "");
		tt_table_celln(table, TT_DIM, text.text ? text.text : "", text.len);
	}
	tt_table_end(table);
	return 0;
}

/* from: a definition file to check, or NULL: the directory that the configuration names. */
static int load(const char *from, const char *config_file, struct tt_config_agents **ret)
{
	_cleanup_(tt_config_freep) struct tt_config *config = NULL;
	_cleanup_free_ char *message = NULL;
	int r = 0;

	if (!from)
		r = tt_config_load(config_file, &config, &message);
	if (r == 0)
		r = tt_config_load_agents(from ? from : config->agents_dir, ret, &message);
	if (r < 0 && message)
		tt_log_error("%s", message);
	else if (r < 0)
		tt_log_errno(r, "cannot read the agent definitions%s%s", from ? " in " : "",
			     from ? from : "");
	return r;
}

static int print(struct tt_output *out, const struct tt_config_agents *agents, bool json)
{
	int r = 0;

	for (size_t i = 0; json && i < agents->n_agents; i++)
		print_json(out, &agents->agents[i]);
	if (!json)
		r = print_text(out, agents);
	return r;
}

int tt_cmd_agents(int argc, char **argv)
{
	const char *check = NULL, *config = NULL;
	const struct tt_cmd_option options[] = {
		{ "check", 0, "FILE", "is this definition (or directory of them) right?", NULL, &check },
		{ "config", 0, "FILE", "configuration, for where the definitions are", NULL, &config },
	};
	const struct tt_cmd_spec spec = {
		.name = "agents",
		.operands = "",
		.summary = "Lists the coding agents that are recognised, and by what.",
		.want = TT_WANT_JSON | TT_WANT_TEXT,
		.options = options,
		.n_options = ARRAY_SIZE(options),
	};
	_cleanup_(tt_config_agents_freep) struct tt_config_agents *agents = NULL;
	struct tt_cmd_common common;
	struct tt_output out;
	int status;

	if (tt_cmd_parse(&spec, argc, argv, &common, &status) < 0)
		return status;
	if (load(check, config, &agents) < 0)
		return TT_EXIT_FAILURE;
	tt_output_open(&out, common.color, !common.json && !common.no_pager);
	if (print(&out, agents, common.json) < 0)
		out.error = -ENOMEM;
	status = tt_cmd_finish(&out, TT_EXIT_OK);
	if (agents->n_agents == 0)
		tt_log_info("no agents are defined%s%s", check ? " in " : "", check ? check : "");
	else if (check)
		tt_log_info("%s: %zu agents, all right", check, agents->n_agents);
	return status;
}
