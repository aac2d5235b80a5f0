/* SPDX-License-Identifier: Apache-2.0 */
/* Processes and sessions as rows: what is put of them, when a session ends, scores, the account of losses. */
#include <errno.h>
#include <pwd.h>
#include <xxhash.h>

#include "config/config.h"
#include "daemon/score.h"
#include "daemon/tracker_internal.h"
#include "process/identify.h"
#include "process/procfs.h"
#include "util/buf.h"

/* Ended processes are kept for this long: a connect's outcome comes when the kernel closes the socket, after
 * the exit record; totals come with the next sweep. */
#define GRACE_NS UINT64_C(3000000000)

/* And for this long, if their score has to wait for a store that fails. */
#define HOLD_NS UINT64_C(600000000000)

/* How often a living process is scored anew, and looked for in /proc. */
#define RESCORE_NS UINT64_C(10000000000)

#define CGROUPS_MAX 1024

struct tt_tracker_cgroup {
	uint64_t id;
	char *path, *container;
	UT_hash_handle hh;
};

void tt_tracker_mark_incomplete(struct tt_tracker *tracker, struct tt_session *session)
{
	for (struct tt_session *each = session ? session : tracker->sessions; each;
	     each = session ? NULL : each->next) {
		/* what is lost by nobody in particular does not concern what was over before */
		if (each->incomplete || (each->ended_ns && !session))
			continue;
		each->incomplete = true;
		each->dirty = true;
	}
}

/* ---- processes */

void tt_tracker_put_process(struct tt_tracker *tracker, struct tt_process *process)
{
	struct tt_row_process row = {
		.process_id = process->id,
		.session_id = process->session->id,
		.parent_process_id = process->parent_id,
		.pid = process->key.pid,
		.ppid = process->ppid,
		.uid = process->uid,
		.exe = process->exe,
		.host_exe = process->host_exe,
		.argv = process->argv,
		.cwd = process->cwd,
		.script = process->script,
		.role = tt_role_name(process->role),
		.started_ns = tt_tracker_epoch(tracker, process->started_ns),
		.ended_ns = tt_tracker_epoch(tracker, process->ended_ns),
		.exit_status = process->status,
		.mnt_ns = process->mnt_ns,
		.cgroup_id = process->cgroup_id,
		.cgroup = process->cgroup,
		.container_id = process->container_id,
		.coverage = process->coverage,
	};

	process->dirty = true;
	if (!process->session->stored)
		tt_tracker_put_session(tracker, process->session);
	if (!process->session->stored || tt_batch_process(tracker->params.batch, &row) < 0) {
		tt_tracker_account(tracker, -ENOSPC, process, TT_LOST_FORK, 0, 0);
		return;
	}
	process->dirty = false;
	process->stored = true;
}

void tt_tracker_join(struct tt_process *process, struct tt_session *session)
{
	if (process->session == session)
		return;
	if (process->session) {
		process->session->members--;
		process->session->processes--;
		process->session->dirty = true;
		if (!process->ended_ns)
			process->session->living--;
	}
	process->session = session;
	if (!session)
		return;
	session->members++;
	session->processes++;
	if (!process->ended_ns) {
		session->living++;
		session->ended_ns = 0; /* it was not the end, then */
	}
	session->dirty = true;
	process->dirty = true;
	process->unscored = true;
}

void tt_tracker_inherit(struct tt_process *child, const struct tt_process *parent)
{
	child->parent_id = parent->id;
	child->role = parent->role == TT_ROLE_AGENT ? TT_ROLE_RUNTIME : parent->role;
	child->mnt_ns = parent->mnt_ns;
	child->cgroup_id = parent->cgroup_id;
	child->exec_ns = parent->exec_ns;
	child->exe_ino = parent->exe_ino;
	child->exe_size = parent->exe_size;
	child->exe_dev = parent->exe_dev;
	child->exe_id = parent->exe_id;
	child->libc_id = parent->libc_id;
	child->exe_error = parent->exe_error;
	child->view = parent->view;
	child->other_root = parent->other_root;
	child->elsewhere = parent->elsewhere;
	child->env_direct = parent->env_direct;
	/* without memory a string stays unknown, which is what NULL says */
	tt_process_set(&child->exe, parent->exe);
	tt_process_set(&child->argv, parent->argv);
	tt_process_set(&child->cwd, parent->cwd);
	tt_process_set(&child->script, parent->script);
	tt_process_set(&child->home, parent->home);
	tt_process_set(&child->coverage, parent->coverage);
	tt_process_set(&child->cgroup, parent->cgroup);
	tt_process_set(&child->container_id, parent->container_id);
	tt_process_set(&child->host_exe, parent->host_exe);
}

