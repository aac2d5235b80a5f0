/* SPDX-License-Identifier: Apache-2.0 */
/* Is this exec a coding agent, and which build of it? See identify.h; docs/agents.md is the reference.
 *
 * An interpreter is what it runs: its script's package, path, Python module, or contents. Anything else is a
 * native program: its path, package, name, build id, or a marker in it. Each test is one function, tried in
 * the order of how much it says; the first that answers is `how`.
 *
 * Everything read here can lie. A program that wants to be taken for an agent can, and one that hides behind
 * another name, package and contents is not recognised: this is evidence, not enforcement. */
#include "process/identify.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <uthash.h>

#include "config/config.h"
#include "process/package.h"
#include "process/pattern.h"
#include "process/procfs.h"
#include "process/redact.h"
#include "process/script.h"
#include "util/elf.h"
#include "util/util.h"

/* A developer's machine runs some hundred different programs and scripts a day. */
#define CACHE_MAX	4096
#define KNOWN_MAX	1024
/* The smallest native agent seen is 38 MB, the largest shell 1.5 MB. Copies of small programs under an agent's
 * name must not make every run of the original an agent. */
#define LEARN_MIN	(8ull << 20)
/* A program below this is no renamed native agent: not searched for markers. */
#define MARKER_FILE_MIN LEARN_MIN
/* Markers lie in the first part of a section: Bun's is 200 MB, its first modules are what we look for. */
#define MARKER_WINDOW	(16ull << 20)
#define EDGE		(1024 * 1024)

struct known {
	char *build_id;
	const struct tt_config_agent *agent;
	char *version;
	UT_hash_handle hh;
};

struct cached {
	char *key;
	struct tt_identity identity;
	UT_hash_handle hh;
};

struct tt_identify {
	const struct tt_config_agents *config;
	struct tt_procfs *fs;
	struct known *known;
	struct cached *cache;
};

/* One exec under examination. */
struct exam {
	struct tt_identify *id;
	const struct tt_exec_facts *facts;
	const char *name; /* of the executable itself */
	const char *called; /* last component of what was executed, or name */
	char *filename; /* what was executed, absolute; or NULL */
	char *script; /* given script, absolute, before links are followed */
	struct tt_script given;
	struct tt_package package;
	bool has_digest;
	struct tt_digest digest;
	struct tt_identity *ret;
};

/* ---- identities */

void tt_identity_done(struct tt_identity *identity)
{
	free(identity->version);
	free(identity->install_path);
	free(identity->build_id);
	free(identity->script);
	*identity = (struct tt_identity){ 0 };
}

static int copy_string(char **ret, const char *s)
{
	*ret = s ? strdup(s) : NULL;
	return s && !*ret ? -ENOMEM : 0;
}

static int identity_copy(struct tt_identity *ret, const struct tt_identity *from)
{
	_cleanup_(tt_identity_done) struct tt_identity copy = { 0 };

	if (copy_string(&copy.version, from->version) < 0 ||
	    copy_string(&copy.install_path, from->install_path) < 0 ||
	    copy_string(&copy.build_id, from->build_id) < 0 || copy_string(&copy.script, from->script) < 0)
		return -ENOMEM;
	copy.agent = from->agent;
	copy.runtime = from->runtime;
	copy.how = from->how;
	*ret = copy;
	copy = (struct tt_identity){ 0 };
	return 0;
}

static void known_free(struct tt_identify *id, struct known *known)
{
	HASH_DEL(id->known, known);
	free(known->build_id);
	free(known->version);
	free(known);
}

static void cached_free(struct tt_identify *id, struct cached *cached)
{
	HASH_DEL(id->cache, cached);
	free(cached->key);
	tt_identity_done(&cached->identity);
	free(cached);
}

static void cache_clear(struct tt_identify *id)
{
	struct cached *cached, *next;

	HASH_ITER (hh, id->cache, cached, next)
		cached_free(id, cached);
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
	struct known *known, *next;

	if (!id)
		return;
	cache_clear(id);
	HASH_ITER (hh, id->known, known, next)
		known_free(id, known);
	free(id);
}

/* ---- known builds */

static bool may_learn(const char *version, const char *build_id)
{
	const char *size = strchr(build_id, ':');

	if (!version || !*version)
		return false;
	return !size || strtoull(size + 1, NULL, 10) >= LEARN_MIN;
}

