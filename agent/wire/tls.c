/* SPDX-License-Identifier: Apache-2.0 */
/* A ClientHello is lengths within lengths. Each is held against the one around it at once, but bytes are wanted only where
 * they are read: nonsense shows early, and what is stepped over need not have come. */
#include "wire/tls.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define RECORD_HEADER	 5
#define RECORD_HANDSHAKE 22
#define RECORD_MAX	 16384
#define MESSAGE_HEADER	 4
#define CLIENT_HELLO	 1
#define RANDOM_SIZE	 32
#define NAME_HOST	 0
#define ECH_OUTER	 0

/* What is yet to be read, from `at` to `end`, of a message whose first `have` bytes are there. Either may be the lesser. */
struct part {
	const unsigned char *data;
	size_t at, end, have;
};

/* -EBADMSG: it does not have so many. -EAGAIN: they have not come. */
static int take(struct part *part, size_t n, const unsigned char **ret)
{
	if (n > part->end - part->at)
		return -EBADMSG;
	if (n > part->have || part->at > part->have - n)
		return -EAGAIN;
	*ret = part->data + part->at;
	part->at += n;
	return 0;
}

static int take_rest(struct part *part, const unsigned char **ret, size_t *ret_len)
{
	*ret_len = part->end - part->at;
	return take(part, *ret_len, ret);
}

static int take_number(struct part *part, size_t n, size_t *ret)
{
	const unsigned char *p;
	int r = take(part, n, &p);

	if (r < 0)
		return r;
	*ret = 0;
	for (size_t i = 0; i < n; i++)
		*ret = *ret << 8 | p[i];
	return 0;
}

/* A vector (RFC 8446, section 3.4) whose length is a number of n bytes; what is in it need not have come. */
static int take_vector(struct part *part, size_t n, size_t min, size_t max, struct part *ret)
{
	size_t len;
	int r = take_number(part, n, &len);

	if (r < 0)
		return r;
	if (len < min || len > max || len > part->end - part->at)
		return -EBADMSG;
	*ret = *part;
	ret->end = part->at += len;
	return 0;
}

static void escape(const unsigned char *p, size_t len, char ret[TT_TLS_ALPN_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		bool plain = p[i] > ' ' && p[i] < 0x7f && p[i] != '\\';

		if (n + (plain ? 1 : 4) >= TT_TLS_ALPN_MAX)
			break;
		if (plain)
			ret[n++] = (char)p[i];
		else
			n += (size_t)snprintf(ret + n, 5, "\\%03u", p[i]);
	}
	ret[n] = '\0';
}

/* ---- extensions */

static int read_server_name(struct part *data, struct tt_tls_hello *hello)
{
	struct part list, name;
	const unsigned char *p;
	size_t type, len;
	int r = take_vector(data, 2, 1, SIZE_MAX, &list);

	while (r == 0 && list.at < list.end && !hello->name[0]) {
		r = take_number(&list, 1, &type) ?: take_vector(&list, 2, 1, SIZE_MAX, &name);
		if (r < 0 || type != NAME_HOST)
			continue;
		r = take_rest(&name, &p, &len);
		if (r == 0)
			tt_host_clean(p, len, hello->name);
	}
	return r;
}

static int read_alpn(struct part *data, struct tt_tls_hello *hello)
{
	struct part list, name;
	const unsigned char *p;
	size_t len;
	int r = take_vector(data, 2, 2, SIZE_MAX, &list) ?:
		take_vector(&list, 1, 1, SIZE_MAX, &name) ?:
		take_rest(&name, &p, &len);

	if (r == 0 && !hello->alpn[0])
		escape(p, len, hello->alpn);
	return r;
}

static int read_ech(struct part *data, struct tt_tls_hello *hello)
{
	size_t type;
	int r = take_number(data, 1, &type);

	if (r == 0 && type == ECH_OUTER)
		hello->ech_offered = true;
	return r;
}

static const struct {
	size_t type;
	int (*read)(struct part *data, struct tt_tls_hello *hello);
} extensions[] = {
	{ 0, read_server_name },
	{ 16, read_alpn },
	{ 0xfe0d, read_ech },
};

