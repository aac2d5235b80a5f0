/* SPDX-License-Identifier: Apache-2.0 */
/* Aggregated rows: turns file, environment and connection events into rows, and counts into new counts.
 *
 * The kernel aggregates by key; this remembers which row a key became. A key's total from the map is exact and
 * replaces what was counted from events; operations that the kernel could not aggregate are added to it.
 * After a rename the same key may come with another path: a new row then counts from there on. */
#ifndef TT_DAEMON_ROWS_H
#define TT_DAEMON_ROWS_H

#include "daemon/batch.h"
#include "daemon/connections.h"
#include "process/table.h"
#include "sensor/event.h"
#include "util/util.h"

struct tt_classifier;
struct tt_inside;
struct tt_rows;

struct tt_rows_params {
	struct tt_batch *batch;
	const struct tt_classifier *classifier;
	struct tt_procfs *procfs; /* through which /etc/hosts is read; NULL: it is not */
	uint64_t first_row_id;
	/* what a file is to another process (inside.h); NULL: not asked. arg is its last argument */
	void (*inside)(const struct tt_event *event, const struct tt_process *process, struct tt_inside *ret,
		       void *arg);
	/* what a file is called on the host (process/outside.h), malloc'd; NULL: not asked. arg is its last argument */
	char *(*outside)(const struct tt_event *event, const struct tt_process *process, void *arg);
	void *arg;
	unsigned max_keys; /* of unaggregated operations that are remembered; beyond, each becomes a row */
	tt_host_named_fn named; /* NULL: nobody wants to know */
	void *named_arg;
};

int tt_rows_new(const struct tt_rows_params *params, struct tt_rows **ret);
void tt_rows_free(struct tt_rows *rows);

/* Next free row id: losses share the numbering. */
uint64_t tt_rows_next_id(struct tt_rows *rows);

/* to_epoch_ns: what to add to boot time. -ENOSPC: the batch is full. Operations that the kernel has counted come back
 * with their key's totals; unaggregated ones (and TCP connects) are lost then. */
int tt_rows_file(struct tt_rows *rows, const struct tt_event *event, const struct tt_process *process,
		 int64_t to_epoch_ns);
int tt_rows_env(struct tt_rows *rows, const struct tt_event *event, const struct tt_process *process,
		int64_t to_epoch_ns);
/* -ESTALE: the batch is full; the attempt has its row, only its outcome is lost. */
int tt_rows_connection(struct tt_rows *rows, const struct tt_event *event, const struct tt_process *process,
		       int64_t to_epoch_ns);
/* What a TCP connection has carried; bytes that may name the other end, or be a name server's. */
int tt_rows_flow(struct tt_rows *rows, const struct tt_event *event, int64_t to_epoch_ns);
int tt_rows_payload(struct tt_rows *rows, const struct tt_event *event, const struct tt_process *process,
		    int64_t to_epoch_ns);
/* A call of getaddrinfo(3), and what it found. */
int tt_rows_lookup(struct tt_rows *rows, const struct tt_event *event, const struct tt_process *process,
		   int64_t to_epoch_ns);
/* A variable handed over at exec. */
int tt_rows_env_handed(struct tt_rows *rows, const struct tt_env_entry *entry,
		       const struct tt_process *process, int64_t at_ns);
/* An executed file, as a file access of its own (op exec). */
int tt_rows_exec(struct tt_rows *rows, const struct tt_event *event, const struct tt_process *process,
		 int64_t to_epoch_ns);
/* COUNT and TOTAL. Returns 1 if the key is known (and so accounted for), 0 if it is not. *ret_lost: operations of a
 * final total that found no room. */
int tt_rows_count(struct tt_rows *rows, const struct tt_event *event, int64_t to_epoch_ns,
		  uint64_t *ret_lost);

/* Operations that were counted, and whose row could not be brought up to date before it was forgotten. */
typedef void (*tt_rows_lost_fn)(const struct tt_agg_key *key, uint64_t count, void *arg);

/* Puts counts that found no room before, and forgets operations that only user space counted (and connects without
 * an answer) of processes that are not in the table any more; table NULL: everything. Costs a walk over what is
 * remembered, when there is something to do. */
void tt_rows_settle(struct tt_rows *rows, const struct tt_process_table *table, int64_t to_epoch_ns,
		    tt_rows_lost_fn lost, void *arg);

TT_DEFINE_CLEANUP(struct tt_rows *, tt_rows_free)

#endif
