/* SPDX-License-Identifier: Apache-2.0 */
/* Decoding of raw records. Owns one arena that each record reuses: no allocation per event once it has
 * grown to the longest seen (bounded by what a record can carry). */
#include "sensor/decode.h"

#include <errno.h>
#include <sys/socket.h>

#include "util/util.h"

/* Four paths of 4 KiB with their slashes, argv and environment names. */
#define RECORD_MAX    (64 * 1024)
#define ENV_MAX	      (TT_ENV_CHUNKS_MAX * TT_ENV_CHUNK_MAX)
#define VALUE_MAX     512
/* Variables of one exec that are kept; the largest environments in use have some hundreds. A block of nothing but short
 * names has ten thousands, which would be as many rows, with each exec. */
#define ENV_NAMES_MAX 1024

struct tt_decoder {
	tt_env_filter_fn filter;
	void *filter_arg;

	char *text; /* decoded strings of the record at hand */
	size_t text_len;
	const char **argv; /* pointers into text */

	char *env; /* block under assembly */
	size_t env_len;
	bool env_holes;
	struct tt_env_entry *entries;
	size_t n_entries;
	char *kept; /* names and kept values */
};

/* Enough for RECORD_MAX bytes of payload decoded once, with a separator for each. */
#define TEXT_MAX (2 * RECORD_MAX)

int tt_decoder_new(tt_env_filter_fn filter, void *arg, struct tt_decoder **ret)
{
	struct tt_decoder *decoder = calloc(1, sizeof(*decoder));

	if (!decoder)
		return -ENOMEM;
	decoder->filter = filter;
	decoder->filter_arg = arg;
	decoder->text = malloc(TEXT_MAX);
	decoder->argv = malloc((TT_ARGV_MAX + 2) * sizeof(*decoder->argv));
	if (!decoder->text || !decoder->argv) {
		tt_decoder_free(decoder);
		return -ENOMEM;
	}
	*ret = decoder;
	return 0;
}

void tt_decoder_free(struct tt_decoder *decoder)
{
	if (!decoder)
		return;
	free(decoder->text);
	free(decoder->argv);
	free(decoder->env);
	free(decoder->entries);
	free(decoder->kept);
	free(decoder);
}

int tt_decode_size(const void *record, size_t len)
{
	const struct tt_ev_header *hdr = record;

	if (len < sizeof(*hdr) || hdr->size < sizeof(*hdr) || hdr->size > len || hdr->size > RECORD_MAX)
		return -EBADMSG;
	return (int)hdr->size;
}

static char *text_start(struct tt_decoder *decoder)
{
	return decoder->text + decoder->text_len;
}

static void text_add(struct tt_decoder *decoder, const char *bytes, size_t len)
{
	/* cannot overflow: every payload byte is copied at most once, with a NUL or slash each */
	if (decoder->text_len + len + 2 > TEXT_MAX)
		len = TEXT_MAX - 2 - decoder->text_len;
	memcpy(text_start(decoder), bytes, len);
	decoder->text_len += len;
}

static void text_end(struct tt_decoder *decoder)
{
	decoder->text[decoder->text_len++] = '\0';
}

/* Leaf-first components -> "/a/b/c"; a cut one starts with ".../" instead of "/". */
static const char *decode_path(struct tt_decoder *decoder, const char *data, size_t len, bool cut)
{
	char *start = text_start(decoder);

	if (cut)
		text_add(decoder, "...", 3);
	if (len == 0)
		text_add(decoder, "/", 1);
	while (len > 0) {
		size_t from = len - 1; /* the component's own NUL */

		while (from > 0 && data[from - 1] != '\0')
			from--;
		text_add(decoder, "/", 1);
		text_add(decoder, data + from, strnlen(data + from, len - from));
		len = from;
	}
	text_end(decoder);
	return start;
}

