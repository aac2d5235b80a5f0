/* SPDX-License-Identifier: Apache-2.0 */
/* The sensor: events in the order of time, from the kernel or from recorded frames.
 *
 * One struct of functions, two implementations: bpf.c watches the running kernel, replay.c reads frames from
 * a file so that the whole user side runs without root. Single-threaded; delivers only from within
 * poll() and sweep(). */
#ifndef TT_SENSOR_SENSOR_H
#define TT_SENSOR_SENSOR_H

#include <stddef.h>

#include "sensor/decode.h"
#include "sensor/event.h"
#include "sensor/uprobe.h"
#include "telltale/looks.h"
#include "util/util.h"

struct tt_sensor;

struct tt_sensor_params {
	const char *backend; /* auto trampoline rawtp */
	char *const *leave_out; /* names of hooks */
	size_t n_leave_out;
	uint32_t ring_lifecycle_bytes, ring_activity_bytes; /* powers of two, multiples of the page size */
	uint32_t agg_entries, slot_entries, sock_entries, task_entries;
	bool no_task_storage; /* use the table in its place (task_entries), as kernels without it have to */
	uint64_t candidate_min_bytes;
	const struct tt_looks *looks; /* which names a look has to be at to be reported; NULL: none */
	tt_env_filter_fn env_filter;
	void *env_filter_arg;
};

/* One hook and what became of it: for status and doctor. */
struct tt_sensor_hook {
	const char *name; /* of the BPF program */
	const char *sensor; /* whose coverage suffers without it: process file net env */
	const char *sees; /* what is not seen without it */
	bool attached;
	char why[160]; /* not attached: why; attached: what it cannot do here, "" nothing */
};

struct tt_sensor_stats {
	uint64_t delivered; /* events handed out */
	uint64_t malformed; /* records that did not decode: dropped and counted */
	uint64_t late; /* records older than the watermark of their time: delivered late */
	uint64_t unaggregated, retried, unreported, x32; /* enum tt_stat */
	size_t ring_lifecycle_bytes, ring_activity_bytes, map_bytes; /* kernel memory of ours */
};

struct tt_sensor_ops {
	const char *name;
	/* Readable descriptors that say "poll now"; returns how many were written (at most 2). */
	unsigned (*fds)(struct tt_sensor *sensor, int fds[2]);
	/* Delivers what is there, merged by time, as far as nothing older can still come. 1: more is
	 * waiting, call again soon; 0: drained; negative: error, or what fn returned. */
	int (*poll)(struct tt_sensor *sensor, tt_event_fn fn, void *arg);
	/* Exact totals of keys that changed, losses since the last sweep, connects that take long. final:
	 * every key, and no entry is kept. */
	int (*sweep)(struct tt_sensor *sensor, bool final, tt_event_fn fn, void *arg);
	/* Nothing is recorded from now on. What was goes out with the next polls, whatever its time, and with the
	 * final sweep: then every operation is in an event or a loss. NULL: nothing to stop. */
	void (*stop)(struct tt_sensor *sensor);
	/* TRACKED lets the slot's tasks go on reporting; IGNORED (false) silences them at once. */
	int (*verdict)(struct tt_sensor *sensor, uint64_t slot, bool tracked);
	/* No event of this process can come any more: its totals become final at the next sweep. */
	void (*ended)(struct tt_sensor *sensor, const struct tt_process_key *process);
	/* When a process started, exactly (/proc rounds to clock ticks). -ESRCH. */
	int (*start_of)(struct tt_sensor *sensor, uint32_t pid, uint64_t *ret_start_ns);
	/* Binds a process to a new, tracked slot; it and its children report from now on. pidfd refers to it: -ESRCH
	 * if it has ended. */
	int (*track)(struct tt_sensor *sensor, int pidfd, const struct tt_process_key *process,
		     uint64_t *ret_slot);
	/* Candidate names, as tt_identify_candidates() hands them out. */
	int (*candidate)(struct tt_sensor *sensor, const struct tt_candidate_key *key);
	/* All processes there are, in pid order. */
	int (*list)(struct tt_sensor *sensor, int (*fn)(const struct tt_iter_task *task, void *arg),
		    void *arg);
	/* A new, tracked slot. */
	int (*slot)(struct tt_sensor *sensor, uint64_t *ret_slot);
	/* Binds running processes and their threads to the slot, and children that they fork meanwhile; fn is
	 * called for every task so bound. Repeats until a walk finds nothing new, at most 16 times
	 * (-EAGAIN: it was still finding some). */
	int (*attach)(struct tt_sensor *sensor, uint64_t slot, const uint32_t *pids, size_t n,
		      int (*fn)(const struct tt_iter_task *task, void *arg), void *arg);
	void (*free)(struct tt_sensor *sensor);
};

