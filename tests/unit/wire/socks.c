/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/socks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "util/util.h"

#define BYTES(s) s, sizeof(s) - 1

/* Of bytes that end where they end, so that a sanitizer sees who reads on. */
static enum tt_wire_result request(const char *data, size_t len, struct tt_socks *ret)
{
	_cleanup_free_ char *copy = malloc(len ? len : 1);

	assert_non_null(copy);
	memcpy(copy, data, len);
	return tt_socks_request(copy, len, ret);
}

static const struct {
	const char *data;
	size_t len;
	unsigned version;
	enum tt_socks_command command;
	const char *host;
	bool is_name;
	uint16_t port;
} requests[] = {
	{ BYTES("\4\1\0\x50\xc0\0\2\1\0"), 4, TT_SOCKS_CONNECT, "192.0.2.1", false, 80 },
	{ BYTES("\4\2\x1f\x90\xc0\0\2\1nobody\0"), 4, TT_SOCKS_BIND, "192.0.2.1", false, 8080 },
	{ BYTES("\4\1\1\xbb\0\0\0\1nobody\0API.example.com\0"), 4, TT_SOCKS_CONNECT, "api.example.com", true,
	  443 },
	{ BYTES("\4\1\1\xbb\0\0\0\xff\0a\0"), 4, TT_SOCKS_CONNECT, "a", true, 443 },
	{ BYTES("\4\1\1\xbb\0\0\0\0\0"), 4, TT_SOCKS_CONNECT, "0.0.0.0", false, 443 },
	{ BYTES("\5\1\0\5\1\0\1\xc0\0\2\1\0\x50"), 5, TT_SOCKS_CONNECT, "192.0.2.1", false, 80 },
	{ BYTES("\5\3\0\1\2\5\1\0\3\017API.example.com\1\xbb"), 5, TT_SOCKS_CONNECT, "api.example.com", true,
	  443 },
	{ BYTES("\5\1\2\1\4user\6secret\5\1\0\3\1a\1\xbb"), 5, TT_SOCKS_CONNECT, "a", true, 443 },
	{ BYTES("\5\2\0\2\1\0\0\5\1\0\3\1a\1\xbb"), 5, TT_SOCKS_CONNECT, "a", true, 443 },
	{ BYTES("\5\1\0\5\1\0\4\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1\1\xbb"), 5, TT_SOCKS_CONNECT,
	  "2001:db8::1", false, 443 },
	{ BYTES("\5\1\0\5\2\0\1\xc0\0\2\1\0\x15"), 5, TT_SOCKS_BIND, "192.0.2.1", false, 21 },
	{ BYTES("\5\1\0\5\3\0\1\0\0\0\0\0\0"), 5, TT_SOCKS_UDP_ASSOCIATE, "0.0.0.0", false, 0 },
	{ BYTES("\5\1\0\5\1\xff\3\011192.0.2.1\0\x16"), 5, TT_SOCKS_CONNECT, "192.0.2.1", true, 22 },
	{ BYTES("\5\1\0\5\1\0\3\016bank.example\0a\1\xbb"), 5, TT_SOCKS_CONNECT, "bank.example\\000a", true,
	  443 },
	{ BYTES("\5\1\0\5\1\0\3\5a\nb c\1\xbb"), 5, TT_SOCKS_CONNECT, "a\\010b\\032c", true, 443 },
};

static void a_request_names_its_host(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		char data[128] = { 0 };
		struct tt_socks socks;

		/* What the tunnel carries is nothing of its business. */
		memcpy(data, requests[i].data, requests[i].len);
		for (size_t more = 0; more < 2; more++) {
			assert_int_equal(request(data, requests[i].len + more, &socks), TT_WIRE_FOUND);
			assert_int_equal(socks.version, requests[i].version);
			assert_int_equal(socks.command, requests[i].command);
			assert_string_equal(socks.host, requests[i].host);
			assert_int_equal(socks.is_name, requests[i].is_name);
			assert_int_equal(socks.port, requests[i].port);
			assert_int_equal(socks.end, requests[i].len);
		}
	}
}

static void a_request_cut_anywhere_waits_for_more(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++)
		for (size_t len = 0; len < requests[i].len; len++) {
			struct tt_socks socks = { .end = 4711 };

			assert_int_equal(request(requests[i].data, len, &socks), TT_WIRE_MORE);
			assert_int_equal(socks.end, 4711);
		}
}

