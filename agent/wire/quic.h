/* SPDX-License-Identifier: Apache-2.0 */
/* Whom a QUIC client asks for: the ClientHello in its Initial packets (RFC 9000, 9001; version 2: RFC 9369).
 *
 * Initial packets are encrypted with keys that follow from the connection id that the client chose for the server (RFC 9001,
 * section 5.2), so whoever sees them can read them; what cannot be authenticated is not looked at. */
#ifndef TT_WIRE_QUIC_H
#define TT_WIRE_QUIC_H

#include "wire/tls.h"

#define TT_QUIC_ID_MAX 20 /* RFC 9000, section 17.2 */

/* A connection as its client's datagrams show it. All zero is one of which nothing was seen. Keys are not kept: they are
 * derived from the id for each datagram, of which a connection has one or two that matter. */
struct tt_quic {
	uint32_t version; /* 0: no packet could be read so far */
	uint8_t id[TT_QUIC_ID_MAX], id_len; /* the first destination connection id */
	uint16_t have; /* so much of crypto is there without a gap */
	uint8_t crypto[TT_TLS_HELLO_MAX]; /* the CRYPTO stream, from its beginning */
	uint8_t there[TT_TLS_HELLO_MAX / 8]; /* a bit for each byte of it */
};

/* One datagram that the client sent; they may come in any order. All packets in it are read (RFC 9000, section 12.2).
 *
 * FOUND, NONE: as tt_tls_client_hello() has it of the CRYPTO stream so far, of which a byte that is sent twice counts as it
 * came first. *ret is written on these two only.
 * MORE: packets of such a connection, but no name yet. 0-RTT and Handshake packets are not read, but belong to one.
 * OTHER: none of that: no long header, another version (reserved ones, section 15, and 0, version negotiation, too), a
 * packet that cannot be authenticated or is malformed. The connection may go on nevertheless.
 *
 * A packet that can be read by its own destination id and not by the first one begins a new connection: so it is after a
 * Retry (section 17.2.5.2), and when a socket is used again. Packets longer than TT_TLS_HELLO_MAX are not read. */
enum tt_wire_result tt_quic_client(struct tt_quic *quic, const void *datagram, size_t len,
				   struct tt_tls_hello *ret);

#endif
