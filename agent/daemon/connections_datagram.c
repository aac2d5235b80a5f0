/* SPDX-License-Identifier: Apache-2.0 */
/* What UDP datagrams say: name servers' messages, and the host in the first packets of a QUIC connection. */
#include "daemon/connections_internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <utlist.h>

#include "util/util.h"
#include "wire/dns.h"
#include "wire/quic.h"

/* QUIC connections whose first packets have not named anybody yet. */
#define QUIC_MAX 64

/* The first packets of a QUIC connection. */
struct tt_connections_quic {
	struct tt_connections_place place;
	struct tt_quic state;
	struct tt_connections_quic *next;
};

static bool is_place_of(const struct tt_connections_row *row, const struct tt_event *event)
{
	const struct tt_event_payload *payload = &event->payload;

	return row->place.protocol == IPPROTO_UDP && row->place.port == payload->port &&
	       row->place.family == payload->family &&
	       memcmp(row->place.addr, payload->addr, sizeof(payload->addr)) == 0 &&
	       tt_process_key_equal(&row->place.process, &event->process);
}

static struct tt_connections_quic *quic_of(struct tt_connections *connections, const struct tt_event *event)
{
	const struct tt_event_payload *payload = &event->payload;
	struct tt_connections_quic *quic, **last = &connections->quics;
	struct tt_connections_place place;

	memset(&place, 0, sizeof(place));
	place.process = event->process;
	place.port = payload->port;
	place.local_port = payload->local_port;
	place.family = payload->family;
	memcpy(place.addr, payload->addr, sizeof(place.addr));
	for (; *last; last = &(*last)->next) {
		quic = *last;
		if (memcmp(&quic->place, &place, sizeof(place)) == 0)
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
	quic->next = connections->quics;
	connections->quics = quic;
	connections->n_quics++;
	return quic;
}

static void quic_done(struct tt_connections *connections, struct tt_connections_quic *quic)
{
	struct tt_connections_quic **at = &connections->quics;

	while (*at && *at != quic)
		at = &(*at)->next;
	if (*at)
		*at = quic->next;
	connections->n_quics--;
	free(quic);
}

int tt_connections_datagram(struct tt_connections *connections, const struct tt_event *event,
			    const struct tt_process *process, int64_t to_epoch_ns)
{
	const struct tt_event_payload *payload = &event->payload;
	struct tt_tls_hello hello;
	struct tt_connections_quic *quic;
	struct tt_connections_row *row;
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
	tt_connections_tell_named(connections, process, name.text);
	DL_FOREACH(connections->rows, row)
	{
		if (is_place_of(row, event) && row->source != TT_NAME_SNI) {
			tt_connections_rename(connections, row, &name);
			tt_connections_put(connections, row, to_epoch_ns);
		}
	}
	return 0;
}

void tt_connections_quics_free(struct tt_connections *connections)
{
	while (connections->quics)
		quic_done(connections, connections->quics);
}
