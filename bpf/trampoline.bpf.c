/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The trampoline backend: the return of the kernel functions that open, read links and send, and of nothing else.
 *
 * A task that is not ours pays where it calls one of these, and nothing on its other system calls. What is seen is
 * the kernel's own: the very struct file (path_source `file`), the kernel's copy of the name and of the
 * address. Opens through io_uring pass here as well. Which function a program is put on is in the table of
 * agent/sensor/bpf_load.c: names differ between kernels, and one that is missing costs its own coverage.
 *
 * Not seen: calls that fail before any name is looked at (a bad pointer, a name beyond PATH_MAX, no descriptor left). */
#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "lib/call.bpf.h"
#include "lib/connect.bpf.h"
#include "lib/look.bpf.h"
#include "lib/tap.bpf.h"

#define FMODE_EXEC 0x20 /* include/linux/fs.h: __FMODE_EXEC, an open by execve */
#define O_NONBLOCK 00004000
#define EAGAIN	   11

#define MSG_CMSG_COMPAT 0x80000000
#define MSG_PEEK	2

#define SOCKADDR_IN_LEN 16

static __always_inline int open_failed(struct subject *sub, long dfd, struct filename *name,
				       struct open_flags *asked, struct file *error)
{
	struct name_obs obs = {
		.spelling = { .in_kernel = true },
		.dirfd = dfd,
		.op = op_of_flags(asked->open_flag),
	};
	struct scratch *s = scratch_get(SCRATCH_OPEN);
	__u32 lookup = asked->lookup_flags;

	/* 7.0 comes here with a name that could not be had as well */
	if (!s || is_error(name) || name_is_kernels(name))
		return 0;
	s->number = (__u64)error;
	obs.result = s->number;
	/* io_uring's first try, without sleeping: a worker tries again */
	if (obs.result == -EAGAIN && lookup & LOOKUP_CACHED)
		return 0;
	obs.spelling.at = name->name;
	obs.in_root = lookup & LOOKUP_IN_ROOT;
	return observe_name(sub, s, &obs);
}

static __always_inline int opened(struct subject *sub, long dfd, struct filename *name,
				  struct open_flags *asked, struct file *file)
{
	__u32 open_flags = asked->open_flag;

	if (open_flags & FMODE_EXEC)
		return 0; /* executing is pr_exec's and tr_execve's */
	if (is_error(file))
		return open_failed(sub, dfd, name, asked, file);

	struct open_obs obs = {
		.file = file,
		.typed = true,
		.spelling = { .at = name->name, .in_kernel = true },
		.dirfd = dfd,
		.scratch = SCRATCH_OPEN,
		.name = name,
		.asked = asked,
		.open_flags = open_flags,
	};

	struct agg_op op;

	return observe_open(sub, &op, &obs);
}

/* fs/namei.c: do_filp_open(), do_file_open() since 7.0: (int dfd, struct filename *, struct open_flags *), and its result. Who
 * is not watched pays for the look into the storage alone, not even for taking the arguments. */
SEC("fexit")
int tr_open(__u64 *ctx)
{
	struct subject sub;

	if (!subject_marked(&sub))
		return 0;
	preempt_off();
	opened(&sub, ctx[0], (void *)ctx[1], (void *)ctx[2], (void *)ctx[3]);
	preempt_on();
	return 0;
}

/* fs/fhandle.c */
SEC("fexit")
int UNPREEMPTED_PROG(tr_open_by_handle, int mount_fd, void *handle, int open_flags, long fd)
{
	struct open_obs obs = { .flags = TT_EVF_BY_FD, .scratch = SCRATCH_OPEN_BY_HANDLE };
	struct name_obs failed = { .result = fd, .op = op_of_flags(open_flags) };
	struct subject sub;
	struct scratch *s;

	if (!subject_marked(&sub))
		return 0;
	s = scratch_get(SCRATCH_OPEN_BY_HANDLE);
	if (!s)
		return 0;
	if (fd < 0)
		return observe_name(&sub, s, &failed);
	obs.file = file_by_fd(fd);
	return obs.file ? observe_open(&sub, &s->op, &obs) : 0;
}

