/* SPDX-License-Identifier: Apache-2.0 */
/* fork_read PATH [CHILDREN]: children of a bare fork open PATH in their first system call, and exit. */
#include "raw.h"
#include "subject.h"

int main(int argc, char **argv)
{
	long children = argc > 2 ? number(argv[2]) : 1;

	if (argc < 2)
		die("usage: fork_read PATH [CHILDREN]");
	for (long i = 0; i < children; i++) {
		long pid = raw_fork();

		if (pid == 0)
			raw_exit(raw_open(argv[1]) < 0);
		raw_wait(pid);
		fact("child", "%ld", pid);
	}
	fact("pid", "%d", getpid());
	return 0;
}
