/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of store/store.c and store/writer.c: opening, refusing, batches, rows, and being killed. */
#include "fixture.h"

#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "store/schema.h"

static void begin(struct fixture *f)
{
	assert_int_equal(tt_store_begin(f->store), 0);
}

static void commit(struct fixture *f)
{
	assert_int_equal(tt_store_commit(f->store), 0);
}

static void open_fails(struct fixture *f, int error, const char *words)
{
	struct tt_store *store = NULL;
	_cleanup_free_ char *message = NULL;

	assert_int_equal(tt_store_open(f->path, &store, &message), error);
	assert_null(store);
	assert_non_null(message);
	if (!strstr(message, words) || !strstr(message, f->dir) || strchr(message, '\n'))
		fail_msg("'%s' lacks '%s'", message, words);
}

static void write_file(const char *path, const void *data, size_t len)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_equal(write(fd, data, len), len);
}

static void exec_sql(struct fixture *f, const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	sqlite3_close(db);
}

/* A database with one session and n files, closed. */
static void make_database(struct fixture *f, unsigned n)
{
	char path[64];

	fixture_open(f);
	begin(f);
	put_session(f, 1);
	for (unsigned i = 1; i <= n; i++) {
		snprintf(path, sizeof(path), "/home/u/project/src/file-%u.c", i);
		put_file(f, i, 0x1000, path);
	}
	commit(f);
	fixture_close(f);
}

/* ---- opening */

static void a_new_database_is_private_and_ours(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	fixture_open(f);

	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_query(f, "PRAGMA application_id", "1415933036");
	assert_query(f, "PRAGMA journal_mode", "wal");
	assert_query(f, "PRAGMA auto_vacuum", "2");
	assert_int_equal(tt_store_next_row_id(f->store), 1);
	assert_string_equal(tt_store_path(f->store), f->path);
}

static void a_database_opens_again(void **state)
{
	struct fixture *f = *state;

	make_database(f, 3);
	fixture_open(f);

	assert_query(f, "SELECT count(*) FROM file_access", "3");
	assert_int_equal(tt_store_next_row_id(f->store), 4);
}

static void a_second_writer_is_told_who_has_it(void **state)
{
	struct fixture *f = *state;
	char words[64];

	fixture_open(f);
	snprintf(words, sizeof(words), "another telltale (pid %d)", getpid());

	open_fails(f, -EBUSY, words);
}

static void a_stale_lock_file_does_not_block(void **state)
{
	struct fixture *f = *state;
	char lock[192];

	snprintf(lock, sizeof(lock), "%s.lock", f->path);
	write_file(lock, "1\n", 2);

	fixture_open(f);
}

static void a_symbolic_link_is_refused(void **state)
{
	static const char *const suffixes[] = { "", "-wal", "-shm", ".lock" };
	struct fixture *f = *state;
	char link[192], target[96];

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		snprintf(link, sizeof(link), "%s%s", f->path, suffixes[i]);
		snprintf(target, sizeof(target), "%s/victim", f->dir);
		assert_int_equal(symlink(target, link), 0);

		open_fails(f, -ELOOP, "symbolic link");

		assert_int_equal(access(target, F_OK), -1);
		assert_int_equal(unlink(link), 0);
	}
}

static void a_hard_link_is_refused(void **state)
{
	struct fixture *f = *state;
	char other[128];

	snprintf(other, sizeof(other), "%s/other", f->dir);
	write_file(other, "precious", 8);
	assert_int_equal(link(other, f->path), 0);

	open_fails(f, -EMLINK, "hard links");
}

static void a_link_on_the_way_is_followed_once(void **state)
{
	struct fixture *f = *state;
	char link[96];

	snprintf(link, sizeof(link), "%s-link", f->dir);
	assert_int_equal(symlink(f->dir, link), 0);
	snprintf(f->path, sizeof(f->path), "%s/t.db", link);

	fixture_open(f);
	snprintf(f->path, sizeof(f->path), "%s/t.db", f->dir);
	assert_string_equal(tt_store_path(f->store), f->path);
	unlink(link);
}

static void a_directory_is_refused(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(mkdir(f->path, 0700), 0);

	open_fails(f, -EISDIR, "it is a directory; name a file");
}

static void a_missing_directory_is_named(void **state)
{
	struct fixture *f = *state;

	snprintf(f->path, sizeof(f->path), "%s/no/t.db", f->dir);

	open_fails(f, -ENOENT, "does not exist");
}

