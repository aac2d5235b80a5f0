/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer entry: any bytes as what a SOCKS client sends, whole and cut somewhere. */
#include "wire/socks.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct tt_socks *socks, size_t size)
{
	size_t len = strnlen(socks->host, sizeof(socks->host));

	if (!len || len == sizeof(socks->host) || !socks->end || socks->end > size || !socks->command ||
	    (socks->version != 4 && socks->version != 5))
		abort();
	for (size_t i = 0; i < len; i++)
		if (socks->host[i] <= ' ' || socks->host[i] >= 0x7f)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t cut = size ? (data[size - 1] | data[size / 2] << 8) % size : 0;
	struct tt_socks whole, part;
	enum tt_wire_result r, was;
	uint8_t *copy;

	r = tt_socks_request(data, size, &whole);
	if (r == TT_WIRE_FOUND)
		check(&whole, size);

	/* What was decided of a beginning stays decided, and nothing behind the request counts. */
	copy = malloc(cut ? cut : 1);
	if (!copy)
		return 0;
	memcpy(copy, data, cut);
	was = tt_socks_request(copy, cut, &part);
	free(copy);
	if (was == TT_WIRE_FOUND)
		check(&part, cut);
	if ((was != TT_WIRE_MORE && was != r) ||
	    (was == TT_WIRE_FOUND && (part.end != whole.end || strcmp(part.host, whole.host) != 0)))
		abort();
	if (r == TT_WIRE_FOUND && (was == TT_WIRE_FOUND) != (cut >= whole.end))
		abort();
	return 0;
}
