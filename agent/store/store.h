/* SPDX-License-Identifier: Apache-2.0 */
/* The database: one writer, many readers. The only user of sqlite3 (with query.h).
 *
 * A writer batches: begin, any number of puts, commit. Nothing is visible to readers, or survives a
 * crash, before commit. Errors: negative errno; the message of the last failure, one line saying
 * what, where and what to do, is at tt_store_error(). */
#ifndef TT_STORE_STORE_H
#define TT_STORE_STORE_H

#include <stddef.h>

#include "telltale/record.h"

struct tt_store;

/* Opens the database for writing, creating it (mode 0600) and its schema, or migrating an older one.
 * Takes a lock so that there is one writer. On failure *ret_message (may be NULL) is a malloc'd line.
 *   -EACCES/-EROFS  cannot be written        -EBUSY  another telltale writes it
 *   -ENOTSUP        made by a newer telltale -EUCLEAN corrupt or not a database: left untouched
 *   -ENOSPC         disk full */
int tt_store_open(const char *path, struct tt_store **ret, char **ret_message);
void tt_store_free(struct tt_store *store); /* rolls back an open batch; NULL is fine */

const char *tt_store_path(const struct tt_store *store);
const char *tt_store_error(const struct tt_store *store);

/* First row_id that is free for aggregated rows and losses. */
uint64_t tt_store_next_row_id(const struct tt_store *store);

int tt_store_begin(struct tt_store *store);
/* -ENOSPC, -EROFS, -EIO, -EBUSY: the batch stays open and may be committed again later. */
int tt_store_commit(struct tt_store *store);
void tt_store_rollback(struct tt_store *store);

/* Insert or update by key: id, (process_id, seq) or row_id. */
int tt_store_put_host(struct tt_store *store, const struct tt_row_host *row);
int tt_store_put_session(struct tt_store *store, const struct tt_row_session *row);
int tt_store_put_process(struct tt_store *store, const struct tt_row_process *row);
int tt_store_put_exec(struct tt_store *store, const struct tt_row_exec *row);
int tt_store_put_file(struct tt_store *store, const struct tt_row_file *row);
int tt_store_put_env(struct tt_store *store, const struct tt_row_env *row);
int tt_store_put_connection(struct tt_store *store, const struct tt_row_connection *row);
int tt_store_put_loss(struct tt_store *store, const struct tt_row_loss *row);
int tt_store_put_risk(struct tt_store *store, const struct tt_row_risk *row);

/* What a process did, as far as scoring is concerned, read back from the tables of this store (also
 * rows of the open batch). Called once per (category, source kind) with the number of distinct rows,
 * the sum of counts, and up to 8 of their row ids. kind: file env connection timezone. */
struct tt_store_tally {
	const char *kind, *category, *op_or_source;
	int result_ok; /* 1 successful, 0 failed */
	uint64_t rows, count;
	uint64_t row_ids[8];
	unsigned n_row_ids;
	const char *example; /* a path, name or address */
};
int tt_store_tally_process(struct tt_store *store, const struct tt_id *process_id,
			   int (*fn)(const struct tt_store_tally *tally, void *arg), void *arg);

/* Sessions left open by a telltale that was killed are closed: ended_ns is the last time anything of
 * theirs was recorded, exit_status stays unknown. boot_id: of this boot. Returns how many. */
int tt_store_close_stale(struct tt_store *store, const char *boot_id);

/* Known builds: what recognised agents were run from, newest first, for recognising a renamed copy. */
int tt_store_each_build(struct tt_store *store,
			int (*fn)(const char *agent, const char *version, const char *build_id, void *arg),
			void *arg);

#endif
