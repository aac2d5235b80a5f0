/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* System calls as a task makes them: number, arguments, and whether it is a 32-bit caller's. The only file
 * that knows what an architecture calls what; there is one part for each that is supported. */
#ifndef TT_BPF_SYSCALL_H
#define TT_BPF_SYSCALL_H

#include "compat.bpf.h"

/* What a system call is to us; 0: nothing. */
enum call {
	CALL_NONE,
	CALL_OPEN,
	CALL_CREAT,
	CALL_OPENAT,
	CALL_OPENAT2,
	CALL_OPEN_BY_HANDLE,
	CALL_READLINK,
	CALL_READLINKAT,
	CALL_EXECVE,
	CALL_EXECVEAT,
	CALL_CONNECT,
	CALL_SENDTO,
	CALL_SENDMSG,
	CALL_SENDMMSG,
	CALL_SOCKETCALL,
	CALL_LISTEN,
	CALL_ACCEPT,
	CALL_RECVFROM,
	CALL_RECVMSG,
	CALL_RECVMMSG,
	CALL_READ,
	CALL_READV,
	CALL_WRITE,
	CALL_WRITEV,
	CALL_PREAD, /* whatever gives how much it read from the descriptor in its first argument, and is none of a socket's */
	CALL_SENDFILE,
	CALL_MMAP,
	CALL_RENAME,
	/* look.bpf.h; where two are alike, _AT has a directory before each name */
	CALL_LOOK,
	CALL_LOOK_AT,
	CALL_LIST,
	CALL_RENAME_AT,
	CALL_UNLINK,
	CALL_UNLINK_AT,
	CALL_LINK,
	CALL_LINK_AT,
	CALL_SYMLINK,
	CALL_SYMLINK_AT,
	CALL_CHMOD,
	CALL_CHMOD_AT,
	CALL_FCHMOD,
	CALL_TRUNCATE,
	CALL_FTRUNCATE,
	CALL_IO_URING_SETUP,
	CALL_IO_URING_ENTER,
};

#define CALLS 512

#if defined(__TARGET_ARCH_x86)

/* arch/x86/entry/syscalls/syscall_64.tbl */
static const __u8 calls_64[CALLS] = {
	[0] = CALL_READ,
	[1] = CALL_WRITE,
	[2] = CALL_OPEN,
	[4] = CALL_LOOK,
	[6] = CALL_LOOK,
	[9] = CALL_MMAP,
	[17] = CALL_PREAD,
	[19] = CALL_READV,
	[20] = CALL_WRITEV,
	[21] = CALL_LOOK,
	[40] = CALL_SENDFILE,
	[42] = CALL_CONNECT,
	[43] = CALL_ACCEPT,
	[44] = CALL_SENDTO,
	[45] = CALL_RECVFROM,
	[46] = CALL_SENDMSG,
	[47] = CALL_RECVMSG,
	[50] = CALL_LISTEN,
	[59] = CALL_EXECVE,
	[76] = CALL_TRUNCATE,
	[77] = CALL_FTRUNCATE,
	[78] = CALL_LIST,
	[82] = CALL_RENAME,
	[84] = CALL_UNLINK,
	[85] = CALL_CREAT,
	[86] = CALL_LINK,
	[87] = CALL_UNLINK,
	[88] = CALL_SYMLINK,
	[89] = CALL_READLINK,
	[90] = CALL_CHMOD,
	[91] = CALL_FCHMOD,
	[217] = CALL_LIST,
	[257] = CALL_OPENAT,
	[262] = CALL_LOOK_AT,
	[263] = CALL_UNLINK_AT,
	[264] = CALL_RENAME_AT,
	[265] = CALL_LINK_AT,
	[266] = CALL_SYMLINK_AT,
	[267] = CALL_READLINKAT,
	[268] = CALL_CHMOD_AT,
	[269] = CALL_LOOK_AT,
	[275] = CALL_PREAD, /* splice */
	[288] = CALL_ACCEPT,
	[295] = CALL_PREAD, /* preadv */
	[299] = CALL_RECVMMSG,
	[304] = CALL_OPEN_BY_HANDLE,
	[307] = CALL_SENDMMSG,
	[316] = CALL_RENAME_AT,
	[322] = CALL_EXECVEAT,
	[326] = CALL_PREAD, /* copy_file_range */
	[327] = CALL_PREAD, /* preadv2 */
	[332] = CALL_LOOK_AT,
	[425] = CALL_IO_URING_SETUP,
	[426] = CALL_IO_URING_ENTER,
	[437] = CALL_OPENAT2,
	[439] = CALL_LOOK_AT,
	[452] = CALL_CHMOD_AT,
};

