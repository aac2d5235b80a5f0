/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the tracker: shared by tracker.c (events), sessions.c (processes and sessions as rows, ends, scores),
 * ledger.c (losses), coverage.c (what could be seen of a process), handed.c (environments), gateways.c (whom an agent talks to
 * in place of its vendor) and scan.c (agents that ran before telltale). Nobody else
 * includes this. */
#ifndef TT_DAEMON_TRACKER_INTERNAL_H
#define TT_DAEMON_TRACKER_INTERNAL_H

#include <uthash.h>

#include "daemon/rows.h"
#include "daemon/tracker.h"

enum tt_slot_state {
	TT_SLOT_TRACKED,
	TT_SLOT_WATCHED, /* an editor: reports, but only what gives an extension host away is used */
	TT_SLOT_IGNORED, /* silenced; kept until its last records have passed */
};

struct tt_tracker_slot {
	uint64_t id;
	enum tt_slot_state state;
	struct tt_session *session; /* whose slot it is; NULL unless tracked */
	unsigned living; /* processes of this slot */
	uint64_t since_ns; /* of this state, or of its last process's end */
	UT_hash_handle hh;
};

struct tt_tracker_cgroup;
struct tt_tracker_loss;
struct tt_tracker_file;

struct tt_tracker {
	struct tt_tracker_params params;
	struct tt_process_table *table;
	struct tt_rows *rows;
	struct tt_outside *outside;
	struct tt_tracker_slot *slots;
	struct tt_session *sessions;
	struct tt_tracker_cgroup *cgroups;
	struct tt_tracker_file *files; /* programs and C libraries that were looked at */
	struct tt_tracker_loss *ledger;
	uint64_t last_rescore_ns, last_tick_ns;
	bool fork_lost; /* since the last tick: there may be processes that nobody told of */
	struct tt_process
		gone; /* stands for a process that was forgotten, while a late record of it is handled */
	struct tt_tracker_stats stats;
};

static inline int64_t tt_tracker_epoch(const struct tt_tracker *tracker, uint64_t boot_ns)
{
	return boot_ns ? (int64_t)boot_ns + tracker->params.to_epoch_ns : 0;
}

/* ---- ledger.c */

void tt_tracker_put_loss(struct tt_tracker *tracker, const char *sensor, const char *kind, uint64_t count,
			 uint64_t at_ns, const struct tt_session *session, const struct tt_process *process);
void tt_tracker_put_loss_between(struct tt_tracker *tracker, const char *sensor, const char *kind,
				 uint64_t count, uint64_t from_ns, uint64_t to_ns,
				 const struct tt_session *session, const struct tt_process *process);
/* Puts what was lost since the last time. */
void tt_tracker_tell_losses(struct tt_tracker *tracker);
void tt_tracker_ledger_free(struct tt_tracker *tracker);

/* What a row stood for that found no room. */
enum tt_lost {
	TT_LOST_FORK,
	TT_LOST_EXEC,
	TT_LOST_EXIT,
	TT_LOST_SESSION,
	TT_LOST_FILE,
	TT_LOST_FILE_BYTES,
	TT_LOST_ENV,
	TT_LOST_HANDED,
	TT_LOST_CONNECTION,
	TT_LOST_OUTCOME,
	TT_LOST_NAME,
	TT_LOST_BYTES,
};

/* Takes a row's result: of one that found no room `count` operations are lost (0: they come again, with their
 * totals) and 0 is returned; other errors are passed on. */
int tt_tracker_account(struct tt_tracker *tracker, int r, struct tt_process *process, enum tt_lost what,
		       uint64_t count, uint64_t at_ns);
/* What an operation (enum tt_op) is to the ledger. */
enum tt_lost tt_tracker_lost_of(uint16_t op);

/* ---- sessions.c */

