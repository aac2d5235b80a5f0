/* SPDX-License-Identifier: Apache-2.0 */
/* open_renamed DIRECTORY: opens DIRECTORY/before/file, renames `before` to `after`, opens the file again. */
#include "subject.h"

#include <fcntl.h>
#include <sys/stat.h>

static int open_at(int dir, const char *path, int flags)
{
	int fd = openat(dir, path, flags, 0600), result = result_of(fd);

	if (fd >= 0)
		close(fd);
	return result;
}

int main(int argc, char **argv)
{
	int dir = argc == 2 ? open(argv[1], O_PATH | O_DIRECTORY) : -1;

	if (dir < 0)
		die("usage: open_renamed DIRECTORY");
	if (mkdirat(dir, "before", 0700) < 0 || open_at(dir, "before/file", O_CREAT | O_WRONLY) < 0)
		die("before/file: %m");
	fact("before", "%d", open_at(dir, "before/file", O_RDONLY));
	if (renameat(dir, "before", dir, "after") < 0)
		die("rename: %m");
	fact("after", "%d", open_at(dir, "after/file", O_RDONLY));
	fact("pid", "%d", getpid());
	return 0;
}
