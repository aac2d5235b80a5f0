/* SPDX-License-Identifier: Apache-2.0 */
/* risk.yaml: reading and its errors. */
#include "fixture.h"

#define LEVELS "levels: {low: 5, medium: 30, high: 60, critical: 85}\n"
#define RULE   "rules: [{rule: a, kind: file, category: c, op: [read, write], text: t, points: 2.5, cap: 5}]\n"

static void a_rule_is_read(void **state)
{
	struct tt_config_risk *risk = NULL;

	write_file("r.yaml", LEVELS RULE);

	assert_int_equal(tt_config_load_risk(path_of("r.yaml"), &risk, &message), 0);

	assert_int_equal(risk->n, 1);
	assert_string_equal(risk->v[0].rule, "a");
	assert_int_equal(risk->v[0].op.n, 2);
	assert_true(risk->v[0].points == 2.5);
	assert_true(risk->v[0].decay == 0);
	assert_false(risk->v[0].failed);
	assert_true(risk->level_critical == 85);
	tt_config_risk_free(risk);
}

static void mistakes_are_named_with_their_line(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ "", "r.yaml:1: empty" },
		{ RULE, "r.yaml:1: risk.yaml needs 'levels'" },
		{ LEVELS, "r.yaml:1: risk.yaml needs 'rules'" },
		{ "levels: {low: 5}\n" RULE, "r.yaml:1: 'levels' needs 'medium'" },
		{ "levels: {low: 5, medium: 4, high: 60, critical: 85}\n" RULE, "'levels' must rise" },
		{ LEVELS "rules:\n  - {rule: a, kind: fil, category: c, text: t, points: 1, cap: 1}\n",
		  "r.yaml:3: 'kind' is 'fil', expected one of: file, env, connection, timezone" },
		{ LEVELS "rules:\n  - {rule: a, kind: file, category: c, text: t, points: 1e3, cap: 1}\n",
		  "r.yaml:3: 'points' is '1e3', expected a number" },
		{ LEVELS "rules:\n  - {rule: a, kind: file, category: c, text: t, points: 1.2.3, cap: 1}\n",
		  "expected a number" },
		{ LEVELS "rules:\n  - {rule: a, kind: file, category: c, text: t, points: -1, cap: 1}\n",
		  "expected a number" },
		{ LEVELS "rules:\n  - {rule: a, kind: file, category: c, text: t, points: 5, cap: 1}\n",
		  "'cap' must be between" },
		{ LEVELS
		  "rules:\n  - {rule: a, kind: file, category: c, text: t, points: 1, cap: 1, decay: 2}\n",
		  "'decay' is more than 1" },
		{ LEVELS "rules: [{rule: a, kind: file, category: c, text: t, points: 1, cap: 1},"
			 "{rule: a, kind: env, category: c, text: t, points: 1, cap: 1}]\n",
		  "rule 'a' is given twice" },
		{ LEVELS RULE "---\n" LEVELS RULE, "a second document" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tt_config_risk *risk = NULL;

		write_file("r.yaml", cases[i].text);

		assert_int_equal(tt_config_load_risk(path_of("r.yaml"), &risk, &message), -EINVAL);

		assert_message(cases[i].message);
		free(TAKE_PTR(message));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(a_rule_is_read), TEST(mistakes_are_named_with_their_line) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