static const char *decode_string(struct tt_decoder *decoder, const char *data, size_t len)
{
	char *start = text_start(decoder);

	text_add(decoder, data, strnlen(data, len));
	text_end(decoder);
	return start;
}

/* The caller's spelling made absolute; "." components and doubled slashes go, ".." stays where a symbolic
 * link could make it lie. */
static const char *decode_spelling(struct tt_decoder *decoder, const char *base, size_t base_len,
				   bool base_cut, const char *user, size_t user_len)
{
	char *start = text_start(decoder);
	const char *end = user + strnlen(user, user_len);

	if (user == end)
		return decode_path(decoder, base, base_len, base_cut);
	if (*user != '/') {
		decode_path(decoder, base, base_len, base_cut);
		decoder->text_len--; /* its NUL */
		if (text_start(decoder)[-1] == '/')
			decoder->text_len--;
	} else if (base_cut) {
		/* begins at a root of its own (openat2's RESOLVE_IN_ROOT): where that is, nobody said */
		text_add(decoder, "...", 3);
	}
	while (user < end) {
		const char *stop = memchr(user, '/', (size_t)(end - user));
		size_t len;

		if (!stop)
			stop = end;
		len = (size_t)(stop - user);
		if (len > 0 && !(len == 1 && *user == '.')) {
			text_add(decoder, "/", 1);
			text_add(decoder, user, len);
		}
		user = stop + 1;
	}
	if (text_start(decoder) == start)
		text_add(decoder, "/", 1);
	text_end(decoder);
	return start;
}

/* Hands out pieces of data in order; remembers when a length does not fit. */
struct reader {
	const char *at;
	size_t left;
	bool bad;
};

static const char *take(struct reader *reader, size_t len)
{
	const char *piece = reader->at;

	if (len > reader->left) {
		reader->bad = true;
		return NULL;
	}
	reader->at += len;
	reader->left -= len;
	return piece;
}

/* ---- environment */

int tt_decode_env_chunk(struct tt_decoder *decoder, const void *record, size_t len)
{
	const struct tt_ev_exec_env *ev = record;

	if (len < sizeof(*ev) || ev->len > len - sizeof(*ev) || ev->len > TT_ENV_CHUNK_MAX ||
	    ev->offset > ENV_MAX - TT_ENV_CHUNK_MAX || ev->offset % TT_ENV_CHUNK_MAX)
		return -EBADMSG;
	if (!decoder->env) {
		decoder->env = malloc(ENV_MAX);
		if (!decoder->env)
			return -ENOMEM;
	}
	if (ev->hdr.flags & TT_EVF_USER_FAULT) {
		decoder->env_holes = true;
		return 0;
	}
	/* a lost chunk leaves a hole of NULs: no string runs across it */
	if (ev->offset > decoder->env_len) {
		memset(decoder->env + decoder->env_len, 0, ev->offset - decoder->env_len);
		decoder->env_holes = true;
	}
	memcpy(decoder->env + ev->offset, ev->data, ev->len);
	if (ev->offset + ev->len > decoder->env_len)
		decoder->env_len = ev->offset + ev->len;
	return 0;
}

static void drop_env(struct tt_decoder *decoder)
{
	if (decoder->env)
		explicit_bzero(decoder->env, decoder->env_len);
	decoder->env_len = 0;
	decoder->env_holes = false;
}

/* Splits the block and strips the values; -E2BIG: the first ENV_NAMES_MAX of them. The block itself is wiped. What is
 * kept of a variable is never longer than what it was, so that the block's own length is room enough. */
