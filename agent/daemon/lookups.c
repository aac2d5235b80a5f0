/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/lookups.h"

#include <arpa/inet.h>
#include <errno.h>
#include <uthash.h>

#include "daemon/names.h"
#include "util/util.h"
#include "wire/dns.h"
#include "wire/resolver.h"

/* Calls that failed are never given back: the oldest make room. */
#define CALLS_MAX 1024

struct key { /* all zeros where not set, to be hashed as it is */
	struct tt_process_key process;
	uint64_t id;
};

struct call {
	struct key key;
	uint64_t asked_ns;
	uint16_t type;
	char *name;
	UT_hash_handle hh;
};

struct tt_lookups {
	struct tt_names *names;
	struct call *calls;
};

int tt_lookups_new(struct tt_names *names, struct tt_lookups **ret)
{
	struct tt_lookups *lookups = calloc(1, sizeof(*lookups));

	if (!lookups)
		return -ENOMEM;
	lookups->names = names;
	*ret = lookups;
	return 0;
}

static void forget(struct tt_lookups *lookups, struct call *call)
{
	HASH_DEL(lookups->calls, call);
	free(call->name);
	free(call);
}

void tt_lookups_free(struct tt_lookups *lookups)
{
	if (!lookups)
		return;
	tt_lookups_settle(lookups, NULL);
	free(lookups);
}

static struct key key_of(const struct tt_event *event)
{
	struct key key;

	memset(&key, 0, sizeof(key));
	key.process = event->process;
	key.id = event->lookup.id;
	return key;
}

static int remember(struct tt_lookups *lookups, const struct tt_event *event, const char *name, uint16_t type)
{
	struct call *call;

	if (HASH_COUNT(lookups->calls) >= CALLS_MAX)
		forget(lookups, lookups->calls);
	call = calloc(1, sizeof(*call));
	if (!call)
		return -ENOMEM;
	call->name = strdup(name);
	if (!call->name) {
		free(call);
		return -ENOMEM;
	}
	call->key = key_of(event);
	call->asked_ns = event->time_ns;
	call->type = type;
	HASH_ADD(hh, lookups->calls, key, sizeof(call->key), call);
	return 0;
}

/* What getaddrinfo(3) takes for an address, numbers of fewer than four parts and zones included. */
static bool is_address(const char *name)
{
	struct in_addr in;

	return strchr(name, ':') || inet_aton(name, &in);
}

int tt_lookups_begin(struct tt_lookups *lookups, const struct tt_event *event,
		     const struct tt_process *process, int64_t to_epoch_ns)
{
	char name[TT_HOST_MAX];
	struct tt_told told = {
		.source = TT_NAME_GETADDRINFO,
		.type = event->lookup.family == AF_INET	   ? TT_DNS_A
			: event->lookup.family == AF_INET6 ? TT_DNS_AAAA
							   : TT_RESOLVER_ANY_ADDRESS,
		.name = name,
	};
	int r;

	if (is_address(event->lookup.name) ||
	    !tt_host_clean(event->lookup.name, strlen(event->lookup.name), name))
		return 0;
	r = remember(lookups, event, name, told.type);
	return r < 0 ? r : tt_names_told(lookups->names, &told, process, event->time_ns, to_epoch_ns);
}

int tt_lookups_end(struct tt_lookups *lookups, const struct tt_event *event, const struct tt_process *process,
		   int64_t to_epoch_ns, uint64_t *ret_since_ns)
{
	struct key key = key_of(event);
	struct tt_dns_answer answers[TT_LOOKUP_ADDRESSES] = { 0 };
	struct tt_told told = { .source = TT_NAME_GETADDRINFO, .response = true, .answers = answers };
	struct call *call;
	int r;

	HASH_FIND(hh, lookups->calls, &key, sizeof(key), call);
	if (!call)
		return 0;
	for (; told.n < event->lookup.n && told.n < ARRAY_SIZE(answers); told.n++) {
		answers[told.n].family = event->lookup.addresses[told.n].family;
		memcpy(answers[told.n].addr, event->lookup.addresses[told.n].addr, 16);
	}
	told.name = call->name;
	told.type = call->type;
	*ret_since_ns = call->asked_ns;
	r = tt_names_told(lookups->names, &told, process, event->time_ns, to_epoch_ns);
	forget(lookups, call);
	return r < 0 ? r : told.n > 0;
}

void tt_lookups_settle(struct tt_lookups *lookups, const struct tt_process_table *table)
{
	struct call *call, *next;

	HASH_ITER (hh, lookups->calls, call, next) {
		if (!table || !tt_process_find(table, &call->key.process))
			forget(lookups, call);
	}
}
