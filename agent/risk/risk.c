/* SPDX-License-Identifier: Apache-2.0 */
/* The scoring of risk.h. Owns the tallies of one process between two resets; knows neither the database
 * nor the clock, and the same inputs in any order give the same bytes. */
#include "risk.h"

#include <errno.h>

#include "config/config.h"
#include "util/buf.h"

#define SCORE_MAX 100.0

/* Names of distinct ops that one rule has met; a rule that needs more has long reached its cap. */
#define OPS_MAX 16

/* What one rule has met since the reset. */
struct tally {
	uint64_t rows;
	uint64_t evidence[TT_RISK_EVIDENCE_MAX]; /* the smallest ids, rising */
	unsigned n_evidence;
	char *ops[OPS_MAX];
	unsigned n_ops;
	char *example; /* the least by strcmp, with its category */
	char *category;
};

struct tt_risk {
	const struct tt_config_risk *weights;
	struct tally *tallies; /* one per weight */
};

int tt_risk_new(const struct tt_config_risk *weights, struct tt_risk **ret)
{
	struct tt_risk *risk = calloc(1, sizeof(*risk));

	if (!risk)
		return -ENOMEM;
	risk->weights = weights;
	risk->tallies = calloc(weights->n + 1, sizeof(*risk->tallies));
	if (!risk->tallies) {
		free(risk);
		return -ENOMEM;
	}
	*ret = risk;
	return 0;
}

static void tally_done(struct tally *tally)
{
	for (unsigned i = 0; i < tally->n_ops; i++)
		free(tally->ops[i]);
	free(tally->example);
	free(tally->category);
	*tally = (struct tally){ 0 };
}

void tt_risk_reset(struct tt_risk *risk)
{
	for (size_t i = 0; i < risk->weights->n; i++)
		tally_done(&risk->tallies[i]);
}

void tt_risk_free(struct tt_risk *risk)
{
	if (!risk)
		return;
	tt_risk_reset(risk);
	free(risk->tallies);
	free(risk);
}

/* ---- adding */

static bool has_word(const struct tt_strv *strv, const char *word)
{
	for (size_t i = 0; i < strv->n; i++)
		if (tt_streq(strv->v[i], word))
			return true;
	return false;
}

static bool matches(const struct tt_config_risk_weight *weight, const struct tt_risk_input *input)
{
	const char *category = input->category && input->category[0] ? input->category : "none";

	return tt_streq(weight->kind, input->kind) && weight->failed == !input->result_ok &&
	       (tt_streq(weight->category, "*") || tt_streq(weight->category, category)) &&
	       (!weight->op.n || has_word(&weight->op, input->op));
}

static void add_evidence(struct tally *tally, uint64_t id)
{
	unsigned i = 0;

	while (i < tally->n_evidence && tally->evidence[i] < id)
		i++;
	if (i == TT_RISK_EVIDENCE_MAX || (i < tally->n_evidence && tally->evidence[i] == id))
		return;
	if (tally->n_evidence < TT_RISK_EVIDENCE_MAX)
		tally->n_evidence++;
	memmove(&tally->evidence[i + 1], &tally->evidence[i],
		(tally->n_evidence - i - 1) * sizeof(*tally->evidence));
	tally->evidence[i] = id;
}

static int add_op(struct tally *tally, const char *op)
{
	for (unsigned i = 0; i < tally->n_ops; i++)
		if (tt_streq(tally->ops[i], op))
			return 0;
	if (tally->n_ops == OPS_MAX)
		return 0;
	tally->ops[tally->n_ops] = strdup(op);
	if (!tally->ops[tally->n_ops])
		return -ENOMEM;
	tally->n_ops++;
	return 0;
}

static int keep_example(struct tally *tally, const struct tt_risk_input *input)
{
	const char *example = input->example ? input->example : "";
	const char *category = input->category && input->category[0] ? input->category : "none";
	int order = tally->example ? strcmp(example, tally->example) : -1;
	_cleanup_free_ char *example_copy = NULL, *category_copy = NULL;

	if (order > 0 || (order == 0 && strcmp(category, tally->category) >= 0))
		return 0;
	example_copy = strdup(example);
	category_copy = strdup(category);
	if (!example_copy || !category_copy)
		return -ENOMEM;
	free(tally->example);
	free(tally->category);
	tally->example = TAKE_PTR(example_copy);
	tally->category = TAKE_PTR(category_copy);
	return 0;
}

static int tally_add(struct tally *tally, const struct tt_risk_input *input)
{
	int r;

	r = keep_example(tally, input);
	if (r < 0)
		return r;
	r = input->op ? add_op(tally, input->op) : 0;
	if (r < 0)
		return r;
	if (__builtin_add_overflow(tally->rows, input->rows, &tally->rows))
		tally->rows = UINT64_MAX;
	for (unsigned i = 0; i < input->n_row_ids; i++)
		add_evidence(tally, input->row_ids[i]);
	return 0;
}

