/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer entry: any bytes as what an HTTP client sends, whole and cut somewhere. */
#include "wire/http.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(enum tt_wire_result r, const struct tt_http *http, size_t size)
{
	size_t len = strnlen(http->host, sizeof(http->host));

	if (len == sizeof(http->host) || http->end > size || http->version > 2)
		abort();
	for (size_t i = 0; i < len; i++)
		if (http->host[i] <= ' ' || http->host[i] >= 0x7f)
			abort();
	if ((r == TT_WIRE_FOUND && !len) || (r == TT_WIRE_MORE && len && !http->is_connect) ||
	    ((r == TT_WIRE_NONE || r == TT_WIRE_OTHER) && (len || http->port)))
		abort();
	if (http->is_connect && (r == TT_WIRE_FOUND) != (http->end > 0))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t cut = size ? (data[size - 1] | data[size / 2] << 8) % size : 0;
	struct tt_http whole, part;
	enum tt_wire_result r, was;
	uint8_t *copy;

	r = tt_http_request(data, size, &whole);
	check(r, &whole, size);

	/* What was decided of a beginning stays decided. */
	copy = malloc(cut ? cut : 1);
	if (!copy)
		return 0;
	memcpy(copy, data, cut);
	was = tt_http_request(copy, cut, &part);
	check(was, &part, cut);
	free(copy);
	if ((was != TT_WIRE_MORE && was != r) || (part.end && part.end != whole.end))
		abort();
	if (part.host[0] && (strcmp(part.host, whole.host) != 0 || part.port != whole.port))
		abort();
	return 0;
}