/* arch/x86/entry/syscalls/syscall_32.tbl */
static const __u8 calls_32[CALLS] = {
	[3] = CALL_READ,
	[4] = CALL_WRITE,
	[5] = CALL_OPEN,
	[8] = CALL_CREAT,
	[9] = CALL_LINK,
	[10] = CALL_UNLINK,
	[11] = CALL_EXECVE,
	[15] = CALL_CHMOD,
	[33] = CALL_LOOK,
	[38] = CALL_RENAME,
	[40] = CALL_UNLINK,
	[83] = CALL_SYMLINK,
	[85] = CALL_READLINK,
	[92] = CALL_TRUNCATE,
	[93] = CALL_FTRUNCATE,
	[94] = CALL_FCHMOD,
	[102] = CALL_SOCKETCALL,
	[106] = CALL_LOOK,
	[107] = CALL_LOOK,
	[141] = CALL_LIST,
	[145] = CALL_READV,
	[146] = CALL_WRITEV,
	[180] = CALL_PREAD,
	[187] = CALL_SENDFILE,
	[192] = CALL_MMAP,
	[193] = CALL_TRUNCATE,
	[194] = CALL_FTRUNCATE,
	[195] = CALL_LOOK,
	[196] = CALL_LOOK,
	[220] = CALL_LIST,
	[239] = CALL_SENDFILE,
	[295] = CALL_OPENAT,
	[300] = CALL_LOOK_AT,
	[301] = CALL_UNLINK_AT,
	[302] = CALL_RENAME_AT,
	[303] = CALL_LINK_AT,
	[304] = CALL_SYMLINK_AT,
	[305] = CALL_READLINKAT,
	[306] = CALL_CHMOD_AT,
	[307] = CALL_LOOK_AT,
	[313] = CALL_PREAD, /* splice */
	[333] = CALL_PREAD, /* preadv */
	[337] = CALL_RECVMMSG,
	[342] = CALL_OPEN_BY_HANDLE,
	[345] = CALL_SENDMMSG,
	[353] = CALL_RENAME_AT,
	[358] = CALL_EXECVEAT,
	[362] = CALL_CONNECT,
	[363] = CALL_LISTEN,
	[364] = CALL_ACCEPT,
	[369] = CALL_SENDTO,
	[370] = CALL_SENDMSG,
	[371] = CALL_RECVFROM,
	[372] = CALL_RECVMSG,
	[377] = CALL_PREAD, /* copy_file_range */
	[378] = CALL_PREAD, /* preadv2 */
	[383] = CALL_LOOK_AT,
	[417] = CALL_RECVMMSG,
	[425] = CALL_IO_URING_SETUP,
	[426] = CALL_IO_URING_ENTER,
	[437] = CALL_OPENAT2,
	[439] = CALL_LOOK_AT,
	[452] = CALL_CHMOD_AT,
};

#define TS_COMPAT 0x0002 /* arch/x86/include/asm/thread_info.h */
#define X32_BIT	  0x40000000u

static __always_inline __u32 raw_call_number(const struct pt_regs *regs)
{
	return regs->orig_ax;
}

