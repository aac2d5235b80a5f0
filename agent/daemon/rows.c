/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/rows.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "classify/classify.h"
#include "daemon/hosts.h"
#include "daemon/inside.h"
#include "daemon/known.h"
#include "daemon/lookups.h"
#include "daemon/names.h"
#include "daemon/resolvers.h"
#include "util/util.h"

/* Names that were asked for, 1.2 KiB each, and addresses that are somebody's, 150 bytes. A session of an agent has some dozens. */
#define QUESTIONS_MAX 2048
#define ADDRESSES_MAX 16384

struct tt_rows {
	struct tt_rows_params params;
	uint64_t next_id;
	struct tt_known_table *known;
	unsigned user_only;
	bool owing; /* counts that found no room in the batch */
	struct tt_names *names;
	struct tt_lookups *lookups;
	struct tt_resolvers *resolvers;
	struct tt_hosts *hosts;
	struct tt_connections *connections;
};

static uint64_t next_row_id(void *arg)
{
	return tt_rows_next_id(arg);
}

int tt_rows_new(const struct tt_rows_params *params, struct tt_rows **ret)
{
	_cleanup_(tt_rows_freep) struct tt_rows *rows = calloc(1, sizeof(*rows));
	struct tt_names_params names = {
		.batch = params->batch,
		.next_row_id = next_row_id,
		.arg = rows,
		.max_rows = QUESTIONS_MAX,
		.max_addresses = ADDRESSES_MAX,
	};
	struct tt_connections_params connections = {
		.batch = params->batch,
		.classifier = params->classifier,
		.next_row_id = next_row_id,
		.arg = rows,
		.named = params->named,
		.named_arg = params->named_arg,
		.max_rows = params->max_keys,
	};
	int r;

	if (!rows)
		return -ENOMEM;
	rows->params = *params;
	rows->next_id = params->first_row_id;
	r = tt_known_new(&rows->known);
	if (r == 0)
		r = tt_names_new(&names, &rows->names);
	if (r == 0 && params->procfs)
		r = tt_hosts_new(params->procfs, &rows->hosts);
	connections.names = rows->names;
	connections.hosts = rows->hosts;
	if (r == 0)
		r = tt_lookups_new(rows->names, &rows->lookups);
	if (r == 0)
		r = tt_resolvers_new(rows->names, &rows->resolvers);
	if (r == 0)
		r = tt_connections_new(&connections, &rows->connections);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(rows);
	return 0;
}

static void forget(struct tt_rows *rows, struct tt_known *known)
{
	rows->user_only -= known->user_only;
	tt_known_remove(rows->known, known);
}

void tt_rows_free(struct tt_rows *rows)
{
	if (!rows)
		return;
	tt_known_free(rows->known);
	tt_connections_free(rows->connections);
	tt_hosts_free(rows->hosts);
	tt_lookups_free(rows->lookups);
	tt_resolvers_free(rows->resolvers);
	tt_names_free(rows->names);
	free(rows);
}

uint64_t tt_rows_next_id(struct tt_rows *rows)
{
	return rows->next_id++;
}

/* Remembers the key's row. An unaggregated one is only remembered while there is room: what the kernel has no
 * entry for never becomes final. NULL: it is not. */
static struct tt_known *remember(struct tt_rows *rows, const struct tt_event *event, enum tt_counted of,
				 uint64_t row_id, uint32_t path_hash)
{
	bool user_only = event->flags & TT_EVF_UNAGGREGATED;
	struct tt_known *known;

	if (user_only && rows->user_only >= rows->params.max_keys)
		return NULL;
	known = tt_known_add(rows->known, &event->key);
	if (!known)
		return NULL; /* a later total then finds no row and is counted as lost */
	known->row_id = row_id;
	known->path_hash = path_hash;
	known->of = of;
	known->stored = event->count;
	known->last_ns = event->last_ns;
	known->user_only = user_only;
	known->bytes = user_only ? 0 : event->bytes;
	rows->user_only += user_only;
	*(user_only ? &known->extra : &known->counted) = event->count;
	if (event->key.op == TT_OP_READ && event->key.result == 0)
		tt_known_is_read(rows->known, known,
				 path_hash); /* without memory bytes get a row of their own */
	return known;
}

static uint64_t row_count(const struct tt_known *known)
{
	return known->counted - known->base + known->extra;
}

/* Whether the row is another key's, that of the opens: this one's counts are not its. */
static bool is_bytes(const struct tt_known *known)
{
	return known->key.op == TT_OP_BYTES;
}

