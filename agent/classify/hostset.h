/* SPDX-License-Identifier: Apache-2.0 */
/* A set of host names and patterns, each with a number; private to agent/classify.
 *
 * Names are kept from their end to their beginning, so that one pass over a host probes all domains that it is in.
 * Patterns with a '*' hang on what follows it, and are tried for hosts below that only. Filled once, then only read. */
#ifndef TT_CLASSIFY_HOSTSET_H
#define TT_CLASSIFY_HOSTSET_H

#include "strtab.h"

struct tt_host_pattern;

struct tt_hostset {
	struct tt_strtab exact, domain;
	struct tt_host_pattern *patterns;
	size_t n_patterns;
};

/* pattern: as tt_config_is_host() takes it. *ret: where its number is, TT_NONE if it is new; valid until the next call.
 * -EINVAL: no such pattern; -ENOMEM. */
int tt_hostset_put(struct tt_hostset *set, const char *pattern, int16_t **ret);
void tt_hostset_done(struct tt_hostset *set);

/* Called with the number of each entry that stands for the host, in no order. */
typedef void (*tt_hostset_fn)(int16_t number, void *arg);
/* host: any bytes; a dot at its end does not count. */
void tt_hostset_find(const struct tt_hostset *set, const char *host, tt_hostset_fn fn, void *arg);

/* The same for a single pattern. */
bool tt_host_matches(const char *pattern, const char *host);

/* An address instead of a name, in every form that the C library takes for one ("0x7f.1", "2852039166", "::1"). */
bool tt_host_address(const char *host, int *ret_family, uint8_t ret[16]);

#endif
