/* SPDX-License-Identifier: Apache-2.0 */
/* look_one [-C DIR] [-c COUNT] [-f] CALL NAME [OTHER [DIRECTORY [OTHERS_DIRECTORY]]]: one call that looks at NAME, or changes it.
 *
 * -C works in DIR, -c makes the call COUNT times, -f gives the name at a bad address; NAME "NULL" is no name at all.
 * OTHER: of a rename, link or symlink the second name, else ignored. DIRECTORY is opened first (O_PATH) and NAME is
 * relative to it, OTHERS_DIRECTORY and OTHER likewise; "" is none. fstat, fchmod, ftruncate, list and list32 open NAME. */
#include "subject.h"

#include <fcntl.h>
#include <linux/stat.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static int dir = AT_FDCWD, other_dir = AT_FDCWD;

/* Not libc's functions, which choose among the calls. */
#define CALL(name, args...) syscall(SYS_##name, ##args)

#define ONE(function, expression)                                                                            \
	static long function(const char *name, const char *other)                                            \
	{                                                                                                    \
		char room[4096];                                                                             \
                                                                                                             \
		(void)room;                                                                                  \
		return expression;                                                                           \
	}

#ifdef SYS_stat
ONE(do_stat, CALL(stat, name, room))
ONE(do_lstat, CALL(lstat, name, room))
ONE(do_access, CALL(access, name, F_OK))
ONE(do_rename, CALL(rename, name, other))
ONE(do_unlink, CALL(unlink, name))
ONE(do_rmdir, CALL(rmdir, name))
ONE(do_link, CALL(link, name, other))
ONE(do_symlink, CALL(symlink, name, other))
ONE(do_chmod, CALL(chmod, name, 0640))
#endif
ONE(do_fstatat, CALL(newfstatat, dir, name, room, 0))
ONE(do_fstatat_empty, CALL(newfstatat, dir, name, room, AT_EMPTY_PATH))
ONE(do_statx, CALL(statx, dir, name, 0, STATX_BASIC_STATS, room))
ONE(do_faccessat, CALL(faccessat, dir, name, R_OK))
ONE(do_faccessat2, CALL(faccessat2, dir, name, R_OK, 0))
ONE(do_renameat2, CALL(renameat2, dir, name, other_dir, other, 0))
ONE(do_linkat, CALL(linkat, dir, name, other_dir, other, 0))
ONE(do_symlinkat, CALL(symlinkat, name, other_dir, other))
ONE(do_unlinkat, CALL(unlinkat, dir, name, 0))
ONE(do_rmdirat, CALL(unlinkat, dir, name, AT_REMOVEDIR))
ONE(do_fchmodat, CALL(fchmodat, dir, name, 0640))
ONE(do_truncate, CALL(truncate, name, 1))
#ifdef SYS_renameat
ONE(do_renameat, CALL(renameat, dir, name, other_dir, other))
#endif

static int opened = -1;

static int open_once(const char *name, int flags)
{
	if (opened < 0)
		opened = open(name, flags);
	if (opened < 0)
		die("%s: %m", name);
	return opened;
}

ONE(do_fstat, CALL(fstat, open_once(name, O_RDONLY), room))
ONE(do_fchmod, CALL(fchmod, open_once(name, O_RDONLY), 0640))
ONE(do_ftruncate, CALL(ftruncate, open_once(name, O_WRONLY), 1))
ONE(do_list, CALL(getdents64, open_once(name, O_RDONLY), room, sizeof(room)))
#ifdef SYS_getdents
ONE(do_list32, CALL(getdents, open_once(name, O_RDONLY), room, sizeof(room)))
#endif

static const struct {
	const char *name;
	long (*call)(const char *name, const char *other);
} calls[] = {
#ifdef SYS_stat
	{ "stat", do_stat },
	{ "lstat", do_lstat },
	{ "access", do_access },
	{ "rename", do_rename },
	{ "unlink", do_unlink },
	{ "rmdir", do_rmdir },
	{ "link", do_link },
	{ "symlink", do_symlink },
	{ "chmod", do_chmod },
#endif
#ifdef SYS_renameat
	{ "renameat", do_renameat },
#endif
#ifdef SYS_getdents
	{ "list32", do_list32 },
#endif
	{ "fstatat", do_fstatat },
	{ "fstatat-empty", do_fstatat_empty },
	{ "statx", do_statx },
	{ "faccessat", do_faccessat },
	{ "faccessat2", do_faccessat2 },
	{ "renameat2", do_renameat2 },
	{ "linkat", do_linkat },
	{ "symlinkat", do_symlinkat },
	{ "unlinkat", do_unlinkat },
	{ "rmdirat", do_rmdirat },
	{ "fchmodat", do_fchmodat },
	{ "truncate", do_truncate },
	{ "fstat", do_fstat },
	{ "fchmod", do_fchmod },
	{ "ftruncate", do_ftruncate },
	{ "list", do_list },
};

static int open_dir(const char *name)
{
	int fd = *name ? open(name, O_PATH) : AT_FDCWD;

	if (fd == -1)
		die("%s: %m", name);
	return fd;
}

int main(int argc, char **argv)
{
	long count = 1, r = 0;
	const char *name;
	int option, fault = 0;

	while ((option = getopt(argc, argv, "+C:c:f")) != -1) {
		if (option == 'c')
			count = number(optarg);
		else if (option == 'f')
			fault = 1;
		else if (option != 'C' || chdir(optarg) < 0)
			die("-%c %s: %m", option, optarg ? optarg : "");
	}
	argc -= optind;
	argv += optind;
	if (argc < 2)
		die("usage: look_one [-C DIR] [-c COUNT] [-f] CALL NAME [OTHER [DIRECTORY "
		    "[OTHERS_DIRECTORY]]]");
	name = fault ? (char *)1 : strcmp(argv[1], "NULL") ? argv[1] : NULL;
	if (argc > 3)
		dir = open_dir(argv[3]);
	if (argc > 4)
		other_dir = open_dir(argv[4]);
	for (unsigned i = 0; i < ARRAY_SIZE(calls); i++) {
		if (strcmp(argv[0], calls[i].name) != 0)
			continue;
		while (count-- > 0)
			r = calls[i].call(name, argc > 2 ? argv[2] : "");
		fact("pid", "%d", getpid());
		fact("result", "%d", result_of(r));
		return 0;
	}
	die("no such call: %s", argv[0]);
}
