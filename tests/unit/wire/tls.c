/* SPDX-License-Identifier: Apache-2.0 */
/* Hellos that real clients sent to a listener on the loopback, ones made by hand, and what is none. */
#include "wire/tls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fixtures/hello.h"
#include "fixtures/hello_sound.h"
#include "util/util.h"

#define ALPN "\0\14\2h2\10http/1.1" /* h2, http/1.1 */

/* At the end of a buffer of its own, so that a sanitizer sees what is read behind it. */
static enum tt_wire_result stream(const void *data, size_t len, struct tt_tls_hello *ret, size_t *ret_end)
{
	_cleanup_free_ unsigned char *copy = malloc(len ?: 1);
	struct tt_tls_hello before;
	enum tt_wire_result r;

	assert_non_null(copy);
	memcpy(copy, data, len);
	memset(ret, 0x5a, sizeof(*ret));
	before = *ret;
	r = tt_tls_stream(copy, len, ret, ret_end);

	assert_true(hello_is_sound(r, &before, ret));
	return r;
}

static size_t unhex(const char *text, unsigned char *ret)
{
	size_t n = strlen(text) / 2;

	for (size_t i = 0; i < n; i++) {
		char pair[] = { text[2 * i], text[2 * i + 1], '\0' };

		ret[i] = (unsigned char)strtoul(pair, NULL, 16);
	}
	return n;
}

static const struct {
	const char *hex, *name, *alpn;
} captured[] = {
	/* OpenSSL 3.0: s_client */
	{ "160301014a010001460303fbb4e26af2b3c4f968dcfbab18ffc1a2b121f53a574105bf959bc12e304ee74c2097c01d5d"
	  "0e94c8379ddb683b253feeeaa12136c299cd73d55195676c639fa736003e130213031301c02cc030009fcca9cca8ccaa"
	  "c02bc02f009ec024c028006bc023c0270067c00ac0140039c009c0130033009d009c003d003c0035002f00ff010000bf"
	  "00000010000e00000b6578616d706c652e636f6d000b000403000102000a00160014001d0017001e0019001801000101"
	  "010201030104002300000010000e000c02683208687474702f312e310016000000170000000d002a0028040305030603"
	  "080708080809080a080b080408050806040105010601030303010302040205020602002b000908030403030302030100"
	  "2d00020101003300260024001d002083d79849b5df5fe57faa6ab1a025d636c03fbbca3d49371a90845d15df249e06",
	  "example.com", "h2" },
	/* the same, for TLS 1.2 */
	{ "16030100cf010000cb030316e53f3d3c85307521fe9b131809ea74a3f927f341a4a1ec85e7b2f9418853ec000038c02c"
	  "c030009fcca9cca8ccaac02bc02f009ec024c028006bc023c0270067c00ac0140039c009c0130033009d009c003d003c"
	  "0035002f00ff0100006a00000014001200000f6170692e6578616d706c652e636f6d000b000403000102000a000c000a"
	  "001d0017001e00190018002300000016000000170000000d002a0028040305030603080708080809080a080b08040805"
	  "0806040105010601030303010302040205020602",
	  "api.example.com", "" },
	/* without a name */
	{ "1603010124010001200303703a03df7f66e8fa34047a74d3daf78bb6d8f8cc0a6dcf5ef9cd69d8291a2a5c20e3c66076"
	  "408ffa4d084a37ea1f790a03926ecc00b907bbfcccd4a8af4791a174003e130213031301c02cc030009fcca9cca8ccaa"
	  "c02bc02f009ec024c028006bc023c0270067c00ac0140039c009c0130033009d009c003d003c0035002f00ff01000099"
	  "000b000403000102000a00160014001d0017001e0019001801000101010201030104002300000016000000170000000d"
	  "002a0028040305030603080708080809080a080b080408050806040105010601030303010302040205020602002b0009"
	  "080304030303020301002d00020101003300260024001d0020682356c8fd3e45bdc687f835efd8acdd9a88e3b2def421"
	  "f486a7a5856622d357",
	  "", "" },
	/* curl 7.88 */
	{ "1603010200010001fc03038baee829f12af8becbe6073cf62ef2748b00a9278f0dd4d7ff37254fe327c0442039997f7b"
	  "16f43c534d3fb4d1c91f296c6fa720f4b7f9ac2529908be1b8274913003e130213031301c02cc030009fcca9cca8ccaa"
	  "c02bc02f009ec024c028006bc023c0270067c00ac0140039c009c0130033009d009c003d003c0035002f00ff01000175"
	  "00000014001200000f7777772e6578616d706c652e6f7267000b000403000102000a00160014001d0017001e00190018"
	  "010001010102010301040010000e000c02683208687474702f312e31001600000017000000310000000d002a00280403"
	  "05030603080708080809080a080b080408050806040105010601030303010302040205020602002b0009080304030303"
	  "020301002d00020101003300260024001d002075a53b7f7a2155a06e9a98ec9992a0dc2995d9a79b923be2425678e0fe"
	  "142c76001500ae0000000000000000000000000000000000000000000000000000000000000000000000000000000000"
	  "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
	  "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
	  "00000000000000000000000000000000000000000000000000000000000000000000000000",
	  "www.example.org", "h2" },
	/* Node.js */
	{ "160301017e0100017a030353c23fc3de14f1ed71968f5c3e94e8ce0b1a85b4f94d87651ef573aec74ddcee20d3fb71af"
	  "9a9ad806e59ab4220566670a03e42e5c85fbc8cf2e9a367fb87d36980076130213031301c02fc02bc030c02c009ec027"
	  "0067c028006b00a3009fcca9cca8ccaac0afc0adc0a3c09fc05dc061c057c05300a2c0aec0acc0a2c09ec05cc060c056"
	  "c052c024006ac0230040c00ac01400390038c009c01300330032009dc0a1c09dc051009cc0a0c09cc050003d003c0035"
	  "002f00ff010000bb00000019001700001472656769737472792e6578616d706c652e6e6574000b000403000102000a00"
	  "160014001d0017001e0019001801000101010201030104002300000010000500030268320016000000170000000d002a"
	  "0028040305030603080708080809080a080b080408050806040105010601030303010302040205020602002b00050403"
	  "040303002d00020101003300260024001d00209263039a904271d4f8cb6e461a3eb1c9500b04a207dbd272e184ed82ef"
	  "955c2c",
	  "registry.example.net", "h2" },
};

