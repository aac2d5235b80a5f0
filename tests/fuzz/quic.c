/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer entry: the datagrams of a QUIC client. The input is packets: a byte of options, two of length, and so many bytes
 * that are a packet as they are, or its payload, which is sealed here: no fuzzer guesses an authentication tag. */
#include "wire/quic.h"

#include <stdlib.h>
#include <string.h>

#include "fixtures/hello_sound.h"
#include "fixtures/quic.h"

enum option {
	VERSION = 3, /* index */
	SEALED = 4,
	COALESCED = 8, /* with the packet before it */
	OWN_ID = 16, /* another destination */
	OWN_KEYS = 32, /* and keys that are that one's */
	SHORT_NUMBER = 64,
	TOKEN = 128,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_state(const struct tt_quic *quic)
{
	if (quic->id_len > TT_QUIC_ID_MAX || quic->have > TT_TLS_HELLO_MAX || (!quic->version && quic->have))
		abort();
	for (size_t i = 0; i < quic->have; i++)
		if (!(quic->there[i / 8] & 1 << i % 8))
			abort();
}

static void send_datagram(struct tt_quic *quic, const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);
	struct tt_tls_hello before, hello;

	if (!copy)
		abort();
	memcpy(copy, data, len);
	memset(&hello, 0xff, sizeof(hello));
	before = hello;
	if (!hello_is_sound(tt_quic_client(quic, copy, len, &hello), &before, &hello))
		abort();
	check_state(quic);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t versions[] = { QUIC_V1, QUIC_V2, QUIC_DRAFT, 0x0a0a0a0a };
	static const struct quic_id ids[] = { { 8, { 1, 2, 3, 4, 5, 6, 7, 8 } }, { 4, { 9, 9, 9, 9 } } };
	static uint8_t datagram[32768];
	struct tt_quic *quic = calloc(1, sizeof(*quic));
	size_t len = 0;

	if (!quic)
		return 0;
	for (uint32_t number = 0; size >= 3; number++) {
		size_t n = (size_t)(data[1] << 8 | data[2]);
		uint8_t options = data[0];

		data += 3;
		size -= 3;
		n = n < size ? n : size;
		if (!(options & COALESCED) || len + n + 1024 > sizeof(datagram)) {
			send_datagram(quic, datagram, len);
			len = 0;
		}
		if (n + 1024 > sizeof(datagram))
			break;
		if (options & SEALED) {
			const struct quic_packet packet = {
				.version = versions[options & VERSION],
				.keys = ids[!!(options & OWN_KEYS)],
				.to = ids[!!(options & OWN_ID)],
				.token = options & TOKEN ? 50 : 0,
				.number = number,
				.number_len = options & SHORT_NUMBER ? 1 : 4,
			};

			len += quic_seal(&packet, data, n, datagram + len);
		} else {
			memcpy(datagram + len, data, n);
			len += n;
		}
		data += n;
		size -= n;
	}
	send_datagram(quic, datagram, len);
	free(quic);
	return 0;
}
