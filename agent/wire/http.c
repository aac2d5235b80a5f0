/* SPDX-License-Identifier: Apache-2.0 */
/* A request line is three words, and each byte of it is held against what can stand there, so that other protocols show
 * with the first byte that differs. The fields behind it are only told apart: of all but Host nothing is looked at. */
#include "wire/http.h"

#include <string.h>
#include <strings.h>

#include "util/util.h"

#define VERSION_LEN 8 /* HTTP/1.1 */

struct span {
	const char *s;
	size_t len;
};

/* What has come, and how much of it has been read. */
struct text {
	const char *s;
	size_t at, len;
};

struct request_line {
	struct span method, target, version;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_line_end(char c)
{
	return c == '\r' || c == '\n';
}

/* RFC 9110, section 5.6.2 */
static bool is_token(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

/* More than section 3.2 allows: clients send UTF-8 in a target, and servers take it. */
static bool is_visible(char c)
{
	return (unsigned char)c > ' ' && c != 0x7f;
}

static struct span take(struct text *in, bool (*is)(char c))
{
	size_t from = in->at;

	while (in->at < in->len && is(in->s[in->at]))
		in->at++;
	return (struct span){ in->s + from, in->at - from };
}

static struct span trim(struct span text)
{
	while (text.len && (is_blank(text.s[0]) || is_line_end(text.s[0])))
		text = (struct span){ text.s + 1, text.len - 1 };
	while (text.len && (is_blank(text.s[text.len - 1]) || is_line_end(text.s[text.len - 1])))
		text.len--;
	return text;
}

/* ---- who is named */

/* Decimal, "" for none (RFC 3986, section 3.2.3). */
static bool read_port(struct span text, uint16_t *ret)
{
	unsigned port = 0;

	for (size_t i = 0; i < text.len; i++) {
		if (text.s[i] < '0' || text.s[i] > '9')
			return false;
		port = port * 10 + (unsigned)(text.s[i] - '0');
		if (port > UINT16_MAX)
			return false;
	}
	*ret = (uint16_t)port;
	return true;
}

/* [user@]host[:port] (RFC 3986, section 3.2). False, and nobody in *ret: it is none. */
static bool read_authority(struct span text, struct tt_http *ret)
{
	const char *at = memrchr(text.s, '@', text.len), *host, *end, *host_end;
	bool in_brackets;

	ret->host[0] = '\0';
	ret->port = 0;
	host = at ? at + 1 : text.s;
	end = text.s + text.len;
	in_brackets = host < end && *host == '[';
	host_end = memchr(host, in_brackets ? ']' : ':', (size_t)(end - host));
	if (in_brackets && !host_end)
		return false;
	host_end = host_end ? host_end + in_brackets : end;

	/* Brackets are dropped, so that a name within them would pass for the name without. */
	if (in_brackets && !memchr(host, ':', (size_t)(host_end - host)))
		return false;
	for (const char *p = host + in_brackets; p < host_end - in_brackets; p++)
		if (*p && strchr("/?#[]", *p))
			return false;
	if (host_end < end &&
	    (*host_end != ':' ||
	     !read_port((struct span){ host_end + 1, (size_t)(end - host_end) - 1 }, &ret->port)))
		return false;
	if (tt_host_clean(host, (size_t)(host_end - host), ret->host))
		return true;
	ret->port = 0;
	return false;
}

/* The authority in scheme://authority/..., and the scheme's port; false for any other target. */
static bool split_absolute(struct span target, struct span *ret_authority, uint16_t *ret_port)
{
	static const struct {
		const char *scheme;
		uint16_t port;
	} schemes[] = { { "http://", 80 }, { "https://", 443 } };
	const char *colon = memchr(target.s, ':', target.len), *p, *end = target.s + target.len;

	if (!colon || colon == target.s || end - colon < 3 || memcmp(colon, "://", 3) != 0)
		return false;
	/* A scheme's characters are a token's, but for a few that no scheme has (RFC 3986, section 3.1). */
	for (p = target.s; p < colon; p++)
		if (!is_token(*p))
			return false;
	*ret_port = 0;
	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
		if (strlen(schemes[i].scheme) == (size_t)(colon + 3 - target.s) &&
		    strncasecmp(schemes[i].scheme, target.s, strlen(schemes[i].scheme)) == 0)
			*ret_port = schemes[i].port;
	for (p = colon + 3; p < end && *p != '/' && *p != '?' && *p != '#'; p++)
		;
	*ret_authority = (struct span){ colon + 3, (size_t)(p - colon) - 3 };
	return true;
}

static bool read_target(struct span target, struct tt_http *ret)
{
	struct span authority;
	uint16_t port;

	if (ret->is_connect)
		return read_authority(target, ret);
	ret->absolute = split_absolute(target, &authority, &port);
	if (!ret->absolute)
		return true;
	if (!read_authority(authority, ret))
		return false;
	if (!ret->port)
		ret->port = port;
	return true;
}

static void read_host(struct span value, bool is_first, struct tt_http *ret)
{
	struct tt_http host;

	read_authority(value, &host);
	if (!is_first && (host.port != ret->port || strcmp(host.host, ret->host) != 0))
		ret->ambiguous = true;
	if (!ret->host[0]) {
		strcpy(ret->host, host.host);
		ret->port = host.port;
	}
}

/* ---- the head */

static bool is(struct span text, const char *what)
{
	return text.len == strlen(what) && memcmp(text.s, what, text.len) == 0;
}

/* HTTP/1.n or HTTP/2.n, or what can become one. */
static bool can_be_version(struct span text)
{
	size_t fixed = text.len < VERSION_LEN ? text.len : VERSION_LEN - 1;

	return (memcmp(text.s, "HTTP/1.", fixed) == 0 || memcmp(text.s, "HTTP/2.", fixed) == 0) &&
	       text.len <= VERSION_LEN &&
	       (text.len < VERSION_LEN || (text.s[fixed] >= '0' && text.s[fixed] <= '9'));
}

/* Section 3; FOUND: its end has come. */
static enum tt_wire_result read_request_line(struct text *in, struct request_line *ret)
{
	take(in, is_line_end); /* section 2.2: of the request before */
	ret->method = take(in, is_token);
	if (in->at == in->len)
		return TT_WIRE_MORE;
	if (!ret->method.len || !take(in, is_blank).len)
		return TT_WIRE_OTHER;
	ret->target = take(in, is_visible);
	if (in->at == in->len)
		return TT_WIRE_MORE;
	if (!ret->target.len || !take(in, is_blank).len)
		return TT_WIRE_OTHER;
	ret->version = take(in, is_visible);
	if (!can_be_version(ret->version))
		return TT_WIRE_OTHER;
	take(in, is_blank);
	if (in->at == in->len)
		return TT_WIRE_MORE;
	if (ret->version.len < VERSION_LEN)
		return TT_WIRE_OTHER;
	if (in->s[in->at] == '\r' && ++in->at == in->len)
		return TT_WIRE_MORE;
	return in->s[in->at++] == '\n' ? TT_WIRE_FOUND : TT_WIRE_OTHER;
}

/* Section 5; with its folds (5.2), so that it ends where the next line is seen not to be one. False: that has not come. */
static bool take_field(struct text *in, struct span *ret_name, struct span *ret_value)
{
	const char *line = in->s + in->at, *end = in->s + in->len, *p = line, *colon;

	do {
		p = memchr(p, '\n', (size_t)(end - p));
		if (!p || ++p == end)
			return false;
	} while (is_blank(*p));
	in->at = (size_t)(p - in->s);

	colon = memchr(line, ':', (size_t)(p - line)) ?: p;
	*ret_name = (struct span){ line, (size_t)(colon - line) };
	while (ret_name->len && is_blank(line[ret_name->len - 1]))
		ret_name->len--;
	*ret_value = colon < p ? trim((struct span){ colon + 1, (size_t)(p - colon) - 1 })
			       : (struct span){ p, 0 };
	return true;
}

/* Where the empty line ends that ends a head; 0: there is another field, or it has not come. */
static size_t empty_line_end(const struct text *in)
{
	size_t at = in->at;

	if (at < in->len && in->s[at] == '\r')
		at++;
	return at < in->len && in->s[at] == '\n' ? at + 1 : 0;
}

enum tt_wire_result tt_http_request(const void *data, size_t len, struct tt_http *ret)
{
	struct text in = { .s = data, .len = len };
	struct request_line line;
	struct span name, value;
	enum tt_wire_result r;
	bool is_first = true;

	*ret = (struct tt_http){ 0 };
	r = read_request_line(&in, &line);
	if (r != TT_WIRE_FOUND)
		return r;
	ret->version = (unsigned)(line.version.s[5] - '0');
	if (ret->version == 2) {
		if (is(line.method, "PRI") && is(line.target, "*") && is(line.version, "HTTP/2.0"))
			return TT_WIRE_NONE;
		ret->version = 0;
		return TT_WIRE_OTHER;
	}
	ret->is_connect = is(line.method, "CONNECT");
	if (!read_target(line.target, ret)) {
		*ret = (struct tt_http){ 0 };
		return TT_WIRE_OTHER;
	}

	while (!(ret->end = empty_line_end(&in)) && take_field(&in, &name, &value)) {
		if (ret->is_connect || ret->absolute || name.len != 4 || strncasecmp(name.s, "host", 4) != 0)
			continue;
		read_host(value, is_first, ret);
		is_first = false;
	}
	if (ret->is_connect)
		return ret->end ? TT_WIRE_FOUND : TT_WIRE_MORE;
	return ret->host[0] ? TT_WIRE_FOUND : ret->end ? TT_WIRE_NONE : TT_WIRE_MORE;
}
