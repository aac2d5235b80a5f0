/* SPDX-License-Identifier: Apache-2.0 */
/* risk.yaml: what counts how much, docs/risk.md. */
#include "config.h"

#include <errno.h>

#include "yaml.h"

static const char *const kind_words[] = { "file", "env", "connection", "timezone", NULL };

#define WEIGHT(key, type, ...) TT_YAML_FIELD(#key, type, struct tt_config_risk_weight, key, __VA_ARGS__)
static const struct tt_yaml_field weight_fields[] = {
	WEIGHT(rule, STRING, .required = true),
	WEIGHT(kind, WORD, .required = true, .words = kind_words),
	WEIGHT(category, STRING, .required = true),
	WEIGHT(op, STRV),
	WEIGHT(text, STRING, .required = true),
	WEIGHT(failed, BOOL),
	WEIGHT(by_op, BOOL),
	WEIGHT(points, DOUBLE, .required = true),
	WEIGHT(decay, DOUBLE),
	WEIGHT(cap, DOUBLE, .required = true),
};

static int check_weight(struct tt_yaml *yaml, void *object, size_t line)
{
	const struct tt_config_risk_weight *weight = object;

	if (weight->decay > 1)
		return tt_yaml_fail(yaml, line, "rule '%s': 'decay' is more than 1: scores would explode",
				    weight->rule);
	if (weight->cap < weight->points || weight->cap > 100)
		return tt_yaml_fail(yaml, line, "rule '%s': 'cap' must be between 'points' and 100",
				    weight->rule);
	return 0;
}

static const struct tt_yaml_schema weight_schema = {
	.what = "a rule",
	.fields = weight_fields,
	.n_fields = ARRAY_SIZE(weight_fields),
	.size = sizeof(struct tt_config_risk_weight),
	.check = check_weight,
};

#define LEVEL(name) TT_YAML_FIELD(#name, DOUBLE, struct tt_config_risk, level_##name, .required = true)
static const struct tt_yaml_field level_fields[] = { LEVEL(low), LEVEL(medium), LEVEL(high),
						     LEVEL(critical) };
static const struct tt_yaml_schema level_schema = {
	.what = "'levels'",
	.fields = level_fields,
	.n_fields = ARRAY_SIZE(level_fields),
};

static int check_risk(struct tt_yaml *yaml, void *object, size_t line)
{
	const struct tt_config_risk *risk = object;

	if (!(0 < risk->level_low && risk->level_low < risk->level_medium &&
	      risk->level_medium < risk->level_high && risk->level_high < risk->level_critical &&
	      risk->level_critical <= 100))
		return tt_yaml_fail(yaml, line,
				    "'levels' must rise: 0 < low < medium < high < critical <= 100");
	for (size_t i = 0; i < risk->n; i++)
		for (size_t j = 0; j < i; j++)
			if (tt_streq(risk->v[i].rule, risk->v[j].rule))
				return tt_yaml_fail(yaml, line, "rule '%s' is given twice", risk->v[i].rule);
	return 0;
}

static const struct tt_yaml_field risk_fields[] = {
	{ .key = "levels", .type = TT_YAML_MAP, .required = true, .sub = &level_schema },
	TT_YAML_FIELD("rules", LIST, struct tt_config_risk, v, .required = true, .sub = &weight_schema,
		      .n_offset = offsetof(struct tt_config_risk, n)),
};
static const struct tt_yaml_schema risk_schema = {
	.what = "risk.yaml",
	.fields = risk_fields,
	.n_fields = ARRAY_SIZE(risk_fields),
	.size = sizeof(struct tt_config_risk),
	.check = check_risk,
};

void tt_config_risk_free(struct tt_config_risk *risk)
{
	if (!risk)
		return;
	tt_yaml_clear(&risk_schema, risk);
	free(risk);
}

static int take_risk(struct tt_yaml *yaml, void *object, size_t line, void *arg)
{
	struct tt_config_risk **ret = arg;

	if (*ret)
		return tt_yaml_fail(yaml, line, "a second document (---): risk.yaml has one");
	*ret = malloc(sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	**ret = *(struct tt_config_risk *)object;
	return 0;
}

TT_DEFINE_CLEANUP(struct tt_config_risk *, tt_config_risk_free)

int tt_config_load_risk(const char *path, struct tt_config_risk **ret, char **ret_message)
{
	_cleanup_(tt_config_risk_freep) struct tt_config_risk *risk = NULL;
	int r;

	r = tt_yaml_load(path, &risk_schema, take_risk, &risk, ret_message);
	if (r == 0 && !risk) {
		if (ret_message &&
		    asprintf(ret_message, "%s:1: empty: 'levels' and 'rules' expected", path) < 0)
			*ret_message = NULL;
		r = -EINVAL;
	}
	if (r < 0)
		return r;
	*ret = TAKE_PTR(risk);
	return 0;
}
