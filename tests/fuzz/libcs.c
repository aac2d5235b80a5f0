/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as ld.so.cache: never a read outside of them, never a path that does not end. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "sensor/libcs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int measure(const char *path, void *arg)
{
	*(size_t *)arg += strlen(path);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	volatile size_t total;
	size_t length = 0;

	tt_libcs_cache((const char *)data, size, "libc.so.6", measure, &length);
	total = length;
	(void)total;
	return 0;
}
