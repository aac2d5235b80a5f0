/* SPDX-License-Identifier: Apache-2.0 */
/* Scores: what they promise, with the shipped weights. Runs in the source tree's root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "config/config.h"
#include "risk/risk.h"
#include "util/util.h"

static struct tt_config_risk *weights;
static struct tt_risk *risk;
static char *reasons;
static const char *level;

static int load_shipped(void **state)
{
	char *message = NULL;
	int r = tt_config_load_risk("config/risk.yaml", &weights, &message);

	if (r < 0)
		fail_msg("%s", message);
	return tt_risk_new(weights, &risk);
}

static int free_shipped(void **state)
{
	free(TAKE_PTR(reasons));
	tt_risk_free(risk);
	tt_config_risk_free(weights);
	return 0;
}

struct did {
	const char *kind, *category, *op;
	int ok;
	uint64_t rows;
};

static double score_of(const struct did *did, size_t n)
{
	double score = -1;

	tt_risk_reset(risk);
	for (size_t i = 0; i < n; i++) {
		uint64_t ids[2] = { 100 - i, 200 + i };
		struct tt_risk_input input = { did[i].kind, did[i].category, did[i].op, did[i].ok,
					       did[i].rows, did[i].rows,     ids,	2,
					       "/example" };

		assert_int_equal(tt_risk_add(risk, &input), 0);
	}
	free(TAKE_PTR(reasons));
	assert_int_equal(tt_risk_score(risk, &score, &level, &reasons), 0);
	return score;
}

/* As measured of unmodified agents on Node, many times over. */
static const struct did ordinary_agent[] = {
	{ "timezone", NULL, "TZ", 1, 3 },
	{ "timezone", NULL, "localtime", 1, 3 },
	{ "timezone", NULL, "readlink", 1, 30 },
	{ "timezone", NULL, "zoneinfo", 1, 3 },
	{ "file", "timezone", "read", 1, 9 },
	{ "env", "timezone", "uv_os_getenv", 1, 1 },
	{ "env", "locale", "uv_os_getenv", 1, 20 },
	{ "env", "proxy", "uv_os_getenv", 1, 20 },
	{ "env", "api-base-url", "uv_os_getenv", 1, 20 },
	{ "env", "credential", "uv_os_getenv", 1, 20 },
	{ "file", "credential", "read", 0, 40 },
	{ "file", "agent-credential", "read", 1, 4 },
	{ "file", "agent-config", "write", 1, 5 },
	{ "file", "runtime", "read", 1, 6000 },
	{ "file", "source", "read", 1, 6000 },
	{ "file", "source", "write", 1, 100 },
	{ "file", "system-library", "read", 1, 300 },
	{ "file", "user-database", "read", 1, 3 },
	{ "file", "", "read", 1, 3000 },
	{ "file", NULL, "read", 0, 3000 },
	{ "connection", "model-api", "tcp", 1, 20 },
	{ "connection", "telemetry", "tcp", 1, 20 },
	{ "connection", NULL, "tcp", 1, 20 },
	{ "connection", "dns", "udp", 1, 20 },
};

static void an_ordinary_agent_is_low_at_most(void **state)
{
	double score = score_of(ordinary_agent, ARRAY_SIZE(ordinary_agent));

	assert_string_equal(level, "low");
	assert_true(score < weights->level_medium);
}

static void one_credential_outweighs_everything_ordinary(void **state)
{
	const struct did one = { "file", "credential", "read", 1, 1 };
	double ordinary = score_of(ordinary_agent, ARRAY_SIZE(ordinary_agent));
	double credential = score_of(&one, 1);

	assert_true(credential > ordinary);
	assert_string_equal(level, "medium");
}

static void nothing_scores_nothing(void **state)
{
	const struct did boring = { "file", "source", "read", 1, 1000 };
	const struct did no_rows = { "file", "credential", "read", 1, 0 };

	assert_true(score_of(NULL, 0) == 0);
	assert_string_equal(level, "none");
	assert_string_equal(reasons, "[]");
	assert_true(score_of(&boring, 1) == 0);
	assert_true(score_of(&no_rows, 1) == 0);
}

static void more_of_the_same_adds_less_and_less(void **state)
{
	double last = 0, gain = 100;

	for (uint64_t rows = 1; rows <= 8; rows++) {
		const struct did did = { "file", "credential", "read", 1, rows };
		double score = score_of(&did, 1);

		assert_true(score >= last && score - last <= gain);
		gain = score - last;
		last = score;
	}
	const struct did endless = { "file", "credential", "read", 1, UINT64_MAX };
	assert_true(score_of(&endless, 1) == 75);
	assert_string_equal(level, "high");
}

static void a_failed_look_counts_far_less_than_a_read(void **state)
{
	const struct did failed = { "file", "credential", "read", 0, 100 };

	assert_true(score_of(&failed, 1) <= 2.5);
	assert_non_null(strstr(reasons, "credential-probe"));
}

