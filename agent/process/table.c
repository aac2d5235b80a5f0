/* SPDX-License-Identifier: Apache-2.0 */
#include "process/table.h"

#include <errno.h>
#include <uthash.h>
#include <xxhash.h>

#include "util/util.h"

struct entry {
	struct tt_process process; /* first: entries and processes are cast to each other */
	UT_hash_handle hh; /* by key */
};

/* A connect may go on for minutes after its process (tcp(7): tcp_syn_retries); so many ends in that time are a busy
 * build. Only their hashes are kept, each in its own place: a later one with the same place takes it over. */
#define FORGOTTEN_MAX 16384

struct tt_process_table {
	struct entry *entries;
	uint64_t *forgotten_keys;
	unsigned max;
	uint64_t evicted;
	void (*forgotten)(struct tt_process *process, void *arg);
	void *arg;
	struct tt_process *first_ended, *last_ended;
};

int tt_process_table_new(unsigned max, void (*forgotten)(struct tt_process *process, void *arg), void *arg,
			 struct tt_process_table **ret)
{
	struct tt_process_table *table = calloc(1, sizeof(*table));

	if (!table)
		return -ENOMEM;
	table->forgotten_keys = calloc(FORGOTTEN_MAX, sizeof(*table->forgotten_keys));
	if (!table->forgotten_keys) {
		free(table);
		return -ENOMEM;
	}
	table->max = max;
	table->forgotten = forgotten;
	table->arg = arg;
	*ret = table;
	return 0;
}

static void entry_free(struct entry *entry)
{
	struct tt_process *process = &entry->process;

	free(process->exe);
	free(process->argv);
	free(process->cwd);
	free(process->script);
	free(process->home);
	free(process->coverage);
	free(process->cgroup);
	free(process->container_id);
	free(process->host_exe);
	free(entry);
}

void tt_process_table_free(struct tt_process_table *table)
{
	struct entry *entry, *next;

	if (!table)
		return;
	HASH_ITER (hh, table->entries, entry, next) {
		HASH_DEL(table->entries, entry);
		entry_free(entry);
	}
	free(table->forgotten_keys);
	free(table);
}

void tt_process_id(const char *boot_id, const struct tt_process_key *key, struct tt_id *ret)
{
	struct {
		char boot[36];
		uint32_t pid;
		uint64_t start_ns;
	} whole = { .pid = key->pid, .start_ns = key->start_ns };

	memcpy(whole.boot, boot_id, strnlen(boot_id, sizeof(whole.boot)));
	snprintf(ret->s, sizeof(ret->s), "%016llx", (unsigned long long)XXH3_64bits(&whole, sizeof(whole)));
}

struct tt_process *tt_process_find(const struct tt_process_table *table, const struct tt_process_key *key)
{
	struct entry *entry;

	HASH_FIND(hh, table->entries, key, sizeof(*key), entry);
	return entry ? &entry->process : NULL;
}

static uint64_t key_hash(const struct tt_process_key *key)
{
	return XXH3_64bits(key, sizeof(*key));
}

bool tt_process_was_forgotten(const struct tt_process_table *table, const struct tt_process_key *key)
{
	return table->forgotten_keys[key_hash(key) % FORGOTTEN_MAX] == key_hash(key);
}

static void unlink_ended(struct tt_process_table *table, struct tt_process *process)
{
	*(process->older ? &process->older->newer : &table->first_ended) = process->newer;
	*(process->newer ? &process->newer->older : &table->last_ended) = process->older;
}

static void forget(struct tt_process_table *table, struct tt_process *process)
{
	struct entry *entry = (struct entry *)process;

	if (table->forgotten)
		table->forgotten(process, table->arg);
	if (process->session)
		table->forgotten_keys[key_hash(&process->key) % FORGOTTEN_MAX] = key_hash(&process->key);
	unlink_ended(table, process);
	HASH_DELETE(hh, table->entries, entry);
	entry_free(entry);
}

int tt_process_add(struct tt_process_table *table, const char *boot_id, const struct tt_process_key *key,
		   struct tt_process **ret)
{
	struct entry *entry;

	if (tt_process_find(table, key))
		return -EEXIST;
	if (HASH_CNT(hh, table->entries) >= table->max) {
		table->evicted++;
		if (!table->first_ended)
			return -ENOSPC;
		forget(table, table->first_ended);
	}
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	entry->process.key = *key;
	entry->process.status = TT_UNKNOWN_STATUS;
	tt_process_id(boot_id, key, &entry->process.id);
	HASH_ADD(hh, table->entries, process.key, sizeof(entry->process.key), entry);
	*ret = &entry->process;
	return 0;
}

int tt_process_set(char **field, const char *value)
{
	char *copy = NULL;

	if (value) {
		copy = strdup(value);
		if (!copy)
			return -ENOMEM;
	}
	free(*field);
	*field = copy;
	return 0;
}

void tt_process_end(struct tt_process_table *table, struct tt_process *process, uint64_t ended_ns, int status)
{
	process->status = status;
	if (process->ended_ns)
		return;
	process->ended_ns = ended_ns;
	process->older = table->last_ended;
	process->newer = NULL;
	*(table->last_ended ? &table->last_ended->newer : &table->first_ended) = process;
	table->last_ended = process;
}

void tt_process_expire(struct tt_process_table *table, uint64_t before_ns)
{
	while (table->first_ended && table->first_ended->ended_ns < before_ns)
		forget(table, table->first_ended);
}

int tt_process_each(struct tt_process_table *table, int (*fn)(struct tt_process *process, void *arg),
		    void *arg)
{
	struct entry *entry, *next;

	HASH_ITER (hh, table->entries, entry, next) {
		int r = fn(&entry->process, arg);

		if (r != 0)
			return r;
	}
	return 0;
}

uint64_t tt_process_evicted(const struct tt_process_table *table)
{
	return table->evicted;
}

const char *tt_role_name(enum tt_role role)
{
	static const char *const names[] = {
		[TT_ROLE_TOOL] = "tool",
		[TT_ROLE_RUNTIME] = "runtime",
		[TT_ROLE_AGENT] = "agent",
	};

	return names[role];
}
