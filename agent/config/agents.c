/* SPDX-License-Identifier: Apache-2.0 */
/* agents.d: which coding agents and runtimes exist, telltale-agents.d(5).
 *
 * A document is one agent, or a list of runtimes. Files are read in the order of their names; an agent
 * (by id) or runtime (by name) that an earlier file has defined is replaced as a whole, so that an
 * administrator's 90-local.yaml wins. An agent twice in one file is a mistake and refused. */
#include "config.h"

#include <errno.h>

#include "yaml.h"

struct document {
	struct tt_config_agent agent;
	struct tt_config_runtime *runtimes;
	size_t n_runtimes;
};

#define ID_MAX 64

/* "Claude_Code" is no id: ids appear in file names, SQL and URLs. */
static bool is_id(const char *text)
{
	size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return n && n <= ID_MAX && !text[n] && text[0] != '-';
}

/* "{version}" exactly once. */
static bool is_version_path(const char *text)
{
	const char *first = strstr(text, "{version}");

	return first && !strstr(first + 1, "{version}");
}

static bool is_plain_name(const char *text)
{
	return !strchr(text, '/');
}

static bool is_path_pattern(const char *text)
{
	return text[0] == '/' || !strncmp(text, "~/", 2) || !strncmp(text, "**/", 3);
}

static bool is_relative(const char *text)
{
	return text[0] != '/';
}

static bool is_build_id(const char *text)
{
	size_t n = strspn(text, "0123456789abcdef");

	if (n < 16)
		return false;
	return !text[n] ||
	       (text[n] == ':' && text[n + 1] && !text[n + 1 + strspn(text + n + 1, "0123456789")]);
}

static bool is_variable(const char *text)
{
	return text[0] && !strchr(text, '=');
}

/* A vendor has no dot in its name, and a service's host has one. */
static bool is_api_host(const char *text)
{
	return tt_streq(text, "*") || is_id(text) || (strchr(text, '.') && tt_config_is_host(text));
}

/* What entries of a list must look like. A marker shorter than this would match by chance. */
#define MARKER_MIN 12

static bool is_marker(const char *text)
{
	return strlen(text) >= MARKER_MIN;
}

static const struct entry_rule {
	const char *key;
	size_t offset;
	bool (*is_right)(const char *text);
	const char *expected;
	bool recognises; /* an agent needs at least one of these lists */
} entry_rules[] = {
	{ "binaries", offsetof(struct tt_config_agent, binaries), is_plain_name, "a file name without /",
	  true },
	{ "packages", offsetof(struct tt_config_agent, packages), NULL, NULL, true },
	{ "python", offsetof(struct tt_config_agent, python), is_plain_name, "a module or script name",
	  true },
	{ "paths", offsetof(struct tt_config_agent, paths), is_path_pattern,
	  "a pattern that starts with /, ~/ or **/", true },
	{ "extensions", offsetof(struct tt_config_agent, extensions), is_plain_name,
	  "a directory name without /", true },
	{ "build_ids", offsetof(struct tt_config_agent, build_ids), is_build_id,
	  "lower-case hex digits, optionally :SIZE", true },
	{ "markers", offsetof(struct tt_config_agent, markers), is_marker, "at least 12 bytes", true },
	{ "base_urls", offsetof(struct tt_config_agent, base_urls), is_variable, "the name of a variable",
	  false },
	{ "api_hosts", offsetof(struct tt_config_agent, api_hosts), is_api_host,
	  "a host, .DOMAIN, a pattern whose last label has no *, a vendor, or * alone", false },
	{ "version_paths", offsetof(struct tt_config_agent, version_paths), is_version_path,
	  "{version} in it, once", false },
	{ "version_files", offsetof(struct tt_config_agent, version_files), is_relative, "a relative path",
	  false },
};

static int check_agent(struct tt_yaml *yaml, struct tt_config_agent *agent, size_t line)
{
	bool recognisable = false;

	if (!agent->id)
		return tt_yaml_fail(yaml, line, "an agent needs 'id'");
	if (!is_id(agent->id))
		return tt_yaml_fail(yaml, line,
				    "id '%s': expected lower-case letters, digits and -, at most %d",
				    agent->id, ID_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(entry_rules); i++) {
		const struct entry_rule *rule = &entry_rules[i];
		const struct tt_strv *strv = (const struct tt_strv *)((const char *)agent + rule->offset);

		for (size_t j = 0; rule->is_right && j < strv->n; j++)
			if (!rule->is_right(strv->v[j]))
				return tt_yaml_fail(yaml, line, "agent '%s': '%s' in '%s': expected %s",
						    agent->id, strv->v[j], rule->key, rule->expected);
		recognisable |= rule->recognises && strv->n;
	}
	if (!recognisable)
		return tt_yaml_fail(
			yaml, line,
			"agent '%s' has nothing to be recognised by: give binaries, packages, python, "
			"paths or extensions",
			agent->id);
	if (!agent->name) {
		agent->name = strdup(agent->id);
		if (!agent->name)
			return -ENOMEM;
	}
	return 0;
}

static bool has_agent(const struct tt_config_agent *agent)
{
	static const struct tt_config_agent nothing;

	return memcmp(agent, &nothing, sizeof(nothing)) != 0;
}

