/* SPDX-License-Identifier: Apache-2.0 */
/* What identification remembers: answers for execs that look the same, and builds of agents by which renamed copies are
 * recognised. Both are bounded, the oldest entry goes; a new build clears the answers, as it may change them. */
#include "process/identify_internal.h"

/* A developer's machine runs some hundred different programs and scripts a day. */
#define CACHE_MAX 4096
#define KNOWN_MAX 1024

struct tt_identify_cached {
	char *key;
	struct tt_identity identity;
	UT_hash_handle hh;
};

/* ---- answers */

static void cached_free(struct tt_identify *id, struct tt_identify_cached *cached)
{
	HASH_DEL(id->cache, cached);
	free(cached->key);
	tt_identity_done(&cached->identity);
	free(cached);
}

static void cache_clear(struct tt_identify *id)
{
	struct tt_identify_cached *cached, *next;

	HASH_ITER (hh, id->cache, cached, next)
		cached_free(id, cached);
}

/* What the answer depends on: the file itself and each package.json above it. Any of them may be edited or replaced in
 * place between two execs; only ctime tells of it whatever a package manager, or somebody who hides, sets mtime to. */
char *tt_identify_cache_key(const struct tt_exam *x)
{
	const struct tt_exec_facts *f = x->facts;
	const char *file = x->ret->runtime ? x->ret->script : f->exe;
	bool is_python = x->ret->runtime && tt_streq(x->ret->runtime->kind, "python");
	_cleanup_close_ int fd = -1;
	struct stat st = { 0 };
	char *key;

	if (!x->ret->runtime)
		fd = tt_exam_open_native(x, &st);
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

const struct tt_identity *tt_identify_cache_find(const struct tt_identify *id, const char *key)
{
	struct tt_identify_cached *cached;

	HASH_FIND_STR(id->cache, key, cached);
	return cached ? &cached->identity : NULL;
}

int tt_identify_cache_add(struct tt_identify *id, char *key, const struct tt_identity *identity)
{
	struct tt_identify_cached *cached = calloc(1, sizeof(*cached));

	if (!cached || tt_identify_copy(&cached->identity, identity) < 0) {
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

/* ---- known builds */

static void known_free(struct tt_identify *id, struct tt_identify_known *known)
{
	HASH_DEL(id->known, known);
	free(known->build_id);
	free(known->version);
	free(known);
}

static bool may_learn(const char *version, const char *build_id)
{
	const char *size = strchr(build_id, ':');

	if (!version || !*version)
		return false;
	return !size || strtoull(size + 1, NULL, 10) >= TT_IDENTIFY_LEARN_MIN;
}

static int learn(struct tt_identify *id, const struct tt_config_agent *agent, const char *version,
		 const char *build_id)
{
	struct tt_identify_known *known;

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
	if (tt_exam_strdup(&known->build_id, build_id) < 0 || tt_exam_strdup(&known->version, version) < 0) {
		free(known->build_id);
		free(known);
		return -ENOMEM;
	}
	known->agent = agent;
	HASH_ADD_KEYPTR(hh, id->known, known->build_id, strlen(known->build_id), known);
	return 1;
}

int tt_identify_remember(struct tt_identify *id, const struct tt_config_agent *agent, const char *version,
			 const char *build_id)
{
	int r = learn(id, agent, version, build_id);

	/* What was no agent before may be one now. */
	if (r > 0)
		cache_clear(id);
	return r < 0 ? r : 0;
}

int tt_identify_learn(struct tt_identify *id, const char *agent_id, const char *version, const char *build_id)
{
	for (size_t i = 0; i < id->config->n_agents; i++) {
		if (!tt_streq(id->config->agents[i].id, agent_id) || !build_id)
			continue;
		return tt_identify_remember(id, &id->config->agents[i], version, build_id);
	}
	return -ENOENT;
}

void tt_identify_forget(struct tt_identify *id)
{
	struct tt_identify_known *known, *next;

	cache_clear(id);
	HASH_ITER (hh, id->known, known, next)
		known_free(id, known);
}
