/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/socks.h"

#include <arpa/inet.h>
#include <string.h>

#include "util/util.h"

#define PASSWORD_VERSION 1 /* of the sub-negotiation by user and password (RFC 1929, section 2) */

/* Methods of authentication (RFC 1928, section 3). */
enum { METHOD_NONE = 0, METHOD_PASSWORD = 2 };

/* Types of address (section 4). */
enum { ADDRESS_IPV4 = 1, ADDRESS_NAME = 3, ADDRESS_IPV6 = 4 };

/* What has come, and how much of it has been read. */
struct bytes {
	const unsigned char *p;
	size_t at, len;
};

/* The next n bytes; NULL: they have not come. */
static const unsigned char *take(struct bytes *in, size_t n)
{
	const unsigned char *p = in->p + in->at;

	if (n > in->len - in->at)
		return NULL;
	in->at += n;
	return p;
}

/* As many as the byte before them says. */
static const unsigned char *take_counted(struct bytes *in, size_t *ret_n)
{
	const unsigned char *n = take(in, 1);

	if (!n)
		return NULL;
	*ret_n = *n;
	return take(in, *n);
}

/* Up to a NUL, and over it. */
static const unsigned char *take_string(struct bytes *in, size_t *ret_n)
{
	const unsigned char *p = in->p + in->at, *nul = memchr(p, '\0', in->len - in->at);

	if (!nul)
		return NULL;
	*ret_n = (size_t)(nul - p);
	in->at += *ret_n + 1;
	return p;
}

static uint16_t number(const unsigned char *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* Behind the version: command, port, address, user. An address 0.0.0.x, which nobody has, says that a name follows: 4a. */
static enum tt_wire_result read_v4(struct bytes *in, struct tt_socks *found)
{
	const unsigned char *command = take(in, 1), *port, *address, *name;
	size_t len;

	if (!command)
		return TT_WIRE_MORE;
	if (*command != TT_SOCKS_CONNECT && *command != TT_SOCKS_BIND)
		return TT_WIRE_OTHER;
	port = take(in, 2);
	address = port ? take(in, 4) : NULL;
	if (!address || !take_string(in, &len))
		return TT_WIRE_MORE;
	found->command = *command;
	found->port = number(port);
	found->is_name = memcmp(address, "\0\0\0", 3) == 0 && address[3];
	if (!found->is_name) {
		inet_ntop(AF_INET, address, found->host, sizeof(found->host));
		return TT_WIRE_FOUND;
	}
	name = take_string(in, &len);
	if (!name)
		return TT_WIRE_MORE;
	return tt_host_clean(name, len, found->host) ? TT_WIRE_FOUND : TT_WIRE_NONE;
}

/* Behind the version: command, a reserved byte, address, port (RFC 1928, sections 4 and 5). */
static enum tt_wire_result read_v5_request(struct bytes *in, struct tt_socks *found)
{
	static const struct {
		int family;
		size_t size; /* 0: as a byte before it says */
	} types[] = {
		[ADDRESS_IPV4] = { AF_INET, 4 },
		[ADDRESS_NAME] = { AF_UNSPEC, 0 },
		[ADDRESS_IPV6] = { AF_INET6, 16 },
	};
	const unsigned char *command = take(in, 1), *type, *host, *port;
	size_t len = 0;

	if (!command)
		return TT_WIRE_MORE;
	if (*command < TT_SOCKS_CONNECT || *command > TT_SOCKS_UDP_ASSOCIATE)
		return TT_WIRE_OTHER;
	type = take(in, 1) ? take(in, 1) : NULL;
	if (!type)
		return TT_WIRE_MORE;
	if (*type >= ARRAY_SIZE(types) || (*type != ADDRESS_NAME && !types[*type].size))
		return TT_WIRE_OTHER;
	host = types[*type].size ? take(in, types[*type].size) : take_counted(in, &len);
	port = host ? take(in, 2) : NULL;
	if (!port)
		return TT_WIRE_MORE;
	found->command = *command;
	found->port = number(port);
	found->is_name = *type == ADDRESS_NAME;
	if (found->is_name)
		return tt_host_clean(host, len, found->host) ? TT_WIRE_FOUND : TT_WIRE_NONE;
	inet_ntop(types[*type].family, host, found->host, sizeof(found->host));
	return TT_WIRE_FOUND;
}

/* Behind the version: the methods offered (section 3), what the chosen one has to say, the request. */
static enum tt_wire_result read_v5(struct bytes *in, struct tt_socks *found)
{
	const unsigned char *version;
	bool can_be_password = false, can_be_unknown = false;
	size_t n = 1;
	const unsigned char *methods = take_counted(in, &n);

	if (!n)
		return TT_WIRE_OTHER;
	if (!methods)
		return TT_WIRE_MORE;
	for (size_t i = 0; i < n; i++) {
		can_be_password |= methods[i] == METHOD_PASSWORD;
		can_be_unknown |= methods[i] != METHOD_NONE && methods[i] != METHOD_PASSWORD;
	}
	version = take(in, 1);
	if (version && *version == PASSWORD_VERSION && can_be_password) {
		if (!take_counted(in, &n) || !take_counted(in, &n))
			return TT_WIRE_MORE;
		version = take(in, 1);
	}
	if (!version)
		return TT_WIRE_MORE;
	/* GSSAPI's messages begin like those with a password (RFC 1961, section 3): they show by what is behind. */
	if (*version != 5)
		return can_be_unknown ? TT_WIRE_NONE : TT_WIRE_OTHER;
	return read_v5_request(in, found);
}

enum tt_wire_result tt_socks_request(const void *data, size_t len, struct tt_socks *ret)
{
	struct bytes in = { .p = data, .len = len };
	const unsigned char *version = take(&in, 1);
	struct tt_socks found = { 0 };
	enum tt_wire_result r;

	if (!version)
		return TT_WIRE_MORE;
	if (*version != 4 && *version != 5)
		return TT_WIRE_OTHER;
	found.version = *version;
	r = *version == 4 ? read_v4(&in, &found) : read_v5(&in, &found);
	found.end = in.at;
	if (r == TT_WIRE_FOUND)
		*ret = found;
	return r;
}
