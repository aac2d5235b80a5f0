/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The only file that knows that kernels differ. Each entry says since when and why. */
#ifndef TT_BPF_COMPAT_H
#define TT_BPF_COMPAT_H

#include "../vmlinux.h"
#include "maps.bpf.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

/* Typed pointers to the current task came with 5.11, task storage for tracing programs with 5.12: one setting stands for
 * both. What depends on a setting is decided when the program is loaded; the verifier never looks at the other half,
 * so that may call what the kernel does not have. */
static __always_inline struct task_struct *current_task(void)
{
	return task_storage ? bpf_get_current_task_btf() : (struct task_struct *)bpf_get_current_task();
}

/* An address as a pointer that the verifier knows the type of: what is behind it is read by plain loads then, where each is a
 * call otherwise. Since 6.2 (bpf_rdonly_cast); only where kernel_casts says so. An address that is wrong reads as zeros. */
static __always_inline void *cast_to(__u64 address, __u64 type)
{
	void *typed;

	asm volatile("r1 = %[a]; r2 = %[t]; call %[c]; %[typed] = r0"
		     : [typed] "=r"(typed)
		     : [a] "r"(address), [t] "r"(type), [c] "i"(TT_KERNEL_CALL_FIRST + TT_CALL_CAST)
		     : "r0", "r1", "r2", "r3", "r4", "r5");
	return typed;
}

#define typed(type, address) ((type *)cast_to((__u64)(address), bpf_core_type_id_kernel(type)))

/* A member of a task, or of what its members lead to: task_read(task, fs, pwd.dentry). A typed pointer is read like any
 * other, one instruction a step; else each step is a call. A cast one is looked up faster by the verifier, which searches all of the
 * kernel's types for whether a member of one that it trusts is to be trusted. */
#define task_read(task, ...)                                                                                 \
	(kernel_casts	? ___arrow(typed(typeof(*(task)), task), __VA_ARGS__)                                \
	 : task_storage ? ___arrow(task, __VA_ARGS__)                                                        \
			: BPF_CORE_READ(task, __VA_ARGS__))

/* Its leader, to be looked up: that has to be trusted. */
static __always_inline struct task_struct *task_leader(struct task_struct *task)
{
	return task_storage ? task->group_leader : BPF_CORE_READ(task, group_leader);
}

/* Since 6.13 a program for kprobes has its stack per CPU and not on its task's, because the recursion check of kprobes
 * lets no second run of it begin on that CPU. A uprobe's program counts as such, but has no check and may be preempted: a
 * second run would overwrite the first one's stack, whose next pointer then leads anywhere. A program with a tail call in it
 * keeps its task's stack (kernel/bpf/verifier.c:check_max_stack_depth). This one is never made: the verifier
 * sees that, and drops it. */
static __always_inline void keep_to_task_stack(void *ctx)
{
	__u64 never = 0;

	barrier_var(never);
	if (never)
		bpf_tail_call(ctx, NULL, 0);
}

/* ---- programs and preemption
 *
 * Trampolines' programs may be preempted in kernels that preempt, tracepoints' since 7.0 as well. While one is, other tasks run
 * on its CPU, and the kernel takes each run of the same program there for recursion: it is missed. So a program does its work
 * with preemption off. Turned on again, the task would be preempted at once, within the program still, if its turn was over
 * meanwhile; with interrupts off it is not (kernel/sched/core.c:preempt_schedule), and nothing asks again when they are turned
 * on, until the program is left. What remains is a preemption in the few instructions before and behind.
 *
 * The functions are there since 6.14. */
#define CALL_KERNEL(call, arg)                                                                               \
	asm volatile("r1 = %[a]; call %[c]" ::[a] "r"(arg), [c] "i"(TT_KERNEL_CALL_FIRST + (call))           \
		     : "r0", "r1", "r2", "r3", "r4", "r5", "memory")

static __always_inline void preempt_off(void)
{
	if (preemptible)
		CALL_KERNEL(TT_CALL_PREEMPT_DISABLE, 0L);
}

static __always_inline void preempt_on(void)
{
	unsigned long irq;

	if (!preemptible)
		return;
	CALL_KERNEL(TT_CALL_IRQ_SAVE, &irq);
	CALL_KERNEL(TT_CALL_PREEMPT_ENABLE, 0L);
	CALL_KERNEL(TT_CALL_IRQ_RESTORE, &irq);
}

/* A word of the kernel's memory: of the first type that comes to mind of those that begin with one. */
static __always_inline __u64 word_at(const void *address)
{
	__u64 word = 0;

	if (kernel_casts)
		word = typed(struct timespec64, address)->tv_sec;
	else
		bpf_probe_read_kernel(&word, sizeof(word), address);
	return word;
}

/* BPF_PROG of libbpf's, without preemption. */
#define UNPREEMPTED_PROG(name, args...)                                                                      \
	name(unsigned long long *ctx);                                                                       \
	static __always_inline int ____##name(unsigned long long *ctx, ##args);                              \
	int name(unsigned long long *ctx)                                                                    \
	{                                                                                                    \
		preempt_off();                                                                               \
		_Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wint-conversion\"")        \
			____##name(___bpf_ctx_cast(args));                                                   \
		_Pragma("GCC diagnostic pop") preempt_on();                                                  \
		return 0;                                                                                    \
	}                                                                                                    \
	static __always_inline int ____##name(unsigned long long *ctx, ##args)

