/* SPDX-License-Identifier: Apache-2.0 */
/* One exec under examination: what the tests of identify_script.c, identify_native.c and identify_editor.c share. Names,
 * paths and packages against the definitions; then the version and the place of what was recognised.
 *
 * Decides nothing: which tests there are and what their order is, is said there. */
#include "process/identify_internal.h"

#include "process/pattern.h"

/* ---- definitions */

bool tt_exam_matches(const struct tt_strv *patterns, const char *text)
{
	for (size_t i = 0; text && i < patterns->n; i++)
		if (tt_pattern_match(patterns->v[i], text, NULL))
			return true;
	return false;
}

enum tt_name_match tt_exam_name_of(const struct tt_config_agent *agent, const char *name)
{
	for (size_t i = 0; name && i < agent->binaries.n; i++) {
		size_t n = strcspn(agent->binaries.v[i], "?");

		if (strlen(name) == n && !memcmp(agent->binaries.v[i], name, n))
			return agent->binaries.v[i][n] ? TT_NAME_COMMON : TT_NAME_OWN;
	}
	return TT_NAME_NONE;
}

enum tt_name_match tt_exam_has_name(const struct tt_exam *x, const struct tt_config_agent *agent)
{
	enum tt_name_match name = tt_exam_name_of(agent, x->name), called = tt_exam_name_of(agent, x->called);

	return name > called ? name : called;
}

const struct tt_config_agent *tt_exam_agent_of_package(const struct tt_identify *id, const char *package)
{
	for (size_t i = 0; package && i < id->config->n_agents; i++)
		if (tt_exam_matches(&id->config->agents[i].packages, package))
			return &id->config->agents[i];
	return NULL;
}

/* ---- small things */

char *tt_exam_join(const char *directory, const char *path)
{
	char *joined;

	if (!path || !*path)
		return NULL;
	if (*path == '/')
		return strdup(path);
	if (!directory || *directory != '/')
		return NULL;
	while (!strncmp(path, "./", 2))
		path += 2;
	return asprintf(&joined, "%s/%s", strcmp(directory, "/") ? directory : "", path) < 0 ? NULL : joined;
}

char *tt_exam_directory(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	return slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : NULL;
}

bool tt_exam_is_agent(struct tt_exam *x, const struct tt_config_agent *agent, const char *how)
{
	x->ret->agent = agent;
	x->ret->how = how;
	return true;
}

/* ---- version and place of what was recognised */

static char *version_by_path(const struct tt_config_agent *agent, const char *path)
{
	char *version = NULL;

	for (size_t i = 0; path && !version && i < agent->version_paths.n; i++)
		tt_pattern_match(agent->version_paths.v[i], path, &version);
	if (version)
		tt_package_trim_version(version);
	return version;
}

static char *version_by_file(const struct tt_exam *x, const struct tt_config_agent *agent, const char *path)
{
	_cleanup_free_ char *directory = tt_exam_directory(path);
	char *version = NULL;

	for (size_t i = 0; directory && !version && i < agent->version_files.n; i++) {
		_cleanup_free_ char *file = tt_exam_join(directory, agent->version_files.v[i]);

		version = file ? tt_package_file_version(x->id->fs, x->facts->pid, file) : NULL;
	}
	return version;
}

int tt_exam_find_version(struct tt_exam *x, const char *path)
{
	const struct tt_config_agent *agent = x->ret->agent;

	if (x->ret->version)
		return 0;
	if (x->package.version && tt_exam_agent_of_package(x->id, x->package.name) == agent)
		return tt_exam_strdup(&x->ret->version, x->package.version);
	x->ret->version = version_by_path(agent, path);
	if (!x->ret->version && !x->ret->script)
		x->ret->version = version_by_path(agent, x->filename);
	if (!x->ret->version)
		x->ret->version = version_by_file(x, agent, path);
	return 0;
}

int tt_exam_find_place(struct tt_exam *x, const char *path)
{
	bool in_package = x->ret->script && x->package.directory &&
			  tt_exam_agent_of_package(x->id, x->package.name) == x->ret->agent;

	if (x->ret->install_path)
		return 0;
	return tt_exam_strdup(&x->ret->install_path, in_package ? x->package.directory : path);
}
