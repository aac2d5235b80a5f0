/* SPDX-License-Identifier: Apache-2.0 */
/* Process table: who is running, who started whom, to which session each belongs.
 *
 * Keyed by (pid, start time), because pids are reused; the boot is the same for all. Processes that ended
 * stay for a grace period, so that late events still find them and children their parent. Never reads
 * /proc; never decides what an agent is. Bounded: when full, the process that ended first makes room, and if all
 * are alive the newcomer is refused and counted. */
#ifndef TT_PROCESS_TABLE_H
#define TT_PROCESS_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "process/outside.h"
#include "telltale/record.h"
#include "util/file_id.h"
#include "util/process_key.h"

struct tt_session;
struct tt_process_table;

enum tt_role { TT_ROLE_TOOL, TT_ROLE_RUNTIME, TT_ROLE_AGENT };

/* Whether it set up an io_uring, and what is seen of what it does there. */
enum tt_ring_use { TT_RING_NONE, TT_RING_UNSEEN, TT_RING_OPENS_SEEN };

struct tt_process {
	struct tt_process_key key;
	struct tt_id id, parent_id; /* parent_id: "" where the parent is not watched */
	struct tt_session *session;
	uint64_t slot;
	uint32_t ppid, uid;
	enum tt_role role;
	/* of the last exec; owned */
	char *exe, *argv /* JSON */, *cwd, *script;
	char *home; /* of its user, for classification; NULL unknown */
	char *coverage; /* JSON */
	char *cgroup, *container_id;
	uint64_t mnt_ns, cgroup_id;
	uint64_t exe_ino, exe_size; /* of the last exec, as the kernel names its file; 0 not known */
	uint32_t exe_dev;
	struct tt_file_id exe_id, libc_id; /* that file, and the C library it opened; none: not seen */
	int exe_error; /* why exe_id is none */
	bool probed_late; /* its environment probes were put in when it ran already */
	struct tt_view view; /* of its last exec, or inherited */
	bool other_root; /* sees other files than telltale */
	bool elsewhere; /* sees them by other names than the host */
	char *host_exe; /* the host's name of exe where that is another; owned */
	uint64_t started_ns, exec_ns, ended_ns; /* boot time; 0: not yet */
	int status; /* exit code, 128 + signal, or TT_UNKNOWN_STATUS */
	uint32_t execs;
	bool attached; /* ran before telltale did */
	bool late; /* watched from some point on: its beginning was not seen */
	enum tt_ring_use io_uring;
	bool env_direct; /* a runtime that reads its environment without a call */
	bool lost; /* something of this process was lost */
	bool missing; /* /proc had it no more when last looked at */
	bool dirty; /* differs from what was stored */
	bool stored; /* at all */
	bool unscored;
	double score;
	struct tt_process *newer, *older; /* by time of end, while ended */
};

/* forgotten (may be NULL) is called for each process just before its entry goes. */
int tt_process_table_new(unsigned max, void (*forgotten)(struct tt_process *process, void *arg), void *arg,
			 struct tt_process_table **ret);
void tt_process_table_free(struct tt_process_table *table);

/* boot_id: the 36 characters of /proc/sys/kernel/random/boot_id. */
void tt_process_id(const char *boot_id, const struct tt_process_key *key, struct tt_id *ret);

struct tt_process *tt_process_find(const struct tt_process_table *table, const struct tt_process_key *key);
/* A process with a session had this key and was forgotten: what still comes of it is its, but it does not begin
 * anew. The last 16,384 or so are remembered. */
bool tt_process_was_forgotten(const struct tt_process_table *table, const struct tt_process_key *key);
/* A new entry, zeroed but for its key and id. -EEXIST, -ENOSPC: full of living processes; -ENOMEM. */
int tt_process_add(struct tt_process_table *table, const char *boot_id, const struct tt_process_key *key,
		   struct tt_process **ret);
/* Replaces an owned string by a copy (NULL: by nothing). */
int tt_process_set(char **field, const char *value);
/* The process ended: it will be forgotten later. */
void tt_process_end(struct tt_process_table *table, struct tt_process *process, uint64_t ended_ns,
		    int status);
/* Forgets processes that ended before the given time. */
void tt_process_expire(struct tt_process_table *table, uint64_t before_ns);
/* Calls fn for every entry; fn must not add or remove. Stops when it answers non-zero. */
int tt_process_each(struct tt_process_table *table, int (*fn)(struct tt_process *process, void *arg),
		    void *arg);
uint64_t tt_process_evicted(const struct tt_process_table *table);

const char *tt_role_name(enum tt_role role);

#endif
