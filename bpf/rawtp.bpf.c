/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The rawtp backend: one raw tracepoint at the return of every system call.
 *
 * Loads wherever BTF is there, also where trampolines are refused. sys_exit alone is enough: the
 * arguments are still in the saved registers, and only a call that returned has a result. What is
 * opened is looked up by the returned descriptor (path_source `fd`, docs/design/0001).
 *
 * Order matters for the cost: call number (one load from a table), then task storage, then slot. */
#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "lib/call.bpf.h"
#include "lib/connect.bpf.h"
#include "lib/look.bpf.h"
#include "lib/tap.bpf.h"
#include "lib/verifier.bpf.h"

/* linux/net.h: sub-calls of socketcall(2) */
#define SYS_CONNECT  3
#define SYS_LISTEN   4
#define SYS_ACCEPT   5
#define SYS_SEND     9
#define SYS_RECV     10
#define SYS_SENDTO   11
#define SYS_RECVFROM 12
#define SYS_SENDMSG  16
#define SYS_RECVMSG  17
#define SYS_ACCEPT4  18
#define SYS_RECVMMSG 19
#define SYS_SENDMMSG 20

#define RESOLVE_IN_ROOT 0x10

#define MSG_PEEK 2

/* Messages of one sendmmsg or recvmmsg that are looked at; further ones are counted as lost. */
#define MMSG_MAX 32

static __noinline int on_open(struct subject *sub, struct scratch *s, const struct call_ctx *c)
{
	bool by_handle = c->call == CALL_OPEN_BY_HANDLE,
	     at = c->call == CALL_OPENAT || c->call == CALL_OPENAT2;
	const void *spelling = by_handle ? NULL : (void *)(at ? c->arg[1] : c->arg[0]);
	int dirfd = at ? (int)c->arg[0] : AT_FDCWD;
	struct {
		__u64 flags, mode, resolve;
	} *how = (void *)s->room; /* include/uapi/linux/openat2.h; not on the stack, which is short here */
	__u64 open_flags = c->call == CALL_CREAT ? O_CREAT | 1 : at || by_handle ? c->arg[2] : c->arg[1];
	bool in_root = false;

	if (c->call == CALL_OPENAT2) {
		if (bpf_probe_read_user(how, sizeof(*how), (void *)c->arg[2]))
			__builtin_memset(how, 0, sizeof(*how));
		open_flags = how->flags;
		in_root = how->resolve & RESOLVE_IN_ROOT;
	}
	forget(dirfd, c->ret);
	if (c->ret >= 0) {
		struct open_obs obs = {
			.file = file_by_fd(c->ret),
			.in_root = in_root,
			.spelling.at = spelling,
			.dirfd = dirfd,
			.flags = TT_EVF_BY_FD,
			.scratch = SCRATCH_CALL,
		};

		/* closed by a sibling thread already: all that is left is the caller's word */
		if (obs.file)
			return observe_open(sub, &s->op, &obs);
	}

	struct name_obs obs = {
		.in_root = in_root,
		.spelling.at = spelling,
		.dirfd = dirfd,
		.op = op_of_flags(open_flags),
		.result = c->ret < 0 ? c->ret : 0,
	};

	return observe_name(sub, s, &obs);
}

/* done bytes of a message in user memory went through a socket. */
static __always_inline void tap_message(struct scratch *s, struct sock *sk, __u64 msg, bool compat,
					__u32 done, bool inbound)
{
	__u64 address = 0;
	__u32 len = 0;

	s->tap.sk = sk;
	s->tap.done = done;
	s->tap.skip = 0;
	s->tap.inbound = inbound;
	s->tap.in_kernel = false;
	s->tap.compat = compat;
	read_msg_name(msg, compat, &address, &len);
	tap_address(s, len ? (void *)address : NULL, false);
	if (compat) {
		__u32 iov[2] = {};

		bpf_probe_read_user(iov, sizeof(iov), (void *)(msg + 8));
		s->tap.at = iov[0];
		s->tap.pieces = iov[1];
	} else {
		__u64 iov[2] = {};

		bpf_probe_read_user(iov, sizeof(iov), (void *)(msg + 16));
		s->tap.at = iov[0];
		s->tap.pieces = iov[1];
	}
	if (s->tap.pieces)
		tap_transfer(s);
}

