/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer entry: any bytes as /etc/hosts. */
#include "wire/hosts.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tt_hosts_entry entry;
	size_t at = 0, before = 0;

	while (tt_hosts_next(data, size, &at, &entry)) {
		size_t len = strnlen(entry.name, sizeof(entry.name));

		if (at <= before || at > size || !len || len == sizeof(entry.name) ||
		    (entry.family != AF_INET && entry.family != AF_INET6))
			abort();
		for (size_t i = 0; i < len; i++)
			if (entry.name[i] <= ' ' || entry.name[i] >= 0x7f)
				abort();
		before = at;
	}
	if (at != size)
		abort();
	return 0;
}
