/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "fixtures/hello.h"
#include "util/util.h"

#define BYTES(s)   s, sizeof(s) - 1
#define V4	   "\4\1\0\x50\xc0\0\2\1\0"
#define V5	   "\5\1\0\5\1\0\3\011a.example\1\xbb"
#define CONNECT(h) "CONNECT " h " HTTP/1.1\r\nHost: " h "\r\n\r\n"
#define GET(h)	   "GET / HTTP/1.1\r\nHost: " h "\r\n\r\n"
#define V2_HEADER  "\r\n\r\n\0\r\nQUIT\n"

struct stream {
	char data[8192];
	size_t len;
};

static void add(struct stream *s, const void *data, size_t len)
{
	assert_true(len <= sizeof(s->data) - s->len);
	memcpy(s->data + s->len, data, len);
	s->len += len;
}

/* A client's first record, with "" for no name. */
static void add_hello(struct stream *s, const char *name)
{
	static const char alpn[] = "\0\x0c\2h2\x08http/1.1", ech[] = "\0\0\1\0\1";
	unsigned char records[4096];
	struct hello hello;

	hello_begin(&hello);
	hello_extension(&hello, 16, alpn, 14);
	hello_extension(&hello, 0xfe0d, ech, 5);
	hello_fill(&hello, 300);
	if (name[0])
		hello_name(&hello, name, strlen(name));
	hello_end(&hello);
	add(s, records, hello_records(hello.data, hello.len, 200, records));
}

/* Of bytes that end where they end, so that a sanitizer sees who reads on. */
static enum tt_wire_result names(const char *data, size_t len, struct tt_stream *ret)
{
	_cleanup_free_ char *copy = malloc(len ? len : 1);

	assert_non_null(copy);
	memcpy(copy, data, len);
	return tt_stream_names(copy, len, 4242, ret);
}

/* All names, as "source name port, ...". */
static const char *text_of(const struct tt_stream *stream)
{
	static char text[TT_STREAM_NAMES_MAX * (TT_HOST_MAX + 64)];
	size_t n = 0;

	assert_true(stream->n <= TT_STREAM_NAMES_MAX);
	text[0] = '\0';
	for (unsigned i = 0; i < stream->n; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s %s %u", i ? ", " : "",
				      tt_name_source_text(stream->names[i].source), stream->names[i].name,
				      stream->names[i].port);
	return text;
}

