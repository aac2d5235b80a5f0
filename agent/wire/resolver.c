/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/resolver.h"

#include <jansson.h>
#include <string.h>
#include <sys/socket.h>

#include "util/util.h"
#include "wire/dns.h"

/* What is read of one message. */
struct question {
	char name[TT_HOST_MAX];
	uint16_t type;
	size_t size; /* of the message */
};

/* How systemd-resolved is asked, in either way. */
struct method {
	const char *name;
	const char *
		signature; /* of its arguments on D-Bus: interface, name, then family, or class and type, then flags */
	bool has_type;
};

static const struct method methods[] = {
	{ "ResolveHostname", "isit", false },
	{ "ResolveRecord", "isqqt", true },
};

static const struct method *find_method(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
		if (strlen(methods[i].name) == len && memcmp(methods[i].name, name, len) == 0)
			return &methods[i];
	return NULL;
}

static uint16_t type_of_family(uint32_t family)
{
	return family == AF_INET ? TT_DNS_A : family == AF_INET6 ? TT_DNS_AAAA : TT_RESOLVER_ANY_ADDRESS;
}

static enum tt_wire_result name_it(struct question *question, const void *name, size_t len, uint16_t type)
{
	question->type = type;
	return tt_host_clean(name, len, question->name) ? TT_WIRE_FOUND : TT_WIRE_NONE;
}

/* ---- varlink (varlink.org/Method-Call): a JSON object, then a NUL */

#define VARLINK_INTERFACE "io.systemd.Resolve."

static void json_freep(json_t **json)
{
	json_decref(*json);
}

/* 0: there is none, or it is out of range. */
static uint16_t small_number(const json_t *parameters, const char *key)
{
	double number = json_number_value(json_object_get(parameters, key));

	return number >= 0 && number <= UINT16_MAX ? (uint16_t)number : 0;
}

static enum tt_wire_result read_varlink(const unsigned char *p, size_t len, struct question *ret)
{
	const unsigned char *nul = memchr(p, '\0', len);
	_cleanup_(json_freep) json_t *call = NULL;
	const struct method *method;
	const json_t *parameters, *name;
	const char *called;
	uint16_t type;

	if (!nul)
		return TT_WIRE_MORE;
	ret->size = (size_t)(nul - p) + 1;
	/* systemd takes numbers that jansson has no integer for. */
	call = json_loadb((const char *)p, ret->size - 1, JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, NULL);
	if (!call)
		return TT_WIRE_OTHER;
	called = json_string_value(json_object_get(call, "method"));
	if (!called || strncmp(called, VARLINK_INTERFACE, strlen(VARLINK_INTERFACE)) != 0)
		return TT_WIRE_NONE;
	called += strlen(VARLINK_INTERFACE);
	method = find_method(called, strlen(called));
	parameters = json_object_get(call, "parameters");
	name = json_object_get(parameters, "name");
	if (!method)
		return TT_WIRE_NONE;
	type = method->has_type ? small_number(parameters, "type")
				: type_of_family(small_number(parameters, "family"));
	/* What is no string has no length. */
	return name_it(ret, json_string_value(name), json_string_length(name), type);
}

/* ---- nscd (glibc's nscd/nscd-client.h): a header, then a key that ends with its NUL */

#define NSCD_VERSION 2
#define NSCD_KEY_MAX 1024

struct nscd_request { /* host order */
	int32_t version, type, key_len;
};

static enum tt_wire_result read_nscd(const unsigned char *p, size_t len, struct question *ret)
{
	static const struct {
		int32_t request;
		uint16_t type;
	} types[] = {
		{ 4, TT_DNS_A }, /* GETHOSTBYNAME */
		{ 5, TT_DNS_AAAA }, /* GETHOSTBYNAMEv6 */
		{ 14, TT_RESOLVER_ANY_ADDRESS }, /* GETAI */
	};
	const unsigned char *key = p + sizeof(struct nscd_request);
	struct nscd_request request;
	size_t key_len;