static int decode_env(struct tt_decoder *decoder)
{
	size_t n = 0, kept = 0;

	for (size_t i = 0; i < decoder->env_len; i++)
		n += decoder->env[i] == '\0';
	if (n > ENV_NAMES_MAX)
		n = ENV_NAMES_MAX;
	free(decoder->entries);
	free(decoder->kept);
	decoder->n_entries = 0;
	decoder->entries = calloc(n + 1, sizeof(*decoder->entries));
	decoder->kept = malloc(decoder->env_len + 1);
	if (!decoder->entries || !decoder->kept)
		return -ENOMEM;

	for (size_t at = 0; at < decoder->env_len;) {
		char *string = decoder->env + at, *equals;
		size_t len = strnlen(string, decoder->env_len - at), room;
		struct tt_env_entry *entry = &decoder->entries[decoder->n_entries];

		at += len + 1;
		if (at > decoder->env_len)
			break; /* cut: no NUL */
		equals = memchr(string, '=', len);
		if (!equals || equals == string)
			continue;
		if (decoder->n_entries == n)
			return -E2BIG;
		*equals = '\0';
		entry->name = decoder->kept + kept;
		memcpy(decoder->kept + kept, string, (size_t)(equals - string) + 1);
		kept += (size_t)(equals - string) + 1;
		room = len - (size_t)(equals - string);
		if (room > VALUE_MAX)
			room = VALUE_MAX;
		if (decoder->filter &&
		    decoder->filter(string, equals + 1, decoder->kept + kept, room, decoder->filter_arg)) {
			entry->value = decoder->kept + kept;
			kept += strlen(entry->value) + 1;
		}
		decoder->n_entries++;
	}
	return 0;
}

/* ---- records */

static int decode_fork(struct tt_decoder *decoder, const void *record, size_t len, struct tt_event *ret)
{
	const struct tt_ev_fork *ev = record;

	ret->type = TT_EVENT_FORK;
	ret->fork.parent = (struct tt_process_key){ .start_ns = ev->parent_start_ns, .pid = ev->parent_pid };
	ret->fork.ppid = ev->ppid;
	ret->fork.uid = ev->uid;
	return 0;
}

static int decode_exec(struct tt_decoder *decoder, const void *record, size_t len, struct tt_event *ret)
{
	const struct tt_ev_exec *ev = record;
	struct reader reader = { .at = ev->data, .left = len - sizeof(*ev) };
	const char *exe = take(&reader, ev->exe_len), *cwd = take(&reader, ev->cwd_len),
		   *filename = take(&reader, ev->filename_len), *interp = take(&reader, ev->interp_len),
		   *argv = take(&reader, ev->argv_len);
	struct tt_event_exec *exec = &ret->exec;
	size_t argc = 0;
	int r;

	if (reader.bad || ev->argv_len > TT_ARGV_MAX)
		return -EBADMSG;
	ret->type = TT_EVENT_EXEC;
	*exec = (struct tt_event_exec){
		.exe = decode_path(decoder, exe, ev->exe_len, ev->hdr.flags & TT_EVF_PATH_CUT),
		.cwd = decode_path(decoder, cwd, ev->cwd_len, ev->hdr.flags & TT_EVF_BASE_CUT),
		.filename = decode_string(decoder, filename, ev->filename_len),
		.interp = ev->interp_len ? decode_string(decoder, interp, ev->interp_len) : NULL,
		.argv = decoder->argv,
		.parent = { .start_ns = ev->parent_start_ns, .pid = ev->ppid },
		.exe_ino = ev->ino,
		.exe_size = ev->file_size,
		.mnt_ns = ev->mnt_ns,
		.cgroup_id = ev->cgroup_id,
		.exe_dev = ev->dev,
		.uid = ev->uid,
		.loginuid = ev->loginuid,
		.tty = ev->tty,
		.argc = ev->argc,
		.env_bytes = ev->env_bytes,
		.old_tid = ev->old_tid,
	};
	while (argv < reader.at && argc <= TT_ARGV_MAX) {
		size_t n = strnlen(argv, (size_t)(reader.at - argv));

		decoder->argv[argc++] = decode_string(decoder, argv, n);
		argv += n + 1;
	}
	decoder->argv[argc] = NULL;
	if (ev->hdr.flags & TT_EVF_CANDIDATE) {
		if (decoder->env_holes || decoder->env_len < ev->env_bytes)
			ret->flags |= TT_EVF_ENV_CUT;
		r = decode_env(decoder);
		if (r == -E2BIG)
			ret->flags |= TT_EVF_ENV_CUT;
		else if (r < 0)
			return r;
		exec->env = decoder->entries;
		exec->n_env = decoder->n_entries;
	}
	return 0;
}