/* A file was read through a descriptor, or mapped. */
static __noinline int on_content(struct subject *sub, struct scratch *s, const struct call_ctx *c)
{
	bool map = c->call == CALL_MMAP;
	int fd = map ? c->arg[4] : c->call == CALL_SENDFILE ? c->arg[1] : c->arg[0];

	return observe_content(sub, s, file_by_fd(fd), map ? TT_OP_MMAP : TT_OP_BYTES,
			       map ? c->arg[1] : (__u64)c->ret);
}

/* The other calls that send or receive, all of which give the number of bytes; read(2) and readv(2) read files, too. */
static __noinline int on_transfer(struct subject *sub, struct scratch *s, const struct call_ctx *c)
{
	bool inbound = c->call == CALL_RECVFROM || c->call == CALL_RECVMSG || c->call == CALL_READ ||
		       c->call == CALL_READV,
	     named = c->call == CALL_SENDTO || c->call == CALL_RECVFROM;
	__u64 flags = c->call == CALL_RECVFROM ? c->arg[3] : c->call == CALL_RECVMSG ? c->arg[2] : 0;
	struct sock *sk;

	if (c->ret <= 0 || flags & MSG_PEEK) /* what is only looked at will be received */
		return 0;
	sk = sock_of(file_by_fd(c->arg[0]));
	if (!sk)
		return c->call == CALL_READ || c->call == CALL_READV ? on_content(sub, s, c) : 0;
	if (c->call == CALL_SENDMSG || c->call == CALL_RECVMSG) {
		tap_message(s, sk, c->arg[1], c->compat, c->ret, inbound);
		return 0;
	}
	s->tap.sk = sk;
	s->tap.at = c->arg[1];
	s->tap.pieces = c->call == CALL_READV || c->call == CALL_WRITEV ? (__u32)c->arg[2] : 0;
	s->tap.skip = 0;
	s->tap.done = c->ret;
	s->tap.inbound = inbound;
	s->tap.in_kernel = false;
	s->tap.compat = c->compat;
	tap_address(s, named ? (void *)c->arg[4] : NULL, false);
	return tap_transfer(s);
}

static __always_inline int connect_or_send(struct subject *sub, struct scratch *s, const struct call_ctx *c,
					   enum tt_op op, __u64 address, __u32 len)
{
	struct connect_obs obs = {
		.file = file_by_fd(c->arg[0]),
		.address = (void *)address,
		.address_len = len,
		.op = op,
		.result = c->ret < 0 ? c->ret : 0,
	};

	return observe_connect(sub, s, &obs);
}

/* connect, and sends with an address of their own. */
static __noinline int on_connect(struct subject *sub, struct scratch *s, const struct call_ctx *c)
{
	bool is_send = c->call != CALL_CONNECT;
	__u64 address = c->arg[is_send ? 4 : 1];
	__u32 len = c->arg[is_send ? 5 : 2];

	if (c->call == CALL_SENDMSG)
		read_msg_name(c->arg[1], c->compat, &address, &len);
	if (!is_send || (address && len))
		return connect_or_send(sub, s, c, is_send ? TT_OP_SEND : TT_OP_CONNECT, address, len);
	sub->state->connecting = 0; /* TCP fast open ends here too */
	return 0;
}

/* How a struct mmsghdr of the caller's is laid out: its size, and where its msg_len is; half of it in 32 bits. No branch: one
 * in the loop below lets the compiler lay it out so that kernels before 6.5 take it for an endless one (kernel/bpf/verifier.c:
 * check_cfg, "back-edge"). */
#define MMSG_SIZE(compat) (64 >> (compat))
#define MMSG_LEN(compat)  (56 >> (compat))

