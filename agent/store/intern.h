/* SPDX-License-Identifier: Apache-2.0 */
/* Strings kept once: text -> id in table `string`, with a cache of fixed size in front. Private to store/.
 *
 * Observed programs choose the strings, so a hash is never trusted alone: texts are compared, in the
 * cache and in the table, and the hash is seeded per database. Strings are found by (hash, text).
 *
 * Marks serve retention's collection of strings that no row uses any more: while a window of ids is
 * being marked, every id that is handed out is marked too, so that rows written meanwhile are safe. */
#ifndef TT_STORE_INTERN_H
#define TT_STORE_INTERN_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

struct tt_intern;

int tt_intern_new(sqlite3 *db, struct tt_intern **ret); /* SQLite result code */
void tt_intern_free(struct tt_intern *intern);

/* Id of text, which is added to the table if it is new. SQLite result code. */
int tt_intern_get(struct tt_intern *intern, const char *text, int64_t *ret_id);

/* Forgets the cache: after a rollback, or after strings were deleted. */
void tt_intern_forget(struct tt_intern *intern);

/* Watches ids low <= id < low + n. false: out of memory. */
bool tt_intern_mark_begin(struct tt_intern *intern, int64_t low, int64_t n);
void tt_intern_mark(struct tt_intern *intern, int64_t id);
bool tt_intern_is_marked(const struct tt_intern *intern, int64_t id);
void tt_intern_mark_end(struct tt_intern *intern);

#endif
