/* SPDX-License-Identifier: Apache-2.0 */
/* What the programs' code has to have in it for kernels that preempt: calls that become the kernel's, or nothing; and in
 * those of uprobes a tail call, without which a second run on a CPU would overwrite the first one's stack. */
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "sensor/kcall.h"
#include "telltale.skel.h"
#include "util/util.h"

static const struct tt_kcalls there = { .id = { 1001, 1002, 1003, 1004 } }, missing;

static unsigned calls(const struct bpf_program *program, unsigned kind, int32_t id)
{
	const struct bpf_insn *code = bpf_program__insns(program);
	unsigned n = 0;

	for (size_t i = 0; i < bpf_program__insn_cnt(program); i++)
		n += code[i].code == (BPF_JMP | BPF_CALL) && code[i].src_reg == kind && code[i].imm == id;
	return n;
}

static bool has_prefix(const struct bpf_program *program, const char *prefix)
{
	return strncmp(bpf_program__name(program), prefix, strlen(prefix)) == 0;
}

/* Iterators are never taken for recursion; uprobes' programs may sleep. */
static bool may_be_missed(const struct bpf_program *program)
{
	return !has_prefix(program, "it_") && !has_prefix(program, "up_");
}

static void becomes_the_kernels(void **state)
{
	struct telltale_bpf *skel = telltale_bpf__open();
	struct bpf_program *program;

	assert_non_null(skel);
	bpf_object__for_each_program(program, skel->obj)
	{
		unsigned expected = may_be_missed(program);

		for (unsigned i = 0; i < TT_KERNEL_CALLS; i++)
			assert_int_equal(calls(program, 0, TT_KERNEL_CALL_FIRST + i), expected);
		assert_int_equal(tt_kcalls_put(&there, program), 0);
		for (unsigned i = 0; i < TT_KERNEL_CALLS; i++) {
			assert_int_equal(calls(program, 0, TT_KERNEL_CALL_FIRST + i), 0);
			assert_int_equal(calls(program, BPF_PSEUDO_KFUNC_CALL, there.id[i]), expected);
		}
	}
	telltale_bpf__destroy(skel);
}

static void becomes_nothing(void **state)
{
	struct telltale_bpf *skel = telltale_bpf__open();
	struct bpf_program *program;

	assert_non_null(skel);
	bpf_object__for_each_program(program, skel->obj)
	{
		size_t n = bpf_program__insn_cnt(program);
		unsigned others = calls(program, 0, BPF_FUNC_ktime_get_boot_ns);

		assert_int_equal(tt_kcalls_put(&missing, program), 0);
		for (unsigned i = 0; i < TT_KERNEL_CALLS; i++)
			assert_int_equal(calls(program, 0, TT_KERNEL_CALL_FIRST + i), 0);
		assert_int_equal(calls(program, BPF_PSEUDO_KFUNC_CALL, 0), 0);
		assert_int_equal(calls(program, 0, BPF_FUNC_ktime_get_boot_ns), others);
		assert_int_equal(bpf_program__insn_cnt(program), n);
	}
	telltale_bpf__destroy(skel);
}

static void all_or_none(void **state)
{
	struct tt_ktypes *kernel = NULL;
	struct tt_kcalls found;
	unsigned n = 0;

	/* without types none is found either */
	if (tt_ktypes_open(TT_KTYPES_PATH, &kernel) < 0)
		assert_null(kernel);
	tt_kcalls_find(kernel, &found);
	tt_ktypes_free(kernel);
	for (unsigned i = 0; i < TT_KERNEL_CALLS; i++)
		n += found.id[i] > 0;
	assert_true(n == 0 || n == TT_KERNEL_CALLS);
}

static void uprobes_keep_to_the_task_stack(void **state)
{
	struct telltale_bpf *skel = telltale_bpf__open();
	struct bpf_program *program;
	unsigned n = 0;

	assert_non_null(skel);
	bpf_object__for_each_program(program, skel->obj)
	{
		if (!has_prefix(program, "up_"))
			continue;
		assert_true(calls(program, 0, BPF_FUNC_tail_call) > 0);
		n++;
	}
	assert_int_equal(n, 8);
	telltale_bpf__destroy(skel);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(becomes_the_kernels),
		cmocka_unit_test(becomes_nothing),
		cmocka_unit_test(all_or_none),
		cmocka_unit_test(uprobes_keep_to_the_task_stack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
