/* SPDX-License-Identifier: Apache-2.0 */
/* What SQLite and the file system refuse, as an errno and one line for a person. Private to store/. */
#ifndef TT_STORE_ERROR_H
#define TT_STORE_ERROR_H

#include <sqlite3.h>

#include "util/util.h"

/* *ret_message (may be NULL) receives a malloc'd line; what was there is freed. Returns error. */
int tt_store_message(int error, char **ret_message, const char *format, ...) _printf_(3, 4);

/* The errno for what a call on db just returned. */
int tt_store_errno(sqlite3 *db, int rc);

/* "VERB PATH: what happened; what to do". Returns tt_store_errno(). */
int tt_store_sqlite_error(sqlite3 *db, int rc, const char *verb, const char *path, char **ret_message);

/* The same for an errno met before SQLite was asked (negative). Returns error. */
int tt_store_file_error(int error, const char *verb, const char *path, char **ret_message);

#endif
