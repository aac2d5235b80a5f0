/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/merge.h"

#include <errno.h>

#include "util/util.h"

/* The environment's chunks are written right behind the exec: 50 ms is a reader that was not scheduled,
 * not a writer that is still at it. After that what is missing counts as lost. */
#define ENV_WAIT_NS UINT64_C(50000000)

struct item {
	uint64_t time_ns;
	size_t at; /* in the queue's memory */
	uint32_t size;
	uint16_t type;
};

struct queue {
	char *memory;
	size_t len, cap;
	struct item *items;
	size_t head, n, items_cap;
};

struct tt_merge {
	struct tt_decoder *decoder;
	struct queue queues[TT_RINGS];
};

int tt_merge_new(struct tt_decoder *decoder, struct tt_merge **ret)
{
	struct tt_merge *merge = calloc(1, sizeof(*merge));

	if (!merge)
		return -ENOMEM;
	merge->decoder = decoder;
	*ret = merge;
	return 0;
}

void tt_merge_free(struct tt_merge *merge)
{
	if (!merge)
		return;
	for (size_t i = 0; i < TT_RINGS; i++) {
		free(merge->queues[i].memory);
		free(merge->queues[i].items);
	}
	free(merge);
}

static int queue_reserve(struct queue *queue, size_t len)
{
	if (queue->len + len > queue->cap) {
		size_t cap = queue->cap ? queue->cap : 65536;
		char *memory;

		while (cap < queue->len + len)
			cap *= 2;
		memory = realloc(queue->memory, cap);
		if (!memory)
			return -ENOMEM;
		queue->memory = memory;
		queue->cap = cap;
	}
	if (queue->n == queue->items_cap) {
		size_t cap = queue->items_cap ? queue->items_cap * 2 : 1024;
		struct item *items = realloc(queue->items, cap * sizeof(*items));

		if (!items)
			return -ENOMEM;
		queue->items = items;
		queue->items_cap = cap;
	}
	return 0;
}

int tt_merge_add(struct tt_merge *merge, enum tt_ring ring, const void *record, size_t len)
{
	struct queue *queue = &merge->queues[ring];
	const struct tt_ev_header *hdr = record;
	int size = tt_decode_size(record, len), r;
	struct item item;
	size_t i;

	if (size < 0)
		return size;
	r = queue_reserve(queue, (size_t)size);
	if (r < 0)
		return r;
	item = (struct item){
		.time_ns = hdr->time_ns, .at = queue->len, .size = (uint32_t)size, .type = hdr->type
	};
	memcpy(queue->memory + queue->len, record, (size_t)size);
	queue->len += ((size_t)size + 7) & ~(size_t)7;
	if (queue->len > queue->cap)
		queue->len = queue->cap;
	for (i = queue->n; i > queue->head && queue->items[i - 1].time_ns > item.time_ns; i--)
		queue->items[i] = queue->items[i - 1];
	queue->items[i] = item;
	queue->n++;
	return 0;
}

size_t tt_merge_bytes(const struct tt_merge *merge)
{
	return merge->queues[TT_RING_LIFECYCLE].len + merge->queues[TT_RING_ACTIVITY].len;
}

uint64_t tt_merge_newest(const struct tt_merge *merge, enum tt_ring ring)
{
	const struct queue *queue = &merge->queues[ring];

	return queue->n > queue->head ? queue->items[queue->n - 1].time_ns : 0;
}

/* What was delivered goes; what remains moves to the front. */
static void queue_compact(struct queue *queue)
{
	size_t left = queue->n - queue->head, len = 0;

	if (queue->head == 0)
		return;
	if (left > 0) {
		/* records lie in order of arrival, items in order of time: copy into fresh order */
		char *memory = malloc(queue->cap);

		if (!memory)
			return; /* later then: nothing is wrong, only not tidy */
		for (size_t i = 0; i < left; i++) {
			struct item *item = &queue->items[queue->head + i];

			memcpy(memory + len, queue->memory + item->at, item->size);
			item->at = len;
			queue->items[i] = *item;
			len += ((size_t)item->size + 7) & ~(size_t)7;
		}
		free(queue->memory);
		queue->memory = memory;
	}
	queue->len = len;
	queue->n = left;
	queue->head = 0;
	/* a burst's memory is not kept for ever */
	if (left == 0 && queue->cap > (1 << 20)) {
		free(queue->memory);
		queue->memory = NULL;
		queue->cap = 0;
	}
}

/* Feeds the exec's environment chunks, which carry the exec's time, to the decoder. False: some are still
 * to come. */
static bool feed_environment(struct tt_merge *merge, struct queue *queue, const struct tt_ev_exec *exec,
			     bool wait)
{
	size_t want = exec->env_bytes, have = 0;

	if (want > (size_t)TT_ENV_CHUNKS_MAX * TT_ENV_CHUNK_MAX)
		want = (size_t)TT_ENV_CHUNKS_MAX * TT_ENV_CHUNK_MAX;
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = queue->head + 1; i < queue->n && queue->items[i].time_ns == exec->hdr.time_ns;
		     i++) {
			const struct tt_ev_exec_env *env = (const void *)(queue->memory + queue->items[i].at);

			if (env->hdr.type != TT_EV_EXEC_ENV || env->hdr.pid != exec->hdr.pid)
				continue;
			if (pass == 0)
				have += queue->items[i].size >= sizeof(*env) ? env->len : 0;
			else
				tt_decode_env_chunk(merge->decoder, env, queue->items[i].size);
		}
		if (pass == 0 && have < want && wait)
			return false;
	}
	return true;
}

static bool may_wait(const struct item *exec, uint64_t now_ns)
{
	return now_ns != UINT64_MAX && now_ns >= exec->time_ns && now_ns - exec->time_ns < ENV_WAIT_NS;
}

static bool queue_ready(const struct queue *queue, uint64_t watermark_ns)
{
	return queue->head < queue->n && queue->items[queue->head].time_ns <= watermark_ns;
}

int tt_merge_deliver(struct tt_merge *merge, uint64_t watermark_ns, uint64_t now_ns, tt_event_fn fn,
		     void *arg, uint64_t *ret_delivered, uint64_t *ret_malformed)
{
	struct queue *lifecycle = &merge->queues[TT_RING_LIFECYCLE],
		     *activity = &merge->queues[TT_RING_ACTIVITY];
	int r = 0;

	for (;;) {
		bool l = queue_ready(lifecycle, watermark_ns), a = queue_ready(activity, watermark_ns);
		struct queue *queue = lifecycle;
		const struct item *item;
		struct tt_event event;
		const void *record;

		if (!l && !a)
			break;
		if (!l || (a && activity->items[activity->head].time_ns <
					lifecycle->items[lifecycle->head].time_ns))
			queue = activity;
		item = &queue->items[queue->head];
		record = queue->memory + item->at;
		if (item->type == TT_EV_EXEC_ENV) {
			queue->head++; /* was fed with its exec */
			continue;
		}
		if (item->type == TT_EV_EXEC && item->size >= sizeof(struct tt_ev_exec) &&
		    ((const struct tt_ev_exec *)record)->hdr.flags & TT_EVF_CANDIDATE &&
		    !feed_environment(merge, queue, record, may_wait(item, now_ns)))
			break;
		r = tt_decode(merge->decoder, record, item->size, &event);
		queue->head++;
		if (r < 0) {
			(*ret_malformed)++;
			r = 0;
			continue;
		}
		(*ret_delivered)++;
		r = fn(&event, arg);
		if (r != 0)
			break;
	}
	queue_compact(lifecycle);
	queue_compact(activity);
	return r;
}
