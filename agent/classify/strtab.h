/* SPDX-License-Identifier: Apache-2.0 */
/* Hash table from byte strings to a category and a chain of patterns, private to agent/classify.
 *
 * Filled once from the configuration, then only read: what an observed process can do is look up
 * strings of its choice, and a look-up costs a comparison only where all 64 bits of the hash agree.
 * The hash is computed by the caller byte by byte (FNV-1a), so that one pass over a path yields the
 * hash of each of its beginnings. */
#ifndef TT_CLASSIFY_STRTAB_H
#define TT_CLASSIFY_STRTAB_H

#include <stdint.h>
#include <string.h>

#include "util/util.h"

#define TT_HASH_INIT 0xcbf29ce484222325ULL

static inline uint64_t tt_hash_byte(uint64_t hash, unsigned char c)
{
	return (hash ^ c) * 0x100000001b3ULL;
}

static inline uint64_t tt_hash_bytes(const char *s, size_t len)
{
	uint64_t hash = TT_HASH_INIT;

	for (size_t i = 0; i < len; i++)
		hash = tt_hash_byte(hash, s[i]);
	return hash;
}

#define TT_NONE (-1)

struct tt_strtab_entry {
	uint64_t hash;
	char *key; /* NULL: free */
	uint32_t len;
	int16_t category; /* TT_NONE */
	int32_t chain; /* TT_NONE */
};

struct tt_strtab {
	struct tt_strtab_entry *v;
	size_t size; /* power of two, or 0 */
	size_t n;
	size_t longest; /* key: nothing longer needs looking up */
};

/* The entry of key, made with category and chain TT_NONE where there is none. NULL: no memory. */
struct tt_strtab_entry *tt_strtab_put(struct tt_strtab *tab, const char *key, size_t len);
void tt_strtab_done(struct tt_strtab *tab);

static inline size_t tt_strtab_slot(const struct tt_strtab *tab, uint64_t hash)
{
	/* The high half is better mixed than the low bits. */
	return (hash ^ hash >> 32) & (tab->size - 1);
}

static inline const struct tt_strtab_entry *tt_strtab_get(const struct tt_strtab *tab, const char *key,
							  size_t len, uint64_t hash)
{
	if (!tab->n || len > tab->longest)
		return NULL;
	for (size_t i = tt_strtab_slot(tab, hash); tab->v[i].key; i = (i + 1) & (tab->size - 1)) {
		const struct tt_strtab_entry *entry = &tab->v[i];

		if (entry->hash == hash && entry->len == len && !memcmp(entry->key, key, len))
			return entry;
	}
	return NULL;
}

#endif
