/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Aggregation: the first sighting of an operation goes out with its name, later ones only count.
 *
 * agg_counted() counts what is known, which is most, in as few steps as it can. For anything else agg_note() finds or makes
 * the entry, counts the operation and says what is due. The caller sends the full
 * record when one is, and tells agg_sent(). Nothing is evicted here. An entry that was
 * never sent holds its count until user space reads it: an operation is in a row or in the account
 * of losses, never nowhere. */
#ifndef TT_BPF_AGG_H
#define TT_BPF_AGG_H

#include "task.bpf.h"

enum agg_due {
	AGG_GONE, /* not watched any more: nothing to send */
	AGG_FIRST, /* send the full record: user space does not know the key yet */
	AGG_AGAIN, /* send it anew: a directory above may have been renamed */
	AGG_ALONE, /* not aggregated: send a full record that counts one */
};

static __always_inline __u32 due_flags(enum agg_due due)
{
	return due == AGG_AGAIN ? TT_EVF_AGAIN : due == AGG_ALONE ? TT_EVF_UNAGGREGATED : 0;
}

/* For identities that are nothing but their hash: two multiplications, so that no change of one word can be made up for by
 * one of the next without knowing the seed. */
static __always_inline __u64 mix(__u64 h, __u64 word)
{
	h ^= word;
	h *= 0xff51afd7ed558ccdULL;
	h ^= h >> 32;
	h *= 0xc4ceb9fe1a85ec53ULL;
	return h ^ (h >> 29);
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

static __always_inline __u64 agg_hash(const struct tt_agg_key *key, __u64 slot)
{
	const __u64 *words = (const void *)key;
	__u64 h = hash_seed;

	h = (h ^ slot ^ words[0] ^ words[3]) * 0xff51afd7ed558ccdULL;
	h = (h ^ words[1]) * 0xc4ceb9fe1a85ec53ULL;
	return (h ^ h >> 32 ^ words[2] ^ words[4]) * 0xff51afd7ed558ccdULL;
}

/* The key's entry; NULL: there is none, or it is another key's. */
static __always_inline struct tt_agg_value *agg_find(const struct agg_op *op)
{
	const __u64 *a = (const void *)&op->own.key, *b;
	struct tt_agg_value *value = bpf_map_lookup_elem(&agg, &op->hash);

	if (!value)
		return NULL;
	b = (const void *)&value->key;
	/* start_ns, the first word, and the slot matter only where a process's number was given again, or it got another slot:
	 * that they are in the hash is enough */
	return a[1] == b[1] && a[2] == b[2] && a[3] == b[3] && a[4] == b[4] ? value : NULL;
}

/* Counts the operation op->own.key, s's, and its bytes if nothing else is due; else *ret_value is what agg_note() wants.
 * s: marked. */
static __always_inline bool agg_counted_bytes(const struct subject *s, struct agg_op *op, __u64 now,
					      __u64 bytes, struct tt_agg_value **ret_value)
{
	struct tt_agg_value *value;
	__u64 n;

	op->hash = agg_hash(&op->own.key, s->state->slot);
	*ret_value = value = agg_find(op);
	/* What is known needs no slot: if that went, or the record was not sent, the epoch is another. */
	if (!value || value->epoch != *slot_epoch(s->state->slot) || value->last_ns < freeze_ns)
		return false;
	value->last_ns = now;
	if (bytes)
		__sync_fetch_and_add(&value->bytes, bytes);
	__sync_fetch_and_add(&value->count, 1);
	n = value->count;
	if (!(n & (n - 1)))
		agg_report(s, &op->own.key, value, n, now);
	return true;
}

static __always_inline bool agg_counted(const struct subject *s, struct agg_op *op, __u64 now,
					struct tt_agg_value **ret_value)
{
	return agg_counted_bytes(s, op, now, 0, ret_value);
}

/* After agg_counted_bytes() did not: finds or makes the entry and takes the record for sent. op->own has what the record says. */
static __always_inline enum agg_due agg_note_bytes(struct subject *s, struct agg_op *op,
						   struct tt_agg_value *value, __u64 now, __u64 bytes)
{
	__u32 epoch = *slot_epoch(s->state->slot), sent;

	if (!subject_alive_at(s, epoch))
		return AGG_GONE;
	op->own.first_ns = now;
	op->own.count = 1;
	op->own.bytes = bytes;
	if (!value) {
		op->own.slot = s->state->slot;
		op->own.last_ns = now;
		op->own.epoch = epoch;
		op->own.sent = 1;
		if (!bpf_map_update_elem(&agg, &op->hash, &op->own, BPF_NOEXIST))
			return AGG_FIRST;
		/* another thread was first, another key is there, or the map is full or busy */
		value = agg_find(op);
	}
	if (!value || value->last_ns < freeze_ns) {
		count_stat(TT_STAT_AGG_FULL);
		return AGG_ALONE;
	}
	value->last_ns = now;
	if (bytes)
		__sync_fetch_and_add(&value->bytes, bytes);
	__sync_fetch_and_add(&value->count, 1);
	op->own.first_ns = value->first_ns;
	op->own.count = value->count;
	op->own.bytes = value->bytes;
	sent = value->sent;
	value->epoch = epoch;
	value->sent = 1;
	return sent ? AGG_AGAIN : AGG_FIRST;
}

static __always_inline enum agg_due agg_note(struct subject *s, struct agg_op *op, struct tt_agg_value *value,
					     __u64 now)
{
	return agg_note_bytes(s, op, value, now, 0);
}

/* After an attempt to send: flags are the record's, error is the ring's answer. */
static __always_inline void agg_sent(const struct subject *s, const struct agg_op *op, __u32 flags,
				     enum tt_loss kind, long error)
{
	struct tt_agg_value *value;

	if (!error)
		return;
	if (flags & TT_EVF_UNAGGREGATED) {
		count_loss(s->state->slot, kind);
		return;
	}
	count_stat(TT_STAT_RETRY);
	value = agg_find(op);
	if (!value)
		return;
	value->epoch--;
	if (!(flags & TT_EVF_AGAIN))
		value->sent = 0;
}

#endif
