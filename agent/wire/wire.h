/* SPDX-License-Identifier: Apache-2.0 */
/* Names in what goes over the wire: what the parsers in this directory have in common.
 *
 * Each of them looks at bytes that an observed process, or whoever answers it, chose. They own nothing, allocate nothing,
 * read nothing beyond what they are given, and take a time that is linear in it. What has come so far of a stream is parsed
 * anew whenever more has come: it is at most 4 KiB, and a parser without a memory cannot be confused by how it was cut. */
#ifndef TT_WIRE_WIRE_H
#define TT_WIRE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room for a host name as text, with its NUL: 253 bytes, each escaped (RFC 1035, section 2.3.4). */
#define TT_HOST_MAX 1024

enum tt_wire_result {
	TT_WIRE_FOUND, /* a name */
	TT_WIRE_MORE, /* nothing speaks against it so far; the rest has to come */
	TT_WIRE_NONE, /* it is this protocol, whole as far as it matters, and names nobody */
	TT_WIRE_OTHER, /* it is something else, or malformed */
};

/* How a name was learnt. */
enum tt_name_source {
	TT_NAME_SNI, /* a ClientHello's server_name, over TCP or QUIC */
	TT_NAME_HTTP_HOST, /* a request's Host */
	TT_NAME_HTTP_CONNECT, /* a tunnel through an HTTP proxy */
	TT_NAME_HTTP_PROXY, /* a request to an HTTP proxy that names its target itself */
	TT_NAME_SOCKS, /* a tunnel through a SOCKS proxy */
	TT_NAME_DNS, /* an answer to a query of its own */
	TT_NAME_GETADDRINFO, /* a call of the C library */
	TT_NAME_RESOLVED, /* systemd-resolved */
	TT_NAME_NSCD,
	TT_NAME_HOSTS, /* /etc/hosts */
};

/* As it is stored: "sni", "http-host", ... */
const char *tt_name_source_text(enum tt_name_source source);

/* A host as it is kept: ASCII letters in lower case, no dot at the end, no brackets around an IPv6 address; bytes that are
 * no printable ASCII, spaces and backslashes as \DDD (RFC 4343, section 2.1), so that no name can pass for another one or for
 * the end of a line. False, and *ret empty: nothing is left, or it is longer than fits. */
bool tt_host_clean(const void *name, size_t len, char ret[TT_HOST_MAX]);

#endif
