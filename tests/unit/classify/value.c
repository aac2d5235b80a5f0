/* SPDX-License-Identifier: Apache-2.0 */
/* Hosts out of values; above all, what must not be taken for one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "classify/classify.h"
#include "util/util.h"

static void the_host_of_a_url_is_found(void **state)
{
	static const char *const cases[][2] = {
		{ "https://API.Example.com/v1?x=1", "api.example.com" },
		{ "http://user:pa:ss@proxy.corp:8080", "proxy.corp" },
		{ "http://user@with@proxy.corp:8080/", "proxy.corp" },
		{ "socks5h://127.0.0.1:1080", "127.0.0.1" },
		{ "http://[::1]:8080/x", "::1" },
		{ "http://[FE80::1]", "fe80::1" },
		{ "//host/x", "host" },
		{ "proxy.corp:3128", "proxy.corp" },
		{ "proxy:3128", "proxy" },
		{ "user:secret@proxy.corp:3128", "proxy.corp" },
		{ "localhost", "localhost" },
		{ "api.example.com/v1", "api.example.com" },
		{ "10.1.2.3", "10.1.2.3" },
		{ "http://gateway", "gateway" },
		{ "http://gateway:", "gateway" },
		{ "  http://gateway/ ", "gateway" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char host[256] = "";

		if (!tt_classify_url_host(cases[i][0], host, sizeof(host)))
			fail_msg("no host in '%s'", cases[i][0]);
		assert_string_equal(host, cases[i][1]);
	}
}

static void secrets_and_nonsense_have_no_host(void **state)
{
	static const char *const cases[] = {
		"",
		"sk-ant-api03-abcdef",
		"ghp_0123456789abcdefghijABCDEFGHIJ",
		"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c",
		"http://user:pa/ss@host:8080",
		"http://user:pa#ss@host:8080",
		"http://user:pa?ss@host:8080",
		"http://",
		"http://:80",
		"http://host:port",
		"http://host:123456",
		"http://a..b/",
		"http://ho st/",
		"http://[::1",
		"http://[::1]x",
		"http://[zz]/",
		"a,b,c",
		".example.com,localhost",
		"on",
		"1.2.x3",
		"host name.com",
		"http://\xff\xfe/",
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char host[256] = "";

		if (tt_classify_url_host(cases[i], host, sizeof(host)))
			fail_msg("'%s' in '%s'", host, cases[i]);
	}
	assert_false(tt_classify_url_host(NULL, NULL, 0));
}

static void a_small_buffer_is_never_overrun(void **state)
{
	char host[4] = "###";

	assert_false(tt_classify_url_host("http://abcd", host, sizeof(host)));
	assert_true(tt_classify_url_host("http://abc", host, sizeof(host)));
	assert_string_equal(host, "abc");
	assert_false(tt_classify_url_host("http://abc", host, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_host_of_a_url_is_found),
		cmocka_unit_test(secrets_and_nonsense_have_no_host),
		cmocka_unit_test(a_small_buffer_is_never_overrun),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