static int check_document(struct tt_yaml *yaml, void *object, size_t line)
{
	struct document *document = object;

	if (!document->n_runtimes)
		return check_agent(yaml, &document->agent, line);
	if (has_agent(&document->agent))
		return tt_yaml_fail(yaml, line,
				    "a document is an agent or a list of runtimes: put --- between them");
	return 0;
}

static const char *const runtime_kinds[] = { "node", "bun",	 "deno",  "python",
					     "java", "electron", "other", NULL };

#define RUNTIME(key, type, ...) TT_YAML_FIELD(#key, type, struct tt_config_runtime, key, __VA_ARGS__)
static const struct tt_yaml_field runtime_fields[] = {
	RUNTIME(name, STRING, .required = true),
	RUNTIME(kind, WORD, .required = true, .words = runtime_kinds),
	RUNTIME(env_symbols, STRV),
	RUNTIME(env_direct, BOOL),
};
static const struct tt_yaml_schema runtime_schema = {
	.what = "a runtime",
	.fields = runtime_fields,
	.n_fields = ARRAY_SIZE(runtime_fields),
	.size = sizeof(struct tt_config_runtime),
};

#define AGENT(key, type) TT_YAML_FIELD(#key, type, struct document, agent.key)
static const struct tt_yaml_field document_fields[] = {
	AGENT(id, STRING),
	AGENT(name, STRING),
	AGENT(vendor, STRING),
	AGENT(binaries, STRV),
	AGENT(packages, STRV),
	AGENT(python, STRV),
	AGENT(paths, STRV),
	AGENT(env, STRV),
	AGENT(base_urls, STRV),
	AGENT(api_hosts, STRV),
	AGENT(extensions, STRV),
	AGENT(build_ids, STRV),
	AGENT(prompt_args, STRV),
	AGENT(markers, STRV),
	AGENT(version_paths, STRV),
	AGENT(version_files, STRV),
	AGENT(editor, BOOL),
	TT_YAML_FIELD("runtimes", LIST, struct document, runtimes, .sub = &runtime_schema,
		      .n_offset = offsetof(struct document, n_runtimes)),
};
static const struct tt_yaml_schema document_schema = {
	.what = "an agent definition",
	.fields = document_fields,
	.n_fields = ARRAY_SIZE(document_fields),
	.size = sizeof(struct document),
	.check = check_document,
};

static void agent_done(struct tt_config_agent *agent)
{
	struct document document = { .agent = *agent };

	tt_yaml_clear(&document_schema, &document);
	free(agent->file);
}

static int put_agent(struct tt_yaml *yaml, struct tt_config_agents *agents, struct tt_config_agent *agent,
		     size_t line)
{
	_cleanup_free_ char *file = strdup(tt_yaml_file(yaml));
	struct tt_config_agent *slot = NULL, *grown;

	if (!file)
		return -ENOMEM;
	for (size_t i = 0; i < agents->n_agents; i++)
		if (tt_streq(agents->agents[i].id, agent->id))
			slot = &agents->agents[i];
	if (slot && tt_streq(slot->file, file))
		return tt_yaml_fail(yaml, line, "agent '%s' is defined twice in this file", agent->id);
	if (slot) {
		agent_done(slot);
	} else {
		grown = reallocarray(agents->agents, agents->n_agents + 1, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		agents->agents = grown;
		slot = &grown[agents->n_agents++];
	}
	*slot = *agent;
	slot->file = TAKE_PTR(file);
	return 0;
}

/* Cannot fail half way: the caller still owns the document's runtimes if it fails. */
static int put_runtimes(struct tt_config_agents *agents, struct document *document)
{
	struct tt_config_runtime *grown;

	grown = reallocarray(agents->runtimes, agents->n_runtimes + document->n_runtimes, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	agents->runtimes = grown;
	for (size_t i = 0; i < document->n_runtimes; i++) {
		size_t j = 0;

		while (j < agents->n_runtimes && strcmp(grown[j].name, document->runtimes[i].name))
			j++;
		if (j < agents->n_runtimes)
			tt_yaml_clear(&runtime_schema, &grown[j]);
		else
			agents->n_runtimes++;
		grown[j] = document->runtimes[i];
	}
	free(document->runtimes);
	return 0;
}

static int put_document(struct tt_yaml *yaml, void *object, size_t line, void *arg)
{
	struct document *document = object;

	if (document->n_runtimes)
		return put_runtimes(arg, document);
	return put_agent(yaml, arg, &document->agent, line);
}

void tt_config_agents_free(struct tt_config_agents *agents)
{
	if (!agents)
		return;
	for (size_t i = 0; i < agents->n_agents; i++)
		agent_done(&agents->agents[i]);
	for (size_t i = 0; i < agents->n_runtimes; i++)
		tt_yaml_clear(&runtime_schema, &agents->runtimes[i]);
	free(agents->agents);
	free(agents->runtimes);
	free(agents);
}

TT_DEFINE_CLEANUP(struct tt_config_agents *, tt_config_agents_free)

int tt_config_load_agents(const char *dir, struct tt_config_agents **ret, char **ret_message)
{
	_cleanup_(tt_config_agents_freep) struct tt_config_agents *agents = calloc(1, sizeof(*agents));
	int r;

	if (!agents)
		return -ENOMEM;
	r = tt_yaml_load_dir(dir, &document_schema, put_document, agents, ret_message);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(agents);
	return 0;
}
