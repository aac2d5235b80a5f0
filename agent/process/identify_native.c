/* SPDX-License-Identifier: Apache-2.0 */
/* A native program is its path, package, name, build id, or a marker in it. Each test is one function, tried in the order
 * of how much it says. */
#include "process/identify_internal.h"

#include <unistd.h>

#include "util/elf.h"

/* A program below this is no renamed native agent: not searched for markers. */
#define MARKER_FILE_MIN TT_IDENTIFY_LEARN_MIN
/* Markers lie in the first part of a section: Bun's is 200 MB, its first modules are what we look for. */
#define MARKER_WINDOW	(16ull << 20)
#define EDGE		(1024 * 1024)

static bool by_path(struct tt_exam *x)
{
	for (size_t i = 0; i < x->id->config->n_agents; i++) {
		const struct tt_config_agent *agent = &x->id->config->agents[i];

		if (!agent->editor && (tt_exam_matches(&agent->paths, x->facts->exe) ||
				       tt_exam_matches(&agent->paths, x->filename)))
			return tt_exam_is_agent(x, agent, "path");
	}
	return false;
}

/* A package also holds tools (ripgrep): the program must be the one that the package is for. */
static bool by_native_package(struct tt_exam *x)
{
	const struct tt_config_agent *agent = tt_exam_agent_of_package(x->id, x->package.name);

	return agent && !agent->editor &&
	       (x->package.is_entry || tt_exam_has_name(x, agent) != TT_NAME_NONE) &&
	       tt_exam_is_agent(x, agent, "package");
}

static bool by_name(struct tt_exam *x)
{
	for (size_t i = 0; i < x->id->config->n_agents; i++) {
		const struct tt_config_agent *agent = &x->id->config->agents[i];

		if (!agent->editor && tt_exam_has_name(x, agent) == TT_NAME_OWN)
			return tt_exam_is_agent(x, agent, "binary");
	}
	return false;
}

static bool by_build_id(struct tt_exam *x)
{
	const char *build_id = x->ret->build_id;
	struct tt_identify_known *known;

	if (!build_id)
		return false;
	for (size_t i = 0; i < x->id->config->n_agents; i++) {
		const struct tt_strv *ids = &x->id->config->agents[i].build_ids;

		for (size_t k = 0; k < ids->n; k++) {
			size_t n = strlen(ids->v[k]);

			if (!strncmp(build_id, ids->v[k], n) && (!build_id[n] || build_id[n] == ':'))
				return tt_exam_is_agent(x, &x->id->config->agents[i], "build-id");
		}
	}
	HASH_FIND_STR(x->id->known, build_id, known);
	if (!known)
		return false;
	x->ret->version = strdup(known->version);
	return tt_exam_is_agent(x, known->agent, "build-id");
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

static bool by_marker(struct tt_exam *x, int fd, uint64_t size)
{
	for (size_t i = 0; fd >= 0 && i < x->id->config->n_agents; i++) {
		const struct tt_config_agent *agent = &x->id->config->agents[i];
		bool named = tt_exam_has_name(x, agent) == TT_NAME_COMMON;

		if ((named || size >= MARKER_FILE_MIN) && has_marker(fd, agent))
			return tt_exam_is_agent(x, agent, "marker");
	}
	return false;
}

/* The executable itself, even when its name now leads to another file; -1 if only such a one is left. */
int tt_exam_open_native(const struct tt_exam *x, struct stat *ret_st)
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

static int find_build_id(struct tt_exam *x, int fd, uint64_t size)
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

int tt_exam_native(struct tt_exam *x)
{
	_cleanup_close_ int fd = -1;
	struct stat st = { 0 };
	uint64_t size;
	int r;

	if (!x->facts->exe)
		return 0;
	fd = tt_exam_open_native(x, &st);
	size = fd >= 0 ? (uint64_t)st.st_size : x->facts->exe_size;
	r = fd >= 0 ? find_build_id(x, fd, size) : 0;
	if (r < 0)
		return r;
	r = tt_package_find(x->id->fs, x->facts->pid, x->facts->exe, &x->package);
	if (r < 0 && r != -ENOENT)
		return r;

	if (!by_path(x) && !by_native_package(x) && !by_name(x) && !by_build_id(x) && !by_marker(x, fd, size))
		return 0;
	r = tt_exam_find_version(x, x->facts->exe);
	return r < 0 ? r : tt_exam_find_place(x, x->facts->exe);
}
