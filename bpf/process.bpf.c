/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Life of processes, the same for both backends: fork, exec, exit, and the task walk for processes that
 * were there before us. Also TCP states, which no backend sees otherwise.
 *
 * A candidate executed outside any watched tree opens a slot here and reports from its first instruction;
 * the verdict comes later. sched_process_fork fires before the child runs, so a child is watched from its
 * first instruction as well. Threads get their copy of the storage and no record. */
#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "lib/path.bpf.h"
#include "lib/sock.bpf.h"
#include "lib/task.bpf.h"

#define SIGNAL_GROUP_EXIT 0x00000004 /* include/linux/sched/signal.h */

/* ---- fork */

SEC("tp_btf/sched_process_fork")
int UNPREEMPTED_PROG(pr_fork, struct task_struct *parent, struct task_struct *child)
{
	struct tt_task_state *state, *copy;
	struct tt_ev_fork *ev;
	struct subject sub;

	if (!subject_current(&sub))
		return 0;
	state = sub.state;
	copy = task_state_make(child);
	if (!copy) {
		count_loss(sub.state->slot, TT_LOSS_STORAGE);
		if (child->pid != child->tgid)
			return 0;
	} else {
		copy->slot = state->slot;
		copy->epoch = state->epoch;
	}
	if (child->pid != child->tgid)
		return 0;

	ev = bpf_ringbuf_reserve(&lifecycle, sizeof(*ev), 0);
	if (!ev) {
		count_loss(sub.state->slot, TT_LOSS_FORK);
		return 0;
	}
	ev->parent_start_ns = state->start_ns;
	ev->parent_pid = state->pid;
	ev->ppid = BPF_CORE_READ(child, real_parent, tgid);
	ev->uid = BPF_CORE_READ(child, cred, euid.val);
	ev->pad = 0;
	header_of(&ev->hdr, state->slot, child->start_boottime, child->tgid, child->pid, TT_EV_FORK,
		  sizeof(*ev), bpf_ktime_get_boot_ns());
	bpf_ringbuf_submit(ev, wakeup(&lifecycle, LIFECYCLE_WAKEUP));
	return 0;
}

/* ---- exec */

/* Who executes came from user mode. */
static __always_inline bool subject_executing(struct subject *s)
{
	return subject_in_user_mode(s) && subject_alive(s);
}

static __always_inline bool name_is_candidate(const struct tt_candidate_key *key)
{
	return bpf_map_lookup_elem(&candidates, key) != NULL;
}

#define NAME_PART 16

/* How far back from `end` the scratch's user goes on without a slash: NAME_PART bytes at most. */
TT_GLOBAL_FUNCTION __u32 name_part(__u32 end)
{
	struct scratch *s = scratch_get(SCRATCH_EXEC);
	__u32 i;

	for (i = 0; s && i < NAME_PART && i < end; i++)
		if (s->user[(end - i - 1) & (TT_PATH_MAX - 1)] == '/')
			break;
	return i;
}

/* The last component of a kernel string: looked for from its end, as far as a name can reach (NAME_MAX). */
TT_GLOBAL_FUNCTION int path_is_candidate(__u64 path)
{
	struct scratch *s = scratch_get(SCRATCH_EXEC);
	struct tt_candidate_key key = {};
	__u32 start, part;
	long n;
	int i;

	if (!s)
		return 0;
	n = bpf_probe_read_kernel_str(s->user, TT_PATH_MAX, (void *)path);
	if (n <= 1)
		return 0;
	start = n - 1;
	for (i = 0; i < 256 / NAME_PART; i++) {
		part = name_part(start);
		start -= part;
		if (part < NAME_PART)
			break;
	}
	bpf_probe_read_kernel_str(key.name, sizeof(key.name), s->user + (start & (TT_PATH_MAX - 1)));
	return name_is_candidate(&key);
}

static __always_inline bool exec_is_candidate(struct linux_binprm *bprm)
{
	struct tt_candidate_key key = {};
	const char *filename = BPF_CORE_READ(bprm, filename), *interp = BPF_CORE_READ(bprm, interp);

	if (BPF_CORE_READ(bprm, file, f_inode, i_size) >= candidate_min_size)
		return true;
	bpf_probe_read_kernel_str(key.name, sizeof(key.name),
				  BPF_CORE_READ(bprm, file, f_path.dentry, d_name.name));
	if (name_is_candidate(&key))
		return true;
	if (path_is_candidate((__u64)filename))
		return true;
	return interp != filename && path_is_candidate((__u64)interp);
}