/* A browser's: GREASE, a post-quantum key share, ECH, the name in between. */
static void browser(struct hello *h)
{
	static const unsigned char ech[] = { 0, 0, 1, 0, 1, 0x42, 0, 2, 7, 7, 0, 2, 9, 9 };

	hello_begin(h);
	hello_extension(h, 0x1a1a, "", 0);
	hello_fill(h, 1216);
	hello_extension(h, 0xfe0d, ech, sizeof(ech));
	hello_name(h, "cdn.example", 11);
	hello_extension(h, 16, ALPN, sizeof(ALPN) - 1);
	hello_extension(h, 0x2a2a, "\0", 1);
	hello_end(h);
}

static void hellos_that_were_captured_name_their_host(void **state)
{
	unsigned char data[1024];
	struct tt_tls_hello hello;
	size_t end;

	for (size_t i = 0; i < ARRAY_SIZE(captured); i++) {
		size_t len = unhex(captured[i].hex, data);

		assert_int_equal(stream(data, len, &hello, &end),
				 captured[i].name[0] ? TT_WIRE_FOUND : TT_WIRE_NONE);
		assert_string_equal(hello.name, captured[i].name);
		assert_string_equal(hello.alpn, captured[i].alpn);
		assert_false(hello.ech_offered);
		assert_int_equal(end, len);
	}
}

static void records_may_cut_a_hello_anywhere(void **state)
{
	static const size_t pieces[] = { 1, 2, 3, 4, 5, 7, 64, 500, 16384 };
	unsigned char data[16384];
	struct tt_tls_hello hello;
	struct hello h;
	size_t end;

	browser(&h);
	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		size_t len = hello_records(h.data, h.len, pieces[i], data);

		assert_int_equal(stream(data, len, &hello, &end), TT_WIRE_FOUND);
		assert_string_equal(hello.name, "cdn.example");
		assert_string_equal(hello.alpn, "h2");
		assert_true(hello.ech_offered);
		assert_int_equal(end, len);
	}
}