/* fs/stat.c */
SEC("fexit")
int UNPREEMPTED_PROG(tr_readlink, int dfd, const char *path, char *buffer, int size, int result)
{
	struct name_obs obs = { .spelling.at = path, .dirfd = dfd, .op = TT_OP_READLINK };
	struct subject sub;
	struct scratch *s;

	if (!subject_marked(&sub))
		return 0;
	s = scratch_get(SCRATCH_READLINK);
	if (!s)
		return 0;
	if (result < 0) {
		obs.result = result;
	} else {
		obs.target = buffer;
		obs.target_len = result < TT_PATH_MAX ? result : TT_PATH_MAX - 1;
	}
	return observe_name(&sub, s, &obs);
}

/* System calls themselves: where an exec failed nothing else has its whole answer and its name still, and some
 * compilers leave no do_readlinkat() to put a program on. */
static __always_inline int call_returned(const struct pt_regs *regs, long result, enum call call, __u32 of)
{
	struct call_ctx c = { .call = call, .ret = result };
	struct subject sub;
	struct scratch *s;

	if (!subject_marked(&sub))
		return 0;
	s = scratch_get(of);
	if (!s)
		return 0;
	c.compat = task_in_compat_call(sub.task);
	read_args(regs, &c);
	return observe_call(&sub, s, &c);
}

#define EXEC_PROGRAM(program, call, of)                                                                      \
	SEC("fexit")                                                                                         \
	int UNPREEMPTED_PROG(program, const struct pt_regs *regs, long result)                               \
	{                                                                                                    \
		/* pr_exec has the others */                                                                 \
		return result < 0 ? call_returned(regs, result, call, of) : 0;                               \
	}

#define READLINK_PROGRAM(program, call, of)                                                                  \
	SEC("fexit")                                                                                         \
	int UNPREEMPTED_PROG(program, const struct pt_regs *regs, long result)                               \
	{                                                                                                    \
		return call_returned(regs, result, call, of);                                                \
	}

EXEC_PROGRAM(tr_execve, CALL_EXECVE, SCRATCH_EXECVE)
EXEC_PROGRAM(tr_execveat, CALL_EXECVEAT, SCRATCH_EXECVEAT)
EXEC_PROGRAM(tr_compat_execve, CALL_EXECVE, SCRATCH_COMPAT_EXECVE)
EXEC_PROGRAM(tr_compat_execveat, CALL_EXECVEAT, SCRATCH_COMPAT_EXECVEAT)

READLINK_PROGRAM(tr_sys_readlink, CALL_READLINK, SCRATCH_READLINK)
READLINK_PROGRAM(tr_sys_readlinkat, CALL_READLINKAT, SCRATCH_SYS_READLINKAT)
#ifdef __TARGET_ARCH_x86 /* elsewhere 32-bit callers call the same functions */
READLINK_PROGRAM(tr_compat_readlink, CALL_READLINK, SCRATCH_COMPAT_READLINK)
READLINK_PROGRAM(tr_compat_readlinkat, CALL_READLINKAT, SCRATCH_COMPAT_READLINKAT)
#endif

/* net/socket.c; io_uring's connects pass here as well */
SEC("fexit")
int UNPREEMPTED_PROG(tr_connect, struct file *file, void *address, int address_len, int file_flags,
		     int result)
{
	struct connect_obs obs = {
		.file = file,
		.address = address,
		.address_len = address_len,
		.in_kernel = true,
		.op = TT_OP_CONNECT,
		.result = result < 0 ? result : 0,
	};
	struct subject sub;
	struct scratch *s;

	/* io_uring's try without waiting, on a socket that may wait: it tries again */
	if (result == -EAGAIN && file_flags & O_NONBLOCK && !(file->f_flags & O_NONBLOCK))
		return 0;
	if (!subject_marked(&sub))
		return 0;
	s = scratch_get(SCRATCH_CONNECT);
	if (!s)
		return 0;
	return observe_connect(&sub, s, &obs);
}

