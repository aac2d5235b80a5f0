/* SPDX-License-Identifier: Apache-2.0 */
/* Kernel functions that programs call where the kernel has them, and do without elsewhere.
 *
 * A program calls them by numbers that no kernel knows (enum tt_kernel_call); before it is loaded these become calls of the
 * kernel's functions, or nothing at all. A weak symbol would be the ordinary way, but libbpf before 1.2 leaves a
 * call in its place that kernels 5.13 to 5.15 refuse even where nothing executes it. */
#ifndef TT_SENSOR_KCALL_H
#define TT_SENSOR_KCALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sensor/ktypes.h"
#include "telltale/maps.h"

struct tt_kcalls {
	int32_t id[TT_KERNEL_CALLS]; /* in the kernel's BTF */
	/* of functions that are not called but hooked (bpf/lib/compat.bpf.h); 0: not there */
	unsigned recvmsg_arguments, accept_arguments;
	bool uprobe_multi; /* uprobe.h */
};

/* Looks all of them up in the kernel's types (NULL: it has none). Of those that turn preemption off and on all are used or none:
 * what they do, they do together. */
void tt_kcalls_find(const struct tt_ktypes *kernel, struct tt_kcalls *calls);

/* In the programs of a BPF object file (ELF, of this machine's byte order), before libbpf opens it: it has no way to what is not
 * inlined. Returns 0, or -ENOEXEC if it is no such file. */
int tt_kcalls_put(const struct tt_kcalls *calls, void *object, size_t size);

#endif