static void a_directory_that_others_write_is_refused(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(chmod(f->dir, 0777), 0);
	open_fails(f, -EACCES, "others may write in that directory; chmod go-w it");

	assert_int_equal(chmod(f->dir, 01777), 0);
	fixture_open(f);
}

static void another_users_file_is_refused(void **state)
{
	struct fixture *f = *state;

	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(f->dir, 01777), 0);
	write_file(f->path, "", 0);
	assert_int_equal(chown(f->path, 12345, 12345), 0);

	open_fails(f, -EACCES, "another user's");
}

static void root_in_a_users_directory_files_as_that_user(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	char mine[96];

	if (geteuid() != 0)
		skip();
	assert_int_equal(chown(f->dir, 12345, 12345), 0);

	fixture_open(f);
	begin(f);
	put_session(f, 1);
	commit(f);

	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_uid, 12345);
	snprintf(mine, sizeof(mine), "%s/root", f->dir);
	write_file(mine, "", 0); /* and is root again afterwards */
	assert_int_equal(stat(mine, &st), 0);
	assert_int_equal(st.st_uid, 0);
}

/* ---- what is not a database of ours stays as it is */

static void garbage_is_left_untouched(void **state)
{
	struct fixture *f = *state;
	char data[4096], after[sizeof(data) + 1];
	int fd;

	memset(data, 'x', sizeof(data));
	write_file(f->path, data, sizeof(data));

	open_fails(f, -EUCLEAN, "not a database, or corrupt; it was left as it is; move it away");

	fd = open(f->path, O_RDONLY);
	assert_int_equal(read(fd, after, sizeof(after)), sizeof(data));
	assert_memory_equal(data, after, sizeof(data));
	close(fd);
}

static void a_short_file_is_no_database(void **state)
{
	struct fixture *f = *state;

	write_file(f->path, "hello", 5);

	open_fails(f, -EUCLEAN, "left as it is");
}

static void a_truncated_database_is_noticed(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	make_database(f, 500);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(truncate(f->path, st.st_size / 8192 * 4096), 0);

	open_fails(f, -EUCLEAN, "corrupt");
}

static void flipped_bytes_are_noticed_or_harmless(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *message = NULL;
	unsigned noticed = 0;
	struct stat st;
	int r;

	make_database(f, 200);
	assert_int_equal(stat(f->path, &st), 0);
	/* The head of each page: b-tree type, cell count and pointers. */
	for (off_t at = 4096; at < st.st_size; at += 4096) {
		int fd = open(f->path, O_RDWR);
		char old[16], new[16];

		assert_int_equal(pread(fd, old, sizeof(old), at), sizeof(old));
		for (size_t i = 0; i < sizeof(old); i++)
			new[i] = ~old[i];
		assert_int_equal(pwrite(fd, new, sizeof(new), at), sizeof(new));

		r = tt_store_open(f->path, &f->store, &message);
		assert_true(r == 0 || r == -EUCLEAN);
		noticed += r == -EUCLEAN;
		fixture_close(f);
		free(TAKE_PTR(message));

		assert_int_equal(pwrite(fd, old, sizeof(old), at), sizeof(old));
		close(fd);
	}
	assert_true(noticed > st.st_size / 4096 / 2);
	fixture_open(f);
	assert_query(f, "SELECT count(*) FROM file_access", "200");
}

static void another_programs_database_is_refused(void **state)
{
	struct fixture *f = *state;

	exec_sql(f, "CREATE TABLE other (x); PRAGMA application_id = 7");
	open_fails(f, -EUCLEAN, "another program's database and was left untouched");

	exec_sql(f, "PRAGMA application_id = 0");
	open_fails(f, -EUCLEAN, "another program's");
	assert_query(f, "PRAGMA journal_mode", "delete");
}

static void a_newer_database_is_refused(void **state)
{
	struct fixture *f = *state;

	make_database(f, 1);
	exec_sql(f, "PRAGMA user_version = 9999");

	open_fails(f, -ENOTSUP, "made by a newer telltale (schema 9999");
	assert_query(f, "SELECT count(*) FROM file_access", "1");
}

static void what_sqlite3_made_empty_is_taken(void **state)
{
	struct fixture *f = *state;

	write_file(f->path, "", 0);

	fixture_open(f);
	assert_query(f, "SELECT count(*) FROM session", "0");
}

