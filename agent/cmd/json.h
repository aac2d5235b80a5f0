/* SPDX-License-Identifier: Apache-2.0 */
/* Query rows as JSON objects.
 *
 * A record's object has the view's column names and values. Three things are done to them: a point in
 * time X_ns is followed by X, the same as UTC ISO 8601 (readers whose numbers are doubles cannot hold
 * nanoseconds since 1970); columns that hold JSON are embedded, not quoted; and nothing is left out:
 * NULL is null. Raw objects are as SQL returned them. */
#ifndef TT_CMD_JSON_H
#define TT_CMD_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "cmd/output.h"

struct tt_query_db;
struct tt_query_row;

/* `"name":value,...` without braces, so that a caller can add its own members. */
void tt_json_members(struct tt_buf *buf, const struct tt_query_row *row);
void tt_json_members_raw(struct tt_buf *buf, const struct tt_query_row *row);

/* Does a column of this name hold a point in time? Durations do not. */
bool tt_json_is_time(const char *column);

/* Runs sql and writes its rows as a JSON array. */
int tt_json_array(struct tt_query_db *db, struct tt_output *out, const char *sql, const char *const *params,
		  unsigned n_params);

/* A JSON argv as one readable line: words with blanks or quotes in them are quoted. What is not a
 * JSON array of strings is passed on as it is. */
void tt_json_argv(struct tt_buf *buf, const char *json, size_t len);

#endif
