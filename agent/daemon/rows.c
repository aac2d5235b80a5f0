/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/rows.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/stat.h>
#include <uthash.h>
#include <xxhash.h>

#include "classify/classify.h"
#include "daemon/known.h"
#include "util/util.h"

/* A connect that was stored before its outcome. */
struct attempt {
	uint64_t sock_id;
	uint64_t row_id;
	struct tt_process_key process;
	bool seen; /* since the last settling: the sensor tells of it with each sweep */
	UT_hash_handle hh;
};

struct tt_rows {
	struct tt_rows_params params;
	uint64_t next_id;
	struct tt_known_table *known;
	unsigned user_only;
	bool owing; /* counts that found no room in the batch */
	struct attempt *attempts;
};

int tt_rows_new(const struct tt_rows_params *params, struct tt_rows **ret)
{
	struct tt_rows *rows = calloc(1, sizeof(*rows));
	int r;

	if (!rows)
		return -ENOMEM;
	r = tt_known_new(&rows->known);
	if (r < 0) {
		free(rows);
		return r;
	}
	rows->params = *params;
	rows->next_id = params->first_row_id;
	*ret = rows;
	return 0;
}

static void forget(struct tt_rows *rows, struct tt_known *known)
{
	rows->user_only -= known->user_only;
	tt_known_remove(rows->known, known);
}

void tt_rows_free(struct tt_rows *rows)
{
	struct attempt *attempt, *next_attempt;

	if (!rows)
		return;
	tt_known_free(rows->known);
	HASH_ITER (hh, rows->attempts, attempt, next_attempt) {
		HASH_DEL(rows->attempts, attempt);
		free(attempt);
	}
	free(rows);
}

uint64_t tt_rows_next_id(struct tt_rows *rows)
{
	return rows->next_id++;
}

/* Remembers the key's row. An unaggregated one is only remembered while there is room: what the kernel has no
 * entry for never becomes final. */
static void remember(struct tt_rows *rows, const struct tt_event *event, enum tt_counted of, uint64_t row_id,
		     uint32_t path_hash)
{
	bool user_only = event->flags & TT_EVF_UNAGGREGATED;
	struct tt_known *known;

	if (user_only && rows->user_only >= rows->params.max_keys)
		return;
	known = tt_known_add(rows->known, &event->key);
	if (!known)
		return; /* a later total then finds no row and is counted as lost */
	known->row_id = row_id;
	known->path_hash = path_hash;
	known->of = of;
	known->stored = event->count;
	known->last_ns = event->last_ns;
	known->user_only = user_only;
	rows->user_only += user_only;
	*(user_only ? &known->extra : &known->counted) = event->count;
}

static uint64_t row_count(const struct tt_known *known)
{
	return known->counted - known->base + known->extra;
}

/* A count that finds no room is put again by tt_rows_settle(). */
static int put_counts(struct tt_rows *rows, struct tt_known *known, int64_t to_epoch_ns)
{
	struct tt_row_counts row = {
		.of = known->of,
		.row_id = known->row_id,
		.count = row_count(known),
		.bytes = -1,
		.last_ns = (int64_t)known->last_ns + to_epoch_ns,
	};
	int r;

	if (row.count == known->stored)
		return 0;
	r = tt_batch_counts(rows->params.batch, &row);
	if (r == 0)
		known->stored = row.count;
	else
		rows->owing = true;
	return r;
}

/* A known key came again, with the same name. */
static int count_again(struct tt_rows *rows, struct tt_known *known, const struct tt_event *event,
		       int64_t to_epoch_ns)
{
	if (event->flags & TT_EVF_UNAGGREGATED)
		known->extra += event->count;
	else if (event->count > known->counted)
		known->counted = event->count;
	if (event->last_ns > known->last_ns)
		known->last_ns = event->last_ns;
	put_counts(rows, known, to_epoch_ns);
	return 0;
}

/* What the row does not have of its key's operations goes with the key. */
static uint64_t missing(const struct tt_known *known)
{
	return row_count(known) > known->stored ? row_count(known) - known->stored : 0;
}

