/* SPDX-License-Identifier: Apache-2.0 */
/* Whom a TLS client asks for: the ClientHello (RFC 8446, section 4.1.2; of earlier versions it is read alike).
 *
 * The first server_name that comes decides; nothing behind it can change the name, so the answer is the same however the
 * bytes were cut, and also where a server would refuse the rest. */
#ifndef TT_WIRE_TLS_H
#define TT_WIRE_TLS_H

#include "wire/wire.h"

/* How much of a hello is looked at: browsers' have 2 KiB since their key shares are post-quantum ones. */
#define TT_TLS_HELLO_MAX 4096

/* With its NUL. Of the protocols that are registered the longest have 18 bytes. */
#define TT_TLS_ALPN_MAX 32

struct tt_tls_hello {
	/* server_name's host_name (RFC 6066, section 3), as tt_host_clean() has it; "": none. With ech_offered it may be the
	 * public name of whoever keeps the real one. */
	char name[TT_HOST_MAX];
	/* The first protocol offered (RFC 7301, section 3.1), escaped as host names are, but in its own case; what does not
	 * fit is cut. "": none. */
	char alpn[TT_TLS_ALPN_MAX];
	/* encrypted_client_hello (RFC 9849, section 5), of the outer type. That it is offered is all one can see: a client
	 * without a key sends noise in its place ("GREASE", section 6.2) that looks the same. */
	bool ech_offered;
};

/* What a client sends over TCP, from its first byte on: records (RFC 8446, section 5.1) of any version and fragmentation.
 * FOUND as soon as the name has come; then ech_offered and alpn are what is known of them by what is there. NONE: the hello
 * has no name. MORE: also for a name that lies beyond TT_TLS_HELLO_MAX. SSL 2's hello is OTHER.
 * *ret, and *ret_end (up to where records were read), are written on FOUND and NONE only. */
enum tt_wire_result tt_tls_stream(const void *data, size_t len, struct tt_tls_hello *ret, size_t *ret_end);

/* The same for a handshake message without records, as QUIC has it (RFC 9001, section 4.1.3), or its first bytes. */
enum tt_wire_result tt_tls_client_hello(const void *handshake, size_t len, struct tt_tls_hello *ret);

#endif