static __always_inline bool task_in_compat_call(struct task_struct *task)
{
	return task_read(task, thread_info.status) & TS_COMPAT;
}

/* At CALLS or above: none that we know. x32 has 64-bit numbers and layouts below CALLS, and its own calls above.
 * Negative: sigreturn's, where orig_ax is -1 already (arch/x86/kernel/signal_64.c), or no call at all. */
static __always_inline __u64 call_number(const struct pt_regs *regs, bool compat, bool *x32)
{
	__u64 nr = raw_call_number(regs);

	*x32 = nr & X32_BIT && !compat && (__s32)nr >= 0;
	return *x32 ? nr & ~X32_BIT : nr;
}

static __always_inline void read_args(const struct pt_regs *regs, struct call_ctx *c)
{
	if (c->compat) {
		c->arg[0] = (__u32)regs->bx;
		c->arg[1] = (__u32)regs->cx;
		c->arg[2] = (__u32)regs->dx;
		c->arg[3] = (__u32)regs->si;
		c->arg[4] = (__u32)regs->di;
		c->arg[5] = (__u32)regs->bp;
	} else {
		c->arg[0] = regs->di;
		c->arg[1] = regs->si;
		c->arg[2] = regs->dx;
		c->arg[3] = regs->r10;
		c->arg[4] = regs->r8;
		c->arg[5] = regs->r9;
	}
}

#elif defined(__TARGET_ARCH_arm64)

/* include/uapi/asm-generic/unistd.h */
static const __u8 calls_64[CALLS] = {
	[35] = CALL_UNLINK_AT,
	[36] = CALL_SYMLINK_AT,
	[37] = CALL_LINK_AT,
	[38] = CALL_RENAME_AT,
	[45] = CALL_TRUNCATE,
	[46] = CALL_FTRUNCATE,
	[48] = CALL_LOOK_AT,
	[52] = CALL_FCHMOD,
	[53] = CALL_CHMOD_AT,
	[56] = CALL_OPENAT,
	[61] = CALL_LIST,
	[63] = CALL_READ,
	[64] = CALL_WRITE,
	[65] = CALL_READV,
	[66] = CALL_WRITEV,
	[67] = CALL_PREAD,
	[69] = CALL_PREAD,
	[71] = CALL_SENDFILE,
	[76] = CALL_PREAD,
	[78] = CALL_READLINKAT,
	[79] = CALL_LOOK_AT,
	[201] = CALL_LISTEN,
	[202] = CALL_ACCEPT,
	[203] = CALL_CONNECT,
	[206] = CALL_SENDTO,
	[207] = CALL_RECVFROM,
	[211] = CALL_SENDMSG,
	[212] = CALL_RECVMSG,
	[221] = CALL_EXECVE,
	[222] = CALL_MMAP,
	[242] = CALL_ACCEPT,
	[243] = CALL_RECVMMSG,
	[265] = CALL_OPEN_BY_HANDLE,
	[269] = CALL_SENDMMSG,
	[276] = CALL_RENAME_AT,
	[281] = CALL_EXECVEAT,
	[285] = CALL_PREAD,
	[286] = CALL_PREAD,
	[291] = CALL_LOOK_AT,
	[425] = CALL_IO_URING_SETUP,
	[426] = CALL_IO_URING_ENTER,
	[437] = CALL_OPENAT2,
	[439] = CALL_LOOK_AT,
	[452] = CALL_CHMOD_AT,
};