int tt_rows_count(struct tt_rows *rows, const struct tt_event *event, int64_t to_epoch_ns, uint64_t *ret_lost)
{
	struct tt_known *known = tt_known_find(rows->known, &event->key);

	*ret_lost = 0;
	if (!known)
		return 0;
	if (event->count > known->counted)
		known->counted = event->count;
	if (event->last_ns > known->last_ns)
		known->last_ns = event->last_ns;
	put_counts(rows, known, to_epoch_ns);
	if (event->final) {
		*ret_lost = missing(known);
		forget(rows, known);
	}
	return 1;
}

/* ---- files */

static const char *const ops[] = {
	[TT_OP_READ] = "read", [TT_OP_WRITE] = "write",	      [TT_OP_CREATE] = "create",
	[TT_OP_OPEN] = "open", [TT_OP_READLINK] = "readlink", [TT_OP_EXEC] = "exec",
};

static const char *file_type(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return "regular";
	case S_IFDIR:
		return "directory";
	case S_IFCHR:
		return "char";
	case S_IFBLK:
		return "block";
	case S_IFIFO:
		return "fifo";
	case S_IFSOCK:
		return "socket";
	case S_IFLNK:
		return "symlink";
	default:
		return NULL;
	}
}

/* What is reached through a symbolic link is called by the caller's name, and the object's own is kept beside it;
 * the category is the worse of the two, so that neither name can hide the other (docs/design/0001). */
static int put_file(struct tt_rows *rows, const struct tt_event *event, const struct tt_process *process,
		    uint64_t row_id, uint64_t count, int64_t to_epoch_ns)
{
	const struct tt_event_file *file = &event->file;
	const struct tt_classifier *classifier = rows->params.classifier;
	const char *path = file->spelling ? file->spelling : file->path;
	/* a pipe has no name at all */
	bool nameless = event->flags & TT_EVF_UNREACHABLE && tt_streq(file->path, "/");
	/* a file that is a mount point is named by the mount, and so came with a spelling that says the same */
	const char *real = file->spelling && !nameless && !tt_streq(file->spelling, file->path) ? file->path
												: NULL;
	struct tt_row_file row = {
		.row_id = row_id,
		.process_id = process->id,
		.path = path,
		.real_path = real,
		.op = ops[event->key.op],
		.category = tt_classify_path(classifier, path, process->home),
		.target = file->target,
		.file_type = file_type(file->mode),
		.path_source = !file->path		     ? "user"
			       : event->flags & TT_EVF_BY_FD ? "fd"
							     : "file",
		.result = event->key.result,
		.count = count,
		.bytes = -1,
		.first_ns = (int64_t)event->first_ns + to_epoch_ns,
		.last_ns = (int64_t)event->last_ns + to_epoch_ns,
		.dev = file->dev,
		.ino = file->ino,
		.truncated = event->flags &
			     (TT_EVF_PATH_CUT | TT_EVF_BASE_CUT | TT_EVF_USER_CUT | TT_EVF_USER_FAULT),
	};

	if (real)
		row.category = tt_classify_worse(classifier, row.category,
						 tt_classify_path(classifier, real, process->home));
	if (file->target && file->target[0] == '/')
		row.category = tt_classify_worse(classifier, row.category,
						 tt_classify_path(classifier, file->target, process->home));
	return tt_batch_file(rows->params.batch, &row);
}

/* The same file has another name from this operation on: the old row keeps what was counted before it, a new row
 * begins. A total that ran ahead of this record has counted for the old row: that moves. Without room nothing
 * changes: the operation counts under the old name. */
static int put_renamed(struct tt_rows *rows, struct tt_known *known, const struct tt_event *event,
		       const struct tt_process *process, uint32_t hash, int64_t to_epoch_ns)
{
	bool alone = event->flags & TT_EVF_UNAGGREGATED;
	uint64_t total = known->counted, before = known->counted, row_id = tt_rows_next_id(rows);
	int r;

	if (!alone) {
		total = event->count > total ? event->count : total;
		before = event->count - 1 > known->base ? event->count - 1 : known->base;
	}
	known->counted = before;
	r = put_counts(rows, known, to_epoch_ns);
	if (r == 0)
		r = put_file(rows, event, process, row_id, total - before + alone, to_epoch_ns);
	known->counted = total;
	if (r < 0) {
		rows->owing = true;
		return r;
	}
	known->row_id = row_id;
	known->path_hash = hash;
	known->base = before;
	known->extra = alone;
	known->stored = row_count(known);
	known->last_ns = event->last_ns;
	return 0;
}