/* Common head of every implementation. */
struct tt_sensor {
	const struct tt_sensor_ops *ops;
	struct tt_sensor_stats stats;
	/* After poll(): records were read that are delivered later, when older ones of another CPU and the rest of an
	 * environment must have come. Nothing wakes the reader for them: it has to poll again. */
	bool held;
};

/* The running kernel. Needs CAP_BPF and CAP_PERFMON, or CAP_SYS_ADMIN. On failure *ret_message (malloc'd,
 * may be NULL) is one line: what, why, what to do. */
int tt_sensor_bpf_new(const struct tt_sensor_params *params, struct tt_sensor **ret, char **ret_message);
/* "rawtp", "trampoline", and why that one. */
const char *tt_sensor_bpf_backend(const struct tt_sensor *sensor, const char **ret_why);
/* The backend's hooks, one a call: begin with *i = 0; NULL after the last. */
const struct tt_sensor_hook *tt_sensor_bpf_hook(const struct tt_sensor *sensor, size_t *i);
/* What of a sensor (process file net) is not seen on this kernel because hooks are missing, and why, for people: at
 * most size bytes; "" if all is. */
void tt_sensor_bpf_unseen(const struct tt_sensor *sensor, const char *name, char *buf, size_t size);
void tt_sensor_bpf_uprobe_programs(const struct tt_sensor *sensor, struct tt_uprobe_programs *ret);
/* Loads and attaches one backend and takes it down again: for doctor. Both are malloc'd, or NULL: *ret_missing says
 * what stopped it; after 0 it names the hooks that are not in, what is not seen without each and why. *ret_log is the verifier's log and libbpf's warnings. */
int tt_sensor_try(const char *backend, char **ret_missing, char **ret_log);

/* Frames: each a ring's number (u32: 0 lifecycle, 1 activity, 2 totals), a length (u32) and a record, in host byte
 * order, nothing between them. Frames of the third kind are a struct tt_agg_value; final ones
 * have sent bit 1 set. poll() delivers the records up to the next totals, merged by time; sweep() those totals.
 * -EBADMSG: *ret_message (malloc'd, may be NULL) has the offset of the wrong frame; -EFBIG: above 16 MiB. */
int tt_sensor_replay_new(const char *path, const struct tt_sensor_params *params, struct tt_sensor **ret,
			 char **ret_message);

static inline int tt_sensor_verdict(struct tt_sensor *sensor, uint64_t slot, bool tracked)
{
	return sensor->ops->verdict(sensor, slot, tracked);
}

static inline void tt_sensor_stop(struct tt_sensor *sensor)
{
	if (sensor->ops->stop)
		sensor->ops->stop(sensor);
}

static inline void tt_sensor_ended(struct tt_sensor *sensor, const struct tt_process_key *process)
{
	sensor->ops->ended(sensor, process);
}

static inline void tt_sensor_free(struct tt_sensor *sensor)
{
	if (sensor)
		sensor->ops->free(sensor);
}
TT_DEFINE_CLEANUP(struct tt_sensor *, tt_sensor_free)

#endif
