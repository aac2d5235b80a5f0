/* SPDX-License-Identifier: Apache-2.0 */
/* Inside connections.h: shared by connections.c (rows, which all others fill and put; settling), connections_calls.c (single
 * calls, and the bytes of UDP and UNIX sockets), connections_tcp.c (TCP connections while they live), connections_names.c (who
 * a connection is to), and what says so in bytes: connections_stream.c (TCP) and connections_datagram.c (QUIC). Nobody else
 * includes this. */
#ifndef TT_DAEMON_CONNECTIONS_INTERNAL_H
#define TT_DAEMON_CONNECTIONS_INTERNAL_H

#include <uthash.h>

#include "daemon/connections.h"
#include "daemon/names.h"
#include "util/address.h"

/* What rows have in common that are one, besides the host's name: all zeros where not set, to be hashed as it is. */
struct tt_connections_place {
	struct tt_process_key process;
	uint64_t name; /* hash of the host's; connections.c's */
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
struct tt_connections_end {
	struct tt_process_key process;
	struct tt_address address; /* UNIX: a hash of the path */
	uint16_t port, protocol;
	uint8_t inward;
	uint8_t pad[7];
};

/* One row. */
struct tt_connections_row {
	struct tt_connections_place place;
	struct tt_connections_end end;
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
	struct tt_connections_row *next, *prev; /* all */
};

struct tt_connections_stream;

/* A TCP connection that is not over. */
struct tt_connections_flow {
	uint64_t sock_id;
	struct tt_process_key process;
	struct tt_connections_row *row;
	uint64_t sent, received, duration_ns; /* its part of the row's */
	struct tt_connections_stream *ways[2]; /* what it sent and received */
	char *expected; /* whom it was taken to be to before it said so; NULL: nobody knew, or it need not be known any more */
	enum tt_name_source expected_source;
	bool seen; /* attempts: since the last settling, the sensor tells of them with each sweep */
	bool named; /* nothing more is to be found in what it sends */
	UT_hash_handle hh;
};

struct tt_connections_carried;
struct tt_connections_quic;

struct tt_connections {
	struct tt_connections_params params;
	struct tt_connections_row *rows, *places, *calls, *ends;
	struct tt_connections_flow *flows;
	struct tt_connections_carried *carried;
	struct tt_connections_quic *quics;
	unsigned n_rows, n_quics;
	uint64_t seed; /* of hashes that stand for what they are of */
	bool owing;
};

static inline uint64_t tt_connections_next_row_id(struct tt_connections *connections)
{
	return connections->params.next_row_id(connections->params.arg);
}

/* What a proxy was asked for: the address is the proxy's. What else is said goes to whom the connection, or the tunnel, leads
 * to. */
static inline bool tt_connections_is_behind_proxy(enum tt_name_source source)
{
	return source == TT_NAME_HTTP_CONNECT || source == TT_NAME_HTTP_PROXY || source == TT_NAME_SOCKS;
}

/* ---- connections.c */

bool tt_connections_knows_state(uint8_t state);
struct tt_connections_place tt_connections_place_of(const struct tt_event *event);
/* The row of that place and host (NULL: of one without a name). */
struct tt_connections_row *tt_connections_find(struct tt_connections *connections,
					       const struct tt_connections_place *place, const char *host);
/* Found by its place and name from now on, unless another is found there already; not found any more, which must be said
 * before these change. */
void tt_connections_index(struct tt_connections *connections, struct tt_connections_row *row);
void tt_connections_unindex(struct tt_connections *connections, struct tt_connections_row *row);
void tt_connections_rename(struct tt_connections *connections, struct tt_connections_row *row,
			   const struct tt_name *name);
/* A row without operations. NULL: no memory. */
struct tt_connections_row *tt_connections_new_row(struct tt_connections *connections,
						  const struct tt_connections_place *place,
						  const struct tt_event_connect *connect,
						  const struct tt_id *process_id, uint64_t row_id,
						  const struct tt_name *name);
void tt_connections_forget_row(struct tt_connections *connections, struct tt_connections_row *row);
/* Without room the row is owed. */
int tt_connections_put(struct tt_connections *connections, struct tt_connections_row *row,
		       int64_t to_epoch_ns);

/* ---- connections_calls.c */

void tt_connections_end_carried(struct tt_connections *connections);

/* ---- connections_tcp.c */

struct tt_connections_flow *tt_connections_find_flow(struct tt_connections *connections, uint64_t sock_id);
/* The connection is another row's from now on, with what it has carried. */
void tt_connections_move_flow(struct tt_connections_flow *flow, struct tt_connections_row *to);
/* Ends those that nobody will tell of any more; table NULL: all. */
void tt_connections_settle_flows(struct tt_connections *connections, const struct tt_process_table *table);

/* ---- connections_names.c */

/* Who the process will say that is, as far as anybody knows before it has said so: as tt_names_find(). */
unsigned tt_connections_expected_at(struct tt_connections *connections, uint16_t family,
				    const uint8_t addr[16], const struct tt_process *process, uint64_t at_ns,
				    struct tt_name ret[TT_NAMES_MAX]);
/* The same for an attempt; who comes to us is nobody whom the process looked up. */
unsigned tt_connections_expected(struct tt_connections *connections, const struct tt_event_connect *connect,
				 const struct tt_process *process, uint64_t at_ns,
				 struct tt_name ret[TT_NAMES_MAX]);
/* All that differ, as JSON; NULL: there is one. */
char *tt_connections_names_json(const struct tt_name names[], unsigned n);
/* Takes the list. */
void tt_connections_keep_names(struct tt_connections_row *row, char *json);
/* The process has said who that is. */
void tt_connections_tell_named(struct tt_connections *connections, const struct tt_process *process,
			       const char *host);

/* ---- connections_stream.c */

int tt_connections_stream(struct tt_connections *connections, const struct tt_event *event,
			  const struct tt_process *process, int64_t to_epoch_ns);

/* ---- connections_datagram.c */

int tt_connections_datagram(struct tt_connections *connections, const struct tt_event *event,
			    const struct tt_process *process, int64_t to_epoch_ns);
void tt_connections_quics_free(struct tt_connections *connections);

#endif
