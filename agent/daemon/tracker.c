/* SPDX-License-Identifier: Apache-2.0 */
/* The tracker's event handlers: one for each type of event, in the order in which a process meets them. */
#include <errno.h>
#include <sys/stat.h>

#include "classify/classify.h"
#include "config/config.h"
#include "daemon/inside.h"
#include "daemon/tracker_internal.h"
#include "process/identify.h"
#include "process/procfs.h"
#include "process/redact.h"
#include "util/util.h"

static void inside(const struct tt_event *event, const struct tt_process *process, struct tt_inside *ret,
		   void *arg)
{
	struct tt_tracker *tracker = arg;

	tt_inside_of(event, process, tracker->table, tracker->params.procfs, ret);
}

static char *outside_name(struct tt_tracker *tracker, const struct tt_process *process,
			  const struct tt_outside_file *file)
{
	return process->elsewhere && file->path
		       ? tt_outside_name(tracker->outside, process->key.pid, &process->view, file)
		       : NULL;
}

static char *outside(const struct tt_event *event, const struct tt_process *process, void *arg)
{
	struct tt_tracker *tracker = arg;
	struct tt_outside_file file = {
		.path = event->file.path,
		.ino = event->file.ino,
		.dev = event->file.dev,
		.mode = event->file.mode,
		.at_ns = event->time_ns,
	};

	if (event->flags & (TT_EVF_DELETED | TT_EVF_PATH_CUT | TT_EVF_UNREACHABLE))
		return NULL;
	return outside_name(tracker, process, &file);
}

/* Asked at each exec, and not for each file: who goes elsewhere mostly does so to run something there. */
void tt_tracker_look_where(struct tt_tracker *tracker, struct tt_process *process)
{
	struct tt_outside_file exe = {
		.path = process->exe,
		.ino = process->exe_ino,
		.dev = process->exe_dev,
		.mode = S_IFREG,
	};

	tt_outside_look(tracker->outside, process->key.pid, process->mnt_ns, &process->view);
	process->mnt_ns = process->view.mnt_ns;
	process->other_root = tt_outside_is_other_root(tracker->outside, &process->view);
	process->elsewhere = tt_outside_is_elsewhere(tracker->outside, &process->view);
	free(process->host_exe);
	process->host_exe = outside_name(tracker, process, &exe);
}

int tt_tracker_new(const struct tt_tracker_params *params, struct tt_tracker **ret)
{
	struct tt_tracker *tracker = calloc(1, sizeof(*tracker));
	struct tt_rows_params rows = {
		.batch = params->batch,
		.classifier = params->classifier,
		.procfs = params->procfs,
		.first_row_id = tt_store_next_row_id(params->store),
		.max_keys = params->max_keys,
		.named = tt_tracker_host_named,
		.named_arg = tracker,
		.inside = inside,
		.outside = outside,
		.arg = tracker,
	};
	int r;

	if (!tracker)
		return -ENOMEM;
	tracker->params = *params;
	r = tt_process_table_new(params->max_processes, tt_tracker_forgotten, tracker, &tracker->table);
	if (r == 0)
		r = tt_outside_new(params->procfs, tt_boot_ns, &tracker->outside);
	if (r == 0)
		r = tt_rows_new(&rows, &tracker->rows);
	if (r < 0) {
		tt_tracker_free(tracker);
		return r;
	}
	*ret = tracker;
	return 0;
}

void tt_tracker_free(struct tt_tracker *tracker)
{
	struct tt_tracker_slot *slot, *next_slot;
	struct tt_session *next;

	if (!tracker)
		return;
	tt_process_table_free(tracker->table);
	for (struct tt_session *session = tracker->sessions; session; session = next) {
		next = session->next;
		tt_tracker_session_free(session);
	}
	HASH_ITER (hh, tracker->slots, slot, next_slot) {
		HASH_DEL(tracker->slots, slot);
		free(slot);
	}
	tt_tracker_cgroups_free(tracker);
	tt_tracker_ledger_free(tracker);
	tt_tracker_files_free(tracker);
	tt_rows_free(tracker->rows);
	tt_outside_free(tracker->outside);
	free(tracker);
}

/* ---- slots */

struct tt_tracker_slot *tt_tracker_find_slot(const struct tt_tracker *tracker, uint64_t id)
{
	struct tt_tracker_slot *slot;

	HASH_FIND(hh, tracker->slots, &id, sizeof(id), slot);
	return slot;
}