static int learn(struct tt_identify *id, const struct tt_config_agent *agent, const char *version,
		 const char *build_id)
{
	struct known *known;

	if (!may_learn(version, build_id))
		return 0;
	HASH_FIND_STR(id->known, build_id, known);
	if (known)
		return 0;
	if (HASH_COUNT(id->known) >= KNOWN_MAX)
		known_free(id, id->known); /* the oldest: uthash keeps the order of insertion */
	known = calloc(1, sizeof(*known));
	if (!known)
		return -ENOMEM;
	if (copy_string(&known->build_id, build_id) < 0 || copy_string(&known->version, version) < 0) {
		free(known->build_id);
		free(known);
		return -ENOMEM;
	}
	known->agent = agent;
	HASH_ADD_KEYPTR(hh, id->known, known->build_id, strlen(known->build_id), known);
	return 1;
}

int tt_identify_learn(struct tt_identify *id, const char *agent_id, const char *version, const char *build_id)
{
	for (size_t i = 0; i < id->config->n_agents; i++) {
		int r;

		if (!tt_streq(id->config->agents[i].id, agent_id) || !build_id)
			continue;
		r = learn(id, &id->config->agents[i], version, build_id);
		/* What was no agent before may be one now. */
		if (r > 0)
			cache_clear(id);
		return r < 0 ? r : 0;
	}
	return -ENOENT;
}

/* ---- definitions */

static bool strv_matches(const struct tt_strv *patterns, const char *text)
{
	for (size_t i = 0; text && i < patterns->n; i++)
		if (tt_pattern_match(patterns->v[i], text, NULL))
			return true;
	return false;
}

enum name_match { NAME_NONE, NAME_COMMON, NAME_OWN };

static enum name_match agent_has_name(const struct tt_config_agent *agent, const char *name)
{
	for (size_t i = 0; name && i < agent->binaries.n; i++) {
		size_t n = strcspn(agent->binaries.v[i], "?");

		if (strlen(name) == n && !memcmp(agent->binaries.v[i], name, n))
			return agent->binaries.v[i][n] ? NAME_COMMON : NAME_OWN;
	}
	return NAME_NONE;
}

static enum name_match exam_has_name(const struct exam *x, const struct tt_config_agent *agent)
{
	enum name_match name = agent_has_name(agent, x->name), called = agent_has_name(agent, x->called);

	return name > called ? name : called;
}

static const struct tt_config_runtime *find_runtime(const struct tt_identify *id, const char *name)
{
	for (size_t i = 0; i < id->config->n_runtimes; i++)
		if (!fnmatch(id->config->runtimes[i].name, name, 0))
			return &id->config->runtimes[i];
	return NULL;
}

static const struct tt_config_agent *agent_of_package(const struct tt_identify *id, const char *package)
{
	for (size_t i = 0; package && i < id->config->n_agents; i++)
		if (strv_matches(&id->config->agents[i].packages, package))
			return &id->config->agents[i];
	return NULL;
}

/* ---- small things */

static char *join(const char *directory, const char *path)
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

static char *directory_of(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	return slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : NULL;
}

static bool is_agent(struct exam *x, const struct tt_config_agent *agent, const char *how)
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

static char *version_by_file(const struct exam *x, const struct tt_config_agent *agent, const char *path)
{
	_cleanup_free_ char *directory = directory_of(path);
	char *version = NULL;

	for (size_t i = 0; directory && !version && i < agent->version_files.n; i++) {
		_cleanup_free_ char *file = join(directory, agent->version_files.v[i]);

		version = file ? tt_package_file_version(x->id->fs, x->facts->pid, file) : NULL;
	}
	return version;
}

static int find_version(struct exam *x, const char *path)
{
	const struct tt_config_agent *agent = x->ret->agent;

	if (x->ret->version)
		return 0;
	if (x->package.version && agent_of_package(x->id, x->package.name) == agent)
		return copy_string(&x->ret->version, x->package.version);
	x->ret->version = version_by_path(agent, path);
	if (!x->ret->version && !x->ret->script)
		x->ret->version = version_by_path(agent, x->filename);
	if (!x->ret->version)
		x->ret->version = version_by_file(x, agent, path);
	return 0;
}

static int find_place(struct exam *x, const char *path)
{
	bool in_package = x->ret->script && x->package.directory &&
			  agent_of_package(x->id, x->package.name) == x->ret->agent;

	if (x->ret->install_path)
		return 0;
	return copy_string(&x->ret->install_path, in_package ? x->package.directory : path);
}

