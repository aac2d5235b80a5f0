/* SPDX-License-Identifier: Apache-2.0 */
/* How many rows a second the store takes: distinct files, the same again (updates), and what a row
 * costs on disk. Usage: store [ROWS [FILE]]; the file must not be there yet. Prints, judges nothing. */
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "store/query.h"
#include "store/retention.h"
#include "store/store.h"
#include "util/util.h"

#define BATCH 1000

static const struct tt_id session = { "00000000000000aa" }, process = { "00000000000000bb" };

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void check(struct tt_store *store, int r)
{
	if (r >= 0)
		return;
	fprintf(stderr, "%s\n", store ? tt_store_error(store) : "cannot open");
	exit(1);
}

static void put_parents(struct tt_store *store)
{
	const struct tt_row_session s = {
		.session_id = session, .agent = "bench", .started_ns = 1, .ended_ns = 2
	};
	const struct tt_row_process p = {
		.process_id = process, .session_id = session, .started_ns = 1, .ended_ns = 2
	};

	check(store, tt_store_begin(store));
	check(store, tt_store_put_session(store, &s));
	check(store, tt_store_put_process(store, &p));
	check(store, tt_store_commit(store));
}

/* Paths as a dependency tree has them: 40 files to a directory. */
static double put_files(struct tt_store *store, unsigned rows, uint64_t count)
{
	double begin = now();
	char path[160];

	for (unsigned i = 0; i < rows; i++) {
		struct tt_row_file row = { .row_id = i + 1,
					   .process_id = process,
					   .path = path,
					   .op = "read",
					   .category = i % 10 ? NULL : "source",
					   .file_type = "regular",
					   .path_source = "file",
					   .count = count,
					   .bytes = -1,
					   .first_ns = 1700000000000000000 + i,
					   .last_ns = 1700000000000000000 + i,
					   .dev = 8 << 20 | 1,
					   .ino = 1000000 + i };

		snprintf(path, sizeof(path), "/home/dev/project/node_modules/package-%u/lib/module-%u.js",
			 i / 40, i);
		if (i % BATCH == 0)
			check(store, tt_store_begin(store));
		check(store, tt_store_put_file(store, &row));
		if (i % BATCH == BATCH - 1 || i == rows - 1)
			check(store, tt_store_commit(store));
	}
	return now() - begin;
}

static double query(const char *path, const char *sql)
{
	struct tt_query_db *db = NULL;
	double begin = now();

	if (tt_query_open(path, &db, NULL) < 0 || tt_query_run(db, sql, NULL, 0, NULL, NULL, NULL) < 0)
		fprintf(stderr, "%s: %s\n", sql, db ? tt_query_error(db) : "cannot open");
	tt_query_close(db);
	return now() - begin;
}

static double retain(struct tt_store *store, double *ret_longest)
{
	const struct tt_retention limits = { .max_age_ns = 1 };
	double begin = now(), start;
	int r;

	*ret_longest = 0;
	do {
		start = now();
		r = tt_store_retain(store, &limits, 1000);
		check(store, r);
		if (now() - start > *ret_longest)
			*ret_longest = now() - start;
	} while (r > 0);
	return now() - begin;
}

int main(int argc, char **argv)
{
	unsigned rows = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;
	const char *path = argc > 2 ? argv[2] : "/tmp/telltale-bench.db";
	double insert, update, seconds, longest;
	struct tt_store *store = NULL;
	struct stat st;

	if (access(path, F_OK) == 0) {
		fprintf(stderr, "%s is there already\n", path);
		return 2;
	}
	check(store, tt_store_open(path, &store, NULL));
	put_parents(store);

	insert = put_files(store, rows, 1);
	update = put_files(store, rows, 2);
	printf("insert   %9.0f rows/s, batches of %d\n", rows / insert, BATCH);
	printf("update   %9.0f rows/s\n", rows / update);
	tt_store_free(store);
	stat(path, &st);
	printf("size     %9.1f bytes/row\n", (double)st.st_size / rows);

	seconds = query(path, "SELECT count(*) FROM file_access WHERE path = '/home/dev/.aws/credentials'");
	printf("by path  %9.3f s, over all rows\n", seconds);
	seconds = query(path, "SELECT path FROM file_access WHERE process_id = '00000000000000cc'");
	printf("by id    %9.3f s, a process without rows\n", seconds);
	check(NULL, tt_store_open(path, &store, NULL));
	seconds = retain(store, &longest);
	printf("retain   %9.3f s for everything, longest call %.3f s\n", seconds, longest);
	tt_store_free(store);
	unlink(path);
	return 0;
}
