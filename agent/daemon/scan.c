/* SPDX-License-Identifier: Apache-2.0 */
/* Agents that ran before telltale did: found in the list of tasks, bound together with their living descendants.
 *
 * The hooks are attached already, so nothing falls between: whoever starts an agent now is seen by its exec.
 * A descendant whose parent has ended hangs below init and cannot be linked; it is not recorded. */
#include <errno.h>

#include "config/config.h"
#include "daemon/tracker_internal.h"
#include "process/identify.h"
#include "process/procfs.h"
#include "process/redact.h"
#include "util/util.h"

#define ARGV_BYTES_MAX 4096

struct found {
	struct tt_iter_task task;
	struct tt_identity identity; /* agent NULL: none */
	size_t parent; /* index, or SIZE_MAX */
	bool below; /* an agent, or below one */
	bool bound;
};

struct scan {
	struct tt_tracker *tracker;
	struct found *found;
	size_t n, cap;
	struct tt_tracker_slot *slot; /* being bound */
	size_t *chain; /* room for a process's ancestors */
};

static int add_task(const struct tt_iter_task *task, void *arg)
{
	struct scan *scan = arg;

	if (scan->n == scan->cap) {
		size_t cap = scan->cap ? scan->cap * 2 : 512;
		struct found *found = realloc(scan->found, cap * sizeof(*found));

		if (!found)
			return -ENOMEM;
		scan->found = found;
		scan->cap = cap;
	}
	scan->found[scan->n++] = (struct found){ .task = *task, .parent = SIZE_MAX };
	return 0;
}

/* argv as NULL-terminated pointers into *text; both malloc'd. */
static int read_argv(struct tt_procfs *fs, uint32_t pid, char **ret_text, const char ***ret_argv)
{
	const char **argv;
	char *text = NULL;
	size_t len = 0, argc = 0;
	int r = tt_procfs_cmdline(fs, pid, ARGV_BYTES_MAX, &text, &len);

	if (r < 0)
		return r;
	argv = calloc(len + 2, sizeof(*argv));
	if (!argv) {
		free(text);
		return -ENOMEM;
	}
	for (size_t at = 0; at < len; at += strlen(text + at) + 1)
		argv[argc++] = text + at;
	*ret_text = text;
	*ret_argv = argv;
	return 0;
}

static void identify(struct scan *scan, struct found *found)
{
	struct tt_procfs *fs = scan->tracker->params.procfs;
	uint32_t pid = found->task.pid;
	_cleanup_free_ char *exe = NULL, *cwd = NULL, *text = NULL;
	_cleanup_free_ const char **argv = NULL;
	struct tt_exec_facts facts = { .pid = pid, .running = true };

	/* a process that goes away meanwhile is no agent that runs */
	if (tt_procfs_exe(fs, pid, &exe) < 0 || read_argv(fs, pid, &text, &argv) < 0)
		return;
	tt_procfs_cwd(fs, pid, &cwd);
	facts.exe = exe;
	facts.filename = exe;
	facts.cwd = cwd;
	facts.argv = argv;
	tt_identify_exec(scan->tracker->params.identify, &facts, &found->identity);
}

static void link_parents(struct scan *scan)
{
	for (size_t i = 0; i < scan->n; i++) {
		for (size_t k = 0; k < scan->n; k++) {
			if (scan->found[k].task.pid == scan->found[i].task.ppid &&
			    scan->found[k].task.start_ns == scan->found[i].task.parent_start_ns)
				scan->found[i].parent = k;
		}
	}
}

static bool is_agent(const struct found *found)
{
	return found->identity.agent && !found->identity.agent->editor;
}

/* The outermost agent above (or at) i; SIZE_MAX if there is none. */
static size_t outermost(const struct scan *scan, size_t i)
{
	size_t root = SIZE_MAX;

	for (size_t at = i, steps = 0; at != SIZE_MAX && steps <= scan->n;
	     at = scan->found[at].parent, steps++) {
		if (is_agent(&scan->found[at]))
			root = at;
	}
	return root;
}

static struct found *find_task(struct scan *scan, uint32_t pid, uint64_t start_ns)
{
	for (size_t i = 0; i < scan->n; i++) {
		if (scan->found[i].task.pid == pid && scan->found[i].task.start_ns == start_ns)
			return &scan->found[i];
	}
	return NULL;
}

/* What an exec record would have told. */
static void describe(struct scan *scan, struct tt_process *process, struct found *found)
{
	struct tt_procfs *fs = scan->tracker->params.procfs;
	_cleanup_free_ char *text = NULL;
	_cleanup_free_ const char **argv = NULL;
	char *fresh = NULL;

	if (tt_procfs_exe(fs, process->key.pid, &fresh) == 0) {
		free(process->exe);
		process->exe = TAKE_PTR(fresh);
	}
	if (tt_procfs_cwd(fs, process->key.pid, &fresh) == 0) {
		free(process->cwd);
		process->cwd = TAKE_PTR(fresh);
	}
	if (read_argv(fs, process->key.pid, &text, &argv) == 0) {
		free(process->argv);
		process->argv = tt_identify_redact(scan->tracker->params.identify,
						   found && is_agent(found) ? found->identity.agent : NULL,
						   argv, false);
	}
	if (found)
		tt_process_set(&process->script, found->identity.script);
	process->env_direct = found && found->identity.runtime && found->identity.runtime->env_direct;
}

