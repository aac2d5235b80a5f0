/* SPDX-License-Identifier: Apache-2.0 */
/* What processes ask resolvers on this machine: systemd-resolved over varlink and D-Bus, nscd. The streams are put together and
 * parsed as they come; nothing of them is kept but what is not whole yet. */
#ifndef TT_DAEMON_RESOLVERS_H
#define TT_DAEMON_RESOLVERS_H

#include "process/table.h"
#include "sensor/event.h"

struct tt_names;
struct tt_resolvers;

/* names: told what is asked and answered; stays the caller's. */
int tt_resolvers_new(struct tt_names *names, struct tt_resolvers **ret);
void tt_resolvers_free(struct tt_resolvers *resolvers);

/* A TT_EVENT_PAYLOAD of a UNIX socket. to_epoch_ns: what to add to boot time. -ENOSPC: the batch is full. */
int tt_resolvers_payload(struct tt_resolvers *resolvers, const struct tt_event *event,
			 const struct tt_process *process, int64_t to_epoch_ns);

/* Forgets the streams of processes that are not in the table any more; table NULL: all. */
void tt_resolvers_settle(struct tt_resolvers *resolvers, const struct tt_process_table *table);

#endif
