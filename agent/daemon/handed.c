/* SPDX-License-Identifier: Apache-2.0 */
/* What a process was handed as its environment, by name; values only as far as env_filter lets them through. It comes with
 * the exec of a candidate; of other programs, and of those that ran before telltale, it is read from /proc. */
#include <errno.h>
#include <string.h>

#include "daemon/tracker_internal.h"
#include "process/procfs.h"
#include "util/util.h"

/* As much as an exec's record may have. */
#define ENV_BYTES_MAX (128u << 10)

static void put(struct tt_tracker *tracker, struct tt_process *process, const struct tt_env_entry *entry,
		uint64_t at_ns)
{
	int r = process->stored ? 0 : -ENOSPC; /* it would be refused */

	tt_tracker_env_given(tracker, process, entry);
	if (r == 0)
		r = tt_rows_env_handed(tracker->rows, entry, process, tt_tracker_epoch(tracker, at_ns));
	tt_tracker_account(tracker, r, process, TT_LOST_HANDED, 1, at_ns);
}

static void put_block(struct tt_tracker *tracker, struct tt_process *process, char *block, size_t len,
		      uint64_t at_ns)
{
	const struct tt_tracker_params *params = &tracker->params;

	for (size_t at = 0; at < len;) {
		char *string = block + at, kept[512], *equals = strchr(string, '=');
		struct tt_env_entry entry = { .name = string };

		at += strlen(string) + 1;
		if (!equals || equals == string)
			continue;
		*equals = '\0';
		if (params->env_filter(string, equals + 1, kept, sizeof(kept), params->env_filter_arg))
			entry.value = kept;
		put(tracker, process, &entry, at_ns);
	}
}

void tt_tracker_read_environment(struct tt_tracker *tracker, struct tt_process *process, uint64_t at_ns)
{
	const struct tt_tracker_params *params = &tracker->params;
	_cleanup_free_ char *block = NULL;
	size_t len = 0;

	if (!params->env_filter ||
	    tt_procfs_environ(params->procfs, process->key.pid, ENV_BYTES_MAX, &block, &len) < 0)
		return;
	/* of a program that it has executed since then it would be another one */
	if (tt_tracker_still_runs(tracker, process))
		put_block(tracker, process, block, len, at_ns);
	explicit_bzero(block, len);
}

void tt_tracker_put_environment(struct tt_tracker *tracker, struct tt_process *process,
				const struct tt_event *event)
{
	const struct tt_event_exec *exec = &event->exec;
	bool unseen = tracker->params.uprobe &&
		      (process->env_direct ||
		       tt_uprobe_is_beyond_probes(tracker->params.uprobe, &process->exe_id));

	/* a tool's is much the same as that of whoever runs it, but evidence where no look-up can be seen */
	if (process->role == TT_ROLE_TOOL && !process->session->command_run && !unseen)
		return;
	if (!(event->flags & TT_EVF_CANDIDATE) && unseen)
		tt_tracker_read_environment(tracker, process, event->time_ns);
	for (size_t i = 0; i < exec->n_env; i++)
		put(tracker, process, &exec->env[i], event->time_ns);
	if (event->flags & TT_EVF_ENV_CUT) {
		tt_tracker_put_loss(tracker, "env", "exec_environment_cut", 1, event->time_ns,
				    process->session, process);
		process->lost = true;
		tt_tracker_mark_incomplete(tracker, process->session);
	}
}
