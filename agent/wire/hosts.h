/* SPDX-License-Identifier: Apache-2.0 */
/* Names in /etc/hosts (hosts(5)): lines of an address and its names, the official one first; "#" to the end of a line is a comment. */
#ifndef TT_WIRE_HOSTS_H
#define TT_WIRE_HOSTS_H

#include "wire/wire.h"

struct tt_hosts_entry {
	int family;
	uint8_t addr[16]; /* network order; IPv4 in the first 4 bytes, zeros behind */
	char name[TT_HOST_MAX]; /* the official one, as tt_host_clean() has it */
};

/* The next line that gives an address a name. *at is where to look, 0 at first, and is moved behind the line. False: there is
 * none; *ret is undefined then. What is no such line is skipped. */
bool tt_hosts_next(const void *data, size_t len, size_t *at, struct tt_hosts_entry *ret);

#endif