struct tt_tracker_slot *tt_tracker_add_slot(struct tt_tracker *tracker, uint64_t id, enum tt_slot_state state,
					    uint64_t now_ns)
{
	struct tt_tracker_slot *slot = tt_tracker_find_slot(tracker, id);

	if (!slot) {
		slot = calloc(1, sizeof(*slot));
		if (!slot)
			return NULL;
		slot->id = id;
		HASH_ADD(hh, tracker->slots, id, sizeof(slot->id), slot);
	}
	slot->state = state;
	slot->since_ns = now_ns;
	tt_sensor_verdict(tracker->params.sensor, id, state != TT_SLOT_IGNORED);
	return slot;
}

/* A process that `run` is told to trace may have been watched already, by another slot. */
static void move_to_slot(struct tt_tracker *tracker, struct tt_process *process, struct tt_tracker_slot *slot,
			 uint64_t now_ns)
{
	struct tt_tracker_slot *before;

	if (process->slot == slot->id || process->ended_ns)
		return;
	before = tt_tracker_find_slot(tracker, process->slot);
	if (before && --before->living == 0)
		before->since_ns = now_ns;
	process->slot = slot->id;
	slot->living++;
}

struct tt_process *tt_tracker_obtain(struct tt_tracker *tracker, const struct tt_process_key *key,
				     struct tt_tracker_slot *slot, const struct tt_process_key *parent_key,
				     uint64_t now_ns)
{
	struct tt_process *process = tt_process_find(tracker->table, key), *parent;

	if (process) {
		move_to_slot(tracker, process, slot, now_ns);
		return process;
	}
	if (tt_process_was_forgotten(tracker->table, key))
		return NULL;
	if (tt_process_add(tracker->table, tracker->params.boot_id, key, &process) < 0) {
		tt_tracker_put_loss(tracker, "process", "table_full", 1, now_ns, slot->session, NULL);
		tt_tracker_mark_incomplete(tracker, slot->session);
		return NULL;
	}
	process->started_ns = key->start_ns;
	process->dirty = true;
	process->slot = slot->id;
	slot->living++;
	parent = parent_key ? tt_process_find(tracker->table, parent_key) : NULL;
	if (parent) {
		tt_tracker_inherit(process, parent);
		process->ppid = parent->key.pid;
	}
	if (parent && parent->session)
		tt_tracker_join(process, parent->session);
	else if (slot->state == TT_SLOT_TRACKED)
		tt_tracker_join(process, slot->session);
	return process;
}

static bool is_below(const char *path, const char *directory)
{
	size_t len = directory ? strlen(directory) : 0;

	return path && len > 0 && strncmp(path, directory, len) == 0 &&
	       (path[len] == '/' || path[len] == '\0');
}

/* An interpreter or helper of the agent's own, or something that it runs? */
static enum tt_role role_in(const struct tt_session *session, const struct tt_process *process,
			    const struct tt_identity *identity)
{
	if (tt_streq(process->exe, session->exe) && !identity->runtime)
		return TT_ROLE_RUNTIME;
	if (is_below(process->exe, session->install_path) ||
	    is_below(identity->script, session->install_path))
		return TT_ROLE_RUNTIME;
	return TT_ROLE_TOOL;
}

static bool is_root(const struct tt_process *process)
{
	return tt_process_key_equal(&process->session->root, &process->key);
}

static bool belongs_to_agent(const struct tt_process *process)
{
	return process && process->role != TT_ROLE_TOOL;
}

/* A coding agent was executed. Whose run is it? */
static void agent_executed(struct tt_tracker *tracker, struct tt_process *process,
			   const struct tt_event *event, struct tt_identity *identity)
{
	const struct tt_process *parent = tt_process_find(tracker->table, &event->exec.parent);
	struct tt_session *session = process->session;
	bool relaunch;

	if (session && !session->definition && session->command_run) {
		/* what `run` started turns out to be an agent, or to lead to one: it is called after it */
		process->role = TT_ROLE_AGENT;
		tt_tracker_name_session(tracker, session, process, identity);
		return;
	}
	/* the same agent again, started by itself and not by a tool: it restarts, or uses a helper process */
	relaunch = session && session->definition == identity->agent &&
		   (process->role == TT_ROLE_AGENT || belongs_to_agent(parent) ||
		    (parent && parent->session != session));
	if (relaunch) {
		if (process->role != TT_ROLE_AGENT)
			process->role = TT_ROLE_RUNTIME;
		else if (is_root(process))
			/* `env` became `node`: what it is known by is what it is now */
			tt_process_set(&session->exe, process->exe);
		return;
	}
	session = tt_tracker_add_session(tracker, process, process->session, event->time_ns);
	if (!session) {
		tt_tracker_account(tracker, -ENOMEM, process, TT_LOST_SESSION, 1, event->time_ns);
		return;
	}
	tt_tracker_join(process, session);
	process->role = TT_ROLE_AGENT;
	tt_tracker_name_session(tracker, session, process, identity);
}

