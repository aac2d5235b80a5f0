/* SPDX-License-Identifier: Apache-2.0 */
/* The name of a process within one boot. */
#ifndef TT_UTIL_PROCESS_KEY_H
#define TT_UTIL_PROCESS_KEY_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* pids are reused; with the time of their start they are not. */
struct tt_process_key {
	uint64_t start_ns; /* task_struct.start_boottime of the leader */
	uint32_t pid;
	uint32_t pad; /* zero: keys are compared and hashed as bytes */
};

static inline bool tt_process_key_equal(const struct tt_process_key *a, const struct tt_process_key *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

#endif