/* Opens a slot for the task, which executed a candidate outside any tree that is known to be an agent's. */
static __always_inline bool open_slot(struct subject *sub)
{
	struct tt_task_state *state;
	struct tt_slot empty = {};
	__u64 id = serial_next();

	if (stopped)
		return false;
	if (bpf_map_update_elem(&slots, &id, &empty, BPF_NOEXIST)) {
		count(TT_LOSS_SLOT, 1);
		return false;
	}
	state = task_state_make(sub->task);
	if (!state) {
		bpf_map_delete_elem(&slots, &id);
		count(TT_LOSS_STORAGE, 1);
		return false;
	}
	task_state_bind(state, id);
	sub->state = state;
	return true;
}

/* Judged to be an agent's; those of user space's own making are from the start. */
static __always_inline bool slot_is_tracked(const struct subject *sub)
{
	__u64 id = sub->state->slot;

	return id >> 63 || bpf_map_lookup_elem(&tracked, &id);
}

/* One chunk of the environment block, len bytes at `offset` from its start. */
TT_GLOBAL_FUNCTION int send_env_chunk(__u64 at, __u64 len, __u32 offset, __u64 now)
{
	struct scratch *s = scratch_get(SCRATCH_EXEC);
	struct tt_ev_exec_env *ev;
	struct subject sub;

	if (!s || !subject_executing(&sub))
		return 0;
	/* half the ring is for what happens: environments of execs that nobody watches yet must not cost a fork,
	 * an exec or an exit of those that are */
	if (bpf_ringbuf_query(&lifecycle, BPF_RB_AVAIL_DATA) * 2 >
	    bpf_ringbuf_query(&lifecycle, BPF_RB_RING_SIZE)) {
		count_loss(sub.state->slot, TT_LOSS_EXEC_ENV);
		return 0;
	}
	ev = &s->env;
	len = at_most(len, TT_ENV_CHUNK_MAX);
	header(&ev->hdr, &sub, TT_EV_EXEC_ENV, sizeof(*ev) + len, now);
	ev->offset = offset;
	ev->len = len;
	if (bpf_probe_read_user(s->room, len, (void *)at))
		ev->hdr.flags |= TT_EVF_USER_FAULT;
	if (bpf_ringbuf_output(&lifecycle, ev, sizeof(*ev) + len, BPF_RB_NO_WAKEUP))
		count_loss(sub.state->slot, TT_LOSS_EXEC_ENV);
	return 0;
}

/* The environment block, in chunks, after the exec record. */
static __always_inline void send_env(__u64 start, __u64 end, __u64 now)
{
	__u32 at;

	for (at = 0; at < TT_ENV_CHUNKS_MAX * TT_ENV_CHUNK_MAX && start + at < end; at += TT_ENV_CHUNK_MAX)
		send_env_chunk(start + at, end - start - at, at, now);
}

static __always_inline __u32 append_kernel_string(struct scratch *s, const char *string, __u32 at,
						  __u32 *flags)
{
	long n = bpf_probe_read_kernel_str(s->room + (at & ROOM_MASK), TT_PATH_MAX, string);

	if (n <= 0)
		return 0;
	if (n == TT_PATH_MAX)
		*flags |= TT_EVF_USER_CUT;
	return n - 1;
}

static __always_inline __u32 tty_number(struct task_struct *task)
{
	struct tty_struct *tty = BPF_CORE_READ(task, signal, tty);

	if (!tty)
		return 0;
	return (__u32)BPF_CORE_READ(tty, driver, major) << 20 |
	       (BPF_CORE_READ(tty, driver, minor_start) + BPF_CORE_READ(tty, index));
}

