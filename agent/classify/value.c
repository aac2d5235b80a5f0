/* SPDX-License-Identifier: Apache-2.0 */
/* What may be taken out of a value: the host of a URL.
 *
 * Values of variables are hostile and may be secrets put in the wrong place: where it is not certain that
 * a piece is a host, there is none. */
#include "classify.h"

#include <arpa/inet.h>
#include <ctype.h>

#include "util/util.h"

#define HOST_MAX  253
#define LABEL_MAX 63

struct span {
	const char *s;
	size_t len;
};

static bool is_port(struct span port)
{
	return port.len && port.len <= 5 && strspn(port.s, "0123456789") >= port.len;
}

static bool is_hostname(struct span host)
{
	size_t label = 0;

	if (!host.len || host.len > HOST_MAX)
		return false;
	for (size_t i = 0; i < host.len; i++) {
		char c = host.s[i];

		if (c == '.') {
			if (!label)
				return false;
			label = 0;
		} else if ((!isalnum((unsigned char)c) && c != '-' && c != '_') || ++label > LABEL_MAX) {
			return false;
		}
	}
	return true;
}

static bool is_ipv6(struct span host)
{
	char text[INET6_ADDRSTRLEN];
	uint8_t addr[16];

	if (host.len >= sizeof(text))
		return false;
	memcpy(text, host.s, host.len);
	text[host.len] = '\0';
	return inet_pton(AF_INET6, text, addr) == 1;
}

/* Without a scheme, "sk-abc123" would do for a host name: demand a top-level domain or "localhost". */
static bool looks_like_host(struct span host)
{
	const char *dot = memrchr(host.s, '.', host.len);
	size_t len = dot ? host.s + host.len - (dot + 1) : 0;

	if (host.len == strlen("localhost") && !strncasecmp(host.s, "localhost", host.len))
		return true;
	if (!dot || len < 1 || len > 24)
		return false;
	for (size_t i = 1; i <= len; i++)
		if (!isalpha((unsigned char)dot[i]) && strspn(host.s, "0123456789.") < host.len)
			return false;
	return true;
}

/* Splits "host", "host:port", "[v6]" or "[v6]:port"; false where it is none of them. */
static bool split_host(struct span authority, struct span *ret_host, bool *ret_has_port)
{
	struct span host = authority, port = { 0 };
	bool is_right;

	if (authority.len && authority.s[0] == '[') {
		const char *end = memchr(authority.s, ']', authority.len);

		if (!end)
			return false;
		host = (struct span){ authority.s + 1, end - authority.s - 1 };
		port = (struct span){ end + 1, authority.s + authority.len - (end + 1) };
		is_right = is_ipv6(host);
		if (port.len && port.s[0] != ':')
			return false;
	} else {
		const char *colon = memchr(authority.s, ':', authority.len);

		if (colon) {
			host.len = colon - authority.s;
			port = (struct span){ colon, authority.s + authority.len - colon };
		}
		is_right = is_hostname(host);
	}
	/* "host:" is allowed by RFC 3986. */
	*ret_has_port = port.len > 1;
	if (!is_right || (port.len > 1 && !is_port((struct span){ port.s + 1, port.len - 1 })))
		return false;
	*ret_host = host;
	return true;
}

/* Behind "scheme://" or "//"; NULL if there is neither. */
static const char *skip_scheme(const char *value)
{
	const char *p = value;

	if (p[0] == '/' && p[1] == '/')
		return p + 2;
	if (!isalpha((unsigned char)*p))
		return NULL;
	while (isalnum((unsigned char)*p) || (*p && strchr("+-.", *p)))
		p++;
	return strncmp(p, "://", 3) ? NULL : p + 3;
}

bool tt_classify_url_host(const char *value, char *ret, unsigned cap)
{
	struct span authority, host;
	const char *after_scheme, *at, *blank;
	bool has_port;

	if (!value)
		return false;
	value += strspn(value, " \t");
	after_scheme = skip_scheme(value);
	authority.s = after_scheme ? after_scheme : value;
	authority.len = strcspn(authority.s, "/?#\\ \t\r\n");
	/* Words: a sentence or a list, no URL. */
	blank = value + strcspn(value, " \t\r\n");
	if (blank[strspn(blank, " \t\r\n")])
		return false;
	/* An '@' further on: a password with an unescaped '/', of which this would be the beginning. */
	if (strchr(authority.s + authority.len, '@'))
		return false;
	at = memrchr(authority.s, '@', authority.len);
	if (at) {
		authority.len -= at + 1 - authority.s;
		authority.s = at + 1;
	}
	if (!split_host(authority, &host, &has_port))
		return false;
	if (!after_scheme && !has_port && !looks_like_host(host))
		return false;
	if (host.len >= cap)
		return false;
	for (size_t i = 0; i < host.len; i++)
		ret[i] = tolower((unsigned char)host.s[i]);
	ret[host.len] = '\0';
	return true;
}