static const struct {
	const char *front;
	size_t len;
	const char *hello; /* what a ClientHello behind it asks for; NULL: there is none */
	const char *names;
} streams[] = {
	{ BYTES(""), "API.example.com", "sni api.example.com 4242" },
	{ BYTES(GET("a.example")), NULL, "http-host a.example 4242" },
	{ BYTES(GET("a.example:81")), NULL, "http-host a.example 81" },
	{ BYTES("GET http://a.example/ HTTP/1.1\r\n"), NULL, "http-proxy a.example 80" },
	{ BYTES("GET ftp://a.example/ HTTP/1.1\r\n"), NULL, "http-proxy a.example 0" },

	{ BYTES(CONNECT("a.example:443")), "b.example", "http-connect a.example 443, sni b.example 443" },
	{ BYTES(CONNECT("a.example:80") GET("b.example")), NULL,
	  "http-connect a.example 80, http-host b.example 80" },
	{ BYTES(CONNECT("a.example") GET("b.example")), NULL,
	  "http-connect a.example 0, http-host b.example 0" },
	{ BYTES(V4), "a.example", "socks 192.0.2.1 80, sni a.example 80" },
	{ BYTES(V5), "a.example", "socks a.example 443, sni a.example 443" },
	{ BYTES(V5 CONNECT("b.example:444")), "c.example",
	  "socks a.example 443, http-connect b.example 444, sni c.example 444" },
	{ BYTES(CONNECT("b.example:1080") V5 GET("c.example")), NULL,
	  "http-connect b.example 1080, socks a.example 443, http-host c.example 443" },

	/* names nobody in the end */
	{ BYTES(CONNECT("a.example:443")), "", "http-connect a.example 443" },
	{ BYTES(CONNECT("a.example:22") "SSH-2.0-OpenSSH_9.2p1\r\n"), NULL, "http-connect a.example 22" },
	{ BYTES(CONNECT("a.example:80") "PRI * HTTP/2.0\r\n"), NULL, "http-connect a.example 80" },
	{ BYTES(V5 "\xff"), NULL, "socks a.example 443" },
	{ BYTES(V5 "\5\1\0\5\3\0\1\0\0\0\0\0\0"), NULL, "socks a.example 443" },

	/* what a proxy refuses first is no tunnel in a tunnel */
	{ BYTES(CONNECT("a.example:443") CONNECT("a.example:443") CONNECT("a.example:443")
			CONNECT("a.example:443") CONNECT("a.example:443")),
	  "a.example", "http-connect a.example 443, sni a.example 443" },

	/* as deep as it goes */
	{ BYTES(CONNECT("a.example:1") CONNECT("b.example:2") CONNECT("c.example:3")), "d.example",
	  "http-connect a.example 1, http-connect b.example 2, http-connect c.example 3, sni d.example 3" },
	{ BYTES(CONNECT("a.example:1") CONNECT("b.example:2") CONNECT("c.example:3") CONNECT("d.example:4")),
	  NULL,
	  "http-connect a.example 1, http-connect b.example 2, http-connect c.example 3, http-connect "
	  "d.example 4" },

	/* behind a load balancer's header */
	{ BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n"), "a.example", "sni a.example 4242" },
	{ BYTES("PROXY TCP6 2001:db8::1 2001:db8::2 56324 443\r\n" GET("a.example")), NULL,
	  "http-host a.example 4242" },
	{ BYTES("PROXY UNKNOWN\r\n" GET("a.example")), NULL, "http-host a.example 4242" },
	{ BYTES(V2_HEADER "\x21\x11\0\x0c\xc0\0\2\1\xc0\0\2\2\xdc\4\1\xbb"), "a.example",
	  "sni a.example 4242" },
	{ BYTES(V2_HEADER "\x20\0\0\0" GET("a.example")), NULL, "http-host a.example 4242" },
	{ BYTES("PROXY /x HTTP/1.1\r\nHost: a.example\r\n\r\n"), NULL, "http-host a.example 4242" },
};

static struct stream stream_of(size_t i)
{
	struct stream s = { .len = 0 };

	add(&s, streams[i].front, streams[i].len);
	if (streams[i].hello)
		add_hello(&s, streams[i].hello);
	return s;
}

static void each_layer_names_whom_it_is_for_the_outermost_first(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(streams); i++) {
		struct stream s = stream_of(i);
		struct tt_stream stream;

		assert_int_equal(names(s.data, s.len, &stream), TT_WIRE_FOUND);
		assert_string_equal(text_of(&stream), streams[i].names);
		assert_int_equal(stream.encrypted, streams[i].hello ? TT_STREAM_TLS : TT_STREAM_PLAIN);
		assert_string_equal(stream.alpn, streams[i].hello ? "h2" : "");
		assert_int_equal(stream.ech_offered, streams[i].hello != NULL);
		assert_false(stream.ambiguous);
	}
}

/* Nothing is lost, nothing is found that is not there, and what was found at last needs no more. */
static void a_stream_cut_anywhere_has_the_beginning_of_its_names(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(streams); i++) {
		struct stream s = stream_of(i);
		unsigned n = 0;
		bool done = false;

		for (size_t len = 0; len <= s.len; len++) {
			struct tt_stream stream;
			enum tt_wire_result r = names(s.data, len, &stream);

			assert_true(r == TT_WIRE_FOUND || (r == TT_WIRE_MORE && !done));
			done = r == TT_WIRE_FOUND;
			assert_true(stream.n >= n);
			n = stream.n;
			assert_memory_equal(text_of(&stream), streams[i].names, strlen(text_of(&stream)));
			if (done)
				assert_string_equal(text_of(&stream), streams[i].names);
		}
		assert_true(done);
	}
}

static void a_tunnel_is_known_before_what_is_in_it(void **state)
{
	static const char front[] = CONNECT("a.example:443");
	struct tt_stream stream;

	assert_int_equal(names(front, strlen("CONNECT a.example:443 HTTP/1.1\r\n"), &stream), TT_WIRE_MORE);
	assert_string_equal(text_of(&stream), "http-connect a.example 443");
	assert_int_equal(names(BYTES(front), &stream), TT_WIRE_MORE);
	assert_string_equal(text_of(&stream), "http-connect a.example 443");
	assert_int_equal(names(BYTES(CONNECT("a.example:443") "\x16"), &stream), TT_WIRE_MORE);
	assert_string_equal(text_of(&stream), "http-connect a.example 443");
	assert_int_equal(stream.encrypted, TT_STREAM_TLS);
}

