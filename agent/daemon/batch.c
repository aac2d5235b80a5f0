/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/batch.h"

#include <errno.h>

#include "util/util.h"

/* Blocks of the arena; a batch of a busy second fits into a few. */
#define BLOCK_BYTES (256u << 10)

struct block {
	struct block *next;
	size_t len, cap;
	char data[] __attribute__((aligned(16)));
};

enum kind {
	KIND_HOST,
	KIND_SESSION,
	KIND_PROCESS,
	KIND_EXEC,
	KIND_FILE,
	KIND_ENV,
	KIND_CONNECTION,
	KIND_NAME,
	KIND_ACCESS,
	KIND_LOSS,
	KIND_RISK,
	KIND_COUNTS,
	KINDS
};

struct item {
	struct item *next;
	enum kind kind;
	char row[] __attribute__((aligned(16)));
};

struct tt_batch {
	struct tt_store *store;
	struct block *blocks;
	struct item *first, **last;
	size_t rows, bytes;
};

#define PUT(name)                                                                                            \
	static int put_##name(struct tt_store *store, const void *row)                                       \
	{                                                                                                    \
		return tt_store_put_##name(store, row);                                                      \
	}

PUT(host)
PUT(session)
PUT(process)
PUT(exec)
PUT(file)
PUT(env)
PUT(connection)
PUT(name)
PUT(access)
PUT(loss)
PUT(risk)
PUT(counts)

/* Where a row's strings are, so that one function copies them all. */
#define TEXT(type, field) offsetof(struct tt_row_##type, field)
#define TEXTS_MAX	  16

static const struct {
	size_t size;
	int (*put)(struct tt_store *store, const void *row);
	size_t texts[TEXTS_MAX];
	unsigned n_texts;
} kinds[KINDS] = {
	[KIND_HOST] = { sizeof(struct tt_row_host),
			put_host,
			{ TEXT(host, hostname), TEXT(host, os), TEXT(host, kernel), TEXT(host, backend),
			  TEXT(host, telltale_version), TEXT(host, boot_id) },
			6 },
	[KIND_SESSION] = { sizeof(struct tt_row_session),
			   put_session,
			   { TEXT(session, agent), TEXT(session, agent_name), TEXT(session, vendor),
			     TEXT(session, agent_version), TEXT(session, install_path),
			     TEXT(session, build_id), TEXT(session, launched_by), TEXT(session, tty),
			     TEXT(session, user), TEXT(session, cwd), TEXT(session, command),
			     TEXT(session, level), TEXT(session, policy), TEXT(session, gateway),
			     TEXT(session, gateway_source) },
			   15 },
	[KIND_PROCESS] = { sizeof(struct tt_row_process),
			   put_process,
			   { TEXT(process, exe), TEXT(process, argv), TEXT(process, cwd),
			     TEXT(process, script), TEXT(process, role), TEXT(process, cgroup),
			     TEXT(process, container_id), TEXT(process, coverage), TEXT(process, host_exe) },
			   9 },
	[KIND_EXEC] = { sizeof(struct tt_row_exec),
			put_exec,
			{ TEXT(exec, exe), TEXT(exec, argv), TEXT(exec, script) },
			3 },
	[KIND_FILE] = { sizeof(struct tt_row_file),
			put_file,
			{ TEXT(file, path), TEXT(file, real_path), TEXT(file, op), TEXT(file, category),
			  TEXT(file, target), TEXT(file, file_type), TEXT(file, path_source),
			  TEXT(file, host_path) },
			8 },
	[KIND_ENV] = { sizeof(struct tt_row_env),
		       put_env,
		       { TEXT(env, name), TEXT(env, source), TEXT(env, category), TEXT(env, value) },
		       4 },
	[KIND_CONNECTION] = { sizeof(struct tt_row_connection),
			      put_connection,
			      { TEXT(connection, direction), TEXT(connection, family),
				TEXT(connection, protocol), TEXT(connection, local_address),
				TEXT(connection, address), TEXT(connection, unix_path),
				TEXT(connection, hostname), TEXT(connection, hostname_source),
				TEXT(connection, hostname_confidence), TEXT(connection, category),
				TEXT(connection, state), TEXT(connection, address_source),
				TEXT(connection, names) },
			      13 },
	[KIND_NAME] = { sizeof(struct tt_row_name),
			put_name,
			{ TEXT(name, name), TEXT(name, type), TEXT(name, source), TEXT(name, answers) },
			4 },
	[KIND_ACCESS] = { sizeof(struct tt_row_access),
			  put_access,
			  { TEXT(access, what), TEXT(access, of_exe) },
			  2 },
	[KIND_LOSS] = { sizeof(struct tt_row_loss),
			put_loss,
			{ TEXT(loss, boot_id), TEXT(loss, sensor), TEXT(loss, kind) },
			3 },
	[KIND_RISK] = { sizeof(struct tt_row_risk), put_risk, { TEXT(risk, level), TEXT(risk, reasons) }, 2 },
	[KIND_COUNTS] = { sizeof(struct tt_row_counts), put_counts, { 0 }, 0 },
};

int tt_batch_new(struct tt_store *store, struct tt_batch **ret)
{
	struct tt_batch *batch = calloc(1, sizeof(*batch));

	if (!batch)
		return -ENOMEM;
	batch->store = store;
	batch->last = &batch->first;
	*ret = batch;
	return 0;
}

