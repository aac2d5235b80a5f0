/* SPDX-License-Identifier: Apache-2.0 */
/* The aggregated keys that became rows, by key.
 *
 * A flood of first sightings fills and empties this a hundred thousand times a second of its rate, so entries lie in
 * chunks, without an allocation each, and are found by their number in a table of open addressing. All memory goes back
 * when the last entry goes. The table's hash is seeded: observed programs choose part of each key. */
#ifndef TT_DAEMON_KNOWN_H
#define TT_DAEMON_KNOWN_H

#include <stdbool.h>
#include <stddef.h>

#include "telltale/maps.h"
#include "telltale/record.h"

/* One key and the row it became. */
struct tt_known {
	struct tt_agg_key key;
	uint64_t row_id; /* 0: no entry */
	uint64_t base; /* the kernel's count when this row began */
	uint64_t counted; /* the kernel's count, as far as known */
	uint64_t extra; /* operations that the kernel could not add to its count */
	uint64_t stored; /* count that was put last */
	uint64_t bytes; /* the kernel's, as far as known */
	uint64_t bytes_owed; /* of those and of extra's, what was not put yet */
	uint64_t last_ns;
	uint32_t number; /* known.c's */
	uint32_t path_hash; /* of the name in the row */
	uint16_t of; /* enum tt_counted */
	bool user_only; /* the kernel has no entry for it */
	bool is_read; /* known.c's: tt_known_is_read */
	bool no_row; /* a look at what has no category: only known, so that its total is not taken for a loss */
};

struct tt_known_table;

int tt_known_new(struct tt_known_table **ret);
void tt_known_free(struct tt_known_table *table);

/* Entries stay where they are until they are removed. */
struct tt_known *tt_known_find(const struct tt_known_table *table, const struct tt_agg_key *key);
/* A new entry, zeros but for its key; its row_id is to be set before the next call. The key must not be known.
 * NULL: no memory. */
struct tt_known *tt_known_add(struct tt_known_table *table, const struct tt_agg_key *key);
/* The entry's row takes the bytes that are read from its file under that name; may be said again with another name.
 * Returns 0 or -ENOMEM: the row takes none. */
int tt_known_is_read(struct tt_known_table *table, struct tt_known *known, uint32_t path_hash);
/* The entry whose row takes the bytes of that process (start_ns, pid) and file (ident, dev); NULL: none. */
struct tt_known *tt_known_find_read(const struct tt_known_table *table, const struct tt_agg_key *key,
				    uint32_t path_hash);
void tt_known_remove(struct tt_known_table *table, struct tt_known *known);

/* What tells names apart in path_hash; seeded as well. */
uint32_t tt_known_hash(const struct tt_known_table *table, const char *name);

/* All entries: begin with *at 0, until NULL. The one handed out last may be removed. */
struct tt_known *tt_known_next(const struct tt_known_table *table, size_t *at);

#endif
