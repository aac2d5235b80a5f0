/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger of losses on its way into the store.
 *
 * Losses are merged by what, of which session and process, until the next tick: a thousand operations of one kind
 * that a process lost in a second are one row. What finds no room in the batch waits for the next tick. Bounded: beyond
 * LEDGER_MAX open accounts a loss is booked on its session, beyond twice that on the host. */
#include <errno.h>
#include <limits.h>

#include "daemon/tracker_internal.h"

#define LEDGER_MAX 1024

struct account {
	char sensor[24], kind[24];
	struct tt_id session, process;
};

struct tt_tracker_loss {
	struct account account;
	uint64_t count, from_ns, to_ns; /* boot time */
	UT_hash_handle hh;
};

static struct tt_tracker_loss *find_or_add(struct tt_tracker *tracker, const struct account *account,
					   unsigned max)
{
	struct tt_tracker_loss *loss;

	HASH_FIND(hh, tracker->ledger, account, sizeof(*account), loss);
	if (loss || HASH_COUNT(tracker->ledger) >= max)
		return loss;
	loss = calloc(1, sizeof(*loss));
	if (!loss)
		return NULL;
	loss->account = *account;
	loss->from_ns = UINT64_MAX;
	HASH_ADD(hh, tracker->ledger, account, sizeof(loss->account), loss);
	return loss;
}

void tt_tracker_put_loss(struct tt_tracker *tracker, const char *sensor, const char *kind, uint64_t count,
			 uint64_t at_ns, const struct tt_session *session, const struct tt_process *process)
{
	tt_tracker_put_loss_between(tracker, sensor, kind, count, at_ns, at_ns, session, process);
}

void tt_tracker_put_loss_between(struct tt_tracker *tracker, const char *sensor, const char *kind,
				 uint64_t count, uint64_t from_ns, uint64_t to_ns,
				 const struct tt_session *session, const struct tt_process *process)
{
	struct account account = { 0 };
	struct tt_tracker_loss *loss;

	snprintf(account.sensor, sizeof(account.sensor), "%s", sensor);
	snprintf(account.kind, sizeof(account.kind), "%s", kind);
	if (session)
		account.session = session->id;
	if (process)
		account.process = process->id;
	loss = find_or_add(tracker, &account, LEDGER_MAX);
	if (!loss) {
		account.process = (struct tt_id){ 0 };
		loss = find_or_add(tracker, &account, 2 * LEDGER_MAX);
	}
	if (!loss) {
		account.session = (struct tt_id){ 0 };
		loss = find_or_add(tracker, &account, UINT_MAX);
	}
	if (!loss)
		return; /* without memory nothing can be said any more */
	loss->count += count;
	if (from_ns < loss->from_ns)
		loss->from_ns = from_ns;
	if (to_ns > loss->to_ns)
		loss->to_ns = to_ns;
}

void tt_tracker_tell_losses(struct tt_tracker *tracker)
{
	struct tt_tracker_loss *loss, *next;

	HASH_ITER (hh, tracker->ledger, loss, next) {
		struct tt_row_loss row = {
			.row_id = tt_rows_next_id(tracker->rows),
			.boot_id = tracker->params.boot_id,
			.sensor = loss->account.sensor,
			.kind = loss->account.kind,
			.count = loss->count,
			.from_ns = tt_tracker_epoch(tracker, loss->from_ns),
			.to_ns = tt_tracker_epoch(tracker, loss->to_ns),
			.session_id = loss->account.session,
			.process_id = loss->account.process,
		};

		if (tt_batch_loss(tracker->params.batch, &row) < 0)
			return;
		HASH_DEL(tracker->ledger, loss);
		free(loss);
	}
}

void tt_tracker_ledger_free(struct tt_tracker *tracker)
{
	struct tt_tracker_loss *loss, *next;

	HASH_ITER (hh, tracker->ledger, loss, next) {
		HASH_DEL(tracker->ledger, loss);
		free(loss);
	}
}

/* What a row that found no room was, for the ledger. */
static const struct {
	const char *sensor, *kind;
} rows[] = {
	[TT_LOST_FORK] = { "process", "fork" },
	[TT_LOST_EXEC] = { "process", "exec" },
	[TT_LOST_EXIT] = { "process", "exit" },
	[TT_LOST_SESSION] = { "process", "session" },
	[TT_LOST_FILE] = { "file", "file_access" },
	[TT_LOST_FILE_BYTES] = { "file", "file_bytes" },
	[TT_LOST_ENV] = { "env", "env_lookup" },
	[TT_LOST_HANDED] = { "env", "exec_environment" },
	[TT_LOST_CONNECTION] = { "net", "connection" },
	[TT_LOST_OUTCOME] = { "net", "connection_outcome" },
	[TT_LOST_NAME] = { "net", "name" },
	[TT_LOST_BYTES] = { "net", "connection_bytes" },
};

int tt_tracker_account(struct tt_tracker *tracker, int r, struct tt_process *process, enum tt_lost what,
		       uint64_t count, uint64_t at_ns)
{
	if (r == 0)
		return 0;
	if (r != -ENOSPC && r != -ENOMEM && r != -EBADMSG && r != -ESTALE)
		return r;
	tracker->stats.rows_lost++;
	if (process) {
		process->lost = true;
		tt_tracker_mark_incomplete(tracker, process->session);
	}
	if (count)
		tt_tracker_put_loss(tracker, rows[what].sensor, rows[what].kind, count, at_ns,
				    process ? process->session : NULL, process);
	return 0;
}