void tt_tracker_user(uint32_t uid, char **ret_name, char **ret_home)
{
	_cleanup_fclose_ FILE *file = fopen("/etc/passwd", "re");
	struct passwd *entry;

	/* the file and not NSS: a directory server must not be able to stop us */
	while (file && (entry = fgetpwent(file))) {
		if (entry->pw_uid != uid)
			continue;
		if (ret_name)
			*ret_name = strdup(entry->pw_name);
		*ret_home = strdup(entry->pw_dir);
		return;
	}
}

void tt_tracker_learn_cgroup(struct tt_tracker *tracker, struct tt_process *process, uint64_t id)
{
	struct tt_tracker_cgroup *cgroup;

	process->cgroup_id = id;
	HASH_FIND(hh, tracker->cgroups, &id, sizeof(id), cgroup);
	if (!cgroup) {
		char *path = NULL, *container = NULL;

		if (tt_procfs_cgroup(tracker->params.procfs, process->key.pid, &path, &container) < 0)
			return; /* gone already; another process of the group will tell */
		cgroup = calloc(1, sizeof(*cgroup));
		if (!cgroup || HASH_COUNT(tracker->cgroups) >= CGROUPS_MAX) {
			free(cgroup);
			free(path);
			free(container);
			return;
		}
		*cgroup = (struct tt_tracker_cgroup){ .id = id, .path = path, .container = container };
		HASH_ADD(hh, tracker->cgroups, id, sizeof(cgroup->id), cgroup);
	}
	tt_process_set(&process->cgroup, cgroup->path);
	tt_process_set(&process->container_id, cgroup->container);
}

void tt_tracker_end(struct tt_tracker *tracker, struct tt_process *process, uint64_t ended_ns, int status)
{
	struct tt_tracker_slot *slot = tt_tracker_find_slot(tracker, process->slot);
	struct tt_session *session = process->session;

	if (process->ended_ns)
		return;
	tt_process_end(tracker->table, process, ended_ns, status);
	process->dirty = true;
	if (slot && --slot->living == 0)
		slot->since_ns = ended_ns;
	if (!session)
		return;
	session->living--;
	if (ended_ns > session->last_end_ns)
		session->last_end_ns = ended_ns;
	session->dirty = true;
	if (tt_process_key_equal(&session->root, &process->key))
		session->status = status;
}

void tt_tracker_forgotten(struct tt_process *process, void *arg)
{
	struct tt_session *session = process->session;
	struct tt_tracker *tracker = arg;
	unsigned at;

	if (!session)
		return;
	if (process->dirty)
		tt_tracker_put_process(tracker, process);
	if (process->dirty)
		tt_tracker_account(tracker, -ENOSPC, process, process->stored ? TT_LOST_EXIT : TT_LOST_FORK,
				   1, process->ended_ns);
	session->members--;
	/* its score stays: insert it among the highest */
	for (at = session->n_past_scores; at > 0 && session->past_scores[at - 1] < process->score; at--)
		if (at < TT_SESSION_SCORES)
			session->past_scores[at] = session->past_scores[at - 1];
	if (at < TT_SESSION_SCORES) {
		session->past_scores[at] = process->score;
		if (session->n_past_scores < TT_SESSION_SCORES)
			session->n_past_scores++;
	}
}

void tt_tracker_cgroups_free(struct tt_tracker *tracker)
{
	struct tt_tracker_cgroup *cgroup, *next;

	HASH_ITER (hh, tracker->cgroups, cgroup, next) {
		HASH_DEL(tracker->cgroups, cgroup);
		free(cgroup->path);
		free(cgroup->container);
		free(cgroup);
	}
}

/* ---- sessions */

