/* SPDX-License-Identifier: Apache-2.0 */
/* Retention: keeps the database within an age and a size, oldest ended sessions first. */
#ifndef TT_STORE_RETENTION_H
#define TT_STORE_RETENTION_H

#include "store.h"

struct tt_retention {
	int64_t max_age_ns; /* 0: no limit */
	int64_t max_bytes; /* 0: no limit; database and WAL */
};

/* One bounded piece of work (some 20,000 rows): call again, at leisure, while it returns more than 0.
 * 0: nothing left to do; what is still beyond the limits belongs to sessions that have not ended, or
 * whose processes have not: those are never deleted. A session whose rows are going has complete = 0.
 * What was deleted is written to the loss ledger (sensor `store`, kind `retention`, count: sessions).
 * Then strings that no row uses are collected and the file is made smaller. Outside a batch.
 * Otherwise negative errno. */
int tt_store_retain(struct tt_store *store, const struct tt_retention *limits, int64_t now_ns);

#endif