SEC("tp_btf/sched_process_exec")
int UNPREEMPTED_PROG(pr_exec, struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm)
{
	__u64 now = bpf_ktime_get_boot_ns(), outer = 0, slot_id, arg_start, arg_end, env_start, env_end, size;
	__u32 flags = 0, at, len;
	bool ours, candidate;
	struct tt_ev_exec *ev;
	struct mm_struct *mm;
	struct subject sub;
	struct scratch *s;
	struct file *file;
	const char *interp;

	s = scratch_get(SCRATCH_EXEC);
	if (!s)
		return 0;
	ours = subject_executing(&sub);
	candidate = exec_is_candidate(bprm);
	if (!ours) {
		if (!candidate)
			return 0;
		sub.task = task;
		if (!open_slot(&sub))
			return 0;
		flags |= TT_EVF_NEW_SLOT;
	} else if (candidate && !slot_is_tracked(&sub)) {
		outer = sub.state->slot;
		if (open_slot(&sub))
			flags |= TT_EVF_NEW_SLOT;
	}
	if (sub.state->want_env) {
		sub.state->want_env = 0;
		candidate = true;
	}
	if (candidate)
		flags |= TT_EVF_CANDIDATE;

	ev = &s->exec;
	file = BPF_CORE_READ(bprm, file);
	ev->ino = BPF_CORE_READ(file, f_inode, i_ino);
	ev->file_size = BPF_CORE_READ(file, f_inode, i_size);
	ev->dev = BPF_CORE_READ(file, f_inode, i_sb, s_dev);
	ev->ppid = BPF_CORE_READ(task, real_parent, tgid);
	ev->parent_start_ns = BPF_CORE_READ(task, real_parent, group_leader, start_boottime);
	ev->mnt_ns = BPF_CORE_READ(task, nsproxy, mnt_ns, ns.inum);
	ev->cgroup_id = bpf_get_current_cgroup_id();
	ev->uid = BPF_CORE_READ(task, cred, euid.val);
	ev->loginuid = task_loginuid(task);
	ev->tty = tty_number(task);
	ev->old_tid = old_pid;
	ev->argc = BPF_CORE_READ(bprm, argc);
	__builtin_memset(ev->pad, 0, sizeof(ev->pad));

	if (dentry_unlinked(BPF_CORE_READ(file, f_path.dentry)))
		flags |= TT_EVF_DELETED;
	at = path_append(s, &file->f_path, 0);
	flags |= s->walk.flags;
	ev->exe_len = at;
	len = path_append(s, &BPF_CORE_READ(task, fs)->pwd, at);
	if (s->walk.flags & TT_EVF_PATH_CUT)
		flags |= TT_EVF_BASE_CUT;
	ev->cwd_len = len;
	at += len;
	ev->filename_len = append_kernel_string(s, BPF_CORE_READ(bprm, filename), at, &flags);
	at += ev->filename_len;
	interp = BPF_CORE_READ(bprm, interp);
	ev->interp_len = interp == BPF_CORE_READ(bprm, filename)
				 ? 0
				 : append_kernel_string(s, interp, at, &flags);
	at += ev->interp_len;

	mm = BPF_CORE_READ(task, mm);
	arg_start = BPF_CORE_READ(mm, arg_start);
	arg_end = BPF_CORE_READ(mm, arg_end);
	env_start = BPF_CORE_READ(mm, env_start);
	env_end = BPF_CORE_READ(mm, env_end);
	ev->env_bytes = env_end - env_start;
	/* four long paths leave it less than TT_ARGV_MAX: lengths that say more than was sent make no record */
	len = at_most(arg_end - arg_start, SCRATCH_DATA - at_most(at, SCRATCH_DATA));
	len = at_most(len, TT_ARGV_MAX);
	if (arg_end - arg_start > len)
		flags |= TT_EVF_ARGV_CUT;
	if (len && bpf_probe_read_user(s->room + (at & ROOM_MASK), len, (void *)arg_start)) {
		flags |= TT_EVF_USER_FAULT;
		len = 0;
	}
	ev->argv_len = len;
	at += len;

	size = at_most(sizeof(*ev) + at, sizeof(*ev) + SCRATCH_DATA);
	header(&ev->hdr, &sub, TT_EV_EXEC, size, now);
	ev->hdr.flags = flags;
	if (bpf_ringbuf_output(&lifecycle, ev, size,
			       ours ? wakeup(&lifecycle, LIFECYCLE_WAKEUP) : BPF_RB_FORCE_WAKEUP)) {
		/* user space will never judge this slot: nobody may stay pending for ever */
		if (flags & TT_EVF_NEW_SLOT) {
			slot_id = sub.state->slot;
			bpf_map_delete_elem(&slots, &slot_id);
			task_state_bind(sub.state, outer);
			count(TT_LOSS_EXEC, 1);
		} else {
			count_loss(sub.state->slot, TT_LOSS_EXEC);
		}
		return 0;
	}
	if (candidate)
		send_env(env_start, env_end, now);
	return 0;
}

/* ---- exit */

