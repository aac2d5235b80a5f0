/* SPDX-License-Identifier: Apache-2.0 */
/* Scores a process from what is stored of it. */
#ifndef TT_DAEMON_SCORE_H
#define TT_DAEMON_SCORE_H

#include "daemon/batch.h"
#include "risk/risk.h"

/* Puts the risk record of a process. complete: nothing of it was lost. *ret_score is set. -ENOENT: nothing is
 * stored of it. */
int tt_score_process(struct tt_store *store, struct tt_risk *risk, struct tt_batch *batch,
		     const struct tt_id *process_id, bool complete, double *ret_score);

#endif
