/* SPDX-License-Identifier: Apache-2.0 */
/* What real clients sent to a listener in the resolver's place, messages made by hand, and what is none. */
#include "wire/resolver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "util/util.h"

#define BYTES(s)      s, sizeof(s) - 1
#define QUESTIONS_MAX 4

struct bytes {
	size_t len;
	unsigned char data[4096];
};

/* What a stream asks for, and how it ends. */
struct stream {
	struct {
		char name[TT_HOST_MAX];
		uint16_t type;
	} questions[QUESTIONS_MAX];
	unsigned n, n_others;
	size_t at;
	enum tt_wire_result end;
};

static void put(struct bytes *to, const void *data, size_t len)
{
	assert_true(len <= sizeof(to->data) - to->len);
	memcpy(to->data + to->len, data, len);
	to->len += len;
}

/* At the end of a buffer of its own, so that a sanitizer sees what is read behind it. */
static void walk(enum tt_resolver which, const void *data, size_t len, struct stream *ret)
{
	_cleanup_free_ unsigned char *copy = malloc(len ?: 1);
	char name[TT_HOST_MAX];
	uint16_t type;

	assert_non_null(copy);
	memcpy(copy, data, len);
	*ret = (struct stream){ 0 };
	for (;;) {
		size_t before = ret->at;

		memset(name, 0x5a, sizeof(name));
		type = 0x5a5a;
		ret->end = tt_resolver_question(which, copy, len, &ret->at, name, &type);
		if (ret->end == TT_WIRE_FOUND) {
			assert_true(ret->n < QUESTIONS_MAX);
			assert_true(name[0] && strlen(name) < TT_HOST_MAX);
			for (const char *c = name; *c; c++)
				assert_true(*c > ' ' && *c < 0x7f);
			strcpy(ret->questions[ret->n].name, name);
			ret->questions[ret->n++].type = type;
		} else {
			assert_int_equal(name[0], 0x5a);
			assert_int_equal(type, 0x5a5a);
			ret->n_others += ret->end == TT_WIRE_NONE;
		}
		if (ret->end != TT_WIRE_FOUND && ret->end != TT_WIRE_NONE) {
			assert_int_equal(ret->at, before);
			return;
		}
		assert_true(ret->at > before && ret->at <= len);
	}
}

static void assert_question(const struct stream *stream, unsigned i, const char *name, uint16_t type)
{
	assert_true(i < stream->n);
	assert_string_equal(stream->questions[i].name, name);
	assert_int_equal(stream->questions[i].type, type);
}

/* The one question of a stream that nothing follows. */
static void assert_asks(enum tt_resolver which, const void *data, size_t len, const char *name, uint16_t type)
{
	struct stream stream;

	walk(which, data, len, &stream);
	assert_int_equal(stream.n, 1);
	assert_question(&stream, 0, name, type);
	assert_int_equal(stream.end, TT_WIRE_MORE);
	assert_int_equal(stream.at, len);
}

static void nobody_is_asked_over_other_sockets(void **state)
{
	struct stream stream;

	walk(TT_RESOLVER_NONE, BYTES("\2\0\0\0\4\0\0\0\2\0\0\0a\0"), &stream);
	assert_int_equal(stream.end, TT_WIRE_OTHER);
}

/* ---- varlink */

#define CALL(method, parameters)                                                                             \
	BYTES("{\"method\":\"io.systemd.Resolve." method "\",\"parameters\":{" parameters "}}\0")

