/* SPDX-License-Identifier: Apache-2.0 */
/* Whom the first bytes name that a client sends over a TCP connection.
 *
 * A connection to a proxy names two or more: whom the tunnel shall lead to, and who is asked for within it. Each is kept,
 * the outermost first. Only one direction is seen: whether the proxy did as it was asked is not known here. */
#ifndef TT_WIRE_STREAM_H
#define TT_WIRE_STREAM_H

#include "wire/tls.h"
#include "wire/wire.h"

/* Three tunnels, one in the other, and who is asked for in the innermost; what is deeper is not looked at. A request that
 * is only repeated, as a proxy that wants a password makes its client do, counts once. */
#define TT_STREAM_NAMES_MAX 4

enum tt_stream_encryption { TT_STREAM_PLAIN, TT_STREAM_TLS };

struct tt_stream {
	struct {
		enum tt_name_source source; /* of the sources that a stream has */
		char name[TT_HOST_MAX]; /* as tt_host_clean() has it; may be an address as text */
		uint16_t port; /* as said, else the tunnel's around it, or the connection's; 0: not known */
	} names[TT_STREAM_NAMES_MAX];
	unsigned n;
	bool ambiguous; /* the last name is one of several Host fields that differ */
	enum tt_stream_encryption encrypted; /* of the innermost, as far as it has come */
	/* From its ClientHello, see tls.h. */
	bool ech_offered;
	char alpn[TT_TLS_ALPN_MAX];
};

/* port is the connection's. FOUND: *ret has all names. MORE: it has those known so far; what comes can only add to them.
 * NONE, OTHER: nobody is named. A header of the PROXY protocol is stepped over. *ret is always written. */
enum tt_wire_result tt_stream_names(const void *data, size_t len, uint16_t port, struct tt_stream *ret);

#endif
