/* SPDX-License-Identifier: Apache-2.0 */
/* An interpreter is what it runs: its script's package, path, Python module or contents, and when its arguments are
 * gone its title. Each test is one function, tried in the order of how much it says. */
#include "process/identify_internal.h"

#include <ctype.h>

/* The script's true path. `node cli` means cli.js where there is no cli. */
int tt_exam_find_script(struct tt_exam *x)
{
	_cleanup_free_ char *longer = NULL;

	if (!x->given.text || x->given.is_module)
		return 0;
	x->script = tt_exam_join(x->facts->cwd, x->given.text);
	if (!x->script)
		return tt_exam_strdup(&x->ret->script, *x->given.text == '/' ? x->given.text : NULL);
	if (tt_procfs_realpath(x->id->fs, x->facts->pid, x->script, &x->ret->script) == 0)
		return 0;
	if (asprintf(&longer, "%s.js", x->script) < 0) {
		longer = NULL;
		return -ENOMEM;
	}
	if (tt_procfs_realpath(x->id->fs, x->facts->pid, longer, &x->ret->script) == 0)
		return 0;
	return tt_exam_strdup(&x->ret->script, x->script);
}

static bool by_package(struct tt_exam *x)
{
	const struct tt_config_agent *agent = tt_exam_agent_of_package(x->id, x->package.name);

	return agent && !x->package.is_maintenance && tt_exam_is_agent(x, agent, "package");
}

/* "npm:@google/gemini-cli@0.61.0/gemini": deno runs packages by name. */
static bool by_specifier(struct tt_exam *x)
{
	char name[256];
	const char *text = x->given.text;
	const struct tt_config_agent *agent;
	size_t n;

	if (!text || strncmp(text, "npm:", 4) != 0)
		return false;
	text += 4 + (text[4] == '/');
	n = strcspn(text + (*text == '@'), "@/") + (*text == '@');
	if (*text == '@' && text[n] == '/')
		n += 1 + strcspn(text + n + 1, "@/");
	if (n >= sizeof(name))
		return false;
	memcpy(name, text, n);
	name[n] = '\0';
	agent = tt_exam_agent_of_package(x->id, name);
	if (!agent)
		return false;
	if (text[n] == '@' && isdigit((unsigned char)text[n + 1]))
		x->ret->version = strndup(text + n + 1, strcspn(text + n + 1, "/"));
	return tt_exam_is_agent(x, agent, "package");
}

static bool by_script_path(struct tt_exam *x)
{
	for (size_t i = 0; i < x->id->config->n_agents; i++) {
		const struct tt_config_agent *agent = &x->id->config->agents[i];

		if (tt_exam_matches(&agent->paths, x->ret->script))
			return tt_exam_is_agent(x, agent, "path");
	}
	return false;
}

/* `python -m aider.main` is aider's too. */
static bool module_is(const char *module, const char *name)
{
	size_t n = strlen(name);

	return !strncmp(module, name, n) && (!module[n] || module[n] == '.');
}

static const struct tt_config_agent *agent_of_python(const struct tt_exam *x)
{
	for (size_t i = 0; i < x->id->config->n_agents; i++) {
		const struct tt_config_agent *agent = &x->id->config->agents[i];

		for (size_t k = 0; k < agent->python.n; k++) {
			const char *name = agent->python.v[k];

			if (x->given.is_module ? module_is(x->given.text, name)
					       : !strcmp(tt_basename(x->script), name) &&
							 tt_package_imports(x->id->fs, x->facts->pid,
									    x->ret->script, &agent->python))
				return agent;
		}
	}
	return NULL;
}

static bool by_python(struct tt_exam *x)
{
	const struct tt_config_agent *agent;
	const char *starts[3];

	if (!x->given.text || (!x->given.is_module && (!x->script || !x->ret->script)))
		return false;
	agent = agent_of_python(x);
	if (!agent)
		return false;

	/* The environment is where the script is, or where the interpreter was called; a virtual environment's
	 * interpreter is but a link. */
	starts[0] = x->ret->script;
	starts[1] = x->filename;
	starts[2] = x->facts->exe;
	for (size_t i = 0; i < ARRAY_SIZE(starts) && !x->ret->version; i++) {
		_cleanup_free_ char *directory = tt_exam_directory(starts[i]);

		if (directory)
			x->ret->version = tt_package_python_version(x->id->fs, x->facts->pid, directory,
								    &agent->python);
	}
	return tt_exam_is_agent(x, agent, "python");
}

/* A copy without its package.json: would its contents, with an agent's name and version, give a known build? */
static bool by_contents(struct tt_exam *x)
{
	struct tt_identify_known *known, *next;
	char build_id[33];

	if (!x->has_digest)
		return false;
	HASH_ITER (hh, x->id->known, known, next) {
		for (size_t i = 0; i < known->agent->packages.n && !strchr(known->build_id, ':'); i++) {
			tt_package_build_id(known->agent->packages.v[i], known->version, &x->digest,
					    build_id);
			if (strcmp(build_id, known->build_id) != 0)
				continue;
			x->ret->version = strdup(known->version);
			return tt_exam_is_agent(x, known->agent, "build-id");
		}
	}
	return false;
}

/* A Node program that has set its title has overwritten its arguments: the title is all that is left. */
static bool by_title(struct tt_exam *x)
{
	const char *title = x->facts->argv ? x->facts->argv[0] : NULL;

	if (!x->facts->running || !title || !*title || (x->facts->argv[1] && *x->facts->argv[1]))
		return false;
	for (size_t i = 0; i < x->id->config->n_agents; i++)
		if (tt_exam_name_of(&x->id->config->agents[i], title) == TT_NAME_OWN)
			return tt_exam_is_agent(x, &x->id->config->agents[i], "title");
	return false;
}

static void digest_script(struct tt_exam *x)
{
	_cleanup_close_ int fd = -1;

	if (!x->ret->script)
		return;
	fd = tt_procfs_open(x->id->fs, x->facts->pid, x->ret->script);
	x->has_digest = fd >= 0 && tt_package_digest(fd, &x->digest) == 0;
}

int tt_exam_script(struct tt_exam *x)
{
	bool found, is_python = tt_streq(x->ret->runtime->kind, "python");
	int r;

	if (x->ret->script) {
		r = tt_package_find(x->id->fs, x->facts->pid, x->ret->script, &x->package);
		if (r < 0 && r != -ENOENT)
			return r;
	}
	digest_script(x);
	/* A package.json above a Python script is the project's that it works on. */
	found = (!is_python && (by_package(x) || by_specifier(x))) || by_script_path(x) ||
		(is_python && by_python(x)) || by_contents(x) || by_title(x);

	if (x->has_digest) {
		const char *name = is_python ? (found ? x->ret->agent->id : NULL) : x->package.name;
		const char *version = is_python ? x->ret->version : x->package.version;
		char build_id[33];

		tt_package_build_id(name, version, &x->digest, build_id);
		r = tt_exam_strdup(&x->ret->build_id, build_id);
		if (r < 0)
			return r;
	}
	if (!found)
		return 0;
	r = tt_exam_find_version(x, x->ret->script);
	return r < 0 ? r : tt_exam_find_place(x, x->ret->script ? x->ret->script : x->facts->exe);
}