static __always_inline int observe_send(struct subject *sub, __u32 of, struct connect_obs *obs, int result)
{
	struct scratch *s;

	if (!obs->address || !obs->address_len) {
		sub->state->connecting = 0; /* TCP fast open ends here too */
		return 0;
	}
	s = scratch_get(of);
	if (!s)
		return 0;
	obs->op = TT_OP_SEND;
	obs->result = result < 0 ? result : 0;
	return observe_connect(sub, s, obs);
}

/* net/socket.c */
SEC("fexit")
int UNPREEMPTED_PROG(tr_sendto, int fd, void *buffer, unsigned long len, unsigned int flags, void *address,
		     int address_len, int result)
{
	struct connect_obs obs = { .address = address, .address_len = address_len };
	struct subject sub;

	if (!subject_marked(&sub))
		return 0;
	if (address)
		obs.file = file_by_fd(fd);
	return observe_send(&sub, SCRATCH_SENDTO, &obs, result);
}

/* net/socket.c; sendmmsg calls it for each message */
SEC("fexit")
int UNPREEMPTED_PROG(tr_sendmsg, struct socket *socket, void *msg, void *kernel_msg, unsigned int flags,
		     void *used, unsigned int allowed, int result)
{
	struct connect_obs obs = { .file = socket->file };
	struct subject sub;
	__u64 address;

	if (!subject_marked(&sub))
		return 0;
	if (read_msg_name((__u64)msg, flags & MSG_CMSG_COMPAT, &address, &obs.address_len))
		obs.address = (void *)address;
	return observe_send(&sub, SCRATCH_SENDMSG, &obs, result);
}

/* The pieces that a message's first done bytes were in: its iterator is behind them now. */
static __always_inline bool tap_pieces(struct scratch *s, struct msghdr *msg, __u32 done)
{
	struct iov_iter *iter = &msg->msg_iter;
	const struct iovec *piece;
	__u32 offset = BPF_CORE_READ(iter, iov_offset), i;
	__s64 before = (__s64)done - offset;

	s->tap.skip = 0;
	s->tap.pieces = 0;
	if (iter_is_ubuf(iter)) {
		s->tap.at = (__u64)BPF_CORE_READ(iter, ubuf) + offset - done;
		return true;
	}
	if (!iter_is_iovec(iter))
		return false; /* the kernel's own pages: a file that is sent */
	piece = iter_iovec(iter);
	s->tap.pieces = offset > 0;
	for (i = 0; i < TAP_PIECES_MAX && before > 0; i++) {
		piece--;
		s->tap.pieces++;
		before -= BPF_CORE_READ(piece, iov_len);
	}
	if (before > 0)
		return false;
	s->tap.at = (__u64)piece;
	s->tap.skip = -before;
	return true;
}

/* done bytes went through a socket. */
static __always_inline int transferred(__u32 of, struct sock *sk, struct msghdr *msg, int done, bool inbound)
{
	struct subject sub;
	struct scratch *s;

	if (done <= 0 || !subject_marked(&sub))
		return 0;
	s = scratch_get(of);
	if (!s)
		return 0;
	if (!tap_pieces(s, msg, done))
		s->tap.at = s->tap.pieces = 0; /* that so much was sent is known still */
	s->tap.sk = sk;
	s->tap.done = done;
	s->tap.inbound = inbound;
	s->tap.in_kernel = true;
	s->tap.compat = false;
	tap_address(s, BPF_CORE_READ(msg, msg_name), true);
	return tap_transfer(s);
}

/* net/ipv4/tcp.c, net/ipv4/udp.c: (sk, msg, len), and its result */
#define SENDMSG_PROGRAM(program, of)                                                                         \
	SEC("fexit")                                                                                         \
	int UNPREEMPTED_PROG(program, struct sock *sk, struct msghdr *msg, unsigned long len, int result)    \
	{                                                                                                    \
		return transferred(of, sk, msg, result, false);                                              \
	}

/* net/ipv4/tcp.c, net/ipv4/udp.c, net/ipv6/udp.c: (sk, msg, len, flags, addr_len), which had one more. */
#define RECVMSG_PROGRAM(program, of)                                                                         \
	SEC("fexit")                                                                                         \
	int program(__u64 *ctx)                                                                              \
	{                                                                                                    \
		/* what is only looked at will be received */                                                \
		if (recvmsg_flags(ctx) & MSG_PEEK)                                                           \
			return 0;                                                                            \
		preempt_off();                                                                               \
		transferred(of, (void *)ctx[0], (void *)ctx[1], recvmsg_result(ctx), true);                  \
		preempt_on();                                                                                \
		return 0;                                                                                    \
	}

