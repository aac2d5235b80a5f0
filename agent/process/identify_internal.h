/* SPDX-License-Identifier: Apache-2.0 */
/* Inside identification: shared by identify.c (the way from an exec to an answer, candidate names), identify_exam.c (what
 * all tests need), identify_script.c, identify_native.c and identify_editor.c (the tests), and identify_cache.c (answers
 * and builds that are remembered). Nobody else includes this. */
#ifndef TT_PROCESS_IDENTIFY_INTERNAL_H
#define TT_PROCESS_IDENTIFY_INTERNAL_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <uthash.h>

#include "config/config.h"
#include "process/identify.h"
#include "process/package.h"
#include "process/procfs.h"
#include "process/script.h"
#include "util/util.h"

/* The smallest native agent seen is 38 MB, the largest shell 1.5 MB. Copies of small programs under an agent's
 * name must not make every run of the original an agent. */
#define TT_IDENTIFY_LEARN_MIN (8ull << 20)

struct tt_identify_known {
	char *build_id;
	const struct tt_config_agent *agent;
	char *version;
	UT_hash_handle hh;
};

struct tt_identify_cached;

struct tt_identify {
	const struct tt_config_agents *config;
	struct tt_procfs *fs;
	struct tt_identify_known *known;
	struct tt_identify_cached *cache;
};

/* One exec under examination. */
struct tt_exam {
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

enum tt_name_match { TT_NAME_NONE, TT_NAME_COMMON, TT_NAME_OWN };

static inline int tt_exam_strdup(char **ret, const char *s)
{
	*ret = s ? strdup(s) : NULL;
	return s && !*ret ? -ENOMEM : 0;
}

/* ---- identify.c */

int tt_identify_copy(struct tt_identity *ret, const struct tt_identity *from);

/* ---- identify_cache.c */

/* tt_identify_learn of an agent's definition; a build that is new clears the answers. */
int tt_identify_remember(struct tt_identify *id, const struct tt_config_agent *agent, const char *version,
			 const char *build_id);
/* Everything that is remembered. */
void tt_identify_forget(struct tt_identify *id);
/* malloc'd; NULL without memory. */
char *tt_identify_cache_key(const struct tt_exam *x);
/* The kept answer, or NULL; borrowed until the next call that adds or remembers. */
const struct tt_identity *tt_identify_cache_find(const struct tt_identify *id, const char *key);
/* Takes the key, also on failure. */
int tt_identify_cache_add(struct tt_identify *id, char *key, const struct tt_identity *identity);

/* ---- identify_exam.c */

bool tt_exam_matches(const struct tt_strv *patterns, const char *text);
enum tt_name_match tt_exam_name_of(const struct tt_config_agent *agent, const char *name);
/* The better of the executable's own name and the one that it was called by. */
enum tt_name_match tt_exam_has_name(const struct tt_exam *x, const struct tt_config_agent *agent);
const struct tt_config_agent *tt_exam_agent_of_package(const struct tt_identify *id, const char *package);
/* Absolute, malloc'd; NULL when that cannot be told. */
char *tt_exam_join(const char *directory, const char *path);
char *tt_exam_directory(const char *path);
/* Puts down the answer; always true. */
bool tt_exam_is_agent(struct tt_exam *x, const struct tt_config_agent *agent, const char *how);
/* Of what was recognised by path, unless a test has found them. */
int tt_exam_find_version(struct tt_exam *x, const char *path);
int tt_exam_find_place(struct tt_exam *x, const char *path);

/* ---- identify_script.c */

int tt_exam_find_script(struct tt_exam *x);
int tt_exam_script(struct tt_exam *x);

/* ---- identify_native.c */

int tt_exam_open_native(const struct tt_exam *x, struct stat *ret_st);
int tt_exam_native(struct tt_exam *x);

/* ---- identify_editor.c */

const struct tt_config_agent *tt_exam_find_editor(const struct tt_exam *x);
bool tt_exam_is_editor_host(const struct tt_exam *x);
bool tt_exam_runs_as_node(const struct tt_exam *x);
int tt_exam_editor(struct tt_exam *x, const struct tt_config_agent *editor);

#endif