/* One message of sendmmsg or recvmmsg, at msg. Global, so that the verifier looks at it once and not at each turn of the loop. */
TT_GLOBAL_FUNCTION int on_message(__u64 msg, __u32 fd, __s32 result, __u32 compat, __u32 inbound)
{
	struct call_ctx c = { .arg = { fd }, .ret = result, .compat = compat };
	struct scratch *s = scratch_get(SCRATCH_CALL);
	struct subject sub;
	struct sock *sk;
	__u64 address;
	__u32 len = 0;

	if (!s || !subject_in_user_mode(&sub))
		return 0;
	if (!inbound && read_msg_name(msg, compat, &address, &len))
		connect_or_send(&sub, s, &c, TT_OP_SEND, address, len);
	sk = sock_of(file_by_fd(fd));
	if (result > 0 && sk && !bpf_probe_read_user(&len, sizeof(len), (void *)(msg + MMSG_LEN(compat))))
		tap_message(s, sk, msg, compat, len, inbound);
	return 0;
}

static __always_inline int on_messages(struct subject *sub, const struct call_ctx *c)
{
	__u32 sent = c->ret > 0 ? c->ret : 1, i;
	bool inbound = c->call == CALL_RECVMMSG;

	if (inbound && c->arg[3] & MSG_PEEK)
		return 0;
	for (i = 0; i < MMSG_MAX && i < sent; i++)
		on_message(c->arg[1] + i * MMSG_SIZE(c->compat), c->arg[0], c->ret, c->compat, inbound);
	if (!inbound && sent > MMSG_MAX && subject_alive(sub))
		count_losses(sub->state->slot, TT_LOSS_CONNECT, sent - MMSG_MAX);
	return 0;
}

/* socketcall(2): the arguments are an array of longs in user memory. */
static __always_inline void unpack_socketcall(struct call_ctx *c)
{
	__u32 args[6] = {}, n = c->arg[0], len;

	c->call = n == SYS_CONNECT			? CALL_CONNECT
		  : n == SYS_LISTEN			? CALL_LISTEN
		  : n == SYS_ACCEPT || n == SYS_ACCEPT4 ? CALL_ACCEPT
		  : n == SYS_SEND || n == SYS_SENDTO	? CALL_SENDTO
		  : n == SYS_RECV || n == SYS_RECVFROM	? CALL_RECVFROM
		  : n == SYS_SENDMSG			? CALL_SENDMSG
		  : n == SYS_RECVMSG			? CALL_RECVMSG
		  : n == SYS_SENDMMSG			? CALL_SENDMMSG
		  : n == SYS_RECVMMSG			? CALL_RECVMMSG
							: CALL_NONE;
	if (c->call == CALL_NONE)
		return;
	/* net/socket.c:nargs, in bytes: what is looked at of any */
	len = n == SYS_SENDTO || n == SYS_RECVFROM ? 24 : n == SYS_RECVMMSG ? 16 : n == SYS_LISTEN ? 8 : 12;
	if (bpf_probe_read_user(args, len, (void *)c->arg[1]))
		c->call = CALL_NONE;
	c->arg[0] = args[0];
	c->arg[1] = args[1];
	c->arg[2] = args[2];
	c->arg[3] = args[3];
	c->arg[4] = args[4];
	c->arg[5] = args[5];
}

/* listen, of the socket at `fd`, or accept, which answered with it. */
static __noinline int on_entrance(struct scratch *s, const struct call_ctx *c)
{
	bool listens = c->call == CALL_LISTEN;

	if (c->ret < 0)
		return 0;
	s->tap.sk = sock_of(file_by_fd(listens ? c->arg[0] : c->ret));
	return listens ? observe_listen(s->self) : observe_accept(s->self);
}

/* A call of x32's that is not decoded: behind all that enum call has. */
#define CALL_X32 0xff

/* Of x32 only the numbers that it shares are decoded: the others are counted as unseen. */
static __always_inline enum call call_of(__u64 nr, bool compat, bool x32)
{
	barrier_var(nr);
	if (nr >= CALLS)
		return x32 ? CALL_X32 : CALL_NONE;
	return compat ? calls_32[nr] : calls_64[nr];
}