char *tt_tracker_tty_name(uint32_t dev)
{
	unsigned major = dev >> 20, minor = dev & 0xfffff;
	char name[32];

	if (!dev)
		return NULL;
	if (major >= 136 && major <= 143) /* UNIX98_PTY_SLAVE_MAJOR, include/uapi/linux/major.h */
		snprintf(name, sizeof(name), "pts/%u", (major - 136) * 256 + minor);
	else if (major == 4)
		snprintf(name, sizeof(name), minor < 64 ? "tty%u" : "ttyS%u",
			 minor < 64 ? minor : minor - 64);
	else
		snprintf(name, sizeof(name), "%u:%u", major, minor);
	return strdup(name);
}

void tt_tracker_put_session(struct tt_tracker *tracker, struct tt_session *session)
{
	const struct tt_config_agent *definition = session->definition;
	struct tt_row_session row = {
		.session_id = session->id,
		.parent_session_id = session->parent_id,
		.root_process_id = session->root_id,
		.agent = definition ? definition->id : session->agent,
		.agent_name = definition ? definition->name : NULL,
		.vendor = definition ? definition->vendor : NULL,
		.agent_version = session->version,
		.install_path = session->install_path,
		.build_id = session->build_id,
		.launched_by = session->launched_by,
		.tty = session->tty,
		.user = session->user,
		.cwd = session->cwd,
		.command = session->command,
		.uid = session->uid,
		.started_ns = tt_tracker_epoch(tracker, session->started_ns),
		.ended_ns = tt_tracker_epoch(tracker, session->ended_ns),
		.exit_status = session->status,
		.process_count = session->processes,
		.score = session->score,
		.level = session->level ? session->level : "none",
		.complete = !session->incomplete,
		.gateway = session->gateway,
		.gateway_source = session->gateway_source,
	};

	session->dirty = tt_batch_session(tracker->params.batch, &row) < 0;
	session->stored |= !session->dirty;
}

struct tt_session *tt_tracker_add_session(struct tt_tracker *tracker, struct tt_process *root,
					  const struct tt_session *parent, uint64_t started_ns)
{
	struct tt_session *session = calloc(1, sizeof(*session));
	struct {
		struct tt_process_key root;
		uint64_t started_ns;
	} whole = { .root = root->key, .started_ns = started_ns };
	XXH64_hash_t seed = XXH3_64bits(tracker->params.boot_id, strlen(tracker->params.boot_id));

	if (!session)
		return NULL;
	snprintf(session->id.s, sizeof(session->id.s), "%016llx",
		 (unsigned long long)XXH3_64bits_withSeed(&whole, sizeof(whole), seed));
	session->root = root->key;
	session->root_id = root->id;
	if (parent)
		session->parent_id = parent->id;
	session->uid = root->uid;
	session->started_ns = started_ns;
	session->status = TT_UNKNOWN_STATUS;
	tt_tracker_user(root->uid, &session->user, &session->home);
	tt_process_set(&root->home, session->home);
	if (!parent)
		tt_procfs_launcher(tracker->params.procfs, root->key.pid, root->ppid, root->key.start_ns,
				   &session->launched_by);
	session->next = tracker->sessions;
	tracker->sessions = session;
	tracker->stats.sessions_seen++;
	return session;
}

void tt_tracker_name_session(struct tt_tracker *tracker, struct tt_session *session, struct tt_process *root,
			     struct tt_identity *identity)
{
	session->definition = identity->agent;
	session->root = root->key;
	session->root_id = root->id;
	free(session->version);
	free(session->install_path);
	free(session->build_id);
	session->version = TAKE_PTR(identity->version);
	session->install_path = TAKE_PTR(identity->install_path);
	session->build_id = TAKE_PTR(identity->build_id);
	tt_process_set(&session->exe, root->exe);
	tt_process_set(&session->command, root->argv);
	tt_process_set(&session->cwd, root->cwd);
	session->dirty = true;
	if (session->build_id)
		tt_identify_learn(tracker->params.identify, session->definition->id, session->version,
				  session->build_id);
}

void tt_tracker_session_free(struct tt_session *session)
{
	char *owned[] = { session->agent,	  session->version, session->install_path, session->build_id,
			  session->launched_by,	  session->tty,	    session->user,	   session->home,
			  session->cwd,		  session->command, session->exe,	   session->gateway,
			  session->gateway_source };

	for (size_t i = 0; i < ARRAY_SIZE(owned); i++)
		free(owned[i]);
	free(session);
}