/* The name is there from some length on, and from then on alike; before that nothing is decided. */
static void a_name_is_found_once_it_has_come(void **state)
{
	static const size_t pieces[] = { 16384, 16 };
	unsigned char data[4096];
	struct tt_tls_hello hello;
	struct hello h;
	size_t end;

	browser(&h);
	for (size_t k = 0; k < ARRAY_SIZE(pieces); k++) {
		size_t len = hello_records(h.data, h.len, pieces[k], data), found = 0;

		for (size_t n = 0; n <= len; n++) {
			enum tt_wire_result r = stream(data, n, &hello, &end);

			assert_int_equal(r, found ? TT_WIRE_FOUND : r == TT_WIRE_FOUND ? r : TT_WIRE_MORE);
			if (r != TT_WIRE_FOUND)
				continue;
			found = found ?: n;
			assert_string_equal(hello.name, "cdn.example");
			assert_true(hello.ech_offered);
			assert_true(end <= n);
		}
		assert_memory_equal(data + found - 1, "e", 1);
		assert_string_equal(hello.alpn, "h2");
	}
}

static void a_hello_without_a_name_is_none_of_somebody(void **state)
{
	unsigned char data[1024];
	struct tt_tls_hello hello;
	struct hello h;
	size_t len, end;

	hello_begin(&h);
	hello_extension(&h, 16, ALPN, sizeof(ALPN) - 1);
	hello_end(&h);
	len = hello_records(h.data, h.len, 16384, data);

	for (size_t n = 0; n < len; n++) /* "http/1.1" is not waited for */
		assert_int_equal(stream(data, n, &hello, &end), n < len - 9 ? TT_WIRE_MORE : TT_WIRE_NONE);
	assert_int_equal(stream(data, len, &hello, &end), TT_WIRE_NONE);
	assert_string_equal(hello.name, "");
	assert_string_equal(hello.alpn, "h2");

	/* Of TLS 1.0, without extensions at all. */
	hello_begin(&h);
	h.data[5] = 1;
	h.len = h.extensions;
	h.data[2] = 0;
	h.data[3] = (unsigned char)(h.len - 4);
	len = hello_records(h.data, h.len, 16384, data);
	assert_int_equal(stream(data, len, &hello, &end), TT_WIRE_NONE);
	assert_string_equal(hello.alpn, "");
}

static void names_are_kept_as_hosts_are(void **state)
{
	static const struct {
		const char *name;
		size_t len;
		const char *kept;
	} cases[] = {
		{ "API.Example.COM", 15, "api.example.com" },
		{ "example.com.", 12, "example.com" },
		{ "bank.example\0.evil.example", 26, "bank.example\\000.evil.example" },
		{ "a\nb", 3, "a\\010b" },
		{ "192.0.2.1", 9, "192.0.2.1" },
		{ "[2001:db8::1]", 13, "2001:db8::1" },
		{ ".", 1, "" },
	};
	struct tt_tls_hello hello;
	struct hello h;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		hello_begin(&h);
		hello_name(&h, cases[i].name, cases[i].len);
		hello_end(&h);
		assert_int_equal(tt_tls_client_hello(h.data, h.len, &hello),
				 cases[i].kept[0] ? TT_WIRE_FOUND : TT_WIRE_NONE);
		assert_string_equal(hello.name, cases[i].kept);
	}
}

static void a_name_too_long_to_be_one_is_none(void **state)
{
	struct tt_tls_hello hello;
	struct hello h;
	char name[2000];

	memset(name, 0xff, sizeof(name));
	hello_begin(&h);
	hello_name(&h, name, sizeof(name));
	hello_end(&h);
	assert_int_equal(tt_tls_client_hello(h.data, h.len, &hello), TT_WIRE_NONE);
	assert_string_equal(hello.name, "");
}

static void what_comes_behind_a_name_does_not_change_it(void **state)
{
	struct tt_tls_hello hello;
	struct hello h;

	hello_begin(&h);
	hello_name(&h, "first.example", 13);
	hello_name(&h, "second.example", 14);
	hello_extension(&h, 16, "\0\1\2", 3); /* malformed */
	hello_end(&h);

	assert_int_equal(tt_tls_client_hello(h.data, h.len, &hello), TT_WIRE_FOUND);
	assert_string_equal(hello.name, "first.example");
	assert_string_equal(hello.alpn, "");
}

