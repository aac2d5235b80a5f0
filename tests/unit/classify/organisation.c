/* SPDX-License-Identifier: Apache-2.0 */
/* Whose host is whose, by the public suffix list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "classify/organisation.h"
#include "util/util.h"

static void who_registered_a_domain_has_all_below_it(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} cases[] = {
		{ "api.example.com", "example.com", true },
		{ "api.example.com", "a.b.EXAMPLE.com.", true },
		{ "api.example.com", "api.example.org", false },
		{ "a.example.co.uk", "b.example.co.uk", true },
		{ "a.co.uk", "b.co.uk", false },
		{ "a.github.io", "b.github.io", false },
		{ "x.a.github.io", "a.github.io", true },
		{ "com", "com", true },
		{ "com", "example.com", false },
		{ "a.com", "com", false },
		{ "notexample.com", "example.com", false },
		{ "example.com.evil.net", "example.com", false },
		/* where there is no such suffix, whoever is at the top is taken for one */
		{ "a.corp", "b.corp", false },
		{ "x.a.corp", "y.a.corp", true },
		{ "localhost", "localhost", true },
		{ "localhost", "other", false },
		/* addresses have no domain */
		{ "192.0.2.7", "192.0.2.7", true },
		{ "192.0.2.7", "198.51.2.7", false },
		{ "10.0.2.7", "10.1.2.7", false },
		{ "2001:db8::1", "2001:db8::2", false },
		{ "", "", false },
		{ ".", ".", false },
		{ "..", ".com", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (tt_same_organisation(cases[i].a, cases[i].b) != cases[i].same ||
		    tt_same_organisation(cases[i].b, cases[i].a) != cases[i].same)
			fail_msg("'%s' and '%s'", cases[i].a, cases[i].b);
}

static void what_is_too_long_is_nobodys(void **state)
{
	char host[1024];

	memset(host, 'a', sizeof(host));
	memcpy(host + sizeof(host) - 5, ".com", 5);
	assert_false(tt_same_organisation(host, host));
	assert_false(tt_same_organisation(host, "a.com"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_registered_a_domain_has_all_below_it),
		cmocka_unit_test(what_is_too_long_is_nobodys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
