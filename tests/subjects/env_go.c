/* SPDX-License-Identifier: Apache-2.0 */
/* env_go NAME [TIMES]: looks a variable up as a Go program does: static, a function of the symbol
 * `syscall.Getenv` called with Go's register convention (the string's address in the first register, its
 * length, without NUL, in the second), and the marks by which a Go binary is known. x86-64 and arm64. */
#include "subject.h"

/* Where Go's own tools look for the build information. */
__attribute__((section(".go.buildinfo"), used, aligned(16))) static const char build_info[32] =
	"\xff Go buildinf:\x08\x02";

#if defined(__x86_64__)
__asm__(".text\n"
	".globl syscall.Getenv\n"
	".type syscall.Getenv, @function\n"
	"syscall.Getenv:\n"
	"	xor %eax, %eax\n"
	"	xor %ebx, %ebx\n"
	"	xor %ecx, %ecx\n"
	"	ret\n"
	".size syscall.Getenv, . - syscall.Getenv\n");

static void go_getenv(const char *name, size_t len)
{
	__asm__ volatile("call syscall.Getenv" : "+a"(name), "+b"(len) : : "rcx", "memory", "cc");
}
#elif defined(__aarch64__)
__asm__(".text\n"
	".globl syscall.Getenv\n"
	".type syscall.Getenv, %function\n"
	"syscall.Getenv:\n"
	"	mov x0, #0\n"
	"	mov x1, #0\n"
	"	ret\n"
	".size syscall.Getenv, . - syscall.Getenv\n");

static void go_getenv(const char *name, size_t len)
{
	register const char *x0 __asm__("x0") = name;
	register size_t x1 __asm__("x1") = len;

	__asm__ volatile("bl syscall.Getenv" : "+r"(x0), "+r"(x1) : : "x2", "x30", "memory", "cc");
}
#endif

int main(int argc, char **argv)
{
	long times = argc > 2 ? number(argv[2]) : 1;

	if (argc < 2)
		die("usage: env_go NAME [TIMES]");
	for (long i = 0; i < times; i++)
		go_getenv(argv[1], strlen(argv[1]));
	fact("pid", "%d", getpid());
	return 0;
}
