/* SPDX-License-Identifier: Apache-2.0 */
/* Looks names up in the kernel's types (BTF: Documentation/bpf/btf.rst, <linux/btf.h>).
 *
 * libbpf reads them as well, but copies their 5 MB twice and makes an index: 50 ms, where mapping them and looking a name up
 * takes 1. Every start does this before it knows what to load. */
#ifndef TT_SENSOR_KTYPES_H
#define TT_SENSOR_KTYPES_H

#include <stdint.h>

#define TT_KTYPES_PATH "/sys/kernel/btf/vmlinux"

struct tt_ktypes;

/* Maps the file, or reads it where it cannot be mapped (before 6.16). Returns 0 or a negative errno: -EINVAL for what is
 * no BTF of this machine's byte order. */
int tt_ktypes_open(const char *path, struct tt_ktypes **ret);
void tt_ktypes_free(struct tt_ktypes *types); /* NULL too */

/* The id of the first type of that kind (BTF_KIND_) and name; 0 if there is none. Time: that of the types before it. */
uint32_t tt_ktypes_find(const struct tt_ktypes *types, const char *name, unsigned kind);

/* How many arguments a function has; 0 also if it is not there. */
unsigned tt_ktypes_arguments(const struct tt_ktypes *types, const char *function);

#endif
