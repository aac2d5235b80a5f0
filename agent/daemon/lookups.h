/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of getaddrinfo(3): the name comes when it is asked for, the addresses when the caller gives them back. */
#ifndef TT_DAEMON_LOOKUPS_H
#define TT_DAEMON_LOOKUPS_H

#include "process/table.h"
#include "sensor/event.h"

struct tt_lookups;
struct tt_names;

/* names: told what is asked and found; stays the caller's. */
int tt_lookups_new(struct tt_names *names, struct tt_lookups **ret);
void tt_lookups_free(struct tt_lookups *lookups);

/* to_epoch_ns: what to add to boot time. -ENOSPC: the batch is full. */

/* TT_EVENT_LOOKUP. An address in the place of a name is nobody's name: nothing comes of it. */
int tt_lookups_begin(struct tt_lookups *lookups, const struct tt_event *event,
		     const struct tt_process *process, int64_t to_epoch_ns);
/* TT_EVENT_LOOKUP_DONE. 1: names were told of addresses, asked for at *ret_since_ns; 0: of none, or the call is not known. */
int tt_lookups_end(struct tt_lookups *lookups, const struct tt_event *event, const struct tt_process *process,
		   int64_t to_epoch_ns, uint64_t *ret_since_ns);

/* Forgets the calls of processes that are not in the table any more; table NULL: all. */
void tt_lookups_settle(struct tt_lookups *lookups, const struct tt_process_table *table);

#endif
