/* SPDX-License-Identifier: Apache-2.0 */
/* pid_reuse FIRST SECOND: two processes one after the other with the same pid; the first opens FIRST, the
 * second SECOND. Needs root (clone3 with set_tid). Prints the pid, and the result of making the second. */
#include "raw.h"
#include "subject.h"

#include <linux/sched.h>
#include <sys/syscall.h>

int main(int argc, char **argv)
{
	struct clone_args args = { .exit_signal = RAW_SIGCHLD };
	long first, second;
	pid_t wanted;

	if (argc != 3)
		die("usage: pid_reuse FIRST SECOND");
	first = raw_fork();
	if (first == 0)
		raw_exit(raw_open(argv[1]) < 0);
	raw_wait(first);

	wanted = first;
	args.set_tid = (unsigned long)&wanted;
	args.set_tid_size = 1;
	second = syscall(SYS_clone3, &args, sizeof(args));
	if (second == 0)
		raw_exit(raw_open(argv[2]) < 0);
	fact("pid", "%ld", first);
	fact("again", "%d", result_of(second));
	raw_wait(second);
	return 0;
}