int tt_rows_file(struct tt_rows *rows, const struct tt_event *event, const struct tt_process *process,
		 int64_t to_epoch_ns)
{
	const char *path = event->file.path ? event->file.path : event->file.spelling;
	uint32_t hash = tt_known_hash(rows->known, path);
	uint64_t row_id;
	struct tt_known *known = tt_known_find(rows->known, &event->key);
	int r;

	if (event->key.op >= ARRAY_SIZE(ops) || !ops[event->key.op])
		return -EBADMSG;
	if (known && known->path_hash == hash)
		return count_again(rows, known, event, to_epoch_ns);

	if (known)
		return put_renamed(rows, known, event, process, hash, to_epoch_ns);

	row_id = tt_rows_next_id(rows);
	r = put_file(rows, event, process, row_id, event->count, to_epoch_ns);
	if (r == 0)
		remember(rows, event, TT_COUNTED_FILE, row_id, hash);
	return r;
}

int tt_rows_exec(struct tt_rows *rows, const struct tt_event *event, const struct tt_process *process,
		 int64_t to_epoch_ns)
{
	struct tt_event access = {
		.flags = event->flags & (TT_EVF_PATH_CUT | TT_EVF_DELETED),
		.key = { .op = TT_OP_EXEC },
		.first_ns = event->time_ns,
		.last_ns = event->time_ns,
		.file = { .path = event->exec.exe,
			  .ino = event->exec.exe_ino,
			  .dev = event->exec.exe_dev,
			  .mode = S_IFREG },
	};

	return put_file(rows, &access, process, tt_rows_next_id(rows), 1, to_epoch_ns);
}

/* ---- environment */

static const char *const env_sources[] = {
	[TT_ENV_GETENV] = "getenv",
	[TT_ENV_SECURE_GETENV] = "secure_getenv",
	[TT_ENV_UV_OS_GETENV] = "uv_os_getenv",
	[TT_ENV_GO] = "go",
};

int tt_rows_env(struct tt_rows *rows, const struct tt_event *event, const struct tt_process *process,
		int64_t to_epoch_ns)
{
	struct tt_known *known = tt_known_find(rows->known, &event->key);
	struct tt_row_env row = {
		.process_id = process->id,
		.name = event->env.name,
		.category = tt_classify_env(rows->params.classifier, event->env.name),
		.present = -1,
		.count = event->count,
		.first_ns = (int64_t)event->first_ns + to_epoch_ns,
		.last_ns = (int64_t)event->last_ns + to_epoch_ns,
	};
	int r;

	if (known)
		return count_again(rows, known, event, to_epoch_ns);
	if (event->env.source >= ARRAY_SIZE(env_sources) || !env_sources[event->env.source])
		return -EBADMSG;
	row.source = env_sources[event->env.source];
	row.row_id = tt_rows_next_id(rows);
	r = tt_batch_env(rows->params.batch, &row);
	if (r == 0)
		remember(rows, event, TT_COUNTED_ENV, row.row_id, 0);
	return r;
}

int tt_rows_env_handed(struct tt_rows *rows, const struct tt_env_entry *entry,
		       const struct tt_process *process, int64_t at_ns)
{
	struct tt_row_env row = {
		.row_id = tt_rows_next_id(rows),
		.process_id = process->id,
		.name = entry->name,
		.source = "exec",
		.category = tt_classify_env(rows->params.classifier, entry->name),
		.present = 1,
		.count = 1,
		.first_ns = at_ns,
		.last_ns = at_ns,
		.value = entry->value,
	};

	return tt_batch_env(rows->params.batch, &row);
}

/* ---- connections */

