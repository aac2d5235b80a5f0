/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/kcall.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/btf.h>
#include <stdlib.h>
#include <string.h>

#include "util/util.h"

static const char *const names[TT_KERNEL_CALLS] = {
	"bpf_preempt_disable",
	"bpf_preempt_enable",
	"bpf_local_irq_save",
	"bpf_local_irq_restore",
};

void tt_kcalls_find(const struct tt_ktypes *kernel, struct tt_kcalls *calls)
{
	bool all = kernel != NULL;

	for (size_t i = 0; all && i < TT_KERNEL_CALLS; i++) {
		calls->id[i] = (int32_t)tt_ktypes_find(kernel, names[i], BTF_KIND_FUNC);
		all = calls->id[i] > 0;
	}
	if (!all)
		memset(calls->id, 0, sizeof(calls->id));
	calls->recvmsg_arguments = kernel ? tt_ktypes_arguments(kernel, "udp_recvmsg") : 0;
	calls->accept_arguments = kernel ? tt_ktypes_arguments(kernel, "inet_csk_accept") : 0;
}

int tt_kcalls_put(const struct tt_kcalls *calls, struct bpf_program *program)
{
	static const struct bpf_insn nothing = { .code = BPF_JMP | BPF_JA };
	size_t n = bpf_program__insn_cnt(program);
	struct bpf_insn *code = calloc(n, sizeof(*code));
	int r;

	if (!code)
		return -ENOMEM;
	memcpy(code, bpf_program__insns(program), n * sizeof(*code));
	for (size_t i = 0; i < n; i++) {
		uint32_t call = (uint32_t)code[i].imm - TT_KERNEL_CALL_FIRST;

		if (code[i].code != (BPF_JMP | BPF_CALL) || code[i].src_reg || call >= TT_KERNEL_CALLS)
			continue;
		code[i] = calls->id[call] ? (struct bpf_insn){ .code = BPF_JMP | BPF_CALL,
							       .src_reg = BPF_PSEUDO_KFUNC_CALL,
							       .imm = calls->id[call] }
					  : nothing;
		/* CALL_KERNEL (bpf/lib/compat.bpf.h) has the argument's move right before */
		if (!calls->id[call] && i > 0)
			code[i - 1] = nothing;
	}
	r = bpf_program__set_insns(program, code, n);
	free(code);
	return r;
}