/* A count that finds no room is put again by tt_rows_settle(). */
static int put_counts(struct tt_rows *rows, struct tt_known *known, int64_t to_epoch_ns)
{
	uint64_t count = row_count(known);
	struct tt_row_counts row = {
		.of = known->of,
		.row_id = known->row_id,
		.count = is_bytes(known) ? -1 : (int64_t)count,
		.bytes = known->bytes_owed ? (int64_t)known->bytes_owed : -1,
		.last_ns = (int64_t)known->last_ns + to_epoch_ns,
	};
	int r;

	if (known->no_row || ((is_bytes(known) || count == known->stored) && !known->bytes_owed))
		return 0;
	r = tt_batch_counts(rows->params.batch, &row);
	/* what is not stored is not the row's yet: it may be lost */
	if (r == 0 && known->of == TT_COUNTED_CONNECTION)
		tt_connections_count(rows->connections, row.row_id, count, known->last_ns);
	if (r == 0) {
		known->stored = count;
		known->bytes_owed = 0;
	} else {
		rows->owing = true;
	}
	return r;
}

/* A total says how many bytes there were so far. */
static void add_bytes(struct tt_known *known, const struct tt_event *event)
{
	known->bytes_owed += event->flags & TT_EVF_UNAGGREGATED ? event->bytes
								: tt_grown(&known->bytes, event->bytes);
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
	add_bytes(known, event);
	put_counts(rows, known, to_epoch_ns);
	return 0;
}

/* What the row does not have of its key's operations goes with the key. */
static uint64_t missing(const struct tt_known *known)
{
	if (is_bytes(known))
		return known->bytes_owed > 0;
	return row_count(known) > known->stored && !known->no_row ? row_count(known) - known->stored : 0;
}

int tt_rows_count(struct tt_rows *rows, const struct tt_event *event, int64_t to_epoch_ns, uint64_t *ret_lost)
{
	struct tt_known *known;

	*ret_lost = 0;
	if (tt_connections_is_carried(event->key.op))
		return tt_connections_carried_total(rows->connections, event, to_epoch_ns);
	known = tt_known_find(rows->known, &event->key);
	if (!known)
		return 0;
	if (event->count > known->counted)
		known->counted = event->count;
	if (event->last_ns > known->last_ns)
		known->last_ns = event->last_ns;
	add_bytes(known, event);
	put_counts(rows, known, to_epoch_ns);
	if (event->final) {
		*ret_lost = missing(known);
		forget(rows, known);
	}
	return 1;
}

/* ---- files */

static const char *const ops[] = {
	[TT_OP_READ] = "read",	 [TT_OP_WRITE] = "write",	[TT_OP_CREATE] = "create",
	[TT_OP_OPEN] = "open",	 [TT_OP_READLINK] = "readlink", [TT_OP_EXEC] = "exec",
	[TT_OP_STAT] = "stat",	 [TT_OP_LIST] = "list",		[TT_OP_RENAME] = "rename",
	[TT_OP_LINK] = "link",	 [TT_OP_SYMLINK] = "link",	[TT_OP_UNLINK] = "unlink",
	[TT_OP_CHMOD] = "chmod", [TT_OP_TRUNCATE] = "truncate", [TT_OP_BYTES] = "read",
	[TT_OP_MMAP] = "mmap",
};

static bool is_look(const struct tt_event *event)
{
	return event->key.op == TT_OP_STAT || event->key.op == TT_OP_LIST;
}

static const char *file_type(const struct tt_event *event)
{
	uint32_t mode = event->key.op == TT_OP_SYMLINK ? S_IFLNK : event->file.mode;

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

/* Of all names that it has here the worst, so that none can hide another (docs/design/0001). */
static const char *category_of(const struct tt_rows *rows, const struct tt_event *event,
			       const struct tt_process *process, const char *host_path)
{
	const struct tt_classifier *classifier = rows->params.classifier;
	const struct tt_event_file *file = &event->file;
	const char *names[] = { file->spelling, file->path, file->target, host_path };
	const char *category = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		/* what a link contains may be relative; where one is made nothing happens to what that leads to */
		if (!names[i] ||
		    (names[i] == file->target && (names[i][0] != '/' || event->key.op == TT_OP_SYMLINK)))
			continue;
		category = tt_classify_worse(classifier, category,
					     is_look(event)
						     ? tt_classify_look(classifier, names[i], process->home)
						     : tt_classify_path(classifier, names[i], process->home));
	}
	return category;
}