static const char *const states[] = {
	[TT_CONN_NONE] = NULL,
	[TT_CONN_CONNECTING] = "connecting",
	[TT_CONN_ESTABLISHED] = "established",
	[TT_CONN_REFUSED] = "refused",
	[TT_CONN_TIMEOUT] = "timeout",
	[TT_CONN_FAILED] = "failed",
	[TT_CONN_ABORTED] = "aborted",
};

/* A connect that is one call: its result is its state. */
static const char *state_of_call(const struct tt_event *event)
{
	static const struct {
		int result;
		const char *state;
	} outcomes[] = { { -ECONNREFUSED, "refused" }, { -ETIMEDOUT, "timeout" } };

	for (size_t i = 0; i < ARRAY_SIZE(outcomes); i++) {
		if (event->key.result == outcomes[i].result)
			return outcomes[i].state;
	}
	if (event->key.result < 0)
		return "failed";
	return event->key.op == TT_OP_SEND ? "sent" : "connected";
}

static bool is_mapped_ipv4(const uint8_t addr[16])
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };

	return memcmp(addr, prefix, sizeof(prefix)) == 0;
}

/* An IPv4-mapped IPv6 address is IPv4 on the wire, and is called that. */
static int plain_address(int family, uint8_t addr[16])
{
	if (family != AF_INET6 || !is_mapped_ipv4(addr))
		return family;
	memmove(addr, addr + 12, 4);
	memset(addr + 4, 0, 12);
	return AF_INET;
}

static const char *protocol_name(const struct tt_event_connect *c, char buf[8])
{
	if (c->family == AF_UNIX)
		return "unix";
	if (c->protocol == IPPROTO_TCP)
		return "tcp";
	if (c->protocol == IPPROTO_UDP)
		return "udp";
	snprintf(buf, 8, "%u", c->protocol);
	return buf;
}

/* A TCP outcome has no key from the kernel: make one of where it went and how it ended. */
static void tcp_key(const struct tt_event *event, struct tt_agg_key *ret)
{
	const struct tt_event_connect *c = &event->connect;
	struct {
		uint8_t addr[16];
		uint16_t port, family, state;
	} where = { .port = c->port, .family = c->family, .state = c->state };

	memcpy(where.addr, c->addr, sizeof(where.addr));
	*ret = (struct tt_agg_key){
		.start_ns = event->process.start_ns,
		.pid = event->process.pid,
		.ident = XXH3_64bits(&where, sizeof(where)),
		.op = TT_OP_CONNECT,
		.result = event->key.result,
		.extra = IPPROTO_TCP,
	};
}

static int put_connection(struct tt_rows *rows, const struct tt_event *event,
			  const struct tt_process *process, uint64_t row_id, int64_t to_epoch_ns)
{
	const struct tt_classifier *classifier = rows->params.classifier;
	const struct tt_event_connect *c = &event->connect;
	uint8_t addr[16], local[16];
	char text[INET6_ADDRSTRLEN], local_text[INET6_ADDRSTRLEN], number[8];
	int family, local_family;
	struct tt_row_connection row = {
		.row_id = row_id,
		.process_id = process->id,
		.direction = "out",
		.protocol = protocol_name(c, number),
		.local_port = c->local_port,
		.port = c->port,
		.unix_path = c->unix_path,
		.state = states[c->state] ? states[c->state] : state_of_call(event),
		.address_source = c->from_user ? "user" : "socket",
		.result = event->key.result,
		.count = event->count,
		.duration_ns = c->state > TT_CONN_CONNECTING ? (int64_t)c->duration_ns : -1,
		.bytes_sent = -1,
		.bytes_received = -1,
		.first_ns = (int64_t)event->first_ns + to_epoch_ns,
		.last_ns = (int64_t)event->last_ns + to_epoch_ns,
	};

	memcpy(addr, c->addr, sizeof(addr));
	memcpy(local, c->local_addr, sizeof(local));
	family = plain_address(c->family, addr);
	local_family = plain_address(c->family, local);
	if (c->family == AF_UNIX) {
		row.family = "unix";
		row.category = c->unix_path ? tt_classify_unix(classifier, c->unix_path) : NULL;
	} else {
		row.family = family == AF_INET ? "inet" : "inet6";
		row.address = inet_ntop(family, addr, text, sizeof(text));
		if (c->local_port)
			row.local_address = inet_ntop(local_family, local, local_text, sizeof(local_text));
		row.category = tt_classify_address(classifier, family, addr, c->port);
	}
	return tt_batch_connection(rows->params.batch, &row);
}

