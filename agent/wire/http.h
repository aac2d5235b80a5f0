/* SPDX-License-Identifier: Apache-2.0 */
/* Whom an HTTP/1 client asks for: the head of its first request (RFC 9112).
 *
 * Where servers are known to differ from the RFC, this errs towards what some server would take for a name: line ends
 * without CR, folded fields, blanks before a colon, CONNECT without a port. A name that no server can agree upon is kept
 * as it was sent, with what is odd in it escaped. User names and passwords are stepped over. */
#ifndef TT_WIRE_HTTP_H
#define TT_WIRE_HTTP_H

#include "wire/wire.h"

struct tt_http {
	/* As tt_host_clean() has it; may be an address. "": not known, or none. */
	char host[TT_HOST_MAX];
	uint16_t port; /* 0: not said */
	unsigned version; /* major; 0: not known */
	bool is_connect; /* host is whom the proxy shall open a tunnel to (RFC 9110, section 9.3.6) */
	bool absolute; /* the request is for a proxy: host is of its target, whatever Host says (section 3.2.2) */
	bool ambiguous; /* of what has come, more than one Host, and not all the same: the first that is a name is kept */
	/* Behind the head's empty line: there begins what a tunnel carries. 0: it has not come. */
	size_t end;
};

/* FOUND: a request's host, as soon as it has come; of CONNECT, once the head has. MORE: the rest has to come; host may be
 * known. NONE: the head has no host, or it is the preface of HTTP/2 (RFC 9113, section 3.4), which names nobody that could
 * be read here. OTHER: no request line, as early as that is certain, or a target that is none.
 * *ret is always written: with what is known, which is nothing on OTHER. */
enum tt_wire_result tt_http_request(const void *data, size_t len, struct tt_http *ret);

#endif
