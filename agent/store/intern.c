/* SPDX-License-Identifier: Apache-2.0 */
/* Interned strings and their cache. See intern.h. */
#include "store/intern.h"

#include <xxhash.h>

#include "util/util.h"

/* What a busy session repeats: its paths, names and the vocabulary. About 2 MB when full. */
#define CACHE_ENTRIES  16384
/* Longer ones (argv, environment in JSON) seldom repeat soon; they are looked up in the table. */
#define CACHE_TEXT_MAX 512

struct entry {
	uint64_t hash;
	int64_t id;
	char *text;
};

struct tt_intern {
	sqlite3_stmt *find, *add;
	sqlite3 *db;
	uint64_t seed;
	int64_t mark_low, mark_n;
	uint8_t *marks;
	struct entry cache[CACHE_ENTRIES];
};

static int read_seed(struct tt_intern *intern)
{
	sqlite3_stmt *stmt = NULL;
	int rc;

	rc = sqlite3_prepare_v2(intern->db, "SELECT value FROM meta WHERE key = 'string_seed'", -1, &stmt,
				NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW) {
		intern->seed = sqlite3_column_int64(stmt, 0);
		rc = SQLITE_OK;
	} else if (rc == SQLITE_DONE) {
		rc = SQLITE_CORRUPT;
	}
	sqlite3_finalize(stmt);
	return rc;
}

int tt_intern_new(sqlite3 *db, struct tt_intern **ret)
{
	struct tt_intern *intern = calloc(1, sizeof(*intern));
	int rc;

	if (!intern)
		return SQLITE_NOMEM;
	intern->db = db;
	rc = read_seed(intern);
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v3(db, "SELECT id FROM string WHERE hash = ? AND text = ?", -1,
					SQLITE_PREPARE_PERSISTENT, &intern->find, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v3(db, "INSERT INTO string (hash, text) VALUES (?, ?)", -1,
					SQLITE_PREPARE_PERSISTENT, &intern->add, NULL);
	if (rc != SQLITE_OK) {
		tt_intern_free(intern);
		return rc;
	}
	*ret = intern;
	return SQLITE_OK;
}

void tt_intern_free(struct tt_intern *intern)
{
	if (!intern)
		return;
	tt_intern_forget(intern);
	tt_intern_mark_end(intern);
	sqlite3_finalize(intern->find);
	sqlite3_finalize(intern->add);
	free(intern);
}

void tt_intern_forget(struct tt_intern *intern)
{
	for (size_t i = 0; i < CACHE_ENTRIES; i++) {
		free(intern->cache[i].text);
		intern->cache[i] = (struct entry){ 0 };
	}
}

/* The key in the table: 12 bits of the directory's hash above 20 of the whole. Files of one directory
 * come together and so stay on the same few pages of the index, which made adding a million paths
 * 2.7 times as fast as 32 bits of the whole did. */
static int32_t table_hash(const struct tt_intern *intern, const char *text, uint64_t hash)
{
	const char *slash = strrchr(text, '/');
	uint64_t directory = slash ? XXH3_64bits_withSeed(text, slash - text, intern->seed) : hash;

	return (int32_t)((uint32_t)directory << 20 | (uint32_t)(hash & 0xfffff));
}

static int step_with(sqlite3_stmt *stmt, int32_t hash, const char *text, size_t len)
{
	int rc;

	rc = sqlite3_bind_int(stmt, 1, hash);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_text64(stmt, 2, text, len, SQLITE_STATIC, SQLITE_UTF8);
	return rc == SQLITE_OK ? sqlite3_step(stmt) : rc;
}

static int find_or_add(struct tt_intern *intern, uint64_t hash, const char *text, size_t len, int64_t *ret_id)
{
	int32_t key = table_hash(intern, text, hash);
	int rc;

	rc = step_with(intern->find, key, text, len);
	if (rc == SQLITE_ROW)
		*ret_id = sqlite3_column_int64(intern->find, 0);
	sqlite3_reset(intern->find);
	if (rc != SQLITE_DONE)
		return rc == SQLITE_ROW ? SQLITE_OK : rc;

	rc = step_with(intern->add, key, text, len);
	if (rc == SQLITE_DONE)
		*ret_id = sqlite3_last_insert_rowid(intern->db);
	sqlite3_reset(intern->add);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int tt_intern_get(struct tt_intern *intern, const char *text, int64_t *ret_id)
{
	size_t len = strlen(text);
	uint64_t hash = XXH3_64bits_withSeed(text, len, intern->seed);
	struct entry *entry = &intern->cache[hash % CACHE_ENTRIES];
	int rc;

	if (entry->hash != hash || !tt_streq(entry->text, text)) {
		rc = find_or_add(intern, hash, text, len, ret_id);
		if (rc != SQLITE_OK)
			return rc;
		if (len <= CACHE_TEXT_MAX) {
			free(entry->text);
			*entry = (struct entry){ hash, *ret_id, strdup(text) };
		}
	} else {
		*ret_id = entry->id;
	}
	tt_intern_mark(intern, *ret_id);
	return SQLITE_OK;
}

bool tt_intern_mark_begin(struct tt_intern *intern, int64_t low, int64_t n)
{
	tt_intern_mark_end(intern);
	intern->marks = calloc(1, n / 8 + 1);
	intern->mark_low = low;
	intern->mark_n = intern->marks ? n : 0;
	return intern->marks;
}

void tt_intern_mark(struct tt_intern *intern, int64_t id)
{
	int64_t bit = id - intern->mark_low;

	if (bit >= 0 && bit < intern->mark_n)
		intern->marks[bit / 8] |= 1 << bit % 8;
}

bool tt_intern_is_marked(const struct tt_intern *intern, int64_t id)
{
	int64_t bit = id - intern->mark_low;

	return bit < 0 || bit >= intern->mark_n || (intern->marks[bit / 8] & 1 << bit % 8);
}

void tt_intern_mark_end(struct tt_intern *intern)
{
	free(intern->marks);
	intern->marks = NULL;
	intern->mark_n = 0;
}
