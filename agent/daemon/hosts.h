/* SPDX-License-Identifier: Apache-2.0 */
/* Who /etc/hosts says an address is, for processes that have read it: their own root's, as it was then.
 *
 * That a process has read the file does not say that it looked for that address: such a name is no more than a hint. */
#ifndef TT_DAEMON_HOSTS_H
#define TT_DAEMON_HOSTS_H

#include "process/table.h"
#include "sensor/event.h"

struct tt_hosts;
struct tt_procfs;

/* procfs: through which the files are opened; stays the caller's. */
int tt_hosts_new(struct tt_procfs *procfs, struct tt_hosts **ret);
void tt_hosts_free(struct tt_hosts *hosts); /* NULL is fine */

/* A TT_EVENT_FILE: was that the file? Then it is read, once for all who read the same. Files of more than 256 KiB are not,
 * nor one that was replaced meanwhile. */
void tt_hosts_opened(struct tt_hosts *hosts, const struct tt_event *event, const struct tt_process *process);

/* NULL: nobody, or the process has not read it. The name is valid until the next call of another function here. */
const char *tt_hosts_find(const struct tt_hosts *hosts, int family, const uint8_t addr[16],
			  const struct tt_process *process);

/* Forgets what processes have read that are not in the table any more; table NULL: all. */
void tt_hosts_settle(struct tt_hosts *hosts, const struct tt_process_table *table);

#endif