/* ---- interpreters */

/* The script's true path. `node cli` means cli.js where there is no cli. */
static int find_script(struct exam *x)
{
	_cleanup_free_ char *longer = NULL;

	if (!x->given.text || x->given.is_module)
		return 0;
	x->script = join(x->facts->cwd, x->given.text);
	if (!x->script)
		return copy_string(&x->ret->script, *x->given.text == '/' ? x->given.text : NULL);
	if (tt_procfs_realpath(x->id->fs, x->facts->pid, x->script, &x->ret->script) == 0)
		return 0;
	if (asprintf(&longer, "%s.js", x->script) < 0) {
		longer = NULL;
		return -ENOMEM;
	}
	if (tt_procfs_realpath(x->id->fs, x->facts->pid, longer, &x->ret->script) == 0)
		return 0;
	return copy_string(&x->ret->script, x->script);
}

static bool by_package(struct exam *x)
{
	const struct tt_config_agent *agent = agent_of_package(x->id, x->package.name);

	return agent && !x->package.is_maintenance && is_agent(x, agent, "package");
}

/* "npm:@google/gemini-cli@0.61.0/gemini": deno runs packages by name. */
static bool by_specifier(struct exam *x)
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
	agent = agent_of_package(x->id, name);
	if (!agent)
		return false;
	if (text[n] == '@' && isdigit((unsigned char)text[n + 1]))
		x->ret->version = strndup(text + n + 1, strcspn(text + n + 1, "/"));
	return is_agent(x, agent, "package");
}

static bool by_script_path(struct exam *x)
{
	for (size_t i = 0; i < x->id->config->n_agents; i++) {
		const struct tt_config_agent *agent = &x->id->config->agents[i];

		if (strv_matches(&agent->paths, x->ret->script))
			return is_agent(x, agent, "path");
	}
	return false;
}

/* `python -m aider.main` is aider's too. */
static bool module_is(const char *module, const char *name)
{
	size_t n = strlen(name);

	return !strncmp(module, name, n) && (!module[n] || module[n] == '.');
}

static const struct tt_config_agent *agent_of_python(const struct exam *x)
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

static bool by_python(struct exam *x)
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
		_cleanup_free_ char *directory = directory_of(starts[i]);

		if (directory)
			x->ret->version = tt_package_python_version(x->id->fs, x->facts->pid, directory,
								    &agent->python);
	}
	return is_agent(x, agent, "python");
}

/* A copy without its package.json: would its contents, with an agent's name and version, give a known build? */
static bool by_contents(struct exam *x)
{
	struct known *known, *next;
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
			return is_agent(x, known->agent, "build-id");
		}
	}
	return false;
}

/* A Node program that has set its title has overwritten its arguments: the title is all that is left. */
static bool by_title(struct exam *x)
{
	const char *title = x->facts->argv ? x->facts->argv[0] : NULL;

	if (!x->facts->running || !title || !*title || (x->facts->argv[1] && *x->facts->argv[1]))
		return false;
	for (size_t i = 0; i < x->id->config->n_agents; i++)
		if (agent_has_name(&x->id->config->agents[i], title) == NAME_OWN)
			return is_agent(x, &x->id->config->agents[i], "title");
	return false;
}

static void digest_script(struct exam *x)
{
	_cleanup_close_ int fd = -1;

	if (!x->ret->script)
		return;
	fd = tt_procfs_open(x->id->fs, x->facts->pid, x->ret->script);
	x->has_digest = fd >= 0 && tt_package_digest(fd, &x->digest) == 0;
}

static int examine_script(struct exam *x)
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
		r = copy_string(&x->ret->build_id, build_id);
		if (r < 0)
			return r;
	}
	if (!found)
		return 0;
	r = find_version(x, x->ret->script);
	return r < 0 ? r : find_place(x, x->ret->script ? x->ret->script : x->facts->exe);
}

/* ---- native programs */

static bool by_path(struct exam *x)
{
	for (size_t i = 0; i < x->id->config->n_agents; i++) {
		const struct tt_config_agent *agent = &x->id->config->agents[i];

		if (!agent->editor &&
		    (strv_matches(&agent->paths, x->facts->exe) || strv_matches(&agent->paths, x->filename)))
			return is_agent(x, agent, "path");
	}
	return false;
}

