/* SPDX-License-Identifier: Apache-2.0 */
/* Query rows as commands read them: columns by position, NULL included, and text that ends with NUL
 * (tt_query_run() does not promise that). All queries of cmd/ go through tt_row_run(). */
#ifndef TT_CMD_ROW_H
#define TT_CMD_ROW_H

#include "store/query.h"
#include "util/buf.h"

TT_DEFINE_CLEANUP(struct tt_query_db *, tt_query_close)

/* As tt_query_run(); a NULL parameter is SQL's NULL. */
int tt_row_run(struct tt_query_db *db, const char *sql, const char *const *params, unsigned n_params,
	       int (*head)(unsigned n, const char *const *names, void *arg),
	       int (*fn)(const struct tt_query_row *row, void *arg), void *arg);

/* Whoever reads has had enough: the query that runs ends with -EINTR, and so do all further ones. For signal handlers. */
void tt_row_interrupt(void);

static inline bool tt_row_has(const struct tt_query_row *row, unsigned i)
{
	return row->values[i].type != TT_NULL;
}

static inline int64_t tt_row_int(const struct tt_query_row *row, unsigned i, int64_t otherwise)
{
	const struct tt_value *v = &row->values[i];

	return v->type == TT_INTEGER ? v->i : v->type == TT_REAL ? (int64_t)v->d : otherwise;
}

static inline double tt_row_real(const struct tt_query_row *row, unsigned i)
{
	const struct tt_value *v = &row->values[i];

	return v->type == TT_REAL ? v->d : v->type == TT_INTEGER ? (double)v->i : 0;
}

/* Valid during the row's callback; otherwise where the column is no text. */
static inline const char *tt_row_text(const struct tt_query_row *row, unsigned i, const char *otherwise)
{
	return row->values[i].type == TT_TEXT ? row->values[i].text : otherwise;
}

static inline bool tt_row_is(const struct tt_query_row *row, unsigned i, const char *text)
{
	const struct tt_value *v = &row->values[i];

	return v->type == TT_TEXT && v->len == strlen(text) && memcmp(v->text, text, v->len) == 0;
}

/* malloc'd copy; NULL for NULL (and when out of memory). */
static inline char *tt_row_copy(const struct tt_query_row *row, unsigned i)
{
	return row->values[i].type == TT_TEXT ? strndup(row->values[i].text, row->values[i].len) : NULL;
}

#endif
