/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/kcall.h"

#include <elf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/btf.h>
#include <string.h>

#include "util/util.h"

static const char *const names[TT_KERNEL_CALLS] = {
	"bpf_preempt_disable",	 "bpf_preempt_enable", "bpf_local_irq_save",
	"bpf_local_irq_restore", "bpf_rdonly_cast",
};

/* What these do they do together: if one is missing none is used. */
#define TOGETHER TT_CALL_CAST

void tt_kcalls_find(const struct tt_ktypes *kernel, struct tt_kcalls *calls)
{
	bool all = true;

	memset(calls->id, 0, sizeof(calls->id));
	for (size_t i = 0; kernel && i < TT_KERNEL_CALLS; i++) {
		calls->id[i] = (int32_t)tt_ktypes_find(kernel, names[i], BTF_KIND_FUNC);
		all &= i >= TOGETHER || calls->id[i];
	}
	for (size_t i = 0; !all && i < TOGETHER; i++)
		calls->id[i] = 0;
	calls->recvmsg_arguments = kernel ? tt_ktypes_arguments(kernel, "udp_recvmsg") : 0;
	calls->uprobe_multi = kernel && tt_ktypes_find(kernel, "bpf_uprobe_multi_link_attach", BTF_KIND_FUNC);
	calls->accept_arguments = kernel ? tt_ktypes_arguments(kernel, "inet_csk_accept") : 0;
}

static void put(const struct tt_kcalls *calls, struct bpf_insn *code, size_t n)
{
	static const struct bpf_insn nothing = { .code = BPF_JMP | BPF_JA };

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
}

int tt_kcalls_put(const struct tt_kcalls *calls, void *object, size_t size)
{
	const Elf64_Ehdr *header = object;
	const Elf64_Shdr *section;

	if (size < sizeof(*header) || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
	    header->e_shentsize != sizeof(*section) || header->e_shoff > size ||
	    header->e_shnum > (size - header->e_shoff) / sizeof(*section))
		return -ENOEXEC;
	section = (const void *)((char *)object + header->e_shoff);
	for (size_t i = 0; i < header->e_shnum; i++, section++) {
		if (section->sh_type != SHT_PROGBITS || !(section->sh_flags & SHF_EXECINSTR))
			continue;
		if (section->sh_offset > size || section->sh_size > size - section->sh_offset)
			return -ENOEXEC;
		put(calls, (void *)((char *)object + section->sh_offset),
		    section->sh_size / sizeof(struct bpf_insn));
	}
	return 0;
}
