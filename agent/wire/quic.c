/* SPDX-License-Identifier: Apache-2.0 */
/* A datagram is packets; of each Initial one the header is unmasked, the payload decrypted, and its CRYPTO frames put where
 * they belong. Only packets with the version and the id of the datagram's first are read, as RFC 9000, section 12.2, asks
 * of receivers: keys are derived twice a datagram at most, however many packets somebody makes of it. */
#include "wire/quic.h"

#include <string.h>

#include <nettle/aes.h>
#include <nettle/gcm.h>
#include <nettle/hmac.h>
#include <nettle/version.h>

#define PACKET_MAX  TT_TLS_HELLO_MAX
#define SAMPLE_AT   4 /* behind where the packet number starts (RFC 9001, section 5.4.2) */
#define SAMPLE_SIZE AES_BLOCK_SIZE
#define TAG_SIZE    GCM_DIGEST_SIZE

/* Nettle 4 has no digests but whole ones. */
#if NETTLE_VERSION_MAJOR >= 4
#define DIGEST(fn, ctx, size, ret) fn(ctx, ret)
#else
#define DIGEST(fn, ctx, size, ret) fn(ctx, size, ret)
#endif

struct version {
	uint32_t first, last;
	uint8_t initial, retry; /* packet types */
	const char *salt; /* SALT_SIZE bytes */
	const char *key, *iv, *mask; /* labels */
};

#define SALT_SIZE      20
#define LABELS(prefix) "tls13 " prefix " key", "tls13 " prefix " iv", "tls13 " prefix " hp"

static const struct version versions[] = {
	/* RFC 9000, section 17.2; RFC 9001, sections 5.1 and 5.2 */
	{ 1, 1, 0, 3, "\x38\x76\x2c\xf7\xf5\x59\x34\xb3\x4d\x17\x9a\xe6\xa4\xc8\x0c\xad\xcc\xbb\x7f\x0a",
	  LABELS("quic") },
	/* RFC 9369, sections 3.1 to 3.3 */
	{ 0x6b3343cf, 0x6b3343cf, 1, 0,
	  "\x0d\xed\xe3\xde\xf7\x00\xa6\xdb\x81\x93\x81\xbe\x6e\x26\x9d\xcb\xf9\xbd\x2e\xd9",
	  LABELS("quicv2") },
	/* drafts 29 to 32 */
	{ 0xff00001d, 0xff000020, 0, 3,
	  "\xaf\xbf\xec\x28\x99\x93\xd2\x4c\x9e\x97\x86\xf1\x9c\x61\x11\xe0\x43\x90\xa8\x99",
	  LABELS("quic") },
};

/* ---- reading */

struct cursor {
	const uint8_t *at;
	size_t left;
};

/* NULL: it does not have so many. */
static const uint8_t *take(struct cursor *c, uint64_t n)
{
	const uint8_t *p = c->at;

	if (n > c->left)
		return NULL;
	c->at += n;
	c->left -= n;
	return p;
}

/* RFC 9000, section 16 */
static bool take_number(struct cursor *c, uint64_t *ret)
{
	size_t n = c->left ? (size_t)1 << (*c->at >> 6) : 1;
	const uint8_t *p = take(c, n);

	if (!p)
		return false;
	*ret = p[0] & 0x3f;
	for (size_t i = 1; i < n; i++)
		*ret = *ret << 8 | p[i];
	return true;
}

static bool skip_numbers(struct cursor *c, uint64_t n)
{
	uint64_t number;

	while (n && take_number(c, &number))
		n--;
	return n == 0;
}

/* Bytes behind their number. */
static bool take_bytes(struct cursor *c, const uint8_t **ret, uint64_t *ret_len)
{
	return take_number(c, ret_len) && (*ret = take(c, *ret_len));
}

static bool take_id(struct cursor *c, const uint8_t **ret, size_t *ret_len)
{
	const uint8_t *len = take(c, 1);

	if (!len || *len > TT_QUIC_ID_MAX)
		return false;
	*ret_len = *len;
	return (*ret = take(c, *len));
}

/* ---- packets */

struct packet {
	const struct version *version;
	uint32_t number; /* the version's */
	const uint8_t *data, *id;
	size_t id_len;
	size_t header, len; /* up to the packet number, and all of it */
	bool initial;
};

static const struct version *find_version(uint32_t number)
{
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++)
		if (number >= versions[i].first && number <= versions[i].last)
			return &versions[i];
	return NULL;
}

/* The next packet with a long header (RFC 9000, section 17.2). False: there is none, or none whose end is known. Its "fixed"
 * bit is not asked for: a client may clear it (RFC 9287), and what is no packet fails the authentication anyway. */