static __always_inline void send_exit(struct task_struct *task)
{
	struct task_struct *current = current_task();
	struct tt_task_state *state = task_state(current);
	struct tt_ev_exit *ev;
	struct subject sub;

	/* the last may be a worker of io_uring's, which kernels before 6.4 do not call one any more when it ends */
	if (!state)
		state = task_state_get(task_leader(current));
	if (!subject_with(&sub, current, state) || !subject_alive(&sub))
		return;
	ev = bpf_ringbuf_reserve(&lifecycle, sizeof(*ev), 0);
	if (!ev) {
		count_loss(sub.state->slot, TT_LOSS_EXIT);
		return;
	}
	header(&ev->hdr, &sub, TT_EV_EXIT, sizeof(*ev), bpf_ktime_get_boot_ns());
	/* kernel/exit.c:wait_task_zombie */
	if (BPF_CORE_READ(task, signal, flags) & SIGNAL_GROUP_EXIT)
		ev->status = BPF_CORE_READ(task, signal, group_exit_code);
	else
		ev->status = BPF_CORE_READ(task, group_leader, exit_code);
	ev->pad = 0;
	bpf_ringbuf_submit(ev, wakeup(&lifecycle, LIFECYCLE_WAKEUP));
}

SEC("tp_btf/sched_process_exit")
int UNPREEMPTED_PROG(pr_exit, struct task_struct *task)
{
	/* signal->live was decremented before (kernel/exit.c:do_exit): 0 means the last thread */
	bool last = task->signal->live.counter == 0;

	if (last)
		send_exit(task);
	if (task_storage)
		return 0;
	/* A leader's state is that of io_uring's workers as well, who may be the last ones of a process that ends. Otherwise
	 * the leader ends for a thread that executes, and is nobody's leader then. */
	if (last || !(BPF_CORE_READ(task, signal, flags) & SIGNAL_GROUP_EXIT) || task != task->group_leader)
		task_state_drop(task);
	if (last)
		task_state_drop(task->group_leader);
	return 0;
}

/* ---- TCP */

SEC("tp_btf/inet_sock_set_state")
int UNPREEMPTED_PROG(so_tcp_state, const struct sock *sk, const int oldstate, const int newstate)
{
	if (BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP)
		return 0;
	return observe_tcp_state((struct sock *)sk, oldstate, newstate);
}

/* ---- processes that were there before */

static __always_inline void iter_describe(struct tt_iter_task *out, struct task_struct *task)
{
	struct task_struct *parent = BPF_CORE_READ(task, real_parent);

	out->pid = task->tgid;
	out->tid = task->pid;
	out->ppid = BPF_CORE_READ(parent, tgid);
	out->uid = BPF_CORE_READ(task, cred, euid.val);
	out->start_ns = process_start(task);
	out->parent_start_ns = BPF_CORE_READ(parent, group_leader, start_boottime);
	BPF_CORE_READ_STR_INTO(&out->comm, task, group_leader, comm);
}

/* Every process with memory of its own, in pid order. */
SEC("iter/task")
int it_list(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct tt_iter_task out = {};
	struct tt_task_state *state;

	if (!task || task->pid != task->tgid || !BPF_CORE_READ(task, mm))
		return 0;
	iter_describe(&out, task);
	state = task_state_get(task);
	if (state)
		out.slot = state->slot;
	bpf_seq_write(ctx->meta->seq, &out, sizeof(out));
	return 0;
}

/* Binds every thread of the processes in `attach`, and of children they forked meanwhile, to their slot.
 * Reports what it bound, so that user space repeats the walk until nothing is reported: from then on
 * pr_fork hands everything on. */
SEC("iter/task")
int it_attach(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct tt_iter_task out = {};
	struct tt_task_state *state;
	struct tt_attach *listed, bind;
	__u32 pid;

	if (!task)
		return 0;
	pid = task->tgid;
	listed = bpf_map_lookup_elem(&attach, &pid);
	if (listed) {
		bind = *listed;
	} else {
		pid = BPF_CORE_READ(task, real_parent, tgid);
		listed = bpf_map_lookup_elem(&attach, &pid);
		if (!listed)
			return 0;
		bind.slot = listed->slot;
		bind.run = 0;
		pid = task->tgid;
		bpf_map_update_elem(&attach, &pid, &bind, BPF_NOEXIST);
	}
	state = task_state_get(task);
	if (state && state->slot == bind.slot)
		return 0;
	if (state) {
		__u64 held = state->slot;

		if (!bind.run && bpf_map_lookup_elem(&slots, &held))
			return 0; /* watched already, by another session */
	} else {
		state = task_state_make(task);
		if (!state) {
			count(TT_LOSS_STORAGE, 1);
			return 0;
		}
		/* asked only now: who is not exiting yet finds this state in pr_exit */
		if (task->flags & PF_EXITING) {
			task_state_drop(task);
			return 0;
		}
	}
	task_state_bind(state, bind.slot);
	state->want_env = bind.run;
	iter_describe(&out, task);
	out.slot = bind.slot;
	bpf_seq_write(ctx->meta->seq, &out, sizeof(out));
	return 0;
}