	if (len < sizeof(request))
		return TT_WIRE_MORE;
	memcpy(&request, p, sizeof(request));
	if (request.version != NSCD_VERSION || request.key_len < 0 || request.key_len > NSCD_KEY_MAX)
		return TT_WIRE_OTHER;
	key_len = (size_t)request.key_len;
	if (len - sizeof(request) < key_len)
		return TT_WIRE_MORE;
	ret->size = sizeof(request) + key_len;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (types[i].request != request.type)
			continue;
		if (!key_len || key[key_len - 1])
			return TT_WIRE_OTHER;
		return name_it(ret, key, key_len - 1, types[i].type);
	}
	return TT_WIRE_NONE;
}

/* ---- D-Bus (the D-Bus specification): a handshake, then messages, each in a byte order of its own */

#define DBUS_INTERFACE	 "org.freedesktop.resolve1.Manager"
#define DBUS_VERSION	 1
#define DBUS_FIXED_SIZE	 16 /* up to and including the length of the fields */
#define DBUS_FIELDS_MAX	 (64u << 20)
#define DBUS_MESSAGE_MAX (128u << 20)
#define METHOD_CALL	 1

enum { FIELD_INTERFACE = 2, FIELD_MEMBER = 3, FIELD_SIGNATURE = 8, FIELDS };

struct text {
	const char *p;
	size_t len;
};

/* What is yet to be read of a message. Positions count from its start, which alignment is about. */
struct reader {
	const unsigned char *message;
	size_t at, end;
	bool is_big, failed; /* failed: it had not what was asked for, and has nothing any more */
};

static const unsigned char *take(struct reader *in, size_t align, size_t n)
{
	size_t at = (in->at + align - 1) & ~(align - 1);

	if (in->failed || at > in->end || n > in->end - at) {
		in->failed = true;
		return NULL;
	}
	in->at = at + n;
	return in->message + at;
}

/* A number of n bytes; 0 on failure. */
static uint32_t take_number(struct reader *in, size_t n)
{
	const unsigned char *p = take(in, n, n);
	uint32_t number = 0;

	for (size_t i = 0; p && i < n; i++)
		number = number << 8 | p[in->is_big ? i : n - 1 - i];
	return number;
}

/* Its length as a number of n bytes, its bytes, a NUL; empty on failure. */
static struct text take_text(struct reader *in, size_t n)
{
	size_t len = take_number(in, n);
	const unsigned char *p = take(in, 1, len), *nul = take(in, 1, 1);

	in->failed |= nul && *nul;
	return in->failed ? (struct text){ "", 0 } : (struct text){ (const char *)p, len };
}

static bool is_text(const struct text *text, const char *expected)
{
	return text->len == strlen(expected) && memcmp(text->p, expected, text->len) == 0;
}

/* A NUL, then lines until BEGIN. All are the client's: what the server says goes the other way. */
static enum tt_wire_result read_handshake(const unsigned char *p, size_t len, struct question *ret)
{
	static const char begin[] = "BEGIN";
	const unsigned char *line, *end;
	bool done = false;

	if (*p)
		return TT_WIRE_OTHER;
	for (line = p + 1; !done; line = end + 2) {
		size_t left = (size_t)(p + len - line), n = strlen(begin);

		end = memmem(line, left, "\r\n", 2);
		if (!end)
			return TT_WIRE_MORE;
		/* dbus-daemon does not mind arguments. */
		done = left > n && memcmp(line, begin, n) == 0 && memchr("\r \t", line[n], 3);
	}
	ret->size = (size_t)(line - p);
	return TT_WIRE_NONE;
}

