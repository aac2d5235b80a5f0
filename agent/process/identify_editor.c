/* SPDX-License-Identifier: Apache-2.0 */
/* Editors: which of an editor's processes run agents, and which agent's extension a host runs.
 *
 * Extension hosts and terminals count, windows and helpers do not. An extension shows in the paths of the code that its
 * host opens. */
#include "process/identify_internal.h"

#include <ctype.h>
#include <fnmatch.h>

#include "process/pattern.h"

/* ---- editors */

const struct tt_config_agent *tt_exam_find_editor(const struct tt_exam *x)
{
	for (size_t i = 0; i < x->id->config->n_agents; i++) {
		const struct tt_config_agent *agent = &x->id->config->agents[i];

		if (agent->editor && (tt_exam_has_name(x, agent) != TT_NAME_NONE ||
				      tt_exam_matches(&agent->paths, x->facts->exe)))
			return agent;
	}
	return NULL;
}

static bool has_argument(const struct tt_exam *x, const char *pattern)
{
	for (const char *const *arg = x->facts->argv; arg && *arg; arg++)
		if (!fnmatch(pattern, *arg, 0))
			return true;
	return false;
}

/* Extension hosts and terminals run in Electron's Node service, or in a forked Node; windows, the graphics
 * process and the rest do not. */
bool tt_exam_is_editor_host(const struct tt_exam *x)
{
	return has_argument(x, "--utility-sub-type=node.mojom.NodeService") ||
	       has_argument(x, "--type=extensionHost") || has_argument(x, "--type=ptyHost");
}

bool tt_exam_runs_as_node(const struct tt_exam *x)
{
	for (const char *const *name = x->facts->env_names; name && *name; name++)
		if (!strcmp(*name, "ELECTRON_RUN_AS_NODE"))
			return true;
	return has_argument(x, "--ms-enable-electron-run-as-node") ||
	       has_argument(x, "--type=extensionHost") || has_argument(x, "--type=ptyHost");
}

static const struct tt_config_runtime *electron(const struct tt_identify *id)
{
	for (size_t i = 0; i < id->config->n_runtimes; i++)
		if (tt_streq(id->config->runtimes[i].kind, "electron"))
			return &id->config->runtimes[i];
	return NULL;
}

int tt_exam_editor(struct tt_exam *x, const struct tt_config_agent *editor)
{
	int r;

	if (!x->ret->runtime)
		x->ret->runtime = electron(x->id);
	if (!tt_exam_is_editor_host(x))
		return 0;
	tt_exam_is_agent(x, editor, "editor");
	r = tt_exam_find_version(x, x->facts->exe);
	return r < 0 ? r : tt_exam_find_place(x, x->facts->exe);
}

/* ---- extension hosts */

/* Every window reads every extension's package.json, translations and pictures; only a host runs its code. */
static bool is_extension_code(const char *rest)
{
	static const char *const endings[] = { ".js", ".cjs", ".mjs", ".node", ".wasm" };
	size_t len = strlen(rest);

	if (strstr(rest, "webview"))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(endings); i++) {
		size_t n = strlen(endings[i]);

		if (len > n && !strcmp(rest + len - n, endings[i]))
			return true;
	}
	return false;
}

/* "saoudrizwan.claude-dev-3.17.5" -> "3.17.5", "anthropic.claude-code-2.1.3-linux-x64" -> "2.1.3" */
static char *extension_version(const char *name)
{
	for (const char *dash = strchr(name, '-'); dash; dash = strchr(dash + 1, '-')) {
		char *version;

		if (!isdigit((unsigned char)dash[1]))
			continue;
		version = strdup(dash + 1);
		if (version)
			tt_package_trim_version(version);
		return version;
	}
	return NULL;
}

const struct tt_config_agent *tt_identify_extension(struct tt_identify *id, const char *path,
						    char **ret_version, char **ret_install_path)
{
	static const char directory[] = "/extensions/";

	for (const char *at = strstr(path, directory); at; at = strstr(at + 1, directory)) {
		const char *start = at + strlen(directory), *end = strchr(start, '/');
		char name[256];

		if (!end || end == start || (size_t)(end - start) >= sizeof(name) || !is_extension_code(end))
			continue;
		memcpy(name, start, (size_t)(end - start));
		name[end - start] = '\0';
		for (size_t i = 0; i < id->config->n_agents; i++) {
			const struct tt_config_agent *agent = &id->config->agents[i];

			for (size_t k = 0; k < agent->extensions.n; k++) {
				if (!tt_pattern_match_any_case(agent->extensions.v[k], name))
					continue;
				*ret_version = extension_version(name);
				*ret_install_path = strndup(path, (size_t)(end - path));
				return agent;
			}
		}
	}
	return NULL;
}