static void varlink_calls_name_hosts(void **state)
{
	static const struct {
		const char *call;
		size_t len;
		const char *name;
		uint16_t type;
	} cases[] = {
		{ CALL("ResolveHostname", "\"name\":\"api.example.com\",\"flags\":0"), "api.example.com", 0 },
		{ CALL("ResolveHostname", "\"name\":\"A.Example.\",\"family\":2,\"flags\":0"), "a.example",
		  1 },
		{ CALL("ResolveHostname", "\"family\":10,\"ifindex\":3,\"name\":\"a.example\""), "a.example",
		  28 },
		{ CALL("ResolveHostname", "\"name\":\"a.example\",\"family\":null"), "a.example", 0 },
		{ CALL("ResolveHostname", "\"name\":\"a.example\",\"family\":2.0"), "a.example", 1 },
		{ CALL("ResolveHostname", "\"name\":\"a.example\",\"flags\":18446744073709551615"),
		  "a.example", 0 },
		{ CALL("ResolveHostname", "\"name\":\"a.example\",\"family\":-1e300"), "a.example", 0 },
		{ CALL("ResolveHostname", "\"name\":\"\\u0061.b\\u00fc\\u0020\""), "a.b\\195\\188\\032", 0 },
		{ CALL("ResolveHostname", "\"name\":\"bank.example\\u0000.evil\""), "bank.example\\000.evil",
		  0 },
		{ CALL("ResolveRecord", "\"name\":\"example.com\",\"class\":1,\"type\":65"), "example.com",
		  65 },
		{ CALL("ResolveRecord", "\"name\":\"a\",\"type\":65535"), "a", 65535 },
		{ CALL("ResolveRecord", "\"name\":\"a\",\"type\":65536"), "a", 0 },
		{ CALL("ResolveRecord", "\"name\":\"a\",\"type\":\"A\""), "a", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_asks(TT_RESOLVER_VARLINK, cases[i].call, cases[i].len, cases[i].name, cases[i].type);
}

static void other_varlink_calls_name_nobody(void **state)
{
	static const struct {
		const char *call;
		size_t len;
	} cases[] = {
		{ BYTES("{\"method\":\"org.varlink.service.GetInfo\"}\0") },
		{ BYTES("{\"method\":\"io.systemd.Resolve.\",\"parameters\":{\"name\":\"a\"}}\0") },
		{ BYTES("{\"method\":\"ResolveHostname\",\"parameters\":{\"name\":\"a\"}}\0") },
		{ BYTES("{\"method\":4,\"parameters\":{\"name\":\"a\"}}\0") },
		{ BYTES("{\"parameters\":{\"name\":\"a\"}}\0") },
		{ BYTES("{\"method\":\"io.systemd.Resolve.ResolveHostname\"}\0") },
		{ BYTES("{\"method\":\"io.systemd.Resolve.ResolveHostname\",\"parameters\":[\"name\"]}\0") },
		{ BYTES("{}\0") },
		{ BYTES("[]\0") },
		{ CALL("ResolveAddress", "\"family\":2,\"address\":[192,0,2,1],\"flags\":0") },
		{ CALL("ResolveHostnames", "\"name\":\"a\"") },
		{ CALL("ResolveHostname", "\"name\":\"\"") },
		{ CALL("ResolveHostname", "\"name\":\".\"") },
		{ CALL("ResolveHostname", "\"name\":[\"a\"]") },
	};
	struct stream stream;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		walk(TT_RESOLVER_VARLINK, cases[i].call, cases[i].len, &stream);
		assert_int_equal(stream.n, 0);
		assert_int_equal(stream.n_others, 1);
		assert_int_equal(stream.end, TT_WIRE_MORE);
	}
}

static void malformed_varlink_is_something_else(void **state)
{
	static const struct {
		const char *call;
		size_t len;
	} cases[] = {
		{ BYTES("\0") },
		{ BYTES("{\0") },
		{ BYTES("4\0") },
		{ BYTES("{\"method\":\"io.systemd.Resolve.ResolveHostname\",\"parameters\":{\"name\":\"a\"}"
			"\0") },
		{ CALL("ResolveHostname", "\"name\":\"\xff\"") },
		{ CALL("ResolveHostname", "\"name\":\"a\"}") },
	};
	_cleanup_free_ char *deep = malloc(100001);
	struct stream stream;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		walk(TT_RESOLVER_VARLINK, cases[i].call, cases[i].len, &stream);
		assert_int_equal(stream.n + stream.n_others, 0);
		assert_int_equal(stream.end, TT_WIRE_OTHER);
	}
	assert_non_null(deep);
	memset(deep, '[', 100000);
	deep[100000] = '\0';
	walk(TT_RESOLVER_VARLINK, deep, 100001, &stream);
	assert_int_equal(stream.end, TT_WIRE_OTHER);
}

/* ---- nscd */

static void put_nscd(struct bytes *to, int32_t version, int32_t type, int32_t len, const char *key,
		     size_t key_len)
{
	put(to, (int32_t[]){ version, type, len }, 12);
	put(to, key, key_len);
}

