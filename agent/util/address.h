/* SPDX-License-Identifier: Apache-2.0 */
/* An address as a key: all zeros where not set, to be compared and hashed as it is. */
#ifndef TT_UTIL_ADDRESS_H
#define TT_UTIL_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

struct tt_address {
	uint8_t addr[16]; /* IPv4 uses the first 4 bytes; network order */
	int family;
};

/* Of IPv4 the first 4 bytes count, of everything else all. */
struct tt_address tt_address_of(int family, const uint8_t addr[16]);
/* The same, but an IPv4-mapped IPv6 address (::ffff:192.0.2.1) is IPv4 on the wire, and is called that. */
struct tt_address tt_address_plain(int family, const uint8_t addr[16]);

#endif
