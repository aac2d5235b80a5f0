/* SPDX-License-Identifier: Apache-2.0 */
/* Protocols in a table, asked in order; the first that does not refuse has it. Each refuses by the first byte what another
 * takes, so that one that waits for more keeps nobody from it. A tunnel's inside is read like a stream of its own. */
#include "wire/stream.h"

#include <string.h>

#include "util/util.h"
#include "wire/http.h"
#include "wire/socks.h"

/* What the innermost tunnel carries, or the connection. */
struct inside {
	const char *data;
	size_t len;
	uint16_t port;
};

/* ---- the PROXY protocol (HAProxy's proxy-protocol.txt): what a load balancer puts in front */

#define PROXY_V1_MAX	107 /* section 2.1, with its line end */
#define PROXY_V2_HEADER 16

static enum tt_wire_result proxy_v1_end(const char *p, size_t len, size_t *ret_end)
{
	size_t max = len < PROXY_V1_MAX ? len : PROXY_V1_MAX;
	const char *line_end = memmem(p, max, "\r\n", 2);

	if (!line_end)
		return len < PROXY_V1_MAX ? TT_WIRE_MORE : TT_WIRE_OTHER;
	*ret_end = (size_t)(line_end - p) + 2;
	return TT_WIRE_FOUND;
}

static enum tt_wire_result proxy_v2_end(const char *p, size_t len, size_t *ret_end)
{
	const unsigned char *header = (const unsigned char *)p;

	if (len < PROXY_V2_HEADER)
		return TT_WIRE_MORE;
	*ret_end = PROXY_V2_HEADER + (size_t)(header[14] << 8 | header[15]);
	return *ret_end <= len ? TT_WIRE_FOUND : TT_WIRE_MORE;
}

/* "PROXY" alone could be a method of HTTP. */
static const struct {
	const char *prefix;
	size_t len;
	enum tt_wire_result (*end)(const char *p, size_t len, size_t *ret_end);
} proxy_headers[] = {
	{ "PROXY TCP4 ", 11, proxy_v1_end },
	{ "PROXY TCP6 ", 11, proxy_v1_end },
	{ "PROXY UNKNOWN", 13, proxy_v1_end },
	{ "\r\n\r\n\0\r\nQUIT\n\x20", 13, proxy_v2_end }, /* LOCAL */
	{ "\r\n\r\n\0\r\nQUIT\n\x21", 13, proxy_v2_end }, /* PROXY */
};

/* FOUND: behind a header. */
static enum tt_wire_result skip_proxy_header(struct inside *in)
{
	for (size_t i = 0; i < ARRAY_SIZE(proxy_headers); i++) {
		size_t len = proxy_headers[i].len, end;
		enum tt_wire_result r;

		if (memcmp(in->data, proxy_headers[i].prefix, in->len < len ? in->len : len) != 0)
			continue;
		r = in->len < len ? TT_WIRE_MORE : proxy_headers[i].end(in->data, in->len, &end);
		if (r == TT_WIRE_FOUND)
			*in = (struct inside){ in->data + end, in->len - end, in->port };
		return r;
	}
	return TT_WIRE_OTHER;
}

/* ---- what names somebody */

/* A proxy that wants a password has the client ask again: that is no further name. */
static void add_name(struct tt_stream *ret, enum tt_name_source source, const char *name, uint16_t port)
{
	if (ret->n && ret->names[ret->n - 1].source == source && ret->names[ret->n - 1].port == port &&
	    strcmp(ret->names[ret->n - 1].name, name) == 0)
		return;
	ret->names[ret->n].source = source;
	ret->names[ret->n].port = port;
	strcpy(ret->names[ret->n].name, name);
	ret->n++;
}

static enum tt_wire_result read_socks(struct inside *in, struct tt_stream *ret)
{
	struct tt_socks socks;
	enum tt_wire_result r = tt_socks_request(in->data, in->len, &socks);

	if (r != TT_WIRE_FOUND)
		return r;
	/* The other commands' host is not whom the client talks to. */
	if (socks.command != TT_SOCKS_CONNECT)
		return TT_WIRE_NONE;
	add_name(ret, TT_NAME_SOCKS, socks.host, socks.port);
	*in = (struct inside){ in->data + socks.end, in->len - socks.end, socks.port };
	return TT_WIRE_FOUND;
}

static enum tt_wire_result read_tls(struct inside *in, struct tt_stream *ret)
{
	struct tt_tls_hello hello = { 0 };
	size_t end;
	enum tt_wire_result r = tt_tls_stream(in->data, in->len, &hello, &end);

	if (r == TT_WIRE_OTHER)
		return r;
	ret->encrypted = TT_STREAM_TLS;
	ret->ech_offered = hello.ech_offered;
	memcpy(ret->alpn, hello.alpn, sizeof(ret->alpn));
	if (r == TT_WIRE_FOUND)
		add_name(ret, TT_NAME_SNI, hello.name, in->port);
	return r;
}

static enum tt_wire_result read_http(struct inside *in, struct tt_stream *ret)
{
	struct tt_http http;
	enum tt_wire_result r = tt_http_request(in->data, in->len, &http);

	if (!http.host[0])
		return r;
	if (http.is_connect) {
		add_name(ret, TT_NAME_HTTP_CONNECT, http.host, http.port);
		if (r == TT_WIRE_FOUND)
			*in = (struct inside){ in->data + http.end, in->len - http.end, http.port };
	} else if (http.absolute) {
		add_name(ret, TT_NAME_HTTP_PROXY, http.host, http.port);
	} else {
		add_name(ret, TT_NAME_HTTP_HOST, http.host, http.port ? http.port : in->port);
		ret->ambiguous = http.ambiguous;
	}
	return r;
}

/* Adds the name; of a tunnel whose beginning has come, goes inside. */
static enum tt_wire_result (*const protocols[])(struct inside *in, struct tt_stream *ret) = {
	read_socks,
	read_tls,
	read_http,
};

enum tt_wire_result tt_stream_names(const void *data, size_t len, uint16_t port, struct tt_stream *ret)
{
	struct inside in = { data, len, port };
	const char *from;
	enum tt_wire_result r;

	*ret = (struct tt_stream){ 0 };
	r = skip_proxy_header(&in);
	if (r == TT_WIRE_MORE)
		return r;
	/* It ends: each tunnel takes some of what has come. */
	do {
		from = in.data;
		r = TT_WIRE_OTHER;
		for (size_t i = 0; i < ARRAY_SIZE(protocols) && r == TT_WIRE_OTHER; i++)
			r = protocols[i](&in, ret);
		if (r == TT_WIRE_MORE)
			return r;
	} while (in.data != from && ret->n < TT_STREAM_NAMES_MAX);
	return ret->n ? TT_WIRE_FOUND : r;
}
