/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Every map and every setting. Sizes here are defaults; user space sets them before loading.
 *
 * Who writes what: slots - the kernel opens (exec of a candidate), user space judges and deletes. tracked - user
 * space only.
 * tasks - the kernel; user space binds a process in the storage. agg - the kernel adds and counts, user space
 * deletes (ended processes, frozen entries). socks - the kernel only; user space reads. candidates, freeze_ns,
 * stopped - user space only; attach too, but for the children that the walk finds. */
#ifndef TT_BPF_MAPS_H
#define TT_BPF_MAPS_H

#include "../vmlinux.h"
#include "telltale/looks.h"
#include "telltale/maps.h"

#include <bpf/bpf_helpers.h>

/* Objects are linked into one: maps.bpf.c defines, the others refer. */
#ifdef TT_DEFINE_MAPS
#define TT_MAP
#define TT_SETTING(type, name, value) const volatile type name = value
#define TT_SETTINGS(type, name, n)    const volatile type name[n] = {}
#define TT_GLOBAL(type, name)	      volatile type name = 0
#define TT_GLOBALS(type, name, n)     volatile type name[n] = {}
#else
#define TT_MAP			      extern
#define TT_SETTING(type, name, value) extern const volatile type name
#define TT_SETTINGS(type, name, n)    extern const volatile type name[n]
#define TT_GLOBAL(type, name)	      extern volatile type name
#define TT_GLOBALS(type, name, n)     extern volatile type name[n]
#endif

/* ---- settings, constant once loaded */
TT_SETTING(__u64, hash_seed, 0x9e3779b97f4a7c15); /* random per start: nobody can prepare collisions */
TT_SETTING(__u64, candidate_min_size, 32 << 20); /* larger executables are always candidates */
TT_SETTING(__u32, sleepable_uprobes, 0);
TT_SETTING(__u32, recvmsg_arguments, 5); /* of tcp_recvmsg() and its like (compat.bpf.h) */
TT_SETTING(__u32, accept_arguments, 4); /* of inet_csk_accept() (compat.bpf.h) */
TT_SETTING(__u32, preemptible, 1); /* these programs are, in this kernel (compat.bpf.h) */
TT_SETTING(__u32, kernel_casts, 0); /* typed() works (compat.bpf.h) */
TT_SETTING(__u32, task_storage, 1); /* in `tasks`; 0: in `task_table` (compat.bpf.h, task.bpf.h) */
/* struct tt_looks */
TT_SETTINGS(__u64, looks_last, TT_LOOK_WORDS);
TT_SETTINGS(__u64, looks_any, TT_LOOK_WORDS);

/* ---- changed while running */
/* Aggregation entries last touched before this are not touched again: user space is about to delete them. */
TT_GLOBAL(__u64, freeze_ns);
/* Set once, when user space is about to read everything a last time: from then on nothing is recorded, nor counted, since
 * user space freezes all as well. */
TT_GLOBAL(__u32, stopped);
/* By the low bits of a slot's number: task.bpf.h, slot_epoch(). Both sides add. */
TT_GLOBALS(__u32, epochs, TT_EPOCHS);

TT_MAP struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} lifecycle SEC(".maps");

TT_MAP struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 << 20);
} activity SEC(".maps");

TT_MAP struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct tt_slot);
} slots SEC(".maps");

/* Slots that were judged TRACKED. A candidate executed in one that was not judged yet gets a slot of its own: the
 * verdict on what came before must not be its verdict. */
TT_MAP struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, __u32);
} tracked SEC(".maps");

TT_MAP struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct tt_task_state);
} tasks SEC(".maps");

/* What task storage holds, where there is none. Key: the kernel's struct task_struct address. */
TT_MAP struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct tt_task_state);
} task_table SEC(".maps");

/* Allocated beforehand: kernels before 6.1 complain loudly (WARN) when a uprobe's program has a map that is not. */
TT_MAP struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, struct tt_agg_value);
} agg SEC(".maps");

TT_MAP struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct tt_sock);
} socks SEC(".maps");

