/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer entry: any bytes as what a client sends over TCP, whole and cut somewhere. */
#include "wire/stream.h"

#include <stdlib.h>
#include <string.h>

#define PORT 4242

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text, size_t cap)
{
	size_t len = strnlen(text, cap);

	if (len == cap)
		abort();
	for (size_t i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] >= 0x7f)
			abort();
}

static void check(enum tt_wire_result r, const struct tt_stream *stream)
{
	if (stream->n > TT_STREAM_NAMES_MAX || (r == TT_WIRE_FOUND && !stream->n) ||
	    ((r == TT_WIRE_NONE || r == TT_WIRE_OTHER) && stream->n))
		abort();
	for (unsigned i = 0; i < stream->n; i++) {
		check_text(stream->names[i].name, sizeof(stream->names[i].name));
		if (!stream->names[i].name[0] || stream->names[i].source > TT_NAME_SOCKS)
			abort();
	}
	check_text(stream->alpn, sizeof(stream->alpn));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t cut = size ? (data[size - 1] | data[size / 2] << 8) % size : 0;
	struct tt_stream whole, part;
	enum tt_wire_result r, was;
	uint8_t *copy;

	r = tt_stream_names(data, size, PORT, &whole);
	check(r, &whole);

	/* What was decided of a beginning stays decided, and no name that was known is taken back. */
	copy = malloc(cut ? cut : 1);
	if (!copy)
		return 0;
	memcpy(copy, data, cut);
	was = tt_stream_names(copy, cut, PORT, &part);
	check(was, &part);
	free(copy);
	if ((was != TT_WIRE_MORE && (was != r || part.n != whole.n)) || part.n > whole.n)
		abort();
	for (unsigned i = 0; i < part.n; i++)
		if (part.names[i].source != whole.names[i].source ||
		    part.names[i].port != whole.names[i].port ||
		    strcmp(part.names[i].name, whole.names[i].name) != 0)
			abort();
	return 0;
}
