/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The only file that knows that kernels differ. Each entry says since when and why. */
#ifndef TT_BPF_COMPAT_H
#define TT_BPF_COMPAT_H

#include "../vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/* thread_info.status is x86's; elsewhere there are no 32-bit callers to tell apart this way. */
#define TS_COMPAT 0x0002

static __always_inline bool task_in_compat_call(struct task_struct *task)
{
	if (!bpf_core_field_exists(task->thread_info.status))
		return false;
	return task->thread_info.status & TS_COMPAT;
}

/* loginuid is there only with CONFIG_AUDIT. */
static __always_inline __u32 task_loginuid(struct task_struct *task)
{
	if (!bpf_core_field_exists(task->loginuid))
		return (__u32)-1;
	return BPF_CORE_READ(task, loginuid.val);
}

#endif
