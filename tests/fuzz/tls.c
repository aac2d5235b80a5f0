/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer entry: any bytes as what a client sends first, or as its handshake message. The first byte chooses which, the
 * next two where it is cut: more bytes may decide what was open, and change nothing else. */
#include "wire/tls.h"

#include <stdlib.h>
#include <string.h>

#include "fixtures/hello.h"
#include "fixtures/hello_sound.h"

#define MESSAGE_MAX 2048

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum tt_wire_result parse(bool records, const uint8_t *data, size_t size, struct tt_tls_hello *hello)
{
	uint8_t *copy = malloc(size ? size : 1);
	struct tt_tls_hello before;
	enum tt_wire_result r;
	size_t end;

	if (!copy)
		abort();
	memcpy(copy, data, size);
	memset(hello, 0xff, sizeof(*hello));
	before = *hello;
	r = records ? tt_tls_stream(copy, size, hello, &end) : tt_tls_client_hello(copy, size, hello);
	if (!hello_is_sound(r, &before, hello))
		abort();
	if (records && (r == TT_WIRE_FOUND || r == TT_WIRE_NONE) && end > size)
		abort();
	free(copy);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tt_tls_hello part, whole;
	enum tt_wire_result before, after;
	uint8_t records[6 * MESSAGE_MAX];
	size_t cut;
	bool stream;

	if (size < 3)
		return 0;
	stream = data[0] & 1;
	cut = (size_t)(data[1] << 8 | data[2]);
	data += 3;
	size -= 3;
	cut = cut < size ? cut : size;

	before = parse(stream, data, cut, &part);
	after = parse(stream, data, size, &whole);
	if (before != TT_WIRE_MORE && before != after)
		abort();
	if (before == TT_WIRE_FOUND && strcmp(part.name, whole.name) != 0)
		abort();

	/* A message says the same however records cut it. */
	if (!stream && size <= MESSAGE_MAX) {
		before = parse(true, records, hello_records(data, size, 1 + cut % 300, records), &part);
		if (before != after)
			abort();
		if ((after == TT_WIRE_FOUND || after == TT_WIRE_NONE) &&
		    memcmp(&part, &whole, sizeof(part)) != 0)
			abort();
	}
	return 0;
}
