/* SPDX-License-Identifier: Apache-2.0 */
#include "process/pattern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "util/util.h"

static void patterns_match_names_and_paths(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool matches;
		const char *version;
	} cases[] = {
		{ "opencode-linux-*", "opencode-linux-x64", true, "-" },
		{ "@a/*", "@a/b/c", false, "-" },
		{ "a?c", "abc", true, "-" },
		{ "a?c", "a/c", false, "-" },
		{ "", "", true, "-" },
		{ "*", "", true, "-" },
		{ "~/.x/bin", "/home/u/.x/bin", true, "-" },
		{ "~/.x/bin", "/tmp/h/.x/bin", true, "-" },
		{ "~/.x/bin", "/home/u/not.x/bin", false, "-" },
		{ "~/.x/**", "/root/.x/a/b", true, "-" },
		{ "**/a/*", "/1/a/2/a/3", true, "-" },
		{ "/opt/*/x", "/opt/a/b/x", false, "-" },
		{ "~/v/{version}", "/h/v/2.1.113", true, "2.1.113" },
		{ "~/v/{version}", "/h/v/latest", false, "-" },
		{ "**/p.n-{version}/**", "/e/p.n-1.2.3-linux-x64/a.js", true, "1.2.3-linux-x64" },
		{ "x-{version}.js", "x-1.2.js", true, "1.2" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *version = NULL;

		assert_int_equal(tt_pattern_match(cases[i].pattern, cases[i].text, &version),
				 cases[i].matches);
		assert_string_equal(version ? version : "-", cases[i].version);
	}
}

static void case_matters_unless_asked_otherwise(void **state)
{
	assert_false(tt_pattern_match("continue.continue-*", "Continue.continue-1", NULL));
	assert_true(tt_pattern_match_any_case("continue.continue-*", "Continue.continue-1"));
}

static void a_text_made_to_cost_time_is_given_up(void **state)
{
	char text[4096];

	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_false(tt_pattern_match("*a*a*a*a*a*a*a*b", text, NULL));
	memset(text, '/', sizeof(text) - 1);
	assert_false(tt_pattern_match("**/**/**/**/b", text, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns_match_names_and_paths),
		cmocka_unit_test(case_matters_unless_asked_otherwise),
		cmocka_unit_test(a_text_made_to_cost_time_is_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
