/* SPDX-License-Identifier: Apache-2.0 */
/* Read-only access for commands and exporters: SQL over the public views. */
#ifndef TT_STORE_QUERY_H
#define TT_STORE_QUERY_H

#include <stddef.h>
#include <stdint.h>

struct tt_query_db;

enum tt_value_type { TT_NULL, TT_INTEGER, TT_REAL, TT_TEXT };

struct tt_value {
	enum tt_value_type type;
	int64_t i;
	double d;
	const char *text; /* TT_TEXT; not NUL-terminated guarantees: use len */
	size_t len;
};

struct tt_query_row {
	unsigned n;
	const char *const *names;
	const struct tt_value *values;
};

/* Opens read-only (never creates, never migrates). Errors as tt_store_open, and -ENOENT. Where the
 * directory cannot be written, a database whose writer has finished is read as it stands; one whose
 * write-ahead log is still there needs the right to write its -shm (-EACCES otherwise). */
int tt_query_open(const char *path, struct tt_query_db **ret, char **ret_message);
void tt_query_close(struct tt_query_db *db);
/* From here on until it is closed, all queries see the database as it was at the next one: what belongs together can
 * be read in pieces. Meanwhile the writer's log cannot shrink: not for what waits for a person. */
int tt_query_hold(struct tt_query_db *db);
/* Ends the running query with -EINTR. For signal handlers. */
void tt_query_interrupt(struct tt_query_db *db);
const char *tt_query_error(const struct tt_query_db *db);

/* Runs one SELECT (or EXPLAIN, or WITH ... SELECT) with text parameters bound in order. An authorizer
 * refuses anything that writes, attaches or loads: -EPERM. Bad SQL, several statements, or another
 * number of parameters than the statement has: -EINVAL. fn returning non-zero
 * stops and is returned. Rows are valid during the call. columns-only results call fn never;
 * ret_names/ret_n (may be NULL) receive the column names before the first row through `head`. */
int tt_query_run(struct tt_query_db *db, const char *sql, const char *const *params, unsigned n_params,
		 int (*head)(unsigned n, const char *const *names, void *arg),
		 int (*fn)(const struct tt_query_row *row, void *arg), void *arg);

/* Resolves a unique prefix (at least 2 hex digits) to a session or process id; a whole id that is both
 * is a session's. 0: *ret is set and *ret_kind is 's', 'p' or 'f'. -ENOENT: none. -ENOTUNIQ: several.
 * -EINVAL: too short, or not hex digits. */
int tt_query_resolve(struct tt_query_db *db, const char *prefix, char ret[17], char *ret_kind);

#endif
