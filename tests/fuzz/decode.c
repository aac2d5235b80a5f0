/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer entry: any bytes as the records of two rings. A byte chooses the ring, two the length that follows; what
 * is delivered is read to its last byte. Most inputs would fail at the size: it is put right for every other record. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sensor/merge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile size_t sink;

static void touch(const char *text)
{
	if (text)
		sink += strlen(text);
}

static void touch_exec(const struct tt_event_exec *exec)
{
	touch(exec->exe);
	touch(exec->cwd);
	touch(exec->filename);
	touch(exec->interp);
	for (const char *const *arg = exec->argv; *arg; arg++)
		touch(*arg);
	for (size_t i = 0; i < exec->n_env; i++) {
		touch(exec->env[i].name);
		touch(exec->env[i].value);
	}
}

static int take(const struct tt_event *event, void *arg)
{
	uint64_t *last = arg;

	if (event->time_ns < *last)
		abort();
	*last = event->time_ns;
	switch (event->type) {
	case TT_EVENT_EXEC:
		touch_exec(&event->exec);
		break;
	case TT_EVENT_FILE:
		if (!event->file.path && !event->file.spelling)
			abort();
		touch(event->file.path);
		touch(event->file.spelling);
		touch(event->file.target);
		break;
	case TT_EVENT_CONNECT:
		touch(event->connect.unix_path);
		touch(event->connect.unix_peer);
		break;
	case TT_EVENT_ENV:
		touch(event->env.name);
		break;
	default:
		break;
	}
	return 0;
}

static bool keep(const char *name, const char *value, char *ret, size_t cap, void *arg)
{
	size_t len = strlen(value);

	sink += strlen(name);
	if (!cap)
		abort();
	if (len >= cap)
		len = cap - 1;
	memcpy(ret, value, len);
	ret[len] = '\0';
	return len & 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char record[65536] __attribute__((aligned(8)));
	struct tt_decoder *decoder = NULL;
	struct tt_merge *merge = NULL;
	uint64_t delivered = 0, malformed = 0, last = 0;
	size_t at = 0;

	if (tt_decoder_new(keep, NULL, &decoder) < 0 || tt_merge_new(decoder, &merge) < 0)
		abort();
	while (size - at >= 3) {
		uint8_t how = data[at];
		size_t len = (size_t)data[at + 1] << 8 | data[at + 2];

		at += 3;
		if (len > size - at)
			len = size - at;
		memcpy(record, data + at, len);
		at += len;
		if (how & 2 && len >= sizeof(struct tt_ev_header))
			((struct tt_ev_header *)record)->size = (uint32_t)len;
		tt_merge_add(merge, how & 1, record, len);
		if (how & 4) {
			tt_merge_deliver(merge, UINT64_MAX, UINT64_MAX, take, &last, &delivered, &malformed);
			last = 0; /* what comes after may be older */
		}
	}
	tt_merge_deliver(merge, UINT64_MAX, UINT64_MAX, take, &last, &delivered, &malformed);
	if (tt_merge_bytes(merge) != 0)
		abort();
	tt_merge_free(merge);
	tt_decoder_free(decoder);
	return 0;
}
