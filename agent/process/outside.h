/* SPDX-License-Identifier: Apache-2.0 */
/* What a file of another root directory or mount namespace is called on the host: in the namespace of process 1, since a
 * service has one of its own (in which the host's files have their names, but not all are there). Where process 1 may not be
 * looked at, it is telltale's own.
 *
 * For each such root it keeps where it lies, or the mounts of its namespace, read from a process that has it: what others of
 * the same root accessed is then found although they have gone. A name is given only if there is, now, the file that was
 * accessed (by its inode number): so one that was deleted, replaced or moved meanwhile has none, and mounts that were read
 * too early or made up lead nowhere. Names are looked up without following links or opening anything.
 *
 * Bounded in number, in memory, and in the time that reading takes; beyond, names are not known. */
#ifndef TT_PROCESS_OUTSIDE_H
#define TT_PROCESS_OUTSIDE_H

#include <stdbool.h>
#include <stdint.h>

struct tt_outside;
struct tt_procfs;

/* Which files a process sees. */
struct tt_view {
	uint64_t mnt_ns; /* inode number of its mount namespace; 0 not known */
	uint64_t root_dev, root_ino; /* its root directory, as stat(2) has it; root_ino 0: not known */
};

struct tt_outside_file {
	const char *path; /* the kernel's, from the process's root */
	uint64_t ino;
	uint32_t dev; /* the kernel's encoding; 0 not known */
	uint32_t mode; /* its type; 0 not known */
	uint64_t at_ns; /* when it was accessed, by tt_outside_new()'s clock; 0 not known */
};

/* procfs stays the caller's. clock: nanoseconds that pass. */
int tt_outside_new(struct tt_procfs *procfs, uint64_t (*clock)(void), struct tt_outside **ret);
void tt_outside_free(struct tt_outside *outside);

/* Brings what is known of pid's view up to date: its namespace is mnt_ns (0: ask). Of one that has gone it is what it
 * inherited, if that was of the same namespace. */
void tt_outside_look(const struct tt_outside *outside, uint32_t pid, uint64_t mnt_ns, struct tt_view *view);
/* Is its root another directory than telltale's? Where that is not known: is its namespace neither the host's nor telltale's? */
bool tt_outside_is_other_root(const struct tt_outside *outside, const struct tt_view *view);
/* Is its root or its namespace another one than the host's? */
bool tt_outside_is_elsewhere(const struct tt_outside *outside, const struct tt_view *view);

/* malloc'd; NULL: it is the same as file->path, or not known. */
char *tt_outside_name(struct tt_outside *outside, uint32_t pid, const struct tt_view *view,
		      const struct tt_outside_file *file);

#endif