/* Of a process's inside the category is that of the name it has in /proc, wherever that is mounted; its own is its own
 * business. */
static const char *inside_category(const struct tt_classifier *classifier, const struct tt_inside *inside,
				   const struct tt_process *process)
{
	char path[32];

	if (inside->own)
		return NULL;
	snprintf(path, sizeof(path), "/proc/1/%s", tt_inside_name(inside->what));
	return tt_classify_path(classifier, path, process->home);
}

static int put_access(struct tt_rows *rows, const struct tt_inside *inside, const struct tt_row_file *file)
{
	struct tt_row_access row = {
		.row_id = file->row_id,
		.process_id = file->process_id,
		.what = tt_inside_name(inside->what),
		.of_process_id = inside->process_id,
		.of_pid = inside->pid,
		.of_exe = inside->exe,
	};

	return tt_batch_access(rows->params.batch, &row);
}

/* What is reached through a symbolic link is called by the caller's name, and the object's own is kept beside it;
 * the category is the worse of the two, so that neither name can hide the other (docs/design/0001). */
static int put_file(struct tt_rows *rows, const struct tt_event *event, const struct tt_process *process,
		    uint64_t row_id, uint64_t count, int64_t bytes, int64_t to_epoch_ns)
{
	const struct tt_event_file *file = &event->file;
	const struct tt_classifier *classifier = rows->params.classifier;
	_cleanup_(tt_inside_done) struct tt_inside inside = { .what = TT_INSIDE_NONE };
	_cleanup_free_ char *host_path = rows->params.outside
						 ? rows->params.outside(event, process, rows->params.arg)
						 : NULL;
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
		.host_path = host_path,
		.op = ops[event->key.op],
		.category = category_of(rows, event, process, host_path),
		.target = file->target,
		.file_type = file_type(event),
		.path_source = !file->path		     ? "user"
			       : event->flags & TT_EVF_BY_FD ? "fd"
							     : "file",
		.result = event->key.result,
		.count = count,
		.bytes = bytes,
		.first_ns = (int64_t)event->first_ns + to_epoch_ns,
		.last_ns = (int64_t)event->last_ns + to_epoch_ns,
		.dev = file->dev,
		.ino = file->ino,
		.truncated = event->flags &
			     (TT_EVF_PATH_CUT | TT_EVF_BASE_CUT | TT_EVF_USER_CUT | TT_EVF_USER_FAULT),
	};
	int r;

	if (rows->params.inside)
		rows->params.inside(event, process, &inside, rows->params.arg);
	if (inside.what != TT_INSIDE_NONE) {
		row.category = inside_category(classifier, &inside, process);
		/* before its file, of which it says nothing alone: where that finds no room, both come again */
		r = put_access(rows, &inside, &row);
		if (r < 0)
			return r;
	}
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
		r = put_file(rows, event, process, row_id, total - before + alone, -1, to_epoch_ns);
	known->counted = total;
	if (r < 0) {
		rows->owing = true;
		return r;
	}
	add_bytes(known, event);
	known->row_id = row_id;
	known->no_row = false;
	known->path_hash = hash;
	if (known->is_read)
		tt_known_is_read(rows->known, known, hash);
	known->base = before;
	known->extra = alone;
	known->stored = row_count(known);
	known->last_ns = event->last_ns;
	return put_counts(rows, known, to_epoch_ns);
}

/* The first bytes of a file, under that name: they are the row's of its opens. A descriptor that was not opened for reading alone,
 * or not by this process (inherited, received), has a row without opens. */
static int put_bytes(struct tt_rows *rows, struct tt_known *known, const struct tt_event *event,
		     const struct tt_process *process, uint32_t hash, int64_t to_epoch_ns)
{
	const struct tt_known *opens = tt_known_find_read(rows->known, &event->key, hash);
	uint64_t row_id = opens ? opens->row_id : tt_rows_next_id(rows), more = event->bytes;
	int r = known ? put_counts(rows, known, to_epoch_ns) : 0;

	if (r < 0)
		return r;
	if (known && !(event->flags & TT_EVF_UNAGGREGATED))
		more = event->bytes > known->bytes ? event->bytes - known->bytes : 0;
	if (opens) {
		struct tt_row_counts row = {
			.of = TT_COUNTED_FILE,
			.row_id = row_id,
			.count = -1,
			.bytes = (int64_t)more,
			.last_ns = (int64_t)event->last_ns + to_epoch_ns,
		};

		r = tt_batch_counts(rows->params.batch, &row);
	} else {
		r = put_file(rows, event, process, row_id, 0, (int64_t)more, to_epoch_ns);
	}
	if (r < 0)
		return r;
	if (!known) {
		remember(rows, event, TT_COUNTED_FILE, row_id, hash);
		return 0;
	}
	if (!(event->flags & TT_EVF_UNAGGREGATED))
		known->bytes += more;
	known->row_id = row_id;
	known->path_hash = hash;
	return 0;
}