TT_MAP struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct tt_candidate_key);
	__type(value, __u32);
} candidates SEC(".maps");

/* Processes (tgid) to bind to a slot, for agents that ran before telltale did. */
TT_MAP struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, struct tt_attach);
} attach SEC(".maps");

/* Losses that belong to no slot, by enum tt_loss, then by enum tt_stat. */
TT_MAP struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, TT_LOSS_KINDS + TT_STATS);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

/* Next slot and sock numbers; the CPU's number goes into the upper bits. */
TT_MAP struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} serial SEC(".maps");

/* Calls of getaddrinfo(3) whose lists were not given back yet. Threads of one process may write at once: then one of theirs is lost. */
#define LOOKUPS_PENDING 16 /* a power of two; libuv looks up four names at a time */

struct lookups_key {
	__u64 start_ns;
	__u64 pid;
};

struct lookups {
	struct {
		__u64 res; /* where the caller wants the list's address */
		__u64 id; /* grows; 0: nothing here */
	} call[LOOKUPS_PENDING];
};

/* By process: those that looked up something last. */
TT_MAP struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 512);
	__type(key, struct lookups_key);
	__type(value, struct lookups);
} lookups SEC(".maps");

/* All zeros, and stays so: what an entry begins as, which is too large for the stack. */
TT_MAP struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct lookups);
} no_lookups SEC(".maps");

/* How much of what is sent to a resolver was copied, by the socket's inode number. */
struct resolver_stream {
	__u32 tapped;
};

TT_MAP struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, struct resolver_stream);
} resolver_streams SEC(".maps");

/* An operation on its way through the aggregation map (agg.bpf.h). */
struct agg_op {
	struct tt_agg_value own; /* the caller fills the key in */
	__u64 hash; /* where the entry is: cheap, since the entry itself has the key, and the map hashes it once more */
};

/* A system call at its return: in the caller's terms (syscall.bpf.h). */
struct call_ctx {
	__u64 arg[6];
	long ret;
	__u32 call; /* enum call */
	bool compat;
};

#define DENTRY_BLOCK 128

/* A record under construction. room is as long as a masked, variable offset plus one full-sized read reach. */
#define SCRATCH_DATA 16384
#define TT_FIXED_MAX 256
struct scratch {
	__u32 self; /* enum scratch_of */
	__u32 pad_self;
	volatile __u64 number; /* a pointer, on its way to be one */
	struct agg_op op;
	struct call_ctx call; /* not on the stack, which is short where rawtp goes deep */
	char user[TT_PATH_MAX + 8];
	struct tt_sock sock;
	struct {
		struct sock *sk;
		__u64 at; /* the bytes in user memory, or an array of pieces of them */
		__u32 pieces; /* 0: at is the bytes */
		__u32 skip; /* bytes of the first piece before them */
		__u32 done; /* how many there are */
		__u32 room, copied; /* how many are to be copied, and were */
		__u16 family, port; /* of a datagram's own address; port 0: it is the socket's */
		__u8 addr[16];
		__u8 inbound;
		__u8 in_kernel; /* the array of pieces */
		__u8 compat; /* it is a 32-bit caller's */
	} tap;
	struct {
		__u64 dentry, mnt, mnt_root; /* where the walk is, and the mount's own root */
		__u64 root, root_mnt, root_mnt_root; /* where it ends */
		__u64 parent, name; /* of the dentry: its d_parent and d_name */
		__u32 name_len, seq;
		__u64 up, mountpoint; /* of the mount: its mnt_parent and mnt_mountpoint */
		__u32 len, count;
		__u32 flags, pad; /* enum tt_ev_flags that it found */
		__u64 block[DENTRY_BLOCK * 2 / 8]; /* the dentry, from d_seq to the end of a short name */
	} walk;
	__u64 users; /* programs between look_begin() and look_end() */
	struct {
		/* a name, or two: look.bpf.h */
		const void *at, *from;
		int dirfd, from_dirfd;
		__u16 op;
		__s16 result;
		__u8 in_kernel;
		__u32 flags; /* enum tt_ev_flags of their spellings */
		/* the scan of one */
		__u8 last, any, pad;
		__u64 name, extension; /* hashes of the component so far */
		/* the directory that relative names started from last, and whether one of its components is in looks.any */
		__u64 base, base_mnt, base_parent;
		__u32 base_hash, base_epoch;
		__u8 base_any;
	} look;
	/* the records' fixed parts end where room, their data, begins */
	union {
		struct {
			char pad_file[TT_FIXED_MAX - sizeof(struct tt_ev_file)];
			struct tt_ev_file file;
		};
		struct {
			char pad_connect[TT_FIXED_MAX - sizeof(struct tt_ev_connect)];
			struct tt_ev_connect connect;
		};
		struct {
			char pad_payload[TT_FIXED_MAX - sizeof(struct tt_ev_payload)];
			struct tt_ev_payload payload;
		};
		struct {
			char pad_exec[TT_FIXED_MAX - sizeof(struct tt_ev_exec)];
			struct tt_ev_exec exec;
		};
		struct {
			char pad_env[TT_FIXED_MAX - sizeof(struct tt_ev_exec_env)];
			struct tt_ev_exec_env env;
		};
	};
	char room[SCRATCH_DATA + TT_PATH_MAX];
};

