/* SPDX-License-Identifier: Apache-2.0 */
/* Whom a SOCKS client asks for: its half of versions 4, 4a and 5 (RFC 1928, RFC 1929; of 4 and 4a there are only the notes
 * of their authors).
 *
 * What the proxy answers is not seen: which of the offered methods it chose is concluded from what the client sends next.
 * Users and passwords are stepped over. */
#ifndef TT_WIRE_SOCKS_H
#define TT_WIRE_SOCKS_H

#include "wire/wire.h"

/* As the protocol numbers them. */
enum tt_socks_command { TT_SOCKS_CONNECT = 1, TT_SOCKS_BIND = 2, TT_SOCKS_UDP_ASSOCIATE = 3 };

struct tt_socks {
	unsigned version; /* 4 (also for 4a) or 5 */
	enum tt_socks_command
		command; /* of BIND, host is who shall call back; of UDP ASSOCIATE, who will send: the client */
	char host[TT_HOST_MAX]; /* a name, as tt_host_clean() has it, or an address as text */
	bool is_name; /* it was sent as a name */
	uint16_t port;
	size_t end; /* behind the request: there begins what a tunnel carries */
};

/* FOUND: the request has come. NONE: its name is empty or longer than a host can be, or it cannot be read, since the client
 * goes on with a method of its own (GSSAPI, RFC 1961, which may encrypt what follows). OTHER: as early as it is certain.
 * *ret is written on FOUND only. */
enum tt_wire_result tt_socks_request(const void *data, size_t len, struct tt_socks *ret);

#endif
