/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Environment look-ups: probes at the entry of getenv and its kin, in the library's or runtime's file.
 *
 * They run for every process that maps the file, so "not ours" comes first. On the first call the page
 * with the name is often not resident: where the kernel has sleepable uprobe programs
 * (sleepable_uprobes), the page is fetched and the read repeated. A function that calls another one of
 * these (uv_os_getenv and secure_getenv call getenv) counts once, as the outermost: it leaves the name's address,
 * its stack pointer and its return address in the thread's storage, and the inner call, with the same name and
 * deeper in the same frame (or in the same place, by a tail jump, with the same return address), takes the
 * mark away and is not counted. Entry probes only: a return probe replaces return addresses on the observed
 * program's stack. */
#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "lib/agg.bpf.h"

/* The inner function's frame lies this near below the outer's (uv_os_getenv in libuv 1.x: 0x40). */
#define NESTED_FRAME_MAX 4096

/* Room for one byte more than a record holds: a name that reaches it was cut. */
#define NAME_ROOM (TT_NAME_MAX + 8)
#define C_STRING  (~0ULL)
#define ALL_NAMES (~1ULL)

/* len: of a Go string, which has no NUL at its end; or C_STRING; or ALL_NAMES, where no name was given: all were
 * asked for, "*". Returns the name's length, TT_NAME_MAX if it is longer than fits, or a negative error. */
static __always_inline long read_name(char name[NAME_ROOM], const void *user, __u64 len)
{
	char byte;
	long n;

	if (len == ALL_NAMES) {
		name[0] = '*';
		return 1;
	}
	if (len != C_STRING) {
		__u64 part = at_most(len, TT_NAME_MAX - 1);

		n = bpf_probe_read_user(name, part, user);
		if (n && sleepable_uprobes)
			n = bpf_copy_from_user(name, part, user);
		return n ? n : len < TT_NAME_MAX ? (long)len : TT_NAME_MAX;
	}
	n = bpf_probe_read_user_str(name, TT_NAME_MAX + 1, user);
	if (n < 0 && sleepable_uprobes) {
		/* the string may end on the next page: both are fetched */
		bpf_copy_from_user(&byte, 1, user);
		bpf_copy_from_user(&byte, 1, (void *)(((__u64)user + TT_NAME_MAX) & ~0xfffULL));
		n = bpf_probe_read_user_str(name, TT_NAME_MAX + 1, user);
	}
	if (n > TT_NAME_MAX)
		name[TT_NAME_MAX - 1] = '\0';
	return n > 0 ? n - 1 : n;
}

static __always_inline __u64 hash_name(const char name[NAME_ROOM])
{
	__u64 h = hash_seed;
	int i;

	for (i = 0; i < TT_NAME_MAX / 8; i++)
		h = mix(h, ((const __u64 *)name)[i]);
	return h;
}

/* At a function's entry. Its page was just written to by the call. */
static __always_inline __u64 return_address(struct pt_regs *ctx)
{
	__u64 address = 0;

#if defined(__TARGET_ARCH_x86)
	bpf_probe_read_user(&address, sizeof(address), (void *)PT_REGS_SP(ctx));
#else
	address = PT_REGS_RET(ctx);
#endif
	return address;
}

/* Called by another of these functions, which has counted it? */
static __always_inline bool is_nested(struct pt_regs *ctx, const struct tt_task_state *state,
				      const void *user)
{
	__u64 sp = PT_REGS_SP(ctx);

	if (state->env_name != (__u64)user || sp > state->env_sp || state->env_sp - sp >= NESTED_FRAME_MAX)
		return false;
	return sp < state->env_sp || return_address(ctx) == state->env_return;
}

static __always_inline int observe_getenv(struct pt_regs *ctx, const void *user, __u64 len,
					  enum tt_env_source source)
{
	char name[NAME_ROOM] __attribute__((aligned(8))) = {};
	struct tt_agg_value *value;
	struct tt_ev_env *ev;
	struct subject sub;
	enum agg_due due;
	__u64 now;
	long n;