static int decode_exit(struct tt_decoder *decoder, const void *record, size_t len, struct tt_event *ret)
{
	const struct tt_ev_exit *ev = record;

	ret->type = TT_EVENT_EXIT;
	ret->exit.status = ev->status;
	return 0;
}

static void decode_agg(struct tt_event *ret, const struct tt_agg_key *key, uint64_t count, uint64_t first_ns)
{
	ret->key = *key;
	ret->count = count;
	ret->first_ns = first_ns;
	ret->last_ns = ret->time_ns;
	ret->sent = true;
}

static int decode_file(struct tt_decoder *decoder, const void *record, size_t len, struct tt_event *ret)
{
	const struct tt_ev_file *ev = record;
	struct reader reader = { .at = ev->data, .left = len - sizeof(*ev) };
	const char *path = take(&reader, ev->path_len), *base = take(&reader, ev->base_len),
		   *user = take(&reader, ev->user_len), *target = take(&reader, ev->target_len);
	bool has_object = ev->mode != 0, base_cut = ev->hdr.flags & TT_EVF_BASE_CUT;

	if (reader.bad)
		return -EBADMSG;
	ret->type = TT_EVENT_FILE;
	decode_agg(ret, &ev->key, ev->count, ev->first_ns);
	ret->bytes = ev->bytes;
	ret->file = (struct tt_event_file){
		.ino = has_object ? ev->key.ident : 0,
		.dev = has_object ? ev->key.dev : 0,
		.mode = ev->mode,
		.open_flags = ev->open_flags,
		.fs_magic = ev->fs_magic,
	};
	if (has_object)
		ret->file.path = decode_path(decoder, path, ev->path_len, ev->hdr.flags & TT_EVF_PATH_CUT);
	if (!has_object && !ev->user_len && ev->hdr.flags & TT_EVF_USER_FAULT)
		/* a name that nobody could read must not look like the directory it started from */
		ret->file.spelling = decode_path(decoder, NULL, 0, true);
	else if (!has_object || ev->user_len)
		ret->file.spelling = decode_spelling(decoder, base, ev->base_len, base_cut, user,
						     ev->user_len);
	if (ev->target_len && !has_object && (ev->key.op == TT_OP_RENAME || ev->key.op == TT_OP_LINK))
		ret->file.target = decode_spelling(decoder, path, ev->path_len, base_cut, target,
						   ev->target_len);
	else if (ev->target_len)
		ret->file.target = decode_string(decoder, target, ev->target_len);
	return 0;
}

static const char *decode_unix_name(struct tt_decoder *decoder, const char *name, size_t len)
{
	char *start = text_start(decoder);

	if (len > 0 && name[0] == '\0') {
		/* abstract (unix(7)): all bytes count; a NUL within becomes '@' as in /proc/net/unix */
		for (size_t i = 0; i < len; i++)
			text_add(decoder, name[i] ? &name[i] : "@", 1);
		text_end(decoder);
		return start;
	}
	return decode_string(decoder, name, len);
}

