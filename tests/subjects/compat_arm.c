/* SPDX-License-Identifier: Apache-2.0 */
/* compat-arm CALL ARGUMENT: what compat.c does on x86-64, on arm64: there 32-bit calls need a 32-bit program. It has no C
 * library, so that none has to be there.
 *   open PATH, openat PATH, creat PATH, readlink PATH, connect PORT (to 127.0.0.1) */

/* arch/arm/tools/syscall.tbl */
enum {
	NR_WRITE = 4,
	NR_OPEN = 5,
	NR_CREAT = 8,
	NR_GETPID = 20,
	NR_ACCESS = 33,
	NR_READLINK = 85,
	NR_EXIT_GROUP = 248,
	NR_SOCKET = 281,
	NR_CONNECT = 283,
	NR_OPENAT = 322,
};

#define AT_FDCWD    -100
#define AF_INET	    2
#define SOCK_STREAM 1

static long call(long nr, long a, long b, long c, long d)
{
	register long r7 __asm__("r7") = nr;
	register long r0 __asm__("r0") = a;
	register long r1 __asm__("r1") = b;
	register long r2 __asm__("r2") = c;
	register long r3 __asm__("r3") = d;

	__asm__ volatile("svc 0" : "+r"(r0) : "r"(r7), "r"(r1), "r"(r2), "r"(r3) : "memory");
	return r0;
}

static int equal(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

static long do_open(const char *arg)
{
	return call(NR_OPEN, (long)arg, 0, 0, 0);
}

static long do_openat(const char *arg)
{
	return call(NR_OPENAT, AT_FDCWD, (long)arg, 0, 0);
}

static long do_creat(const char *arg)
{
	/* creat empties what is there */
	return call(NR_ACCESS, (long)arg, 0, 0, 0) == 0 ? -1 : call(NR_CREAT, (long)arg, 0600, 0, 0);
}

static long do_readlink(const char *arg)
{
	static char target[4096];

	return call(NR_READLINK, (long)arg, (long)target, sizeof(target), 0);
}

static long do_connect(const char *arg)
{
	unsigned char to[16] = { AF_INET, 0, 0, 0, 127, 0, 0, 1 };
	unsigned port = 0;

	for (; *arg; arg++)
		port = port * 10 + (unsigned)(*arg - '0');
	to[2] = (unsigned char)(port >> 8);
	to[3] = (unsigned char)port;
	return call(NR_CONNECT, call(NR_SOCKET, AF_INET, SOCK_STREAM, 0, 0), (long)to, sizeof(to), 0);
}

static const struct {
	const char *name;
	long (*call)(const char *arg);
} calls[] = {
	{ "open", do_open },	     { "openat", do_openat },	{ "creat", do_creat },
	{ "readlink", do_readlink }, { "connect", do_connect },
};

/* "name=value\n" */
static void fact(const char *name, long value)
{
	char line[64], *end = line + sizeof(line), *p = end;
	unsigned long rest = value < 0 ? -(unsigned long)value : (unsigned long)value;

	*--p = '\n';
	do
		*--p = (char)('0' + rest % 10);
	while (rest /= 10);
	if (value < 0)
		*--p = '-';
	for (const char *n = name; *n; n++)
		call(NR_WRITE, 1, (long)n, 1, 0);
	call(NR_WRITE, 1, (long)"=", 1, 0);
	call(NR_WRITE, 1, (long)p, end - p, 0);
}

__attribute__((noreturn, used)) static void arm_main(long *stack)
{
	char **argv = (char **)(stack + 1);
	long status = 1, result;

	for (unsigned i = 0; stack[0] == 3 && i < sizeof(calls) / sizeof(calls[0]); i++) {
		if (!equal(argv[1], calls[i].name))
			continue;
		result = calls[i].call(argv[2]);
		fact("pid", call(NR_GETPID, 0, 0, 0, 0));
		fact("result", result < 0 ? result : 0);
		status = 0;
	}
	for (;;)
		call(NR_EXIT_GROUP, status, 0, 0, 0);
}

__asm__(".globl _start\n"
	"_start: mov r0, sp\n"
	"	b arm_main\n");