/* A package also holds tools (ripgrep): the program must be the one that the package is for. */
static bool by_native_package(struct exam *x)
{
	const struct tt_config_agent *agent = agent_of_package(x->id, x->package.name);

	return agent && !agent->editor && (x->package.is_entry || exam_has_name(x, agent) != NAME_NONE) &&
	       is_agent(x, agent, "package");
}

static bool by_name(struct exam *x)
{
	for (size_t i = 0; i < x->id->config->n_agents; i++) {
		const struct tt_config_agent *agent = &x->id->config->agents[i];

		if (!agent->editor && exam_has_name(x, agent) == NAME_OWN)
			return is_agent(x, agent, "binary");
	}
	return false;
}

static bool by_build_id(struct exam *x)
{
	const char *build_id = x->ret->build_id;
	struct known *known;

	if (!build_id)
		return false;
	for (size_t i = 0; i < x->id->config->n_agents; i++) {
		const struct tt_strv *ids = &x->id->config->agents[i].build_ids;

		for (size_t k = 0; k < ids->n; k++) {
			size_t n = strlen(ids->v[k]);

			if (!strncmp(build_id, ids->v[k], n) && (!build_id[n] || build_id[n] == ':'))
				return is_agent(x, &x->id->config->agents[i], "build-id");
		}
	}
	HASH_FIND_STR(x->id->known, build_id, known);
	if (!known)
		return false;
	x->ret->version = strdup(known->version);
	return is_agent(x, known->agent, "build-id");
}

static bool window_has(int fd, uint64_t offset, uint64_t size, const char *marker)
{
	size_t len = strlen(marker), kept = 0;
	_cleanup_free_ char *buffer = malloc(EDGE + 4096);

	if (!buffer || len == 0 || len > 4096)
		return false;
	for (uint64_t at = 0; at < size && at < MARKER_WINDOW;) {
		size_t want = size - at < EDGE ? (size_t)(size - at) : EDGE;
		ssize_t n = offset + at > INT64_MAX - EDGE
				    ? 0
				    : pread(fd, buffer + kept, want, (off_t)(offset + at));

		if (n <= 0)
			return false;
		if (memmem(buffer, kept + (size_t)n, marker, len))
			return true;
		at += (uint64_t)n;
		n += (ssize_t)kept;
		kept = (size_t)n < len - 1 ? (size_t)n : len - 1;
		memmove(buffer, buffer + (size_t)n - kept, kept);
	}
	return false;
}

static bool has_marker(int fd, const struct tt_config_agent *agent)
{
	static const char *const sections[] = { ".bun", ".go.buildinfo", ".rodata" };

	for (size_t i = 0; i < ARRAY_SIZE(sections) && agent->markers.n; i++) {
		uint64_t offset, size;

		if (tt_elf_section(fd, sections[i], &offset, &size) < 0)
			continue;
		for (size_t k = 0; k < agent->markers.n; k++)
			if (window_has(fd, offset, size, agent->markers.v[k]))
				return true;
	}
	return false;
}

static bool by_marker(struct exam *x, int fd, uint64_t size)
{
	for (size_t i = 0; fd >= 0 && i < x->id->config->n_agents; i++) {
		const struct tt_config_agent *agent = &x->id->config->agents[i];
		bool named = exam_has_name(x, agent) == NAME_COMMON;

		if ((named || size >= MARKER_FILE_MIN) && has_marker(fd, agent))
			return is_agent(x, agent, "marker");
	}
	return false;
}

/* The executable itself, even when its name now leads to another file; -1 if only such a one is left. */
static int open_native(const struct exam *x, struct stat *ret_st)
{
	_cleanup_close_ int fd = tt_procfs_open_exe(x->id->fs, x->facts->pid);

	for (int i = 0; i < 2; i++) {
		if (fd >= 0 && fstat(fd, ret_st) == 0 &&
		    (!x->facts->exe_size || (uint64_t)ret_st->st_size == x->facts->exe_size)) {
			int right = fd;

			fd = -1;
			return right;
		}
		if (i == 0) {
			tt_closep(&fd);
			fd = x->facts->exe ? tt_procfs_open(x->id->fs, x->facts->pid, x->facts->exe) : -1;
		}
	}
	return -1;
}

