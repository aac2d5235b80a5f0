/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/connections.h"

#include <arpa/inet.h>
#include <errno.h>
#include <uthash.h>
#include <utlist.h>
#include <xxhash.h>

#include "classify/classify.h"
#include "daemon/hosts.h"
#include "daemon/names.h"
#include "util/buf.h"
#include "util/util.h"
#include "wire/dns.h"
#include "wire/quic.h"
#include "wire/stream.h"

/* QUIC connections whose first packets have not named anybody yet. */
#define QUIC_MAX 64

/* What rows have in common that are one: all zeros where not set, to be hashed as it is. */
struct place {
	struct tt_process_key process;
	uint64_t name; /* hash of the host's */
	uint8_t addr[16];
	int32_t result;
	uint16_t port; /* of what came in: 0, each has its own */
	uint16_t local_port; /* where that came in, or where it listens */
	uint16_t family, protocol;
	uint8_t state;
	uint8_t op; /* TT_OP_CONNECT, _SEND, _ACCEPT, _LISTEN, _SENT, _RECEIVED */
	uint8_t pad[2];
};

/* Where a row's bytes are found that UDP and UNIX sockets carry, for any name and outcome: all zeros where not set. */
struct end {
	struct tt_process_key process;
	uint8_t addr[16]; /* UNIX: a hash of the path */
	uint16_t port, family, protocol;
	uint8_t inward;
	uint8_t pad[1];
};

/* One row. */
struct row {
	struct place place;
	struct end end;
	uint64_t row_id;
	struct tt_id process_id;
	struct tt_event_connect connect; /* without strings */
	uint64_t count, first_ns, last_ns, duration_ns, sent, received;
	char *unix_path;
	char *host;
	char *names; /* JSON: all that it was given, where they differ */
	enum tt_name_source source;
	enum tt_name_confidence confidence;
	unsigned members; /* connections, and places, that are followed */
	bool found; /* in the table, by its place */
	bool measured; /* bytes */
	bool owed; /* differs from what was put last */
	UT_hash_handle hh;
	UT_hash_handle by_id; /* calls: whose counts come by row */
	UT_hash_handle by_end;
	struct row *next, *prev; /* all */
};

/* The first bytes of one way of a TCP connection. */
struct stream {
	size_t len, parsed;
	uint8_t data[TT_PAYLOAD_MAX];
};

/* A TCP connection that is not over. */
struct flow {
	uint64_t sock_id;
	struct tt_process_key process;
	struct row *row;
	uint64_t sent, received, duration_ns; /* its part of the row's */
	struct stream *ways[2]; /* what it sent and received */
	char *expected; /* whom it was taken to be to before it said so; NULL: nobody knew, or it need not be known any more */
	enum tt_name_source expected_source;
	bool seen; /* attempts: since the last settling, the sensor tells of them with each sweep */
	bool named; /* nothing more is to be found in what it sends */
	UT_hash_handle hh;
};

/* What went to or came from one place, over UDP or UNIX sockets. */
struct carried {
	struct tt_agg_key key;
	struct row *row;
	uint64_t count, bytes; /* its part of the row's */
	UT_hash_handle hh;
};

/* The first packets of a QUIC connection. */
struct quic {
	struct place place;
	uint16_t local_port;
	struct tt_quic state;
	struct quic *next;
};

struct tt_connections {
	struct tt_connections_params params;
	struct row *rows, *places, *calls, *ends;
	struct flow *flows;
	struct carried *carried;
	struct quic *quics;
	unsigned n_rows, n_quics;
	bool owing;
};

int tt_connections_new(const struct tt_connections_params *params, struct tt_connections **ret)
{
	struct tt_connections *connections = calloc(1, sizeof(*connections));

	if (!connections)
		return -ENOMEM;
	connections->params = *params;
	*ret = connections;
	return 0;
}

/* It is not found by its place any more. */
static void unindex_row(struct tt_connections *connections, struct row *row)
{
	if (row->found)
		HASH_DELETE(hh, connections->places, row);
	row->found = false;
}