static void the_sum_ends_at_a_hundred_and_is_critical(void **state)
{
	static const struct did all[] = {
		{ "file", "credential", "read", 1, 100 },
		{ "file", "browser-data", "read", 1, 100 },
		{ "file", "persistence", "create", 1, 100 },
	};

	assert_true(score_of(all, ARRAY_SIZE(all)) == 100);
	assert_string_equal(level, "critical");
}

static void order_of_inputs_does_not_matter(void **state)
{
	static struct did reversed[ARRAY_SIZE(ordinary_agent)];
	_cleanup_free_ char *forward = NULL;
	double score;

	score = score_of(ordinary_agent, ARRAY_SIZE(ordinary_agent));
	for (size_t i = 0; i < ARRAY_SIZE(reversed); i++)
		reversed[i] = ordinary_agent[ARRAY_SIZE(reversed) - 1 - i];
	assert_true(score_of(reversed, ARRAY_SIZE(reversed)) == score);

	tt_risk_reset(risk);
	for (int pass = 0; pass < 2; pass++) {
		for (int i = 0; i < 12; i++) {
			uint64_t id = pass ? 11 - i : i;
			char example[8];
			struct tt_risk_input input = {
				"file", "credential", "read", 1, 1, 1, &id, 1, example
			};

			snprintf(example, sizeof(example), "/%02d", (int)id);
			assert_int_equal(tt_risk_add(risk, &input), 0);
		}
		free(TAKE_PTR(reasons));
		assert_int_equal(tt_risk_score(risk, &score, &level, &reasons), 0);
		if (!pass)
			forward = TAKE_PTR(reasons);
		tt_risk_reset(risk);
	}
	assert_string_equal(reasons, forward);
	assert_non_null(strstr(reasons, "\"rows\":[0,1,2,3,4,5,6,7],\"example\":\"/00\""));
}

static void reasons_are_sorted_and_escaped(void **state)
{
	uint64_t id = 7;
	struct tt_risk_input secret = { "file", "credential", "read", 1, 1, 1, &id, 1, "/a\"\n\xff" };
	struct tt_risk_input zone = { "timezone", NULL, "TZ", 1, 5, 5, &id, 1, NULL };
	double score;

	tt_risk_reset(risk);
	assert_int_equal(tt_risk_add(risk, &zone), 0);
	assert_int_equal(tt_risk_add(risk, &secret), 0);
	free(TAKE_PTR(reasons));

	assert_int_equal(tt_risk_score(risk, &score, &level, &reasons), 0);

	assert_string_equal(
		reasons, "[{\"rule\":\"credential-read\",\"points\":32.00,\"text\":\"read credential files\","
			 "\"kind\":\"file\",\"category\":\"credential\",\"rows\":[7],"
			 "\"example\":\"/a\\\"\\n\xef\xbf\xbd\"},"
			 "{\"rule\":\"timezone-lookup\",\"points\":2.00,"
			 "\"text\":\"looked up the time zone in several ways\",\"kind\":\"timezone\","
			 "\"category\":\"none\",\"rows\":[7],\"example\":null}]");
}

static void a_session_is_its_worst_process_and_a_little_of_the_others(void **state)
{
	double none[] = { 0 }, one[] = { 40 }, three[] = { 20, 40, 10 }, many[300];

	assert_true(tt_risk_rollup(none, 0) == 0);
	assert_true(tt_risk_rollup(one, 1) == 40);
	assert_true(tt_risk_rollup(three, 3) == 42.5);
	assert_true(three[0] == 40);
	for (size_t i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = 10;
	assert_true(tt_risk_rollup(many, ARRAY_SIZE(many)) == 12);
	for (size_t i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = 100;
	assert_true(tt_risk_rollup(many, ARRAY_SIZE(many)) == 100);
}

static void levels_begin_at_their_threshold(void **state)
{
	static const struct {
		double score;
		const char *level;
	} cases[] = { { 0, "none" },	  { 4.99, "none" },    { 5, "low" },   { 29.99, "low" },
		      { 30, "medium" },	  { 59.99, "medium" }, { 60, "high" }, { 84.99, "high" },
		      { 85, "critical" }, { 100, "critical" } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(tt_risk_level(risk, cases[i].score), cases[i].level);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_ordinary_agent_is_low_at_most),
		cmocka_unit_test(one_credential_outweighs_everything_ordinary),
		cmocka_unit_test(nothing_scores_nothing),
		cmocka_unit_test(more_of_the_same_adds_less_and_less),
		cmocka_unit_test(a_failed_look_counts_far_less_than_a_read),
		cmocka_unit_test(the_sum_ends_at_a_hundred_and_is_critical),
		cmocka_unit_test(order_of_inputs_does_not_matter),
		cmocka_unit_test(reasons_are_sorted_and_escaped),
		cmocka_unit_test(a_session_is_its_worst_process_and_a_little_of_the_others),
		cmocka_unit_test(levels_begin_at_their_threshold),
	};

	return cmocka_run_group_tests(tests, load_shipped, free_shipped);
}
