/* SPDX-License-Identifier: Apache-2.0 */
/* Names that processes ask for, and who an address therefore is to them.
 *
 * Questions become rows (name_lookup). Answers are remembered by address for as long as they hold, and somewhat longer, since
 * programs keep them: what a process asked itself counts more than what another one of its session did. */
#ifndef TT_DAEMON_NAMES_H
#define TT_DAEMON_NAMES_H

#include "daemon/batch.h"
#include "process/table.h"
#include "wire/wire.h"

struct tt_names;
struct tt_dns;
struct tt_dns_answer;

/* How sure a connection's host name is. */
enum tt_name_confidence {
	TT_NAME_UNSURE, /* an answer that no longer holds, or one of several that fit */
	TT_NAME_LIKELY, /* another process of the session was told so */
	TT_NAME_SURE, /* the process itself said so, or was told so */
};

const char *tt_name_confidence_text(enum tt_name_confidence confidence);

struct tt_name {
	const char *text; /* belongs to whoever gives it */
	enum tt_name_source source;
	enum tt_name_confidence confidence;
};

struct tt_names_params {
	struct tt_batch *batch;
	uint64_t (*next_row_id)(void *arg);
	void *arg;
	unsigned max_rows, max_addresses; /* that are remembered */
};

int tt_names_new(const struct tt_names_params *params, struct tt_names **ret);
void tt_names_free(struct tt_names *names);

/* What a process asked somebody, or was answered. */
struct tt_told {
	enum tt_name_source source;
	uint16_t
		type; /* of record; or TT_RESOLVER_ANY_ADDRESS (wire/resolver.h), where source is not TT_NAME_DNS */
	const char *name; /* as tt_host_clean() has it */
	bool response;
	int rcode; /* of a response */
	const char *canonical; /* where aliases led; NULL or "": nowhere */
	const struct tt_dns_answer *answers;
	unsigned n;
};

/* -ENOSPC: the batch is full. */
int tt_names_told(struct tt_names *names, const struct tt_told *told, const struct tt_process *process,
		  uint64_t now_ns, int64_t to_epoch_ns);
/* A message of the domain name system that the process sent or received. -ENOSPC: the batch is full. */
int tt_names_dns(struct tt_names *names, const struct tt_dns *message, const struct tt_process *process,
		 uint64_t now_ns, int64_t to_epoch_ns);

/* Who an address is to a process, the surest first; behind it what other sources call it, where that differs. At most
 * TT_NAMES_MAX; returns how many. Their texts are valid until the next answer is told. */
#define TT_NAMES_MAX 4
unsigned tt_names_find(const struct tt_names *names, int family, const uint8_t addr[16],
		       const struct tt_process *process, uint64_t now_ns, struct tt_name ret[TT_NAMES_MAX]);

/* Whether the process, or another of its session, was answered this address for that host. */
bool tt_names_was_told(const struct tt_names *names, int family, const uint8_t addr[16],
		       const struct tt_process *process, const char *host);

/* As tt_connections_settle(). */
void tt_names_settle(struct tt_names *names, const struct tt_process_table *table, int64_t to_epoch_ns);

#endif