/* Where there is no build id (Codex is stripped of it): a digest of both ends of the file. */
static int edges_id(int fd, uint64_t size, char ret[33])
{
	_cleanup_free_ char *edge = calloc(2, EDGE);
	struct tt_digest digest;
	uint64_t tail = size > EDGE ? size - EDGE : 0;
	ssize_t n, m;

	if (!edge)
		return -ENOMEM;
	n = pread(fd, edge, EDGE, 0);
	m = pread(fd, edge + EDGE, EDGE, (off_t)tail);
	if (n < 0 || m < 0)
		return -EIO;
	tt_package_digest_bytes(edge, 2 * EDGE, &digest);
	tt_package_build_id(NULL, NULL, &digest, ret);
	return 0;
}

static int find_build_id(struct exam *x, int fd, uint64_t size)
{
	_cleanup_(tt_elf_done) struct tt_elf elf = { 0 };
	char edges[33];
	int r;

	r = tt_elf_read(fd, &elf);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	if (!elf.build_id && edges_id(fd, size, edges) < 0)
		return 0;
	if (asprintf(&x->ret->build_id, "%s:%llu", elf.build_id ? elf.build_id : edges,
		     (unsigned long long)size) < 0) {
		x->ret->build_id = NULL;
		return -ENOMEM;
	}
	return 0;
}

static int examine_native(struct exam *x)
{
	_cleanup_close_ int fd = -1;
	struct stat st = { 0 };
	uint64_t size;
	int r;

	if (!x->facts->exe)
		return 0;
	fd = open_native(x, &st);
	size = fd >= 0 ? (uint64_t)st.st_size : x->facts->exe_size;
	r = fd >= 0 ? find_build_id(x, fd, size) : 0;
	if (r < 0)
		return r;
	r = tt_package_find(x->id->fs, x->facts->pid, x->facts->exe, &x->package);
	if (r < 0 && r != -ENOENT)
		return r;

	if (!by_path(x) && !by_native_package(x) && !by_name(x) && !by_build_id(x) && !by_marker(x, fd, size))
		return 0;
	r = find_version(x, x->facts->exe);
	return r < 0 ? r : find_place(x, x->facts->exe);
}

/* ---- editors */

static const struct tt_config_agent *find_editor(const struct exam *x)
{
	for (size_t i = 0; i < x->id->config->n_agents; i++) {
		const struct tt_config_agent *agent = &x->id->config->agents[i];

		if (agent->editor &&
		    (exam_has_name(x, agent) != NAME_NONE || strv_matches(&agent->paths, x->facts->exe)))
			return agent;
	}
	return NULL;
}

static bool has_argument(const struct exam *x, const char *pattern)
{
	for (const char *const *arg = x->facts->argv; arg && *arg; arg++)
		if (!fnmatch(pattern, *arg, 0))
			return true;
	return false;
}

/* Extension hosts and terminals run in Electron's Node service, or in a forked Node; windows, the graphics
 * process and the rest do not. */
static bool is_editor_host(const struct exam *x)
{
	return has_argument(x, "--utility-sub-type=node.mojom.NodeService") ||
	       has_argument(x, "--type=extensionHost") || has_argument(x, "--type=ptyHost");
}

static bool runs_as_node(const struct exam *x)
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

static int examine_editor(struct exam *x, const struct tt_config_agent *editor)
{
	int r;

	if (!x->ret->runtime)
		x->ret->runtime = electron(x->id);
	if (!is_editor_host(x))
		return 0;
	is_agent(x, editor, "editor");
	r = find_version(x, x->facts->exe);
	return r < 0 ? r : find_place(x, x->facts->exe);
}

/* ---- one exec */

/* What the answer depends on: the file itself and each package.json above it. Any of them may be edited or replaced in
 * place between two execs; only ctime tells of it whatever a package manager, or somebody who hides, sets mtime to. */
