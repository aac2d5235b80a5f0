/* SPDX-License-Identifier: Apache-2.0 */
/* Names that are asked for without the domain name system: of resolvers on this machine, over their UNIX sockets.
 *
 * Read is what the client sends. A resolver may not be running, or not know; and nscd's clients look into a file that it shares
 * with them first, and ask only for what is not in there. */
#ifndef TT_WIRE_RESOLVER_H
#define TT_WIRE_RESOLVER_H

#include "telltale/event.h"
#include "wire/wire.h"

/* For a look-up of any address, where a type is given otherwise: no record has this one (RFC 6895, section 3.1). */
#define TT_RESOLVER_ANY_ADDRESS 0

/* One message of a stream to a resolver. *at is where it starts, 0 at first, and is moved behind it on FOUND and NONE, so that
 * the caller can go on with the next one; the handshake of D-Bus counts as one that names nobody. FOUND: *ret_name, as
 * tt_host_clean() has it, and *ret_type (1 for A, ...) were asked for. MORE: it is not whole. OTHER: it is malformed, or the
 * resolver is NONE; there is no going on from there. Allocates as jansson does, for JSON. */
enum tt_wire_result tt_resolver_question(enum tt_resolver which, const void *data, size_t len, size_t *at,
					 char ret_name[TT_HOST_MAX], uint16_t *ret_type);

#endif
