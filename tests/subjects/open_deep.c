/* SPDX-License-Identifier: Apache-2.0 */
/* open_deep DIRECTORY COMPONENTS LENGTH: opens a file that lies so many directories below DIRECTORY.
 *
 * Every directory's name has LENGTH bytes; the file is called `leaf`. Made and walked one component at a
 * time, so that depth and length may go beyond what one path argument can say; the open that counts is
 * the last one, `leaf` relative to its directory. With a fourth argument `whole`, the file is opened a
 * second time by its whole path (which then has to fit PATH_MAX). Prints the whole path. */
#include "subject.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

int main(int argc, char **argv)
{
	char name[NAME_MAX + 1], *path, *end;
	long components, length;
	int dir, fd;

	if (argc < 4)
		die("usage: open_deep DIRECTORY COMPONENTS LENGTH [whole]");
	components = number(argv[2]);
	length = number(argv[3]);
	if (length < 1 || length > NAME_MAX)
		die("a name has 1 to %d bytes", NAME_MAX);
	memset(name, 'd', length);
	name[length] = 0;
	path = malloc(strlen(argv[1]) + components * (length + 1) + sizeof("/leaf"));
	if (!path)
		die("out of memory");
	end = stpcpy(path, argv[1]);

	dir = open(argv[1], O_PATH | O_DIRECTORY);
	for (long i = 0; i < components; i++) {
		int below;

		if (mkdirat(dir, name, 0700) < 0 && errno != EEXIST)
			die("mkdirat: %m");
		below = openat(dir, name, O_PATH | O_DIRECTORY);
		close(dir);
		dir = below;
		*end++ = '/';
		end = stpcpy(end, name);
	}
	strcpy(end, "/leaf");
	fd = openat(dir, "leaf", O_RDONLY | O_CREAT, 0600);
	if (fd < 0)
		die("leaf: %m");
	close(fd);
	fd = openat(dir, "leaf", O_RDONLY);
	fact("pid", "%d", getpid());
	fact("result", "%d", result_of(fd));
	if (argc > 4) {
		fd = open(path, O_RDONLY);
		fact("whole", "%d", result_of(fd));
	}
	fact("bytes", "%zu", strlen(path));
	fact("path", "%s", path);
	free(path);
	return 0;
}
