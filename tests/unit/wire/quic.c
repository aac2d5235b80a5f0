/* SPDX-License-Identifier: Apache-2.0 */
/* The samples of RFC 9001 and RFC 9369, appendix A.2, and packets that the tests seal themselves. */
#include "wire/quic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fixtures/hello.h"
#include "fixtures/hello_sound.h"
#include "fixtures/quic.h"
#include "util/util.h"

static const struct quic_id ours = { 8, { 0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08 } },
			    theirs = { 5, { 1, 2, 3, 4, 5 } }, nobodys = { 20, { 9, 9, 9 } };

/* At the end of a buffer of its own, so that a sanitizer sees what is read behind it. */
static enum tt_wire_result client(struct tt_quic *quic, const uint8_t *data, size_t len,
				  struct tt_tls_hello *ret)
{
	_cleanup_free_ uint8_t *copy = malloc(len ?: 1);
	struct tt_tls_hello before;
	enum tt_wire_result r;

	assert_non_null(copy);
	memcpy(copy, data, len);
	memset(ret, 0x5a, sizeof(*ret));
	before = *ret;
	r = tt_quic_client(quic, copy, len, ret);

	assert_true(hello_is_sound(r, &before, ret));
	return r;
}

static void hello_of(struct hello *h, const char *name)
{
	hello_begin(h);
	hello_fill(h, 300);
	hello_name(h, name, strlen(name));
	hello_extension(h, 16, "\0\3\2h3", 5);
	hello_fill(h, 300);
	hello_end(h);
}

/* A datagram with one Initial packet that has a part of a hello. */
static size_t seal_part(const struct quic_packet *packet, const struct hello *h, size_t from, size_t to,
			uint8_t *ret)
{
	uint8_t payload[4096];

	return quic_seal(packet, payload, quic_crypto(payload, from, h->data + from, to - from), ret);
}

