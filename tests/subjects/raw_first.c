/* SPDX-License-Identifier: Apache-2.0 */
/* raw_first FIRST SECOND: no C library. The very first system call after exec opens FIRST; the child of
 * a bare fork opens SECOND in its first. Exits with 0 if both opens succeeded. Prints nothing. */
#include "raw.h"

__attribute__((noreturn)) void raw_main(long *stack);

__attribute__((used)) void raw_main(long *stack)
{
	const char **argv = (const char **)(stack + 1);
	long first = raw_open(argv[1]), pid = raw_fork();
	int status = 0;

	if (pid == 0)
		raw_exit(raw_open(argv[2]) < 0);
	raw4(__NR_wait4, pid, &status, 0, 0);
	raw_exit(first < 0 || status != 0);
	__builtin_unreachable();
}

#if defined(__x86_64__)
__asm__(".globl _start\n"
	"_start: mov %rsp, %rdi\n"
	"	and $-16, %rsp\n"
	"	call raw_main\n");
#elif defined(__aarch64__)
__asm__(".globl _start\n"
	"_start: mov x0, sp\n"
	"	bl raw_main\n");
#endif
