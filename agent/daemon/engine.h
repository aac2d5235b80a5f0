/* SPDX-License-Identifier: Apache-2.0 */
/* The engine: what `run`, `daemon` and the privileged helper have in common.
 *
 * Owns the long-lived objects (configuration apart) - sensor, probes, identification, tracker, store - and wires
 * them into an event loop: rings are read every few milliseconds while something is watched and not at all
 * otherwise, totals once a second, rows are committed at least twice a second. Speaks through util/log.h when the
 * store fails and when it recovers; otherwise silent. */
#ifndef TT_DAEMON_ENGINE_H
#define TT_DAEMON_ENGINE_H

#include "config/config.h"
#include "daemon/tracker.h"
#include "util/buf.h"
#include "util/loop.h"

struct tt_engine;

struct tt_engine_params {
	const struct tt_config *config; /* the caller's, outlives the engine */
	const char *db;
	const char *sensor; /* overrides the configuration's; NULL: as configured */
	/* May be NULL. A session is over and committed. */
	void (*session_ended)(const struct tt_session *session, void *arg);
	void *arg;
};

/* Loads definitions, opens the store, loads and attaches the sensor. On failure *ret_message (malloc'd) is one
 * line: what, on what, what to do. */
int tt_engine_new(const struct tt_engine_params *params, struct tt_loop *loop, struct tt_engine **ret,
		  char **ret_message);
void tt_engine_free(struct tt_engine *engine);
TT_DEFINE_CLEANUP(struct tt_engine *, tt_engine_free)

/* Environment probes where argv will be executed: on its runtime and on the host's C libraries. cwd absolute. */
void tt_engine_prepare_command(struct tt_engine *engine, const char *const *argv, const char *path,
			       const char *cwd);
/* Environment probes on runtimes and agents that the definitions name, as far as path (a PATH) has them. */
void tt_engine_prepare_host(struct tt_engine *engine, const char *path);

/* Tracks a process that has not executed its command yet; name as in tt_tracker_command(). */
int tt_engine_track(struct tt_engine *engine, int pidfd, pid_t pid, uid_t uid, const char *name,
		    const struct tt_session **ret);
/* Looks for agents that run already. */
int tt_engine_scan(struct tt_engine *engine, unsigned *ret_found);

/* Reads and commits all that happened until now. */
int tt_engine_catch_up(struct tt_engine *engine);
/* The same, and closes every session as it stands: before the end. */
int tt_engine_finish(struct tt_engine *engine);

struct tt_tracker *tt_engine_tracker(struct tt_engine *engine);
const char *tt_engine_db(const struct tt_engine *engine);
const char *tt_engine_backend(const struct tt_engine *engine, const char **ret_why);
/* Deletes what retention no longer keeps: a bounded piece; true: there is more. */
bool tt_engine_retain(struct tt_engine *engine);
/* One JSON object for `telltale status`. */
void tt_engine_status(struct tt_engine *engine, struct tt_buf *out);

#endif
