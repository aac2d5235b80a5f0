/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Is this task ours? The first thing every hook asks. */
#ifndef TT_BPF_TASK_H
#define TT_BPF_TASK_H

#include "compat.bpf.h"
#include "maps.bpf.h"

#define PF_EXITING   0x00000004
#define PF_IO_WORKER 0x00000010

/* What a hook knows once it has found out that the task is watched. */
struct subject {
	struct task_struct *task;
	struct tt_task_state *state; /* whose it is and in which slot */
};

static __always_inline void count(__u32 counter, __u64 n)
{
	__u64 *sum = bpf_map_lookup_elem(&counters, &counter);

	/* a program in an interrupt, or a sleepable one that was moved, may be counting as well */
	if (sum)
		__sync_fetch_and_add(sum, n);
}

static __always_inline void count_stat(enum tt_stat stat)
{
	count(TT_LOSS_KINDS + stat, 1);
}

/* Of a slot that is gone it is nobody's. */
static __always_inline void count_losses(__u64 slot_id, enum tt_loss kind, __u64 n)
{
	struct tt_slot *slot = bpf_map_lookup_elem(&slots, &slot_id);

	if (slot)
		__sync_fetch_and_add(&slot->lost[kind], n);
	else
		count(kind, n);
}

static __always_inline void count_loss(__u64 slot_id, enum tt_loss kind)
{
	count_losses(slot_id, kind, 1);
}

static __always_inline __u64 process_start(struct task_struct *task)
{
	return task_read(task, group_leader, start_boottime);
}

/* ---- what a thread carries: in its task storage, or in a table by its address. The storage goes with the task; from the
 * table an exiting thread is taken by pr_exit, so whoever may be past it must not be put there. */

/* Whether it carries nothing at all, as most do: one load, where the look-up below is a call. False where that is not known. */
static __always_inline bool task_is_plain(struct task_struct *task)
{
	return task_storage && !task_read(task, bpf_storage);
}

static __always_inline struct tt_task_state *task_state_get(struct task_struct *task)
{
	__u64 key = (__u64)task;

	if (task_storage)
		return bpf_task_storage_get(&tasks, task, NULL, 0);
	return bpf_map_lookup_elem(&task_table, &key);
}