/* A process of ours, behind its ancestors; called for threads as well. */
static int bound(const struct tt_iter_task *task, void *arg)
{
	struct scan *scan = arg;
	struct tt_tracker *tracker = scan->tracker;
	struct tt_process_key key = { .start_ns = task->start_ns, .pid = task->pid },
			      parent_key = { .start_ns = task->parent_start_ns, .pid = task->ppid };
	struct found *found = find_task(scan, task->pid, task->start_ns);
	struct tt_session *session;
	struct tt_process *process;
	bool agent = found && is_agent(found);

	if (tt_process_find(tracker->table, &key))
		return 0;
	process = tt_tracker_obtain(tracker, &key, scan->slot, &parent_key, task->start_ns);
	if (!process)
		return 0;
	process->ppid = task->ppid;
	process->uid = task->uid;
	process->attached = true;
	process->exec_ns = task->start_ns;
	describe(scan, process, found);
	tt_process_set(&process->home, NULL); /* its parent's, so far */
	tt_tracker_user(process->uid, NULL, &process->home);
	if (agent && process->session && process->session->definition == found->identity.agent &&
	    process->role != TT_ROLE_TOOL) {
		process->role = TT_ROLE_RUNTIME;
	} else if (agent) {
		session = tt_tracker_add_session(tracker, process, process->session, task->start_ns);
		if (!session)
			return -ENOMEM;
		tt_tracker_join(process, session);
		process->role = TT_ROLE_AGENT;
		tt_tracker_name_session(tracker, session, process, &found->identity);
		if (!scan->slot->session)
			scan->slot->session = session;
		if (tracker->params.session_started)
			tracker->params.session_started(session, tracker->params.arg);
		tt_tracker_put_session(tracker, session);
	} else if (process->session) {
		process->role = TT_ROLE_TOOL;
	}
	if (!process->session)
		return 0;
	tt_tracker_probe_program(tracker, process);
	tt_tracker_judge_coverage(tracker, process);
	tt_tracker_put_process(tracker, process);
	if (agent)
		tt_tracker_read_environment(tracker, process, process->started_ns);
	return 0;
}

/* They come in the order of pids, which begin anew: so a child may come before its parent, through which it finds its session.
 * Its ancestors are bound first then. */
static int bound_at_last(const struct tt_iter_task *task, void *arg)
{
	struct scan *scan = arg;
	const struct found *found = find_task(scan, task->pid, task->start_ns);
	size_t at = found ? found->parent : SIZE_MAX, n = 0;
	int r = 0;

	for (; at != SIZE_MAX && n < scan->n; at = scan->found[at].parent) {
		struct tt_process_key key = { .start_ns = scan->found[at].task.start_ns,
					      .pid = scan->found[at].task.pid };

		if (tt_process_find(scan->tracker->table, &key))
			break;
		scan->chain[n++] = at;
	}
	/* the root is known, so that one that leads elsewhere is nobody's of this tree */
	if (at == SIZE_MAX)
		n = 0;
	while (r == 0 && n > 0)
		r = bound(&scan->found[scan->chain[--n]].task, scan);
	return r < 0 ? r : bound(task, scan);
}

static int bind_tree(struct scan *scan, size_t root)
{
	_cleanup_free_ uint32_t *pids = calloc(scan->n, sizeof(*pids));
	_cleanup_free_ size_t *chain = calloc(scan->n, sizeof(*chain));
	struct tt_sensor *sensor = scan->tracker->params.sensor;
	uint64_t slot_id = 0;
	size_t n = 0;
	int r;

	if (!pids || !chain)
		return -ENOMEM;
	scan->chain = chain;
	for (size_t i = 0; i < scan->n; i++) {
		if (outermost(scan, i) == root)
			pids[n++] = scan->found[i].task.pid;
	}
	r = sensor->ops->slot(sensor, &slot_id);
	if (r < 0)
		return r;
	scan->slot = tt_tracker_add_slot(scan->tracker, slot_id, TT_SLOT_TRACKED,
					 scan->found[root].task.start_ns);
	if (!scan->slot)
		return -ENOMEM;
	/* the root first, whatever its number: the others find their session through it */
	r = bound(&scan->found[root].task, scan);
	if (r < 0)
		return r;
	r = sensor->ops->attach(sensor, slot_id, pids, n, bound_at_last, scan);
	if (r == -EAGAIN) {
		tt_tracker_put_loss(scan->tracker, "process", "attach_incomplete", 1,
				    scan->found[root].task.start_ns, scan->slot->session, NULL);
		tt_tracker_mark_incomplete(scan->tracker, scan->slot->session);
		r = 0;
	}
	return r;
}

int tt_tracker_scan(struct tt_tracker *tracker, unsigned *ret_found)
{
	struct scan scan = { .tracker = tracker };
	struct tt_sensor *sensor = tracker->params.sensor;
	int r;

	*ret_found = 0;
	r = sensor->ops->list(sensor, add_task, &scan);
	for (size_t i = 0; r == 0 && i < scan.n; i++)
		identify(&scan, &scan.found[i]);
	if (r == 0)
		link_parents(&scan);
	for (size_t i = 0; r == 0 && i < scan.n; i++) {
		struct tt_process_key key = { .start_ns = scan.found[i].task.start_ns,
					      .pid = scan.found[i].task.pid };

		if (!is_agent(&scan.found[i]) || outermost(&scan, i) != i ||
		    tt_process_find(tracker->table, &key))
			continue;
		r = bind_tree(&scan, i);
		*ret_found += r == 0;
	}
	for (size_t i = 0; i < scan.n; i++)
		tt_identity_done(&scan.found[i].identity);
	free(scan.found);
	return r;
}
