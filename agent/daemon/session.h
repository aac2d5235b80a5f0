/* SPDX-License-Identifier: Apache-2.0 */
/* A session: one run of a coding agent and everything below it. Plain data, owned by the tracker. */
#ifndef TT_DAEMON_SESSION_H
#define TT_DAEMON_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "telltale/record.h"
#include "util/process_key.h"

struct tt_config_agent;

/* The roll-up halves each further score: behind the sixteenth nothing is left to add. */
#define TT_SESSION_SCORES 16

struct tt_session {
	struct tt_session *next;
	struct tt_id id, parent_id, root_id;
	struct tt_process_key root;
	const struct tt_config_agent *definition; /* NULL: (command) */
	char *agent; /* shown in the place of a definition's id */
	char *version, *install_path, *build_id, *launched_by, *tty, *user, *home, *cwd, *command;
	char *gateway; /* host that it uses in place of its vendor's; NULL: none is known */
	char *gateway_source; /* how that is known */
	char *exe; /* of the agent itself, to tell its helpers from its tools */
	uint32_t uid;
	uint64_t started_ns, ended_ns; /* boot time */
	int status;
	unsigned living; /* processes */
	uint64_t last_end_ns; /* of those that no longer do */
	uint64_t processes;
	unsigned members; /* entries of the process table that point here */
	double past_scores[TT_SESSION_SCORES]; /* the highest of processes that were forgotten */
	unsigned n_past_scores;
	double score;
	const char *level;
	bool incomplete;
	bool command_run; /* made for `run` */
	bool rescore;
	bool dirty;
	bool stored; /* its row is in the batch or in the store */
};

#endif
