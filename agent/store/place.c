/* SPDX-License-Identifier: Apache-2.0 */
/* Where a database may live: the checks before SQLite is let at it, and the writer's lock. See place.h. */
#include "store/place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/fsuid.h>
#include <sys/stat.h>

#include "store/error.h"

#define VERB "cannot write database"

void tt_place_enter(const struct tt_place *place)
{
	if (!place->foreign)
		return;
	setfsgid(place->gid);
	setfsuid(place->uid);
}

void tt_place_leave(const struct tt_place *place)
{
	if (!place->foreign)
		return;
	setfsuid(geteuid());
	setfsgid(getegid());
}

static int directory_check(struct tt_place *place, const char *dir, char **ret_message)
{
	_cleanup_close_ int fd = -1;
	bool group, others;
	struct stat st;

	if (stat(dir, &st) < 0)
		return tt_store_file_error(-errno, VERB " in", dir, ret_message);

	group = (st.st_mode & S_IWGRP) && st.st_gid != 0 && st.st_gid != st.st_uid;
	others = st.st_mode & S_IWOTH;
	if ((group || others) && !(st.st_mode & S_ISVTX))
		return tt_store_message(-EACCES, ret_message,
					VERB " in %s: others may write in that directory; chmod go-w it, or "
					     "choose another with --db",
					dir);
	if (st.st_uid == geteuid() || st.st_uid == 0 || (st.st_mode & S_ISVTX))
		return 0;
	if (geteuid() != 0)
		return tt_store_message(
			-EACCES, ret_message,
			VERB " in %s: the directory is another user's; choose another with --db", dir);

	/* An owner who cannot even come here cannot swap anything either: then root stays root. */
	place->foreign = true;
	place->uid = st.st_uid;
	place->gid = st.st_gid;
	tt_place_enter(place);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	tt_place_leave(place);
	place->foreign = fd >= 0;
	return 0;
}

static int file_check(const struct tt_place *place, const char *path, char **ret_message)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : tt_store_file_error(-errno, VERB, path, ret_message);
	if (S_ISDIR(st.st_mode))
		return tt_store_file_error(-EISDIR, VERB, path, ret_message);
	if (S_ISLNK(st.st_mode))
		return tt_store_file_error(-ELOOP, VERB, path, ret_message);
	if (!S_ISREG(st.st_mode))
		return tt_store_message(-EINVAL, ret_message, VERB " %s: not a regular file; name another",
					path);
	if (st.st_nlink > 1)
		return tt_store_message(-EMLINK, ret_message,
					VERB " %s: the file has other names (hard links); name another",
					path);
	if (st.st_uid != geteuid() && st.st_uid != 0 && !(place->foreign && st.st_uid == place->uid))
		return tt_store_message(-EACCES, ret_message,
					VERB " %s: the file is another user's; choose another with --db",
					path);
	return 0;
}

static int files_check(const struct tt_place *place, char **ret_message)
{
	static const char *const suffixes[] = { "", "-wal", "-shm", "-journal", ".lock" };
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		_cleanup_free_ char *path = NULL;

		if (asprintf(&path, "%s%s", place->path, suffixes[i]) < 0) {
			path = NULL;
			return -ENOMEM;
		}
		r = file_check(place, path, ret_message);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Not the database itself: closing any descriptor of it would drop SQLite's own locks (fcntl(2)). */
static int lock_take(struct tt_place *place, char **ret_message)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;
	char pid[16] = "";
	ssize_t n;

	if (asprintf(&path, "%s.lock", place->path) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return tt_store_file_error(-errno, VERB, place->path, ret_message);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK)
			return tt_store_file_error(-errno, "cannot lock", path, ret_message);
		n = pread(fd, pid, sizeof(pid) - 1, 0);
		pid[n > 0 ? strspn(pid, "0123456789") : 0] = '\0';
		return tt_store_message(-EBUSY, ret_message,
					VERB
					" %s: another telltale (pid %s) writes it; stop that one, or choose "
					"another with --db",
					place->path, *pid ? pid : "unknown");
	}

	/* Who holds it is only for that message: a full disk must not keep us from reading on. */
	n = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
	if (ftruncate(fd, 0) == 0 && pwrite(fd, pid, n, 0) != n && ftruncate(fd, 0) < 0)
		return tt_store_file_error(-errno, "cannot lock", path, ret_message);

	place->lock_fd = fd;
	fd = -1;
	return 0;
}

/* SQLite would use the umask; -wal and -shm get the mode of the database. */
static int file_create(const struct tt_place *place, char **ret_message)
{
	int fd = open(place->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0 && errno != EEXIST)
		return tt_store_file_error(-errno, VERB, place->path, ret_message);
	if (fd >= 0)
		close(fd);
	return 0;
}

static int place_resolve(const char *path, struct tt_place *place, char **ret_message)
{
	_cleanup_free_ char *copy = NULL, *dir = NULL;
	const char *name = tt_basename(path);

	if (!*name || tt_streq(name, ".") || tt_streq(name, ".."))
		return tt_store_file_error(-EISDIR, VERB, path, ret_message);
	copy = strndup(path, name - path);
	if (!copy)
		return -ENOMEM;
	dir = realpath(*copy ? copy : ".", NULL);
	if (!dir)
		return tt_store_file_error(-errno, VERB " in", *copy ? copy : ".", ret_message);
	if (asprintf(&place->path, "%s/%s", tt_streq(dir, "/") ? "" : dir, name) < 0) {
		place->path = NULL;
		return -ENOMEM;
	}
	return directory_check(place, dir, ret_message);
}

int tt_place_take(const char *path, struct tt_place *ret, char **ret_message)
{
	struct tt_place place = { .lock_fd = -1 };
	int r;

	r = place_resolve(path, &place, ret_message);
	if (r < 0)
		goto out;

	tt_place_enter(&place);
	r = files_check(&place, ret_message);
	if (r >= 0)
		r = lock_take(&place, ret_message);
	if (r >= 0)
		r = file_create(&place, ret_message);
	tt_place_leave(&place);
out:
	if (r < 0) {
		tt_place_release(&place);
		return r;
	}
	*ret = place;
	return 0;
}

void tt_place_release(struct tt_place *place)
{
	if (place->lock_fd >= 0)
		close(place->lock_fd);
	free(place->path);
	*place = (struct tt_place){ .lock_fd = -1 };
}