/* Runs body as a user without rights, in a child. */
static void as_nobody(struct fixture *f, void (*body)(struct fixture *f))
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
			_exit(3);
		body(f);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void expect_denied(struct fixture *f)
{
	struct tt_store *store = NULL;
	char *message = NULL;

	if (tt_store_open(f->path, &store, &message) != -EACCES || !message || !strstr(message, f->path) ||
	    !strstr(message, "permission denied; run as the owner"))
		_exit(1);
	free(message);
}

static void a_directory_without_rights_is_denied(void **state)
{
	struct fixture *f = *state;

	/* As root it is root's directory, else our own without the right to write. */
	assert_int_equal(chmod(f->dir, geteuid() == 0 ? 0755 : 0555), 0);

	as_nobody(f, expect_denied);
	chmod(f->dir, 0755);
}

static bool mount_tmpfs(struct fixture *f, const char *options)
{
	return geteuid() == 0 && mount("tmpfs", f->dir, "tmpfs", 0, options) == 0;
}

static void a_read_only_file_system_is_named(void **state)
{
	struct fixture *f = *state;

	if (!mount_tmpfs(f, "size=4m"))
		skip();
	make_database(f, 1);
	assert_int_equal(mount("tmpfs", f->dir, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);

	open_fails(f, -EROFS, "the file system is read-only; choose another place");
	umount(f->dir);
}

/* ---- batches */

static void a_batch_is_all_or_nothing(void **state)
{
	struct fixture *f = *state;

	fixture_open(f);
	begin(f);
	put_session(f, 1);
	assert_query(f, "SELECT count(*) FROM session", "0");
	tt_store_rollback(f->store);
	assert_query(f, "SELECT count(*) FROM session", "0");

	/* The caches forgot what was rolled back. */
	begin(f);
	put_session(f, 1);
	put_file(f, 1, 0x1000, "/a");
	commit(f);
	assert_query(f, "SELECT path || agent FROM file_access, session", "/aclaude-code");
}

static void a_put_outside_a_batch_is_refused(void **state)
{
	struct fixture *f = *state;
	struct tt_row_session row = session_row(1);

	fixture_open(f);

	assert_int_equal(tt_store_put_session(f->store, &row), -EINVAL);
	assert_int_equal(tt_store_commit(f->store), -EINVAL);
}

static void a_wrong_row_is_refused_alone(void **state)
{
	struct fixture *f = *state;
	struct tt_row_file row = file_row(1, 0x9000, "/a");
	_cleanup_free_ char *huge = malloc(2 << 20);

	memset(huge, 'x', (2 << 20) - 1);
	huge[(2 << 20) - 1] = '\0';
	fixture_open(f);
	begin(f);
	put_session(f, 1);

	assert_int_equal(tt_store_put_file(f->store, &row), -ENOENT);
	row = file_row(0, 0x1000, "/a");
	assert_int_equal(tt_store_put_file(f->store, &row), -EINVAL);
	row = file_row(1ull << 52, 0x1000, "/a");
	assert_int_equal(tt_store_put_file(f->store, &row), -EINVAL);
	row = file_row(1, 0x1000, NULL);
	assert_int_equal(tt_store_put_file(f->store, &row), -EINVAL);
	row = file_row(1, 0x1000, huge);
	assert_int_equal(tt_store_put_file(f->store, &row), -E2BIG);
	put_file(f, 2, 0x1000, "/b");
	commit(f);

	assert_query(f, "SELECT group_concat(path) FROM file_access", "/b");
}

static void another_writer_makes_a_batch_wait_then_busy(void **state)
{
	struct fixture *f = *state;
	sqlite3 *other;

	make_database(f, 1);
	fixture_open(f);
	assert_int_equal(sqlite3_open(f->path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);

	assert_int_equal(tt_store_begin(f->store), -EBUSY);
	assert_non_null(strstr(tt_store_error(f->store), "locked by another program; end what writes to it"));

	sqlite3_close(other);
	begin(f);
	put_file(f, 2, 0x1000, "/after");
	commit(f);
}

static void an_exclusively_locked_database_does_not_open(void **state)
{
	struct fixture *f = *state;
	sqlite3 *other;

	make_database(f, 1);
	assert_int_equal(sqlite3_open(f->path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other,
				      "PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE;"
				      "PRAGMA user_version = 1",
				      NULL, NULL, NULL),
			 SQLITE_OK);

	open_fails(f, -EBUSY, "locked by another program");
	sqlite3_close(other);
}

/* Puts rows with long names until the disk is full; what failed is put again once there is room. */
static unsigned fill(struct fixture *f, unsigned from, unsigned n)
{
	char path[1024];

	memset(path, 'p', sizeof(path));
	for (unsigned i = from; i < from + n; i++) {
		struct tt_row_file row;

		snprintf(path, 16, "/%u", i);
		path[strlen(path)] = 'p';
		path[sizeof(path) - 1] = '\0';
		row = file_row(i, 0x1000, path);
		if (tt_store_put_file(f->store, &row) < 0)
			break;
	}
	return n;
}

static void full_disk(struct fixture *f, void (*make_room)(struct fixture *f))
{
	unsigned next = 1, stored = 0;
	char expected[16];
	int r = 0;

	fixture_open(f);
	begin(f);
	put_session(f, 1);
	commit(f);
	while (r == 0) {
		begin(f);
		fill(f, next, 100);
		r = tt_store_commit(f->store);
		if (r == 0)
			next = stored = next + 100;
		assert_true(next < 100000);
	}
	assert_int_equal(r, -ENOSPC);
	assert_non_null(strstr(tt_store_error(f->store), "the disk is full; free some space"));
	snprintf(expected, sizeof(expected), "%u", stored - 1);
	assert_query(f, "SELECT count(*) FROM file_access", expected);

	make_room(f);
	begin(f);
	fill(f, next, 100);
	commit(f);

	snprintf(expected, sizeof(expected), "%u", stored - 1 + 100);
	assert_query(f, "SELECT count(DISTINCT path) FROM file_access", expected);
	assert_query(f, "PRAGMA integrity_check", "ok");
}

static void remount_larger(struct fixture *f)
{
	assert_int_equal(mount("tmpfs", f->dir, NULL, MS_REMOUNT, "size=64m"), 0);
}

static void a_full_file_system_loses_nothing(void **state)
{
	struct fixture *f = *state;

	if (!mount_tmpfs(f, "size=3m"))
		skip();
	full_disk(f, remount_larger);
	fixture_close(f);
	umount(f->dir);
}

static void a_file_system_too_full_to_begin_says_so(void **state)
{
	struct fixture *f = *state;

	if (!mount_tmpfs(f, "size=32k"))
		skip();
	open_fails(f, -ENOSPC, "the disk is full");
	umount(f->dir);
}

static void raise_limit(struct fixture *f)
{
	struct rlimit limit;

	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_file_size_limit_loses_nothing(void **state)
{
	struct fixture *f = *state;
	struct rlimit limit;
	int r = 0, next = 1;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = 1 << 20;
	fixture_open(f);
	begin(f);
	put_session(f, 1);
	commit(f);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	while (r == 0) {
		begin(f);
		fill(f, next, 100);
		r = tt_store_commit(f->store);
		next += r == 0 ? 100 : 0;
	}
	raise_limit(f);
	assert_int_equal(r, -EIO);

	begin(f);
	fill(f, next, 100);
	commit(f);
	assert_query(f, "PRAGMA integrity_check", "ok");
}

/* ---- rows */

static void a_revision_grows_only_with_a_change(void **state)
{
	struct fixture *f = *state;
	struct tt_row_file row = file_row(7, 0x1000, "/etc/passwd");

	fixture_open(f);
	begin(f);
	put_session(f, 1);
	assert_int_equal(tt_store_put_file(f->store, &row), 0);
	assert_int_equal(tt_store_put_file(f->store, &row), 0);
	commit(f);
	assert_query(f, "SELECT revision || ' ' || count FROM file_access", "1 1");

	row.count = 64;
	begin(f);
	assert_int_equal(tt_store_put_file(f->store, &row), 0);
	commit(f);
	assert_query(f, "SELECT revision || ' ' || count FROM file_access WHERE row_id = 7", "2 64");
}

static void a_file_row_comes_back_whole(void **state)
{
	struct fixture *f = *state;
	struct tt_row_file row = file_row(7, 0x1000, "/etc/localtime");

	row.real_path = "/usr/share/zoneinfo/Asia/Shanghai";
	row.host_path = "/srv/root/usr/share/zoneinfo/Asia/Shanghai";
	row.category = "timezone";
	row.bytes = 573;
	row.truncated = true;
	fixture_open(f);
	begin(f);
	put_session(f, 1);
	assert_int_equal(tt_store_put_file(f->store, &row), 0);
	row = (struct tt_row_file){ .row_id = 8,
				    .process_id = fixture_id(0x1000),
				    .path = "/none",
				    .op = "read",
				    .result = -2,
				    .count = 3,
				    .bytes = -1,
				    .path_source = "user" };
	assert_int_equal(tt_store_put_file(f->store, &row), 0);
	commit(f);

	assert_query(
		f,
		"SELECT json_array(process_id, path, op, category, result, count, bytes, first_ns, last_ns,"
		" dev, ino, path_source, truncated, real_path, host_path, target, file_type, row_id, "
		"revision)"
		" FROM file_access WHERE row_id = 7",
		"[\"0000000000001000\",\"/etc/"
		"localtime\",\"read\",\"timezone\",0,1,573,10000000000,11000000000,"
		"8388608,7,\"file\",1,\"/usr/share/zoneinfo/Asia/Shanghai\",\"/srv/root/usr/share/zoneinfo/"
		"Asia/"
		"Shanghai\",null,\"regular\",7,1]");
	assert_query(f,
		     "SELECT json_array(category, result, count, bytes, first_ns, dev, ino, path_source)"
		     " FROM file_access WHERE row_id = 8",
		     "[null,-2,3,null,null,null,null,\"user\"]");
	assert_query(
		f,
		"SELECT json_array(process_id, how, zone, count, first_ns, last_ns, result, source, row_id)"
		" FROM timezone_lookup",
		"[\"0000000000001000\",\"localtime\",\"Asia/"
		"Shanghai\",1,10000000000,11000000000,0,\"file_access\",7]");
}

static void hostile_text_comes_back_byte_by_byte(void **state)
{
	static const char *const texts[] = {
		"",	     "/a\nb",	   "/\xff\xfe\x80", "/'; DROP TABLE string; --",
		"/\x1b[31m", "/e\xcc\x81", "/\xc3\xa9"
	};
	struct fixture *f = *state;
	char sql[128], hex[64];

	fixture_open(f);
	begin(f);
	put_session(f, 1);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		put_file(f, i + 1, 0x1000, texts[i]);
	commit(f);

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		hex[0] = '\0';
		for (size_t j = 0; texts[i][j]; j++)
			sprintf(hex + 2 * j, "%02X", (unsigned char)texts[i][j]);
		snprintf(sql, sizeof(sql), "SELECT hex(path) FROM file_access WHERE row_id = %zu", i + 1);
		assert_query(f, sql, hex);
	}
}

static void a_string_is_kept_once(void **state)
{
	struct fixture *f = *state;

	make_database(f, 5);
	fixture_open(f); /* with a cold cache */
	begin(f);
	put_file(f, 6, 0x1000, "/home/u/project/src/file-1.c");
	commit(f);

	assert_query(f, "SELECT max(n) FROM (SELECT count(*) AS n FROM string GROUP BY text)", "1");
	assert_query(f, "SELECT count(*) FROM file_access WHERE path LIKE '%file-1.c'", "2");
}

static void every_kind_of_row_comes_back(void **state)
{
	struct fixture *f = *state;
	struct tt_row_host host = { .host_id = fixture_id(0xab),
				    .hostname = "h",
				    .os = "Debian",
				    .kernel = "6.1",
				    .backend = "rawtp",
				    .telltale_version = "0.1",
				    .boot_id = "boot" };
	struct tt_row_exec exec = {
		.process_id = fixture_id(0x1000), .exe = "/usr/bin/env", .argv = "[\"env\"]", .at_ns = 5
	};
	struct tt_row_env env = env_row(1, 0x1000, "TZ", "getenv");
	struct tt_row_connection unix_conn = { .row_id = 2,
					       .process_id = fixture_id(0x1000),
					       .direction = "out",
					       .family = "unix",
					       .protocol = "unix",
					       .unix_path = "@x",
					       .state = "connected",
					       .count = 2,
					       .duration_ns = -1,
					       .bytes_sent = -1,
					       .bytes_received = -1 };
	struct tt_row_connection tcp = { .row_id = 3,
					 .process_id = fixture_id(0x1000),
					 .direction = "out",
					 .family = "inet",
					 .protocol = "tcp",
					 .local_address = "127.0.0.1",
					 .address = "127.0.0.1",
					 .port = 443,
					 .state = "refused",
					 .result = -111,
					 .count = 1,
					 .duration_ns = 9,
					 .bytes_sent = 4,
					 .bytes_received = 5 };
	struct tt_row_loss loss = { .row_id = 4,
				    .boot_id = "boot",
				    .sensor = "file",
				    .kind = "ring_full",
				    .count = 12,
				    .from_ns = 1,
				    .to_ns = 2,
				    .session_id = fixture_id(1) };
	struct tt_row_risk risk = { .process_id = fixture_id(0x1000),
				    .score = 12.5,
				    .level = "low",
				    .reasons = "[]",
				    .complete = true };

	env.value = "Asia/Shanghai";
	env.present = 1;
	fixture_open(f);
	begin(f);
	put_session(f, 1);
	assert_int_equal(tt_store_put_host(f->store, &host), 0);
	assert_int_equal(tt_store_put_exec(f->store, &exec), 0);
	assert_int_equal(tt_store_put_env(f->store, &env), 0);
	assert_int_equal(tt_store_put_connection(f->store, &unix_conn), 0);
	assert_int_equal(tt_store_put_connection(f->store, &tcp), 0);
	assert_int_equal(tt_store_put_loss(f->store, &loss), 0);
	assert_int_equal(tt_store_put_risk(f->store, &risk), 0);
	commit(f);

	assert_query(f, "SELECT host_id || backend || boot_id FROM host", "00000000000000abrawtpboot");
	assert_query(f, "SELECT json_array(seq, exe, argv, script, result, at_ns) FROM process_exec",
		     "[0,\"/usr/bin/env\",\"[\\\"env\\\"]\",null,0,5]");
	assert_query(f, "SELECT name || source || present || value FROM env_lookup",
		     "TZgetenv1Asia/Shanghai");
	assert_query(f, "SELECT how || zone || source FROM timezone_lookup", "TZAsia/Shanghaienv_lookup");
	assert_query(f,
		     "SELECT json_array(protocol, address, port, unix_path, duration_ns, bytes_sent, count)"
		     " FROM connection WHERE row_id = 2",
		     "[\"unix\",null,null,\"@x\",null,null,2]");
	assert_query(
		f,
		"SELECT json_array(address, port, local_port, state, result, duration_ns) FROM connection"
		" WHERE row_id = 3",
		"[\"127.0.0.1\",443,0,\"refused\",-111,9]");
	assert_query(
		f,
		"SELECT json_array(boot_id, sensor, kind, count, session_id, process_id, row_id) FROM loss",
		"[\"boot\",\"file\",\"ring_full\",12,\"0000000000000001\",null,4]");
	assert_query(f,
		     "SELECT json_array(session_id, agent, exe, score, level, timezone_lookups, env_lookups,"
		     " connections, bytes_sent, complete) FROM risk_record",
		     "[\"0000000000000001\",\"claude-code\",\"/usr/bin/node\",12.5,\"low\",1,1,3,4,1]");
	assert_query(f,
		     "SELECT json_array(parent_session_id, exit_status, ended_ns, complete, agent_version) "
		     "FROM session",
		     "[null,null,null,1,\"1.2.3\"]");
	assert_query(f, "SELECT json_array(session_id, pid, role, exit_status, mount_ns) FROM process",
		     "[\"0000000000000001\",4096,\"agent\",null,null]");
	assert_query(f, "SELECT count(*) FROM name_lookup", "0");
	assert_query(f, "SELECT count(*) FROM finding", "0");
}

/* ---- being killed */

static void write_until_killed(struct fixture *f, uint64_t row_id)
{
	char path[64];

	if (tt_store_open(f->path, &f->store, NULL) < 0)
		_exit(1);
	for (;;) {
		if (tt_store_begin(f->store) < 0)
			_exit(2);
		put_session(f, 1);
		for (int i = 0; i < 50; i++, row_id++) {
			snprintf(path, sizeof(path), "/killed/%llu", (unsigned long long)row_id);
			put_file(f, row_id, 0x1000, path);
		}
		if (tt_store_commit(f->store) < 0)
			_exit(3);
	}
}

static void a_killed_writer_leaves_whole_batches(void **state)
{
	struct fixture *f = *state;
	uint64_t next = 1;

	/* on a slow machine the first ones are killed before they have written anything */
	for (int round = 0; round < 20 || (next == 1 && round < 200); round++) {
		pid_t pid = fork();
		int status;

		if (pid == 0)
			write_until_killed(f, next);
		usleep(3000 + round * 1500);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));

		fixture_open(f);
		assert_query(f, "PRAGMA integrity_check", "ok");
		assert_query(f, "SELECT count(*) % 50 FROM file_access", "0");
		assert_true(tt_store_next_row_id(f->store) >= next);
		next = tt_store_next_row_id(f->store);
		fixture_close(f);
	}
	assert_true(next > 1);
}