static int decode_connect(struct tt_decoder *decoder, const void *record, size_t len, struct tt_event *ret)
{
	const struct tt_ev_connect *ev = record;
	struct reader reader = { .at = ev->data, .left = len - sizeof(*ev) };
	const char *peer = take(&reader, ev->path_len), *user = take(&reader, ev->user_len);

	if (reader.bad)
		return -EBADMSG;
	ret->type = TT_EVENT_CONNECT;
	decode_agg(ret, &ev->key, ev->count, ev->first_ns);
	ret->key.result = (int16_t)ev->result;
	ret->bytes = ev->bytes;
	ret->connect = (struct tt_event_connect){
		.port = ev->port,
		.local_port = ev->local_port,
		.family = ev->family,
		.protocol = ev->protocol,
		.state = ev->state,
		.from_user = ev->from_user,
		.inward = ev->inward,
		.sock_id = ev->sock_id,
		.duration_ns = ev->duration_ns,
	};
	memcpy(ret->connect.addr, ev->addr, 16);
	memcpy(ret->connect.local_addr, ev->local_addr, 16);
	if (ev->family == AF_UNIX) {
		const char *peer_name = ev->path_len ? decode_unix_name(decoder, peer, ev->path_len) : NULL;
		const char *user_name = ev->user_len ? decode_unix_name(decoder, user, ev->user_len) : NULL;

		ret->connect.unix_path = user_name ? user_name : peer_name;
		if (user_name && peer_name && strcmp(user_name, peer_name) != 0)
			ret->connect.unix_peer = peer_name;
	}
	return 0;
}

static int decode_env_lookup(struct tt_decoder *decoder, const void *record, size_t len, struct tt_event *ret)
{
	const struct tt_ev_env *ev = record;

	if (ev->name_len >= TT_NAME_MAX)
		return -EBADMSG;
	ret->type = TT_EVENT_ENV;
	decode_agg(ret, &ev->key, ev->count, ev->first_ns);
	ret->env.name = decode_string(decoder, ev->name, ev->name_len);
	if (ev->hdr.flags & TT_EVF_USER_CUT) {
		decoder->text_len--; /* its NUL */
		text_add(decoder, "...", 3);
		text_end(decoder);
	}
	ret->env.source = ev->source;
	return 0;
}

void tt_decode_total(const struct tt_agg_value *value, struct tt_event *ret)
{
	*ret = (struct tt_event){
		.type = TT_EVENT_TOTAL,
		.time_ns = value->last_ns,
		.slot = value->slot,
		.process = { .start_ns = value->key.start_ns, .pid = value->key.pid },
		.key = value->key,
		.count = value->count,
		.bytes = value->bytes,
		.first_ns = value->first_ns,
		.last_ns = value->last_ns,
		.sent = value->sent,
	};
}

static int decode_count(struct tt_decoder *decoder, const void *record, size_t len, struct tt_event *ret)
{
	const struct tt_ev_count *ev = record;

	ret->type = TT_EVENT_COUNT;
	decode_agg(ret, &ev->key, ev->count, 0);
	ret->bytes = ev->bytes;
	return 0;
}

static int decode_note(struct tt_decoder *decoder, const void *record, size_t len, struct tt_event *ret)
{
	const struct tt_ev_note *ev = record;

	ret->type = TT_EVENT_NOTE;
	ret->note.note = ev->note;
	ret->note.value = ev->value;
	return 0;
}

static int decode_flow(struct tt_decoder *decoder, const void *record, size_t len, struct tt_event *ret)
{
	const struct tt_ev_flow *ev = record;

	ret->type = TT_EVENT_FLOW;
	ret->flow = (struct tt_event_flow){
		.sock_id = ev->sock_id,
		.begin_ns = ev->begin_ns,
		.sent = ev->sent,
		.received = ev->received,
		.ended = ev->ended,
	};
	return 0;
}

static int decode_payload(struct tt_decoder *decoder, const void *record, size_t len, struct tt_event *ret)
{
	const struct tt_ev_payload *ev = record;
	struct reader reader = { .at = ev->data, .left = len - sizeof(*ev) };
	const char *data = take(&reader, ev->data_len);

	if (reader.bad)
		return -EBADMSG;
	ret->type = TT_EVENT_PAYLOAD;
	ret->payload = (struct tt_event_payload){
		.sock_id = ev->sock_id,
		.port = ev->port,
		.local_port = ev->local_port,
		.family = ev->family,
		.protocol = ev->protocol,
		.offset = ev->offset,
		.total = ev->total,
		.inbound = ev->inbound,
		.data = data,
		.len = ev->data_len,
	};
	memcpy(ret->payload.addr, ev->addr, sizeof(ev->addr));
	return 0;
}

