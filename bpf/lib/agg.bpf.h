/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Aggregation: the first sighting of an operation goes out with its name, later ones only count.
 *
 * agg_note() finds or makes the entry, counts the operation and says what is due. The caller sends the full
 * record when one is, and tells agg_sent(). Nothing is evicted here. An entry that was
 * never sent holds its count until user space reads it: an operation is in a row or in the account
 * of losses, never nowhere. */
#ifndef TT_BPF_AGG_H
#define TT_BPF_AGG_H

#include "task.bpf.h"

enum agg_due {
	AGG_COUNTED, /* known: nothing to send */
	AGG_GONE, /* not watched any more: nothing to send */
	AGG_NEW, /* send the full record: the entry was made for it and says that it is sent */
	AGG_FIRST, /* send the full record of an entry that has not been sent yet */
	AGG_AGAIN, /* send it anew: a directory above may have been renamed */
	AGG_ALONE, /* not aggregated: send a full record that counts one */
};

static __always_inline bool agg_is_due(enum agg_due due)
{
	return due > AGG_GONE;
}

static __always_inline __u64 mix(__u64 h, __u64 word)
{
	h ^= word;
	h *= 0xff51afd7ed558ccdULL;
	return h ^ (h >> 32);
}

/* A key of this process's, where its record is being made: the map takes it from there. */
static __always_inline struct tt_agg_key *key_begin(struct tt_agg_key *key, const struct subject *s)
{
	__builtin_memset(key, 0, sizeof(*key));
	key->start_ns = s->start_ns;
	key->pid = s->pid;
	return key;
}

static __always_inline void agg_report(const struct subject *s, const struct tt_agg_key *key,
				       const struct tt_agg_value *value, __u64 count, __u64 now)
{
	struct tt_ev_count *ev = bpf_ringbuf_reserve(&activity, sizeof(*ev), 0);

	if (!ev) {
		count_stat(TT_STAT_REPORT);
		return;
	}
	header(&ev->hdr, s, TT_EV_COUNT, sizeof(*ev), now);
	ev->key = *key;
	ev->count = count;
	ev->bytes = value->bytes;
	bpf_ringbuf_submit(ev, BPF_RB_NO_WAKEUP);
}

/* An entry of one operation, whose record is about to be sent. Not inlined: its value is on the stack. */
static __noinline int agg_insert(const struct tt_agg_key *key, __u64 slot, __u64 now, __u32 epoch)
{
	struct tt_agg_value fresh = {
		.slot = slot, .first_ns = now, .last_ns = now, .count = 1, .epoch = epoch, .sent = 1
	};

	return bpf_map_update_elem(&agg, key, &fresh, BPF_NOEXIST);
}

/* s: marked. *ret: the entry, NULL where there is none or nothing but this operation is in it. */
static __always_inline enum agg_due agg_note(struct subject *s, const struct tt_agg_key *key, __u64 now,
					     struct tt_agg_value **ret)
{
	struct tt_agg_value *value = bpf_map_lookup_elem(&agg, key);
	__u32 *epoch = slot_epoch(s);
	__u64 n;

	*ret = NULL;
	if (!epoch) /* never: the array has them all */
		return AGG_GONE;
	/* What is known needs no slot: if that went, the epoch is another. */
	if (value && value->sent && value->slot == s->slot_id && value->epoch == *epoch &&
	    value->last_ns >= freeze_ns) {
		value->last_ns = now;
		__sync_fetch_and_add(&value->count, 1);
		n = value->count;
		if (!(n & (n - 1)))
			agg_report(s, key, value, n, now);
		return AGG_COUNTED;
	}
	if (!subject_slot(s))
		return AGG_GONE;
	if (!value) {
		if (!agg_insert(key, s->slot_id, now, *epoch))
			return AGG_NEW;
		/* another thread was first, or the map is full or busy */
		value = bpf_map_lookup_elem(&agg, key);
	}
	if (!value || value->last_ns < freeze_ns) {
		count_stat(TT_STAT_AGG_FULL);
		return AGG_ALONE;
	}
	value->last_ns = now;
	__sync_fetch_and_add(&value->count, 1);
	*ret = value;
	return value->sent ? AGG_AGAIN : AGG_FIRST;
}

/* After an attempt to send: error is the ring's answer. */
static __always_inline void agg_sent(const struct subject *s, const struct tt_agg_key *key, enum agg_due due,
				     struct tt_agg_value *value, enum tt_loss kind, long error)
{
	__u32 *epoch = slot_epoch(s);

	if (!error) {
		if (value && epoch) {
			value->epoch = *epoch;
			value->sent = 1;
		}
		return;
	}
	if (due == AGG_ALONE) {
		count_loss(s->slot, kind);
		return;
	}
	count_stat(TT_STAT_RETRY);
	if (due == AGG_NEW) {
		value = bpf_map_lookup_elem(&agg, key);
		if (value)
			value->sent = 0;
	}
}

#endif
