/* SPDX-License-Identifier: Apache-2.0 */
/* Facts about this host that decide what telltale can do here, read from /proc, /sys and libcap.
 *
 * Reads, never tries and never judges: feature.h tries, `telltale doctor` judges. Every path is below
 * a root given by the caller, so that tests use a directory. A fact that cannot be read is unknown,
 * which is not the same as "no". */
#ifndef TT_SENSOR_HOST_H
#define TT_SENSOR_HOST_H

#include <stdbool.h>
#include <stdint.h>

#define TT_HOST_UNKNOWN INT32_MIN

enum tt_host_cap {
	TT_HOST_CAP_BPF,
	TT_HOST_CAP_PERFMON,
	TT_HOST_CAP_SYS_ADMIN, /* stands for the two above, and is what kernels before 5.8 know */
	TT_HOST_CAP_SYS_PTRACE, /* reading /proc/PID/{exe,cwd,environ,root} of other users */
	TT_HOST_CAP_DAC_READ_SEARCH, /* reading programs and package.json in other users' homes */
	TT_HOST_CAPS
};

struct tt_host {
	char release[65], machine[65]; /* uname(2) */
	bool root; /* effective uid 0 */
	bool caps[TT_HOST_CAPS]; /* effective, of this process */
	bool may_load; /* root's rights for bpf(2) and perf_event_open(2), by the capabilities */
	char lockdown[32]; /* none, integrity, confidentiality; "" unknown or not built in */
	char lsm[256]; /* active security modules, comma-separated; "" unknown */
	int32_t unprivileged_bpf_disabled, perf_event_paranoid, bpf_jit_enable; /* or TT_HOST_UNKNOWN */
	int32_t uprobe_pmu; /* its perf type, or TT_HOST_UNKNOWN: there is none */
	bool tracefs; /* mounted; telltale does not use it */
	char cgroup2[128]; /* where cgroup v2 is mounted, "" nowhere */
	uint64_t memlock; /* RLIMIT_MEMLOCK, soft; UINT64_MAX unlimited */
	bool pid_ns_known, pid_ns_initial;
	char container[32]; /* docker, podman, lxc, wsl, ...; "" none found */
};

const char *tt_host_cap_name(enum tt_host_cap cap);

/* root: "" for the real one. Capabilities, uname and limits are always this process's. */
void tt_host_read(const char *root, struct tt_host *ret);

#endif