/* Its state, all zeros but for whose it is if it had none. */
static __always_inline struct tt_task_state *task_state_make(struct task_struct *task)
{
	struct tt_task_state fresh = {}, *state;
	__u64 key = (__u64)task;

	if (task_storage) {
		state = bpf_task_storage_get(&tasks, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	} else {
		bpf_map_update_elem(&task_table, &key, &fresh, BPF_NOEXIST);
		state = bpf_map_lookup_elem(&task_table, &key);
	}
	if (state) {
		state->start_ns = process_start(task);
		state->pid = task_read(task, tgid);
	}
	return state;
}

static __always_inline void task_state_drop(struct task_struct *task)
{
	__u64 key = (__u64)task;

	if (task_storage)
		bpf_task_storage_delete(&tasks, task);
	else
		bpf_map_delete_elem(&task_table, &key);
}

/* The state of who acts; threads that io_uring starts have none, their process's leader has. */
static __always_inline struct tt_task_state *task_state(struct task_struct *task)
{
	struct tt_task_state *state = task_state_get(task);

	if (!state && (task_read(task, flags) & PF_IO_WORKER))
		state = task_state_get(task_leader(task));
	return state;
}

/* ---- who is watched */

static __always_inline bool subject_with(struct subject *s, struct task_struct *task,
					 struct tt_task_state *state)
{
	s->task = task;
	s->state = state;
	return state;
}

/* True and *s filled when current carries a slot's number. Whoever is about to record something new asks subject_alive() as
 * well; what is only counted again can do without (agg_note). */
static __always_inline bool subject_marked(struct subject *s)
{
	struct task_struct *task = current_task();

	return subject_with(s, task, task_state(task));
}

/* Grows with each successful rename by a task of the slot, and when the slot goes: names that were sent before have to be
 * sent anew, by those who still may. Slots may share one, at the cost of a name sent in vain. */
static __always_inline volatile __u32 *slot_epoch(__u64 slot_id)
{
	return &epochs[slot_id & (TT_EPOCHS - 1)];
}

/* Whether the slot is there still; epoch: its, read before. A task whose slot is gone (verdict IGNORED, or its session is over) drops its storage
 * here, so that it costs as little as any other from then on. */
static __always_inline bool subject_alive_at(struct subject *s, __u32 epoch)
{
	__u64 slot_id = s->state->slot;

	if (stopped)
		return false;
	if (s->state->epoch == epoch)
		return true;
	if (!bpf_map_lookup_elem(&slots, &slot_id)) {
		task_state_drop(s->task);
		return false;
	}
	s->state->epoch = epoch;
	return true;
}

static __always_inline bool subject_alive(struct subject *s)
{
	return subject_alive_at(s, *slot_epoch(s->state->slot));
}

/* Puts the task into a slot, of which nothing is known yet but its number. */
static __always_inline void task_state_bind(struct tt_task_state *state, __u64 slot_id)
{
	state->slot = slot_id;
	state->epoch = *slot_epoch(slot_id) - 1;
}

/* True and *s filled when current is watched. */
static __always_inline bool subject_current(struct subject *s)
{
	return subject_marked(s) && subject_alive(s);
}

/* The same for a thread that came from user mode, which an io_uring worker never does. In a sleepable program
 * the verifier does not believe task->group_leader, without which task_state() cannot do. */
static __always_inline bool subject_in_user_mode(struct subject *s)
{
	struct task_struct *task = current_task();

	return subject_with(s, task, task_state_get(task));
}

static __always_inline void renamed(const struct subject *s)
{
	__sync_fetch_and_add(slot_epoch(s->state->slot), 1);
}

/* A size that the verifier believes: without the barriers the compiler tests one register and passes another. */
static __always_inline __u64 at_most(__u64 n, __u64 max)
{
	barrier_var(n);
	if (n > max)
		n = max;
	barrier_var(n);
	return n;
}

static __always_inline void header_of(struct tt_ev_header *hdr, __u64 slot, __u64 start_ns, __u32 pid,
				      __u32 tid, __u16 type, __u32 size, __u64 now)
{
	hdr->size = size;
	hdr->type = type;
	hdr->flags = 0;
	hdr->time_ns = now;
	hdr->slot = slot;
	hdr->start_ns = start_ns;
	hdr->pid = pid;
	hdr->tid = tid;
}

static __always_inline void header(struct tt_ev_header *hdr, const struct subject *s, __u16 type, __u32 size,
				   __u64 now)
{
	struct task_struct *task = s->task;

	header_of(hdr, s->state->slot, s->state->start_ns, s->state->pid, task_read(task, pid), type, size,
		  now);
}

/* Bytes that wait in a ring when its reader is woken: a quarter and a sixteenth of the rings' default sizes. */
#define LIFECYCLE_WAKEUP (1 << 20)
#define ACTIVITY_WAKEUP	 (1 << 20)

/* The reader polls while anything is tracked. Wake it only when a ring fills faster than it polls: a wake-up costs
 * several times what the rest of an event costs. */
static __always_inline __u64 wakeup(void *ring, __u64 threshold)
{
	return bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA) > threshold ? BPF_RB_FORCE_WAKEUP
								      : BPF_RB_NO_WAKEUP;
}

/* The same for what comes often: one in 16 looks, as the clock has it. */
static __always_inline __u64 wakeup_sometimes(__u64 now)
{
	return now & 0xf00 ? BPF_RB_NO_WAKEUP : wakeup(&activity, ACTIVITY_WAKEUP);
}

static __always_inline void send_note(const struct subject *sub, enum tt_note note, __u64 value)
{
	struct tt_ev_note *ev = bpf_ringbuf_reserve(&activity, sizeof(*ev), 0);

	if (!ev) {
		count_loss(sub->state->slot, TT_LOSS_NOTE);
		return;
	}
	header(&ev->hdr, sub, TT_EV_NOTE, sizeof(*ev), bpf_ktime_get_boot_ns());
	ev->note = note;
	ev->pad = 0;
	ev->value = value;
	bpf_ringbuf_submit(ev, BPF_RB_NO_WAKEUP);
}

static __always_inline __u64 serial_next(void)
{
	__u32 zero = 0;
	__u64 *n = bpf_map_lookup_elem(&serial, &zero);

	/* n is never NULL: the array has an entry 0 */
	return ((__u64)bpf_get_smp_processor_id() + 1) << 44 | (n ? ++*n : 0);
}

#endif
