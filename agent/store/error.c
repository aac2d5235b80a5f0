/* SPDX-License-Identifier: Apache-2.0 */
/* Error words for the store: one table says what each failure means and what helps. */
#include "store/error.h"

#include <errno.h>
#include <stdarg.h>

/* What happened, and what to do about it. The first row that fits wins. */
static const struct {
	int error;
	const char *what, *advice;
} words[] = {
	{ -ENOSPC, "the disk is full", "free some space or lower the retention limits" },
	{ -EROFS, "the file system is read-only", "choose another place with --db" },
	{ -EACCES, "permission denied",
	  "run as the owner of the file or as root, or choose another with --db" },
	{ -EBUSY, "locked by another program", "end what writes to it (sqlite3?) and try again" },
	{ -EUCLEAN, "not a database, or corrupt; it was left as it is",
	  "move it away to start anew, `sqlite3 FILE .recover` may save what is in it" },
	{ -EISDIR, "it is a directory", "name a file" },
	{ -ELOOP, "it is a symbolic link", "name the file itself" },
	{ -ENOENT, "it does not exist", "check the name" },
	{ -ENOMEM, "out of memory", "try again" },
	{ -E2BIG, "a value is too large", "this row was refused" },
	{ -EIO, "input/output error", "check the disk and the kernel's log" },
};

static const struct {
	int code, error;
} codes[] = {
	{ SQLITE_FULL, -ENOSPC },     { SQLITE_READONLY, -EROFS },    { SQLITE_PERM, -EACCES },
	{ SQLITE_AUTH, -EPERM },      { SQLITE_BUSY, -EBUSY },	      { SQLITE_LOCKED, -EBUSY },
	{ SQLITE_CORRUPT, -EUCLEAN }, { SQLITE_NOTADB, -EUCLEAN },    { SQLITE_NOMEM, -ENOMEM },
	{ SQLITE_TOOBIG, -E2BIG },    { SQLITE_CONSTRAINT, -EINVAL }, { SQLITE_MISMATCH, -EINVAL },
	{ SQLITE_INTERRUPT, -EINTR }, { SQLITE_CANTOPEN, -EACCES },   { SQLITE_IOERR, -EIO },
	{ SQLITE_ERROR, -EINVAL },    { SQLITE_RANGE, -EINVAL },
};

int tt_store_message(int error, char **ret_message, const char *format, ...)
{
	char *message = NULL;
	va_list ap;

	if (!ret_message)
		return error;
	va_start(ap, format);
	if (vasprintf(&message, format, ap) < 0)
		message = NULL;
	va_end(ap);
	free(*ret_message);
	*ret_message = message;
	return error;
}

/* SQLite folds what the system said into a few codes; the system knows better. */
static int system_errno(sqlite3 *db)
{
	static const int trusted[] = { ENOSPC, EDQUOT, EROFS, EACCES, EPERM, EISDIR, ELOOP };
	int error = sqlite3_system_errno(db);

	for (size_t i = 0; i < ARRAY_SIZE(trusted); i++) {
		if (error == trusted[i])
			return error == EDQUOT ? -ENOSPC : error == EPERM ? -EACCES : -error;
	}
	return 0;
}

int tt_store_errno(sqlite3 *db, int rc)
{
	int error = 0;

	if (db && ((rc & 0xff) == SQLITE_IOERR || (rc & 0xff) == SQLITE_CANTOPEN))
		error = system_errno(db);
	for (size_t i = 0; !error && i < ARRAY_SIZE(codes); i++) {
		if (codes[i].code == (rc & 0xff))
			error = codes[i].error;
	}
	return error ? error : -EIO;
}

int tt_store_file_error(int error, const char *verb, const char *path, char **ret_message)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (words[i].error == error)
			return tt_store_message(error, ret_message, "%s %s: %s; %s", verb, path,
						words[i].what, words[i].advice);
	}
	return tt_store_message(error, ret_message, "%s %s: %s", verb, path, strerror(-error));
}

int tt_store_sqlite_error(sqlite3 *db, int rc, const char *verb, const char *path, char **ret_message)
{
	int error = tt_store_errno(db, rc);

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (words[i].error == error)
			return tt_store_file_error(error, verb, path, ret_message);
	}
	return tt_store_message(error, ret_message, "%s %s: %s", verb, path,
				db ? sqlite3_errmsg(db) : sqlite3_errstr(rc));
}
