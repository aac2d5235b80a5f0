/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of store/ share: the open database and the description of its tables. */
#ifndef TT_STORE_INTERNAL_H
#define TT_STORE_INTERNAL_H

#include <sqlite3.h>
#include <stdbool.h>

#include "store/intern.h"
#include "store/place.h"
#include "store/store.h"
#include "util/util.h"

enum tt_table_id {
	TT_TABLE_HOST,
	TT_TABLE_SESSION,
	TT_TABLE_PROCESS,
	TT_TABLE_EXEC,
	TT_TABLE_FILE,
	TT_TABLE_ENV,
	TT_TABLE_CONNECTION,
	TT_TABLE_NAME,
	TT_TABLE_ACCESS,
	TT_TABLE_LOSS,
	TT_TABLE_RISK,
	TT_TABLES
};

/* How a member of a row struct becomes a column. */
enum tt_column_kind {
	TT_COL_SESSION, /* struct tt_id of a session in the database, kept as its integer key */
	TT_COL_PROCESS, /* the same of a process */
	TT_COL_ID, /* struct tt_id kept as text, "" is NULL */
	TT_COL_STRING, /* const char *, interned */
	TT_COL_TEXT, /* const char *, kept in the row */
	TT_COL_NAME, /* char array, interned, "" is NULL */
	TT_COL_I64,
	TT_COL_I64_POSITIVE, /* 64 bits, 0 is NULL */
	TT_COL_I64_MEASURED, /* int64_t, negative is NULL */
	TT_COL_U32,
	TT_COL_U32_POSITIVE, /* 0 is NULL */
	TT_COL_U16,
	TT_COL_INT,
	TT_COL_INT_KNOWN, /* negative is NULL */
	TT_COL_DOUBLE,
	TT_COL_BOOL,
};

struct tt_column {
	const char *name;
	enum tt_column_kind kind;
	size_t offset; /* in the row struct; for file and env in the struct that adds the time zone */
};

struct tt_table {
	const char *name;
	const char *rowid; /* name of its integer key */
	const char *key; /* what a put finds an existing row by */
	unsigned n_key; /* how many of the first columns that is */
	bool revised; /* has a revision */
	const struct tt_column *columns;
	unsigned n_columns;
};
extern const struct tt_table tt_tables[TT_TABLES];

/* Row ids that the store gives out itself (its own losses) start here; the tracker's stay below.
 * Below 2^53, so that JavaScript's numbers hold them. */
#define TT_OWN_ROW_IDS (1ull << 52)

/* Public ids of processes met lately, with their keys. */
#define TT_KEY_CACHE 1024
struct tt_key {
	struct tt_id id;
	int64_t key;
};

/* Longest wait, in a batch, for another program that writes: the sensor's rings fill meanwhile. */
#define TT_BATCH_WAIT_MS 500

/* Kinds of tallies: tally.c */
#define TT_TALLIES 4

struct tt_collector; /* retention's collection of unused strings, see retention.c */

struct tt_store {
	sqlite3 *db;
	struct tt_place place;
	struct tt_intern *intern;
	sqlite3_stmt *put[TT_TABLES], *add[TT_TABLES], *find_session, *find_process;
	sqlite3_stmt *counts[3]; /* by enum tt_counted */
	sqlite3_stmt *tallies[TT_TALLIES], *find_text; /* made when first used */
	struct tt_key processes[TT_KEY_CACHE], session;
	uint64_t next_row_id, next_own_row_id;
	bool in_batch;
	int batch_error; /* why the last batch was undone */
	struct tt_collector *collector;
	char *error;
};

/* Undoes the batch and remembers why: what every failure does that is not one row's own fault.
 * Returns the errno. */
int tt_store_batch_failed(struct tt_store *store, int rc, const char *verb);
/* The statement for one use; finalize it. */
int tt_store_prepare(struct tt_store *store, sqlite3_stmt **ret, const char *sql);
int tt_store_exec(struct tt_store *store, const char *sql);
void tt_store_forget(struct tt_store *store); /* drops caches that a rollback made wrong */

/* Runs sql once with integer parameters; *ret (may be NULL) is the first column of the first row, 0 if
 * there is none. SQLite result code. */
int tt_store_int(struct tt_store *store, int64_t *ret, const char *sql, unsigned n, const int64_t *params);

/* A loss of the store's own: `count` is added to the row of (kind, boot_id, session_id). In a batch. */
int tt_store_own_loss(struct tt_store *store, const struct tt_row_loss *loss);

void tt_collector_free(struct tt_collector *collector);

TT_DEFINE_CLEANUP(struct sqlite3_stmt *, sqlite3_finalize)
TT_DEFINE_CLEANUP(struct tt_store *, tt_store_free)

#endif