/* ---- events */

static int handle_fork(struct tt_tracker *tracker, const struct tt_event *event)
{
	struct tt_tracker_slot *slot = tt_tracker_find_slot(tracker, event->slot);
	const struct tt_process *parent;
	struct tt_process *child;

	if (!slot || slot->state == TT_SLOT_IGNORED)
		return 0;
	parent = tt_process_find(tracker->table, &event->fork.parent);
	child = tt_tracker_obtain(tracker, &event->process, slot, &event->fork.parent, event->time_ns);
	if (!child)
		return 0;
	child->ppid = event->fork.ppid;
	child->uid = event->fork.uid;
	if (child->session) {
		/* what was missed of its parent's beginning is not its own */
		if (parent && (parent->attached || parent->probed_late))
			tt_tracker_judge_coverage(tracker, child);
		tt_tracker_put_process(tracker, child);
	}
	return 0;
}

/* What an exec changes in its process's entry. */
static void executed(struct tt_tracker *tracker, struct tt_process *process, const struct tt_event *event,
		     const struct tt_identity *identity)
{
	const struct tt_event_exec *exec = &event->exec;

	tt_process_set(&process->exe, exec->exe);
	tt_process_set(&process->cwd, exec->cwd);
	tt_process_set(&process->script, identity->script);
	free(process->argv);
	/* the words of a tool that an agent runs are not a prompt: only what this very exec is counts */
	process->argv = tt_identify_redact(tracker->params.identify, identity->agent, exec->argv,
					   event->flags & TT_EVF_ARGV_CUT);
	if (process->uid != exec->uid || !process->home) {
		free(process->home);
		process->home = NULL;
		tt_tracker_user(exec->uid, NULL, &process->home);
	}
	process->uid = exec->uid;
	process->ppid = exec->parent.pid;
	process->mnt_ns = exec->mnt_ns;
	process->exec_ns = event->time_ns;
	process->exe_ino = exec->exe_ino;
	process->exe_size = exec->exe_size;
	process->exe_dev = exec->exe_dev;
	process->dirty = true;
	if (process->cgroup_id != exec->cgroup_id || !process->cgroup)
		tt_tracker_learn_cgroup(tracker, process, exec->cgroup_id);
}

/* A row whose process has none yet would be refused. */
static int may_store(const struct tt_process *process)
{
	return process->stored ? 0 : -ENOSPC;
}

static void put_exec(struct tt_tracker *tracker, struct tt_process *process, const struct tt_event *event)
{
	struct tt_row_exec row = {
		.process_id = process->id,
		.seq = process->execs++,
		.exe = process->exe,
		.argv = process->argv,
		.script = process->script,
		.at_ns = tt_tracker_epoch(tracker, event->time_ns),
	};

	int r = may_store(process);

	tt_tracker_account(tracker, r < 0 ? r : tt_batch_exec(tracker->params.batch, &row), process,
			   TT_LOST_EXEC, 1, event->time_ns);
	if (r == 0)
		r = tt_rows_exec(tracker->rows, event, process, tracker->params.to_epoch_ns);
	tt_tracker_account(tracker, r, process, TT_LOST_FILE, 1, event->time_ns);
}

static int identify(struct tt_tracker *tracker, const struct tt_event *event, struct tt_identity *ret)
{
	const struct tt_event_exec *exec = &event->exec;
	_cleanup_free_ const char **names = calloc(exec->n_env + 1, sizeof(*names));
	struct tt_exec_facts facts = {
		.pid = event->process.pid,
		.exe = exec->exe,
		.exe_dev = exec->exe_dev,
		.exe_ino = exec->exe_ino,
		.exe_size = exec->exe_size,
		.filename = exec->filename,
		.interp = exec->interp,
		.cwd = exec->cwd,
		.argv = exec->argv,
		.env_names = names,
	};

	if (!names)
		return -ENOMEM;
	for (size_t i = 0; i < exec->n_env; i++)
		names[i] = exec->env[i].name;
	return tt_identify_exec(tracker->params.identify, &facts, ret);
}

