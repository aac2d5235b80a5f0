/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/hosts.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "util/util.h"

/* All entries as text, " " between them; the data at the end of a buffer of its own. */
static const char *entries(const char *data, size_t len)
{
	static char text[4096];
	_cleanup_free_ char *copy = malloc(len ?: 1);
	struct tt_hosts_entry entry;
	size_t at = 0, n = 0;

	assert_non_null(copy);
	memcpy(copy, data, len);
	text[0] = '\0';
	while (tt_hosts_next(copy, len, &at, &entry)) {
		char address[INET6_ADDRSTRLEN];

		assert_true(at <= len);
		inet_ntop(entry.family, entry.addr, address, sizeof(address));
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s=%s", n ? " " : "", address,
				      entry.name);
	}
	assert_int_equal(at, len);
	return text;
}

#define assert_entries(data, expected) assert_string_equal(entries(data, sizeof(data) - 1), expected)

static void a_line_is_an_address_and_its_names(void **state)
{
	assert_entries("127.0.0.1 localhost\n192.0.2.7\tAPI.example.com. api\n",
		       "127.0.0.1=localhost 192.0.2.7=api.example.com");
	assert_entries("::1 ip6-localhost ip6-loopback\nfe00::0 ip6-localnet\n2001:DB8::7 six",
		       "::1=ip6-localhost fe00::=ip6-localnet 2001:db8::7=six");
}

static void comments_and_spaces_do_not_matter(void **state)
{
	assert_entries("# 192.0.2.1 one\n \t192.0.2.2  two#three\r\n\n\r\n192.0.2.3\t \tthree \r\n",
		       "192.0.2.2=two 192.0.2.3=three");
}

static void what_is_no_such_line_is_skipped(void **state)
{
	assert_entries("", "");
	assert_entries("\n\n\n", "");
	assert_entries("192.0.2.1", "");
	assert_entries("192.0.2.1 # nobody\n192.0.2.1 .\n", "");
	assert_entries("name 192.0.2.1\n1.2.3 short\n1.2.3.4.5 long\n192.0.2.256 large\n", "");
	assert_entries(
		"fe80::1%eth0 zone\n1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc long\n", "");
	assert_entries("192.0.2.1\0 nul\n192.0.2.2 ok", "192.0.2.2=ok");
}

static void a_name_cannot_pass_for_another(void **state)
{
	assert_entries("192.0.2.1 a\x01"
		       "b\\c\n",
		       "192.0.2.1=a\\001b\\092c");
}

static void a_name_that_is_too_long_is_nobodys(void **state)
{
	char line[2 * TT_HOST_MAX];
	int n = snprintf(line, sizeof(line), "192.0.2.1 %01100d\n192.0.2.2 b", 0);

	assert_string_equal(entries(line, (size_t)n), "192.0.2.2=b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_is_an_address_and_its_names),
		cmocka_unit_test(comments_and_spaces_do_not_matter),
		cmocka_unit_test(what_is_no_such_line_is_skipped),
		cmocka_unit_test(a_name_cannot_pass_for_another),
		cmocka_unit_test(a_name_that_is_too_long_is_nobodys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