static char *cache_key(const struct exam *x)
{
	const struct tt_exec_facts *f = x->facts;
	const char *file = x->ret->runtime ? x->ret->script : f->exe;
	bool is_python = x->ret->runtime && tt_streq(x->ret->runtime->kind, "python");
	_cleanup_close_ int fd = -1;
	struct stat st = { 0 };
	char *key;

	if (!x->ret->runtime)
		fd = open_native(x, &st);
	else if (file)
		fd = tt_procfs_open(x->id->fs, f->pid, file);
	if (fd < 0 || fstat(fd, &st) < 0)
		memset(&st, 0, sizeof(st));
	if (asprintf(&key, "%u:%llu:%llu:%d\n%s\n%s\n%s\n%s\n%llu:%llu:%lld:%lld.%ld:%llx", f->exe_dev,
		     (unsigned long long)f->exe_ino, (unsigned long long)f->exe_size, x->given.is_module,
		     f->exe ? f->exe : "", x->filename ? x->filename : "",
		     x->ret->script ? x->ret->script : "", x->given.text ? x->given.text : "",
		     (unsigned long long)st.st_dev, (unsigned long long)st.st_ino, (long long)st.st_size,
		     (long long)st.st_ctim.tv_sec, st.st_ctim.tv_nsec,
		     file && !is_python ? (unsigned long long)tt_package_stamp(x->id->fs, f->pid, file) : 0) <
	    0)
		return NULL;
	return key;
}

static int cache_add(struct tt_identify *id, char *key, const struct tt_identity *identity)
{
	struct cached *cached = calloc(1, sizeof(*cached));

	if (!cached || identity_copy(&cached->identity, identity) < 0) {
		free(cached);
		free(key);
		return -ENOMEM;
	}
	if (HASH_COUNT(id->cache) >= CACHE_MAX)
		cached_free(id, id->cache);
	cached->key = key;
	HASH_ADD_KEYPTR(hh, id->cache, cached->key, strlen(cached->key), cached);
	return 0;
}

static void exam_done(struct exam *x)
{
	free(x->filename);
	free(x->script);
	tt_package_done(&x->package);
}

/* A #! script that no known interpreter runs, mostly a shell's wrapper: what it execs in the end is what counts. */
static bool is_foreign_script(const struct exam *x)
{
	const char *interp = x->facts->interp;

	return interp && *interp && !tt_streq(interp, x->facts->filename);
}

static int examine(struct exam *x)
{
	const struct tt_config_agent *editor = find_editor(x);
	bool electron_node = (editor || (x->ret->runtime && tt_streq(x->ret->runtime->kind, "electron"))) &&
			     runs_as_node(x);

	if (electron_node && !is_editor_host(x))
		return x->ret->runtime ? examine_script(x) : 0;
	if (editor)
		return examine_editor(x, editor);
	if (x->ret->runtime && strcmp(x->ret->runtime->kind, "electron") != 0)
		return examine_script(x);
	if (is_foreign_script(x))
		return copy_string(&x->ret->script, x->filename);
	/* An Electron program by name is an editor or a desktop program, unless an agent is built on it. */
	return x->ret->runtime ? 0 : examine_native(x);
}

int tt_identify_exec(struct tt_identify *id, const struct tt_exec_facts *facts, struct tt_identity *ret)
{
	_cleanup_(tt_identity_done) struct tt_identity identity = { 0 };
	_cleanup_(exam_done) struct exam x = { .id = id, .facts = facts, .ret = &identity };
	_cleanup_free_ char *key = NULL;
	struct cached *cached;
	bool scripted;
	int r;

	x.name = facts->exe ? tt_basename(facts->exe) : "";
	x.filename = join(facts->cwd, facts->filename);
	x.called = facts->filename && !is_foreign_script(&x) ? tt_basename(facts->filename) : x.name;
	identity.runtime = find_runtime(id, x.name);
	if (!identity.runtime)
		identity.runtime = find_runtime(id, x.called);

	scripted = identity.runtime && (strcmp(identity.runtime->kind, "electron") != 0 || runs_as_node(&x));
	if (scripted) {
		x.given = tt_script_find(identity.runtime->kind, facts->argv);
		r = find_script(&x);
		if (r < 0)
			return r;
	}
	/* What else the answer hangs on, argv and environment, only editors and running programs look at. */
	key = scripted || !identity.runtime ? cache_key(&x) : NULL;
	if (key && !find_editor(&x) && !facts->running) {
		HASH_FIND_STR(id->cache, key, cached);
		if (cached)
			return identity_copy(ret, &cached->identity);
	}

	r = examine(&x);
	if (r < 0)
		return r;
	if (identity.agent && identity.build_id && strcmp(identity.how, "title") != 0) {
		r = learn(id, identity.agent, identity.version, identity.build_id);
		if (r > 0)
			cache_clear(id);
	}
	if (key && !find_editor(&x) && !facts->running) {
		r = cache_add(id, TAKE_PTR(key), &identity);
		if (r < 0)
			return r;
	}
	*ret = identity;
	identity = (struct tt_identity){ 0 };
	return 0;
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
