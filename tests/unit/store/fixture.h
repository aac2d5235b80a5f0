/* SPDX-License-Identifier: Apache-2.0 */
/* A database in a directory of its own, and rows to put into it. For the tests of store/. */
#ifndef TESTS_UNIT_STORE_FIXTURE_H
#define TESTS_UNIT_STORE_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "store/store.h"
#include "util/util.h"

#define SECOND 1000000000ll

struct fixture {
	char dir[64], path[160];
	struct tt_store *store;
	char *message;
};

static inline void fixture_open(struct fixture *f)
{
	assert_int_equal(tt_store_open(f->path, &f->store, &f->message), 0);
}

static inline void fixture_close(struct fixture *f)
{
	tt_store_free(f->store);
	f->store = NULL;
}

static inline int fixture_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->dir, "/tmp/telltale-store-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/t.db", f->dir);
	*state = f;
	return 0;
}

static inline int fixture_teardown(void **state)
{
	struct fixture *f = *state;
	char command[96];

	fixture_close(f);
	free(f->message);
	snprintf(command, sizeof(command), "rm -rf '%s'", f->dir);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

static inline struct tt_id fixture_id(uint64_t n)
{
	struct tt_id id;

	snprintf(id.s, sizeof(id.s), "%016llx", (unsigned long long)n);
	return id;
}

static inline struct tt_row_session session_row(uint64_t n)
{
	return (struct tt_row_session){
		.session_id = fixture_id(n),
		.root_process_id = fixture_id(n * 0x1000),
		.agent = "claude-code",
		.agent_version = "1.2.3",
		.build_id = "abcd",
		.command = "claude",
		.started_ns = (n & 0xffff) * SECOND,
		.exit_status = TT_UNKNOWN_STATUS,
		.level = "none",
		.complete = true,
	};
}

static inline struct tt_row_process process_row(uint64_t session, uint64_t process)
{
	return (struct tt_row_process){
		.process_id = fixture_id(process),
		.session_id = fixture_id(session),
		.pid = process,
		.exe = "/usr/bin/node",
		.argv = "[\"node\"]",
		.role = "agent",
		.started_ns = (session & 0xffff) * SECOND,
		.exit_status = TT_UNKNOWN_STATUS,
		.coverage = "{}",
	};
}

static inline struct tt_row_file file_row(uint64_t row_id, uint64_t process, const char *path)
{
	return (struct tt_row_file){
		.row_id = row_id,
		.process_id = fixture_id(process),
		.path = path,
		.op = "read",
		.path_source = "file",
		.file_type = "regular",
		.count = 1,
		.bytes = -1,
		.first_ns = 10 * SECOND,
		.last_ns = 11 * SECOND,
		.dev = 8 << 20,
		.ino = row_id,
	};
}

static inline struct tt_row_env env_row(uint64_t row_id, uint64_t process, const char *name,
					const char *source)
{
	return (struct tt_row_env){
		.row_id = row_id,
		.process_id = fixture_id(process),
		.name = name,
		.source = source,
		.present = -1,
		.count = 1,
		.first_ns = 10 * SECOND,
		.last_ns = 12 * SECOND,
	};
}

/* A session with one process: ids n and n * 0x1000. In the open batch. */
static inline void put_session(struct fixture *f, uint64_t n)
{
	struct tt_row_session session = session_row(n);
	struct tt_row_process process = process_row(n, n * 0x1000);

	assert_int_equal(tt_store_put_session(f->store, &session), 0);
	assert_int_equal(tt_store_put_process(f->store, &process), 0);
}

static inline void end_session(struct fixture *f, uint64_t n, int64_t ended_ns)
{
	struct tt_row_session session = session_row(n);
	struct tt_row_process process = process_row(n, n * 0x1000);

	session.ended_ns = process.ended_ns = ended_ns;
	session.exit_status = process.exit_status = 0;
	assert_int_equal(tt_store_put_session(f->store, &session), 0);
	assert_int_equal(tt_store_put_process(f->store, &process), 0);
}

static inline void put_file(struct fixture *f, uint64_t row_id, uint64_t process, const char *path)
{
	struct tt_row_file row = file_row(row_id, process, path);

	assert_int_equal(tt_store_put_file(f->store, &row), 0);
}

/* First column of the first row as text ("(null)", "(none)" without a row), read as any sqlite3 reads
 * it. Valid until the next call. */
static inline const char *query_text(const struct fixture *f, const char *sql)
{
	static char text[8192];
	sqlite3_stmt *stmt = NULL;
	sqlite3 *db = NULL;
	int rc;

	assert_int_equal(sqlite3_open_v2(f->path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	rc = sqlite3_step(stmt);
	snprintf(text, sizeof(text), "%s",
		 rc == SQLITE_DONE ? "(none)" : (const char *)sqlite3_column_text(stmt, 0) ?: "(null)");
	assert_true(rc == SQLITE_DONE || rc == SQLITE_ROW);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return text;
}

#define assert_query(f, sql, expected) assert_string_equal(query_text(f, sql), expected)

#endif
