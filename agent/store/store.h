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

/* First row_id that is free for aggregated rows and losses: never given out before, also where the row
 * was deleted since. The ids from 2^52 on are the store's own (losses it records itself). */
uint64_t tt_store_next_row_id(const struct tt_store *store);

int tt_store_begin(struct tt_store *store);
/* -ENOSPC, -EROFS, -EIO, -EBUSY, ...: the batch is undone, nothing of it is stored and nothing from
 * before is lost. Keep its rows and put them again in a new batch. The same goes for a put that fails
 * with anything but the refusals below: what follows in that batch fails alike, until the next begin. */
int tt_store_commit(struct tt_store *store);
void tt_store_rollback(struct tt_store *store);

/* Insert or update by key: id, (process_id, seq) or row_id; revision grows only if a value differs.
 * A session is put before its processes, a process before its rows. A row that is wrong in itself is
 * refused alone, and the batch goes on: -ENOENT (session or process never put), -EINVAL, -E2BIG. */
int tt_store_put_host(struct tt_store *store, const struct tt_row_host *row);
int tt_store_put_session(struct tt_store *store, const struct tt_row_session *row);
int tt_store_put_process(struct tt_store *store, const struct tt_row_process *row);
int tt_store_put_exec(struct tt_store *store, const struct tt_row_exec *row);
int tt_store_put_file(struct tt_store *store, const struct tt_row_file *row);
int tt_store_put_env(struct tt_store *store, const struct tt_row_env *row);
int tt_store_put_connection(struct tt_store *store, const struct tt_row_connection *row);
int tt_store_put_name(struct tt_store *store, const struct tt_row_name *row);
int tt_store_put_access(struct tt_store *store, const struct tt_row_access *row);
int tt_store_put_loss(struct tt_store *store, const struct tt_row_loss *row);
int tt_store_put_risk(struct tt_store *store, const struct tt_row_risk *row);
/* Of a row that was put before; a row that retention has deleted meanwhile is no error. */
int tt_store_put_counts(struct tt_store *store, const struct tt_row_counts *row);

/* What a process did, as far as scoring is concerned, read back from the tables of this store (also
 * rows of the open batch). Called once per group with the number of distinct rows, the sum of counts,
 * and the first 8 row ids. Groups by kind: file (category, op, ok), env (category, source),
 * connection (category, state, ok), timezone (how, ok; category is "timezone"). category may be NULL.
 * fn returning non-zero stops, and is returned. -ENOENT: no such process. */
struct tt_store_tally {
	const char *kind, *category, *op_or_source /* op, source, state or how */;
	int result_ok; /* 1 successful, 0 failed */
	uint64_t rows, count;
	uint64_t row_ids[8];
	unsigned n_row_ids;
	const char *example; /* a path, name or address */
};
int tt_store_tally_process(struct tt_store *store, const struct tt_id *process_id,
			   int (*fn)(const struct tt_store_tally *tally, void *arg), void *arg);

/* Sessions left open by a telltale that was killed are closed, and their processes: ended_ns is the
 * last time anything of theirs was recorded, exit_status stays unknown, complete becomes 0, and the
 * loss ledger gets a row each (sensor `store`, kind `unclean_stop`, from then until now). A session
 * that turns out to live on is reopened by putting it again. boot_id: of this boot, for the ledger.
 * Outside a batch. Returns how many sessions. */
int tt_store_close_stale(struct tt_store *store, const char *boot_id);

/* Known builds: what recognised agents were run from, newest first, for recognising a renamed copy. */
int tt_store_each_build(struct tt_store *store,
			int (*fn)(const char *agent, const char *version, const char *build_id, void *arg),
			void *arg);

#endif
