/* SPDX-License-Identifier: Apache-2.0 */
/* open_renamed KIND DIRECTORY: opens DIRECTORY/before/file, has its name change, and opens it again.
 *
 * The file is made first (which is an open, too) and always opened as `file` in the open directory `before`, so
 * that the caller says the same each time. KIND, between opening it twice and three times more:
 *   above     `before` becomes `after`
 *   file      `file` becomes `moved`, and is opened as that
 *   replaced  another file, `new`, becomes `file`
 *   unlinked  `file` is removed; it is opened through /proc/self/fd */
#include "subject.h"

#include <fcntl.h>
#include <sys/stat.h>

static int parent, dir;

static void open_times(int times, const char *name)
{
	for (int i = 0; i < times; i++) {
		int fd = openat(dir, name, O_RDONLY);

		if (fd < 0)
			die("%s: %m", name);
		close(fd);
	}
}

static void make(const char *name)
{
	int fd = openat(dir, name, O_CREAT | O_EXCL | O_WRONLY, 0600);

	if (fd < 0)
		die("%s: %m", name);
	close(fd);
}

static void change(int from_dir, const char *from, const char *to)
{
	if (renameat(from_dir, from, from_dir, to) < 0)
		die("rename: %m");
}

static const char *above(void)
{
	change(parent, "before", "after");
	return "file";
}

static const char *file(void)
{
	change(dir, "file", "moved");
	return "moved";
}

static const char *replaced(void)
{
	make("new");
	change(dir, "new", "file");
	return "file";
}

static const char *unlinked(void)
{
	static char link[32];
	int fd = openat(dir, "file", O_RDONLY);

	if (fd < 0 || unlinkat(dir, "file", 0) < 0)
		die("unlink: %m");
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return link;
}

static const struct {
	const char *name;
	const char *(*run)(void);
} kinds[] = {
	{ "above", above },
	{ "file", file },
	{ "replaced", replaced },
	{ "unlinked", unlinked },
};

int main(int argc, char **argv)
{
	parent = argc == 3 ? open(argv[2], O_PATH | O_DIRECTORY) : -1;
	if (parent < 0)
		die("usage: open_renamed above|file|replaced|unlinked DIRECTORY");
	if (mkdirat(parent, "before", 0700) < 0)
		die("before: %m");
	dir = openat(parent, "before", O_PATH | O_DIRECTORY);
	make("file");
	for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (strcmp(argv[1], kinds[i].name) != 0)
			continue;
		open_times(2, "file");
		open_times(3, kinds[i].run());
		fact("pid", "%d", getpid());
		return 0;
	}
	die("no such kind: %s", argv[1]);
}