static void nscd_is_asked_for_hosts(void **state)
{
	static const struct {
		int32_t request;
		const char *key;
		size_t len;
		const char *name;
		uint16_t type;
	} cases[] = {
		{ 4, BYTES("h.Example.com\0"), "h.example.com", 1 },
		{ 5, BYTES("h.example.com.\0"), "h.example.com", 28 },
		{ 14, BYTES("api.example.com\0"), "api.example.com", 0 },
		{ 14, BYTES("bank.example\0.evil\0"), "bank.example\\000.evil", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct bytes in = { 0 };

		put_nscd(&in, 2, cases[i].request, (int32_t)cases[i].len, cases[i].key, cases[i].len);
		assert_asks(TT_RESOLVER_NSCD, in.data, in.len, cases[i].name, cases[i].type);
	}
}

static void nscd_is_asked_for_more_than_hosts(void **state)
{
	static const struct {
		int32_t version, request, key_len;
		const char *key;
		size_t len;
		enum tt_wire_result result;
	} cases[] = {
		{ 2, 13, 6, BYTES("hosts\0"), TT_WIRE_NONE }, /* GETFDHST, for the shared file */
		{ 2, 0, 8, BYTES("nobody2\0"), TT_WIRE_NONE }, /* GETPWBYNAME */
		{ 2, 6, 4, BYTES("\xc0\0\2\1"), TT_WIRE_NONE }, /* GETHOSTBYADDR */
		{ 2, 9, 0, BYTES(""), TT_WIRE_NONE }, /* GETSTAT */
		{ 2, -1, 1, BYTES("\0"), TT_WIRE_NONE },
		{ 2, 4, 1, BYTES("\0"), TT_WIRE_NONE }, /* an empty name */
		{ 2, 4, 0, BYTES(""), TT_WIRE_OTHER }, /* no NUL */
		{ 2, 4, 1, BYTES("a"), TT_WIRE_OTHER },
		{ 1, 4, 2, BYTES("a\0"), TT_WIRE_OTHER },
		{ 0x02000000, 4, 2, BYTES("a\0"), TT_WIRE_OTHER },
		{ 2, 4, -1, BYTES("a\0"), TT_WIRE_OTHER },
		{ 2, 4, INT32_MIN, BYTES("a\0"), TT_WIRE_OTHER },
		{ 2, 4, 1025, BYTES("a\0"), TT_WIRE_OTHER },
		{ 2, 4, 1024, BYTES("a\0"), TT_WIRE_MORE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct bytes in = { 0 };
		uint16_t type;
		char name[TT_HOST_MAX];
		size_t at = 0;

		put_nscd(&in, cases[i].version, cases[i].request, cases[i].key_len, cases[i].key,
			 cases[i].len);
		assert_int_equal(tt_resolver_question(TT_RESOLVER_NSCD, in.data, in.len, &at, name, &type),
				 cases[i].result);
		assert_int_equal(at, cases[i].result == TT_WIRE_NONE ? in.len : 0);
	}
}

static void a_key_that_becomes_too_long_is_no_name(void **state)
{
	struct bytes in = { 0 };
	struct stream stream;
	char key[1024];

	memset(key, '\x80', sizeof(key));
	key[1023] = '\0';
	put_nscd(&in, 2, 14, 1024, key, sizeof(key));
	walk(TT_RESOLVER_NSCD, in.data, in.len, &stream);
	assert_int_equal(stream.n, 0);
	assert_int_equal(stream.n_others, 1);
}

/* ---- D-Bus */

/* systemd 252: busctl, ResolveHostname */
static const char busctl_hostname[] =
	"\0AUTH EXTERNAL\r\n"
	"DATA\r\n"
	"NEGOTIATE_UNIX_FD\r\n"
	"BEGIN\r\n"
	"l\1\0\1\0\0\0\0\1\0\0\0m\0\0\0\1\1o\0\25\0\0\0/org/freedesktop/DBus\0\0\0\3\1s\0\5\0"
	"\0\0Hello\0\0\0\2\1s\0\24\0\0\0org.freedesktop.DBus\0\0\0\0\6\1s\0\24\0\0\0org.freed"
	"esktop.DBus\0\0\0\0l\1\4\1(\0\0\0\2\0\0\0\242\0\0\0\1\1o\0\31\0\0\0/org/freedesktop/"
	"resolve1\0\0\0\0\0\0\0\3\1s\0\17\0\0\0ResolveHostname\0\2\1s\0 \0\0\0org.freedesktop"
	".resolve1.Manager\0\0\0\0\0\0\0\0\6\1s\0\30\0\0\0org.freedesktop.resolve1\0\0\0\0\0\0"
	"\0\0\10\1g\0\4isit\0\0\0\0\0\0\0\0\0\0\0\17\0\0\0api.example.com\0\2\0\0\0\0\0\0\0\0"
	"\0\0\0\0\0\0\0";

/* the same, ResolveRecord */
static const char busctl_record[] =
	"\0AUTH EXTERNAL\r\n"
	"DATA\r\n"
	"NEGOTIATE_UNIX_FD\r\n"
	"BEGIN\r\n"
	"l\1\0\1\0\0\0\0\1\0\0\0m\0\0\0\1\1o\0\25\0\0\0/org/freedesktop/DBus\0\0\0\3\1s\0\5\0"
	"\0\0Hello\0\0\0\2\1s\0\24\0\0\0org.freedesktop.DBus\0\0\0\0\6\1s\0\24\0\0\0org.freed"
	"esktop.DBus\0\0\0\0l\1\4\1 \0\0\0\2\0\0\0\243\0\0\0\1\1o\0\31\0\0\0/org/freedesktop/"
	"resolve1\0\0\0\0\0\0\0\3\1s\0\r\0\0\0ResolveRecord\0\0\0\2\1s\0 \0\0\0org.freedeskto"
	"p.resolve1.Manager\0\0\0\0\0\0\0\0\6\1s\0\30\0\0\0org.freedesktop.resolve1\0\0\0\0\0"
	"\0\0\0\10\1g\0\5isqqt\0\0\0\0\0\0\0\0\0\0\13\0\0\0example.com\0\1\0A\0\0\0\0\0\0\0\0"
	"\0";

/* libdbus 1.14: dbus-send */
static const char dbus_send[] =
	"\0AUTH EXTERNAL 30\r\n"
	"NEGOTIATE_UNIX_FD\r\n"
	"BEGIN\r\n"
	"l\1\0\1\0\0\0\0\1\0\0\0n\0\0\0\1\1o\0\25\0\0\0/org/freedesktop/DBus\0\0\0\6\1s\0\24\0"
	"\0\0org.freedesktop.DBus\0\0\0\0\2\1s\0\24\0\0\0org.freedesktop.DBus\0\0\0\0\3\1s\0\5"
	"\0\0\0Hello\0\0\0l\1\0\1(\0\0\0\2\0\0\0\242\0\0\0\1\1o\0\31\0\0\0/org/freedesktop/re"
	"solve1\0\0\0\0\0\0\0\2\1s\0 \0\0\0org.freedesktop.resolve1.Manager\0\0\0\0\0\0\0\0\3"
	"\1s\0\17\0\0\0ResolveHostname\0\6\1s\0\30\0\0\0org.freedesktop.resolve1\0\0\0\0\0\0\0"
	"\0\10\1g\0\4isit\0\0\0\0\0\0\0\0\0\0\0\17\0\0\0www.example.org\0\0\0\0\0\0\0\0\0\0\0"
	"\0\0\0\0\0\0";

#define HANDSHAKE "\0AUTH EXTERNAL 31303030\r\nBEGIN\r\n"
#define MANAGER	  "org.freedesktop.resolve1.Manager"

static void put_aligned(struct bytes *to, size_t start, size_t align)
{
	while ((to->len - start) % align)
		put(to, "", 1);
}

static void put_number(struct bytes *to, size_t start, bool is_big, size_t size, uint64_t value)
{
	put_aligned(to, start, size);
	for (size_t i = 0; i < size; i++)
		put(to, &(unsigned char){ (unsigned char)(value >> 8 * (is_big ? size - 1 - i : i)) }, 1);
}

static void put_text(struct bytes *to, size_t start, bool is_big, size_t size, const char *text)
{
	put_number(to, start, is_big, size, strlen(text));
	put(to, text, strlen(text) + 1);
}

/* What a message consists of, where it is not as usual. */
struct message {
	bool is_big;
	unsigned char type; /* 0: method_call */
	const char *interface, *member, *signature; /* NULL: no such field */
	const char *other; /* the type of a field that nobody knows */
	uint64_t class_or_family, rr_type; /* rr_type: ResolveRecord's */
	size_t short_of; /* bytes that the body lacks */
};

static void put_message(struct bytes *to, const struct message *m, const char *name)
{
	const struct {
		unsigned char code;
		const char *type, *value;
	} fields[] = {
		{ 1, "o", "/org/freedesktop/resolve1" },
		{ 42, m->other, "" },
		{ 3, "s", m->member },
		{ 2, "s", m->interface },
		{ 6, "s", "org.freedesktop.resolve1" },
		{ 8, "g", m->signature },
	};
	size_t start = to->len, n_fields, body;
	struct bytes lengths = { 0 };

	put(to, m->is_big ? "B" : "l", 1);
	put(to, m->type ? &m->type : (const unsigned char *)"\1", 1);
	put(to, "\0\1", 2);
	put(to, "\0\0\0\0\0\0\0\1\0\0\0", 12);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		if (!fields[i].type || !fields[i].value)
			continue;
		put_aligned(to, start, 8);
		put(to, &fields[i].code, 1);
		put_text(to, start, m->is_big, 1, fields[i].type);
		if (strchr("so", *fields[i].type))
			put_text(to, start, m->is_big, 4, fields[i].value);
		else if (*fields[i].type == 'g')
			put_text(to, start, m->is_big, 1, fields[i].value);
		else
			put_number(to, start, m->is_big, 4, 0);
	}
	n_fields = to->len - start - 16;
	put_aligned(to, start, 8);
	body = to->len;
	put_number(to, start, m->is_big, 4, 0);
	put_text(to, start, m->is_big, 4, name);
	put_number(to, start, m->is_big, m->rr_type ? 2 : 4, m->class_or_family);
	if (m->rr_type)
		put_number(to, start, m->is_big, 2, m->rr_type);
	put_number(to, start, m->is_big, 8, 0);
	to->len -= m->short_of;
	put_number(&lengths, 0, m->is_big, 4, to->len - body);
	put_number(&lengths, 0, m->is_big, 4, n_fields);
	memcpy(to->data + start + 4, lengths.data, 4);
	memcpy(to->data + start + 12, lengths.data + 4, 4);
}

static void clients_of_the_bus_ask_for_hosts(void **state)
{
	assert_asks(TT_RESOLVER_DBUS, BYTES(busctl_hostname), "api.example.com", 1);
	assert_asks(TT_RESOLVER_DBUS, BYTES(busctl_record), "example.com", 65);
	assert_asks(TT_RESOLVER_DBUS, BYTES(dbus_send), "www.example.org", 0);
}

static void messages_have_a_byte_order_of_their_own(void **state)
{
	struct bytes in = { 0 };
	struct stream stream;

	put(&in, BYTES(HANDSHAKE));
	for (unsigned i = 0; i < 4; i++)
		put_message(&in,
			    &(struct message){ .is_big = i & 1,
					       .interface = MANAGER,
					       .member = i & 2 ? "ResolveRecord" : "ResolveHostname",
					       .signature = i & 2 ? "isqqt" : "isit",
					       .other = "u",
					       .class_or_family = i & 2 ? 1 : 10,
					       .rr_type = i & 2 ? 0x1234 : 0 },
			    i & 1 ? "Big.example" : "little.example.");
	walk(TT_RESOLVER_DBUS, in.data, in.len, &stream);

	assert_int_equal(stream.n, 4);
	assert_question(&stream, 0, "little.example", 28);
	assert_question(&stream, 1, "big.example", 28);
	assert_question(&stream, 2, "little.example", 0x1234);
	assert_question(&stream, 3, "big.example", 0x1234);
	assert_int_equal(stream.end, TT_WIRE_MORE);
}

static void other_messages_name_nobody(void **state)
{
	static const struct message cases[] = {
		{ .type = 2, .interface = MANAGER, .member = "ResolveHostname", .signature = "isit" },
		{ .type = 4, .interface = MANAGER, .member = "ResolveHostname", .signature = "isit" },
		{ .interface = "org.example.Manager", .member = "ResolveHostname", .signature = "isit" },
		{ .interface = MANAGER, .member = "ResolveAddress", .signature = "isit" },
		{ .interface = MANAGER, .member = "ResolveRecord", .signature = "isit" },
		{ .interface = MANAGER, .member = "ResolveHostname", .signature = "isqqt" },
		{ .interface = MANAGER, .member = "ResolveHostname", .signature = "isi" },
		{ .interface = MANAGER, .member = "ResolveHostname" },
		{ .interface = MANAGER, .signature = "isit" },
		{ .member = "ResolveHostname", .signature = "isit" },
		/* nobody sends such a field; what is behind it is not found */
		{ .interface = MANAGER, .member = "ResolveHostname", .signature = "isit", .other = "au" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct message good = { .interface = MANAGER,
					      .member = "ResolveHostname",
					      .signature = "isit" };
		struct bytes in = { 0 };

		put(&in, BYTES(HANDSHAKE));
		put_message(&in, &cases[i], "bank.example");
		put_message(&in, &good, "next.example");
		assert_asks(TT_RESOLVER_DBUS, in.data, in.len, "next.example", 0);
	}
}

static void a_body_that_is_too_short_is_malformed(void **state)
{
	/* With one of these, the family is not where the name ends. */
	static const char *const names[] = { "abc.example", "ab.example" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		/* 8 bytes before the name, its NUL and what aligns the family, 4 of that, 8 of flags, which do not matter */
		for (size_t short_of = 0; short_of <= 32; short_of++) {
			const struct message m = { .interface = MANAGER,
						   .member = "ResolveHostname",
						   .signature = "isit",
						   .short_of = short_of };
			struct bytes in = { 0 };
			struct stream stream;

			put(&in, BYTES(HANDSHAKE));
			put_message(&in, &m, names[i]);
			walk(TT_RESOLVER_DBUS, in.data, in.len, &stream);
			assert_int_equal(stream.n, short_of <= 8);
			assert_int_equal(stream.end, short_of <= 8 ? TT_WIRE_MORE : TT_WIRE_OTHER);
		}
	}
}

static void text_ends_with_its_nul(void **state)
{
	static const char name[] = "api.example.com";
	struct bytes in = { 0 };
	struct stream stream;
	unsigned char *nul;

	put(&in, BYTES(busctl_hostname));
	nul = memmem(in.data, in.len, name, sizeof(name));
	assert_non_null(nul);
	nul[strlen(name)] = 'x';
	walk(TT_RESOLVER_DBUS, in.data, in.len, &stream);
	assert_int_equal(stream.n, 0);
	assert_int_equal(stream.end, TT_WIRE_OTHER);
}

static void what_is_no_message_ends_the_stream(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		enum tt_wire_result result;
		unsigned n_others; /* the handshake, and more */
	} cases[] = {
		{ BYTES("AUTH EXTERNAL\r\nBEGIN\r\n"), TT_WIRE_OTHER, 0 }, /* no NUL */
		{ BYTES("\0"), TT_WIRE_MORE, 0 },
		{ BYTES("\0\r\n"), TT_WIRE_MORE, 0 },
		{ BYTES("\0AUTH EXTERNAL\r\n"), TT_WIRE_MORE, 0 },
		{ BYTES("\0AUTH BEGIN\r\nBEGI"), TT_WIRE_MORE, 0 },
		{ BYTES("\0BEGINNING\r\n"), TT_WIRE_MORE, 0 },
		{ BYTES("\0BEGIN now\r\n"
			"x\1\0\1\0\0\0\0\1\0\0\0\0\0\0\0"),
		  TT_WIRE_OTHER, 1 }, /* byte order */
		{ BYTES(HANDSHAKE "l\1\0\2\0\0\0\0\1\0\0\0\0\0\0\0"), TT_WIRE_OTHER, 1 }, /* version */
		{ BYTES(HANDSHAKE "l\1\0\1\0\0\0\0\1\0\0\0\1\0\0\4"), TT_WIRE_OTHER, 1 }, /* lengths */
		{ BYTES(HANDSHAKE "l\1\0\1\1\0\0\10\1\0\0\0\0\0\0\0"), TT_WIRE_OTHER, 1 },
		{ BYTES(HANDSHAKE "l\1\0\1\0\0\0\10\1\0\0\0\0\0\0\0"), TT_WIRE_OTHER, 1 },
		{ BYTES(HANDSHAKE "l\1\0\1\377\377\377\377\1\0\0\0\377\377\377\377"), TT_WIRE_OTHER, 1 },
		{ BYTES(HANDSHAKE "l\1\0\1\0\0\0\4\1\0\0\0\0\0\0\0"), TT_WIRE_MORE, 1 },
		{ BYTES(HANDSHAKE "l\1\0\1\0\0\0\0\1\0\0\0\0\0\0\0"), TT_WIRE_MORE,
		  2 }, /* whole, but without fields */
	};
	struct stream stream;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		walk(TT_RESOLVER_DBUS, cases[i].bytes, cases[i].len, &stream);
		assert_int_equal(stream.n, 0);
		assert_int_equal(stream.n_others, cases[i].n_others);
		assert_int_equal(stream.end, cases[i].result);
	}
}

