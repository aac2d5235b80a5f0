/* SPDX-License-Identifier: Apache-2.0 */
/* Who a connection is to: as long as it has not said so itself, whom its process was told that its address is. */
#include "daemon/connections_internal.h"

#include <netinet/in.h>
#include <utlist.h>

#include "daemon/hosts.h"
#include "util/buf.h"
#include "util/util.h"

static bool named_before(const struct tt_name names[], unsigned n, const char *name)
{
	while (n-- > 0) {
		if (tt_streq(names[n].text, name))
			return true;
	}
	return false;
}

char *tt_connections_names_json(const struct tt_name names[], unsigned n)
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

void tt_connections_keep_names(struct tt_connections_row *row, char *json)
{
	if (!json)
		return;
	free(row->names);
	row->names = json;
}

unsigned tt_connections_expected_at(struct tt_connections *connections, uint16_t family,
				    const uint8_t addr[16], const struct tt_process *process, uint64_t at_ns,
				    struct tt_name ret[TT_NAMES_MAX])
{
	struct tt_address address = tt_address_plain(family, addr);
	unsigned n;

	memset(ret, 0, sizeof(ret[0]));
	if (family == AF_UNIX)
		return 0;
	n = tt_names_find(connections->params.names, address.family, address.addr, process, at_ns, ret);
	if (n || !connections->params.hosts)
		return n;
	ret[0].text = tt_hosts_find(connections->params.hosts, address.family, address.addr, process);
	ret[0].source = TT_NAME_HOSTS;
	ret[0].confidence = TT_NAME_UNSURE;
	return ret[0].text != NULL;
}

unsigned tt_connections_expected(struct tt_connections *connections, const struct tt_event_connect *connect,
				 const struct tt_process *process, uint64_t at_ns,
				 struct tt_name ret[TT_NAMES_MAX])
{
	memset(ret, 0, sizeof(ret[0]));
	return connect->inward ? 0
			       : tt_connections_expected_at(connections, connect->family, connect->addr,
							    process, at_ns, ret);
}

void tt_connections_tell_named(struct tt_connections *connections, const struct tt_process *process,
			       const char *host)
{
	if (connections->params.named)
		connections->params.named(process, host, connections->params.named_arg);
}

int tt_connections_payload(struct tt_connections *connections, const struct tt_event *event,
			   const struct tt_process *process, int64_t to_epoch_ns)
{
	return event->payload.protocol == IPPROTO_TCP
		       ? tt_connections_stream(connections, event, process, to_epoch_ns)
		       : tt_connections_datagram(connections, event, process, to_epoch_ns);
}

void tt_connections_told(struct tt_connections *connections, const struct tt_process *process,
			 uint64_t since_ns, int64_t to_epoch_ns)
{
	struct tt_connections_row *row;

	DL_FOREACH(connections->rows, row)
	{
		struct tt_name names[TT_NAMES_MAX];
		unsigned n;

		if (row->first_ns < since_ns || !tt_process_key_equal(&row->place.process, &process->key))
			continue;
		n = tt_connections_expected(connections, &row->connect, process, row->last_ns, names);
		if (!n || (row->host && row->confidence >= names[0].confidence))
			continue;
		tt_connections_rename(connections, row, &names[0]);
		tt_connections_keep_names(row, tt_connections_names_json(names, n));
		tt_connections_put(connections, row, to_epoch_ns);
	}
}