/* The verdict on a candidate that was executed outside any watched tree. */
static struct tt_tracker_slot *judge(struct tt_tracker *tracker, const struct tt_event *event,
				     const struct tt_identity *identity)
{
	enum tt_slot_state state = TT_SLOT_IGNORED;

	if (identity->agent && !identity->agent->editor)
		state = TT_SLOT_TRACKED;
	else if (identity->agent || (identity->runtime && tt_streq(identity->runtime->kind, "electron")))
		state = TT_SLOT_WATCHED;
	tracker->stats.ignored += state == TT_SLOT_IGNORED;
	return tt_tracker_add_slot(tracker, event->slot, state, event->time_ns);
}

/* What `run` started begins with its first exec: before, it was telltale's own child that waited for the sensors. */
static void command_released(struct tt_process *process, uint64_t time_ns)
{
	struct tt_session *session = process->session;

	if (!session || !session->command_run || !is_root(process))
		return;
	process->started_ns = session->started_ns = time_ns;
	session->dirty = true;
}

/* A candidate that was executed before the verdict on what executed it has a slot of its own; by now that verdict is
 * known. Within a session the new slot is the session's, else it is judged by itself. */
static struct tt_tracker_slot *take_new_slot(struct tt_tracker *tracker, const struct tt_event *event,
					     const struct tt_identity *identity)
{
	struct tt_process *process = tt_process_find(tracker->table, &event->process);
	const struct tt_process *inside = process ? process
						  : tt_process_find(tracker->table, &event->exec.parent);
	struct tt_tracker_slot *slot;

	if (inside && inside->session) {
		slot = tt_tracker_add_slot(tracker, event->slot, TT_SLOT_TRACKED, event->time_ns);
		if (slot)
			slot->session = inside->session;
	} else {
		slot = judge(tracker, event, identity);
	}
	if (!slot || !process)
		return slot;
	move_to_slot(tracker, process, slot, event->time_ns);
	if (slot->state == TT_SLOT_IGNORED)
		tt_tracker_end(tracker, process, event->time_ns, TT_UNKNOWN_STATUS);
	return slot;
}

static int handle_exec(struct tt_tracker *tracker, const struct tt_event *event)
{
	_cleanup_(tt_identity_done) struct tt_identity identity = { 0 };
	struct tt_tracker_slot *slot = tt_tracker_find_slot(tracker, event->slot);
	struct tt_process *process;
	bool was_without, is_agent;
	int r;

	if (slot && slot->state == TT_SLOT_IGNORED)
		return 0;
	if (!slot && !(event->flags & TT_EVF_NEW_SLOT)) {
		/* the record that opened this slot is not known here (a slot of an earlier telltale) */
		tt_sensor_verdict(tracker->params.sensor, event->slot, false);
		return 0;
	}
	if (event->flags & TT_EVF_CANDIDATE) {
		r = identify(tracker, event, &identity);
		if (r < 0) {
			/* it counts as no agent: a slot without a verdict would report for ever */
			tt_identity_done(&identity);
			identity = (struct tt_identity){ 0 };
			tt_tracker_put_loss(tracker, "process", "identity", 1, event->time_ns,
					    slot ? slot->session : NULL, NULL);
		}
	}
	if (!slot) {
		slot = take_new_slot(tracker, event, &identity);
		if (!slot)
			return -ENOMEM;
		if (slot->state == TT_SLOT_IGNORED)
			return 0;
	}
	process = tt_tracker_obtain(tracker, &event->process, slot, &event->exec.parent, event->time_ns);
	if (!process)
		return 0;
	is_agent = identity.agent && !identity.agent->editor;
	was_without = !process->session;
	if (event->flags & TT_EVF_NEW_SLOT)
		process->attached = false; /* found running meanwhile, and yet seen from its beginning */
	if (!process->exec_ns)
		command_released(process, event->time_ns);
	executed(tracker, process, event, &identity);
	if (is_agent)
		agent_executed(tracker, process, event, &identity);
	else if (process->session && process->role != TT_ROLE_AGENT)
		process->role = role_in(process->session, process, &identity);
	else if (process->session && process->session->definition)
		process->role = role_in(process->session, process, &identity);
	if (!process->session)
		return 0;
	if (slot->state == TT_SLOT_TRACKED && !slot->session)
		slot->session = process->session;

	/* probes that the session's start puts in come before the judgement of what they cover */
	if (was_without && tracker->params.session_started)
		tracker->params.session_started(process->session, tracker->params.arg);
	process->env_direct = identity.runtime && identity.runtime->env_direct;
	tt_tracker_probe_program(tracker, process);
	tt_tracker_judge_coverage(tracker, process);
	if (!process->session->tty && is_root(process))
		process->session->tty = tt_tracker_tty_name(event->exec.tty);
	if (process->session->command_run && !process->session->definition && is_root(process)) {
		tt_process_set(&process->session->command, process->argv);
		tt_process_set(&process->session->cwd, process->cwd);
		tt_process_set(&process->session->exe, process->exe);
		process->session->dirty = true;
	}
	/* a session is stored before its processes, a process before its rows */
	if (process->session->dirty)
		tt_tracker_put_session(tracker, process->session);
	tt_tracker_put_process(tracker, process);
	put_exec(tracker, process, event);
	tt_tracker_put_environment(tracker, process, event);
	return 0;
}