static int read_extensions(struct part *all, struct tt_tls_hello *hello)
{
	while (all->at < all->end) {
		struct part data;
		size_t type;
		int r = take_number(all, 2, &type) ?: take_vector(all, 2, 0, SIZE_MAX, &data);

		for (size_t i = 0; r == 0 && i < sizeof(extensions) / sizeof(extensions[0]); i++)
			if (extensions[i].type == type)
				r = extensions[i].read(&data, hello);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- the message */

static int read_message(struct part *message, struct tt_tls_hello *hello)
{
	struct part body, skipped, all;
	const unsigned char *p;
	size_t number;
	int r;

	r = take_number(message, 1, &number);
	if (r < 0)
		return r;
	if (number != CLIENT_HELLO)
		return -EBADMSG;
	r = take_vector(message, 3, 0, SIZE_MAX, &body) ?: take_number(&body, 1, &number);
	if (r < 0)
		return r;
	if (number != 3) /* of the version that it pretends to be */
		return -EBADMSG;

	r = take(&body, 1 + RANDOM_SIZE, &p) ?:
	    take_vector(&body, 1, 0, 32, &skipped) ?:	    /* session */
	    take_vector(&body, 2, 2, SIZE_MAX, &skipped) ?: /* cipher suites */
	    take_vector(&body, 1, 1, SIZE_MAX, &skipped);   /* compression methods */
	if (r < 0 || body.at == body.end) /* TLS 1.2 and before can do without extensions */
		return r;
	r = take_vector(&body, 2, 0, SIZE_MAX, &all);
	if (r < 0)
		return r;
	return body.at == body.end ? read_extensions(&all, hello) : -EBADMSG;
}

enum tt_wire_result tt_tls_client_hello(const void *handshake, size_t len, struct tt_tls_hello *ret)
{
	struct part message = { .data = handshake, .end = SIZE_MAX, .have = len };
	struct tt_tls_hello hello = { 0 };
	int r = read_message(&message, &hello);

	if (!hello.name[0] && r < 0)
		return r == -EAGAIN ? TT_WIRE_MORE : TT_WIRE_OTHER;
	*ret = hello;
	return hello.name[0] ? TT_WIRE_FOUND : TT_WIRE_NONE;
}

/* ---- records */

/* Whether p, of which n bytes are there, can be a record with a piece of a handshake message. */
static bool is_handshake(const unsigned char *p, size_t n)
{
	size_t size = n < RECORD_HEADER ? 1 : (size_t)(p[3] << 8 | p[4]);

	return p[0] == RECORD_HANDSHAKE && (n < 2 || p[1] == 3) && (n < 3 || p[2] <= 4) && size > 0 &&
	       size <= RECORD_MAX;
}

/* Whether a message is there to its end: other records than its own may follow then. */
static bool is_whole(const unsigned char *message, size_t n)
{
	return n >= MESSAGE_HEADER &&
	       n - MESSAGE_HEADER >= (size_t)(message[1] << 16 | message[2] << 8 | message[3]);
}

enum tt_wire_result tt_tls_stream(const void *data, size_t len, struct tt_tls_hello *ret, size_t *ret_end)
{
	const unsigned char *p = data;
	unsigned char message[TT_TLS_HELLO_MAX] = { 0 };
	size_t at = 0, n = 0;
	enum tt_wire_result r;
	bool good = true;

	while (at < len && !is_whole(message, n)) {
		size_t left = len - at, size;

		good = is_handshake(p + at, left);
		if (!good || left < RECORD_HEADER)
			break;
		size = (size_t)(p[at + 3] << 8 | p[at + 4]);
		at += RECORD_HEADER;
		left = len - at < size ? len - at : size;
		if (left > sizeof(message) - n)
			left = sizeof(message) - n;
		memcpy(message + n, p + at, left);
		n += left;
		at += size;
	}

	r = tt_tls_client_hello(message, n, ret);
	if (r == TT_WIRE_FOUND || r == TT_WIRE_NONE)
		*ret_end = at < len ? at : len;
	return r == TT_WIRE_MORE && !good ? TT_WIRE_OTHER : r;
}
