/* SPDX-License-Identifier: Apache-2.0 */
/* Filling the table: open addressing, linear probing, at most half full. */
#include "strtab.h"

#define SIZE_MIN 16

/* Where key is or would go; there is always a free place. */
static struct tt_strtab_entry *find(const struct tt_strtab *tab, const char *key, size_t len, uint64_t hash)
{
	size_t i = tt_strtab_slot(tab, hash);

	while (tab->v[i].key &&
	       (tab->v[i].hash != hash || tab->v[i].len != len || memcmp(tab->v[i].key, key, len)))
		i = (i + 1) & (tab->size - 1);
	return &tab->v[i];
}

static bool grow(struct tt_strtab *tab)
{
	struct tt_strtab bigger = { .size = tab->size ? tab->size * 2 : SIZE_MIN };

	bigger.v = calloc(bigger.size, sizeof(*bigger.v));
	if (!bigger.v)
		return false;
	for (size_t i = 0; i < tab->size; i++) {
		const struct tt_strtab_entry *old = &tab->v[i];

		if (old->key)
			*find(&bigger, old->key, old->len, old->hash) = *old;
	}
	free(tab->v);
	tab->v = bigger.v;
	tab->size = bigger.size;
	return true;
}

struct tt_strtab_entry *tt_strtab_put(struct tt_strtab *tab, const char *key, size_t len)
{
	uint64_t hash = tt_hash_bytes(key, len);
	struct tt_strtab_entry *entry;

	if (tab->n * 2 >= tab->size && !grow(tab))
		return NULL;
	entry = find(tab, key, len, hash);
	if (entry->key)
		return entry;
	entry->key = strndup(key, len);
	if (!entry->key)
		return NULL;
	entry->hash = hash;
	entry->len = len;
	entry->category = TT_NONE;
	entry->chain = TT_NONE;
	tab->n++;
	if (len > tab->longest)
		tab->longest = len;
	return entry;
}

void tt_strtab_done(struct tt_strtab *tab)
{
	for (size_t i = 0; i < tab->size; i++)
		free(tab->v[i].key);
	free(tab->v);
	*tab = (struct tt_strtab){ 0 };
}
