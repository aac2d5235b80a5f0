/* SPDX-License-Identifier: Apache-2.0 */
/* TCP connections from the attempt to the end: one row or another has each, and with it what it carries. */
#include "daemon/connections_internal.h"

#include <errno.h>

#include "util/util.h"

static void end_flow(struct tt_connections *connections, struct tt_connections_flow *flow)
{
	HASH_DEL(connections->flows, flow);
	flow->row->members--;
	free(flow->ways[0]);
	free(flow->ways[1]);
	free(flow->expected);
	free(flow);
}

struct tt_connections_flow *tt_connections_find_flow(struct tt_connections *connections, uint64_t sock_id)
{
	struct tt_connections_flow *flow;

	HASH_FIND(hh, connections->flows, &sock_id, sizeof(sock_id), flow);
	return flow;
}

static struct tt_connections_flow *new_flow(struct tt_connections *connections, const struct tt_event *event,
					    struct tt_connections_row *row)
{
	struct tt_connections_flow *flow = calloc(1, sizeof(*flow));

	if (!flow)
		return NULL;
	flow->sock_id = event->connect.sock_id;
	flow->process = event->process;
	flow->row = row;
	flow->expected = row->host ? strdup(row->host) : NULL;
	flow->expected_source = row->source;
	flow->seen = true;
	row->members++;
	HASH_ADD(hh, connections->flows, sock_id, sizeof(flow->sock_id), flow);
	return flow;
}

/* The first that is known of an attempt: its beginning, if it takes long, else its outcome. */
static int tcp_begins(struct tt_connections *connections, const struct tt_event *event,
		      const struct tt_process *process, int64_t to_epoch_ns)
{
	bool pending = event->connect.state == TT_CONN_CONNECTING,
	     goes_on = pending || event->connect.state == TT_CONN_ESTABLISHED ||
		       event->connect.state == TT_CONN_INHERITED;
	struct tt_name names[TT_NAMES_MAX];
	unsigned n = tt_connections_expected(connections, &event->connect, process, event->last_ns, names);
	struct tt_connections_place place = tt_connections_place_of(event);
	/* what is pending becomes something else: it has a row of its own */
	struct tt_connections_row *row = pending ? NULL
						 : tt_connections_find(connections, &place, names[0].text);
	bool is_new = !row;
	struct tt_connections_flow *flow = NULL;
	int r;

	if (!row)
		row = tt_connections_new_row(connections, &place, &event->connect, &process->id,
					     tt_connections_next_row_id(connections), &names[0]);
	if (row && is_new)
		tt_connections_keep_names(row, tt_connections_names_json(names, n));
	if (row && goes_on)
		flow = new_flow(connections, event, row);
	if (!row || (goes_on && !flow)) {
		if (row && is_new)
			tt_connections_forget_row(connections, row);
		return -ENOMEM;
	}
	if (is_new)
		row->first_ns = event->first_ns;
	row->count++;
	row->last_ns = event->last_ns;
	row->duration_ns += event->connect.duration_ns;
	if (flow)
		flow->duration_ns = event->connect.duration_ns;
	r = tt_connections_put(connections, row, to_epoch_ns);
	if (r < 0 && is_new) {
		if (flow)
			end_flow(connections, flow);
		tt_connections_forget_row(connections, row);
		/* the next sweep tells of it again, or its outcome does */
		return pending && !event->final ? 0 : r;
	}
	if (is_new && !flow && connections->n_rows > connections->params.max_rows)
		tt_connections_forget_row(connections, row);
	return 0;
}

/* An attempt that has its row ends: that becomes the outcome's. */
static int tcp_outcome(struct tt_connections *connections, struct tt_connections_flow *flow,
		       const struct tt_event *event, int64_t to_epoch_ns)
{
	struct tt_connections_row *row = flow->row;
	int r;

	tt_connections_unindex(connections, row);
	row->place.state = row->connect.state = event->connect.state;
	row->place.result = event->key.result;
	row->connect.local_port = event->connect.local_port;
	row->last_ns = event->last_ns;
	row->duration_ns = flow->duration_ns = event->connect.duration_ns;
	tt_connections_index(connections, row);
	r = tt_connections_put(connections, row, to_epoch_ns);
	if (event->connect.state != TT_CONN_ESTABLISHED)
		end_flow(connections, flow);
	return r == -ENOSPC ? -ESTALE : r;
}

int tt_connections_tcp(struct tt_connections *connections, const struct tt_event *event,
		       const struct tt_process *process, int64_t to_epoch_ns)
{
	struct tt_connections_flow *flow = tt_connections_find_flow(connections, event->connect.sock_id);

	if (!tt_connections_knows_state(event->connect.state))
		return -EBADMSG;
	if (!flow)
		return tcp_begins(connections, event, process, to_epoch_ns);
	if (event->connect.state == TT_CONN_CONNECTING) {
		flow->seen = true; /* shown already */
		return 0;
	}
	return tcp_outcome(connections, flow, event, to_epoch_ns);
}

int tt_connections_flow(struct tt_connections *connections, const struct tt_event *event, int64_t to_epoch_ns)
{
	struct tt_connections_flow *flow = tt_connections_find_flow(connections, event->flow.sock_id);
	uint64_t life = event->time_ns - event->flow.begin_ns;
	struct tt_connections_row *row;

	if (!flow)
		return 0;
	row = flow->row;
	row->measured = true;
	/* what the sweep tells of a connection may be older than what is known of it */
	row->sent += tt_grown(&flow->sent, event->flow.sent);
	row->received += tt_grown(&flow->received, event->flow.received);
	row->duration_ns += tt_grown(&flow->duration_ns, life);
	if (event->time_ns > row->last_ns)
		row->last_ns = event->time_ns;
	tt_connections_put(connections, row, to_epoch_ns);
	if (event->flow.ended)
		end_flow(connections, flow);
	if (!row->members && !row->owed && connections->n_rows > connections->params.max_rows)
		tt_connections_forget_row(connections, row);
	return 0;
}

void tt_connections_move_flow(struct tt_connections_flow *flow, struct tt_connections_row *to)
{
	struct tt_connections_row *from = flow->row;

	to->count++;
	to->members++;
	to->measured |= from->measured;
	to->sent += flow->sent;
	to->received += flow->received;
	to->duration_ns += flow->duration_ns;
	if (from->last_ns > to->last_ns)
		to->last_ns = from->last_ns;
	from->count--;
	from->members--;
	from->sent -= flow->sent;
	from->received -= flow->received;
	from->duration_ns -= flow->duration_ns;
	flow->row = to;
}

void tt_connections_settle_flows(struct tt_connections *connections, const struct tt_process_table *table)
{
	struct tt_connections_flow *flow, *next;

	HASH_ITER (hh, connections->flows, flow, next) {
		bool pending = flow->row->place.state == TT_CONN_CONNECTING;

		/* a socket may outlive its process in another's hands: its attempt goes on, and what it carries is not the
		 * process's any more */
		if (table && ((pending && flow->seen) || tt_process_find(table, &flow->process))) {
			flow->seen = false;
			continue;
		}
		end_flow(connections, flow);
	}
}