/* wait(2) status word -> data-model.md's exit_status. */
static int exit_status(int status)
{
	return status & 0x7f ? 128 + (status & 0x7f) : (status >> 8) & 0xff;
}

static int handle_exit(struct tt_tracker *tracker, const struct tt_event *event)
{
	struct tt_tracker_slot *slot = tt_tracker_find_slot(tracker, event->slot);
	struct tt_process *process = tt_process_find(tracker->table, &event->process);

	tt_sensor_ended(tracker->params.sensor, &event->process);
	/* its fork was lost, and it did nothing that would have told of it */
	if (!process && slot && slot->state == TT_SLOT_TRACKED)
		process = tt_tracker_obtain(tracker, &event->process, slot, NULL, event->time_ns);
	if (!process)
		return 0;
	tt_tracker_end(tracker, process, event->time_ns, exit_status(event->exit.status));
	if (process->session && process->probed_late)
		tt_tracker_judge_coverage(tracker, process);
	return 0;
}

/* An editor's extension host gives itself away by the extension's files that it opens. */
static void look_for_extension(struct tt_tracker *tracker, const struct tt_event *event,
			       struct tt_tracker_slot *slot)
{
	_cleanup_(tt_identity_done) struct tt_identity identity = { 0 };
	struct tt_process *process = tt_tracker_obtain(tracker, &event->process, slot, NULL, event->time_ns);
	struct tt_session *session;

	if (!process || !event->file.path)
		return;
	identity.agent = tt_identify_extension(tracker->params.identify, event->file.path, &identity.version,
					       &identity.install_path);
	if (!identity.agent)
		return;
	session = tt_tracker_add_session(tracker, process, NULL, event->time_ns);
	if (!session)
		return;
	process->late = true;
	tt_tracker_join(process, session);
	process->role = TT_ROLE_AGENT;
	tt_tracker_name_session(tracker, session, process, &identity);
	if (tracker->params.session_started)
		tracker->params.session_started(session, tracker->params.arg);
	tt_tracker_probe_program(tracker, process);
	tt_tracker_judge_coverage(tracker, process);
	tt_tracker_put_session(tracker, session);
	tt_tracker_put_process(tracker, process);
}

/* A process that was forgotten has rows, and what still comes of it (the outcome of a connect whose socket another
 * process has as well) gets its own. Its entry does not come back: that would take its end from it. */
static struct tt_process *gone(struct tt_tracker *tracker, const struct tt_event *event,
			       const struct tt_tracker_slot *slot)
{
	tracker->gone =
		(struct tt_process){ .key = event->process, .session = slot->session, .stored = true };
	tt_process_id(tracker->params.boot_id, &event->process, &tracker->gone.id);
	return &tracker->gone;
}

/* The process whose activity this is, if it is to be recorded. */
static struct tt_process *actor(struct tt_tracker *tracker, const struct tt_event *event)
{
	struct tt_tracker_slot *slot = tt_tracker_find_slot(tracker, event->slot);
	struct tt_process *process;