/* The fields are variants; those of today have these types. Behind one of another type nothing is found. */
static bool read_fields(struct reader *in, struct text ret[FIELDS])
{
	while (in->at < in->end && !in->failed) {
		const unsigned char *code = take(in, 8, 1);
		struct text type = take_text(in, 1), value = { "", 0 };

		if (is_text(&type, "s") || is_text(&type, "o"))
			value = take_text(in, 4);
		else if (is_text(&type, "g"))
			value = take_text(in, 1);
		else if (is_text(&type, "u"))
			take_number(in, 4);
		else
			return false;
		if (!in->failed && *code < FIELDS)
			ret[*code] = value;
	}
	return !in->failed;
}

static enum tt_wire_result read_dbus(const unsigned char *p, size_t len, struct question *ret)
{
	struct reader in = { .message = p, .end = DBUS_FIXED_SIZE };
	struct text fields[FIELDS] = { 0 }, name;
	const struct method *method;
	uint32_t body_size, fields_size;
	const unsigned char *fixed;
	uint16_t type;

	if (len < DBUS_FIXED_SIZE)
		return TT_WIRE_MORE;
	fixed = take(&in, 1, 4); /* byte order, type, flags, version */
	in.is_big = fixed[0] == 'B';
	body_size = take_number(&in, 4);
	take_number(&in, 4); /* serial */
	fields_size = take_number(&in, 4);
	if ((!in.is_big && fixed[0] != 'l') || fixed[3] != DBUS_VERSION || fields_size > DBUS_FIELDS_MAX ||
	    body_size > DBUS_MESSAGE_MAX)
		return TT_WIRE_OTHER;
	in.end += fields_size;
	ret->size = ((in.end + 7) & ~(size_t)7) + body_size;
	if (ret->size > DBUS_MESSAGE_MAX)
		return TT_WIRE_OTHER;
	if (len < ret->size)
		return TT_WIRE_MORE;

	if (fixed[1] != METHOD_CALL || !read_fields(&in, fields) ||
	    !is_text(&fields[FIELD_INTERFACE], DBUS_INTERFACE))
		return TT_WIRE_NONE;
	method = find_method(fields[FIELD_MEMBER].p, fields[FIELD_MEMBER].len);
	if (!method || !is_text(&fields[FIELD_SIGNATURE], method->signature))
		return TT_WIRE_NONE;

	in.at = ret->size - body_size;
	in.end = ret->size;
	take_number(&in, 4); /* interface */
	name = take_text(&in, 4);
	if (method->has_type)
		take_number(&in, 2); /* class */
	type = method->has_type ? (uint16_t)take_number(&in, 2) : type_of_family(take_number(&in, 4));
	return in.failed ? TT_WIRE_OTHER : name_it(ret, name.p, name.len, type);
}

/* ---- public */

enum tt_wire_result tt_resolver_question(enum tt_resolver which, const void *data, size_t len, size_t *at,
					 char ret_name[TT_HOST_MAX], uint16_t *ret_type)
{
	static const struct {
		enum tt_wire_result (*first)(const unsigned char *p, size_t len, struct question *ret);
		enum tt_wire_result (*others)(const unsigned char *p, size_t len, struct question *ret);
	} readers[] = {
		[TT_RESOLVER_VARLINK] = { read_varlink, read_varlink },
		[TT_RESOLVER_NSCD] = { read_nscd, read_nscd },
		[TT_RESOLVER_DBUS] = { read_handshake, read_dbus },
	};
	const unsigned char *p = (const unsigned char *)data + *at;
	struct question question;
	enum tt_wire_result r;

	if (which == TT_RESOLVER_NONE)
		return TT_WIRE_OTHER;
	if (len == *at)
		return TT_WIRE_MORE;
	r = (*at ? readers[which].others : readers[which].first)(p, len - *at, &question);
	if (r == TT_WIRE_FOUND || r == TT_WIRE_NONE)
		*at += question.size;
	if (r == TT_WIRE_FOUND) {
		memcpy(ret_name, question.name, strlen(question.name) + 1);
		*ret_type = question.type;
	}
	return r;
}