static void names_of_another_type_are_stepped_over(void **state)
{
	struct tt_tls_hello hello;
	struct hello h;

	hello_begin(&h);
	hello_extension(&h, 0, "\0\16\1\0\3abc\0\0\5d.com", 16);
	hello_end(&h);
	assert_int_equal(tt_tls_client_hello(h.data, h.len, &hello), TT_WIRE_FOUND);
	assert_string_equal(hello.name, "d.com");
}

static void a_name_beyond_4_kib_stays_unknown(void **state)
{
	unsigned char data[16384];
	struct tt_tls_hello hello;
	struct hello h;
	size_t end;

	hello_begin(&h);
	hello_fill(&h, 4096);
	hello_name(&h, "example.com", 11);
	hello_end(&h);
	for (size_t piece = 100; piece <= 16384; piece += 16284)
		assert_int_equal(stream(data, hello_records(h.data, h.len, piece, data), &hello, &end),
				 TT_WIRE_MORE);
}

static void what_follows_a_hello_is_not_read(void **state)
{
	unsigned char data[1024];
	struct tt_tls_hello hello;
	struct hello h;
	size_t len, end;

	hello_begin(&h);
	hello_end(&h);
	len = hello_records(h.data, h.len, 50, data);
	memcpy(data + len, "\x14\3\3\0\1\1GET / HTTP/1.1\r\n", 22);

	assert_int_equal(stream(data, len + 22, &hello, &end), TT_WIRE_NONE);
	assert_int_equal(end, len);
}

static void records_of_another_kind_cannot_come_in_between(void **state)
{
	unsigned char data[1024];
	struct tt_tls_hello hello;
	struct hello h;
	size_t len, end;

	hello_begin(&h);
	hello_name(&h, "example.com", 11);
	hello_fill(&h, 100);
	hello_end(&h);
	len = hello_records(h.data, 60, 60, data);
	memcpy(data + len, "\x14\3\3\0\1\1", 6);
	hello_records(h.data + 60, h.len - 60, 16384, data + len + 6);

	assert_int_equal(stream(data, len + 6 + 5 + h.len - 60, &hello, &end), TT_WIRE_OTHER);

	/* Unless the name has been there before. */
	len = hello_records(h.data, h.len - 50, 16384, data);
	memcpy(data + len, "\x14\3\3\0\1\1", 6);
	assert_int_equal(stream(data, len + 6, &hello, &end), TT_WIRE_FOUND);
	assert_int_equal(end, len);
}

static void other_protocols_are_told_from_their_first_bytes(void **state)
{
	static const struct {
		const char *data;
		size_t len;
	} cases[] = {
		{ "G", 1 },
		{ "GET / HTTP/1.1\r\n", 16 },
		{ "SSH-2.0-OpenSSH_9.2\r\n", 21 },
		{ "\x80\x2e\1\3\1\0\x15\0\0\0\x10", 11 }, /* SSL 2's hello for TLS 1.0 */
		{ "\x16\xfe\xff\0\0", 5 }, /* DTLS */
		{ "\x16\3\5", 3 },
		{ "\x16\2", 2 },
		{ "\x15\3\3\0\2\2\x28", 7 }, /* an alert */
		{ "\x16\3\1\0\0", 5 }, /* an empty piece */
		{ "\x16\3\1\x40\1", 5 }, /* longer than a record can be */
		{ "\x16\3\1\0\x20\2", 6 }, /* a server's hello */
		{ "\x16\3\1\0\x40\1\0\0\x3c\2", 10 }, /* a version before TLS's */
		{ "\x16\3\1\0\x10\1\0\0\1\3\3\3\3\3\3", 15 }, /* no room for what each hello has */
	};
	struct tt_tls_hello hello;
	size_t end;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(stream(cases[i].data, cases[i].len, &hello, &end), TT_WIRE_OTHER);
}