static bool take_packet(struct cursor *c, struct packet *ret)
{
	const uint8_t *first = take(c, 1), *version = take(c, 4), *skipped;
	size_t skipped_len;
	uint64_t len;
	int type;

	if (!first || !(*first & 0x80) || !version)
		return false;
	type = *first >> 4 & 3;
	ret->data = first;
	ret->number = (uint32_t)version[0] << 24 | (uint32_t)version[1] << 16 | (uint32_t)version[2] << 8 |
		      version[3];
	ret->version = find_version(ret->number);
	if (!ret->version || type == ret->version->retry)
		return false;
	if (!take_id(c, &ret->id, &ret->id_len) || !take_id(c, &skipped, &skipped_len))
		return false;
	ret->initial = type == ret->version->initial;
	if (ret->initial && !take_bytes(c, &skipped, &len)) /* token */
		return false;
	if (!take_bytes(c, &skipped, &len))
		return false;
	ret->header = (size_t)(skipped - first);
	ret->len = ret->header + len;
	return true;
}

static bool is_id(const struct packet *packet, const uint8_t *id, size_t len)
{
	return packet->id_len == len && memcmp(packet->id, id, len) == 0;
}

/* ---- keys */

struct keys {
	bool known; /* the connection's, not only the packet's */
	struct aes128_ctx mask;
	struct gcm_aes128_ctx text;
	uint8_t iv[GCM_IV_SIZE];
};

/* HKDF-Expand-Label without a context, of one block at most (RFC 8446, section 7.1; RFC 5869, section 2.3). */
static void expand(const uint8_t secret[SHA256_DIGEST_SIZE], const char *label, uint8_t *ret, size_t len)
{
	const uint8_t head[] = { 0, (uint8_t)len, (uint8_t)strlen(label) }, tail[] = { 0, 1 };
	uint8_t block[SHA256_DIGEST_SIZE];
	struct hmac_sha256_ctx hmac;

	hmac_sha256_set_key(&hmac, SHA256_DIGEST_SIZE, secret);
	hmac_sha256_update(&hmac, sizeof(head), head);
	hmac_sha256_update(&hmac, strlen(label), (const uint8_t *)label);
	hmac_sha256_update(&hmac, sizeof(tail), tail);
	DIGEST(hmac_sha256_digest, &hmac, sizeof(block), block);
	memcpy(ret, block, len);
}

/* Of a client's Initial packets (RFC 9001, section 5.2). */
static void derive(const struct version *version, const uint8_t *id, size_t id_len, struct keys *ret)
{
	uint8_t secret[SHA256_DIGEST_SIZE], key[AES128_KEY_SIZE];
	struct hmac_sha256_ctx hmac;

	hmac_sha256_set_key(&hmac, SALT_SIZE, (const uint8_t *)version->salt);
	hmac_sha256_update(&hmac, id_len, id);
	DIGEST(hmac_sha256_digest, &hmac, sizeof(secret), secret);
	expand(secret, "tls13 client in", secret, sizeof(secret));

	expand(secret, version->iv, ret->iv, sizeof(ret->iv));
	expand(secret, version->mask, key, sizeof(key));
	aes128_set_encrypt_key(&ret->mask, key);
	expand(secret, version->key, key, sizeof(key));
	gcm_aes128_set_key(&ret->text, key);
}

/* What may open a packet: the keys of the connection that is known, and those of its own id. */
static size_t derive_all(const struct tt_quic *quic, const struct packet *packet, struct keys keys[2])
{
	bool known = quic->version == packet->number;
	size_t n = 0;

	if (known)
		derive(packet->version, quic->id, quic->id_len, &keys[n++]);
	if (!known || !is_id(packet, quic->id, quic->id_len))
		derive(packet->version, packet->id, packet->id_len, &keys[n++]);
	for (size_t i = 0; i < n; i++)
		keys[i].known = known && i == 0;
	return n;
}

/* The payload, decrypted within buffer (RFC 9001, sections 5.3 and 5.4). A packet number is taken as it is written, which is
 * right as long as there are no more of them than so many bytes can count: hellos are at the beginning. */
static bool open_packet(struct keys *keys, const struct packet *packet, uint8_t buffer[PACKET_MAX],
			struct cursor *ret)
{
	uint8_t *number = buffer + packet->header, mask[SAMPLE_SIZE], nonce[GCM_IV_SIZE], tag[TAG_SIZE];
	size_t n;

