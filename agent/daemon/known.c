/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/known.h"

#include <errno.h>
#include <sys/random.h>
#include <xxhash.h>

#include "util/util.h"

/* About 100 KB each. */
#define CHUNK	  1024
#define SLOTS_MIN 1024

/* Numbers of entries, by something of theirs: open addressing, 0 is a free slot, a power of two of them. */
struct index {
	uint32_t *slots;
	uint32_t n_slots, n;
	uint64_t (*hash)(uint64_t seed, const struct tt_known *known);
};

struct tt_known_table {
	struct tt_known **chunks;
	uint32_t n_chunks, n,
		free; /* free: first of a list through `counted`; entries are numbered from 1, 0 is none */
	struct index by_key; /* all */
	struct index by_file; /* those whose row has the bytes read from its file (tt_known_find_read) */
	uint64_t seed;
};

static uint64_t hash_key(uint64_t seed, const struct tt_known *known)
{
	return XXH3_64bits_withSeed(&known->key, sizeof(known->key), seed);
}

static uint64_t hash_file(uint64_t seed, const struct tt_known *known)
{
	const struct tt_agg_key *key = &known->key;
	const uint64_t words[] = { key->start_ns, key->ident, (uint64_t)key->pid << 32 | key->dev,
				   known->path_hash };

	return XXH3_64bits_withSeed(words, sizeof(words), seed);
}

static void set_up(struct tt_known_table *table, uint64_t seed)
{
	*table = (struct tt_known_table){ .by_key.hash = hash_key, .by_file.hash = hash_file, .seed = seed };
}

int tt_known_new(struct tt_known_table **ret)
{
	struct tt_known_table *table = calloc(1, sizeof(*table));
	uint64_t seed;

	if (!table)
		return -ENOMEM;
	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) < 0)
		seed = (uintptr_t)table;
	set_up(table, seed);
	*ret = table;
	return 0;
}

static void give_back(struct tt_known_table *table)
{
	for (uint32_t i = 0; i < table->n_chunks; i++)
		free(table->chunks[i]);
	free(table->chunks);
	free(table->by_key.slots);
	free(table->by_file.slots);
	set_up(table, table->seed);
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

uint32_t tt_known_hash(const struct tt_known_table *table, const char *name)
{
	return (uint32_t)XXH3_64bits_withSeed(name, strlen(name), table->seed);
}

/* Where the search for an entry begins. */
static uint32_t home(const struct tt_known_table *table, const struct index *index,
		     const struct tt_known *known)
{
	return (uint32_t)index->hash(table->seed, known) & (index->n_slots - 1);
}

struct tt_known *tt_known_find(const struct tt_known_table *table, const struct tt_agg_key *key)
{
	const struct tt_known like = { .key = *key };
	const struct index *index = &table->by_key;
	uint32_t number;

	for (uint32_t slot = index->n ? home(table, index, &like) : 0;
	     index->n && (number = index->slots[slot]); slot = (slot + 1) & (index->n_slots - 1))
		if (memcmp(&entry(table, number)->key, key, sizeof(*key)) == 0)
			return entry(table, number);
	return NULL;
}

struct tt_known *tt_known_find_read(const struct tt_known_table *table, const struct tt_agg_key *key,
				    uint32_t path_hash)
{
	const struct tt_known like = { .key = *key, .path_hash = path_hash };
	const struct index *index = &table->by_file;
	struct tt_known *found = NULL;
	uint32_t number;

	for (uint32_t slot = index->n ? home(table, index, &like) : 0;
	     index->n && (number = index->slots[slot]); slot = (slot + 1) & (index->n_slots - 1)) {
		struct tt_known *known = entry(table, number);

		/* by several names: the one that it was opened by last */
		if (known->key.start_ns == key->start_ns && known->key.pid == key->pid &&
		    known->key.ident == key->ident && known->key.dev == key->dev &&
		    known->path_hash == path_hash && (!found || known->last_ns > found->last_ns))
			found = known;
	}
	return found;
}

static void insert(const struct tt_known_table *table, const struct index *index, uint32_t number)
{
	uint32_t slot = home(table, index, entry(table, number));

	while (index->slots[slot])
		slot = (slot + 1) & (index->n_slots - 1);
	index->slots[slot] = number;
}

/* Room for one more. At most three quarters are in use: then a search meets a few entries. */
static int reserve_slot(const struct tt_known_table *table, struct index *index)
{
	struct index grown = *index;

	if (index->n < index->n_slots / 4 * 3)
		return 0;
	grown.n_slots = index->n_slots ? index->n_slots * 2 : SLOTS_MIN;
	grown.slots = calloc(grown.n_slots, sizeof(*grown.slots));
	if (!grown.slots)
		return -ENOMEM;
	for (uint32_t i = 0; i < index->n_slots; i++)
		if (index->slots[i])
			insert(table, &grown, index->slots[i]);
	free(index->slots);
	*index = grown;
	return 0;
}

/* What was pushed behind the slot that becomes free moves up, so that every search still ends at a free one. */
static void take_out(const struct tt_known_table *table, struct index *index, uint32_t number)
{
	uint32_t mask = index->n_slots - 1, hole = home(table, index, entry(table, number)), at;

	while (index->slots[hole] != number)
		hole = (hole + 1) & mask;
	for (at = (hole + 1) & mask; index->slots[at]; at = (at + 1) & mask) {
		uint32_t wanted = home(table, index, entry(table, index->slots[at]));

		if (((at - wanted) & mask) >= ((at - hole) & mask)) {
			index->slots[hole] = index->slots[at];
			hole = at;
		}
	}
	index->slots[hole] = 0;
	index->n--;
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

	if (reserve_entry(table) < 0 || reserve_slot(table, &table->by_key) < 0)
		return NULL;
	number = table->free;
	known = entry(table, number);
	table->free = (uint32_t)known->counted;
	*known = (struct tt_known){ .key = *key, .number = number };
	insert(table, &table->by_key, number);
	table->by_key.n++;
	table->n++;
	return known;
}

int tt_known_is_read(struct tt_known_table *table, struct tt_known *known, uint32_t path_hash)
{
	if (known->is_read)
		take_out(table, &table->by_file, known->number);
	known->is_read = false;
	known->path_hash = path_hash;
	if (reserve_slot(table, &table->by_file) < 0)
		return -ENOMEM;
	insert(table, &table->by_file, known->number);
	table->by_file.n++;
	known->is_read = true;
	return 0;
}

void tt_known_remove(struct tt_known_table *table, struct tt_known *known)
{
	if (--table->n == 0) {
		give_back(table);
		return;
	}
	take_out(table, &table->by_key, known->number);
	if (known->is_read)
		take_out(table, &table->by_file, known->number);
	make_free(table, known->number);
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