/* session NULL: all that live. */
void tt_tracker_mark_incomplete(struct tt_tracker *tracker, struct tt_session *session);
/* Stays dirty without room. */
void tt_tracker_put_process(struct tt_tracker *tracker, struct tt_process *process);
void tt_tracker_put_session(struct tt_tracker *tracker, struct tt_session *session);
/* The process belongs to the session from now on (NULL: to none). */
void tt_tracker_join(struct tt_process *process, struct tt_session *session);
/* A forked child starts as a copy of its parent. */
void tt_tracker_inherit(struct tt_process *child, const struct tt_process *parent);
/* A process ended. */
void tt_tracker_end(struct tt_tracker *tracker, struct tt_process *process, uint64_t ended_ns, int status);
/* A table entry's callback. */
void tt_tracker_forgotten(struct tt_process *process, void *arg);
void tt_tracker_learn_cgroup(struct tt_tracker *tracker, struct tt_process *process, uint64_t id);
void tt_tracker_cgroups_free(struct tt_tracker *tracker);
/* A new session with this root. NULL without memory. */
struct tt_session *tt_tracker_add_session(struct tt_tracker *tracker, struct tt_process *root,
					  const struct tt_session *parent, uint64_t started_ns);
/* Names the session after what was recognised; takes the identity's strings. */
struct tt_identity;
void tt_tracker_name_session(struct tt_tracker *tracker, struct tt_session *session, struct tt_process *root,
			     struct tt_identity *identity);
void tt_tracker_session_free(struct tt_session *session);
/* Home (and name, if asked) of a user from /etc/passwd; malloc'd, NULL unknown. */
void tt_tracker_user(uint32_t uid, char **ret_name, char **ret_home);
char *tt_tracker_tty_name(uint32_t dev);

/* ---- coverage.c */

/* What each sensor could see of this process, from its last exec on. */
void tt_tracker_judge_coverage(struct tt_tracker *tracker, struct tt_process *process);
/* It executed a program: probes its look-up functions, finds out what is needed for the verdict. */
void tt_tracker_probe_program(struct tt_tracker *tracker, struct tt_process *process);
/* It opened a file: if that is its C library, probes it and judges anew. */
void tt_tracker_probe_libc(struct tt_tracker *tracker, const struct tt_event *event,
			   struct tt_process *process);
void tt_tracker_files_free(struct tt_tracker *tracker);

/* ---- gateways.c */

/* A variable that the process was started with. */
void tt_tracker_env_given(struct tt_tracker *tracker, const struct tt_process *process,
			  const struct tt_env_entry *entry);
/* A tt_host_named_fn; arg is the tracker. */
void tt_tracker_host_named(const struct tt_process *process, const char *host, void *arg);

/* Does it still run the program of its last exec, as far as that is known? */
bool tt_tracker_still_runs(const struct tt_tracker *tracker, const struct tt_process *process);

/* ---- handed.c */

/* What came with this exec, if it is to be kept. */
void tt_tracker_put_environment(struct tt_tracker *tracker, struct tt_process *process,
				const struct tt_event *event);
/* What /proc has of it, if it still lives. */
void tt_tracker_read_environment(struct tt_tracker *tracker, struct tt_process *process, uint64_t at_ns);

/* ---- tracker.c */

/* Which files it sees from now on, and what the host calls its program. */
void tt_tracker_look_where(struct tt_tracker *tracker, struct tt_process *process);

struct tt_tracker_slot *tt_tracker_find_slot(const struct tt_tracker *tracker, uint64_t id);
struct tt_tracker_slot *tt_tracker_add_slot(struct tt_tracker *tracker, uint64_t id, enum tt_slot_state state,
					    uint64_t now_ns);
/* The entry of a process, made if need be. NULL: the table is full (counted), or the process is long over. */
struct tt_process *tt_tracker_obtain(struct tt_tracker *tracker, const struct tt_process_key *key,
				     struct tt_tracker_slot *slot, const struct tt_process_key *parent_key,
				     uint64_t now_ns);

#endif