static __always_inline int on_return(const struct pt_regs *regs, long ret)
{
	struct task_struct *task = current_task();
	bool compat = task_in_compat_call(task), x32;
	__u64 nr = call_number(regs, compat, &x32);
	enum call call = call_of(nr, compat, x32);
	struct call_ctx *c;
	struct subject sub;
	struct scratch *s;

	if (call == CALL_NONE)
		return 0;
	if (!subject_in_user_mode(&sub)) /* which io_uring's workers never return to */
		return 0;
	if (call == CALL_X32) {
		if (subject_alive(&sub)) {
			count_stat(TT_STAT_X32);
			send_note(&sub, TT_NOTE_X32, nr);
		}
		return 0;
	}
	s = scratch_get(SCRATCH_CALL);
	if (!s)
		return 0;

	c = &s->call;
	c->ret = ret;
	c->call = call;
	c->compat = compat;
	read_args(regs, c);
	if (call == CALL_SOCKETCALL) {
		unpack_socketcall(c);
		call = c->call;
	}
	switch (call) {
	case CALL_OPEN:
	case CALL_CREAT:
	case CALL_OPENAT:
	case CALL_OPENAT2:
	case CALL_OPEN_BY_HANDLE:
		return on_open(&sub, s, c);
	case CALL_EXECVE:
	case CALL_EXECVEAT:
		if (ret >= 0)
			return 0; /* sched_process_exec has it; the registers are the new program's */
		/* fallthrough */
	case CALL_READLINK:
	case CALL_READLINKAT:
		return observe_call(&sub, s, c);
	case CALL_SENDTO:
	case CALL_SENDMSG:
		on_connect(&sub, s, c);
		return on_transfer(&sub, s, c);
	case CALL_CONNECT:
		return on_connect(&sub, s, c);
	case CALL_LISTEN:
	case CALL_ACCEPT:
		return on_entrance(s, c);
	case CALL_SENDMMSG:
	case CALL_RECVMMSG:
		return on_messages(&sub, c);
	case CALL_READ:
	case CALL_READV:
	case CALL_WRITE:
	case CALL_WRITEV:
	case CALL_RECVFROM:
	case CALL_RECVMSG:
		return on_transfer(&sub, s, c);
	case CALL_PREAD:
	case CALL_SENDFILE:
		return ret > 0 ? on_content(&sub, s, c) : 0;
	case CALL_MMAP:
		return is_error((void *)ret) || c->arg[3] & MAP_ANONYMOUS ? 0 : on_content(&sub, s, c);
	case CALL_RENAME:
	case CALL_RENAME_AT:
		if (ret == 0)
			renamed(&sub);
		/* fallthrough */
	case CALL_LOOK:
	case CALL_LOOK_AT:
	case CALL_LIST:
	case CALL_UNLINK:
	case CALL_UNLINK_AT:
	case CALL_LINK:
	case CALL_LINK_AT:
	case CALL_SYMLINK:
	case CALL_SYMLINK_AT:
	case CALL_CHMOD:
	case CALL_CHMOD_AT:
	case CALL_FCHMOD:
	case CALL_TRUNCATE:
	case CALL_FTRUNCATE:
		return on_look(&sub, s, c);
	case CALL_IO_URING_SETUP:
		if (ret >= 0 && subject_alive(&sub))
			send_note(&sub, TT_NOTE_IO_URING, 0);
		return 0;
	case CALL_IO_URING_ENTER:
		sub.state->connecting = 0;
		return 0;
	default:
		return 0;
	}
}

SEC("tp_btf/sys_exit")
int BPF_PROG(rt_sys_exit, struct pt_regs *regs, long ret)
{
	if (!call_is_listed(regs) || task_is_plain(current_task()))
		return 0;
	preempt_off();
	on_return(regs, ret);
	preempt_on();
	return 0;
}
