/* SPDX-License-Identifier: Apache-2.0 */
/* One session's risk record, as `run` and `show` print it. */
#ifndef TT_CMD_RECORD_H
#define TT_CMD_RECORD_H

#include "cmd/output.h"

struct tt_query_db;

enum tt_record_format { TT_RECORD_TEXT, TT_RECORD_JSON /* one document, on one line */ };

/* 0; -ENOENT: no such session; else negative errno, and tt_query_error() has the words. */
int tt_record_print(struct tt_query_db *db, const char *session_id, enum tt_record_format format,
		    struct tt_output *out);

#endif
