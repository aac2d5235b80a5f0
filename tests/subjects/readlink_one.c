/* SPDX-License-Identifier: Apache-2.0 */
/* readlink_one CALL PATH [DIRECTORY]: reads a link, or fails to. CALL: readlink readlinkat. */
#include "subject.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/syscall.h>

int main(int argc, char **argv)
{
	char target[PATH_MAX];
	int dir = AT_FDCWD;
	long n;

	if (argc < 3)
		die("usage: readlink_one readlink|readlinkat PATH [DIRECTORY]");
	if (argc > 3) {
		dir = open(argv[3], O_PATH);
		if (dir < 0)
			die("%s: %m", argv[3]);
	}
#ifdef SYS_readlink
	if (strcmp(argv[1], "readlink") == 0)
		n = syscall(SYS_readlink, argv[2], target, sizeof(target));
	else
#endif
		n = syscall(SYS_readlinkat, dir, argv[2], target, sizeof(target));
	fact("result", "%d", result_of(n));
	fact("pid", "%d", getpid());
	if (n >= 0)
		fact("target", "%.*s", (int)n, target);
	return 0;
}