/* Each program that needs one often has its own: where the kernel preempts, another task may run another program on this
 * CPU before this one has finished (the same one it may not: kernel/bpf/trampoline.c, a missed run). The first are all that
 * the rawtp backend needs; user space makes the map no larger than its backend. */
enum scratch_of {
	SCRATCH_EXEC,
	SCRATCH_CALL,
	SCRATCH_OPEN = SCRATCH_CALL,
	SCRATCH_OPEN_BY_HANDLE,
	SCRATCH_READLINK,
	SCRATCH_CONNECT,
	SCRATCH_SENDTO,
	SCRATCH_SENDMSG,
	SCRATCH_TCP_SENDMSG,
	SCRATCH_TCP_RECVMSG,
	SCRATCH_UDP_SENDMSG,
	SCRATCH_UDP_RECVMSG,
	SCRATCH_UDPV6_SENDMSG,
	SCRATCH_UDPV6_RECVMSG,
	SCRATCH_READ,
	SCRATCH_READV,
	SCRATCH_SENDFILE,
	SCRATCH_SPLICE,
	SCRATCH_COPY,
	SCRATCH_MMAP,
	SCRATCH_LISTEN,
	SCRATCH_ACCEPT,
	SCRATCH_UNIX_ACCEPT,
	SCRATCH_UNIX_STREAM_SENDMSG,
	SCRATCH_UNIX_STREAM_RECVMSG,
	SCRATCH_UNIX_DGRAM_SENDMSG,
	SCRATCH_UNIX_DGRAM_RECVMSG,
	SCRATCH_EXECVE,
	SCRATCH_EXECVEAT,
	SCRATCH_COMPAT_EXECVE,
	SCRATCH_COMPAT_EXECVEAT,
	SCRATCH_LOOK, /* of several programs (look.bpf.h) */
	SCRATCH_CHANGE,
	SCRATCH_SYS_READLINKAT,
	SCRATCH_COMPAT_READLINK,
	SCRATCH_COMPAT_READLINKAT,
	SCRATCHES
};
_Static_assert(SCRATCH_CALL + 1 == TT_SCRATCHES_RAWTP && SCRATCH_SYS_READLINKAT == TT_SCRATCHES_TRAMPOLINE &&
		       SCRATCHES == TT_SCRATCHES_ALL,
	       "telltale/maps.h");

TT_MAP struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SCRATCHES);
	__type(key, __u32);
	__type(value, struct scratch);
} scratch SEC(".maps");

static __always_inline struct scratch *scratch_get(__u32 of)
{
	struct scratch *s = bpf_map_lookup_elem(&scratch, &of);

	if (s)
		s->self = of;
	return s;
}

/* Functions with long loops are global: the verifier then checks each once, for any argument, and not once
 * per way that leads to it (docs/design/0003). Their arguments have to be numbers (before 5.12 nothing else is
 * allowed). */
#define TT_GLOBAL_FUNCTION __weak __noinline

#endif