/* Where a dentry has a name of less than SHORT_NAME bytes: d_iname, d_shortname since 6.15. */
#define SHORT_NAME 32

static __always_inline __u32 short_name_offset(void)
{
	return bpf_core_field_exists(struct dentry, d_iname)
		       ? bpf_core_field_offset(struct dentry, d_iname)
		       : bpf_core_field_offset(struct dentry, d_shortname);
}

/* tcp_recvmsg() and udp_recvmsg() lost `nonblock` in 5.19 and `addr_len` in 7.x: their result is behind what arguments they have.
 * In so many words because the compiler would choose an offset and load once, which the verifier does not allow of a
 * context. */
static __always_inline int recvmsg_result(const __u64 *ctx)
{
	__u64 result;

	if (recvmsg_arguments == 6)
		asm volatile("%0 = *(u64 *)(%1 + 48)" : "=r"(result) : "r"(ctx));
	else if (recvmsg_arguments == 5)
		asm volatile("%0 = *(u64 *)(%1 + 40)" : "=r"(result) : "r"(ctx));
	else
		asm volatile("%0 = *(u64 *)(%1 + 32)" : "=r"(result) : "r"(ctx));
	return result;
}

/* The same of functions that had as many arguments as inet_csk_accept() before 6.10, and `now` since. */
#define ACCEPT_RESULT(ctx, now)                                                                              \
	({                                                                                                   \
		__u64 result_;                                                                               \
		if (accept_arguments == 4)                                                                   \
			asm volatile("%0 = *(u64 *)(%1 + 32)" : "=r"(result_) : "r"(ctx));                   \
		else                                                                                         \
			asm volatile("%0 = *(u64 *)(%1 + %2)" : "=r"(result_) : "r"(ctx), "i"((now)*8));     \
		result_;                                                                                     \
	})

/* recv's flags; behind `nonblock` before 5.19. */
static __always_inline __u32 recvmsg_flags(const __u64 *ctx)
{
	__u64 flags;

	if (recvmsg_arguments == 6)
		asm volatile("%0 = *(u64 *)(%1 + 32)" : "=r"(flags) : "r"(ctx));
	else
		asm volatile("%0 = *(u64 *)(%1 + 24)" : "=r"(flags) : "r"(ctx));
	return flags;
}

static __always_inline bool iter_is_ubuf(struct iov_iter *iter)
{
	return bpf_core_enum_value_exists(enum iter_type, ITER_UBUF) &&
	       BPF_CORE_READ(iter, iter_type) == bpf_core_enum_value(enum iter_type, ITER_UBUF);
}

static __always_inline bool iter_is_iovec(struct iov_iter *iter)
{
	if (bpf_core_field_exists(iter->iter_type))
		return BPF_CORE_READ(iter, iter_type) == bpf_core_enum_value(enum iter_type, ITER_IOVEC);
	return (BPF_CORE_READ(iter, type) & ~1) == bpf_core_enum_value(enum iter_type, ITER_IOVEC);
}

static __always_inline const struct iovec *iter_iovec(struct iov_iter *iter)
{
	return bpf_core_field_exists(iter->__iov) ? BPF_CORE_READ(iter, __iov) : BPF_CORE_READ(iter, iov);
}

/* include/linux/namei.h, as they were and are: of an open's lookup_flags neither kernel has the other's bits. */
#define LOOKUP_IN_ROOT (1u << 20 | 1u << 28)
#define LOOKUP_CACHED  (1u << 21 | 1u << 9)

/* A name of the kernel's own making, such as a core dump's: no caller wrote it. Kernels since 7.0 do not tell. */
static __always_inline bool name_is_kernels(struct filename *name)
{
	return bpf_core_field_exists(name->uptr) && !name->uptr;
}

/* vfs_statx() has the caller's pointer before 5.18, since then the kernel's copy, which since 7.0 may be an error. *ret_name: where
 * the name is; NULL: nowhere. False: in the caller's memory. */
static __always_inline bool statx_name(__u64 arg, const void **ret_name)
{
	struct filename *name = (void *)arg;
	__u64 is_kernels = 0;

	*ret_name = name;
	/* a jump: what the compiler makes of the comparison is a shift, which the verifier refuses for a pointer */
	asm volatile("if %[arg] s>= 0 goto +1; %[is_kernels] = 1"
		     : [is_kernels] "+r"(is_kernels)
		     : [arg] "r"(arg));
	if (!is_kernels)
		return false;
	*ret_name = arg > (__u64)-4096 ? NULL : BPF_CORE_READ(name, name);
	return true;
}

/* loginuid is there only with CONFIG_AUDIT. */
static __always_inline __u32 task_loginuid(struct task_struct *task)
{
	if (!bpf_core_field_exists(task->loginuid))
		return (__u32)-1;
	return task_read(task, loginuid.val);
}

/* Until 5.12 (5.10 where it was ported back) kernel threads did the work of an io_uring, which belong to no process. */
struct io_identity {
} __attribute__((preserve_access_index));

static __always_inline bool io_workers_are_threads(void)
{
	return !bpf_core_type_exists(struct io_identity);
}

#endif
