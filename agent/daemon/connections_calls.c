/* SPDX-License-Identifier: Apache-2.0 */
/* Single calls that name a destination, and what UDP and UNIX sockets carry.
 *
 * The sensor tells bytes by the place at the socket's other end, or where it listens: they belong to the first row of a
 * call to or from there; where there is none, to a row of their own. */
#include "daemon/connections_internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <xxhash.h>

#include "util/util.h"

/* What went to or came from one place, over UDP or UNIX sockets. */
struct tt_connections_carried {
	struct tt_agg_key key;
	struct tt_connections_row *row;
	uint64_t count, bytes; /* its part of the row's */
	UT_hash_handle hh;
};

/* Whether calls like this one may have bytes of their own. */
static bool carries(const struct tt_event *event)
{
	return event->key.op != TT_OP_LISTEN &&
	       (event->connect.family == AF_UNIX || event->connect.protocol == IPPROTO_UDP);
}

/* Observed programs choose paths, and these are not compared: the hash is too long to be met by chance, and seeded. */
static struct tt_connections_end end_of(const struct tt_connections *connections,
					const struct tt_event *event)
{
	const struct tt_event_connect *c = &event->connect;
	/* the kernel knows a socket by the name that it is bound to, whatever its peer wrote */
	const char *path = c->unix_peer ? c->unix_peer : c->unix_path;
	struct tt_connections_end end;

	memset(&end, 0, sizeof(end));
	end.process = event->process;
	end.protocol = c->protocol;
	end.inward = c->inward;
	if (c->family == AF_UNIX && path) {
		XXH128_hash_t hash = XXH3_128bits_withSeed(path, strlen(path), connections->seed);

		end.address.family = AF_UNIX;
		memcpy(end.address.addr, &hash, sizeof(end.address.addr));
	} else {
		end.address = tt_address_plain(c->family, c->addr);
		end.port = c->port;
	}
	return end;
}

static struct tt_connections_row *find_end(struct tt_connections *connections,
					   const struct tt_connections_end *end)
{
	struct tt_connections_row *row;

	HASH_FIND(by_end, connections->ends, end, sizeof(*end), row);
	return row;
}

/* The first row of its end, unless that call failed. */
static void index_end(struct tt_connections *connections, struct tt_connections_row *row,
		      const struct tt_event *event)
{
	row->end = end_of(connections, event);
	if ((event->key.result == 0 || event->key.result == -EINPROGRESS) &&
	    !find_end(connections, &row->end))
		HASH_ADD(by_end, connections->ends, end, sizeof(row->end), row);
}

/* The bytes of a datagram may be told before the call that sent it: its row becomes the call's. NULL: there is none. */
static struct tt_connections_row *take_sent(struct tt_connections *connections, const struct tt_event *event,
					    const struct tt_connections_place *place,
					    const struct tt_name *name)
{
	struct tt_connections_end end = end_of(connections, event);
	struct tt_connections_row *row = event->key.result == 0 ? find_end(connections, &end) : NULL;

	if (!row || row->place.op != TT_OP_SENT)
		return NULL;
	tt_connections_unindex(connections, row);
	row->place = *place;
	row->connect = event->connect;
	row->connect.unix_path = row->connect.unix_peer = NULL;
	tt_connections_rename(connections, row, name);
	return row;
}

int tt_connections_call(struct tt_connections *connections, const struct tt_event *event,
			const struct tt_process *process, uint64_t *row_id, int64_t to_epoch_ns)
{
	struct tt_name names[TT_NAMES_MAX];
	unsigned n = tt_connections_expected(connections, &event->connect, process, event->last_ns, names);
	struct tt_connections_place place = tt_connections_place_of(event);
	struct tt_connections_row *row = carries(event) ? take_sent(connections, event, &place, &names[0])
							: NULL;
	bool taken = row;
	int r;

	if (!taken)
		row = tt_connections_new_row(connections, &place, &event->connect, &process->id, *row_id,
					     &names[0]);
	if (!row)
		return -ENOMEM;
	tt_connections_keep_names(row, tt_connections_names_json(names, n));
	*row_id = row->row_id;
	row->count = event->count;
	if (!taken || event->first_ns < row->first_ns)
		row->first_ns = event->first_ns;
	if (event->last_ns > row->last_ns)
		row->last_ns = event->last_ns;
	r = tt_connections_put(connections, row, to_epoch_ns);
	/* its counts are the caller's: it is kept for the name that its datagrams may have, and for what it carries */
	row->owed = false;
	HASH_ADD(by_id, connections->calls, row_id, sizeof(row->row_id), row);
	if (taken)
		return r;
	if (r < 0 || !carries(event) || connections->n_rows > connections->params.max_rows)
		tt_connections_forget_row(connections, row);
	else
		index_end(connections, row, event);
	return r;
}

void tt_connections_count(struct tt_connections *connections, uint64_t row_id, uint64_t count,
			  uint64_t last_ns)
{
	struct tt_connections_row *row;

	HASH_FIND(by_id, connections->calls, &row_id, sizeof(row_id), row);
	if (!row)
		return;
	row->count = count;
	row->last_ns = last_ns;
}

bool tt_connections_is_carried(uint16_t op)
{
	return op == TT_OP_SENT || op == TT_OP_RECEIVED;
}

static struct tt_connections_carried *find_carried(struct tt_connections *connections,
						   const struct tt_agg_key *key)
{
	struct tt_connections_carried *carried;

	HASH_FIND(hh, connections->carried, key, sizeof(*key), carried);
	return carried;
}

static void end_carried(struct tt_connections *connections, struct tt_connections_carried *carried)
{
	HASH_DEL(connections->carried, carried);
	carried->row->members--;
	free(carried);
}

void tt_connections_end_carried(struct tt_connections *connections)
{
	struct tt_connections_carried *carried, *next;

	HASH_ITER (hh, connections->carried, carried, next) {
		end_carried(connections, carried);
	}
}

static void carry(struct tt_connections *connections, struct tt_connections_row *row,
		  const struct tt_agg_key *key, uint64_t count, uint64_t bytes, uint64_t last_ns,
		  int64_t to_epoch_ns)
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
	tt_connections_put(connections, row, to_epoch_ns);
}

/* Datagrams came from somebody, or went to whom a socket was connected before anybody looked. */
static struct tt_connections_row *row_of_end(struct tt_connections *connections, const struct tt_event *event,
					     const struct tt_connections_end *end,
					     const struct tt_process *process)
{
	struct tt_connections_place place = tt_connections_place_of(event);
	struct tt_connections_row *row;

	if (connections->n_rows >= connections->params.max_rows)
		return NULL;
	row = tt_connections_new_row(connections, &place, &event->connect, &process->id,
				     tt_connections_next_row_id(connections), &(struct tt_name){ 0 });
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
	struct tt_connections_carried *carried = find_carried(connections, &event->key);
	struct tt_connections_end end = end_of(connections, event);
	struct tt_connections_row *row = carried ? carried->row : find_end(connections, &end);

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
	struct tt_connections_carried *carried = find_carried(connections, &event->key);
	uint64_t count, bytes;

	if (!carried)
		return 0;
	count = tt_grown(&carried->count, event->count);
	bytes = tt_grown(&carried->bytes, event->bytes);
	if (count || bytes)
		carry(connections, carried->row, &event->key, count, bytes, event->last_ns, to_epoch_ns);
	if (event->final)
		end_carried(connections, carried);
	return 1;
}