SENDMSG_PROGRAM(tr_tcp_sendmsg, SCRATCH_TCP_SENDMSG)
SENDMSG_PROGRAM(tr_udp_sendmsg, SCRATCH_UDP_SENDMSG)

/* net/ipv6/udp.c; what goes to IPv4 it gives to udp_sendmsg(), with an address that is gone by now */
SEC("fexit")
int UNPREEMPTED_PROG(tr_udpv6_sendmsg, struct sock *sk, struct msghdr *msg, unsigned long len, int result)
{
	if (BPF_CORE_READ(msg, msg_namelen) == SOCKADDR_IN_LEN)
		return 0;
	return transferred(SCRATCH_UDPV6_SENDMSG, sk, msg, result, false);
}

RECVMSG_PROGRAM(tr_tcp_recvmsg, SCRATCH_TCP_RECVMSG)
RECVMSG_PROGRAM(tr_udp_recvmsg, SCRATCH_UDP_RECVMSG)
RECVMSG_PROGRAM(tr_udpv6_recvmsg, SCRATCH_UDPV6_RECVMSG)

static __always_inline int transferred_unix(__u32 of, struct socket *socket, int done, bool inbound)
{
	struct subject sub;
	struct scratch *s;

	if (done <= 0 || !subject_marked(&sub))
		return 0;
	s = scratch_get(of);
	if (!s)
		return 0;
	s->tap.sk = BPF_CORE_READ(socket, sk);
	s->tap.done = done;
	s->tap.inbound = inbound;
	return observe_carried(of);
}

/* net/unix/af_unix.c; what a resolver is asked is a stream's first bytes */
SEC("fexit")
int UNPREEMPTED_PROG(tr_unix_stream_sendmsg, struct socket *socket, struct msghdr *msg, unsigned long len,
		     int result)
{
	return transferred(SCRATCH_UNIX_STREAM_SENDMSG, BPF_CORE_READ(socket, sk), msg, result, false);
}

#define UNIX_SENDMSG_PROGRAM(program, of)                                                                    \
	SEC("fexit")                                                                                         \
	int UNPREEMPTED_PROG(program, struct socket *socket, void *msg, unsigned long len, int result)       \
	{                                                                                                    \
		return transferred_unix(of, socket, result, false);                                          \
	}

#define UNIX_RECVMSG_PROGRAM(program, of)                                                                    \
	SEC("fexit")                                                                                         \
	int UNPREEMPTED_PROG(program, struct socket *socket, void *msg, unsigned long len, int flags,        \
			     int result)                                                                     \
	{                                                                                                    \
		return flags & MSG_PEEK ? 0 : transferred_unix(of, socket, result, true);                    \
	}

UNIX_RECVMSG_PROGRAM(tr_unix_stream_recvmsg, SCRATCH_UNIX_STREAM_RECVMSG)
UNIX_SENDMSG_PROGRAM(tr_unix_dgram_sendmsg, SCRATCH_UNIX_DGRAM_SENDMSG)
UNIX_RECVMSG_PROGRAM(tr_unix_dgram_recvmsg, SCRATCH_UNIX_DGRAM_RECVMSG)

/* net/socket.c */
SEC("fexit")
int UNPREEMPTED_PROG(tr_listen, int fd, int backlog, int result)
{
	struct subject sub;
	struct scratch *s;

	if (result < 0 || !subject_marked(&sub))
		return 0;
	s = scratch_get(SCRATCH_LISTEN);
	if (!s)
		return 0;
	s->tap.sk = sock_of(file_by_fd(fd));
	return observe_listen(SCRATCH_LISTEN);
}

static __always_inline int accepted(__u32 of, struct sock *sk)
{
	struct subject sub;
	struct scratch *s;

	if (!sk || !subject_marked(&sub))
		return 0;
	s = scratch_get(of);
	if (!s)
		return 0;
	s->tap.sk = sk;
	return observe_accept(of);
}

