/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Contents of the BPF maps that user space reads or writes. See event.h for conventions. */
#ifndef TELLTALE_MAPS_H
#define TELLTALE_MAPS_H

#include "event.h"

/* A slot is what all threads and forked children of one exec share. Task storage only holds the slot's
 * number, so a verdict reaches everybody at once: a slot is opened by the exec of a candidate, which is
 * pending from then on and reports; IGNORED is its deletion; TRACKED changes nothing for the kernel.
 * Numbers are never reused: a task whose slot is gone from the map is not ours. */

/* Task storage, or the table in its place: what a thread carries. Apart from the slot, only what lasts for one system or library call. */
struct tt_task_state {
	__u64 slot;
	__u64 start_ns; /* of the process, with pid: an exec changes neither */
	__u32 pid;
	__u32 epoch; /* the slot's when the slot was last seen in its map */
	__u64 connecting; /* struct sock that this thread is connecting */
	__u64 env_name; /* name pointer of a look-up function that may call getenv in turn */
	__u64 env_sp, env_return; /* of that function's call */
	__u64 want_env; /* the next exec reports its environment, whatever it executes */
};
TT_ASSERT_SIZE(struct tt_task_state, 64);

/* What the processes that are being bound get. */
struct tt_attach {
	__u64 slot;
	__u64 run; /* about to execute what `run` was given: taken even from another session, and want_env */
};
TT_ASSERT_SIZE(struct tt_attach, 16);

/* What was lost, counted where it happens. One counter is one record that did not arrive. */
enum tt_loss {
	TT_LOSS_FORK,
	TT_LOSS_EXEC,
	TT_LOSS_EXEC_ENV,
	TT_LOSS_EXIT,
	TT_LOSS_FILE, /* unaggregated file records; aggregated ones stay unsent in the map */
	TT_LOSS_CONNECT,
	TT_LOSS_ENV,
	TT_LOSS_NOTE,
	TT_LOSS_SLOT, /* slots map full: a candidate's process was not observed */
	TT_LOSS_STORAGE, /* no task storage, or its table is full: a task was not observed */
	TT_LOSS_SOCK, /* socks map full: a connection's outcome was not observed */
	TT_LOSS_FLOW, /* what a connection carried */
	TT_LOSS_PAYLOAD, /* bytes that may have named the other end */
	TT_LOSS_BYTES, /* unaggregated records of bytes read from a file, or of its mappings */
	TT_LOSS_KINDS
};

/* Not lost, but worth knowing. */
enum tt_stat {
	TT_STAT_AGG_FULL, /* operations sent unaggregated */
	TT_STAT_RETRY, /* first sightings whose reserve failed; tried again at the next one */
	TT_STAT_REPORT, /* power-of-two reports that found no room: totals are flushed anyway */
	TT_STAT_X32, /* x32 calls by tracked processes that were not decoded */
	TT_STATS
};

struct tt_slot {
	__u64 lost[TT_LOSS_KINDS];
};

/* Entries of the map of epochs, a power of two. A slot's is that of its number's low bits. The kernel adds 1 at a rename; user
 * space adds 2 when it takes the slot away, which differs from what was there also if the kernel was adding. */
#define TT_EPOCHS 1024

/* The map's key is a hash of the one in here: where two have the same, the later is not aggregated. */
struct tt_agg_value {
	struct tt_agg_key key;
	__u64 slot;
	__u64 first_ns;
	__u64 last_ns;
	__u64 count;
	__u64 bytes;
	__u32 epoch; /* the slot's when the path was last sent */
	__u32 sent; /* 1: the path is on the ring. 0: user space does not know this key yet */
};
TT_ASSERT_SIZE(struct tt_agg_value, 88);

/* Entries of the map of records under construction that the rawtp backend needs, that trampolines do, and these where
 * they stand in for one another. */
#define TT_SCRATCHES_RAWTP	2
#define TT_SCRATCHES_TRAMPOLINE 32
#define TT_SCRATCHES_ALL	35

/* A TCP connection from its connect or accept on, or from when a watched process first uses it, until it is closed. It is the
 * process's that used it last. Key: the kernel's struct sock address. */
struct tt_sock {
	__u64 slot;
	__u64 start_ns; /* of the process */
	__u64 begin_ns; /* SYN sent; accepted; first used */
	__u64 sock_id;
	__u32 pid;
	__u32 tid;
	__u8 addr[16];
	__u8 local_addr[16];
	__u16 port; /* host order */
	__u16 local_port;
	__u16 family;
	__u16 state; /* enum tt_conn_state: CONNECTING or ESTABLISHED */
	__u64 sent; /* payload, once there can be no more */
	__u64 before[2]; /* sent and received before it was this process's */
	__u64 used[2]; /* what its calls have sent and received since */
	__u64 used_ns; /* the last of them; 0: none */
	__u32 sent_is_final;
	__u32 tapped[2]; /* bytes of what it sent and received that are on the ring */
	__u32 hands; /* how often it became another process's */
	__u32 inward; /* 1: it was accepted */
	__u32 pad;
};
TT_ASSERT_SIZE(struct tt_sock, 152);

/* What the task iterators write: one per process (list) or per task newly bound to a slot (attach). */
struct tt_iter_task {
	__u32 pid; /* tgid */
	__u32 tid;
	__u32 ppid;
	__u32 uid; /* effective */
	__u64 start_ns;
	__u64 parent_start_ns;
	__u64 slot; /* 0: never was; it may be gone from the map */
	char comm[16];
};
TT_ASSERT_SIZE(struct tt_iter_task, 56);

/* Candidate names, matched with the last component of the executed path, of the interpreter, and of
 * the file itself. Longer names are cut to fit on both sides. */
struct tt_candidate_key {
	char name[32];
};

/* Calls in programs that stand for functions which not every kernel has: agent/sensor/kcall.h. */
#define TT_KERNEL_CALL_FIRST 0x7e110000
enum tt_kernel_call {
	TT_CALL_PREEMPT_DISABLE,
	TT_CALL_PREEMPT_ENABLE,
	TT_CALL_IRQ_SAVE,
	TT_CALL_IRQ_RESTORE,
	TT_CALL_CAST,
	TT_KERNEL_CALLS
};

#endif