static void hosts_that_differ_are_doubted(void **state)
{
	struct tt_stream stream;

	assert_int_equal(
		names(BYTES(CONNECT("a.example:80") "GET / HTTP/1.1\r\nHost: b\r\nHost: c\r\n\r\n"), &stream),
		TT_WIRE_FOUND);
	assert_string_equal(text_of(&stream), "http-connect a.example 80, http-host b 80");
	assert_true(stream.ambiguous);
}

static void what_names_nobody_says_whether_it_was_understood(void **state)
{
	static const struct {
		const char *data;
		size_t len;
		enum tt_wire_result result;
	} cases[] = {
		{ BYTES(""), TT_WIRE_MORE },
		{ BYTES("GET / HTTP/1.0\r\n\r\n"), TT_WIRE_NONE },
		{ BYTES("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), TT_WIRE_NONE },
		{ BYTES("\5\1\0\5\3\0\1\0\0\0\0\0\0"), TT_WIRE_NONE },
		{ BYTES("\4\2\0\x50\xc0\0\2\1\0"), TT_WIRE_NONE },
		{ BYTES("\5\1\1\1"), TT_WIRE_NONE },
		{ BYTES("SSH-2.0-OpenSSH_9.2p1\r\n"), TT_WIRE_OTHER },
		{ BYTES("\0\0\0\x08\4\xd2\x16\x2f"), TT_WIRE_OTHER }, /* PostgreSQL */
		{ BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n\xff"), TT_WIRE_OTHER },
		{ BYTES("PROXY TCP5 192.0.2.1 192.0.2.2 56324 443\r\n"), TT_WIRE_OTHER },
		{ BYTES("PROXY UNKNOWN\r\nPROXY UNKNOWN\r\n"), TT_WIRE_OTHER },
		{ BYTES(V2_HEADER "\x31\x11\0\0"), TT_WIRE_OTHER },
		{ BYTES(V2_HEADER "\x21\x11\xff\xff"), TT_WIRE_MORE },
		{ BYTES("\x16\3\1"), TT_WIRE_MORE },
		{ BYTES("\x16\2\0"), TT_WIRE_OTHER },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tt_stream stream;

		assert_int_equal(names(cases[i].data, cases[i].len, &stream), cases[i].result);
		assert_int_equal(stream.n, 0);
	}
}

static void a_hello_without_a_name_is_encrypted_nevertheless(void **state)
{
	struct stream s = { .len = 0 };
	struct tt_stream stream;

	add_hello(&s, "");
	assert_int_equal(names(s.data, s.len, &stream), TT_WIRE_NONE);
	assert_int_equal(stream.n, 0);
	assert_int_equal(stream.encrypted, TT_STREAM_TLS);
	assert_string_equal(stream.alpn, "h2");
}

static void a_header_of_a_proxy_has_an_end(void **state)
{
	struct tt_stream stream;
	char data[256];

	memset(data, ' ', sizeof(data));
	memcpy(data, "PROXY UNKNOWN", 13);
	assert_int_equal(names(data, 106, &stream), TT_WIRE_MORE);
	memcpy(data + 105, "\r\n", 2);
	assert_int_equal(names(data, 107, &stream), TT_WIRE_MORE);
	memcpy(data + 105, " \r\n", 3);
	assert_int_equal(names(data, 107, &stream), TT_WIRE_OTHER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_layer_names_whom_it_is_for_the_outermost_first),
		cmocka_unit_test(a_stream_cut_anywhere_has_the_beginning_of_its_names),
		cmocka_unit_test(a_tunnel_is_known_before_what_is_in_it),
		cmocka_unit_test(hosts_that_differ_are_doubted),
		cmocka_unit_test(what_names_nobody_says_whether_it_was_understood),
		cmocka_unit_test(a_hello_without_a_name_is_encrypted_nevertheless),
		cmocka_unit_test(a_header_of_a_proxy_has_an_end),
	};

	return cmocka_run_group_tests_name("wire stream", tests, NULL, NULL);
}