static void reset(struct tt_batch *batch, bool keep_one)
{
	struct block *next;

	for (struct block *block = batch->blocks; block; block = next) {
		next = block->next;
		if (keep_one && !next && block->cap == BLOCK_BYTES) {
			block->len = 0;
			batch->blocks = block;
			break;
		}
		free(block);
		batch->blocks = NULL;
	}
	batch->first = NULL;
	batch->last = &batch->first;
	batch->rows = 0;
	batch->bytes = 0;
}

void tt_batch_free(struct tt_batch *batch)
{
	if (!batch)
		return;
	reset(batch, false);
	free(batch);
}

static void *allocate(struct tt_batch *batch, size_t size)
{
	struct block *block = batch->blocks;
	void *memory;

	size = (size + 15) & ~(size_t)15;
	if (!block || block->cap - block->len < size) {
		size_t cap = size > BLOCK_BYTES ? size : BLOCK_BYTES;

		block = malloc(sizeof(*block) + cap);
		if (!block)
			return NULL;
		*block = (struct block){ .next = batch->blocks, .cap = cap };
		batch->blocks = block;
	}
	memory = block->data + block->len;
	block->len += size;
	batch->bytes += size;
	return memory;
}

static int add(struct tt_batch *batch, enum kind kind, const void *row)
{
	size_t size = sizeof(struct item) + kinds[kind].size, texts = 0;
	struct item *item;
	char *text;

	for (unsigned i = 0; i < kinds[kind].n_texts; i++) {
		const char *from = *(char *const *)((const char *)row + kinds[kind].texts[i]);

		texts += from ? strlen(from) + 1 : 0;
	}
	if (batch->bytes + size + texts > TT_BATCH_BYTES_MAX)
		return -ENOSPC;
	item = allocate(batch, size + texts);
	if (!item)
		return -ENOMEM;
	item->next = NULL;
	item->kind = kind;
	memcpy(item->row, row, kinds[kind].size);
	text = item->row + kinds[kind].size;
	for (unsigned i = 0; i < kinds[kind].n_texts; i++) {
		char **field = (char **)(item->row + kinds[kind].texts[i]);
		size_t len;

		if (!*field)
			continue;
		len = strlen(*field) + 1;
		*field = memcpy(text, *field, len);
		text += len;
	}
	*batch->last = item;
	batch->last = &item->next;
	batch->rows++;
	return 0;
}

int tt_batch_host(struct tt_batch *batch, const struct tt_row_host *row)
{
	return add(batch, KIND_HOST, row);
}

int tt_batch_session(struct tt_batch *batch, const struct tt_row_session *row)
{
	return add(batch, KIND_SESSION, row);
}

int tt_batch_process(struct tt_batch *batch, const struct tt_row_process *row)
{
	return add(batch, KIND_PROCESS, row);
}

int tt_batch_exec(struct tt_batch *batch, const struct tt_row_exec *row)
{
	return add(batch, KIND_EXEC, row);
}

int tt_batch_file(struct tt_batch *batch, const struct tt_row_file *row)
{
	return add(batch, KIND_FILE, row);
}

int tt_batch_env(struct tt_batch *batch, const struct tt_row_env *row)
{
	return add(batch, KIND_ENV, row);
}

int tt_batch_connection(struct tt_batch *batch, const struct tt_row_connection *row)
{
	return add(batch, KIND_CONNECTION, row);
}

int tt_batch_name(struct tt_batch *batch, const struct tt_row_name *row)
{
	return add(batch, KIND_NAME, row);
}

int tt_batch_access(struct tt_batch *batch, const struct tt_row_access *row)
{
	return add(batch, KIND_ACCESS, row);
}

int tt_batch_loss(struct tt_batch *batch, const struct tt_row_loss *row)
{
	return add(batch, KIND_LOSS, row);
}

int tt_batch_risk(struct tt_batch *batch, const struct tt_row_risk *row)
{
	return add(batch, KIND_RISK, row);
}

int tt_batch_counts(struct tt_batch *batch, const struct tt_row_counts *row)
{
	return add(batch, KIND_COUNTS, row);
}

size_t tt_batch_rows(const struct tt_batch *batch)
{
	return batch->rows;
}

size_t tt_batch_bytes(const struct tt_batch *batch)
{
	return batch->bytes;
}

/* Errors that concern one row and leave the batch as it is (store.h). */
static bool row_was_refused(int error)
{
	return error == -ENOENT || error == -EINVAL || error == -E2BIG;
}

int tt_batch_flush(struct tt_batch *batch, uint64_t *ret_refused)
{
	uint64_t refused = 0;
	int r;

	if (!batch->first)
		return 0;
	r = tt_store_begin(batch->store);
	if (r < 0)
		return r;
	for (const struct item *item = batch->first; item; item = item->next) {
		r = kinds[item->kind].put(batch->store, item->row);
		if (row_was_refused(r)) {
			refused++;
		} else if (r < 0) {
			tt_store_rollback(batch->store);
			return r;
		}
	}
	r = tt_store_commit(batch->store);
	if (r < 0)
		return r;
	*ret_refused += refused;
	reset(batch, true);
	return 0;
}