/* ---- what is due from time to time */

static int score(struct tt_process *process, void *arg)
{
	struct tt_tracker *tracker = arg;
	double points = 0;
	int r;

	if (!process->unscored || !process->session)
		return 0;
	r = tt_score_process(tracker->params.store, tracker->params.risk, tracker->params.batch, &process->id,
			     !process->lost && !process->session->incomplete, &points);
	if (r == -ENOENT || r == -ENOSPC)
		return 0; /* not stored yet, or no room: the next tick may find it */
	if (r < 0)
		return r;
	process->unscored = false;
	process->score = points;
	process->session->rescore = true;
	return 0;
}

static int score_ended(struct tt_process *process, void *arg)
{
	return process->ended_ns ? score(process, arg) : 0;
}

static int put_dirty(struct tt_process *process, void *arg)
{
	if (process->dirty && process->session)
		tt_tracker_put_process(arg, process);
	return 0;
}

struct collection {
	const struct tt_session *session;
	double *scores;
	unsigned n, cap;
};

static int collect_score(struct tt_process *process, void *arg)
{
	struct collection *all = arg;

	if (process->session == all->session && process->score > 0 && all->n < all->cap)
		all->scores[all->n++] = process->score;
	return 0;
}

static int roll_up(struct tt_tracker *tracker, struct tt_session *session)
{
	struct collection all = { .session = session, .cap = session->members + session->n_past_scores };
	_cleanup_free_ double *scores = calloc(all.cap + 1, sizeof(*scores));
	double before = session->score;

	if (!scores)
		return -ENOMEM;
	all.scores = scores;
	memcpy(scores, session->past_scores, session->n_past_scores * sizeof(*scores));
	all.n = session->n_past_scores;
	tt_process_each(tracker->table, collect_score, &all);
	session->score = tt_risk_rollup(scores, all.n);
	session->level = tt_risk_level(tracker->params.risk, session->score);
	session->rescore = false;
	if (session->score != before)
		session->dirty = true;
	return 0;
}

/* Whether the process is still there: its end may have been lost. Asked twice, since the record of an end may be on
 * its way; not so at last, when everything was delivered. */
static int reap_missing(struct tt_tracker *tracker, struct tt_process *process, bool final)
{
	struct tt_procfs_stat stat;
	uint64_t ticks = process->key.start_ns / (1000000000 / (uint64_t)sysconf(_SC_CLK_TCK));
	bool gone;

	if (process->ended_ns)
		return 0;
	gone = tt_procfs_stat(tracker->params.procfs, process->key.pid, &stat) < 0 ||
	       stat.start_ticks != ticks;
	if (gone && (process->missing || final)) {
		tt_sensor_ended(tracker->params.sensor, &process->key);
		process->lost = true;
		tt_tracker_end(tracker, process, tracker->last_rescore_ns, TT_UNKNOWN_STATUS);
	}
	process->missing = gone;
	return 0;
}

static int reap(struct tt_process *process, void *arg)
{
	return reap_missing(arg, process, false);
}

static int reap_last(struct tt_process *process, void *arg)
{
	return reap_missing(arg, process, true);
}

/* A process that the kernel watches, and of whose fork nobody told. */
static int adopt(const struct tt_iter_task *task, void *arg)
{
	struct tt_tracker *tracker = arg;
	struct tt_tracker_slot *slot = task->slot ? tt_tracker_find_slot(tracker, task->slot) : NULL;
	struct tt_process_key key = { .start_ns = task->start_ns, .pid = task->pid },
			      parent = { .start_ns = task->parent_start_ns, .pid = task->ppid };
	struct tt_process *process;

	if (!slot || slot->state != TT_SLOT_TRACKED || tt_process_find(tracker->table, &key))
		return 0;
	process = tt_tracker_obtain(tracker, &key, slot, &parent, task->start_ns);
	if (!process)
		return 0;
	process->ppid = task->ppid;
	process->uid = task->uid;
	process->lost = true;
	return 0;
}

