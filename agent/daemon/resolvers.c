/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/resolvers.h"

#include <errno.h>
#include <uthash.h>

#include "daemon/names.h"
#include "util/util.h"
#include "wire/resolver.h"

/* Of these few live longer than a question; the oldest make room. */
#define STREAMS_MAX 64

struct stream {
	uint64_t sock_id;
	struct tt_process_key process; /* who sent its first bytes */
	uint64_t next; /* offset of what has to come */
	bool lost; /* something is missing, or makes no sense: there is no going on */
	size_t at, len; /* of data: at is 0 at the beginning of the stream only */
	uint8_t data[TT_PAYLOAD_MAX];
	UT_hash_handle hh;
};

struct tt_resolvers {
	struct tt_names *names;
	struct stream *streams;
};

int tt_resolvers_new(struct tt_names *names, struct tt_resolvers **ret)
{
	struct tt_resolvers *resolvers = calloc(1, sizeof(*resolvers));

	if (!resolvers)
		return -ENOMEM;
	resolvers->names = names;
	*ret = resolvers;
	return 0;
}

static void forget(struct tt_resolvers *resolvers, struct stream *stream)
{
	HASH_DEL(resolvers->streams, stream);
	free(stream);
}

void tt_resolvers_free(struct tt_resolvers *resolvers)
{
	if (!resolvers)
		return;
	tt_resolvers_settle(resolvers, NULL);
	free(resolvers);
}

static struct stream *stream_of(struct tt_resolvers *resolvers, const struct tt_event *event)
{
	struct stream *stream;

	HASH_FIND(hh, resolvers->streams, &event->payload.sock_id, sizeof(stream->sock_id), stream);
	if (stream)
		return stream;
	if (HASH_COUNT(resolvers->streams) >= STREAMS_MAX)
		forget(resolvers, resolvers->streams);
	stream = calloc(1, sizeof(*stream));
	if (!stream)
		return NULL;
	stream->sock_id = event->payload.sock_id;
	stream->process = event->process;
	HASH_ADD(hh, resolvers->streams, sock_id, sizeof(stream->sock_id), stream);
	return stream;
}

/* What was parsed makes room, but for a byte that says that this is not the beginning any more. */
static void compact(struct stream *stream)
{
	if (stream->at <= 1)
		return;
	memmove(stream->data + 1, stream->data + stream->at, stream->len - stream->at);
	stream->len -= stream->at - 1;
	stream->at = 1;
}

/* False: it is not what comes next, or only the first part of what was sent, or does not fit. */
static bool add(struct stream *stream, const struct tt_event_payload *payload)
{
	compact(stream);
	if (payload->offset != stream->next || payload->len != payload->total ||
	    payload->len > sizeof(stream->data) - stream->len)
		return false;
	memcpy(stream->data + stream->len, payload->data, payload->len);
	stream->len += payload->len;
	stream->next += payload->len;
	return true;
}

int tt_resolvers_payload(struct tt_resolvers *resolvers, const struct tt_event *event,
			 const struct tt_process *process, int64_t to_epoch_ns)
{
	enum tt_resolver which = event->payload.port;
	struct stream *stream;
	char name[TT_HOST_MAX];
	struct tt_told told = {
		.source = which == TT_RESOLVER_NSCD ? TT_NAME_NSCD : TT_NAME_RESOLVED,
		.name = name,
	};
	enum tt_wire_result result;
	int r = 0;

	if (which > TT_RESOLVER_DBUS)
		return 0;
	stream = stream_of(resolvers, event);
	if (!stream)
		return -ENOMEM;
	if (stream->lost)
		return 0;
	if (!add(stream, &event->payload)) {
		stream->lost = true;
		return 0;
	}
	do {
		result = tt_resolver_question(which, stream->data, stream->len, &stream->at, name,
					      &told.type);
		if (result == TT_WIRE_FOUND)
			r = tt_names_told(resolvers->names, &told, process, event->time_ns, to_epoch_ns);
	} while (r == 0 && (result == TT_WIRE_FOUND || result == TT_WIRE_NONE));
	stream->lost = r == 0 && result == TT_WIRE_OTHER;
	return r;
}

void tt_resolvers_settle(struct tt_resolvers *resolvers, const struct tt_process_table *table)
{
	struct stream *stream, *next;

	HASH_ITER (hh, resolvers->streams, stream, next) {
		if (!table || !tt_process_find(table, &stream->process))
			forget(resolvers, stream);
	}
}