	if (!slot || slot->state == TT_SLOT_IGNORED)
		return NULL;
	process = tt_process_find(tracker->table, &event->process);
	if (!process && tt_process_was_forgotten(tracker->table, &event->process))
		return gone(tracker, event, slot);
	if (!process || !process->session) {
		if (slot->state == TT_SLOT_WATCHED) {
			if (event->type == TT_EVENT_FILE)
				look_for_extension(tracker, event, slot);
			process = tt_process_find(tracker->table, &event->process);
		} else {
			process = tt_tracker_obtain(tracker, &event->process, slot, NULL, event->time_ns);
		}
	}
	if (!process || !process->session)
		return NULL;
	if (!process->stored)
		tt_tracker_put_process(tracker, process);
	return process;
}

/* Of operations that the kernel has aggregated nothing is lost yet when a record finds no room. */
static uint64_t lost_with(const struct tt_event *event)
{
	bool alone = event->flags & TT_EVF_UNAGGREGATED ||
		     (event->type == TT_EVENT_CONNECT && event->connect.sock_id);

	return alone ? event->count : 0;
}

static void put_failed_exec(struct tt_tracker *tracker, struct tt_process *process,
			    const struct tt_event *event)
{
	struct tt_row_exec row = {
		.process_id = process->id,
		.seq = process->execs++,
		.exe = event->file.spelling,
		.result = event->key.result,
		.at_ns = tt_tracker_epoch(tracker, event->first_ns),
	};
	int r = may_store(process);

	if (process == &tracker->gone)
		r = -ENOSPC; /* which number it has is not known any more */
	tt_tracker_account(tracker, r < 0 ? r : tt_batch_exec(tracker->params.batch, &row), process,
			   TT_LOST_EXEC, 1, event->time_ns);
}

static int handle_file(struct tt_tracker *tracker, const struct tt_event *event)
{
	struct tt_process *process = actor(tracker, event);
	int r;

	if (!process)
		return 0;
	if (process != &tracker->gone)
		tt_tracker_probe_libc(tracker, event, process);
	if (event->key.op == TT_OP_EXEC)
		put_failed_exec(tracker, process, event);
	r = may_store(process);
	if (r == 0)
		r = tt_rows_file(tracker->rows, event, process, tracker->params.to_epoch_ns);
	process->unscored = true;
	return tt_tracker_account(tracker, r, process, tt_tracker_lost_of(event->key.op), lost_with(event),
				  event->time_ns);
}

static int handle_connect(struct tt_tracker *tracker, const struct tt_event *event)
{
	struct tt_process *process = actor(tracker, event);
	int r;

	if (!process)
		return 0;
	r = may_store(process);
	if (r == 0)
		r = tt_rows_connection(tracker->rows, event, process, tracker->params.to_epoch_ns);
	process->unscored = true;
	return tt_tracker_account(tracker, r, process,
				  r == -ESTALE ? TT_LOST_OUTCOME : tt_tracker_lost_of(event->key.op),
				  lost_with(event), event->time_ns);
}

static int handle_flow(struct tt_tracker *tracker, const struct tt_event *event)
{
	return tt_rows_flow(tracker->rows, event, tracker->params.to_epoch_ns);
}

static int handle_payload(struct tt_tracker *tracker, const struct tt_event *event)
{
	struct tt_process *process = actor(tracker, event);
	int r;

	if (!process)
		return 0;
	r = may_store(process);
	if (r == 0)
		r = tt_rows_payload(tracker->rows, event, process, tracker->params.to_epoch_ns);
	return tt_tracker_account(tracker, r, process, TT_LOST_NAME, 1, event->time_ns);
}

static int handle_lookup(struct tt_tracker *tracker, const struct tt_event *event)
{
	struct tt_process *process = actor(tracker, event);
	int r;

	if (!process)
		return 0;
	r = may_store(process);
	if (event->flags & TT_EVF_USER_FAULT)
		r = -ENOSPC; /* nobody can say what was looked up */
	if (r == 0)
		r = tt_rows_lookup(tracker->rows, event, process, tracker->params.to_epoch_ns);
	return tt_tracker_account(tracker, r, process, TT_LOST_NAME, 1, event->time_ns);
}

