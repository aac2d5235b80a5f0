/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/score.h"

#include "util/util.h"

static int add_tally(const struct tt_store_tally *tally, void *arg)
{
	struct tt_risk_input input = {
		.kind = tally->kind,
		.category = tally->category,
		.op = tally->op_or_source,
		.result_ok = tally->result_ok,
		.rows = tally->rows,
		.count = tally->count,
		.row_ids = tally->row_ids,
		.n_row_ids = tally->n_row_ids,
		.example = tally->example,
	};

	return tt_risk_add(arg, &input);
}

int tt_score_process(struct tt_store *store, struct tt_risk *risk, struct tt_batch *batch,
		     const struct tt_id *process_id, bool complete, double *ret_score)
{
	_cleanup_free_ char *reasons = NULL;
	struct tt_row_risk row = { .process_id = *process_id, .complete = complete };
	int r;

	tt_risk_reset(risk);
	r = tt_store_tally_process(store, process_id, add_tally, risk);
	if (r < 0)
		return r;
	r = tt_risk_score(risk, &row.score, &row.level, &reasons);
	if (r < 0)
		return r;
	row.reasons = reasons;
	r = tt_batch_risk(batch, &row);
	if (r < 0)
		return r;
	*ret_score = row.score;
	return 0;
}
