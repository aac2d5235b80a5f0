/* SPDX-License-Identifier: Apache-2.0 */
/* Files below /proc that show the inside of a process, its environment or its memory: whose is it?
 *
 * The kernel's name of the file has the pid, as the proc file system counts that it lies in: the host's, or a
 * container's, where only the reader itself is known again. A number may be a thread's. Answers may be missing where a process
 * has gone; they are never another's: of processes that had the same pid it is the one that lived then. */
#ifndef TT_DAEMON_INSIDE_H
#define TT_DAEMON_INSIDE_H

#include "process/table.h"
#include "sensor/event.h"
#include "util/util.h"

struct tt_procfs;

enum tt_inside_what { TT_INSIDE_NONE, TT_INSIDE_ENVIRON, TT_INSIDE_MEM };

struct tt_inside {
	enum tt_inside_what what;
	bool own; /* the reader's own */
	uint32_t pid; /* in the initial pid namespace; 0 not known */
	struct tt_id process_id; /* "": not recorded, or not known */
	char *exe; /* NULL not known */
};

static inline void tt_inside_done(struct tt_inside *inside)
{
	free(inside->exe);
}

/* Pure. What a path ends in: .../PID/environ, .../PID/task/TID/mem, also with `self` and `thread-self` for PID;
 * *ret_pid is 0 for these, or where there is no number. on_proc: it is known to lie in a proc file system; else only
 * what begins with /proc/ does. */
enum tt_inside_what tt_inside_parse(const char *path, bool on_proc, uint32_t *ret_pid, bool *ret_self);

/* What this file operation of `process` opened. To be freed by tt_inside_done(), also where what is NONE. */
void tt_inside_of(const struct tt_event *event, const struct tt_process *process,
		  struct tt_process_table *table, struct tt_procfs *procfs, struct tt_inside *ret);

/* "environ", "mem"; NULL for NONE. */
const char *tt_inside_name(enum tt_inside_what what);

#endif
