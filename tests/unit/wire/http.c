/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "util/util.h"

/* Of bytes that end where they end, so that a sanitizer sees who reads on. */
static enum tt_wire_result request(const char *data, size_t len, struct tt_http *ret)
{
	_cleanup_free_ char *copy = malloc(len ? len : 1);

	assert_non_null(copy);
	memcpy(copy, data, len);
	return tt_http_request(copy, len, ret);
}

static enum tt_wire_result request_text(const char *text, struct tt_http *ret)
{
	return request(text, strlen(text), ret);
}

#define CURL                                                                                                 \
	"GET /v1/models HTTP/1.1\r\nHost: API.Example.com:8080\r\nUser-Agent: curl/7.88.1\r\nAccept: "       \
	"*/*\r\n\r\n"
#define NODE                                                                                                 \
	"CONNECT api.example.com:443 HTTP/1.1\r\nHost: other.example:443\r\nProxy-Connection: "              \
	"keep-alive\r\n\r\n"

static void a_request_names_its_host(void **state)
{
	static const struct {
		const char *head, *host;
		uint16_t port;
	} cases[] = {
		{ CURL, "api.example.com", 8080 },
		{ "POST / HTTP/1.1\r\nContent-Length: 2\r\nhOsT:a.example.\r\n\r\n{}", "a.example", 0 },
		{ "GET / HTTP/1.0\r\nHost:\t a.example \t\r\n\r\n", "a.example", 0 },
		{ "BREW /pot HTTP/1.1\r\nHost: a.example:\r\n\r\n", "a.example", 0 },
		{ "OPTIONS * HTTP/1.1\r\nHost: [2001:DB8::1]:8443\r\n\r\n", "2001:db8::1", 8443 },
		{ "GET / HTTP/1.1\r\nHost: 192.0.2.1:80\r\n\r\n", "192.0.2.1", 80 },
		{ "M-SEARCH * HTTP/1.1\r\nHost: 239.255.255.250:1900\r\n\r\n", "239.255.255.250", 1900 },
		{ "GET /?u=http://b.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n", "a.example", 0 },
		{ "GET index.html HTTP/1.1\r\nHost: a.example\r\n\r\n", "a.example", 0 },
		{ "GET /\xc3\xbc HTTP/1.1\r\nHost: a.example\r\n\r\n", "a.example", 0 },
		{ "GET / HTTP/1.1\r\nX-Host: b.example\r\nHos: c\r\nHosts: d\r\nHost: a.example\r\n\r\n",
		  "a.example", 0 },
		{ "GET / HTTP/1.1\r\nHost: user:secret@a.example:1\r\n\r\n", "a.example", 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tt_http http;

		assert_int_equal(request_text(cases[i].head, &http), TT_WIRE_FOUND);
		assert_string_equal(http.host, cases[i].host);
		assert_int_equal(http.port, cases[i].port);
		assert_int_equal(http.version, 1);
		assert_false(http.is_connect || http.absolute || http.ambiguous);
	}
}

static void what_only_some_servers_take_names_a_host_too(void **state)
{
	static const struct {
		const char *head, *host;
	} cases[] = {
		{ "GET / HTTP/1.1\nHost: a.example\n\n", "a.example" },
		{ "\r\n\r\nGET / HTTP/1.1\r\nHost: a.example\r\n\r\n", "a.example" },
		{ "GET  / \t HTTP/1.1 \r\nHost: a.example\r\n\r\n", "a.example" },
		{ "GET / HTTP/1.1\r\nHost : a.example\r\n\r\n", "a.example" },
		{ "GET / HTTP/1.1\r\nHost:\r\n a.example\r\n\r\n", "a.example" },
		{ "GET / HTTP/1.1\r\nA: b\r\n\tHost: b.example\r\nHost: a.example\r\n\r\n", "a.example" },
		{ "GET / HTTP/1.1\r\n Host: b.example\r\nHost: a.example\r\n\r\n", "a.example" },
		{ "GET / HTTP/1.1\r\nno colon\r\nHost: a.example\r\n\r\n", "a.example" },
		{ "GET / HTTP/1.1\r\nHost: a b\\c.example\r\n\r\n", "a\\032b\\092c.example" },
		{ "GET / HTTP/1.1\r\nHost: a.example\r\n b.example\r\n\r\n",
		  "a.example\\013\\010\\032b.example" },
		{ "GET / HTTP/1.1\r\nHost: a.example\rHost: b.example\r\n\r\n",
		  NULL /* the second colon is a port's */ },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tt_http http;

		assert_int_equal(request_text(cases[i].head, &http),
				 cases[i].host ? TT_WIRE_FOUND : TT_WIRE_NONE);
		assert_string_equal(http.host, cases[i].host ?: "");
	}
}

static void nul_does_not_end_a_host(void **state)
{
	static const char head[] = "GET / HTTP/1.1\r\nHost: bank.example\0.evil.example\r\n\r\n";
	struct tt_http http;

	assert_int_equal(request(head, sizeof(head) - 1, &http), TT_WIRE_FOUND);
	assert_string_equal(http.host, "bank.example\\000.evil.example");
}

static void connect_names_whom_the_tunnel_leads_to(void **state)
{
	static const struct {
		const char *target, *host;
		uint16_t port;
	} cases[] = {
		{ "api.example.com:443", "api.example.com", 443 },
		{ "[2001:db8::1]:443", "2001:db8::1", 443 },
		{ "192.0.2.1:22", "192.0.2.1", 22 },
		{ "a.example", "a.example", 0 },
		{ "a.example:65535", "a.example", 65535 },
		{ "user:secret@a.example:00443", "a.example", 443 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tt_http http;
		char head[256];
		int len = snprintf(head, sizeof(head), "CONNECT %s HTTP/1.1\r\nHost: other.example\r\n\r\n",
				   cases[i].target);

		strcpy(head + len, "\x16\x03\x01");
		assert_int_equal(request_text(head, &http), TT_WIRE_FOUND);
		assert_string_equal(http.host, cases[i].host);
		assert_int_equal(http.port, cases[i].port);
		assert_int_equal(http.end, len);
		assert_true(http.is_connect);
		assert_false(http.absolute || http.ambiguous);
	}
}

static void connect_is_found_when_its_head_has_come_and_its_host_is_known_before(void **state)
{
	struct tt_http http;

	for (size_t len = 0; len < strlen(NODE); len++) {
		assert_int_equal(request(NODE, len, &http), TT_WIRE_MORE);
		assert_string_equal(http.host, len < strlen("CONNECT api.example.com:443 HTTP/1.1\r\n")
						       ? ""
						       : "api.example.com");
		assert_int_equal(http.end, 0);
	}
	assert_int_equal(request_text(NODE, &http), TT_WIRE_FOUND);
	assert_int_equal(http.end, strlen(NODE));
}

static void a_targets_host_wins_over_the_field(void **state)
{
	static const struct {
		const char *target, *host;
		uint16_t port;
	} cases[] = {
		{ "http://A.example/x", "a.example", 80 },
		{ "HTTP://a.example", "a.example", 80 },
		{ "http://a.example:3128/x@y:1/", "a.example", 3128 },
		{ "https://a.example?q=/", "a.example", 443 },
		{ "ftp://a.example/file", "a.example", 0 },
		{ "http://[2001:db8::1]:81#f", "2001:db8::1", 81 },
		{ "http://user:secret@a.example/", "a.example", 80 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tt_http http;
		char head[256];

		snprintf(head, sizeof(head), "GET %s HTTP/1.1\r\nHost: b.example\r\nHost: c.example\r\n\r\n",
			 cases[i].target);
		assert_int_equal(request_text(head, &http), TT_WIRE_FOUND);
		assert_string_equal(http.host, cases[i].host);
		assert_int_equal(http.port, cases[i].port);
		assert_true(http.absolute);
		assert_false(http.is_connect || http.ambiguous);
	}
}

static void the_first_of_many_hosts_is_kept_and_doubted_if_another_differs(void **state)
{
	static const struct {
		const char *fields, *host;
		bool ambiguous;
	} cases[] = {
		{ "Host: a.example\r\nHost: b.example\r\n", "a.example", true },
		{ "Host: a.example\r\nhost: A.EXAMPLE.\r\n", "a.example", false },
		{ "Host: a.example\r\nHost: a.example:81\r\n", "a.example", true },
		{ "Host: a.example\r\nHost:\r\n", "a.example", true },
		{ "Host:\r\nHost: a.example\r\n", "a.example", true },
		{ "Host: a.example/b\r\nHost: a.example\r\n", "a.example", true },
		{ "Host: a.example\r\nHost: a.example\r\nHost: b.example\r\n", "a.example", true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tt_http http;
		char head[256];

		snprintf(head, sizeof(head), "GET / HTTP/1.1\r\n%s\r\n", cases[i].fields);
		assert_int_equal(request_text(head, &http), TT_WIRE_FOUND);
		assert_string_equal(http.host, cases[i].host);
		assert_int_equal(http.port, 0);
		assert_int_equal(http.ambiguous, cases[i].ambiguous);
	}
}

static void a_head_without_a_host_names_nobody(void **state)
{
	static const char *const fields[] = {
		"",
		"Accept: */*\r\n",
		"Host:\r\n",
		"Host: \t\r\n",
		"Host: :80\r\n",
		"Host: .\r\n",
		"Host: a.example:99999\r\n",
		"Host: a.example:4294967376\r\n",
		"Host: a.example:8O\r\n",
		"Host: a.example:80:80\r\n",
		"Host: a.example/path\r\n",
		"Host: http://a.example\r\n",
		"Host: 2001:db8::1\r\n",
		"Host: [2001:db8::1\r\n",
		"Host: [2001:db8::1]80\r\n",
		"Host: [[::1]]\r\n",
		"Host: [a.example]\r\n",
		"Host: []\r\n",
		"Host: a.example]\r\n",
		"Host\r\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		struct tt_http http;
		char head[256];

		snprintf(head, sizeof(head), "GET / HTTP/1.0\r\n%s\r\n", fields[i]);
		assert_int_equal(request_text(head, &http), TT_WIRE_NONE);
		assert_string_equal(http.host, "");
		assert_int_equal(http.port, 0);
		assert_int_equal(http.end, strlen(head));
	}
}

static void a_host_that_does_not_fit_names_nobody(void **state)
{
	char head[4096];
	struct tt_http http;

	snprintf(head, sizeof(head), "GET / HTTP/1.1\r\nHost: %03000d\r\n\r\n", 7);
	assert_int_equal(request_text(head, &http), TT_WIRE_NONE);
	snprintf(head, sizeof(head), "GET / HTTP/1.1\r\nHost: a.example:%03000d\r\n\r\n", 7);
	assert_int_equal(request_text(head, &http), TT_WIRE_FOUND);
	assert_int_equal(http.port, 7);
}

static void the_preface_of_http_2_names_nobody(void **state)
{
	static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
	struct tt_http http;

	for (size_t len = 0; len < strlen("PRI * HTTP/2.0\r\n"); len++)
		assert_int_equal(request(preface, len, &http), TT_WIRE_MORE);
	assert_int_equal(request_text(preface, &http), TT_WIRE_NONE);
	assert_int_equal(http.version, 2);
}

/* The text up to '|' can still become a request; with the next byte it cannot. */
static void what_is_no_request_is_refused_at_once(void **state)
{
	static const char *const texts[] = {
		"|\x16\x03\x01\x02\x00\x01",
		"|\x05\x01\x00",
		"| GET / HTTP/1.1",
		"|\x7f",
		"|\xff",
		"|:",
		"\r\n\r\n|\xff",
		"SSH-2.0-OpenSSH_9.2p1|\r\n",
		"SSH-2.0-OpenSSH_9.2p1 Debian-2|\r\n",
		"EHLO client.example|\r\n",
		"USER anonymous|\r\n",
		"*1|\r\n$4\r\nPING\r\n",
		"SET key |value\r\n",
		"GET /|\r\n",
		"GET / |\r\n",
		"GET /|\x01 HTTP/1.1",
		"GET / HTTP/|3",
		"GET / HTTP/1.|x",
		"GET / HTTP/1.1|1",
		"GET / HTTP/1.1 |x",
		"GET / HTTP/1.1\r|x",
		"GET / HTTP/1.|\r\n",
		"GET / HTTP/1|,1\r\n",
		"GET / HTTP/1.1 |HTTP/1.1\r\n",
		"GET / HTTP|S/1.1",
		"GET / HTTP/2.0\r|\n",
		"PRI / HTTP/2.0\r|\n",
		"PRI * HTTP/2.1\r|\n",
		"HTTP|/1.1 200 OK\r\n",
		"CONNECT / HTTP/1.1\r|\n",
		"CONNECT :443 HTTP/1.1\r|\n",
		"CONNECT http://a.example/ HTTP/1.1\r|\n",
		"CONNECT a.example:0x1bb HTTP/1.1\r|\n",
		"CONNECT a.example:65536 HTTP/1.1\r|\n",
		"GET http:///x HTTP/1.1\r|\n",
		"GET http://user@/x HTTP/1.1\r|\n",
		"GET http://[::1/x HTTP/1.1\r|\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		char text[128];
		size_t good = strcspn(texts[i], "|");
		struct tt_http http;

		snprintf(text, sizeof(text), "%.*s%s", (int)good, texts[i], texts[i] + good + 1);
		for (size_t len = 0; len <= strlen(text); len++) {
			assert_int_equal(request(text, len, &http),
					 len <= good ? TT_WIRE_MORE : TT_WIRE_OTHER);
			assert_string_equal(http.host, "");
			assert_int_equal(http.version, 0);
		}
	}
}

/* What was decided of a beginning stays so, and is decided the same wherever it was cut. */
static void a_request_cut_anywhere_waits_for_more(void **state)
{
	size_t known = strlen("GET /v1/models HTTP/1.1\r\nHost: API.Example.com:8080\r\nU");
	struct tt_http http;

	for (size_t len = 0; len <= strlen(CURL); len++) {
		assert_int_equal(request(CURL, len, &http), len < known ? TT_WIRE_MORE : TT_WIRE_FOUND);
		assert_string_equal(http.host, len < known ? "" : "api.example.com");
		assert_int_equal(http.end, len < strlen(CURL) ? 0 : len);
	}
}

static void a_head_without_an_end_waits_for_more(void **state)
{
	static const char *const beginnings[] = { "", "GET /",
						  "GET / HTTP/1.1\r\nX: ", "GET / HTTP/1.1\r\nHost: " };
	char head[4096];

	for (size_t i = 0; i < ARRAY_SIZE(beginnings); i++) {
		struct tt_http http;

		memset(head, 'a', sizeof(head));
		memcpy(head, beginnings[i], strlen(beginnings[i]));
		assert_int_equal(request(head, sizeof(head), &http), TT_WIRE_MORE);
		assert_string_equal(http.host, "");
	}
}

static void changed_bytes_are_read_without_harm(void **state)
{
	static const char bytes[] = "\0\r\n :@[]/?#\x7f\xff";
	static const char *const heads[] = { CURL, NODE, "GET http://u@[::1]:1/ HTTP/1.1\r\n\r\n" };

	for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
		for (size_t at = 0; at < strlen(heads[i]); at++) {
			for (size_t k = 0; k < sizeof(bytes); k++) {
				char head[256];
				struct tt_http http;

				strcpy(head, heads[i]);
				head[at] = bytes[k];
				for (size_t len = at; len <= strlen(heads[i]); len++)
					request(head, len, &http);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_names_its_host),
		cmocka_unit_test(what_only_some_servers_take_names_a_host_too),
		cmocka_unit_test(nul_does_not_end_a_host),
		cmocka_unit_test(connect_names_whom_the_tunnel_leads_to),
		cmocka_unit_test(connect_is_found_when_its_head_has_come_and_its_host_is_known_before),
		cmocka_unit_test(a_targets_host_wins_over_the_field),
		cmocka_unit_test(the_first_of_many_hosts_is_kept_and_doubted_if_another_differs),
		cmocka_unit_test(a_head_without_a_host_names_nobody),
		cmocka_unit_test(a_host_that_does_not_fit_names_nobody),
		cmocka_unit_test(the_preface_of_http_2_names_nobody),
		cmocka_unit_test(what_is_no_request_is_refused_at_once),
		cmocka_unit_test(a_request_cut_anywhere_waits_for_more),
		cmocka_unit_test(a_head_without_an_end_waits_for_more),
		cmocka_unit_test(changed_bytes_are_read_without_harm),
	};

	return cmocka_run_group_tests_name("wire http", tests, NULL, NULL);
}