	if (packet->len > PACKET_MAX || packet->len - packet->header < SAMPLE_AT + SAMPLE_SIZE)
		return false;
	memcpy(buffer, packet->data, packet->len);
	aes128_encrypt(&keys->mask, sizeof(mask), mask, number + SAMPLE_AT);
	buffer[0] ^= mask[0] & 0x0f;
	n = (buffer[0] & 3u) + 1;
	memcpy(nonce, keys->iv, sizeof(nonce));
	for (size_t i = 0; i < n; i++) {
		number[i] ^= mask[1 + i];
		nonce[sizeof(nonce) - n + i] ^= number[i];
	}

	ret->at = number + n;
	ret->left = packet->len - packet->header - n - TAG_SIZE;
	gcm_aes128_set_iv(&keys->text, sizeof(nonce), nonce);
	gcm_aes128_update(&keys->text, packet->header + n, buffer);
	gcm_aes128_decrypt(&keys->text, ret->left, number + n, number + n);
	DIGEST(gcm_aes128_digest, &keys->text, sizeof(tag), tag);
	return memcmp(tag, ret->at + ret->left, sizeof(tag)) == 0;
}

/* ---- frames */

static void keep(struct tt_quic *quic, uint64_t offset, const uint8_t *data, uint64_t len)
{
	for (uint64_t i = 0; i < len && offset + i < TT_TLS_HELLO_MAX; i++) {
		size_t at = (size_t)(offset + i);

		if (quic->there[at / 8] & 1 << at % 8)
			continue;
		quic->there[at / 8] |= (uint8_t)(1 << at % 8);
		quic->crypto[at] = data[i];
	}
	while (quic->have < TT_TLS_HELLO_MAX && quic->there[quic->have / 8] & 1 << quic->have % 8)
		quic->have++;
}

/* False: a frame that is malformed, or not one that an Initial packet may have (RFC 9000, sections 12.4 and 19). */
static bool read_frame(struct tt_quic *quic, struct cursor *c)
{
	const uint8_t *type = take(c, 1), *data;
	uint64_t offset, n;

	switch (*type) {
	case 0x00: /* PADDING */
	case 0x01: /* PING */
		return true;
	case 0x02: /* ACK: n ranges behind the first */
	case 0x03: /* ACK, and three counters */
		return skip_numbers(c, 2) && take_number(c, &n) && skip_numbers(c, 1 + 2 * n) &&
		       skip_numbers(c, *type == 0x03 ? 3 : 0);
	case 0x06: /* CRYPTO */
		if (!take_number(c, &offset) || !take_bytes(c, &data, &n))
			return false;
		keep(quic, offset, data, n);
		return true;
	case 0x1c: /* CONNECTION_CLOSE */
		return skip_numbers(c, 2) && take_bytes(c, &data, &n);
	default:
		return false;
	}
}

static enum tt_wire_result read_payload(struct tt_quic *quic, struct cursor *payload,
					struct tt_tls_hello *ret)
{
	enum tt_wire_result r;
	bool good = true;

	while (payload->left && good)
		good = read_frame(quic, payload);
	r = tt_tls_client_hello(quic->crypto, quic->have, ret);
	return r == TT_WIRE_MORE && !good ? TT_WIRE_OTHER : r;
}

/* The packet is the first of its connection that could be read. */
static void begin(struct tt_quic *quic, const struct packet *packet)
{
	*quic = (struct tt_quic){ .version = packet->number, .id_len = (uint8_t)packet->id_len };
	memcpy(quic->id, packet->id, packet->id_len);
}

enum tt_wire_result tt_quic_client(struct tt_quic *quic, const void *datagram, size_t len,
				   struct tt_tls_hello *ret)
{
	struct cursor c = { datagram, len }, payload;
	struct packet packet, first = { 0 };
	uint8_t buffer[PACKET_MAX];
	struct keys keys[2];
	size_t n_keys = 0;
	enum tt_wire_result result = TT_WIRE_OTHER;

	while (take_packet(&c, &packet)) {
		enum tt_wire_result r = TT_WIRE_MORE;
		size_t i = 0;

		if (!first.data)
			first = packet;
		if (packet.number != first.number || !is_id(&packet, first.id, first.id_len))
			continue;
		if (packet.initial) {
			if (!n_keys)
				n_keys = derive_all(quic, &packet, keys);
			while (i < n_keys && !open_packet(&keys[i], &packet, buffer, &payload))
				i++;
			if (i == n_keys)
				continue;
			if (!keys[i].known) { /* and they alone are from now on */
				begin(quic, &packet);
				keys[0] = keys[i];
				keys[0].known = true;
				n_keys = 1;
			}
			r = read_payload(quic, &payload, ret);
		}
		if (r == TT_WIRE_FOUND || r == TT_WIRE_NONE)
			return r;
		if (r == TT_WIRE_MORE)
			result = r;
	}
	return result;
}
