/* SPDX-License-Identifier: Apache-2.0 */
/* What TCP connections say: name servers' messages, and the host that the process means. A connection to another host than its
 * row says leaves that row. */
#include "daemon/connections_internal.h"

#include <arpa/inet.h>
#include <errno.h>

#include "util/util.h"
#include "wire/dns.h"
#include "wire/stream.h"

/* The first bytes of one way of a TCP connection. */
struct tt_connections_stream {
	size_t len, parsed;
	uint8_t data[TT_PAYLOAD_MAX];
};

/* The connection is to the first of these hosts; the others are what else it was called. */
static void name_flow(struct tt_connections *connections, struct tt_connections_flow *flow,
		      const struct tt_name names[], unsigned n, int64_t to_epoch_ns)
{
	struct tt_connections_row *row = flow->row, *other;
	const struct tt_name *name = &names[0];
	char *json = tt_connections_names_json(names, n);
	bool same = tt_streq(row->host, name->text);

	if (same && row->source == name->source && !json)
		return;
	/* as expected, and now known better; or nobody else is in this row, nor in one of that name */
	other = same ? row : tt_connections_find(connections, &row->place, name->text);
	if (!other && row->count == 1)
		other = row;
	if (other == row) {
		tt_connections_rename(connections, row, name);
		/* alone in its row: what it was only expected to be is settled */
		if (row->count == 1)
			free(TAKE_PTR(row->names));
		tt_connections_keep_names(row, json);
		tt_connections_put(connections, row, to_epoch_ns);
		return;
	}
	/* another host at the same address: the connection leaves this row, with what it has carried */
	if (!other) {
		other = tt_connections_new_row(connections, &row->place, &row->connect, &row->process_id,
					       tt_connections_next_row_id(connections), name);
		if (!other) {
			free(json);
			return;
		}
		other->first_ns = row->last_ns;
	}
	tt_connections_keep_names(other, json);
	tt_connections_move_flow(flow, other);
	tt_connections_put(connections, row, to_epoch_ns);
	tt_connections_put(connections, other, to_epoch_ns);
}

/* Appends what comes next in the stream. False: something before it is missing, or it is full. */
static bool stream_add(struct tt_connections_stream *stream, const struct tt_event_payload *payload)
{
	size_t skip, n;

	if (payload->offset > stream->len || payload->offset + payload->len < stream->len)
		return false;
	skip = stream->len - payload->offset;
	n = payload->len - skip;
	if (n > sizeof(stream->data) - stream->len)
		n = sizeof(stream->data) - stream->len;
	memcpy(stream->data + stream->len, (const uint8_t *)payload->data + skip, n);
	stream->len += n;
	return n > 0;
}

static int tcp_dns(struct tt_connections *connections, struct tt_connections_stream *stream,
		   const struct tt_process *process, uint64_t now_ns, int64_t to_epoch_ns)
{
	const void *message;
	size_t len;
	int r = 0;

	while (r >= 0 &&
	       tt_dns_next(stream->data, stream->len, &stream->parsed, &message, &len) == TT_WIRE_FOUND) {
		struct tt_dns dns;

		if (tt_dns_parse(message, len, &dns) == 0)
			r = tt_names_dns(connections->params.names, &dns, process, now_ns, to_epoch_ns);
	}
	return r;
}

/* The address that is given instead of a name. 0: it is none. */
static uint16_t literal_family(const char *host, uint8_t ret_addr[16])
{
	memset(ret_addr, 0, 16);
	if (inet_pton(AF_INET, host, ret_addr) == 1)
		return AF_INET;
	return inet_pton(AF_INET6, host, ret_addr) == 1 ? AF_INET6 : 0;
}

/* Whether this is one of the names for which the connection's address was the answer: then it was meant, whichever was expected. */
static bool was_told(struct tt_connections *connections, const struct tt_connections_row *row,
		     const struct tt_process *process, const char *host)
{
	struct tt_address address = tt_address_plain(row->place.family, row->place.addr);

	return tt_names_was_told(connections->params.names, address.family, address.addr, process, host);
}

/* Room for these: with each address that a proxy was asked for comes whose it is. */
#define NAMES_MAX (2 * TT_STREAM_NAMES_MAX + 1)

/* What the stream says, the outermost first: who the process means, behind whatever it goes through. An address that a proxy was
 * asked for comes behind all names, and behind what the process resolved to it; any other is the connection's own, and says nothing. Then what was
 * expected, if it differs. */
static unsigned all_names(struct tt_connections *connections, const struct tt_stream *found,
			  const struct tt_connections_flow *flow, const struct tt_process *process,
			  uint64_t now_ns, struct tt_name ret[NAMES_MAX])
{
	struct tt_name told[TT_NAMES_MAX];
	uint8_t addr[16];
	uint16_t family;
	unsigned n = 0;

	for (unsigned i = 0; i < found->n; i++) {
		if (!literal_family(found->names[i].name, addr))
			ret[n++] = (struct tt_name){ found->names[i].name, found->names[i].source,
						     TT_NAME_SURE };
	}
	for (unsigned i = 0; i < found->n; i++) {
		family = tt_connections_is_behind_proxy(found->names[i].source)
				 ? literal_family(found->names[i].name, addr)
				 : 0;
		if (!family)
			continue;
		if (tt_connections_expected_at(connections, family, addr, process, now_ns, told) &&
		    told[0].confidence == TT_NAME_SURE)
			ret[n++] = told[0];
		ret[n++] = (struct tt_name){ found->names[i].name, found->names[i].source, TT_NAME_SURE };
	}
	if (n > 0 && flow->expected &&
	    (tt_connections_is_behind_proxy(ret[0].source) ||
	     !was_told(connections, flow->row, process, ret[0].text)))
		ret[n++] = (struct tt_name){ flow->expected, flow->expected_source, TT_NAME_UNSURE };
	return n;
}

int tt_connections_stream(struct tt_connections *connections, const struct tt_event *event,
			  const struct tt_process *process, int64_t to_epoch_ns)
{
	const struct tt_event_payload *payload = &event->payload;
	struct tt_connections_flow *flow = tt_connections_find_flow(connections, payload->sock_id);
	struct tt_connections_stream **way;
	struct tt_stream found;
	struct tt_name names[NAMES_MAX];
	enum tt_wire_result result;
	unsigned n;
	bool is_dns;

	if (!flow)
		return 0;
	is_dns = flow->row->place.port == TT_PORT_DNS;
	if ((flow->named || payload->inbound) && !is_dns)
		return 0;
	way = &flow->ways[payload->inbound];
	if (!*way)
		*way = calloc(1, sizeof(**way));
	if (!*way)
		return -ENOMEM;
	if (!stream_add(*way, payload))
		return 0;
	if (is_dns)
		return tcp_dns(connections, *way, process, event->time_ns, to_epoch_ns);
	result = tt_stream_names((*way)->data, (*way)->len, flow->row->place.port, &found);
	n = all_names(connections, &found, flow, process, event->time_ns, names);
	if (n > 0) {
		tt_connections_tell_named(connections, process, names[0].text);
		name_flow(connections, flow, names, n, to_epoch_ns);
	}
	if (result != TT_WIRE_MORE || (*way)->len == sizeof((*way)->data)) {
		flow->named = true;
		free(*way);
		*way = NULL;
		free(flow->expected);
		flow->expected = NULL;
	}
	return 0;
}