/* net/ipv4/inet_connection_sock.c: (sk, ...), and the socket of the connection */
SEC("fexit")
int tr_accept(__u64 *ctx)
{
	preempt_off();
	accepted(SCRATCH_ACCEPT, (struct sock *)ACCEPT_RESULT(ctx, 2));
	preempt_on();
	return 0;
}

/* net/unix/af_unix.c: (socket, new, ...), and its result */
SEC("fexit")
int tr_unix_accept(__u64 *ctx)
{
	struct socket *socket = (void *)ctx[1];

	if ((int)ACCEPT_RESULT(ctx, 3))
		return 0;
	preempt_off();
	accepted(SCRATCH_UNIX_ACCEPT, BPF_CORE_READ(socket, sk));
	preempt_on();
	return 0;
}

/* ---- what files hold */

static __always_inline int content_of(__u32 of, struct file *file, int fd, enum tt_op op, __u64 bytes)
{
	struct subject sub;
	struct scratch *s;

	if (!subject_marked(&sub))
		return 0;
	s = scratch_get(of);
	if (!s)
		return 0;
	return observe_content(&sub, s, file ? file : file_by_fd(fd), op, bytes);
}

/* fs/read_write.c: read(2), pread64(2) */
SEC("fexit")
int UNPREEMPTED_PROG(tr_read, struct file *file, char *buffer, unsigned long len, void *pos, long done)
{
	return done > 0 ? content_of(SCRATCH_READ, file, 0, TT_OP_BYTES, done) : 0;
}

/* fs/read_write.c: readv(2), preadv(2), preadv2(2) */
SEC("fexit")
int UNPREEMPTED_PROG(tr_readv, struct file *file, void *pieces, unsigned long n, void *pos, int flags,
		     long done)
{
	return done > 0 ? content_of(SCRATCH_READV, file, 0, TT_OP_BYTES, done) : 0;
}

/* fs/read_write.c */
SEC("fexit")
int UNPREEMPTED_PROG(tr_sendfile, int out_fd, int in_fd, void *pos, unsigned long count, long max, long done)
{
	return done > 0 ? content_of(SCRATCH_SENDFILE, NULL, in_fd, TT_OP_BYTES, done) : 0;
}

/* fs/splice.c; io_uring's pass here as well */
SEC("fexit")
int UNPREEMPTED_PROG(tr_splice, struct file *in, void *in_pos, struct file *out, void *out_pos,
		     unsigned long len, unsigned int flags, long done)
{
	return done > 0 ? content_of(SCRATCH_SPLICE, in, 0, TT_OP_BYTES, done) : 0;
}

/* fs/read_write.c */
SEC("fexit")
int UNPREEMPTED_PROG(tr_copy, struct file *in, long in_pos, struct file *out, long out_pos, unsigned long len,
		     unsigned int flags, long done)
{
	return done > 0 ? content_of(SCRATCH_COPY, in, 0, TT_OP_BYTES, done) : 0;
}

/* mm/mmap.c */
SEC("fexit")
int UNPREEMPTED_PROG(tr_mmap, unsigned long address, unsigned long len, unsigned long protection,
		     unsigned long flags, unsigned long fd, unsigned long pgoff, void *mapped)
{
	return is_error(mapped) || flags & MAP_ANONYMOUS
		       ? 0
		       : content_of(SCRATCH_MMAP, NULL, fd, TT_OP_MMAP, len);
}

/* fs/namei.c: do_renameat2(), filename_renameat2() since 7.0; io_uring's renames pass here as well */
SEC("fexit")
int UNPREEMPTED_PROG(tr_rename, int old_fd, void *from, int new_fd, void *to, unsigned int flags, int result)
{
	struct subject sub;

	if (result == 0 && subject_marked(&sub))
		renamed(&sub);
	return 0;
}

/* fs/stat.c: vfs_statx(int dfd, the name, int flags, struct kstat *, u32 mask), which all but fstat() come to; io_uring's
 * too. fs/open.c: do_faccessat(int dfd, const char *name, int mode, int flags). */