/* A look that passed the kernel's filter by chance. What has a row keeps it, whatever it is called by now. */
static int pass_over(struct tt_rows *rows, struct tt_known *known, const struct tt_event *event,
		     uint32_t hash, int64_t to_epoch_ns)
{
	if (known)
		return count_again(rows, known, event, to_epoch_ns);
	if (event->flags & TT_EVF_UNAGGREGATED)
		return 0;
	known = remember(rows, event, TT_COUNTED_FILE, tt_rows_next_id(rows), hash);
	if (known)
		known->no_row = true;
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
	if (rows->hosts)
		tt_hosts_opened(rows->hosts, event, process);
	if (known && known->path_hash == hash)
		return count_again(rows, known, event, to_epoch_ns);
	if (is_look(event) && !category_of(rows, event, process, NULL))
		return pass_over(rows, known, event, hash, to_epoch_ns);

	if (event->key.op == TT_OP_BYTES)
		return put_bytes(rows, known, event, process, hash, to_epoch_ns);
	if (known)
		return put_renamed(rows, known, event, process, hash, to_epoch_ns);

	row_id = tt_rows_next_id(rows);
	r = put_file(rows, event, process, row_id, event->count,
		     event->key.op == TT_OP_MMAP ? (int64_t)event->bytes : -1, to_epoch_ns);
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

	return put_file(rows, &access, process, tt_rows_next_id(rows), 1, -1, to_epoch_ns);
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

int tt_rows_connection(struct tt_rows *rows, const struct tt_event *event, const struct tt_process *process,
		       int64_t to_epoch_ns)
{
	struct tt_known *known;
	uint64_t row_id;
	int r;

	if (event->connect.sock_id)
		return tt_connections_tcp(rows->connections, event, process, to_epoch_ns);
	if (event->connect.state != TT_CONN_NONE)
		return -EBADMSG;
	if (tt_connections_is_carried(event->key.op))
		return tt_connections_carried(rows->connections, event, process, to_epoch_ns);
	known = tt_known_find(rows->known, &event->key);
	if (known)
		return count_again(rows, known, event, to_epoch_ns);
	row_id = tt_rows_next_id(rows);
	r = tt_connections_call(rows->connections, event, process, &row_id, to_epoch_ns);
	if (r == 0)
		remember(rows, event, TT_COUNTED_CONNECTION, row_id, 0);
	return r;
}

int tt_rows_flow(struct tt_rows *rows, const struct tt_event *event, int64_t to_epoch_ns)
{
	return tt_connections_flow(rows->connections, event, to_epoch_ns);
}

int tt_rows_payload(struct tt_rows *rows, const struct tt_event *event, const struct tt_process *process,
		    int64_t to_epoch_ns)
{
	if (event->payload.family == AF_UNIX)
		return tt_resolvers_payload(rows->resolvers, event, process, to_epoch_ns);
	return tt_connections_payload(rows->connections, event, process, to_epoch_ns);
}

int tt_rows_lookup(struct tt_rows *rows, const struct tt_event *event, const struct tt_process *process,
		   int64_t to_epoch_ns)
{
	uint64_t since_ns;
	int r;

	if (event->type == TT_EVENT_LOOKUP)
		return tt_lookups_begin(rows->lookups, event, process, to_epoch_ns);
	r = tt_lookups_end(rows->lookups, event, process, to_epoch_ns, &since_ns);
	if (r > 0)
		tt_connections_told(rows->connections, process, since_ns, to_epoch_ns);
	return r < 0 ? r : 0;
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
	if (rows->user_only > 0 || rows->owing || !table)
		settle_known(rows, table, to_epoch_ns, lost, arg);
	tt_connections_settle(rows->connections, table, to_epoch_ns);
	if (rows->hosts)
		tt_hosts_settle(rows->hosts, table);
	tt_lookups_settle(rows->lookups, table);
	tt_resolvers_settle(rows->resolvers, table);
	tt_names_settle(rows->names, table, to_epoch_ns);
}
