/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/known.h"

#include <errno.h>
#include <sys/random.h>
#include <xxhash.h>

#include "util/util.h"

/* About 100 KB each. */
#define CHUNK	  1024
#define SLOTS_MIN 1024

struct tt_known_table {
	struct tt_known **chunks;
	uint32_t n_chunks, n,
		free; /* free: first of a list through `counted`; entries are numbered from 1, 0 is none */
	uint32_t *slots; /* an entry's number, or 0; a power of two of them */
	uint32_t n_slots;
	uint64_t seed;
};

int tt_known_new(struct tt_known_table **ret)
{
	struct tt_known_table *table = calloc(1, sizeof(*table));

	if (!table)
		return -ENOMEM;
	if (getrandom(&table->seed, sizeof(table->seed), GRND_NONBLOCK) < 0)
		table->seed = (uintptr_t)table;
	*ret = table;
	return 0;
}

static void give_back(struct tt_known_table *table)
{
	for (uint32_t i = 0; i < table->n_chunks; i++)
		free(table->chunks[i]);
	free(table->chunks);
	free(table->slots);
	*table = (struct tt_known_table){ .seed = table->seed };
}

void tt_known_free(struct tt_known_table *table)
{
	if (!table)
		return;
	give_back(table);
	free(table);
}

static struct tt_known *entry(const struct tt_known_table *table, uint32_t number)
{
	return &table->chunks[(number - 1) / CHUNK][(number - 1) % CHUNK];
}

/* Where the key's search begins. */
static uint32_t home(const struct tt_known_table *table, const struct tt_agg_key *key)
{
	return (uint32_t)XXH3_64bits_withSeed(key, sizeof(*key), table->seed) & (table->n_slots - 1);
}

uint32_t tt_known_hash(const struct tt_known_table *table, const char *name)
{
	return (uint32_t)XXH3_64bits_withSeed(name, strlen(name), table->seed);
}

/* The slot that has the key, or the free one where it belongs. */
static uint32_t slot_of(const struct tt_known_table *table, const struct tt_agg_key *key)
{
	uint32_t slot = home(table, key);

	while (table->slots[slot] && memcmp(&entry(table, table->slots[slot])->key, key, sizeof(*key)) != 0)
		slot = (slot + 1) & (table->n_slots - 1);
	return slot;
}

struct tt_known *tt_known_find(const struct tt_known_table *table, const struct tt_agg_key *key)
{
	uint32_t number = table->n ? table->slots[slot_of(table, key)] : 0;

	return number ? entry(table, number) : NULL;
}

/* At most three quarters are in use: then a search meets a few entries. */
static int reserve_slot(struct tt_known_table *table)
{
	uint32_t *before = table->slots, n_before = table->n_slots;
	uint32_t n = n_before ? n_before * 2 : SLOTS_MIN, *slots;

	if (table->n < n_before / 4 * 3)
		return 0;
	slots = calloc(n, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	table->slots = slots;
	table->n_slots = n;
	for (uint32_t i = 0; i < n_before; i++) {
		if (before[i])
			slots[slot_of(table, &entry(table, before[i])->key)] = before[i];
	}
	free(before);
	return 0;
}

static void make_free(struct tt_known_table *table, uint32_t number)
{
	struct tt_known *known = entry(table, number);

	known->row_id = 0;
	known->counted = table->free;
	table->free = number;
}

static int reserve_entry(struct tt_known_table *table)
{
	struct tt_known **chunks;

	if (table->free)
		return 0;
	chunks = reallocarray(table->chunks, table->n_chunks + 1, sizeof(*chunks));
	if (!chunks)
		return -ENOMEM;
	table->chunks = chunks;
	chunks[table->n_chunks] = calloc(CHUNK, sizeof(**chunks));
	if (!chunks[table->n_chunks])
		return -ENOMEM;
	table->n_chunks++;
	for (uint32_t i = CHUNK; i > 0; i--)
		make_free(table, (table->n_chunks - 1) * CHUNK + i);
	return 0;
}

struct tt_known *tt_known_add(struct tt_known_table *table, const struct tt_agg_key *key)
{
	struct tt_known *known;
	uint32_t number;

	if (reserve_entry(table) < 0 || reserve_slot(table) < 0)
		return NULL;
	number = table->free;
	known = entry(table, number);
	table->free = (uint32_t)known->counted;
	*known = (struct tt_known){ .key = *key };
	table->slots[slot_of(table, key)] = number;
	table->n++;
	return known;
}

/* What was pushed behind the slot that becomes free moves up, so that every search still ends at a free one. */
void tt_known_remove(struct tt_known_table *table, struct tt_known *known)
{
	uint32_t mask = table->n_slots - 1, hole = slot_of(table, &known->key), at = hole;

	if (--table->n == 0) {
		give_back(table);
		return;
	}
	make_free(table, table->slots[hole]);
	for (;;) {
		uint32_t wanted;

		at = (at + 1) & mask;
		if (!table->slots[at])
			break;
		wanted = home(table, &entry(table, table->slots[at])->key);
		if (((at - wanted) & mask) >= ((at - hole) & mask)) {
			table->slots[hole] = table->slots[at];
			hole = at;
		}
	}
	table->slots[hole] = 0;
}

struct tt_known *tt_known_next(const struct tt_known_table *table, size_t *at)
{
	while (*at < (size_t)table->n_chunks * CHUNK) {
		struct tt_known *known = entry(table, (uint32_t)++ * at);

		if (known->row_id)
			return known;
	}
	return NULL;
}
