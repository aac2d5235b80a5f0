/* SPDX-License-Identifier: Apache-2.0 */
/* agent/sensor/gofunc.c: the stack check at the beginning of Go functions, as compilers from 1.14 to 1.23 write it. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>

#include "sensor/gofunc.h"
#include "util/util.h"

static const struct {
	uint16_t machine;
	const char *code; /* hex */
	unsigned check;
	int on_stack;
} cases[] = {
	/* cmp 0x10(%r14),%rsp; jbe, near and far; what follows is the function */
	{ EM_X86_64, "493b66100f86b40200004883ec78", 10, 0 },
	{ EM_X86_64, "493b6610765b4883ec18", 6, 0 },
	/* lea -0x30(%rsp),%r12; cmp 0x10(%r14),%r12 */
	{ EM_X86_64, "4c8d6424d04d3b66100f8697020000", 15, 0 },
	{ EM_X86_64, "4c8da424d8feffff4d3b66107610", 14, 0 },
	/* mov %fs:-8,%rcx; cmp 0x10(%rcx),%rsp */
	{ EM_X86_64, "64488b0c25f8ffffff483b61100f86e7020000", 19, 1 },
	{ EM_X86_64, "64488b0c25f8ffffff488d4424b0483b41107640", 20, 1 },
	{ EM_X86_64, "64488b0c25f8ffffff488d842450ffffff483b41100f8640000000", 27, 1 },
	/* position-independent, and that relaxed by a linker */
	{ EM_X86_64, "488b0d1122334464488b09483b61107640", 17, 1 },
	{ EM_X86_64, "48c7c1f8ffffff64488b09483b61107640", 17, 1 },
	/* ldr x16,[x28,#16]; cmp sp,x16; b.ls */
	{ EM_AARCH64, "900b40f9ff6330eb49000054", 12, -1 },
	{ EM_AARCH64,
	  "900b40f9f1030091"
	  "3f0210eb"
	  "49000054",
	  16, -1 },
	{ EM_AARCH64,
	  "900b40f9f1c300d1"
	  "3f0210eb"
	  "49000054",
	  16, -1 },
	{ EM_AARCH64,
	  "810b40f9e2030091"
	  "5f0001eb"
	  "89150054",
	  16, -1 },

	/* another limit, another branch, another register, cut short, nothing */
	{ EM_X86_64, "493b66180f86b4020000", 0, -1 },
	{ EM_X86_64, "493b66100f87b4020000", 0, -1 },
	{ EM_X86_64, "493b65100f86b4020000", 0, -1 },
	{ EM_X86_64, "64488b0c25f8ffffff493b6610765b", 0, -1 },
	{ EM_X86_64, "493b66100f86b40200", 0, -1 },
	{ EM_X86_64, "493b66", 0, -1 },
	{ EM_X86_64, "", 0, -1 },
	{ EM_AARCH64, "900b40f9ff6330eb48000054", 0, -1 },
	{ EM_AARCH64, "900b40f9ff6330eb490000", 0, -1 },
	{ EM_AARCH64, "493b66100f86b4020000", 0, -1 },
	{ EM_386, "493b66100f86b4020000", 0, -1 },
};

static unsigned from_hex(const char *hex, unsigned char *ret)
{
	unsigned n = 0;

	for (; *hex; hex += 2)
		assert_int_equal(sscanf(hex, "%2hhx", &ret[n++]), 1);
	return n;
}

static void each_check_is_known_by_its_bytes(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		unsigned char code[64];
		unsigned len = from_hex(cases[i].code, code);
		int on_stack = 5;

		if (tt_gofunc_stack_check(cases[i].machine, code, len, &on_stack) != cases[i].check ||
		    on_stack != cases[i].on_stack)
			fail_msg("%s: %u bytes, on_stack %d", cases[i].code,
				 tt_gofunc_stack_check(cases[i].machine, code, len, &on_stack), on_stack);
	}
}

static void a_program_in_c_has_no_such_function(void **state)
{
	_cleanup_close_ int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct tt_gofunc function;

	assert_int_equal(tt_gofunc_find(fd, "syscall.Getenv", &function), -ENOENT);
	assert_int_equal(tt_gofunc_find(-1, "syscall.Getenv", &function), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_check_is_known_by_its_bytes),
		cmocka_unit_test(a_program_in_c_has_no_such_function),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