static int tcp_attempt(struct tt_rows *rows, const struct tt_event *event, const struct tt_process *process,
		       int64_t to_epoch_ns, bool *ret_done)
{
	struct attempt *attempt;
	int r;

	*ret_done = true;
	HASH_FIND(hh, rows->attempts, &event->connect.sock_id, sizeof(event->connect.sock_id), attempt);
	if (event->connect.state == TT_CONN_CONNECTING) {
		if (attempt) {
			attempt->seen = true; /* shown already */
			return 0;
		}
		attempt = calloc(1, sizeof(*attempt));
		if (!attempt)
			return -ENOMEM;
		attempt->sock_id = event->connect.sock_id;
		attempt->process = event->process;
		attempt->seen = true;
		attempt->row_id = tt_rows_next_id(rows);
		r = put_connection(rows, event, process, attempt->row_id, to_epoch_ns);
		if (r < 0) {
			free(attempt);
			return r;
		}
		HASH_ADD(hh, rows->attempts, sock_id, sizeof(attempt->sock_id), attempt);
		return 0;
	}
	if (attempt) {
		/* its row gets the outcome */
		r = put_connection(rows, event, process, attempt->row_id, to_epoch_ns);
		HASH_DEL(rows->attempts, attempt);
		free(attempt);
		return r == -ENOSPC ? -ESTALE : r;
	}
	*ret_done = false;
	return 0;
}

int tt_rows_connection(struct tt_rows *rows, const struct tt_event *event, const struct tt_process *process,
		       int64_t to_epoch_ns)
{
	struct tt_event tcp;
	struct tt_known *known;
	uint64_t row_id;
	int r;

	if (event->connect.state >= ARRAY_SIZE(states))
		return -EBADMSG;
	if (event->connect.sock_id) {
		bool done;

		r = tcp_attempt(rows, event, process, to_epoch_ns, &done);
		if (r < 0 || done)
			return r;
		tcp = *event;
		tcp_key(event, &tcp.key);
		tcp.flags |= TT_EVF_UNAGGREGATED;
		event = &tcp;
	}
	known = tt_known_find(rows->known, &event->key);
	if (known)
		return count_again(rows, known, event, to_epoch_ns);
	row_id = tt_rows_next_id(rows);
	r = put_connection(rows, event, process, row_id, to_epoch_ns);
	if (r == 0)
		remember(rows, event, TT_COUNTED_CONNECTION, row_id, 0);
	return r;
}

static struct tt_process_key process_of(const struct tt_known *known)
{
	return (struct tt_process_key){ .start_ns = known->key.start_ns, .pid = known->key.pid };
}

static void settle_known(struct tt_rows *rows, const struct tt_process_table *table, int64_t to_epoch_ns,
			 tt_rows_lost_fn lost, void *arg)
{
	struct tt_known *known;
	size_t at = 0;

	rows->owing = false;
	while ((known = tt_known_next(rows->known, &at))) {
		struct tt_process_key process = process_of(known);

		put_counts(rows, known, to_epoch_ns);
		if (table && (!known->user_only || tt_process_find(table, &process)))
			continue;
		if (missing(known))
			lost(&known->key, missing(known), arg);
		forget(rows, known);
	}
}

void tt_rows_settle(struct tt_rows *rows, const struct tt_process_table *table, int64_t to_epoch_ns,
		    tt_rows_lost_fn lost, void *arg)
{
	struct attempt *attempt, *next_attempt;

	if (rows->user_only > 0 || rows->owing || !table)
		settle_known(rows, table, to_epoch_ns, lost, arg);
	HASH_ITER (hh, rows->attempts, attempt, next_attempt) {
		/* a socket may outlive its process in another's hands: its attempt goes on */
		if (table && (attempt->seen || tt_process_find(table, &attempt->process))) {
			attempt->seen = false;
			continue;
		}
		HASH_DEL(rows->attempts, attempt);
		free(attempt);
	}
}
