/* SPDX-License-Identifier: Apache-2.0 */
/* System calls without a C library in between, for subjects whose very first call matters.
 * x86-64 and arm64. */
#ifndef TT_TESTS_RAW_H
#define TT_TESTS_RAW_H

#include <asm/unistd.h>

#define RAW_AT_FDCWD -100
#define RAW_SIGCHLD  17

static inline __attribute__((always_inline)) long raw6(long nr, long a, long b, long c, long d, long e,
						       long f)
{
#if defined(__x86_64__)
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "0"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
#else
#error "raw system calls are not written for this machine"
#endif
}

#define raw1(nr, a)	     raw6(nr, (long)(a), 0, 0, 0, 0, 0)
#define raw4(nr, a, b, c, d) raw6(nr, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)

/* fork(2) with nothing around it: the child's next system call is the caller's. */
static inline __attribute__((always_inline)) long raw_fork(void)
{
	return raw6(__NR_clone, RAW_SIGCHLD, 0, 0, 0, 0, 0);
}

/* Opens for reading; a file descriptor or -errno. */
static inline __attribute__((always_inline)) long raw_open(const char *path)
{
	return raw4(__NR_openat, RAW_AT_FDCWD, path, 0, 0);
}

static inline __attribute__((always_inline)) long raw_wait(long pid)
{
	return raw4(__NR_wait4, pid, 0, 0, 0);
}

static inline __attribute__((always_inline)) void raw_exit(int status)
{
	raw1(__NR_exit_group, status);
}

#endif