static size_t unhex(const char *text, uint8_t *ret)
{
	size_t n = strlen(text) / 2;

	for (size_t i = 0; i < n; i++) {
		char pair[] = { text[2 * i], text[2 * i + 1], '\0' };

		ret[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return n;
}

/* Frames as published, how the packet that is made of them begins, and its authentication tag. */
static const struct {
	uint32_t version;
	const char *name, *alpn, *frames, *begin, *tag;
} samples[] = {
#define FRAMES                                                                                               \
	"060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e868"                                   \
	"04fe3a47f06a2b69484c00000413011302010000c000000010000e00000b6578"                                   \
	"616d706c652e636f6dff01000100000a00080006001d00170018001000070005"                                   \
	"04616c706e000500050100000000003300260024001d00209370b2c9caa47fba"                                   \
	"baf4559fedba753de171fa71f50f1ce15d43e994ec74d748002b000302030400"                                   \
	"0d0010000e0403050306030203080408050806002d00020101001c0002400100"                                   \
	"3900320408ffffffffffffffff05048000ffff07048000ffff08011001048000"                                   \
	"75300901100f088394c8f03e51570806048000ffff"
	{ QUIC_V1, "example.com", "alpn", FRAMES,
	  "c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11",
	  "e221af44860018ab0856972e194cd934" },
	{ QUIC_V2, "example.com", "alpn", FRAMES,
	  "d76b3343cf088394c8f03e5157080000449ea0c95e82ffe67b6abcdb4298b485",
	  "a18b2faa745b6fe189cf772a9f84cbfc" },
	{ QUIC_DRAFT, "server", "",
	  "060040c4010000c003036660261ff947cea49cce6cfad687f457cf1b14531ba1"
	  "4131a0e8f309a1d0b9c4000006130113031302010000910000000b0009000006"
	  "736572766572ff01000100000a00140012001d00170018001901000101010201"
	  "03010400230000003300260024001d00204cfdfcd178b784bf328cae793b136f"
	  "2aedce005ff183d7bb1495207236647037002b0003020304000d0020001e0403"
	  "05030603020308040805080604010501060102010402050206020202002d0002"
	  "0101001c00024001",
	  "c5ff00001d088394c8f03e5157080000449e4a95245bfb66bc5f93032b7ddd89",
	  "43b1ca70a2d8d3f725ead1391377dcc0" },
};

static void packets_that_were_published_are_read(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		const struct quic_packet packet = {
			.version = samples[i].version, .keys = ours, .to = ours, .number = 2, .size = 1162
		};
		uint8_t data[2048], frames[512], expected[32];
		struct tt_quic quic = { 0 };
		struct tt_tls_hello hello;
		size_t len = quic_seal(&packet, frames, unhex(samples[i].frames, frames), data);

		assert_int_equal(len, 1200);
		unhex(samples[i].begin, expected);
		assert_memory_equal(data, expected, 32);
		unhex(samples[i].tag, expected);
		assert_memory_equal(data + len - 16, expected, 16);

		assert_int_equal(client(&quic, data, len, &hello), TT_WIRE_FOUND);
		assert_string_equal(hello.name, samples[i].name);
		assert_string_equal(hello.alpn, samples[i].alpn);
		assert_false(hello.ech_offered);
	}
}

static void a_hello_is_put_together_of_two_datagrams_in_any_order(void **state)
{
	const struct quic_packet first = { .version = QUIC_V1, .keys = ours, .to = ours, .size = 1162 },
				 second = { .version = QUIC_V1,
					    .keys = ours,
					    .to = ours,
					    .number = 1,
					    .size = 1162 };
	struct tt_tls_hello hello;
	uint8_t data[2][2048];
	size_t len[2];
	struct hello h;

	hello_of(&h, "split.example");
	for (size_t cut = 1; cut < h.len; cut += 13) {
		len[0] = seal_part(&first, &h, 0, cut, data[0]);
		len[1] = seal_part(&second, &h, cut, h.len, data[1]);
		for (size_t order = 0; order < 2; order++) {
			struct tt_quic quic = { 0 };
			enum tt_wire_result r = client(&quic, data[order], len[order], &hello);

			if (r == TT_WIRE_MORE)
				r = client(&quic, data[!order], len[!order], &hello);
			else
				assert_true(order == 0 && cut > 300); /* all that matters was in the first */
			assert_int_equal(r, TT_WIRE_FOUND);
			assert_string_equal(hello.name, "split.example");
		}
	}
}

static void the_protocol_is_read_too(void **state)
{
	const struct quic_packet packet = { .version = QUIC_V2, .keys = ours, .to = ours };
	struct tt_quic quic = { 0 };
	struct tt_tls_hello hello;
	uint8_t data[2048];
	struct hello h;

	hello_of(&h, "name.example");
	assert_int_equal(client(&quic, data, seal_part(&packet, &h, 0, h.len, data), &hello), TT_WIRE_FOUND);
	assert_string_equal(hello.name, "name.example");
	assert_string_equal(hello.alpn, "h3");
}

/* As a browser does it: small pieces, backwards, some twice, with other frames in between. */
static void frames_may_overlap_and_come_in_any_order(void **state)
{
	static const uint8_t ack[] = { 2, 0x40, 99, 0, 2, 5, 1, 1, 2, 2 },
			     ack_ecn[] = { 3, 7, 0x80, 0, 1, 0, 0, 3, 1, 2, 0x43, 0xff },
			     closed[] = { 0x1c, 0x41, 0, 6, 3, 'w', 'h', 'y' };
	const struct quic_packet packet = {
		.version = QUIC_V1, .keys = ours, .to = ours, .number_len = 1, .size = 1300
	};
	uint8_t payload[4096], data[4096];
	struct tt_quic quic = { 0 };
	struct tt_tls_hello hello;
	struct hello h;
	size_t n = 0;

	hello_of(&h, "chaos.example");
	for (size_t at = h.len / 50 * 50;; at -= 50) {
		n += quic_crypto(payload + n, at, h.data + at, h.len - at < 70 ? h.len - at : 70);
		payload[n++] = at % 100 ? 0 : 1; /* PADDING, PING */
		if (at == 200) {
			memcpy(payload + n, ack, sizeof(ack));
			n += sizeof(ack);
			memcpy(payload + n, ack_ecn, sizeof(ack_ecn));
			n += sizeof(ack_ecn);
			memcpy(payload + n, closed, sizeof(closed));
			n += sizeof(closed);
		}
		if (!at)
			break;
	}

	assert_int_equal(client(&quic, data, quic_seal(&packet, payload, n, data), &hello), TT_WIRE_FOUND);
	assert_string_equal(hello.name, "chaos.example");
}

static void all_packets_of_a_datagram_are_read(void **state)
{
	const struct quic_packet first = { .version = QUIC_V1, .keys = ours, .to = ours },
				 second = { .version = QUIC_V1, .keys = ours, .to = ours, .number = 1 },
				 broken = { .version = QUIC_V1, .keys = nobodys, .to = ours, .number = 2 };
	/* 0-RTT, 30 bytes */
	static const uint8_t early[] = { 0xd0, 0,    0,	   0,	 1,    8, 0x83, 0x94,
					 0xc8, 0xf0, 0x3e, 0x51, 0x57, 8, 0,	30 };
	struct tt_quic quic = { 0 };
	struct tt_tls_hello hello;
	uint8_t data[4096] = { 0 };
	struct hello h;
	size_t n;

	hello_of(&h, "whole.example");
	n = seal_part(&broken, &h, 0, 100, data);
	n += seal_part(&second, &h, 200, h.len, data + n);
	memcpy(data + n, early, sizeof(early));
	n += sizeof(early) + 30;
	n += seal_part(&first, &h, 0, 200, data + n);
	assert_int_equal(client(&quic, data, n + 100, &hello), TT_WIRE_FOUND);
	assert_string_equal(hello.name, "whole.example");

	memset(&quic, 0, sizeof(quic));
	memcpy(data, early, sizeof(early));
	assert_int_equal(client(&quic, data, sizeof(early) + 30, &hello), TT_WIRE_MORE);
	assert_int_equal(client(&quic, data, sizeof(early) + 29, &hello), TT_WIRE_OTHER);
}

/* RFC 9000, section 12.2: they are not for the same receiver. */
static void another_id_in_the_same_datagram_is_not_read(void **state)
{
	const struct quic_packet first = { .version = QUIC_V1, .keys = ours, .to = ours },
				 other = { .version = QUIC_V1, .keys = theirs, .to = theirs };
	struct tt_quic quic = { 0 };
	struct tt_tls_hello hello;
	uint8_t data[4096];
	struct hello h;
	size_t n;

	hello_of(&h, "a.example");
	n = seal_part(&first, &h, 0, 20, data);
	n += seal_part(&other, &h, 0, h.len, data + n);
	assert_int_equal(client(&quic, data, n, &hello), TT_WIRE_MORE);
	assert_memory_equal(quic.id, ours.data, ours.len);
}

static void keys_stay_when_the_server_has_chosen_an_id(void **state)
{
	const struct quic_packet first = { .version = QUIC_V1, .keys = ours, .to = ours }, second = {
		.version = QUIC_V1, .keys = ours, .to = theirs, .from = nobodys, .number = 1
	};
	struct tt_quic quic = { 0 };
	struct tt_tls_hello hello;
	uint8_t data[4096];
	struct hello h;

	hello_of(&h, "later.example");
	assert_int_equal(client(&quic, data, seal_part(&first, &h, 0, 200, data), &hello), TT_WIRE_MORE);
	assert_int_equal(client(&quic, data, seal_part(&second, &h, 200, h.len, data), &hello),
			 TT_WIRE_FOUND);
	assert_string_equal(hello.name, "later.example");
}

/* Of what came before, nothing must be left: here it would make another name of it. */
static void a_retry_begins_anew_with_the_id_it_chose(void **state)
{
	const struct quic_packet before = { .version = QUIC_V1, .keys = ours, .to = ours }, after = {
		.version = QUIC_V1, .keys = theirs, .to = theirs, .token = 90, .number = 1
	};
	struct tt_quic quic = { 0 };
	struct tt_tls_hello hello;
	uint8_t data[4096];
	struct hello h;

	hello_of(&h, "forged.example");
	assert_int_equal(client(&quic, data, seal_part(&before, &h, 4, h.len, data), &hello), TT_WIRE_MORE);
	hello_of(&h, "retry.example");
	assert_int_equal(client(&quic, data, seal_part(&after, &h, 0, 200, data), &hello), TT_WIRE_MORE);
	assert_int_equal(client(&quic, data, seal_part(&after, &h, 200, h.len, data), &hello), TT_WIRE_FOUND);
	assert_string_equal(hello.name, "retry.example");
	assert_int_equal(quic.id_len, theirs.len);
}

static void another_version_begins_anew(void **state)
{
	const struct quic_packet before = { .version = QUIC_V1, .keys = ours, .to = ours },
				 after = { .version = QUIC_V2, .keys = ours, .to = ours };
	struct tt_quic quic = { 0 };
	struct tt_tls_hello hello;
	uint8_t data[4096];
	struct hello h;

	hello_of(&h, "two.example");
	assert_int_equal(client(&quic, data, seal_part(&before, &h, 0, 200, data), &hello), TT_WIRE_MORE);
	assert_int_equal(client(&quic, data, seal_part(&after, &h, 200, h.len, data), &hello), TT_WIRE_MORE);
	assert_int_equal(client(&quic, data, seal_part(&after, &h, 0, 200, data), &hello), TT_WIRE_FOUND);
}

static void a_byte_counts_as_it_came_first(void **state)
{
	const struct quic_packet packet = { .version = QUIC_V1, .keys = ours, .to = ours };
	struct tt_quic quic = { 0 };
	struct tt_tls_hello hello;
	uint8_t data[4096];
	struct hello h;

	hello_of(&h, "first.example");
	assert_int_equal(client(&quic, data, seal_part(&packet, &h, 100, h.len, data), &hello), TT_WIRE_MORE);
	hello_of(&h, "other.example");
	assert_int_equal(client(&quic, data, seal_part(&packet, &h, 0, h.len, data), &hello), TT_WIRE_FOUND);
	assert_string_equal(hello.name, "first.example");
}

static void a_hello_without_a_name_is_none_of_somebody(void **state)
{
	const struct quic_packet packet = { .version = QUIC_V1, .keys = ours, .to = ours };
	struct tt_quic quic = { 0 };
	struct tt_tls_hello hello;
	uint8_t data[4096];
	struct hello h;

	hello_begin(&h);
	hello_end(&h);
	assert_int_equal(client(&quic, data, seal_part(&packet, &h, 0, h.len, data), &hello), TT_WIRE_NONE);
}

static void a_name_beyond_4_kib_stays_unknown(void **state)
{
	struct quic_packet packet = { .version = QUIC_V1, .keys = ours, .to = ours };
	struct tt_quic quic = { 0 };
	struct tt_tls_hello hello;
	uint8_t data[4096];
	struct hello h;

	hello_begin(&h);
	hello_fill(&h, 4096);
	hello_name(&h, "example.com", 11);
	hello_end(&h);
	for (size_t at = 0; at < h.len; at += 1000, packet.number++) {
		size_t end = h.len - at < 1000 ? h.len : at + 1000;

		assert_int_equal(client(&quic, data, seal_part(&packet, &h, at, end, data), &hello),
				 TT_WIRE_MORE);
	}
}

/* A client may do so (RFC 9287). */
static void the_fixed_bit_may_be_missing(void **state)
{
	const struct quic_packet packet = { .version = QUIC_V1, .flip = 0x40, .keys = ours, .to = ours };
	struct tt_quic quic = { 0 };
	struct tt_tls_hello hello;
	uint8_t data[4096];
	struct hello h;

	hello_of(&h, "grease.example");
	assert_int_equal(client(&quic, data, seal_part(&packet, &h, 0, h.len, data), &hello), TT_WIRE_FOUND);
}

static void other_datagrams_are_told(void **state)
{
	static const struct {
		const char *data;
		size_t len;
	} cases[] = {
		{ "", 0 },
		{ "\xc0", 1 },
		{ "@abcdefgh", 9 }, /* a short header */
		{ "\x12\x34\1\0\0\1\0\0\0\0\0\0\3www\7example\3com\0\0\1\0\1", 33 }, /* DNS */
		{ "\xc0\0\0\0\0\0\0\0\0\0\1", 11 }, /* version negotiation */
		{ "\xc0\x1a\x2a\x3a\x4a\0\0\0\0", 9 }, /* a reserved version */
		{ "\xc0\0\0\0\2\0\0\0\0", 9 },
		{ "\xc0\xff\0\0\x1c\0\0\0\0", 9 }, /* draft 28 */
		{ "\xf0\0\0\0\1\0\0abcdefghijklmnopqrstuvwxyz", 33 }, /* Retry, of version 1 */
		{ "\xc0\x6b\x33\x43\xcf\0\0abcdefghijklmnopqrstuvwxyz", 33 }, /* and of version 2 */
		{ "\xc0\0\0\0\1\x15"
		  "abcdefghijklmnopqrstu\0\0\0",
		  30 }, /* an id of 21 bytes */
		{ "\xc0\0\0\0\1\0\0\0\x13"
		  "abcdefghijklmnopqrs",
		  28 }, /* too short for a sample */
		{ "\xc0\0\0\0\1\0\0\0\x14"
		  "abcdefghijklmnopqrst",
		  29 }, /* authentic is none of it */
		{ "\xc0\0\0\0\1\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff", 16 },
		{ "\xc0\0\0\0\1\0\0\xff\xff\xff\xff\xff\xff\xff\xff\0", 16 },
	};
	struct tt_tls_hello hello;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tt_quic quic = { 0 };

		assert_int_equal(client(&quic, (const uint8_t *)cases[i].data, cases[i].len, &hello),
				 TT_WIRE_OTHER);
		assert_int_equal(quic.version, 0);
	}
}