/* ---- all of them */

static const struct {
	enum tt_resolver which;
	const char *bytes;
	size_t len;
	unsigned n;
} streams[] = {
	{ TT_RESOLVER_VARLINK, CALL("ResolveHostname", "\"name\":\"api.example.com\",\"family\":2"), 1 },
	{ TT_RESOLVER_VARLINK,
	  BYTES("{\"method\":\"io.systemd.Resolve.ResolveHostname\",\"parameters\":{\"name\":\"a\"}}\0"
		"{\"method\":\"org.varlink.service.GetInfo\"}\0"
		"{\"method\":\"io.systemd.Resolve.ResolveRecord\",\"parameters\":{\"name\":\"b\",\"type\":12}"
		"}\0"),
	  2 },
	{ TT_RESOLVER_NSCD, BYTES("\2\0\0\0\16\0\0\0\20\0\0\0api.example.com\0\2\0\0\0\4\0\0\0\2\0\0\0a\0"),
	  2 },
	{ TT_RESOLVER_DBUS, BYTES(busctl_hostname), 1 },
	{ TT_RESOLVER_DBUS, BYTES(busctl_record), 1 },
	{ TT_RESOLVER_DBUS, BYTES(dbus_send), 1 },
};

static void a_stream_that_is_cut_asks_for_what_it_has(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(streams); i++) {
		struct stream whole, part;

		if (streams[i].which == TT_RESOLVER_NSCD && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__)
			continue;
		walk(streams[i].which, streams[i].bytes, streams[i].len, &whole);
		assert_int_equal(whole.n, streams[i].n);
		assert_int_equal(whole.at, streams[i].len);
		for (size_t len = 0; len < streams[i].len; len++) {
			walk(streams[i].which, streams[i].bytes, len, &part);
			assert_int_equal(part.end, TT_WIRE_MORE);
			assert_true(part.n < whole.n || part.at == whole.at);
			for (unsigned n = 0; n < part.n; n++)
				assert_question(&whole, n, part.questions[n].name, part.questions[n].type);
		}
	}
}