static void unlink_row(struct tt_connections *connections, struct row *row)
{
	unindex_row(connections, row);
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

static void end_flow(struct tt_connections *connections, struct flow *flow)
{
	HASH_DEL(connections->flows, flow);
	flow->row->members--;
	free(flow->ways[0]);
	free(flow->ways[1]);
	free(flow->expected);
	free(flow);
}

void tt_connections_free(struct tt_connections *connections)
{
	if (!connections)
		return;
	tt_connections_settle(connections, NULL, 0);
	while (connections->quics) {
		struct quic *quic = connections->quics;

		connections->quics = quic->next;
		free(quic);
	}
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

/* A connect that is one call: its result is its state. */
static const char *state_of_call(const struct place *place)
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

static bool is_mapped_ipv4(const uint8_t addr[16])
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };

	return memcmp(addr, prefix, sizeof(prefix)) == 0;
}

/* An IPv4-mapped IPv6 address is IPv4 on the wire, and is called that. */
static uint16_t plain_address(uint16_t family, uint8_t addr[16])
{
	if (family != AF_INET6 || !is_mapped_ipv4(addr))
		return family;
	memmove(addr, addr + 12, 4);
	memset(addr + 4, 0, 12);
	return AF_INET;
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

/* What a proxy was asked for: the address is the proxy's. What else is said goes to whom the connection, or the tunnel, leads to. */
static bool is_behind_proxy(enum tt_name_source source)
{
	return source == TT_NAME_HTTP_CONNECT || source == TT_NAME_HTTP_PROXY || source == TT_NAME_SOCKS;
}

static int put(struct tt_connections *connections, struct row *row, int64_t to_epoch_ns)
{
	const struct tt_classifier *classifier = connections->params.classifier;
	const struct tt_event_connect *c = &row->connect;
	uint8_t addr[16], local[16];
	char text[INET6_ADDRSTRLEN], local_text[INET6_ADDRSTRLEN], number[8];
	int family, local_family, r;
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

	memcpy(addr, c->addr, sizeof(addr));
	memcpy(local, c->local_addr, sizeof(local));
	family = plain_address(c->family, addr);
	local_family = plain_address(c->family, local);
	if (c->family == AF_UNIX) {
		put.family = "unix";
		put.category = row->unix_path ? tt_classify_unix(classifier, row->unix_path) : NULL;
	} else {
		put.family = family == AF_INET ? "inet" : "inet6";
		if (row->place.op != TT_OP_LISTEN)
			put.address = inet_ntop(family, addr, text, sizeof(text));
		if (c->local_port)
			put.local_address = inet_ntop(local_family, local, local_text, sizeof(local_text));
		if (put.address)
			put.category = tt_classify_connection(classifier, family, addr, c->port, row->host,
							      is_behind_proxy(row->source));
	}
	r = tt_batch_connection(connections->params.batch, &put);
	row->owed = r < 0;
	connections->owing |= row->owed;
	return r;
}

static uint64_t name_hash(const char *host)
{
	return host ? XXH3_64bits(host, strlen(host)) : 0;
}

static struct place place_of(const struct tt_event *event, const char *host)
{
	const struct tt_event_connect *c = &event->connect;
	struct place place;

	memset(&place, 0, sizeof(place));
	place.process = event->process;
	place.name = name_hash(host);
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

static struct row *find(struct tt_connections *connections, const struct place *place)
{
	struct row *row;

	HASH_FIND(hh, connections->places, place, sizeof(*place), row);
	return row;
}

/* Rows that are found by their place are found once. */
static void index_row(struct tt_connections *connections, struct row *row)
{
	if (row->found || find(connections, &row->place))
		return;
	HASH_ADD(hh, connections->places, place, sizeof(row->place), row);
	row->found = true;
}

static void rename_row(struct tt_connections *connections, struct row *row, const struct tt_name *name)
{
	char *host = name->text ? strdup(name->text) : NULL;

	if (name->text && !host)
		return; /* it goes on without */
	unindex_row(connections, row);
	free(row->host);
	row->host = host;
	row->source = name->source;
	row->confidence = name->confidence;
	row->place.name = name_hash(host);
	index_row(connections, row);
}

/* A row without operations. NULL: no memory. */
static struct row *new_row(struct tt_connections *connections, const struct place *place,
			   const struct tt_event_connect *connect, const struct tt_id *process_id,
			   uint64_t row_id, const struct tt_name *name)
{
	_cleanup_free_ char *unix_path = connect->unix_path ? strdup(connect->unix_path) : NULL;
	struct row *row = unix_path || !connect->unix_path ? calloc(1, sizeof(*row)) : NULL;

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
	rename_row(connections, row, name);
	return row;
}

static uint64_t next_row_id(struct tt_connections *connections)
{
	return connections->params.next_row_id(connections->params.arg);
}

static bool named_before(const struct tt_name names[], unsigned n, const char *name)
{
	while (n-- > 0) {
		if (tt_streq(names[n].text, name))
			return true;
	}
	return false;
}

/* All that differ, as JSON; NULL: there is one. */
static char *names_json(const struct tt_name names[], unsigned n)
{
	struct tt_buf json = TT_BUF_INIT;
	unsigned distinct = 0;

	for (unsigned i = 0; i < n; i++) {
		if (named_before(names, i, names[i].text))
			continue;
		tt_buf_str(&json, distinct++ ? ",{\"name\":" : "[{\"name\":");
		tt_buf_json(&json, names[i].text);
		tt_buf_printf(&json, ",\"source\":\"%s\"}", tt_name_source_text(names[i].source));
	}
	tt_buf_char(&json, ']');
	if (distinct > 1)
		return tt_buf_take(&json);
	tt_buf_done(&json);
	return NULL;
}

/* Takes the list. */
static void keep_names(struct row *row, char *json)
{
	if (!json)
		return;
	free(row->names);
	row->names = json;
}

/* Who the process will say that is, as far as anybody knows before it has said so: as tt_names_find(). */
static unsigned expected_names(struct tt_connections *connections, uint16_t family, const uint8_t address[16],
			       const struct tt_process *process, uint64_t at_ns,
			       struct tt_name ret[TT_NAMES_MAX])
{
	uint8_t addr[16];
	unsigned n;

	memset(ret, 0, sizeof(ret[0]));
	if (family == AF_UNIX)
		return 0;
	memcpy(addr, address, sizeof(addr));
	family = plain_address(family, addr);
	n = tt_names_find(connections->params.names, family, addr, process, at_ns, ret);
	if (n || !connections->params.hosts)
		return n;
	ret[0].text = tt_hosts_find(connections->params.hosts, family, addr, process);
	ret[0].source = TT_NAME_HOSTS;
	ret[0].confidence = TT_NAME_UNSURE;
	return ret[0].text != NULL;
}

/* The same for an attempt; who comes to us is nobody whom the process looked up. */
static unsigned expected_of(struct tt_connections *connections, const struct tt_event_connect *connect,
			    const struct tt_process *process, uint64_t at_ns,
			    struct tt_name ret[TT_NAMES_MAX])
{
	memset(ret, 0, sizeof(ret[0]));
	return connect->inward
		       ? 0
		       : expected_names(connections, connect->family, connect->addr, process, at_ns, ret);
}

/* Whether calls like this one may have bytes of their own. */
static bool carries(const struct tt_event *event)
{
	return event->key.op != TT_OP_LISTEN &&
	       (event->connect.family == AF_UNIX || event->connect.protocol == IPPROTO_UDP);
}

static struct end end_of(const struct tt_event *event)
{
	const struct tt_event_connect *c = &event->connect;
	/* the kernel knows a socket by the name that it is bound to, whatever its peer wrote */
	const char *path = c->unix_peer ? c->unix_peer : c->unix_path;
	struct end end;

	memset(&end, 0, sizeof(end));
	end.process = event->process;
	end.protocol = c->protocol;
	end.inward = c->inward;
	end.family = c->family;
	if (c->family == AF_UNIX && path) {
		XXH128_hash_t hash = XXH3_128bits(path, strlen(path));

		memcpy(end.addr, &hash, sizeof(end.addr));
	} else {
		memcpy(end.addr, c->addr, sizeof(end.addr));
		end.family = plain_address(c->family, end.addr);
		end.port = c->port;
	}
	return end;
}

static struct row *find_end(struct tt_connections *connections, const struct end *end)
{
	struct row *row;

	HASH_FIND(by_end, connections->ends, end, sizeof(*end), row);
	return row;
}

/* The first row of its end, unless that call failed. */
static void index_end(struct tt_connections *connections, struct row *row, const struct tt_event *event)
{
	row->end = end_of(event);
	if ((event->key.result == 0 || event->key.result == -EINPROGRESS) &&
	    !find_end(connections, &row->end))
		HASH_ADD(by_end, connections->ends, end, sizeof(row->end), row);
}

/* The bytes of a datagram may be told before the call that sent it: its row becomes the call's. NULL: there is none. */
static struct row *take_sent(struct tt_connections *connections, const struct tt_event *event,
			     const struct place *place, const struct tt_name *name)
{
	struct end end = end_of(event);
	struct row *row = event->key.result == 0 ? find_end(connections, &end) : NULL;

	if (!row || row->place.op != TT_OP_SENT)
		return NULL;
	unindex_row(connections, row);
	row->place = *place;
	row->connect = event->connect;
	row->connect.unix_path = row->connect.unix_peer = NULL;
	rename_row(connections, row, name);
	return row;
}

int tt_connections_call(struct tt_connections *connections, const struct tt_event *event,
			const struct tt_process *process, uint64_t *row_id, int64_t to_epoch_ns)
{
	struct tt_name names[TT_NAMES_MAX];
	unsigned n = expected_of(connections, &event->connect, process, event->last_ns, names);
	struct place place = place_of(event, names[0].text);
	struct row *row = carries(event) ? take_sent(connections, event, &place, &names[0]) : NULL;
	bool taken = row;
	int r;

	if (!taken)
		row = new_row(connections, &place, &event->connect, &process->id, *row_id, &names[0]);
	if (!row)
		return -ENOMEM;
	keep_names(row, names_json(names, n));
	*row_id = row->row_id;
	row->count = event->count;
	if (!taken || event->first_ns < row->first_ns)
		row->first_ns = event->first_ns;
	if (event->last_ns > row->last_ns)
		row->last_ns = event->last_ns;
	r = put(connections, row, to_epoch_ns);
	/* its counts are the caller's: it is kept for the name that its datagrams may have, and for what it carries */
	row->owed = false;
	HASH_ADD(by_id, connections->calls, row_id, sizeof(row->row_id), row);
	if (taken)
		return r;
	if (r < 0 || !carries(event) || connections->n_rows > connections->params.max_rows)
		unlink_row(connections, row);
	else
		index_end(connections, row, event);
	return r;
}

void tt_connections_count(struct tt_connections *connections, uint64_t row_id, uint64_t count,
			  uint64_t last_ns)
{
	struct row *row;

	HASH_FIND(by_id, connections->calls, &row_id, sizeof(row_id), row);
	if (!row)
		return;
	row->count = count;
	row->last_ns = last_ns;
}

/* ---- bytes of UDP and UNIX sockets */

/* By how much; *at becomes `to` unless it was more. */
static uint64_t grown(uint64_t *at, uint64_t to)
{
	uint64_t from = *at;

	if (to <= from)
		return 0;
	*at = to;
	return to - from;
}

bool tt_connections_is_carried(uint16_t op)
{
	return op == TT_OP_SENT || op == TT_OP_RECEIVED;
}

static struct carried *find_carried(struct tt_connections *connections, const struct tt_agg_key *key)
{
	struct carried *carried;

	HASH_FIND(hh, connections->carried, key, sizeof(*key), carried);
	return carried;
}

static void end_carried(struct tt_connections *connections, struct carried *carried)
{
	HASH_DEL(connections->carried, carried);
	carried->row->members--;
	free(carried);
}

static void carry(struct tt_connections *connections, struct row *row, const struct tt_agg_key *key,
		  uint64_t count, uint64_t bytes, uint64_t last_ns, int64_t to_epoch_ns)
{
	row->measured = true;
	if (key->op == TT_OP_SENT)
		row->sent += bytes;
	else
		row->received += bytes;
	/* a row of nothing else counts datagrams, but for those whose own calls name an address: these are counted */
	if (row->place.op == key->op && (key->op == TT_OP_RECEIVED || !row->connect.from_user))
		row->count += count;
	if (last_ns > row->last_ns)
		row->last_ns = last_ns;
	put(connections, row, to_epoch_ns);
}

/* Datagrams came from somebody, or went to whom a socket was connected before anybody looked. */
static struct row *row_of_end(struct tt_connections *connections, const struct tt_event *event,
			      const struct end *end, const struct tt_process *process)
{
	struct place place = place_of(event, NULL);
	struct row *row;

	if (connections->n_rows >= connections->params.max_rows)
		return NULL;
	row = new_row(connections, &place, &event->connect, &process->id, next_row_id(connections),
		      &(struct tt_name){ 0 });
	if (!row)
		return NULL;
	row->first_ns = event->first_ns;
	row->end = *end;
	HASH_ADD(by_end, connections->ends, end, sizeof(row->end), row);
	return row;
}

int tt_connections_carried(struct tt_connections *connections, const struct tt_event *event,
			   const struct tt_process *process, int64_t to_epoch_ns)
{
	struct carried *carried = find_carried(connections, &event->key);
	struct end end = end_of(event);
	struct row *row = carried ? carried->row : find_end(connections, &end);

	if (!row)
		row = row_of_end(connections, event, &end, process);
	if (!row)
		return -ENOSPC;
	if (event->flags & TT_EVF_UNAGGREGATED) {
		carry(connections, row, &event->key, event->count, event->bytes, event->last_ns, to_epoch_ns);
		return 0;
	}
	if (!carried) {
		carried = calloc(1, sizeof(*carried));
		if (!carried)
			return -ENOMEM;
		carried->key = event->key;
		carried->row = row;
		row->members++;
		HASH_ADD(hh, connections->carried, key, sizeof(carried->key), carried);
	}
	tt_connections_carried_total(connections, event, to_epoch_ns);
	return 0;
}

int tt_connections_carried_total(struct tt_connections *connections, const struct tt_event *event,
				 int64_t to_epoch_ns)
{
	struct carried *carried = find_carried(connections, &event->key);
	uint64_t count, bytes;

	if (!carried)
		return 0;
	count = grown(&carried->count, event->count);
	bytes = grown(&carried->bytes, event->bytes);
	if (count || bytes)
		carry(connections, carried->row, &event->key, count, bytes, event->last_ns, to_epoch_ns);
	if (event->final)
		end_carried(connections, carried);
	return 1;
}

/* ---- TCP */

static struct flow *find_flow(struct tt_connections *connections, uint64_t sock_id)
{
	struct flow *flow;

	HASH_FIND(hh, connections->flows, &sock_id, sizeof(sock_id), flow);
	return flow;
}

static struct flow *new_flow(struct tt_connections *connections, const struct tt_event *event,
			     struct row *row)
{
	struct flow *flow = calloc(1, sizeof(*flow));

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
	unsigned n = expected_of(connections, &event->connect, process, event->last_ns, names);
	struct place place = place_of(event, names[0].text);
	/* what is pending becomes something else: it has a row of its own */
	struct row *row = pending ? NULL : find(connections, &place);
	bool is_new = !row;
	struct flow *flow = NULL;
	int r;

	if (!row)
		row = new_row(connections, &place, &event->connect, &process->id, next_row_id(connections),
			      &names[0]);
	if (row && is_new)
		keep_names(row, names_json(names, n));
	if (row && goes_on)
		flow = new_flow(connections, event, row);
	if (!row || (goes_on && !flow)) {
		if (row && is_new)
			unlink_row(connections, row);
		return -ENOMEM;
	}
	if (is_new)
		row->first_ns = event->first_ns;
	row->count++;
	row->last_ns = event->last_ns;
	row->duration_ns += event->connect.duration_ns;
	if (flow)
		flow->duration_ns = event->connect.duration_ns;
	r = put(connections, row, to_epoch_ns);
	if (r < 0 && is_new) {
		if (flow)
			end_flow(connections, flow);
		unlink_row(connections, row);
		/* the next sweep tells of it again, or its outcome does */
		return pending && !event->final ? 0 : r;
	}
	if (is_new && !flow && connections->n_rows > connections->params.max_rows)
		unlink_row(connections, row);
	return 0;
}

/* An attempt that has its row ends: that becomes the outcome's. */
static int tcp_outcome(struct tt_connections *connections, struct flow *flow, const struct tt_event *event,
		       int64_t to_epoch_ns)
{
	struct row *row = flow->row;
	int r;

	unindex_row(connections, row);
	row->place.state = row->connect.state = event->connect.state;
	row->place.result = event->key.result;
	row->connect.local_port = event->connect.local_port;
	row->last_ns = event->last_ns;
	row->duration_ns = flow->duration_ns = event->connect.duration_ns;
	index_row(connections, row);
	r = put(connections, row, to_epoch_ns);
	if (event->connect.state != TT_CONN_ESTABLISHED)
		end_flow(connections, flow);
	return r == -ENOSPC ? -ESTALE : r;
}

int tt_connections_tcp(struct tt_connections *connections, const struct tt_event *event,
		       const struct tt_process *process, int64_t to_epoch_ns)
{
	struct flow *flow = find_flow(connections, event->connect.sock_id);

	if (event->connect.state >= ARRAY_SIZE(states))
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
	struct flow *flow = find_flow(connections, event->flow.sock_id);
	uint64_t life = event->time_ns - event->flow.begin_ns;
	struct row *row;

	if (!flow)
		return 0;
	row = flow->row;
	row->measured = true;
	/* what the sweep tells of a connection may be older than what is known of it */
	row->sent += grown(&flow->sent, event->flow.sent);
	row->received += grown(&flow->received, event->flow.received);
	row->duration_ns += grown(&flow->duration_ns, life);
	if (event->time_ns > row->last_ns)
		row->last_ns = event->time_ns;
	put(connections, row, to_epoch_ns);
	if (event->flow.ended)
		end_flow(connections, flow);
	if (!row->members && !row->owed && connections->n_rows > connections->params.max_rows)
		unlink_row(connections, row);
	return 0;
}

/* ---- names */

static void move_flow(struct flow *flow, struct row *to)
{
	struct row *from = flow->row;

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

static void tell_named(struct tt_connections *connections, const struct tt_process *process, const char *host)
{
	if (connections->params.named)
		connections->params.named(process, host, connections->params.named_arg);
}

/* The connection is to the first of these hosts; the others are what else it was called. */
static void name_flow(struct tt_connections *connections, struct flow *flow, const struct tt_name names[],
		      unsigned n, int64_t to_epoch_ns)
{
	struct row *row = flow->row, *other;
	const struct tt_name *name = &names[0];
	char *json = names_json(names, n);
	struct place place = row->place;
	bool same = tt_streq(row->host, name->text);

	if (same && row->source == name->source && !json)
		return;
	place.name = name_hash(name->text);
	/* as expected, and now known better; or nobody else is in this row, nor in one of that name */
	other = same ? row : find(connections, &place);
	if (!other && row->count == 1)
		other = row;
	if (other == row) {
		rename_row(connections, row, name);
		keep_names(row, json);
		put(connections, row, to_epoch_ns);
		return;
	}
	/* another host at the same address: the connection leaves this row, with what it has carried */
	if (!other) {
		other = new_row(connections, &place, &row->connect, &row->process_id,
				next_row_id(connections), name);
		if (!other) {
			free(json);
			return;
		}
		other->first_ns = row->last_ns;
	}
	keep_names(other, json);
	move_flow(flow, other);
	put(connections, row, to_epoch_ns);
	put(connections, other, to_epoch_ns);
}

/* Appends what comes next in the stream. False: something before it is missing, or it is full. */
static bool stream_add(struct stream *stream, const struct tt_event_payload *payload)
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

static int tcp_dns(struct tt_connections *connections, struct stream *stream,
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
static bool was_told(struct tt_connections *connections, const struct row *row,
		     const struct tt_process *process, const char *host)
{
	uint8_t addr[16];
	uint16_t family;

	memcpy(addr, row->place.addr, sizeof(addr));
	family = plain_address(row->place.family, addr);
	return tt_names_was_told(connections->params.names, family, addr, process, host);
}

/* Room for these: with each address that a proxy was asked for comes whose it is. */
#define NAMES_MAX (2 * TT_STREAM_NAMES_MAX + 1)

/* What the stream says, the outermost first: who the process means, behind whatever it goes through. An address that a proxy was
 * asked for comes behind all names, and behind what the process resolved to it; any other is the connection's own, and says nothing. Then what was
 * expected, if it differs. */
static unsigned all_names(struct tt_connections *connections, const struct tt_stream *found,
			  const struct flow *flow, const struct tt_process *process, uint64_t now_ns,
			  struct tt_name ret[NAMES_MAX])
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
		family = is_behind_proxy(found->names[i].source) ? literal_family(found->names[i].name, addr)
								 : 0;
		if (!family)
			continue;
		if (expected_names(connections, family, addr, process, now_ns, told) &&
		    told[0].confidence == TT_NAME_SURE)
			ret[n++] = told[0];
		ret[n++] = (struct tt_name){ found->names[i].name, found->names[i].source, TT_NAME_SURE };
	}
	if (n > 0 && flow->expected &&
	    (is_behind_proxy(ret[0].source) || !was_told(connections, flow->row, process, ret[0].text)))
		ret[n++] = (struct tt_name){ flow->expected, flow->expected_source, TT_NAME_UNSURE };
	return n;
}

static int tcp_payload(struct tt_connections *connections, const struct tt_event *event,
		       const struct tt_process *process, int64_t to_epoch_ns)
{
	const struct tt_event_payload *payload = &event->payload;
	struct flow *flow = find_flow(connections, payload->sock_id);
	struct stream **way;
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
		tell_named(connections, process, names[0].text);
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

static bool is_place_of(const struct row *row, const struct tt_event *event)
{
	const struct tt_event_payload *payload = &event->payload;

	return row->place.protocol == IPPROTO_UDP && row->place.port == payload->port &&
	       row->place.family == payload->family &&
	       memcmp(row->place.addr, payload->addr, sizeof(payload->addr)) == 0 &&
	       tt_process_key_equal(&row->place.process, &event->process);
}

static struct quic *quic_of(struct tt_connections *connections, const struct tt_event *event)
{
	const struct tt_event_payload *payload = &event->payload;
	struct quic *quic, **last = &connections->quics;
	struct place place;

	memset(&place, 0, sizeof(place));
	place.process = event->process;
	place.port = payload->port;
	place.family = payload->family;
	memcpy(place.addr, payload->addr, sizeof(place.addr));
	for (; *last; last = &(*last)->next) {
		quic = *last;
		if (quic->local_port == payload->local_port &&
		    memcmp(&quic->place, &place, sizeof(place)) == 0)
			return quic;
		if (!quic->next && connections->n_quics == QUIC_MAX) {
			/* the oldest makes room */
			*last = NULL;
			free(quic);
			connections->n_quics--;
			break;
		}
	}
	quic = calloc(1, sizeof(*quic));
	if (!quic)
		return NULL;
	quic->place = place;
	quic->local_port = payload->local_port;
	quic->next = connections->quics;
	connections->quics = quic;
	connections->n_quics++;
	return quic;
}

static void quic_done(struct tt_connections *connections, struct quic *quic)
{
	struct quic **at = &connections->quics;

	while (*at && *at != quic)
		at = &(*at)->next;
	if (*at)
		*at = quic->next;
	connections->n_quics--;
	free(quic);
}

static int datagram(struct tt_connections *connections, const struct tt_event *event,
		    const struct tt_process *process, int64_t to_epoch_ns)
{
	const struct tt_event_payload *payload = &event->payload;
	struct tt_tls_hello hello;
	struct quic *quic;
	struct row *row;
	struct tt_name name = { .source = TT_NAME_SNI, .confidence = TT_NAME_SURE };
	enum tt_wire_result result;

	if (payload->port == TT_PORT_DNS || payload->port == TT_PORT_MDNS || payload->port == TT_PORT_LLMNR) {
		struct tt_dns dns;

		if (tt_dns_parse(payload->data, payload->len, &dns) < 0)
			return 0;
		return tt_names_dns(connections->params.names, &dns, process, event->time_ns, to_epoch_ns);
	}
	quic = quic_of(connections, event);
	if (!quic)
		return -ENOMEM;
	result = tt_quic_client(&quic->state, payload->data, payload->len, &hello);
	if (result == TT_WIRE_MORE)
		return 0;
	quic_done(connections, quic);
	if (result != TT_WIRE_FOUND)
		return 0;
	name.text = hello.name;
	tell_named(connections, process, name.text);
	DL_FOREACH(connections->rows, row)
	{
		if (is_place_of(row, event) && row->source != TT_NAME_SNI) {
			rename_row(connections, row, &name);
			put(connections, row, to_epoch_ns);
		}
	}
	return 0;
}

int tt_connections_payload(struct tt_connections *connections, const struct tt_event *event,
			   const struct tt_process *process, int64_t to_epoch_ns)
{
	return event->payload.protocol == IPPROTO_TCP ? tcp_payload(connections, event, process, to_epoch_ns)
						      : datagram(connections, event, process, to_epoch_ns);
}

void tt_connections_told(struct tt_connections *connections, const struct tt_process *process,
			 uint64_t since_ns, int64_t to_epoch_ns)
{
	struct row *row;

	DL_FOREACH(connections->rows, row)
	{
		struct tt_name names[TT_NAMES_MAX];
		unsigned n;

		if (row->first_ns < since_ns || !tt_process_key_equal(&row->place.process, &process->key))
			continue;
		n = expected_of(connections, &row->connect, process, row->last_ns, names);
		if (!n || (row->host && row->confidence >= names[0].confidence))
			continue;
		rename_row(connections, row, &names[0]);
		keep_names(row, names_json(names, n));
		put(connections, row, to_epoch_ns);
	}
}

/* ---- settling */

void tt_connections_settle(struct tt_connections *connections, const struct tt_process_table *table,
			   int64_t to_epoch_ns)
{
	struct flow *flow, *next_flow;
	struct carried *carried, *next_carried;
	struct row *row, *next;

	if (connections->owing) {
		connections->owing = false;
		DL_FOREACH(connections->rows, row)
		{
			if (row->owed)
				put(connections, row, to_epoch_ns);
		}
	}

	HASH_ITER (hh, connections->flows, flow, next_flow) {
		bool pending = flow->row->place.state == TT_CONN_CONNECTING;

		/* a socket may outlive its process in another's hands: its attempt goes on, and what it carries is not the
		 * process's any more */
		if (table && ((pending && flow->seen) || tt_process_find(table, &flow->process))) {
			flow->seen = false;
			continue;
		}
		end_flow(connections, flow);
	}
	/* final totals end the others */
	if (!table) {
		HASH_ITER (hh, connections->carried, carried, next_carried) {
			end_carried(connections, carried);
		}
	}
	DL_FOREACH_SAFE(connections->rows, row, next)
	{
		if (table && (row->members > 0 || row->owed || tt_process_find(table, &row->place.process)))
			continue;
		unlink_row(connections, row);
	}
}