static void what_is_not_authentic_is_not_read(void **state)
{
	const struct quic_packet packet = {
		.version = QUIC_V1, .keys = ours, .to = ours, .from = theirs, .token = 3
	};
	struct tt_tls_hello hello;
	uint8_t data[4096];
	struct hello h;
	size_t len;

	hello_of(&h, "forged.example");
	len = seal_part(&packet, &h, 0, h.len, data);
	for (size_t at = 0; at < len; at++) {
		for (size_t bit = 0; bit < 8; bit++) {
			struct tt_quic quic = { 0 };

			/* Two bits make a packet of it that belongs to a connection, but is not read. */
			bool is_type = at == 0 && (bit == 4 || bit == 5);

			data[at] ^= (uint8_t)(1 << bit);
			assert_int_equal(client(&quic, data, len, &hello),
					 is_type ? TT_WIRE_MORE : TT_WIRE_OTHER);
			data[at] ^= (uint8_t)(1 << bit);
		}
	}
	for (size_t n = 0; n < len; n++) {
		struct tt_quic quic = { 0 };

		assert_int_equal(client(&quic, data, n, &hello), TT_WIRE_OTHER);
	}
}

static void frames_that_cannot_be_are_malformed(void **state)
{
	static const struct {
		const char *data;
		size_t len;
	} cases[] = {
		{ "\4", 1 }, /* RESET_STREAM */
		{ "\x1d\0\0", 3 }, /* CONNECTION_CLOSE of an application */
		{ "\x40\6\0\0", 4 }, /* CRYPTO, but at such a length */
		{ "\6", 1 },
		{ "\6\0", 2 },
		{ "\6\0\5abcd", 7 },
		{ "\6\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 17 },
		{ "\2\0\0\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0", 14 },
		{ "\3\0\0\0\0\0\0", 7 },
		{ "\x1c\0\0\xff\xff\xff\xff\xff\xff\xff\xff", 11 },
	};
	/* in as many bytes as it takes for a sample */
	const struct quic_packet packet = { .version = QUIC_V1, .keys = ours, .to = ours };
	struct tt_tls_hello hello;
	uint8_t data[256];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tt_quic quic = { 0 };
		size_t len = quic_seal(&packet, (const uint8_t *)cases[i].data, cases[i].len, data);

		assert_int_equal(client(&quic, data, len, &hello), TT_WIRE_OTHER);
		assert_int_equal(quic.have, 0);
	}
}

