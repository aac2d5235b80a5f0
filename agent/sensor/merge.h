/* SPDX-License-Identifier: Apache-2.0 */
/* Two rings, one order: records are queued as they are drained and delivered by time up to a watermark.
 *
 * Draining one ring after the other does not order them: an exit can be read before an open that came
 * first. The caller reads the clock (minus a slack for records whose time was taken but whose place
 * was not), drains activity, then lifecycle, and delivers what is not newer than that. Within a ring records
 * are nearly sorted; the queue keeps them sorted by insertion. An exec waits for its environment. */
#ifndef TT_SENSOR_MERGE_H
#define TT_SENSOR_MERGE_H

#include "sensor/decode.h"

enum tt_ring { TT_RING_LIFECYCLE, TT_RING_ACTIVITY, TT_RINGS };

struct tt_merge;

int tt_merge_new(struct tt_decoder *decoder, struct tt_merge **ret);
void tt_merge_free(struct tt_merge *merge);

/* Copies a record in. -EBADMSG malformed, -ENOMEM. */
int tt_merge_add(struct tt_merge *merge, enum tt_ring ring, const void *record, size_t len);
/* Bytes queued; and the newest time queued of a ring (0: none). */
size_t tt_merge_bytes(const struct tt_merge *merge);
uint64_t tt_merge_newest(const struct tt_merge *merge, enum tt_ring ring);

/* Delivers all records with time <= watermark_ns. now_ns: how long an exec may wait for its environment; UINT64_MAX:
 * not at all, nothing can come any more.
 * Returns 0, or what fn returned (the record counts as delivered). *ret_delivered is increased. */
int tt_merge_deliver(struct tt_merge *merge, uint64_t watermark_ns, uint64_t now_ns, tt_event_fn fn,
		     void *arg, uint64_t *ret_delivered, uint64_t *ret_malformed);

#endif
