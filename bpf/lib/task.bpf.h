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
	struct tt_task_state *state;
	struct tt_slot *slot;
	__u64 slot_id;
	__u64 start_ns;
	__u32 pid, tid;
};

static __always_inline void count(__u32 counter)
{
	__u64 *n = bpf_map_lookup_elem(&counters, &counter);

	/* a program in an interrupt, or a sleepable one that was moved, may be counting as well */
	if (n)
		__sync_fetch_and_add(n, 1);
}

static __always_inline void count_stat(enum tt_stat stat)
{
	count(TT_LOSS_KINDS + stat);
}

static __always_inline void count_loss(struct tt_slot *slot, enum tt_loss kind)
{
	if (slot)
		__sync_fetch_and_add(&slot->lost[kind], 1);
	else
		count(kind);
}

static __always_inline __u64 process_start(struct task_struct *task)
{
	return task_read(task, group_leader, start_boottime);
}

/* ---- what a thread carries: in its task storage, or in a table by its address. The storage goes with the task; from the
 * table an exiting thread is taken by pr_exit, so whoever may be past it must not be put there. */

static __always_inline struct tt_task_state *task_state_get(struct task_struct *task)
{
	__u64 key = (__u64)task;

	if (task_storage)
		return bpf_task_storage_get(&tasks, task, NULL, 0);
	return bpf_map_lookup_elem(&task_table, &key);
}

/* Its state, all zeros if it had none. */
static __always_inline struct tt_task_state *task_state_make(struct task_struct *task)
{
	struct tt_task_state fresh = {};
	__u64 key = (__u64)task;

	if (task_storage)
		return bpf_task_storage_get(&tasks, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	bpf_map_update_elem(&task_table, &key, &fresh, BPF_NOEXIST);
	return bpf_map_lookup_elem(&task_table, &key);
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
		state = task_state_get(task_read(task, group_leader));
	return state;
}

/* ---- who is watched */

static __always_inline bool subject_with(struct subject *s, struct task_struct *task,
					 struct tt_task_state *state)
{
	s->task = task;
	s->state = state;
	s->slot = NULL;
	if (!s->state || stopped)
		return false;

	s->slot_id = s->state->slot;
	s->pid = task_read(task, tgid);
	s->tid = task_read(task, pid);
	s->start_ns = process_start(task);
	return true;
}

/* True and *s filled, but for the slot, when current carries a slot's number. Whoever is about to record something new
 * asks subject_slot() as well; what is only counted again can do without (agg_note). */
static __always_inline bool subject_marked(struct subject *s)
{
	struct task_struct *task = current_task();

	return subject_with(s, task, task_state(task));
}

/* Finds the slot. A task whose slot is gone (verdict IGNORED, or its session is over) drops its storage here, so that
 * it costs as little as any other from then on. */
static __always_inline bool subject_slot(struct subject *s)
{
	s->slot = bpf_map_lookup_elem(&slots, &s->slot_id);
	if (!s->slot)
		task_state_drop(s->task);
	return s->slot;
}

/* True and *s filled when current is watched. */
static __always_inline bool subject_current(struct subject *s)
{
	return subject_marked(s) && subject_slot(s);
}

/* The same for a thread that came from user mode, which an io_uring worker never does. In a sleepable program
 * the verifier does not believe task->group_leader, without which task_state() cannot do. */
static __always_inline bool subject_in_user_mode(struct subject *s)
{
	struct task_struct *task = current_task();

	return subject_with(s, task, task_state_get(task));
}

/* Grows with each successful rename by a task of the slot, and when the slot goes: names that were sent before have to be
 * sent anew, by those who still may. Slots may share one, at the cost of a name sent in vain. */
static __always_inline __u32 *slot_epoch(const struct subject *s)
{
	__u32 index = s->slot_id & (TT_EPOCHS - 1);

	return bpf_map_lookup_elem(&epochs, &index);
}

static __always_inline void renamed(const struct subject *s)
{
	__u32 *epoch = slot_epoch(s);

	if (epoch)
		__sync_fetch_and_add(epoch, 1);
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

static __always_inline void header(struct tt_ev_header *hdr, const struct subject *s, __u16 type, __u32 size,
				   __u64 now)
{
	hdr->size = size;
	hdr->type = type;
	hdr->flags = 0;
	hdr->time_ns = now;
	hdr->slot = s->slot_id;
	hdr->start_ns = s->start_ns;
	hdr->pid = s->pid;
	hdr->tid = s->tid;
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

static __always_inline void send_note(const struct subject *sub, enum tt_note note, __u64 value)
{
	struct tt_ev_note *ev = bpf_ringbuf_reserve(&activity, sizeof(*ev), 0);

	if (!ev) {
		count_loss(sub->slot, TT_LOSS_NOTE);
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
