/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The only file that knows that kernels differ. Each entry says since when and why. */
#ifndef TT_BPF_COMPAT_H
#define TT_BPF_COMPAT_H

#include "../vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/* Calls step(i, ctx) for i from 0 until it returns non-zero, at most n times. bpf_loop (5.17) is checked once by the
 * verifier, whatever n; before that an ordinary bounded loop is checked step by step. ctx points to a struct. */
#define repeat(n, step, ctx)                                                                                 \
	do {                                                                                                 \
		if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_loop)) {                           \
			bpf_loop(n, step, ctx, 0);                                                           \
		} else {                                                                                     \
			for (__u32 __i = 0; __i < (n); __i++)                                                \
				if (step(__i, ctx))                                                          \
					break;                                                               \
		}                                                                                            \
	} while (0)

/* loginuid is there only with CONFIG_AUDIT. */
static __always_inline __u32 task_loginuid(struct task_struct *task)
{
	if (!bpf_core_field_exists(task->loginuid))
		return (__u32)-1;
	return BPF_CORE_READ(task, loginuid.val);
}

#endif