static void close_slots(struct tt_tracker *tracker, uint64_t now_ns)
{
	struct tt_tracker_slot *slot, *next;

	HASH_ITER (hh, tracker->slots, slot, next) {
		if (slot->living > 0 || slot->since_ns + GRACE_NS > now_ns)
			continue;
		if (slot->state != TT_SLOT_IGNORED)
			tt_sensor_verdict(tracker->params.sensor, slot->id, false);
		HASH_DEL(tracker->slots, slot);
		free(slot);
	}
}

/* A session is over when none of its processes lives and every total is in: then it is scored a last time,
 * put, and told. Its memory goes when the last of its processes is forgotten. */
static int settle_sessions(struct tt_tracker *tracker, bool final, uint64_t now_ns)
{
	struct tt_session **link = &tracker->sessions, *session;

	while ((session = *link)) {
		bool over = !session->ended_ns && (session->living == 0 || final);

		if (session->rescore) {
			int r = roll_up(tracker, session);

			if (r < 0)
				return r;
		}
		if (over) {
			/* with processes that live on it ends here all the same: nobody watches any more */
			session->ended_ns = session->living == 0 && session->last_end_ns
						    ? session->last_end_ns
						    : now_ns;
			session->dirty = true;
		}
		if (session->dirty)
			tt_tracker_put_session(tracker, session);
		if (over && tracker->params.session_ended)
			tracker->params.session_ended(session, tracker->params.arg);
		if (session->ended_ns && session->members == 0 && (!session->dirty || final)) {
			for (struct tt_tracker_slot *slot = tracker->slots; slot; slot = slot->hh.next) {
				if (slot->session == session)
					slot->session = NULL;
			}
			if (!session->stored)
				tt_tracker_put_loss(tracker, "process", "session", 1, now_ns, session, NULL);
			*link = session->next;
			tt_tracker_session_free(session);
			continue;
		}
		link = &session->next;
	}
	return 0;
}

static void lost_count(const struct tt_agg_key *key, uint64_t count, void *arg)
{
	struct tt_tracker *tracker = arg;
	struct tt_process_key process = { .start_ns = key->start_ns, .pid = key->pid };

	tt_tracker_account(tracker, -ENOSPC, tt_process_find(tracker->table, &process),
			   tt_tracker_lost_of(key->op), count, tracker->last_tick_ns);
}

static int oldest_unscored(struct tt_process *process, void *arg)
{
	uint64_t *oldest = arg;

	if (process->session && process->unscored && process->ended_ns && process->ended_ns < *oldest)
		*oldest = process->ended_ns;
	return 0;
}

/* What ended a while ago goes. While the store fails nothing can be scored, and what is not scored waits. */
static void forget_ended(struct tt_tracker *tracker, uint64_t now_ns)
{
	uint64_t before = now_ns > GRACE_NS ? now_ns - GRACE_NS : 0,
		 at_last = now_ns > HOLD_NS ? now_ns - HOLD_NS : 0;

	tt_process_each(tracker->table, oldest_unscored, &before);
	tt_process_expire(tracker->table, before > at_last ? before : at_last);
}

int tt_tracker_tick(struct tt_tracker *tracker, uint64_t now_ns, bool final)
{
	bool rescore = final || now_ns - tracker->last_rescore_ns >= RESCORE_NS;
	int r = 0;

	tracker->last_tick_ns = now_ns;
	if (tracker->fork_lost)
		tracker->params.sensor->ops->list(tracker->params.sensor, adopt, tracker);
	tracker->fork_lost = false;
	if (rescore) {
		tracker->last_rescore_ns = now_ns;
		tt_process_each(tracker->table, final ? reap_last : reap, tracker);
	}
	/* before what it makes incomplete is scored and put */
	tt_rows_settle(tracker->rows, final ? NULL : tracker->table, tracker->params.to_epoch_ns, lost_count,
		       tracker);
	/* a score is made of what is stored: rows that wait in the batch belong to it */
	if (final || tt_batch_rows(tracker->params.batch) == 0)
		r = tt_process_each(tracker->table, rescore ? score : score_ended, tracker);
	if (r == 0)
		r = tt_process_each(tracker->table, put_dirty, tracker);
	if (r == 0)
		r = settle_sessions(tracker, final, now_ns);
	if (r < 0)
		return r;
	forget_ended(tracker, now_ns);
	tt_tracker_tell_losses(tracker);
	close_slots(tracker, now_ns);
	return 0;
}
