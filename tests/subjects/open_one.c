/* SPDX-License-Identifier: Apache-2.0 */
/* open_one [OPTION...] CALL PATH [MODE [DIRECTORY]]: opens PATH once, or fails to.
 *
 * Options set the scene, in their order: -C DIR (work there), -r DIR (that is the root directory), -u UID,
 * -b FROM:TO (bind mount), -t DIR (tmpfs; both in a mount namespace of its own), -D DIR (works in a mount of DIR that is
 * mounted nowhere), -f (PATH is at a bad address), -R (openat2: PATH begins at DIRECTORY, whatever it begins with).
 * CALL: open openat openat2 creat handle (open_by_handle_at: needs root, opens PATH's directory before).
 * MODE: letters r w (both: read and write), c create, x exclusive, t truncate, p O_PATH, d directory,
 * l do not follow a link; default r. DIRECTORY is opened first (O_PATH) and PATH is relative to it. */
#include "subject.h"

#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

static int do_open(int dir, const char *path, int flags)
{
#ifdef SYS_open
	if (dir == AT_FDCWD)
		return syscall(SYS_open, path, flags, 0600);
#endif
	return syscall(SYS_openat, dir, path, flags, 0600);
}

static int do_openat(int dir, const char *path, int flags)
{
	return syscall(SYS_openat, dir, path, flags, 0600);
}

static int resolve;

static int do_openat2(int dir, const char *path, int flags)
{
	struct open_how how = { .flags = flags, .mode = flags & O_CREAT ? 0600 : 0, .resolve = resolve };

	return syscall(SYS_openat2, dir, path, &how, sizeof(how));
}

static int do_creat(int dir, const char *path, int flags)
{
#ifdef SYS_creat
	return syscall(SYS_creat, path, 0600);
#else
	return syscall(SYS_openat, AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, 0600);
#endif
}

static int do_handle(int dir, const char *path, int flags)
{
	union {
		struct file_handle handle;
		char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} u = { .handle.handle_bytes = MAX_HANDLE_SZ };
	char directory[PATH_MAX];
	int mount_id, mount;

	if (name_to_handle_at(AT_FDCWD, path, &u.handle, &mount_id, AT_SYMLINK_FOLLOW) < 0)
		return -1;
	/* Any other file of the same file system will do; O_PATH is refused. */
	snprintf(directory, sizeof(directory), "%s", path);
	mount = open(dirname(directory), O_RDONLY | O_DIRECTORY);
	if (mount < 0)
		die("%s: %m", directory);
	return open_by_handle_at(mount, &u.handle, flags);
}

static const struct {
	const char *name;
	int (*call)(int dir, const char *path, int flags);
} calls[] = {
	{ "open", do_open },   { "openat", do_openat }, { "openat2", do_openat2 },
	{ "creat", do_creat }, { "handle", do_handle },
};

static int flags_of(const char *mode)
{
	static const struct {
		char letter;
		int flags;
	} letters[] = {
		{ 'c', O_CREAT }, { 'x', O_EXCL },	{ 't', O_TRUNC },
		{ 'p', O_PATH },  { 'd', O_DIRECTORY }, { 'l', O_NOFOLLOW },
	};
	int flags = 0;

	if (strchr(mode, 'w'))
		flags = strchr(mode, 'r') ? O_RDWR : O_WRONLY;
	for (unsigned i = 0; i < ARRAY_SIZE(letters); i++)
		if (strchr(mode, letters[i].letter))
			flags |= letters[i].flags;
	return flags;
}

static int private_mounts(void)
{
	return unshare(CLONE_NEWNS) < 0 ? -1 : mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

static int bind_mount(char *from)
{
	char *to = strchr(from, ':');

	if (!to)
		die("-b FROM:TO");
	*to++ = 0;
	return private_mounts() < 0 ? -1 : mount(from, to, NULL, MS_BIND, NULL);
}

static int detached_mount(const char *from)
{
	int dir = syscall(SYS_open_tree, AT_FDCWD, from, OPEN_TREE_CLONE);

	return dir < 0 ? -1 : fchdir(dir);
}

static int set_scene(int option)
{
	switch (option) {
	case 'C':
		return chdir(optarg);
	case 'r':
		return chroot(optarg) < 0 ? -1 : chdir("/");
	case 'u':
		return setresuid(number(optarg), number(optarg), number(optarg));
	case 'b':
		return bind_mount(optarg);
	case 't':
		return private_mounts() < 0 ? -1 : mount("tmpfs", optarg, "tmpfs", 0, NULL);
	case 'D':
		return detached_mount(optarg);
	default:
		die("usage: open_one [-C DIR] [-r DIR] [-u UID] [-b FROM:TO] [-t DIR] [-D DIR] [-f] [-R] "
		    "CALL PATH [MODE [DIRECTORY]]");
	}
}

int main(int argc, char **argv)
{
	int dir = AT_FDCWD, fd, result, option, fault = 0;
	struct stat st;

	while ((option = getopt(argc, argv, "+C:r:u:b:t:D:fR")) != -1) {
		if (option == 'f')
			fault = 1;
		else if (option == 'R')
			resolve = RESOLVE_IN_ROOT;
		else if (set_scene(option) < 0)
			die("-%c: %m", option);
	}
	argc -= optind - 1;
	argv += optind - 1;
	if (argc < 3)
		set_scene('?');
	if (argc > 4) {
		dir = open(argv[4], O_PATH);
		if (dir < 0)
			die("%s: %m", argv[4]);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(calls); i++) {
		if (strcmp(argv[1], calls[i].name) != 0)
			continue;
		fd = calls[i].call(dir, fault ? (char *)1 : argv[2], flags_of(argc > 3 ? argv[3] : "r"));
		result = result_of(fd);
		fact("pid", "%d", getpid());
		fact("result", "%d", result);
		if (fd >= 0 && fstat(fd, &st) == 0) {
			fact("dev", "%u:%u", major(st.st_dev), minor(st.st_dev));
			fact("ino", "%llu", (unsigned long long)st.st_ino);
		}
		return 0;
	}
	die("no such call: %s", argv[1]);
}