	keep_to_task_stack(ctx);
	if (!subject_in_user_mode(&sub))
		return 0;
	if (source == TT_ENV_GETENV || source == TT_ENV_SECURE_GETENV) {
		if (is_nested(ctx, sub.state, user)) {
			/* secure_getenv inside another keeps the mark for the getenv it will call */
			if (source == TT_ENV_GETENV)
				sub.state->env_name = 0;
			return 0;
		}
		sub.state->env_name = 0;
	}
	if (source == TT_ENV_SECURE_GETENV || source == TT_ENV_UV_OS_GETENV) {
		sub.state->env_name = (__u64)user;
		sub.state->env_sp = PT_REGS_SP(ctx);
		sub.state->env_return = return_address(ctx);
	}

	now = bpf_ktime_get_boot_ns();
	n = read_name(name, user, len);
	struct agg_op op = { .own.key = {
				     .start_ns = sub.state->start_ns,
				     .pid = sub.state->pid,
				     .op = TT_OP_ENV,
				     .extra = source,
				     .result = n < 0 ? -1 : 0,
				     .ident = n < 0 ? 0 : hash_name(name),
			     } };

	if (agg_counted(&sub, &op, now, &value))
		return 0;
	due = agg_note(&sub, &op, value, now);
	if (due == AGG_GONE || due == AGG_AGAIN)
		return 0; /* names do not change with directories */
	ev = bpf_ringbuf_reserve(&activity, sizeof(*ev), 0);
	if (!ev) {
		agg_sent(&sub, &op, due_flags(due), TT_LOSS_ENV, -1);
		return 0;
	}
	header(&ev->hdr, &sub, TT_EV_ENV, sizeof(*ev), now);
	ev->hdr.flags |= due_flags(due);
	if (n < 0)
		ev->hdr.flags |= TT_EVF_USER_FAULT;
	if (n >= TT_NAME_MAX)
		ev->hdr.flags |= TT_EVF_USER_CUT;
	ev->key = op.own.key;
	ev->count = op.own.count;
	ev->first_ns = op.own.first_ns;
	ev->source = source;
	ev->name_len = n < 0 ? 0 : n < TT_NAME_MAX ? n : TT_NAME_MAX - 1;
	ev->pad = 0;
	__builtin_memcpy(ev->name, name, sizeof(ev->name));
	bpf_ringbuf_submit(ev, BPF_RB_NO_WAKEUP);
	return 0;
}

SEC("uprobe")
int up_getenv(struct pt_regs *ctx)
{
	return observe_getenv(ctx, (void *)PT_REGS_PARM1(ctx), C_STRING, TT_ENV_GETENV);
}

SEC("uprobe")
int up_secure_getenv(struct pt_regs *ctx)
{
	return observe_getenv(ctx, (void *)PT_REGS_PARM1(ctx), C_STRING, TT_ENV_SECURE_GETENV);
}

SEC("uprobe")
int up_uv_os_getenv(struct pt_regs *ctx)
{
	return observe_getenv(ctx, (void *)PT_REGS_PARM1(ctx), C_STRING, TT_ENV_UV_OS_GETENV);
}

/* syscall.Getenv(key string): since Go 1.17 pointer and length are in the first two registers of a convention of its own... */
SEC("uprobe")
int up_go_getenv(struct pt_regs *ctx)
{
#if defined(__TARGET_ARCH_x86)
	return observe_getenv(ctx, (void *)ctx->ax, ctx->bx, TT_ENV_GO);
#else
	return observe_getenv(ctx, (void *)PT_REGS_PARM1(ctx), PT_REGS_PARM2(ctx), TT_ENV_GO);
#endif
}

/* ... and before on the stack, above 8 bytes that on x86-64 hold the return address. */
SEC("uprobe")
int up_go_getenv_stack(struct pt_regs *ctx)
{
	__u64 key[2] = {};

	/* just written by the caller: the page is there */
	bpf_probe_read_user(key, sizeof(key), (void *)(PT_REGS_SP(ctx) + 8));
	return observe_getenv(ctx, (void *)key[0], key[1], TT_ENV_GO);
}

/* syscall.Environ() */
SEC("uprobe")
int up_go_environ(struct pt_regs *ctx)
{
	return observe_getenv(ctx, NULL, ALL_NAMES, TT_ENV_GO);
}