static int decode_lookup(struct tt_decoder *decoder, const void *record, size_t len, struct tt_event *ret)
{
	const struct tt_ev_lookup *ev = record;

	if (ev->name_len >= TT_LOOKUP_NAME_MAX)
		return -EBADMSG;
	ret->type = TT_EVENT_LOOKUP;
	ret->lookup = (struct tt_event_lookup){
		.id = ev->id,
		.name = decode_string(decoder, ev->name, ev->name_len),
		.family = ev->family == AF_INET || ev->family == AF_INET6 ? (uint16_t)ev->family : 0,
	};
	return 0;
}

static int decode_lookup_done(struct tt_decoder *decoder, const void *record, size_t len,
			      struct tt_event *ret)
{
	const struct tt_ev_lookup_done *ev = record;

	if (ev->n > TT_LOOKUP_ADDRESSES)
		return -EBADMSG;
	for (unsigned i = 0; i < ev->n; i++)
		if (ev->addresses[i].family != AF_INET && ev->addresses[i].family != AF_INET6)
			return -EBADMSG;
	ret->type = TT_EVENT_LOOKUP_DONE;
	ret->lookup = (struct tt_event_lookup){ .id = ev->id, .addresses = ev->addresses, .n = ev->n };
	return 0;
}

static const struct {
	size_t fixed;
	int (*decode)(struct tt_decoder *decoder, const void *record, size_t len, struct tt_event *ret);
} records[TT_EV_TYPES] = {
	[TT_EV_FORK] = { sizeof(struct tt_ev_fork), decode_fork },
	[TT_EV_EXEC] = { sizeof(struct tt_ev_exec), decode_exec },
	[TT_EV_EXIT] = { sizeof(struct tt_ev_exit), decode_exit },
	[TT_EV_FILE] = { sizeof(struct tt_ev_file), decode_file },
	[TT_EV_CONNECT] = { sizeof(struct tt_ev_connect), decode_connect },
	[TT_EV_ENV] = { sizeof(struct tt_ev_env), decode_env_lookup },
	[TT_EV_COUNT] = { sizeof(struct tt_ev_count), decode_count },
	[TT_EV_NOTE] = { sizeof(struct tt_ev_note), decode_note },
	[TT_EV_FLOW] = { sizeof(struct tt_ev_flow), decode_flow },
	[TT_EV_PAYLOAD] = { sizeof(struct tt_ev_payload), decode_payload },
	[TT_EV_LOOKUP] = { sizeof(struct tt_ev_lookup), decode_lookup },
	[TT_EV_LOOKUP_DONE] = { sizeof(struct tt_ev_lookup_done), decode_lookup_done },
};

int tt_decode(struct tt_decoder *decoder, const void *record, size_t len, struct tt_event *ret)
{
	const struct tt_ev_header *hdr = record;
	int size = tt_decode_size(record, len), r;

	if (size < 0)
		return size;
	if (hdr->type >= TT_EV_TYPES || !records[hdr->type].decode || (size_t)size < records[hdr->type].fixed)
		return -EBADMSG;
	decoder->text_len = 0;
	*ret = (struct tt_event){
		.flags = hdr->flags,
		.time_ns = hdr->time_ns,
		.slot = hdr->slot,
		.process = { .start_ns = hdr->start_ns, .pid = hdr->pid },
		.tid = hdr->tid,
	};
	r = records[hdr->type].decode(decoder, record, (size_t)size, ret);
	/* used up, or of an exec that is not handed out: the next one's is another */
	if (hdr->type == TT_EV_EXEC)
		drop_env(decoder);
	return r;
}
