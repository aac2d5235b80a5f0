/* SPDX-License-Identifier: Apache-2.0 */
/* fork_exec_loop TIMES [PROGRAM [ARGUMENT...]]: forks so often; each child executes PROGRAM, or just exits. */
#include "subject.h"

#include <sys/wait.h>

int main(int argc, char **argv)
{
	long times;
	volatile long done = 0, failed = 0; /* vfork's child must not be thought to change them */

	if (argc < 2)
		die("usage: fork_exec_loop TIMES [PROGRAM [ARGUMENT...]]");
	times = number(argv[1]);
	for (volatile long i = 0; i < times; i++) {
		int status = 0;
		pid_t pid = argc > 2 ? vfork() : fork();

		if (pid == 0) {
			if (argc > 2)
				execv(argv[2], argv + 2);
			_exit(argc > 2 ? 127 : 0);
		}
		if (pid < 0)
			die("fork %ld: %m", i);
		waitpid(pid, &status, 0);
		done++;
		failed += status != 0;
	}
	fact("pid", "%d", getpid());
	fact("children", "%ld", done);
	fact("failed", "%ld", failed);
	return 0;
}