/* A row of a file that shows the inside of a process: a look-up where it is an environment that was got. */
static void an_environment_that_was_read_is_a_look_up(void **state)
{
	static const struct {
		const char *what;
		int result;
	} files[] = { { "environ", 0 }, { "environ", -13 }, { "mem", 0 } };
	struct tt_row_risk risk = { .process_id = fixture_id(0x1000), .level = "none", .reasons = "[]" };
	struct fixture *f = *state;

	fixture_open(f);
	begin(f);
	put_session(f, 1);
	for (unsigned i = 0; i < ARRAY_SIZE(files); i++) {
		struct tt_row_file file = file_row(i + 1, 0x1000, "/proc/7/environ");
		struct tt_row_access access = { .row_id = i + 1,
						.process_id = fixture_id(0x1000),
						.what = files[i].what,
						.of_pid = i ? 7 : 0,
						.of_exe = "/bin/x" };

		file.result = files[i].result;
		file.category = "process-environ";
		file.count = 5;
		if (!i)
			access.of_process_id = fixture_id(0x1000);
		assert_int_equal(tt_store_put_access(f->store, &access), 0);
		assert_int_equal(tt_store_put_file(f->store, &file), 0);
	}
	assert_int_equal(tt_store_put_risk(f->store, &risk), 0);
	commit(f);

	assert_query(f,
		     "SELECT group_concat(what || result || op || count || coalesce(of_pid, '-') ||"
		     " coalesce(of_process_id, '-') || of_exe) FROM process_access",
		     "environ0read5-0000000000001000/bin/x,environ-13read57-/bin/x,mem0read57-/bin/x");
	assert_query(f,
		     "SELECT json_array(name, source, category, present, count, value, of_process_id, "
		     "of_exe, row_id)"
		     " FROM env_lookup",
		     "[\"*\",\"environ\",\"process-environ\",null,5,null,\"0000000000001000\",\"/bin/x\",1]");
	assert_query(f, "SELECT env_lookups FROM risk_record", "5");
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		test(a_new_database_is_private_and_ours),
		test(a_database_opens_again),
		test(a_second_writer_is_told_who_has_it),
		test(a_stale_lock_file_does_not_block),
		test(a_symbolic_link_is_refused),
		test(a_hard_link_is_refused),
		test(a_link_on_the_way_is_followed_once),
		test(a_directory_is_refused),
		test(a_missing_directory_is_named),
		test(a_directory_that_others_write_is_refused),
		test(another_users_file_is_refused),
		test(root_in_a_users_directory_files_as_that_user),
		test(garbage_is_left_untouched),
		test(a_short_file_is_no_database),
		test(a_truncated_database_is_noticed),
		test(flipped_bytes_are_noticed_or_harmless),
		test(another_programs_database_is_refused),
		test(a_newer_database_is_refused),
		test(what_sqlite3_made_empty_is_taken),
		test(a_directory_without_rights_is_denied),
		test(a_read_only_file_system_is_named),
		test(a_batch_is_all_or_nothing),
		test(a_put_outside_a_batch_is_refused),
		test(a_wrong_row_is_refused_alone),
		test(another_writer_makes_a_batch_wait_then_busy),
		test(an_exclusively_locked_database_does_not_open),
		test(a_full_file_system_loses_nothing),
		test(a_file_system_too_full_to_begin_says_so),
		test(a_file_size_limit_loses_nothing),
		test(a_revision_grows_only_with_a_change),
		test(a_file_row_comes_back_whole),
		test(hostile_text_comes_back_byte_by_byte),
		test(a_string_is_kept_once),
		test(every_kind_of_row_comes_back),
		test(a_killed_writer_leaves_whole_batches),
		test(an_environment_that_was_read_is_a_look_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
