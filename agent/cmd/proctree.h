/* SPDX-License-Identifier: Apache-2.0 */
/* The processes of a session, and of the sessions inside it, as a tree. */
#ifndef TT_CMD_PROCTREE_H
#define TT_CMD_PROCTREE_H

#include <stdint.h>

#include "cmd/output.h"

struct tt_query_db;

struct tt_proc {
	char process_id[17], parent_id[17], session_id[17];
	int64_t pid, started_ns, ended_ns; /* 0 unknown */
	int64_t exit_status; /* -1 unknown */
	char *exe, *command /* argv as one line */, *role;
	int64_t files, credentials, timezone, env, connections; /* of its risk record */
	double score;
	char *nested; /* where another session begins: its agent, version and id */
	struct tt_proc *parent, *child, *sibling; /* first child, next sibling, by start */
	unsigned depth;
};

struct tt_proctree;

/* The session's processes; nested: those of sessions inside it as well. Negative errno as tt_query_run(). */
int tt_proctree_load(struct tt_query_db *db, const char *session_id, bool nested, struct tt_proctree **ret);
void tt_proctree_free(struct tt_proctree *tree);
TT_DEFINE_CLEANUP(struct tt_proctree *, tt_proctree_free)

size_t tt_proctree_count(const struct tt_proctree *tree);
/* Parents before children: NULL begins, NULL ends. */
const struct tt_proc *tt_proctree_next(const struct tt_proctree *tree, const struct tt_proc *proc);
/* A table of at most limit (0: all) processes; returns how many were left out. */
size_t tt_proctree_print(const struct tt_proctree *tree, struct tt_output *out, size_t limit);

#endif
