/* SPDX-License-Identifier: Apache-2.0 */
/* compat CALL ARGUMENT...: system calls of a 32-bit program, made from a 64-bit one. x86-64 only.
 *
 * `int 0x80` enters the kernel as ia32 whatever the program is; pointers have to lie below 4 GiB, so the
 * arguments are copied there. No 32-bit compiler or library is needed.
 *   open PATH, openat PATH, creat PATH, readlink PATH, connect PORT, socketcall PORT (both to 127.0.0.1),
 *   x32 PATH (open with the x32 bit set; kernels without x32 say -ENOSYS) */
#include "subject.h"

#ifdef __x86_64__
#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>

/* From arch/x86/entry/syscalls/syscall_32.tbl; the 64-bit headers do not have them. */
enum {
	IA32_OPEN = 5,
	IA32_CREAT = 8,
	IA32_READLINK = 85,
	IA32_SOCKETCALL = 102,
	IA32_OPENAT = 295,
	IA32_CONNECT = 362,
	IA32_SYS_CONNECT = 3, /* first argument of socketcall */
	X32_BIT = 0x40000000,
	X32_OPEN = X32_BIT | 2,
};

static char *low; /* memory below 4 GiB */

static long int80(long nr, long a, long b, long c, long d)
{
	long ret;

	__asm__ volatile("int $0x80"
			 : "=a"(ret)
			 : "0"(nr), "b"(a), "c"(b), "d"(c), "S"(d)
			 : "memory", "r8", "r9", "r10", "r11");
	return ret;
}

static long low_string(const char *text)
{
	return (long)strncpy(low, text, 4095);
}

static long do_open(const char *arg)
{
	return int80(IA32_OPEN, low_string(arg), O_RDONLY, 0, 0);
}

static long do_openat(const char *arg)
{
	return int80(IA32_OPENAT, AT_FDCWD, low_string(arg), O_RDONLY, 0);
}

static long do_creat(const char *arg)
{
	/* creat empties what is there: a test that names the wrong file as root must not cost that file. */
	if (access(arg, F_OK) == 0)
		die("%s exists", arg);
	return int80(IA32_CREAT, low_string(arg), 0600, 0, 0);
}

static long do_readlink(const char *arg)
{
	return int80(IA32_READLINK, low_string(arg), (long)low + 4096, 4096, 0);
}

static long connect_with(const char *arg, int indirect)
{
	struct sockaddr_in *to = (struct sockaddr_in *)low;
	unsigned *args = (unsigned *)(low + 64);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	*to = (struct sockaddr_in){ .sin_family = AF_INET,
				    .sin_port = htons(number(arg)),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	args[0] = fd;
	args[1] = (unsigned)(long)to;
	args[2] = sizeof(*to);
	if (indirect)
		return int80(IA32_SOCKETCALL, IA32_SYS_CONNECT, (long)args, 0, 0);
	return int80(IA32_CONNECT, fd, (long)to, sizeof(*to), 0);
}

static long do_connect(const char *arg)
{
	return connect_with(arg, 0);
}

static long do_socketcall(const char *arg)
{
	return connect_with(arg, 1);
}

static long do_x32(const char *arg)
{
	long ret = syscall(X32_OPEN, low_string(arg), O_RDONLY, 0);

	return ret < 0 ? -errno : ret;
}

static const struct {
	const char *name;
	long (*call)(const char *arg);
} calls[] = {
	{ "open", do_open },	     { "openat", do_openat },	{ "creat", do_creat },
	{ "readlink", do_readlink }, { "connect", do_connect }, { "socketcall", do_socketcall },
	{ "x32", do_x32 },
};

int main(int argc, char **argv)
{
	long r;

	low = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if (low == MAP_FAILED)
		die("no memory below 4 GiB: %m");
	for (unsigned i = 0; argc == 3 && i < ARRAY_SIZE(calls); i++) {
		if (strcmp(argv[1], calls[i].name) != 0)
			continue;
		r = calls[i].call(argv[2]);
		fact("pid", "%d", getpid());
		fact("result", "%ld", r < 0 ? r : 0);
		return 0;
	}
	die("usage: compat open|openat|creat|readlink|connect|socketcall|x32 ARGUMENT");
}
#else
int main(void)
{
	die("not on this machine");
}
#endif
