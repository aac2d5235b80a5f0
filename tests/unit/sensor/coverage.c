/* SPDX-License-Identifier: Apache-2.0 */
/* agent/sensor/coverage.c: each way of seeing less, and that nothing else claims it. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>

#include "sensor/coverage.h"
#include "util/util.h"

#define EXEC 1000000000ULL
#define IN_BEFORE                                                                                            \
	{                                                                                                    \
		.state = TT_PROBE_IN, .attached_ns = EXEC - 1                                                \
	}
#define IN_AFTER(ns)                                                                                         \
	{                                                                                                    \
		.state = TT_PROBE_IN, .attached_ns = EXEC + (ns)                                             \
	}
#define ABSENT                                                                                               \
	{                                                                                                    \
		.state = TT_PROBE_ABSENT                                                                     \
	}
#define NOT_IN                                                                                               \
	{                                                                                                    \
		.state = TT_PROBE_NOT_IN                                                                     \
	}
#define FAILED(e)                                                                                            \
	{                                                                                                    \
		.state = TT_PROBE_FAILED, .error = (e)                                                       \
	}
#define OVER_BUDGET                                                                                          \
	{                                                                                                    \
		.state = TT_PROBE_OVER_BUDGET                                                                \
	}
#define NO_FILE                                                                                              \
	{                                                                                                    \
		.state = TT_PROBE_NO_FILE                                                                    \
	}

static const struct {
	struct tt_coverage_facts facts;
	enum tt_coverage want;
	const char *reason;
} cases[] = {
	/* seen */
	{ { .own = ABSENT, .libc = IN_BEFORE }, TT_COVERAGE_SEEN, "" },
	{ { .own = IN_AFTER(5), .libc = IN_BEFORE }, TT_COVERAGE_SEEN, "" }, /* node: libc saw all */
	{ { .is_static = true, .own = IN_BEFORE, .libc = NO_FILE }, TT_COVERAGE_SEEN, "" },
	{ { .is_go = true, .own = IN_BEFORE, .libc = NOT_IN }, TT_COVERAGE_SEEN, "" },
	{ { .is_static = true, .own = IN_BEFORE, .libc = NO_FILE, .libc_off = true }, TT_COVERAGE_SEEN, "" },

	/* blind */
	{ { .is_static = true, .own = IN_AFTER(5000000), .libc = NO_FILE, .ended_ns = EXEC + 5000000 },
	  TT_COVERAGE_BLIND,
	  "it had ended before it was probed" },
	{ { .own = ABSENT, .libc = IN_AFTER(5000000), .ended_ns = EXEC + 4000000 },
	  TT_COVERAGE_BLIND,
	  "it had ended before it was probed" },
	{ { .exe_error = -EACCES, .own = ABSENT, .libc = IN_BEFORE },
	  TT_COVERAGE_BLIND,
	  "the program's file could not be read: Permission denied" },
	{ { .foreign = true, .own = ABSENT, .libc = IN_BEFORE },
	  TT_COVERAGE_BLIND,
	  "a 32-bit program or one for another processor: its look-ups are not decoded" },
	{ { .is_static = true, .own = ABSENT, .libc = IN_BEFORE },
	  TT_COVERAGE_BLIND,
	  "the statically linked program has no getenv symbol to probe" },
	{ { .is_static = true, .is_go = true, .own = ABSENT, .libc = NO_FILE },
	  TT_COVERAGE_BLIND,
	  "the Go program has no syscall.Getenv to probe" },
	{ { .is_go = true, .own = NOT_IN, .libc = IN_BEFORE },
	  TT_COVERAGE_BLIND,
	  "the Go program is not probed" },
	{ { .is_static = true, .own = FAILED(-EPERM), .libc = NO_FILE },
	  TT_COVERAGE_BLIND,
	  "the statically linked program could not be probed: Operation not permitted" },
	{ { .is_static = true, .own = OVER_BUDGET, .libc = NO_FILE },
	  TT_COVERAGE_BLIND,
	  "the statically linked program is not probed: too many files are" },
	{ { .own = ABSENT, .libc = NO_FILE }, TT_COVERAGE_BLIND, "its C library is not known" },
	{ { .own = ABSENT, .libc = ABSENT },
	  TT_COVERAGE_BLIND,
	  "its C library has no getenv symbol to probe" },
	{ { .own = ABSENT, .libc = NOT_IN }, TT_COVERAGE_BLIND, "its C library is not probed" },
	{ { .own = NOT_IN, .libc = FAILED(-EINVAL) },
	  TT_COVERAGE_BLIND,
	  "its C library could not be probed: Invalid argument" },
	{ { .own = ABSENT, .libc = NOT_IN, .libc_off = true },
	  TT_COVERAGE_BLIND,
	  "probes of C libraries are switched off (env.libc: off)" },
	/* the worst level's reasons only */
	{ { .own = ABSENT, .libc = NOT_IN, .running = true },
	  TT_COVERAGE_BLIND,
	  "its C library is not probed" },
	{ { .own = ABSENT, .libc = NOT_IN, .env_direct = true },
	  TT_COVERAGE_BLIND,
	  "its C library is not probed; its runtime copies the environment block and looks names up there" },

	/* partial */
	{ { .is_static = true, .own = IN_AFTER(5000000), .libc = NO_FILE, .ended_ns = EXEC + 5000001 },
	  TT_COVERAGE_PARTIAL,
	  "probed only 5.0 ms after it started" },
	{ { .own_getenv = true, .own = IN_AFTER(5000000), .libc = IN_BEFORE, .ended_ns = EXEC + 1 },
	  TT_COVERAGE_PARTIAL,
	  "probed only 5.0 ms after it started" },
	{ { .own = IN_BEFORE, .libc = NOT_IN, .libc_off = true },
	  TT_COVERAGE_PARTIAL,
	  "only look-ups through the program's own functions are seen: probes of C libraries are switched "
	  "off (env.libc: off)" },
	{ { .own = NOT_IN, .libc = IN_BEFORE, .own_getenv = true },
	  TT_COVERAGE_PARTIAL,
	  "the program's own getenv is not probed" },
	{ { .own = IN_AFTER(2500000), .libc = IN_BEFORE, .own_getenv = true },
	  TT_COVERAGE_PARTIAL,
	  "probed only 2.5 ms after it started" },
	{ { .own = ABSENT, .libc = IN_AFTER(12000000) },
	  TT_COVERAGE_PARTIAL,
	  "probed only 12.0 ms after it started" },
	{ { .is_static = true, .own = IN_AFTER(7000000), .libc = NO_FILE },
	  TT_COVERAGE_PARTIAL,
	  "probed only 7.0 ms after it started" },
	{ { .own = ABSENT, .libc = IN_AFTER(7000000), .running = true },
	  TT_COVERAGE_PARTIAL,
	  "was running before telltale watched it" },
	{ { .own = ABSENT, .libc = IN_BEFORE, .env_direct = true, .imports_environ = true },
	  TT_COVERAGE_BLIND,
	  "its runtime copies the environment block and looks names up there" },
	{ { .own = ABSENT, .libc = IN_BEFORE, .imports_environ = true },
	  TT_COVERAGE_PARTIAL,
	  "may also read the environment block without a call (it uses environ)" },
	{ { .own = ABSENT, .libc = IN_AFTER(1000000), .imports_environ = true },
	  TT_COVERAGE_PARTIAL,
	  "probed only 1.0 ms after it started; may also read the environment block without a call (it uses "
	  "environ)" },
};

