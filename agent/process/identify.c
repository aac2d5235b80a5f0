/* SPDX-License-Identifier: Apache-2.0 */
/* Is this exec a coding agent, and which build of it? See identify.h; docs/agents.md is the reference.
 *
 * This is the way from an exec to an answer: what kind of program it is, whether the answer is known, and who is to find
 * out. An interpreter is what it runs (identify_script.c), an editor's extension host or terminal is the
 * editor's (identify_editor.c), anything else is a native program (identify_native.c). The first test that answers is `how`.
 *
 * Everything read here can lie. A program that wants to be taken for an agent can, and one that hides behind
 * another name, package and contents is not recognised: this is evidence, not enforcement. */
#include "process/identify_internal.h"

#include <dirent.h>
#include <fnmatch.h>
#include <stdio.h>

#include "process/redact.h"

/* ---- identities */

void tt_identity_done(struct tt_identity *identity)
{
	free(identity->version);
	free(identity->install_path);
	free(identity->build_id);
	free(identity->script);
	*identity = (struct tt_identity){ 0 };
}

int tt_identify_copy(struct tt_identity *ret, const struct tt_identity *from)
{
	_cleanup_(tt_identity_done) struct tt_identity copy = { 0 };

	if (tt_exam_strdup(&copy.version, from->version) < 0 ||
	    tt_exam_strdup(&copy.install_path, from->install_path) < 0 ||
	    tt_exam_strdup(&copy.build_id, from->build_id) < 0 ||
	    tt_exam_strdup(&copy.script, from->script) < 0)
		return -ENOMEM;
	copy.agent = from->agent;
	copy.runtime = from->runtime;
	copy.how = from->how;
	*ret = copy;
	copy = (struct tt_identity){ 0 };
	return 0;
}

int tt_identify_new(const struct tt_config_agents *config, struct tt_procfs *fs, struct tt_identify **ret)
{
	struct tt_identify *id = calloc(1, sizeof(*id));

	if (!id)
		return -ENOMEM;
	id->config = config;
	id->fs = fs;
	*ret = id;
	return 0;
}

void tt_identify_free(struct tt_identify *id)
{
	if (!id)
		return;
	tt_identify_forget(id);
	free(id);
}

/* ---- one exec */

static const struct tt_config_runtime *find_runtime(const struct tt_identify *id, const char *name)
{
	for (size_t i = 0; i < id->config->n_runtimes; i++)
		if (!fnmatch(id->config->runtimes[i].name, name, 0))
			return &id->config->runtimes[i];
	return NULL;
}

static void exam_done(struct tt_exam *x)
{
	free(x->filename);
	free(x->script);
	tt_package_done(&x->package);
}

/* A #! script that no known interpreter runs, mostly a shell's wrapper: what it execs in the end is what counts. */
static bool is_foreign_script(const struct tt_exam *x)
{
	const char *interp = x->facts->interp;

	return interp && *interp && !tt_streq(interp, x->facts->filename);
}

static int examine(struct tt_exam *x)
{
	const struct tt_config_agent *editor = tt_exam_find_editor(x);
	bool electron_node = (editor || (x->ret->runtime && tt_streq(x->ret->runtime->kind, "electron"))) &&
			     tt_exam_runs_as_node(x);

	if (electron_node && !tt_exam_is_editor_host(x))
		return x->ret->runtime ? tt_exam_script(x) : 0;
	if (editor)
		return tt_exam_editor(x, editor);
	if (x->ret->runtime && strcmp(x->ret->runtime->kind, "electron") != 0)
		return tt_exam_script(x);
	if (is_foreign_script(x))
		return tt_exam_strdup(&x->ret->script, x->filename);
	/* An Electron program by name is an editor or a desktop program, unless an agent is built on it. */
	return x->ret->runtime ? 0 : tt_exam_native(x);
}

