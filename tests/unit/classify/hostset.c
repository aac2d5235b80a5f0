/* SPDX-License-Identifier: Apache-2.0 */
/* Which hosts an entry stands for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>

#include "classify/hostset.h"
#include "util/util.h"

static void collect(int16_t number, void *arg)
{
	*(unsigned *)arg |= 1u << number;
}

static unsigned find(const struct tt_hostset *set, const char *host)
{
	unsigned found = 0;

	tt_hostset_find(set, host, collect, &found);
	return found;
}

static const char *const patterns[] = {
	"example.org",		".example.org", "*.example.org", "a-*.example.org",
	"api.*.eu.example.org", "example.com",	".org"
};
static const struct {
	const char *host;
	unsigned found;
} cases[] = {
	{ "example.org", 1 << 0 | 1 << 1 | 1 << 6 },
	{ "EXAMPLE.Org.", 1 << 0 | 1 << 1 | 1 << 6 },
	{ "x.example.org", 1 << 1 | 1 << 2 | 1 << 6 },
	{ "x.y.example.org", 1 << 1 | 1 << 6 },
	{ "a-.example.org", 1 << 1 | 1 << 2 | 1 << 3 | 1 << 6 },
	{ "a-1.example.org", 1 << 1 | 1 << 2 | 1 << 3 | 1 << 6 },
	{ "api.x.eu.example.org", 1 << 1 | 1 << 4 | 1 << 6 },
	{ "api.x.y.eu.example.org", 1 << 1 | 1 << 6 },
	{ "api..eu.example.org", 1 << 1 | 1 << 4 | 1 << 6 },
	{ "notexample.org", 1 << 6 },
	{ "org", 1 << 6 },
	{ "example.com", 1 << 5 },
	{ "x.example.com", 0 },
	{ "example.com.evil.net", 0 },
	{ "com", 0 },
	{ "", 0 },
	{ ".", 0 },
	{ "..", 0 },
	{ "a/b.example.org", 0 },
	{ "example/org", 0 },
};

static void entries_stand_for_what_is_documented(void **state)
{
	struct tt_hostset set = { 0 };
	int16_t *number;

	assert_int_equal(find(&set, "example.org"), 0);
	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
		assert_int_equal(tt_hostset_put(&set, patterns[i], &number), 0);
		assert_int_equal(*number, TT_NONE);
		*number = (int16_t)i;
	}
	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
		assert_int_equal(tt_hostset_put(&set, patterns[i], &number), 0);
		assert_int_equal(*number, i);
	}
	assert_int_equal(tt_hostset_put(&set, "x.*", &number), -EINVAL);
	assert_int_equal(tt_hostset_put(&set, "", &number), -EINVAL);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (find(&set, cases[i].host) != cases[i].found)
			fail_msg("'%s': %#x, expected %#x", cases[i].host, find(&set, cases[i].host),
				 cases[i].found);
	tt_hostset_done(&set);
}

static void a_single_pattern_says_the_same(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (size_t k = 0; k < ARRAY_SIZE(patterns); k++)
			if (tt_host_matches(patterns[k], cases[i].host) != !!(cases[i].found & 1u << k))
				fail_msg("'%s' and '%s'", patterns[k], cases[i].host);
	assert_false(tt_host_matches("x.*", "x.y"));
	assert_false(tt_host_matches("", ""));
}

static void hostile_hosts_are_found_nothing_for(void **state)
{
	struct tt_hostset set = { 0 };
	int16_t *number;
	char host[2048];

	assert_int_equal(tt_hostset_put(&set, ".a", &number), 0);
	*number = 0;
	assert_int_equal(tt_hostset_put(&set, "*a*a*a*a*b.a", &number), 0);
	*number = 1;
	for (size_t i = 0; i < sizeof(host); i++)
		host[i] = i % 2 ? '.' : 'a';
	host[sizeof(host) - 1] = '\0';
	assert_int_equal(find(&set, host), 0);
	host[255] = '\0';
	assert_int_equal(find(&set, host), 0);
	host[253] = '\0';
	assert_int_equal(find(&set, host), 1);
	host[254] = '\0';
	host[253] = '.';
	assert_int_equal(find(&set, host), 1);
	for (int c = 1; c < 256; c++) {
		char one[] = { (char)c, '.', 'a', '\0' };

		assert_int_equal(find(&set, one), c == '/' ? 0 : 1);
	}
	tt_hostset_done(&set);
}

static void addresses_are_told_from_names(void **state)
{
	static const struct {
		const char *host, *address;
	} addresses[] = {
		{ "192.0.2.7", "192.0.2.7" },
		{ "3221225991", "192.0.2.7" },
		{ "0xc0.2.7", "192.2.0.7" },
		{ "192.0.519", "192.0.2.7" },
		{ "0300.0.02.07", "192.0.2.7" },
		{ "::1", "::1" },
		{ "::ffff:192.0.2.7", "::ffff:192.0.2.7" },
		{ "192.0.2.7.", NULL },
		{ "192.0.2.300", NULL },
		{ "192.0.2.7 x", NULL },
		{ "192.0.2.7\n", NULL },
		{ "192.0.2.7.example.org", NULL },
		{ "1.example", NULL },
		{ "a:b", NULL },
		{ "localhost", NULL },
		{ "", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
		char text[INET6_ADDRSTRLEN] = "";
		uint8_t addr[16];
		int family;
		bool is_one = tt_host_address(addresses[i].host, &family, addr);

		if (is_one)
			inet_ntop(family, addr, text, sizeof(text));
		if (is_one != !!addresses[i].address || (is_one && strcmp(text, addresses[i].address) != 0))
			fail_msg("'%s' is '%s'", addresses[i].host, text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_stand_for_what_is_documented),
		cmocka_unit_test(a_single_pattern_says_the_same),
		cmocka_unit_test(hostile_hosts_are_found_nothing_for),
		cmocka_unit_test(addresses_are_told_from_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