int tt_risk_add(struct tt_risk *risk, const struct tt_risk_input *input)
{
	if (!input->rows)
		return 0;
	for (size_t i = 0; i < risk->weights->n; i++)
		if (matches(&risk->weights->v[i], input))
			return tally_add(&risk->tallies[i], input);
	return 0;
}

/* ---- scoring */

struct reason {
	const struct tt_config_risk_weight *weight;
	const struct tally *tally;
	double points;
};

static double two_decimals(double value)
{
	return (double)(int64_t)(value * 100 + 0.5) / 100;
}

static double points_of(const struct tt_config_risk_weight *weight, const struct tally *tally)
{
	uint64_t n = weight->by_op ? tally->n_ops : tally->rows;
	double sum = 0, term = weight->points;

	/* Ends early: the cap is reached, or what is to come is less than is shown. */
	for (uint64_t i = 0; i < n && sum < weight->cap && term > 1e-4; i++) {
		sum += term;
		term *= weight->decay;
	}
	return two_decimals(sum < weight->cap ? sum : weight->cap);
}

static int by_points(const void *a, const void *b)
{
	const struct reason *x = a, *y = b;

	if (x->points != y->points)
		return x->points < y->points ? 1 : -1;
	return strcmp(x->weight->rule, y->weight->rule);
}

static void write_reason(struct tt_buf *buf, const struct reason *reason)
{
	const struct tt_config_risk_weight *weight = reason->weight;
	const struct tally *tally = reason->tally;

	tt_buf_str(buf, "{\"rule\":");
	tt_buf_json(buf, weight->rule);
	tt_buf_printf(buf, ",\"points\":%.2f,\"text\":", reason->points);
	tt_buf_json(buf, weight->text);
	tt_buf_str(buf, ",\"kind\":");
	tt_buf_json(buf, weight->kind);
	tt_buf_str(buf, ",\"category\":");
	tt_buf_json(buf, tt_streq(weight->category, "*") ? tally->category : weight->category);
	tt_buf_str(buf, ",\"rows\":[");
	for (unsigned i = 0; i < tally->n_evidence; i++)
		tt_buf_printf(buf, "%s%llu", i ? "," : "", (unsigned long long)tally->evidence[i]);
	tt_buf_str(buf, "],\"example\":");
	tt_buf_json(buf, tally->example[0] ? tally->example : NULL);
	tt_buf_char(buf, '}');
}

static int write_reasons(const struct reason *reasons, size_t n, char **ret)
{
	struct tt_buf buf = TT_BUF_INIT;

	tt_buf_char(&buf, '[');
	for (size_t i = 0; i < n; i++) {
		if (i)
			tt_buf_char(&buf, ',');
		write_reason(&buf, &reasons[i]);
	}
	tt_buf_char(&buf, ']');
	*ret = tt_buf_take(&buf);
	return *ret ? 0 : -ENOMEM;
}

int tt_risk_score(struct tt_risk *risk, double *ret_score, const char **ret_level, char **ret_reasons)
{
	_cleanup_free_ struct reason *reasons = calloc(risk->weights->n + 1, sizeof(*reasons));
	char *text = NULL;
	double score = 0;
	size_t n = 0;
	int r;

	if (!reasons)
		return -ENOMEM;
	for (size_t i = 0; i < risk->weights->n; i++) {
		const struct tally *tally = &risk->tallies[i];
		double points = points_of(&risk->weights->v[i], tally);

		if (!tally->rows || points <= 0)
			continue;
		reasons[n++] = (struct reason){ &risk->weights->v[i], tally, points };
		score += points;
	}
	qsort(reasons, n, sizeof(*reasons), by_points);
	r = write_reasons(reasons, n, &text);
	if (r < 0)
		return r;
	*ret_score = two_decimals(score < SCORE_MAX ? score : SCORE_MAX);
	*ret_level = tt_risk_level(risk, *ret_score);
	*ret_reasons = text;
	return 0;
}

static int falling(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x < y) - (x > y);
}

double tt_risk_rollup(double *scores, unsigned n)
{
	double sum = 0, share = 0.1;

	if (!n)
		return 0;
	qsort(scores, n, sizeof(*scores), falling);
	sum = scores[0];
	for (unsigned i = 1; i < n; i++, share /= 2)
		sum += scores[i] * share;
	return two_decimals(sum < SCORE_MAX ? sum : SCORE_MAX);
}

const char *tt_risk_level(const struct tt_risk *risk, double score)
{
	const struct tt_config_risk *weights = risk->weights;
	const struct {
		double from;
		const char *name;
	} levels[] = {
		{ weights->level_critical, "critical" },
		{ weights->level_high, "high" },
		{ weights->level_medium, "medium" },
		{ weights->level_low, "low" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
		if (score >= levels[i].from)
			return levels[i].name;
	return "none";
}