static void bytes_beyond_the_buffer_are_left_out(void **state)
{
	static const uint64_t offsets[] = { 4095, 4096, 0xffffffff, 0x3fffffffffffffff };
	const struct quic_packet packet = { .version = QUIC_V1, .keys = ours, .to = ours };
	struct tt_quic quic = { 0 };
	struct tt_tls_hello hello;
	uint8_t payload[64], data[256];

	for (size_t i = 0; i < ARRAY_SIZE(offsets); i++) {
		size_t len = quic_crypto(payload, offsets[i], "abcdefgh", 8);

		assert_int_equal(client(&quic, data, quic_seal(&packet, payload, len, data), &hello),
				 TT_WIRE_MORE);
	}
	assert_int_equal(quic.crypto[4095], 'a');
	assert_int_equal(quic.have, 0);
}

static void a_stream_that_is_no_hello_is_something_else(void **state)
{
	const struct quic_packet packet = { .version = QUIC_V1, .keys = ours, .to = ours };
	struct tt_quic quic = { 0 };
	struct tt_tls_hello hello;
	uint8_t payload[64], data[256];
	size_t len = quic_crypto(payload, 0, "\2\0\0\4abcd", 8);

	assert_int_equal(client(&quic, data, quic_seal(&packet, payload, len, data), &hello), TT_WIRE_OTHER);
}