int tt_identify_exec(struct tt_identify *id, const struct tt_exec_facts *facts, struct tt_identity *ret)
{
	_cleanup_(tt_identity_done) struct tt_identity identity = { 0 };
	_cleanup_(exam_done) struct tt_exam x = { .id = id, .facts = facts, .ret = &identity };
	_cleanup_free_ char *key = NULL;
	const struct tt_identity *cached;
	bool scripted;
	int r;

	x.name = facts->exe ? tt_basename(facts->exe) : "";
	x.filename = tt_exam_join(facts->cwd, facts->filename);
	x.called = facts->filename && !is_foreign_script(&x) ? tt_basename(facts->filename) : x.name;
	identity.runtime = find_runtime(id, x.name);
	if (!identity.runtime)
		identity.runtime = find_runtime(id, x.called);

	scripted = identity.runtime &&
		   (strcmp(identity.runtime->kind, "electron") != 0 || tt_exam_runs_as_node(&x));
	if (scripted) {
		x.given = tt_script_find(identity.runtime->kind, facts->argv);
		r = tt_exam_find_script(&x);
		if (r < 0)
			return r;
	}
	/* What else the answer hangs on, argv and environment, only editors and running programs look at. */
	key = scripted || !identity.runtime ? tt_identify_cache_key(&x) : NULL;
	if (key && !tt_exam_find_editor(&x) && !facts->running) {
		cached = tt_identify_cache_find(id, key);
		if (cached)
			return tt_identify_copy(ret, cached);
	}

	r = examine(&x);
	if (r < 0)
		return r;
	if (identity.agent && identity.build_id && strcmp(identity.how, "title") != 0)
		tt_identify_remember(id, identity.agent, identity.version, identity.build_id);
	if (key && !tt_exam_find_editor(&x) && !facts->running) {
		r = tt_identify_cache_add(id, TAKE_PTR(key), &identity);
		if (r < 0)
			return r;
	}
	*ret = identity;
	identity = (struct tt_identity){ 0 };
	return 0;
}

/* ---- candidates */

struct names {
	struct tt_candidate_key *v;
	size_t n;
};

static int add_name(struct names *names, const char *name, size_t len)
{
	struct tt_candidate_key key = { 0 }, *grown;

	if (!len)
		return 0;
	memcpy(key.name, name, len < sizeof(key.name) - 1 ? len : sizeof(key.name) - 1);
	for (size_t i = 0; i < names->n; i++)
		if (!memcmp(&names->v[i], &key, sizeof(key)))
			return 0;
	grown = reallocarray(names->v, names->n + 1, sizeof(key));
	if (!grown)
		return -ENOMEM;
	names->v = grown;
	names->v[names->n++] = key;
	return 0;
}

static int add_installed(struct names *names, const char *pattern)
{
	static const char *const directories[] = { "/usr/bin", "/usr/local/bin" };
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(directories); i++) {
		DIR *dir = opendir(directories[i]);
		struct dirent *entry;

		while (dir && r == 0 && (entry = readdir(dir)))
			if (!fnmatch(pattern, entry->d_name, 0))
				r = add_name(names, entry->d_name, strlen(entry->d_name));
		if (dir)
			closedir(dir);
	}
	return r;
}

/* Interpreters in homes (pyenv, uv, nvm) are named like these; a list of all homes would never be complete. */
#define MINOR_VERSIONS 30

static int add_runtime(struct names *names, const char *pattern)
{
	size_t n = strcspn(pattern, "*?[");
	int r = add_name(names, pattern, n);

	if (r < 0 || !pattern[n])
		return r;
	for (unsigned int minor = 0; r == 0 && minor < MINOR_VERSIONS; minor++) {
		char name[64];

		snprintf(name, sizeof(name), "%.*s.%u", (int)n, pattern, minor);
		if (!fnmatch(pattern, name, 0))
			r = add_name(names, name, strlen(name));
	}
	return r < 0 ? r : add_installed(names, pattern);
}

int tt_identify_candidates(struct tt_identify *id, int (*fn)(const struct tt_candidate_key *key, void *arg),
			   void *arg)
{
	struct names names = { 0 };
	int r = 0;

	for (size_t i = 0; i < id->config->n_agents && r == 0; i++) {
		const struct tt_config_agent *agent = &id->config->agents[i];

		for (size_t k = 0; k < agent->binaries.n && r == 0; k++)
			r = add_name(&names, agent->binaries.v[k], strcspn(agent->binaries.v[k], "?"));
		/* Console scripts are executed by their own name. */
		for (size_t k = 0; k < agent->python.n && r == 0; k++)
			r = add_name(&names, agent->python.v[k], strlen(agent->python.v[k]));
	}
	for (size_t i = 0; i < id->config->n_runtimes && r == 0; i++)
		r = add_runtime(&names, id->config->runtimes[i].name);
	for (size_t i = 0; i < names.n && r == 0; i++)
		r = fn(&names.v[i], arg);
	free(names.v);
	return r;
}

char *tt_identify_redact(const struct tt_identify *id, const struct tt_config_agent *agent,
			 const char *const *argv, bool truncated)
{
	return tt_redact(agent, id->config->agents, id->config->n_agents, argv, truncated);
}
