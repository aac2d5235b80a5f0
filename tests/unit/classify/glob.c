/* SPDX-License-Identifier: Apache-2.0 */
/* The pattern matcher: what matches what, and that no input makes it slow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "classify/glob.h"
#include "util/util.h"

static void patterns_match_as_documented(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool matches;
	} cases[] = {
		{ "", "", true },
		{ "a", "a", true },
		{ "a", "b", false },
		{ "a", "ab", false },
		{ "*", "", true },
		{ "*", "abc", true },
		{ "*", "a/b", false },
		{ "a*c", "abbc", true },
		{ "a*c", "abbd", false },
		{ "*a*b*", "xxaxxbxx", true },
		{ "*ab*ab", "ababxab", true },
		{ "?", "", false },
		{ "?", "/", false },
		{ "a?c", "abc", true },
		{ "[a-c]x", "bx", true },
		{ "[a-c]x", "dx", false },
		{ "[!a-c]x", "dx", true },
		{ "[]]", "]", true },
		{ "[a-]", "-", true },
		{ "[a", "a", false },
		{ "[", "[", false },
		{ "\\*", "*", true },
		{ "\\*", "a", false },
		{ "a\\", "a\\", true },
		{ "/a/*/c", "/a/b/c", true },
		{ "/a/*/c", "/a/b/b/c", false },
		{ "/a/**/c", "/a/c", true },
		{ "/a/**/c", "/a/b/b/c", true },
		{ "/a/**/c", "/a/b/b/d", false },
		{ "**/c", "/c", true },
		{ "**/c", "c", true },
		{ "**/c", "/a/b/c", true },
		{ "**/c", "/a/bc", false },
		{ "/a/**", "/a", false },
		{ "/a/**", "/a/b", true },
		{ "/a/**", "/a/b/c", true },
		{ "**", "", true },
		{ "**", "a/b", true },
		{ "**/**/c", "/x/c", true },
		{ "**/a/**/b", "/a/x/a/y/b", true },
		{ "**/a/*/b", "/a/x/a/y/b", true },
		{ "**/a/b/**/c/d", "/a/a/b/c/c/d", true },
		{ "a**b", "axxb", true },
		{ "a**b", "a/b", false },
		{ "/proc/[0-9]*/environ", "/proc/12/environ", true },
		{ "/proc/[0-9]*/environ", "/proc/self/environ", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (tt_glob_match(cases[i].pattern, cases[i].text) != cases[i].matches)
			fail_msg("'%s' and '%s'", cases[i].pattern, cases[i].text);
}

/* A matcher that backtracks naively needs centuries for these. */
static void hostile_text_takes_no_longer(void **state)
{
	char text[4096];

	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_false(tt_glob_match("*a*a*a*a*a*a*a*a*a*a*a*a*b", text));
	for (size_t i = 0; i < sizeof(text) - 1; i += 2)
		text[i] = '/';
	assert_false(tt_glob_match("**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/b", text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns_match_as_documented),
		cmocka_unit_test(hostile_text_takes_no_longer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
