/* SPDX-License-Identifier: Apache-2.0 */
/* What the programs' code has to have in it for kernels that preempt: calls that become the kernel's, or nothing; and in
 * those of uprobes a tail call, without which a second run on a CPU would overwrite the first one's stack. */
#include <bpf/libbpf.h>
#include <elf.h>
#include <linux/bpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "sensor/kcall.h"
#include "telltale.skel.h"
#include "util/util.h"

static const struct tt_kcalls there = { .id = { 1001, 1002, 1003, 1004, 1005 } }, missing;

/* The object's file, to be changed. */
struct object {
	struct telltale_bpf *skel;
	void *file;
	size_t size;
};

static struct object object_get(void)
{
	struct object object = { .skel = calloc(1, sizeof(*object.skel)) };

	assert_non_null(object.skel);
	assert_int_equal(telltale_bpf__create_skeleton(object.skel), 0);
	object.size = object.skel->skeleton->data_sz;
	object.file = malloc(object.size);
	assert_non_null(object.file);
	memcpy(object.file, object.skel->skeleton->data, object.size);
	object.skel->skeleton->data = object.file;
	return object;
}

static void object_put(struct object *object)
{
	telltale_bpf__destroy(object->skel);
	free(object->file);
}

static struct object object_open(const struct tt_kcalls *calls)
{
	struct object object = object_get();

	if (calls)
		assert_int_equal(tt_kcalls_put(calls, object.file, object.size), 0);
	assert_int_equal(bpf_object__open_skeleton(object.skel->skeleton, NULL), 0);
	return object;
}

/* Anywhere in the file, in which code is aligned: also in what is not inlined into a program. */
static unsigned calls_in_file(const struct object *object, unsigned kind, int32_t id)
{
	const struct bpf_insn *code = object->file;
	unsigned n = 0;

	for (size_t i = 0; i < object->size / sizeof(*code); i++)
		n += code[i].code == (BPF_JMP | BPF_CALL) && code[i].src_reg == kind && code[i].imm == id;
	return n;
}

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
	struct object before = object_open(NULL), after = object_open(&there);
	struct bpf_program *program;

	for (unsigned i = 0; i < TT_KERNEL_CALLS; i++) {
		unsigned n = calls_in_file(&before, 0, TT_KERNEL_CALL_FIRST + i);

		assert_true(n > 0);
		assert_int_equal(calls_in_file(&after, 0, TT_KERNEL_CALL_FIRST + i), 0);
		assert_int_equal(calls_in_file(&after, BPF_PSEUDO_KFUNC_CALL, there.id[i]), n);
	}
	bpf_object__for_each_program(program, after.skel->obj)
	{
		for (unsigned i = TT_CALL_PREEMPT_DISABLE; i <= TT_CALL_IRQ_RESTORE; i++)
			assert_int_equal(calls(program, BPF_PSEUDO_KFUNC_CALL, there.id[i]),
					 may_be_missed(program));
	}
	object_put(&before);
	object_put(&after);
}

static void becomes_nothing(void **state)
{
	struct object before = object_open(NULL), after = object_open(&missing);

	for (unsigned i = 0; i < TT_KERNEL_CALLS; i++)
		assert_int_equal(calls_in_file(&after, 0, TT_KERNEL_CALL_FIRST + i), 0);
	assert_int_equal(calls_in_file(&after, BPF_PSEUDO_KFUNC_CALL, 0),
			 calls_in_file(&before, BPF_PSEUDO_KFUNC_CALL, 0));
	assert_int_equal(calls_in_file(&after, 0, BPF_FUNC_ktime_get_boot_ns),
			 calls_in_file(&before, 0, BPF_FUNC_ktime_get_boot_ns));
	object_put(&before);
	object_put(&after);
}

static void refuses_what_is_no_object(void **state)
{
	struct object object = object_get();
	Elf64_Ehdr *header = object.file;
	Elf64_Shdr *section;

	assert_int_equal(tt_kcalls_put(&there, object.file, 0), -ENOEXEC);
	assert_int_equal(tt_kcalls_put(&there, object.file, sizeof(*header) - 1), -ENOEXEC);
	assert_int_equal(tt_kcalls_put(&there, object.file, header->e_shoff), -ENOEXEC);
	section = (void *)((char *)object.file + header->e_shoff);
	for (size_t i = 0; i < header->e_shnum; i++)
		section[i].sh_size = UINT64_MAX;
	assert_int_equal(tt_kcalls_put(&there, object.file, object.size), -ENOEXEC);
	header->e_ident[0] = 0;
	assert_int_equal(tt_kcalls_put(&there, object.file, object.size), -ENOEXEC);
	object_put(&object);
}

/* Preemption is turned off and on by all of the calls, or by none. */
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
	for (unsigned i = 0; i < TT_CALL_CAST; i++)
		n += found.id[i] > 0;
	assert_true(n == 0 || n == TT_CALL_CAST);
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
		cmocka_unit_test(refuses_what_is_no_object),
		cmocka_unit_test(all_or_none),
		cmocka_unit_test(uprobes_keep_to_the_task_stack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
