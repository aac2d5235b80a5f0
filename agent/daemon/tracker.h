/* SPDX-License-Identifier: Apache-2.0 */
/* The tracker: events in, rows out.
 *
 * Owns the process table and the sessions. Handles every event in the order of time: an exec record is
 * judged (is this a coding agent?) before the activity behind it, so a verdict is known when that activity
 * comes; what belongs to an ignored slot is dropped, what belongs to a tracked one becomes rows. Knows nothing
 * of the kernel, sockets or SQL: it is given a sensor, a batch and the modules that judge and classify. */
#ifndef TT_DAEMON_TRACKER_H
#define TT_DAEMON_TRACKER_H

#include "daemon/batch.h"
#include "daemon/session.h"
#include "process/table.h"
#include "sensor/sensor.h"

struct tt_classifier;
struct tt_identify;
struct tt_procfs;
struct tt_risk;
struct tt_tracker;

struct tt_tracker_params {
	struct tt_store *store; /* scores are made from what is stored */
	struct tt_batch *batch;
	struct tt_sensor *sensor;
	struct tt_identify *identify;
	struct tt_procfs *procfs;
	const struct tt_classifier *classifier;
	struct tt_risk *risk;
	struct tt_uprobe *uprobe; /* NULL: environment look-ups are not observed */
	/* What the sensor cannot see on this kernel, by what it belongs to: "" or NULL nothing. */
	const char *unseen_process, *unseen_file, *unseen_net;
	const char *boot_id;
	int64_t to_epoch_ns; /* what to add to boot time */
	unsigned max_processes, max_keys;
	tt_env_filter_fn
		env_filter; /* for processes found running; the sensor filters what comes with an exec */
	void *env_filter_arg;

	/* All may be NULL. */
	void (*session_started)(const struct tt_session *session, void *arg);
	void (*session_ended)(const struct tt_session *session,
			      void *arg); /* and its rows are in the batch */
	void *arg;
};

struct tt_tracker_stats {
	unsigned sessions, processes; /* alive */
	uint64_t sessions_seen, ignored; /* verdicts */
	uint64_t rows_lost; /* refused by a full batch or by the store */
	uint64_t evicted;
};

int tt_tracker_new(const struct tt_tracker_params *params, struct tt_tracker **ret);
void tt_tracker_free(struct tt_tracker *tracker);

/* A tt_event_fn; arg is the tracker. */
int tt_tracker_event(const struct tt_event *event, void *arg);

/* Whether a session began with this process and still has it. */
bool tt_tracker_is_root(const struct tt_tracker *tracker, const struct tt_process_key *key);

/* The root of `run`: a process bound to a slot of its own. Its session is called after the outermost agent that
 * is then found in it, until then name (NULL: "(command)"). argv as given on the command line. */
int tt_tracker_command(struct tt_tracker *tracker, uint64_t slot, const struct tt_process_key *key,
		       uint32_t ppid, uint32_t uid, const char *name, const struct tt_session **ret);

/* Looks for agents that run already and for their living descendants. *ret_found: how many sessions. */
int tt_tracker_scan(struct tt_tracker *tracker, unsigned *ret_found);

/* After each sweep: scores, puts what changed, ends sessions whose processes are gone, forgets the dead.
 * final: everything is put and every session is closed as it stands. */
int tt_tracker_tick(struct tt_tracker *tracker, uint64_t now_ns, bool final);

/* Rows that the store refused when a batch was flushed. */
void tt_tracker_refused(struct tt_tracker *tracker, uint64_t rows);

/* The clock was set: boot time 0 is another moment now. */
void tt_tracker_set_epoch(struct tt_tracker *tracker, int64_t to_epoch_ns);

/* True while a slot is pending or tracked: the rings have to be polled. */
bool tt_tracker_is_busy(const struct tt_tracker *tracker);
void tt_tracker_get_stats(const struct tt_tracker *tracker, struct tt_tracker_stats *ret);
/* Processes of the session that live, in no order. */
int tt_tracker_each_living(struct tt_tracker *tracker, const struct tt_session *session,
			   int (*fn)(const struct tt_process *process, void *arg), void *arg);

#endif
