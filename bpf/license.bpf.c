/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The licence string the kernel asks for; here once, so that the objects can be linked into one. */
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";
