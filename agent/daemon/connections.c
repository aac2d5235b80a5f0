/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of connections: what makes one, how it is found again, how it is put; and what all parts have in common, from
 * making to settling. */
#include "daemon/connections_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/random.h>
#include <utlist.h>
#include <xxhash.h>

#include "classify/classify.h"
#include "util/util.h"

int tt_connections_new(const struct tt_connections_params *params, struct tt_connections **ret)
{
	struct tt_connections *connections = calloc(1, sizeof(*connections));

	if (!connections)
		return -ENOMEM;
	connections->params = *params;
	if (getrandom(&connections->seed, sizeof(connections->seed), GRND_NONBLOCK) < 0)
		connections->seed = (uintptr_t)connections;
	*ret = connections;
	return 0;
}

void tt_connections_unindex(struct tt_connections *connections, struct tt_connections_row *row)
{
	if (row->found)
		HASH_DELETE(hh, connections->places, row);
	row->found = false;
}

void tt_connections_forget_row(struct tt_connections *connections, struct tt_connections_row *row)
{
	tt_connections_unindex(connections, row);
	if (row->by_id.tbl)
		HASH_DELETE(by_id, connections->calls, row);
	if (row->by_end.tbl)
		HASH_DELETE(by_end, connections->ends, row);
	DL_DELETE(connections->rows, row);
	connections->n_rows--;
	free(row->unix_path);
	free(row->host);
	free(row->names);
	free(row);
}

void tt_connections_free(struct tt_connections *connections)
{
	if (!connections)
		return;
	tt_connections_settle(connections, NULL, 0);
	tt_connections_quics_free(connections);
	free(connections);
}

/* ---- rows */

static const char *const states[] = {
	[TT_CONN_NONE] = NULL,
	[TT_CONN_CONNECTING] = "connecting",
	[TT_CONN_ESTABLISHED] = "established",
	[TT_CONN_REFUSED] = "refused",
	[TT_CONN_TIMEOUT] = "timeout",
	[TT_CONN_FAILED] = "failed",
	[TT_CONN_ABORTED] = "aborted",
	[TT_CONN_INHERITED] = "inherited",
};

bool tt_connections_knows_state(uint8_t state)
{
	return state < ARRAY_SIZE(states);
}

/* A connect that is one call: its result is its state. */
static const char *state_of_call(const struct tt_connections_place *place)
{
	static const struct {
		int result;
		const char *state;
	} outcomes[] = { { -ECONNREFUSED, "refused" }, { -ETIMEDOUT, "timeout" } };

	for (size_t i = 0; i < ARRAY_SIZE(outcomes); i++) {
		if (place->result == outcomes[i].result)
			return outcomes[i].state;
	}
	if (place->result < 0)
		return "failed";
	switch (place->op) {
	case TT_OP_SEND:
	case TT_OP_SENT:
		return "sent";
	case TT_OP_RECEIVED:
		return "received";
	case TT_OP_LISTEN:
		return "listening";
	default:
		return "connected";
	}
}

static const char *direction(uint8_t op)
{
	return op == TT_OP_LISTEN ? "listen" : op == TT_OP_ACCEPT || op == TT_OP_RECEIVED ? "in" : "out";
}

static const char *protocol_name(const struct tt_event_connect *c, char buf[8])
{
	if (c->family == AF_UNIX)
		return "unix";
	if (c->protocol == IPPROTO_TCP)
		return "tcp";
	if (c->protocol == IPPROTO_UDP)
		return "udp";
	snprintf(buf, 8, "%u", c->protocol);
	return buf;
}

int tt_connections_put(struct tt_connections *connections, struct tt_connections_row *row,
		       int64_t to_epoch_ns)
{
	const struct tt_classifier *classifier = connections->params.classifier;
	const struct tt_event_connect *c = &row->connect;
	struct tt_address address = tt_address_plain(c->family, c->addr),
			  local = tt_address_plain(c->family, c->local_addr);
	char text[INET6_ADDRSTRLEN], local_text[INET6_ADDRSTRLEN], number[8];
	int r;
	struct tt_row_connection put = {
		.row_id = row->row_id,
		.process_id = row->process_id,
		.direction = direction(row->place.op),
		.protocol = protocol_name(c, number),
		.local_port = c->local_port,
		.port = c->port,
		.unix_path = row->unix_path,
		.state = states[c->state] ? states[c->state] : state_of_call(&row->place),
		.address_source = c->from_user ? "user" : "socket",
		.hostname = row->host,
		.hostname_source = row->host ? tt_name_source_text(row->source) : NULL,
		.hostname_confidence = row->host ? tt_name_confidence_text(row->confidence) : NULL,
		.names = row->names,
		.result = row->place.result,
		.count = row->count,
		.duration_ns = c->state > TT_CONN_CONNECTING ? (int64_t)row->duration_ns : -1,
		.bytes_sent = row->measured ? (int64_t)row->sent : -1,
		.bytes_received = row->measured ? (int64_t)row->received : -1,
		.first_ns = (int64_t)row->first_ns + to_epoch_ns,
		.last_ns = (int64_t)row->last_ns + to_epoch_ns,
	};

	if (c->family == AF_UNIX) {
		put.family = "unix";
		put.category = row->unix_path ? tt_classify_unix(classifier, row->unix_path) : NULL;
	} else {
		put.family = address.family == AF_INET ? "inet" : "inet6";
		if (row->place.op != TT_OP_LISTEN)
			put.address = inet_ntop(address.family, address.addr, text, sizeof(text));
		if (c->local_port)
			put.local_address = inet_ntop(local.family, local.addr, local_text,
						      sizeof(local_text));
		if (put.address)
			put.category = tt_classify_connection(classifier, address.family, address.addr,
							      c->port, row->host,
							      tt_connections_is_behind_proxy(row->source));
	}
	r = tt_batch_connection(connections->params.batch, &put);
	row->owed = r < 0;
	connections->owing |= row->owed;
	return r;
}