/* arch/arm64/include/asm/unistd32.h: those of arm */
static const __u8 calls_32[CALLS] = {
	[3] = CALL_READ,
	[4] = CALL_WRITE,
	[5] = CALL_OPEN,
	[8] = CALL_CREAT,
	[9] = CALL_LINK,
	[10] = CALL_UNLINK,
	[11] = CALL_EXECVE,
	[15] = CALL_CHMOD,
	[33] = CALL_LOOK,
	[38] = CALL_RENAME,
	[40] = CALL_UNLINK,
	[83] = CALL_SYMLINK,
	[85] = CALL_READLINK,
	[92] = CALL_TRUNCATE,
	[93] = CALL_FTRUNCATE,
	[94] = CALL_FCHMOD,
	[106] = CALL_LOOK,
	[107] = CALL_LOOK,
	[141] = CALL_LIST,
	[145] = CALL_READV,
	[146] = CALL_WRITEV,
	[180] = CALL_PREAD,
	[187] = CALL_SENDFILE,
	[192] = CALL_MMAP,
	[193] = CALL_TRUNCATE,
	[194] = CALL_FTRUNCATE,
	[195] = CALL_LOOK,
	[196] = CALL_LOOK,
	[217] = CALL_LIST,
	[239] = CALL_SENDFILE,
	[283] = CALL_CONNECT,
	[284] = CALL_LISTEN,
	[285] = CALL_ACCEPT,
	[290] = CALL_SENDTO,
	[292] = CALL_RECVFROM,
	[296] = CALL_SENDMSG,
	[297] = CALL_RECVMSG,
	[322] = CALL_OPENAT,
	[327] = CALL_LOOK_AT,
	[328] = CALL_UNLINK_AT,
	[329] = CALL_RENAME_AT,
	[330] = CALL_LINK_AT,
	[331] = CALL_SYMLINK_AT,
	[332] = CALL_READLINKAT,
	[333] = CALL_CHMOD_AT,
	[334] = CALL_LOOK_AT,
	[340] = CALL_PREAD,
	[361] = CALL_PREAD,
	[365] = CALL_RECVMMSG,
	[366] = CALL_ACCEPT,
	[371] = CALL_OPEN_BY_HANDLE,
	[374] = CALL_SENDMMSG,
	[382] = CALL_RENAME_AT,
	[387] = CALL_EXECVEAT,
	[391] = CALL_PREAD,
	[392] = CALL_PREAD,
	[397] = CALL_LOOK_AT,
	[417] = CALL_RECVMMSG,
	[425] = CALL_IO_URING_SETUP,
	[426] = CALL_IO_URING_ENTER,
	[437] = CALL_OPENAT2,
	[439] = CALL_LOOK_AT,
	[452] = CALL_CHMOD_AT,
};

#define TIF_32BIT 22 /* arch/arm64/include/asm/thread_info.h */

static __always_inline __u32 raw_call_number(const struct pt_regs *regs)
{
	return regs->syscallno;
}

static __always_inline bool task_in_compat_call(struct task_struct *task)
{
	return task_read(task, thread_info.flags) & 1ul << TIF_32BIT;
}

/* Negative: sigreturn's, or no call at all. A call that a signal interrupts has its number until it is restarted,
 * which is after its return (arch/arm64/kernel/signal.c). */
static __always_inline __u64 call_number(const struct pt_regs *regs, bool compat, bool *x32)
{
	*x32 = false;
	return raw_call_number(regs);
}

/* The registers of 32-bit callers are these too, with upper halves of zeros; x0 has the result by now. */
static __always_inline void read_args(const struct pt_regs *regs, struct call_ctx *c)
{
	c->arg[0] = regs->orig_x0;
	c->arg[1] = regs->regs[1];
	c->arg[2] = regs->regs[2];
	c->arg[3] = regs->regs[3];
	c->arg[4] = regs->regs[4];
	c->arg[5] = regs->regs[5];
}

#else
#error "no system call table for this architecture"
#endif

/* Whether the call may be one of ours, whoever makes it. Most are not: that has to cost next to nothing. */
static __always_inline bool call_is_listed(const struct pt_regs *regs)
{
	__u64 nr = raw_call_number(regs);

	barrier_var(nr);
	return nr >= CALLS || calls_64[nr] || calls_32[nr];
}

#endif
