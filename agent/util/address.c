/* SPDX-License-Identifier: Apache-2.0 */
#include "util/address.h"

#include <string.h>
#include <sys/socket.h>

struct tt_address tt_address_of(int family, const uint8_t addr[16])
{
	struct tt_address address;

	memset(&address, 0, sizeof(address));
	address.family = family;
	memcpy(address.addr, addr, family == AF_INET ? 4 : 16);
	return address;
}

struct tt_address tt_address_plain(int family, const uint8_t addr[16])
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };
	uint8_t inner[16] = { 0 };

	if (family != AF_INET6 || memcmp(addr, prefix, sizeof(prefix)) != 0)
		return tt_address_of(family, addr);
	memcpy(inner, addr + sizeof(prefix), sizeof(inner) - sizeof(prefix));
	return tt_address_of(AF_INET, inner);
}
