/* SPDX-License-Identifier: Apache-2.0 */
/* Risk: a pure function from what a process did to a score with named reasons.
 *
 * Each input counts for the first rule of risk.yaml that matches its kind, category, op and outcome.
 * A rule's points for n distinct rows are points * (1 + decay + decay^2 + ... n terms), at most cap; the
 * score is the sum over the rules, at most 100. How often one thing was done does not matter. */
#ifndef TT_RISK_RISK_H
#define TT_RISK_RISK_H

#include <stdint.h>

struct tt_config_risk;
struct tt_risk;

#define TT_RISK_EVIDENCE_MAX 8

/* One kind of thing a process did: the store's tallies, without the database. */
struct tt_risk_input {
	/* See struct tt_config_risk_weight. category NULL or "": none; op is also a timezone's `how`. */
	const char *kind, *category, *op;
	int result_ok;
	uint64_t rows, count;
	const uint64_t *row_ids; /* evidence, at most 8 are kept */
	unsigned n_row_ids;
	const char *example;
};

/* weights are borrowed and must outlive the result. */
int tt_risk_new(const struct tt_config_risk *weights, struct tt_risk **ret);
void tt_risk_free(struct tt_risk *risk);
/* Inputs accumulate until the next reset; their order does not matter. Strings are copied. */
void tt_risk_reset(struct tt_risk *risk);
int tt_risk_add(struct tt_risk *risk, const struct tt_risk_input *input);
/* 0..100, rounded to two decimals. *ret_level is a static string. *ret_reasons (malloc'd): JSON list of
 * {"rule","points","text","kind","category","rows":[..],"example"}, most points first. */
int tt_risk_score(struct tt_risk *risk, double *ret_score, const char **ret_level, char **ret_reasons);

/* A session's score from its processes': the highest, plus a tenth of each further one halved in
 * turn, at most 100. scores are sorted in place. */
double tt_risk_rollup(double *scores, unsigned n);
/* none low medium high critical; static string. */
const char *tt_risk_level(const struct tt_risk *risk, double score);

#endif