static void lengths_that_contradict_each_other_are_malformed(void **state)
{
	static const struct {
		size_t from_end;
		unsigned char value;
	} cases[] = {
		{ 10, 10 }, /* the name is longer than the list, */
		{ 13, 13 }, /* the list than the extension, */
		{ 15, 15 }, /* the extension than all of them, */
		{ 19, 19 }, /* or all of them than the message, */
		{ 19, 17 }, /* or shorter */
		{ 22, 0 }, /* no compression method */
		{ 22, 200 }, { 63, 33 }, /* a session id of 33 bytes */
	};
	struct tt_tls_hello hello;
	struct hello h;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		hello_begin(&h);
		hello_name(&h, "host.name", 9);
		hello_end(&h);
		assert_int_equal(tt_tls_client_hello(h.data, h.len, &hello), TT_WIRE_FOUND);
		h.data[h.len - cases[i].from_end] = cases[i].value;
		assert_int_equal(tt_tls_client_hello(h.data, h.len, &hello), TT_WIRE_OTHER);
	}
}

/* Each byte replaced by what overflows most easily: nothing is read that is not there, and what is found is sound. */
static void hostile_lengths_do_no_harm(void **state)
{
	static const unsigned char values[] = { 0, 1, 0x7f, 0x80, 0xff };
	unsigned char data[4096], saved;
	struct tt_tls_hello hello;
	struct hello h;
	size_t len, end;

	browser(&h);
	len = hello_records(h.data, h.len, 300, data);
	for (size_t at = 0; at < len; at++) {
		saved = data[at];
		for (size_t k = 0; k < ARRAY_SIZE(values); k++) {
			data[at] = values[k];
			stream(data, len, &hello, &end);
		}
		data[at] = saved;
	}
}

static void the_first_protocol_is_kept_printable_and_short(void **state)
{
	static const struct {
		const char *list;
		size_t len;
		const char *kept;
	} cases[] = {
		{ "\0\3\2h2", 5, "h2" },
		{ "\0\4\3H 2", 6, "H\\0322" },
		{ "\0\3\2\0\\", 5, "\\000\\092" },
		{ "\0\x21\x20"
		  "abcdefghijklmnopqrstuvwxyz012345",
		  35, "abcdefghijklmnopqrstuvwxyz01234" },
		{ "\0\x1f\x1e"
		  "abcdefghijklmnopqrstuvwxyz01\xff!",
		  33, "abcdefghijklmnopqrstuvwxyz01" },
	};
	struct tt_tls_hello hello;
	struct hello h;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		hello_begin(&h);
		hello_extension(&h, 16, cases[i].list, cases[i].len);
		hello_end(&h);
		assert_int_equal(tt_tls_client_hello(h.data, h.len, &hello), TT_WIRE_NONE);
		assert_string_equal(hello.alpn, cases[i].kept);
	}
}

static void an_inner_hello_offers_nothing(void **state)
{
	struct tt_tls_hello hello;
	struct hello h;

	hello_begin(&h);
	hello_extension(&h, 0xfe0d, "\1", 1);
	hello_end(&h);
	assert_int_equal(tt_tls_client_hello(h.data, h.len, &hello), TT_WIRE_NONE);
	assert_false(hello.ech_offered);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hellos_that_were_captured_name_their_host),
		cmocka_unit_test(records_may_cut_a_hello_anywhere),
		cmocka_unit_test(a_name_is_found_once_it_has_come),
		cmocka_unit_test(a_hello_without_a_name_is_none_of_somebody),
		cmocka_unit_test(names_are_kept_as_hosts_are),
		cmocka_unit_test(a_name_too_long_to_be_one_is_none),
		cmocka_unit_test(what_comes_behind_a_name_does_not_change_it),
		cmocka_unit_test(names_of_another_type_are_stepped_over),
		cmocka_unit_test(a_name_beyond_4_kib_stays_unknown),
		cmocka_unit_test(what_follows_a_hello_is_not_read),
		cmocka_unit_test(records_of_another_kind_cannot_come_in_between),
		cmocka_unit_test(other_protocols_are_told_from_their_first_bytes),
		cmocka_unit_test(lengths_that_contradict_each_other_are_malformed),
		cmocka_unit_test(hostile_lengths_do_no_harm),
		cmocka_unit_test(the_first_protocol_is_kept_printable_and_short),
		cmocka_unit_test(an_inner_hello_offers_nothing),
	};

	return cmocka_run_group_tests_name("wire tls", tests, NULL, NULL);
}
