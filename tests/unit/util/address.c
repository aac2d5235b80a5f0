/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>

#include "util/address.h"
#include "util/util.h"

static void what_is_not_of_an_address_does_not_count(void **state)
{
	const uint8_t one[16] = { 192, 0, 2, 7, 1 }, other[16] = { 192, 0, 2, 7, 2 };
	struct tt_address a = tt_address_of(AF_INET, one), b = tt_address_of(AF_INET, other);

	assert_memory_equal(&a, &b, sizeof(a));

	a = tt_address_of(AF_INET6, one);
	b = tt_address_of(AF_INET6, other);
	assert_memory_not_equal(&a, &b, sizeof(a));
}

static void a_mapped_address_is_the_one_inside(void **state)
{
	static const struct {
		const char *text, *plain;
	} cases[] = {
		{ "::ffff:192.0.2.7", "192.0.2.7" },
		{ "::ffff:0.0.0.0", "0.0.0.0" },
		{ "::192.0.2.7", NULL },
		{ "64:ff9b::192.0.2.7", NULL },
		{ "::ffff:0:192.0.2.7", NULL },
		{ "2001:db8::ffff:c000:207", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint8_t addr[16], inside[16] = { 0 };
		struct tt_address got, expected;

		assert_int_equal(inet_pton(AF_INET6, cases[i].text, addr), 1);
		expected = tt_address_of(AF_INET6, addr);
		if (cases[i].plain) {
			assert_int_equal(inet_pton(AF_INET, cases[i].plain, inside), 1);
			expected = tt_address_of(AF_INET, inside);
		}

		got = tt_address_plain(AF_INET6, addr);

		assert_memory_equal(&got, &expected, sizeof(got));
	}
}

/* Its first bytes are its own, whatever follows. */
static void an_ipv4_address_is_never_taken_for_a_mapped_one(void **state)
{
	const uint8_t addr[16] = { [10] = 0xff, [11] = 0xff, [12] = 1 };
	struct tt_address got = tt_address_plain(AF_INET, addr);

	assert_int_equal(got.family, AF_INET);
	assert_int_equal(got.addr[0], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_of_an_address_does_not_count),
		cmocka_unit_test(a_mapped_address_is_the_one_inside),
		cmocka_unit_test(an_ipv4_address_is_never_taken_for_a_mapped_one),
	};

	return cmocka_run_group_tests_name("util address", tests, NULL, NULL);
}
