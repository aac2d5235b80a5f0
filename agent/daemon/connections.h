/* SPDX-License-Identifier: Apache-2.0 */
/* Connections as rows: where a process connected to or sent, how it went, what it carried, and who that is.
 *
 * Connections of one process to one place that went alike, to a host of the same name, are one row. Each TCP connection is
 * followed while it lives: when it turns out to be to another host than its row says (a name in what it sends is better
 * than one that an earlier answer of a name server suggested), it leaves that row for another one. Of what it sends only
 * what is needed to find a name is kept, and only until then. */
#ifndef TT_DAEMON_CONNECTIONS_H
#define TT_DAEMON_CONNECTIONS_H

#include "daemon/batch.h"
#include "process/table.h"
#include "sensor/event.h"

struct tt_classifier;
struct tt_connections;
struct tt_hosts;
struct tt_names;

/* A process said that it talks to host, or asked a proxy for it. */
typedef void (*tt_host_named_fn)(const struct tt_process *process, const char *host, void *arg);

struct tt_connections_params {
	struct tt_batch *batch;
	const struct tt_classifier *classifier;
	struct tt_names *names; /* told what name servers answer, asked who an address is */
	struct tt_hosts *hosts; /* asked where names do not know; NULL: nobody is */
	uint64_t (*next_row_id)(void *arg);
	void *arg;
	tt_host_named_fn named; /* NULL: nobody wants to know */
	void *named_arg;
	unsigned max_rows; /* that are remembered; beyond, a connection has a row of its own */
};

int tt_connections_new(const struct tt_connections_params *params, struct tt_connections **ret);
void tt_connections_free(struct tt_connections *connections);

/* to_epoch_ns: what to add to boot time. */

/* One call that named a destination (event->connect.sock_id is 0): puts its first row. *row_id becomes another's if that has what was
 * sent there already. -ENOSPC: the batch is full. */
int tt_connections_call(struct tt_connections *connections, const struct tt_event *event,
			const struct tt_process *process, uint64_t *row_id, int64_t to_epoch_ns);
/* What the row of such a call counts by now; the caller has put it. */
void tt_connections_count(struct tt_connections *connections, uint64_t row_id, uint64_t count,
			  uint64_t last_ns);
/* What UDP and UNIX sockets carry is told by the place at their other end, or where they listen (TT_OP_SENT, TT_OP_RECEIVED). */
bool tt_connections_is_carried(uint16_t op);
/* The first that is known of such a place: it belongs to the row of who connected or sent there, or accepted, else it has one of
 * its own. -ENOSPC: there is no room, and it is lost. */
int tt_connections_carried(struct tt_connections *connections, const struct tt_event *event,
			   const struct tt_process *process, int64_t to_epoch_ns);
/* How much that is by now. Returns 1, or 0 if the place is not known. Nothing is lost without room: its row is owed. */
int tt_connections_carried_total(struct tt_connections *connections, const struct tt_event *event,
				 int64_t to_epoch_ns);
/* A TCP attempt or its outcome. -ENOSPC: the batch is full, and it is lost. -ESTALE: the same, but the attempt has its row. */
int tt_connections_tcp(struct tt_connections *connections, const struct tt_event *event,
		       const struct tt_process *process, int64_t to_epoch_ns);
/* What a TCP connection has carried so far; what is less than is known changes nothing. Nothing is lost without room: its row is owed. */
int tt_connections_flow(struct tt_connections *connections, const struct tt_event *event,
			int64_t to_epoch_ns);
/* Bytes that may name the other end, or be a name server's. process: who sent or received them. */
int tt_connections_payload(struct tt_connections *connections, const struct tt_event *event,
			   const struct tt_process *process, int64_t to_epoch_ns);

/* The process was told who addresses are, of which it asked at since_ns: connections that it has made since have that
 * name, if it is surer than theirs. */
void tt_connections_told(struct tt_connections *connections, const struct tt_process *process,
			 uint64_t since_ns, int64_t to_epoch_ns);

/* Puts rows that found no room before, and forgets those of processes that are not in the table any more; table NULL:
 * all. Attempts that the sensor did not tell of since the last time, and whose process is gone, are forgotten as well. */
void tt_connections_settle(struct tt_connections *connections, const struct tt_process_table *table,
			   int64_t to_epoch_ns);

#endif