static int handle_env(struct tt_tracker *tracker, const struct tt_event *event)
{
	struct tt_process *process = actor(tracker, event);
	int r;

	if (!process)
		return 0;
	if (event->flags & TT_EVF_USER_FAULT) {
		/* nobody can say what was looked up: a loss, whose count comes with the process's last total */
		process->lost = true;
		tt_tracker_mark_incomplete(tracker, process->session);
		if (event->flags & TT_EVF_UNAGGREGATED)
			tt_tracker_put_loss(tracker, "env", "env_lookup", event->count, event->time_ns,
					    process->session, process);
		return 0;
	}
	r = may_store(process);
	if (r == 0)
		r = tt_rows_env(tracker->rows, event, process, tracker->params.to_epoch_ns);
	process->unscored = true;
	return tt_tracker_account(tracker, r, process, TT_LOST_ENV, lost_with(event), event->time_ns);
}

enum tt_lost tt_tracker_lost_of(uint16_t op)
{
	switch (op) {
	case TT_OP_ENV:
		return TT_LOST_ENV;
	case TT_OP_CONNECT:
	case TT_OP_SEND:
	case TT_OP_LISTEN:
	case TT_OP_ACCEPT:
		return TT_LOST_CONNECTION;
	case TT_OP_BYTES:
	case TT_OP_MMAP:
		return TT_LOST_FILE_BYTES;
	case TT_OP_SENT:
	case TT_OP_RECEIVED:
		return TT_LOST_BYTES;
	default:
		return TT_LOST_FILE;
	}
}

/* An operation whose name has not arrived, and that was not repeated since (which would send it again). */
static bool is_stuck(const struct tt_tracker *tracker, const struct tt_event *event)
{
	return event->type == TT_EVENT_TOTAL && !event->sent && event->last_ns < tracker->last_tick_ns;
}

static int handle_count(struct tt_tracker *tracker, const struct tt_event *event)
{
	struct tt_process *process;
	uint64_t lost;
	bool known = tt_rows_count(tracker->rows, event, tracker->params.to_epoch_ns, &lost);

	if (!known && event->final)
		lost = event->count; /* its name never arrived: these operations have no row */
	if (!lost && (known || !is_stuck(tracker, event)))
		return 0;
	/* of a process whose fork still waits in the ring: made here it would have no parent, and there is nothing to
	 * account for yet */
	if (!lost && !tt_process_find(tracker->table, &event->process))
		return 0;
	process = actor(tracker, event);
	if (!process)
		return 0;
	return tt_tracker_account(tracker, -ENOSPC, process, tt_tracker_lost_of(event->key.op), lost,
				  event->last_ns);
}

static int handle_note(struct tt_tracker *tracker, const struct tt_event *event)
{
	struct tt_process *process = actor(tracker, event);

	if (!process)
		return 0;
	if (event->note.note == TT_NOTE_IO_URING && !process->io_uring && process != &tracker->gone) {
		process->io_uring = event->note.value ? TT_RING_OPENS_SEEN : TT_RING_UNSEEN;
		tt_tracker_judge_coverage(tracker, process);
	} else if (event->note.note == TT_NOTE_X32) {
		tt_tracker_put_loss(tracker, "file", "x32_call", 1, event->time_ns, process->session,
				    process);
		process->lost = true;
		tt_tracker_mark_incomplete(tracker, process->session);
	}
	return 0;
}

struct slot_sessions {
	struct tt_tracker *tracker;
	const struct tt_tracker_slot *slot;
	struct tt_session *any; /* NULL: the slot has no session */
	bool several;
};

/* An agent inside an agent, and one in an editor, shares its slot: what the slot lost may be anybody's. */
static int concern_session(struct tt_process *process, void *arg)
{
	struct slot_sessions *sessions = arg;

	if (!process->session || process->slot != sessions->slot->id)
		return 0;
	sessions->several |= sessions->any && sessions->any != process->session;
	sessions->any = process->session;
	tt_tracker_mark_incomplete(sessions->tracker, process->session);
	return 0;
}

static int handle_loss(struct tt_tracker *tracker, const struct tt_event *event)
{
	struct tt_tracker_slot *slot = event->slot ? tt_tracker_find_slot(tracker, event->slot) : NULL;
	struct slot_sessions sessions = { .tracker = tracker, .slot = slot };
	struct tt_session *session;

	if (slot && slot->state == TT_SLOT_IGNORED)
		return 0;
	if (slot)
		tt_process_each(tracker->table, concern_session, &sessions);
	if (slot && slot->state == TT_SLOT_WATCHED && !sessions.any)
		return 0; /* an editor's own */
	/* of several sessions nobody knows whose it is: it is booked on none, and shown with each */
	session = sessions.several ? NULL : sessions.any ? sessions.any : slot ? slot->session : NULL;
	tracker->fork_lost |= tt_streq(event->loss.sensor, "process") && tt_streq(event->loss.kind, "fork");
	tt_tracker_put_loss_between(tracker, event->loss.sensor, event->loss.kind, event->loss.count,
				    event->first_ns ? event->first_ns : event->time_ns, event->time_ns,
				    session, NULL);
	if (!sessions.any)
		tt_tracker_mark_incomplete(tracker, session);
	return 0;
}

