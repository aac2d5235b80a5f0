/* SPDX-License-Identifier: Apache-2.0 */
/* agent/sensor/feature.c: what can be told on any kernel, with or without rights. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>

#include <bpf/libbpf.h>

#include "sensor/feature.h"
#include "util/util.h"

static int forget(void **state)
{
	tt_feature_forget();
	return 0;
}

static void last_line_skips_statistics_and_blanks(void **state)
{
	static const struct {
		const char *log, *want;
	} cases[] = {
		{ "", "" },
		{ "\n\n", "" },
		{ "one", "one" },
		{ "0: (b7) r0 = 0\nR1 invalid mem access 'scalar'\nprocessed 3 insns (limit 1000000)\n",
		  "R1 invalid mem access 'scalar'" },
		{ "reason\nverification time 12 usec\nstack depth 8\nprocessed 1 insns\n\n", "reason" },
		{ "processed 1 insns", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char line[64];

		tt_feature_last_line(cases[i].log, line, sizeof(line));
		assert_string_equal(line, cases[i].want);
	}
}

static void last_line_is_cut_to_the_buffer(void **state)
{
	char line[5];

	tt_feature_last_line("x\nabcdefgh\n", line, sizeof(line));

	assert_string_equal(line, "abcd");
}

static void an_error_is_in_words(void **state)
{
	assert_string_equal(tt_feature_error(EPERM), "Operation not permitted");
	assert_string_equal(tt_feature_error(-EPERM), "Operation not permitted");
	/* ENOTSUPP, which only the kernel knows: a trampoline on arm64 before 6.4 */
	assert_string_equal(tt_feature_error(524), "not supported by this kernel");
	assert_string_equal(tt_feature_error(-524), "not supported by this kernel");
}

static void every_answer_is_explained(void **state)
{
	for (int i = 0; i < TT_FEATURES; i++) {
		const struct tt_feature_answer *answer = tt_feature_get(i);

		assert_non_null(answer->name);
		assert_non_null(answer->words);
		assert_non_null(answer->without);
		if (answer->yes) {
			assert_int_equal(answer->error, 0);
			assert_string_equal(answer->why, "");
		} else {
			assert_true(answer->error < 0);
			assert_true(strlen(answer->why) > 0);
		}
	}
}

static void nothing_works_without_bpf(void **state)
{
	if (tt_feature_get(TT_FEATURE_BPF)->yes)
		return;
	for (int i = 0; i < TT_FEATURES; i++)
		if (i != TT_FEATURE_BTF)
			assert_false(tt_feature_get(i)->yes);
}

static void answers_are_remembered_until_forgotten(void **state)
{
	const struct tt_feature_answer *answer = tt_feature_get(TT_FEATURE_BPF);
	bool yes = answer->yes;

	assert_ptr_equal(tt_feature_get(TT_FEATURE_BPF), answer);
	tt_feature_forget();
	assert_null(answer->name);
	assert_int_equal(tt_feature_get(TT_FEATURE_BPF)->yes, yes);
}

static int silent(enum libbpf_print_level level, const char *format, va_list args)
{
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(last_line_skips_statistics_and_blanks),
		cmocka_unit_test(last_line_is_cut_to_the_buffer),
		cmocka_unit_test(an_error_is_in_words),
		cmocka_unit_test_teardown(every_answer_is_explained, forget),
		cmocka_unit_test_teardown(nothing_works_without_bpf, forget),
		cmocka_unit_test_teardown(answers_are_remembered_until_forgotten, forget),
	};

	libbpf_set_print(silent);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