static void any_byte_may_be_wrong(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(streams); i++) {
		for (size_t at = 0; at < streams[i].len; at++) {
			for (unsigned value = 0; value < 256; value++) {
				struct bytes in = { 0 };
				struct stream stream;

				put(&in, streams[i].bytes, streams[i].len);
				in.data[at] = (unsigned char)value;
				walk(streams[i].which, in.data, in.len, &stream);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_is_asked_over_other_sockets),
		cmocka_unit_test(varlink_calls_name_hosts),
		cmocka_unit_test(other_varlink_calls_name_nobody),
		cmocka_unit_test(malformed_varlink_is_something_else),
		cmocka_unit_test(nscd_is_asked_for_hosts),
		cmocka_unit_test(nscd_is_asked_for_more_than_hosts),
		cmocka_unit_test(a_key_that_becomes_too_long_is_no_name),
		cmocka_unit_test(clients_of_the_bus_ask_for_hosts),
		cmocka_unit_test(messages_have_a_byte_order_of_their_own),
		cmocka_unit_test(other_messages_name_nobody),
		cmocka_unit_test(a_body_that_is_too_short_is_malformed),
		cmocka_unit_test(text_ends_with_its_nul),
		cmocka_unit_test(what_is_no_message_ends_the_stream),
		cmocka_unit_test(a_stream_that_is_cut_asks_for_what_it_has),
		cmocka_unit_test(any_byte_may_be_wrong),
	};

	return cmocka_run_group_tests_name("wire resolver", tests, NULL, NULL);
}