int tt_tracker_event(const struct tt_event *event, void *arg)
{
	static int (*const handlers[])(struct tt_tracker * tracker, const struct tt_event *event) = {
		[TT_EVENT_FORK] = handle_fork,	     [TT_EVENT_EXEC] = handle_exec,
		[TT_EVENT_EXIT] = handle_exit,	     [TT_EVENT_FILE] = handle_file,
		[TT_EVENT_CONNECT] = handle_connect, [TT_EVENT_ENV] = handle_env,
		[TT_EVENT_COUNT] = handle_count,     [TT_EVENT_TOTAL] = handle_count,
		[TT_EVENT_NOTE] = handle_note,	     [TT_EVENT_LOSS] = handle_loss,
		[TT_EVENT_FLOW] = handle_flow,	     [TT_EVENT_PAYLOAD] = handle_payload,
		[TT_EVENT_LOOKUP] = handle_lookup,   [TT_EVENT_LOOKUP_DONE] = handle_lookup,
	};

	return handlers[event->type](arg, event);
}

/* ---- from outside */

bool tt_tracker_is_root(const struct tt_tracker *tracker, const struct tt_process_key *key)
{
	const struct tt_process *process = tt_process_find(tracker->table, key);

	return process && process->session && is_root(process);
}

int tt_tracker_command(struct tt_tracker *tracker, uint64_t slot_id, const struct tt_process_key *key,
		       uint32_t ppid, uint32_t uid, const char *name, const struct tt_session **ret)
{
	struct tt_tracker_slot *slot = tt_tracker_add_slot(tracker, slot_id, TT_SLOT_TRACKED, key->start_ns);
	struct tt_session *session;
	struct tt_process *process;

	if (!slot)
		return -ENOMEM;
	process = tt_tracker_obtain(tracker, key, slot, NULL, key->start_ns);
	if (!process)
		return -ENOSPC;
	process->ppid = ppid;
	process->uid = uid;
	session = tt_tracker_add_session(tracker, process, process->session, key->start_ns);
	if (!session)
		return -ENOMEM;
	session->command_run = true;
	slot->session = session;
	tt_tracker_join(process, session);
	if (tt_process_set(&session->agent, name ? name : "(command)") < 0)
		return -ENOMEM;
	tt_tracker_put_session(tracker, session);
	tt_tracker_put_process(tracker, process);
	*ret = session;
	return 0;
}

void tt_tracker_refused(struct tt_tracker *tracker, uint64_t rows)
{
	tracker->stats.rows_lost += rows;
	tt_tracker_put_loss(tracker, "store", "rows", rows, tracker->last_tick_ns, NULL, NULL);
	tt_tracker_mark_incomplete(tracker, NULL);
}

void tt_tracker_set_epoch(struct tt_tracker *tracker, int64_t to_epoch_ns)
{
	tracker->params.to_epoch_ns = to_epoch_ns;
}

bool tt_tracker_is_busy(const struct tt_tracker *tracker)
{
	return tracker->slots || tracker->sessions;
}

void tt_tracker_get_stats(const struct tt_tracker *tracker, struct tt_tracker_stats *ret)
{
	*ret = tracker->stats;
	ret->evicted = tt_process_evicted(tracker->table);
	for (const struct tt_session *session = tracker->sessions; session; session = session->next) {
		ret->sessions += !session->ended_ns;
		ret->processes += session->living;
	}
}

struct living {
	const struct tt_session *session;
	int (*fn)(const struct tt_process *process, void *arg);
	void *arg;
};

static int if_living(struct tt_process *process, void *arg)
{
	const struct living *living = arg;

	return process->session == living->session && !process->ended_ns ? living->fn(process, living->arg)
									 : 0;
}

int tt_tracker_each_living(struct tt_tracker *tracker, const struct tt_session *session,
			   int (*fn)(const struct tt_process *process, void *arg), void *arg)
{
	struct living living = { .session = session, .fn = fn, .arg = arg };

	return tt_process_each(tracker->table, if_living, &living);
}
