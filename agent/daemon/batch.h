/* SPDX-License-Identifier: Apache-2.0 */
/* Rows on their way into the store.
 *
 * Keeps copies until they are committed, because a batch that fails (disk full, locked) is undone as a
 * whole and has to be put again. Bounded: beyond TT_BATCH_BYTES_MAX new rows are refused; each one is counted
 * by the caller as lost. Writes in the order of arrival. */
#ifndef TT_DAEMON_BATCH_H
#define TT_DAEMON_BATCH_H

#include <stddef.h>

#include "store/store.h"

/* A minute of a busy agent; a disk that stays full for longer costs rows. */
#define TT_BATCH_BYTES_MAX (16u << 20)

struct tt_batch;

int tt_batch_new(struct tt_store *store, struct tt_batch **ret);
void tt_batch_free(struct tt_batch *batch); /* what was not flushed is dropped */

/* Each copies the row. -ENOSPC: full; -ENOMEM. */
int tt_batch_host(struct tt_batch *batch, const struct tt_row_host *row);
int tt_batch_session(struct tt_batch *batch, const struct tt_row_session *row);
int tt_batch_process(struct tt_batch *batch, const struct tt_row_process *row);
int tt_batch_exec(struct tt_batch *batch, const struct tt_row_exec *row);
int tt_batch_file(struct tt_batch *batch, const struct tt_row_file *row);
int tt_batch_env(struct tt_batch *batch, const struct tt_row_env *row);
int tt_batch_connection(struct tt_batch *batch, const struct tt_row_connection *row);
int tt_batch_name(struct tt_batch *batch, const struct tt_row_name *row);
int tt_batch_access(struct tt_batch *batch, const struct tt_row_access *row);
int tt_batch_loss(struct tt_batch *batch, const struct tt_row_loss *row);
int tt_batch_risk(struct tt_batch *batch, const struct tt_row_risk *row);
/* New counts of a row that was put before. */
int tt_batch_counts(struct tt_batch *batch, const struct tt_row_counts *row);

size_t tt_batch_rows(const struct tt_batch *batch);
size_t tt_batch_bytes(const struct tt_batch *batch);

/* Writes and commits everything. On error everything stays for the next try; tt_store_error() says why.
 * *ret_refused is increased by the rows that the store refused for themselves: they are gone. */
int tt_batch_flush(struct tt_batch *batch, uint64_t *ret_refused);

#endif