static void a_packet_longer_than_4_kib_is_not_read(void **state)
{
	struct quic_packet packet = { .version = QUIC_V1, .keys = ours, .to = ours, .size = 4000 };
	struct tt_tls_hello hello;
	uint8_t data[8192];
	struct hello h;

	hello_of(&h, "long.example");
	for (; packet.size < 4200; packet.size++) {
		struct tt_quic quic = { 0 };
		size_t len = seal_part(&packet, &h, 0, h.len, data);

		assert_int_equal(client(&quic, data, len, &hello),
				 len > 4096 ? TT_WIRE_OTHER : TT_WIRE_FOUND);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_that_were_published_are_read),
		cmocka_unit_test(a_hello_is_put_together_of_two_datagrams_in_any_order),
		cmocka_unit_test(the_protocol_is_read_too),
		cmocka_unit_test(frames_may_overlap_and_come_in_any_order),
		cmocka_unit_test(all_packets_of_a_datagram_are_read),
		cmocka_unit_test(another_id_in_the_same_datagram_is_not_read),
		cmocka_unit_test(keys_stay_when_the_server_has_chosen_an_id),
		cmocka_unit_test(a_retry_begins_anew_with_the_id_it_chose),
		cmocka_unit_test(another_version_begins_anew),
		cmocka_unit_test(a_byte_counts_as_it_came_first),
		cmocka_unit_test(a_hello_without_a_name_is_none_of_somebody),
		cmocka_unit_test(a_name_beyond_4_kib_stays_unknown),
		cmocka_unit_test(the_fixed_bit_may_be_missing),
		cmocka_unit_test(other_datagrams_are_told),
		cmocka_unit_test(what_is_not_authentic_is_not_read),
		cmocka_unit_test(frames_that_cannot_be_are_malformed),
		cmocka_unit_test(bytes_beyond_the_buffer_are_left_out),
		cmocka_unit_test(a_stream_that_is_no_hello_is_something_else),
		cmocka_unit_test(a_packet_longer_than_4_kib_is_not_read),
	};

	return cmocka_run_group_tests_name("wire quic", tests, NULL, NULL);
}