/* Whom an observed program talks to is its choice, and two names with the same hash can be found in minutes: the hash only
 * leads to a row, and the name itself decides. Of two such names at one place the second's row is not found: each of its
 * connections has one of its own. */
static uint64_t name_hash(const char *host)
{
	return host ? XXH3_64bits(host, strlen(host)) : 0;
}

struct tt_connections_place tt_connections_place_of(const struct tt_event *event)
{
	const struct tt_event_connect *c = &event->connect;
	struct tt_connections_place place;

	memset(&place, 0, sizeof(place));
	place.process = event->process;
	place.result = event->key.result;
	place.op = c->inward && !tt_connections_is_carried(event->key.op) ? TT_OP_ACCEPT : event->key.op;
	if (place.op == TT_OP_ACCEPT || place.op == TT_OP_LISTEN)
		place.local_port = c->local_port;
	else
		place.port = c->port;
	place.family = c->family;
	place.protocol = c->protocol;
	place.state = c->state;
	memcpy(place.addr, c->addr, sizeof(place.addr));
	return place;
}

static struct tt_connections_row *find_hashed(struct tt_connections *connections,
					      const struct tt_connections_place *place)
{
	struct tt_connections_row *row;

	HASH_FIND(hh, connections->places, place, sizeof(*place), row);
	return row;
}

struct tt_connections_row *tt_connections_find(struct tt_connections *connections,
					       const struct tt_connections_place *place, const char *host)
{
	struct tt_connections_place named = *place;
	struct tt_connections_row *row;

	named.name = name_hash(host);
	row = find_hashed(connections, &named);
	return row && (host ? tt_streq(row->host, host) : !row->host) ? row : NULL;
}

void tt_connections_index(struct tt_connections *connections, struct tt_connections_row *row)
{
	if (row->found)
		return;
	row->place.name = name_hash(row->host);
	if (find_hashed(connections, &row->place))
		return;
	HASH_ADD(hh, connections->places, place, sizeof(row->place), row);
	row->found = true;
}

void tt_connections_rename(struct tt_connections *connections, struct tt_connections_row *row,
			   const struct tt_name *name)
{
	char *host = name->text ? strdup(name->text) : NULL;

	if (name->text && !host)
		return; /* it goes on without */
	tt_connections_unindex(connections, row);
	free(row->host);
	row->host = host;
	row->source = name->source;
	row->confidence = name->confidence;
	tt_connections_index(connections, row);
}

struct tt_connections_row *tt_connections_new_row(struct tt_connections *connections,
						  const struct tt_connections_place *place,
						  const struct tt_event_connect *connect,
						  const struct tt_id *process_id, uint64_t row_id,
						  const struct tt_name *name)
{
	_cleanup_free_ char *unix_path = connect->unix_path ? strdup(connect->unix_path) : NULL;
	struct tt_connections_row *row = unix_path || !connect->unix_path ? calloc(1, sizeof(*row)) : NULL;

	if (!row)
		return NULL;
	row->unix_path = TAKE_PTR(unix_path);
	row->place = *place;
	row->row_id = row_id;
	row->process_id = *process_id;
	row->connect = *connect;
	row->connect.unix_path = row->connect.unix_peer = NULL;
	DL_APPEND(connections->rows, row);
	connections->n_rows++;
	tt_connections_rename(connections, row, name);
	return row;
}

/* ---- settling */

void tt_connections_settle(struct tt_connections *connections, const struct tt_process_table *table,
			   int64_t to_epoch_ns)
{
	struct tt_connections_row *row, *next;

	if (connections->owing) {
		connections->owing = false;
		DL_FOREACH(connections->rows, row)
		{
			if (row->owed)
				tt_connections_put(connections, row, to_epoch_ns);
		}
	}

	tt_connections_settle_flows(connections, table);
	/* final totals end the others */
	if (!table)
		tt_connections_end_carried(connections);
	DL_FOREACH_SAFE(connections->rows, row, next)
	{
		if (table && (row->members > 0 || row->owed || tt_process_find(table, &row->place.process)))
			continue;
		tt_connections_forget_row(connections, row);
	}
}
