/* SPDX-License-Identifier: Apache-2.0 */
/* Mounts as /proc/PID/mountinfo lists them: which file system a path lies in, and by what name another mount namespace has it.
 *
 * Pure: text in, text out. The text is the kernel's, but what is in it the observed processes choose: any bytes in names, any
 * number of mounts. Lines that are none are left out; the number is bounded. */
#ifndef TT_PROCESS_MOUNTS_H
#define TT_PROCESS_MOUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A node of Kubernetes has some thousands. */
#define TT_MOUNTS_MAX 16384
/* Docker makes at most 128; the kernel takes 500. */
#define TT_LAYERS_MAX 128

struct tt_mounts;

struct tt_mount {
	uint32_t id, parent; /* parent: the mount that it is mounted on */
	uint32_t dev; /* the kernel's encoding, major << 20 | minor */
	const char
		*root; /* the directory or file of the file system that is mounted; need not begin with '/' */
	const char *point; /* where, from the root directory of the process whose list it is */
	const char *type, *options; /* of the file system; options as they stand there */
};

/* -E2BIG: more than TT_MOUNTS_MAX. */
int tt_mounts_parse(const char *text, size_t len, struct tt_mounts **ret);
void tt_mounts_free(struct tt_mounts *mounts);
size_t tt_mounts_bytes(const struct tt_mounts *mounts); /* of memory */

/* The mount that a path (absolute; no links, no "..") lies in, and *ret_rest, what of the path lies in it: "" or "/...".
 * root: the id of the mount that the process's root directory lies in, 0 not known. NULL: it is not in the list, as after
 * chroot(2) into a directory that is no mount point. */
const struct tt_mount *tt_mounts_find(const struct tt_mounts *mounts, uint32_t root, const char *path,
				      const char **ret_rest);

/* What lies at `rest` of the mount, as its file system has it. malloc'd; NULL: without a name, or no memory. */
char *tt_mount_inner(const struct tt_mount *mount, const char *rest);

/* The name of what a file system has at `inner`; the mount of the largest part of it that has a name. malloc'd; NULL: none. */
char *tt_mounts_name(const struct tt_mounts *mounts, uint32_t root, uint32_t dev, const char *inner);

/* The directories that an overlay lays over each other, as whoever mounted it called them: absolute names only. */
struct tt_layers {
	const char *upper; /* NULL: none */
	const char *lower[TT_LAYERS_MAX]; /* the topmost first */
	unsigned n;
	char *text;
};
bool tt_mount_is_overlay(const struct tt_mount *mount);
int tt_mount_layers(const struct tt_mount *mount, struct tt_layers *ret);
void tt_layers_done(struct tt_layers *layers);

/* directory + path, both absolute, or "". malloc'd. */
char *tt_mounts_join(const char *directory, const char *path);

#endif
