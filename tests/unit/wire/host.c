/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define CLEAN(name, ret) tt_host_clean(name, sizeof(name) - 1, ret)

static void hosts_become_one_spelling(void **state)
{
	static const struct {
		const char *given, *kept;
	} cases[] = {
		{ "API.Example.COM", "api.example.com" },
		{ "example.com.", "example.com" },
		{ "[2001:DB8::1]", "2001:db8::1" },
		{ "192.0.2.1", "192.0.2.1" },
		{ "a", "a" },
		{ "xn--bcher-kva.example", "xn--bcher-kva.example" },
		{ "a b\\c", "a\\032b\\092c" },
		{ "b\xc3\xbc.de", "b\\195\\188.de" },
	};
	char host[TT_HOST_MAX];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(tt_host_clean(cases[i].given, strlen(cases[i].given), host));
		assert_string_equal(host, cases[i].kept);
	}
}

static void nul_does_not_end_a_name(void **state)
{
	char host[TT_HOST_MAX];

	assert_true(CLEAN("bank.example\0.evil.example", host));
	assert_string_equal(host, "bank.example\\000.evil.example");
}

static void nothing_is_no_name(void **state)
{
	char host[TT_HOST_MAX] = "x";

	assert_false(CLEAN("", host));
	assert_string_equal(host, "");
	assert_false(CLEAN(".", host));
	assert_string_equal(host, "");
}

static void what_does_not_fit_is_no_name(void **state)
{
	char host[TT_HOST_MAX], name[4096];

	memset(name, 0x80, sizeof(name));
	assert_true(tt_host_clean(name, 253, host));
	assert_int_equal(strlen(host), 4 * 253);
	assert_false(tt_host_clean(name, 256, host));
	assert_string_equal(host, "");
	memset(name, 'a', sizeof(name));
	assert_true(tt_host_clean(name, 1000, host));
	assert_false(tt_host_clean(name, sizeof(name), host));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hosts_become_one_spelling),
		cmocka_unit_test(nul_does_not_end_a_name),
		cmocka_unit_test(nothing_is_no_name),
		cmocka_unit_test(what_does_not_fit_is_no_name),
	};

	return cmocka_run_group_tests_name("wire host", tests, NULL, NULL);
}