static __always_inline int looked(int dfd, const void *name, bool in_kernel, long result)
{
	struct subject sub;
	struct scratch *s;

	if (!subject_marked(&sub))
		return 0;
	s = look_begin(&sub, SCRATCH_LOOK);
	if (!s)
		return 0;
	s->look.from = NULL;
	s->look.in_kernel = in_kernel;
	observe_name_at(s, result, TT_OP_STAT, dfd, (__u64)name);
	look_end(s);
	return 0;
}

SEC("fexit")
int tr_stat(__u64 *ctx)
{
	const void *name;
	bool in_kernel;

	preempt_off();
	in_kernel = statx_name(ctx[1], &name);
	looked(ctx[0], name, in_kernel, (int)ctx[5]);
	preempt_on();
	return 0;
}

SEC("fexit")
int UNPREEMPTED_PROG(tr_access, int dfd, const char *name, int mode, int flags, long result)
{
	return looked(dfd, name, false, (int)result); /* an int since 7.0 */
}

/* The kernel's own functions behind these have given the names back when they return, until 7.0. */
#define LOOK_PROGRAM(program, call_, of)                                                                     \
	SEC("fexit")                                                                                         \
	int UNPREEMPTED_PROG(program, const struct pt_regs *regs, long result)                               \
	{                                                                                                    \
		struct call_ctx c = { .call = (call_), .ret = result };                                      \
		struct subject sub;                                                                          \
		struct scratch *s;                                                                           \
                                                                                                             \
		if (!subject_marked(&sub) || !(s = look_begin(&sub, of)))                                    \
			return 0;                                                                            \
		c.compat = task_in_compat_call(sub.task);                                                    \
		read_args(regs, &c);                                                                         \
		on_look(&sub, s, &c);                                                                        \
		look_end(s);                                                                                 \
		return 0;                                                                                    \
	}

LOOK_PROGRAM(tr_getdents64, CALL_LIST, SCRATCH_LOOK)
LOOK_PROGRAM(tr_renameat, CALL_RENAME_AT, SCRATCH_CHANGE)
LOOK_PROGRAM(tr_renameat2, CALL_RENAME_AT, SCRATCH_CHANGE)
LOOK_PROGRAM(tr_linkat, CALL_LINK_AT, SCRATCH_CHANGE)
LOOK_PROGRAM(tr_symlinkat, CALL_SYMLINK_AT, SCRATCH_CHANGE)
LOOK_PROGRAM(tr_unlinkat, CALL_UNLINK_AT, SCRATCH_CHANGE)
LOOK_PROGRAM(tr_fchmod, CALL_FCHMOD, SCRATCH_CHANGE)
LOOK_PROGRAM(tr_fchmodat, CALL_CHMOD_AT, SCRATCH_CHANGE)
LOOK_PROGRAM(tr_fchmodat2, CALL_CHMOD_AT, SCRATCH_CHANGE)
LOOK_PROGRAM(tr_truncate, CALL_TRUNCATE, SCRATCH_CHANGE)
LOOK_PROGRAM(tr_ftruncate, CALL_FTRUNCATE, SCRATCH_CHANGE)
#ifdef __TARGET_ARCH_x86
LOOK_PROGRAM(tr_getdents, CALL_LIST, SCRATCH_LOOK)
LOOK_PROGRAM(tr_sys_rename, CALL_RENAME, SCRATCH_CHANGE)
LOOK_PROGRAM(tr_link, CALL_LINK, SCRATCH_CHANGE)
LOOK_PROGRAM(tr_symlink, CALL_SYMLINK, SCRATCH_CHANGE)
LOOK_PROGRAM(tr_unlink, CALL_UNLINK, SCRATCH_CHANGE)
LOOK_PROGRAM(tr_rmdir, CALL_UNLINK, SCRATCH_CHANGE)
LOOK_PROGRAM(tr_chmod, CALL_CHMOD, SCRATCH_CHANGE)
#endif

/* io_uring/io_uring.c */
SEC("tp_btf/io_uring_create")
int UNPREEMPTED_PROG(tr_io_uring)
{
	struct subject sub;

	if (subject_current(&sub))
		send_note(&sub, TT_NOTE_IO_URING, io_workers_are_threads());
	return 0;
}
