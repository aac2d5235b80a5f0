/* SPDX-License-Identifier: Apache-2.0 */
/* env_go NAME [TIMES [ALL]]: looks a variable up as a Go program does, TIMES, and ALL variables at once, so often.
 *
 * Static, with the marks by which a Go binary is known: functions of the symbols `syscall.Getenv` and `syscall.Environ`,
 * the table that leads to them in a stripped one, and their check whether the stack has room, which here fails each first
 * time, so that each function is begun twice. Arguments (the string's address and its length, without NUL) are in
 * registers, as since Go 1.17, with a table of 1.20; with ON_STACK on the stack, with a table of 1.16. x86-64 and arm64. */
#include "subject.h"

#include <stdint.h>

/* Where Go's own tools look for the build information. */
__attribute__((section(".go.buildinfo"), used, aligned(16))) static const char build_info[32] =
	"\xff Go buildinf:\x08\x02";

/* What Go knows of a goroutine, as far as the check reads it. */
struct goroutine {
	uint64_t stack[2], limit;
};

/* The one that runs, and where a thread's own memory has that, for code that is built without knowing. */
static struct goroutine go;
static __thread struct goroutine *volatile go_runs;
uint64_t go_at;

#if defined(__x86_64__)
#define FUNCTION "@function"
#define UNIT	 "1"
#ifdef ON_STACK
#define CHECK "mov go_at(%rip), %rcx\nmov %fs:(%rcx), %rcx\ncmp 16(%rcx), %rsp\njbe 1f\n"
#define ROOM  "1:	movq $0, 16(%rcx)\n"
#else
#define CHECK "cmp 16(%r14), %rsp\njbe 1f\n"
#define ROOM  "1:	movq $0, 16(%r14)\n"
#endif
#define RETURN	  "xor %eax, %eax\nxor %ebx, %ebx\nxor %ecx, %ecx\nret\n"
#define AGAIN(at) "jmp " at "\n"
#elif defined(__aarch64__)
#define FUNCTION  "%function"
#define UNIT	  "4"
#define CHECK	  "ldr x16, [x28, #16]\ncmp sp, x16\nb.ls 1f\n"
#define ROOM	  "1:	str xzr, [x28, #16]\n"
#define RETURN	  "mov x0, #0\nmov x1, #0\nret\n"
#define AGAIN(at) "b " at "\n"
#endif

#define GO_FUNCTION(name)                                                                                    \
	".globl " name "\n"                                                                                  \
	".type " name ", " FUNCTION "\n" name ":\n" CHECK RETURN ROOM                                        \
	AGAIN(name) ".size " name ", . - " name "\n"

__asm__(".text\n.balign 16\ngo_text:\n" GO_FUNCTION("syscall.Getenv") GO_FUNCTION("syscall.Environ"));

/* Header, names, the list of functions, their descriptions: util/pclntab.c reads what Go's linker writes like this. */
#ifdef ON_STACK
#define MAGIC "0xfffffffa"
#define TEXT  ""
#define START ".quad "
#define FROM  ""
#else
#define MAGIC "0xfffffff1"
#define TEXT  "go_text, "
#define START ".long "
#define FROM  " - go_text"
#endif
__asm__(".section .gopclntab, \"a\"\n"
	".balign 32\n"
	"0: .long " MAGIC "\n"
	".byte 0, 0, " UNIT ", 8\n"
	".quad 2, 0, " TEXT "2f - 0b, 0, 0, 0, 3f - 0b\n"
	"2: .asciz \"\"\n"
	"4: .asciz \"syscall.Getenv\"\n"
	"5: .asciz \"syscall.Environ\"\n"
	".balign 8\n"
	"3: " START "syscall.Getenv" FROM ", 6f - 3b, syscall.Environ" FROM ", 7f - 3b\n"
	"6: " START "syscall.Getenv" FROM "\n"
	".long 4b - 2b\n"
	".balign 8\n"
	"7: " START "syscall.Environ" FROM "\n"
	".long 5b - 2b\n"
	".text\n");

#if defined(__x86_64__) && defined(ON_STACK)
#define CALL(function)                                                                                       \
	__asm__ volatile("sub $64, %%rsp\n mov %0, (%%rsp)\n mov %1, 8(%%rsp)\n call " function              \
			 "\n add $64, %%rsp"                                                                 \
			 :                                                                                   \
			 : "S"(name), "D"(len)                                                               \
			 : "rax", "rbx", "rcx", "memory", "cc")
#elif defined(__x86_64__)
#define CALL(function)                                                                                       \
	__asm__ volatile("mov %2, %%r14\n call " function                                                    \
			 : "+a"(name), "+b"(len)                                                             \
			 : "S"(&go)                                                                          \
			 : "rcx", "r14", "memory", "cc")
#elif defined(ON_STACK)
#define CALL(function)                                                                                       \
	__asm__ volatile(                                                                                    \
		"mov x28, %2\n sub sp, sp, #64\n str %0, [sp, #8]\n str %1, [sp, #16]\n bl " function        \
		"\n add sp, sp, #64"                                                                         \
		:                                                                                            \
		: "r"(name), "r"(len), "r"(&go)                                                              \
		: "x0", "x1", "x16", "x28", "x30", "memory", "cc")
#else
#define CALL(function)                                                                                       \
	do {                                                                                                 \
		register const char *x0 __asm__("x0") = name;                                                \
		register size_t x1 __asm__("x1") = len;                                                      \
                                                                                                             \
		__asm__ volatile("mov x28, %2\n bl " function                                                \
				 : "+r"(x0), "+r"(x1)                                                        \
				 : "r"(&go)                                                                  \
				 : "x16", "x28", "x30", "memory", "cc");                                     \
	} while (0)
#endif

static void go_getenv(const char *name, size_t len)
{
	go.limit = UINT64_MAX;
	CALL("syscall.Getenv");
}

static void go_environ(void)
{
	const char *name = "";
	size_t len = 0;

	go.limit = UINT64_MAX;
	CALL("syscall.Environ");
}

int main(int argc, char **argv)
{
	long times = argc > 2 ? number(argv[2]) : 1, all = argc > 3 ? number(argv[3]) : 0;

	if (argc < 2)
		die("usage: env_go NAME [TIMES [ALL]]");
	go_runs = &go;
	go_at = (uint64_t)&go_runs - (uint64_t)__builtin_thread_pointer();
	for (long i = 0; i < times; i++)
		go_getenv(argv[1], strlen(argv[1]));
	for (long i = 0; i < all; i++)
		go_environ();
	fact("pid", "%d", getpid());
	return 0;
}