static void an_empty_name_is_nobodys(void **state)
{
	struct tt_socks socks;

	assert_int_equal(request(BYTES("\5\1\0\5\1\0\3\0\1\xbb"), &socks), TT_WIRE_NONE);
	assert_int_equal(request(BYTES("\5\1\0\5\1\0\3\1.\1\xbb"), &socks), TT_WIRE_NONE);
	assert_int_equal(request(BYTES("\4\1\1\xbb\0\0\0\1\0\0"), &socks), TT_WIRE_NONE);
}

static void the_longest_names_fit_or_are_nobodys(void **state)
{
	static const char v5[] = "\5\1\0\5\1\0\3\xff", v4[] = "\4\1\1\xbb\0\0\0\1";
	struct tt_socks socks;
	char data[4096];

	memset(data, 0x80, sizeof(data));
	memcpy(data, BYTES(v5));
	assert_int_equal(request(data, sizeof(v5) - 1 + 255 + 2, &socks), TT_WIRE_FOUND);
	assert_int_equal(strlen(socks.host), 4 * 255);

	memcpy(data, v4, sizeof(v4));
	assert_int_equal(request(data, sizeof(data), &socks), TT_WIRE_MORE);
	data[sizeof(data) - 1] = '\0';
	assert_int_equal(request(data, sizeof(data), &socks), TT_WIRE_NONE);
}

static void a_method_of_its_own_cannot_be_followed(void **state)
{
	static const struct {
		const char *data;
		size_t len;
		enum tt_wire_result result;
	} cases[] = {
		{ BYTES("\5\1\1\1"), TT_WIRE_NONE }, /* GSSAPI */
		{ BYTES("\5\2\0\1\1"), TT_WIRE_NONE },
		{ BYTES("\5\2\0\1\5\1\0\3\1a\1\xbb"), TT_WIRE_FOUND }, /* offered, not chosen */
		{ BYTES("\5\3\0\1\2\1\1\0\4\x60\x60\x60\x60\1"), TT_WIRE_NONE },
		{ BYTES("\5\2\0\x80\x42"), TT_WIRE_NONE },
		{ BYTES("\5\1\0\1"), TT_WIRE_OTHER }, /* a password, which was not offered */
		{ BYTES("\5\1\2\1\1u\1p\1"), TT_WIRE_OTHER },
		{ BYTES("\5\2\0\2\x16"), TT_WIRE_OTHER },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tt_socks socks;

		assert_int_equal(request(cases[i].data, cases[i].len, &socks), cases[i].result);
		assert_int_equal(request(cases[i].data, cases[i].len - 1, &socks), TT_WIRE_MORE);
	}
}

/* All but the last byte can still become a request. */
static void what_is_no_request_is_refused_at_once(void **state)
{
	static const struct {
		const char *data;
		size_t len;
	} cases[] = {
		{ BYTES("\0") },
		{ BYTES("\x16") },
		{ BYTES("\3") },
		{ BYTES("\6") },
		{ BYTES("G") },
		{ BYTES("\4\0") },
		{ BYTES("\4\3") },
		{ BYTES("\5\0") },
		{ BYTES("\5\1\0\4") },
		{ BYTES("\5\1\0\5\0") },
		{ BYTES("\5\1\0\5\4") },
		{ BYTES("\5\1\0\5\1\0\0") },
		{ BYTES("\5\1\0\5\1\0\2") },
		{ BYTES("\5\1\0\5\1\0\5") },
		{ BYTES("\5\1\0\5\1\0\xff") },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tt_socks socks;

		assert_int_equal(request(cases[i].data, cases[i].len, &socks), TT_WIRE_OTHER);
		assert_int_equal(request(cases[i].data, cases[i].len - 1, &socks), TT_WIRE_MORE);
	}
}

static void changed_bytes_are_read_without_harm(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		for (size_t at = 0; at < requests[i].len; at++) {
			for (unsigned value = 0; value < 256; value++) {
				char data[128];
				struct tt_socks socks;

				memcpy(data, requests[i].data, requests[i].len);
				data[at] = (char)value;
				if (request(data, requests[i].len, &socks) == TT_WIRE_FOUND)
					assert_true(socks.end <= requests[i].len);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_names_its_host),
		cmocka_unit_test(a_request_cut_anywhere_waits_for_more),
		cmocka_unit_test(an_empty_name_is_nobodys),
		cmocka_unit_test(the_longest_names_fit_or_are_nobodys),
		cmocka_unit_test(a_method_of_its_own_cannot_be_followed),
		cmocka_unit_test(what_is_no_request_is_refused_at_once),
		cmocka_unit_test(changed_bytes_are_read_without_harm),
	};

	return cmocka_run_group_tests_name("wire socks", tests, NULL, NULL);
}
