/* SPDX-License-Identifier: Apache-2.0 */
/* Retention: keeps the database within an age and a size, oldest ended sessions first. */
#ifndef TT_STORE_RETENTION_H
#define TT_STORE_RETENTION_H

#include "store.h"

struct tt_retention {
	int64_t max_age_ns; /* 0: no limit */
	int64_t max_bytes; /* 0: no limit; database and WAL */
};

/* Deletes at most a bounded amount of work's worth (call again until it returns 0). Never deletes a
 * session that has not ended. Returns sessions deleted, or negative errno. What was deleted is
 * written to the loss ledger (sensor `store`, kind `retention`). */
int tt_store_retain(struct tt_store *store, const struct tt_retention *limits, int64_t now_ns);

#endif