static void each_fact_has_its_judgement_and_reason(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tt_coverage_facts facts = cases[i].facts;
		char reason[TT_COVERAGE_REASON_MAX];

		facts.exec_ns = EXEC;
		assert_int_equal(tt_coverage_judge(&facts, reason, sizeof(reason)), cases[i].want);
		assert_string_equal(reason, cases[i].reason);
	}
}

/* Every combination: a reason exactly when not everything was seen, and never past the buffer. */
static void less_than_seen_always_has_a_reason(void **state)
{
	for (unsigned bits = 0; bits < 1 << 14; bits++) {
		struct tt_coverage_facts facts = {
			.foreign = bits & 1,
			.is_static = bits & 2,
			.is_go = bits & 4,
			.own_getenv = bits & 8,
			.imports_environ = bits & 16,
			.env_direct = bits & 32,
			.libc_off = bits & 64,
			.running = bits & 128,
			.exec_ns = EXEC,
			.own = { .state = (bits >> 8 & 7) % TT_PROBE_STATES, .attached_ns = EXEC * 2 },
			.libc = { .state = (bits >> 11 & 7) % TT_PROBE_STATES, .attached_ns = EXEC * 3 },
		};
		char reason[TT_COVERAGE_REASON_MAX];
		enum tt_coverage level = tt_coverage_judge(&facts, reason, sizeof(reason));

		assert_int_equal(level == TT_COVERAGE_SEEN, reason[0] == '\0');
		assert_true(strlen(reason) < sizeof(reason) - 1);
	}
}

static void a_small_buffer_cuts_the_reason(void **state)
{
	const struct tt_coverage_facts facts = {
		.own = ABSENT, .libc = IN_AFTER(5), .exec_ns = EXEC, .imports_environ = true, .libc_off = true
	};
	char reason[8];

	assert_int_equal(tt_coverage_judge(&facts, reason, sizeof(reason)), TT_COVERAGE_BLIND);
	assert_int_equal(strlen(reason), 7);
}

static void levels_have_the_words_of_the_contract(void **state)
{
	assert_string_equal(tt_coverage_name(TT_COVERAGE_SEEN), "seen");
	assert_string_equal(tt_coverage_name(TT_COVERAGE_PARTIAL), "partial");
	assert_string_equal(tt_coverage_name(TT_COVERAGE_BLIND), "blind");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_fact_has_its_judgement_and_reason),
		cmocka_unit_test(less_than_seen_always_has_a_reason),
		cmocka_unit_test(a_small_buffer_cuts_the_reason),
		cmocka_unit_test(levels_have_the_words_of_the_contract),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
