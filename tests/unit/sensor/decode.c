/* SPDX-License-Identifier: Apache-2.0 */
/* Records as the kernel writes them, and as it never would, through tt_decode(). */
#include "sensor/decode.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "fixtures/frames.h"
#include "util/util.h"

static const struct frames_task who = { .pid = 100, .start_ns = 1000, .slot = 7 };
static const struct tt_ev_address address = { .addr = { 192, 0, 2, 7 }, .family = AF_INET };
static struct frames_record record;
static struct tt_decoder *decoder;

/* Lets through the value of TZ. */
static bool keep_tz(const char *name, const char *value, char *ret, size_t cap, void *arg)
{
	snprintf(ret, cap, "%s", value);
	return tt_streq(name, "TZ");
}

static int setup(void **state)
{
	return tt_decoder_new(keep_tz, NULL, &decoder);
}

static int teardown(void **state)
{
	tt_decoder_free(decoder);
	return 0;
}

static struct tt_event decoded(void)
{
	struct tt_event event;

	assert_int_equal(tt_decode(decoder, record.data, record.len, &event), 0);
	return event;
}

static void assert_malformed(void)
{
	struct tt_event event;

	assert_int_equal(tt_decode(decoder, record.data, record.len, &event), -EBADMSG);
}

static void a_fork_names_child_and_parent(void **state)
{
	struct frames_task child = { .pid = 101, .start_ns = 2000, .slot = 7 };
	struct tt_event event;

	record_fork(&record, 5000, who, child);
	event = decoded();

	assert_int_equal(event.type, TT_EVENT_FORK);
	assert_int_equal(event.time_ns, 5000);
	assert_int_equal(event.slot, 7);
	assert_int_equal(event.process.pid, 101);
	assert_int_equal(event.process.start_ns, 2000);
	assert_int_equal(event.process.pad, 0);
	assert_int_equal(event.fork.parent.pid, 100);
	assert_int_equal(event.fork.parent.start_ns, 1000);
	assert_int_equal(event.fork.parent.pad, 0);
	assert_int_equal(event.fork.uid, 1000);
}

static void an_exec_gives_paths_and_arguments(void **state)
{
	const char *argv[] = { "node", "", "two\nlines", "\xff\xfe", NULL };
	struct exec_opts opts = { .exe = "/usr/bin/node",
				  .cwd = "/",
				  .filename = "./gemini",
				  .interp = "/usr/bin/env",
				  .argv = argv };
	struct tt_event event;

	record_exec(&record, 1, who, &opts);
	event = decoded();

	assert_int_equal(event.type, TT_EVENT_EXEC);
	assert_string_equal(event.exec.exe, "/usr/bin/node");
	assert_string_equal(event.exec.cwd, "/");
	assert_string_equal(event.exec.filename, "./gemini");
	assert_string_equal(event.exec.interp, "/usr/bin/env");
	for (size_t i = 0; i < ARRAY_SIZE(argv) - 1; i++)
		assert_string_equal(event.exec.argv[i], argv[i]);
	assert_null(event.exec.argv[4]);
	assert_int_equal(event.exec.argc, 4);
	assert_null(event.exec.env);
}

static void an_exec_without_arguments_has_an_empty_argv(void **state)
{
	struct exec_opts opts = { .exe = "/bin/true" };
	struct tt_event event;

	record_exec(&record, 1, who, &opts);
	event = decoded();

	assert_null(event.exec.argv[0]);
	assert_null(event.exec.interp);
}

static void argv_of_nothing_but_nul_bytes_fits(void **state)
{
	static const char nothing[TT_ARGV_MAX];
	struct exec_opts opts = { .exe = "/bin/true" };
	struct tt_ev_exec *ev = (void *)record.data;
	struct tt_event event;

	record_exec(&record, 1, who, &opts);
	record_put(&record, nothing, sizeof(nothing));
	ev->argv_len = TT_ARGV_MAX;
	ev->hdr.size = (uint32_t)record.len;
	event = decoded();

	for (size_t i = 0; i < TT_ARGV_MAX; i++)
		assert_string_equal(event.exec.argv[i], "");
	assert_null(event.exec.argv[TT_ARGV_MAX]);
}

static void a_last_argument_without_nul_is_kept(void **state)
{
	struct exec_opts opts = { .exe = "/bin/true" };
	struct tt_ev_exec *ev = (void *)record.data;
	struct tt_event event;

	record_exec(&record, 1, who, &opts);
	record_put(&record, "a\0cut", 5);
	ev->argv_len = 5;
	ev->hdr.size = (uint32_t)record.len;
	event = decoded();

	assert_string_equal(event.exec.argv[0], "a");
	assert_string_equal(event.exec.argv[1], "cut");
	assert_null(event.exec.argv[2]);
}

/* ---- environment */

static void feed(uint32_t offset, const void *bytes, size_t len, uint16_t flags)
{
	static struct frames_record chunk;

	record_env_chunk(&chunk, 1, who, offset, bytes, len);
	((struct tt_ev_header *)chunk.data)->flags |= flags;
	assert_int_equal(tt_decode_env_chunk(decoder, chunk.data, chunk.len), 0);
}

static struct tt_event exec_with_environment(uint32_t env_bytes)
{
	struct exec_opts opts = { .exe = "/bin/true", .flags = TT_EVF_CANDIDATE };

	record_exec(&record, 1, who, &opts);
	((struct tt_ev_exec *)record.data)->env_bytes = env_bytes;
	return decoded();
}

static void values_are_stripped_unless_the_filter_keeps_them(void **state)
{
	static const char block[] = "TZ=Asia/Shanghai\0KEY=secret\0EMPTY=\0=odd\0bare\0A=b=c";
	struct tt_event event;

	feed(0, block, sizeof(block), 0);
	event = exec_with_environment(sizeof(block));

	assert_int_equal(event.exec.n_env, 4);
	assert_string_equal(event.exec.env[0].name, "TZ");
	assert_string_equal(event.exec.env[0].value, "Asia/Shanghai");
	assert_string_equal(event.exec.env[1].name, "KEY");
	assert_null(event.exec.env[1].value);
	assert_string_equal(event.exec.env[2].name, "EMPTY");
	assert_string_equal(event.exec.env[3].name, "A");
	assert_int_equal(event.flags & TT_EVF_ENV_CUT, 0);
}

static void a_kept_value_has_no_more_room_than_it_had(void **state)
{
	static char block[2000] = "TZ=";
	struct tt_event event;

	memset(block + 3, 'z', sizeof(block) - 4);
	feed(0, block, sizeof(block), 0);
	event = exec_with_environment(sizeof(block));

	assert_int_equal(strlen(event.exec.env[0].value), 511);
}

static void the_whole_environment_of_32_chunks_is_taken(void **state)
{
	static char chunk[TT_ENV_CHUNK_MAX];
	struct tt_event event;

	memset(chunk, 'x', sizeof(chunk));
	for (size_t i = 0; i < sizeof(chunk); i += 128) {
		memcpy(chunk + i, "AB=", 3);
		chunk[i + 127] = '\0';
	}
	for (uint32_t i = 0; i < TT_ENV_CHUNKS_MAX; i++)
		feed(i * TT_ENV_CHUNK_MAX, chunk, sizeof(chunk), 0);
	event = exec_with_environment(TT_ENV_CHUNKS_MAX * TT_ENV_CHUNK_MAX);
	assert_int_equal(event.exec.n_env, 1024);
	assert_int_equal(event.flags & TT_EVF_ENV_CUT, 0);

	/* one byte more than is sent */
	feed(0, chunk, sizeof(chunk), 0);
	event = exec_with_environment(TT_ENV_CHUNKS_MAX * TT_ENV_CHUNK_MAX + 1);
	assert_int_equal(event.flags & TT_EVF_ENV_CUT, TT_EVF_ENV_CUT);
}

static void more_variables_than_anybody_uses_are_cut_and_said_so(void **state)
{
	static char chunk[TT_ENV_CHUNK_MAX];
	struct tt_event event;

	for (size_t i = 0; i < sizeof(chunk); i += 4)
		memcpy(chunk + i, "AB=", 4);
	feed(0, chunk, sizeof(chunk), 0);
	event = exec_with_environment(TT_ENV_CHUNK_MAX);
	assert_int_equal(event.exec.n_env, 1024);
	assert_int_equal(event.flags & TT_EVF_ENV_CUT, 0);

	feed(0, chunk, sizeof(chunk), 0);
	feed(TT_ENV_CHUNK_MAX, "AB=", 4, 0);
	event = exec_with_environment(TT_ENV_CHUNK_MAX + 4);
	assert_int_equal(event.exec.n_env, 1024);
	assert_int_equal(event.flags & TT_EVF_ENV_CUT, TT_EVF_ENV_CUT);
}

static void no_variable_runs_across_a_lost_chunk(void **state)
{
	static char first[TT_ENV_CHUNK_MAX];
	struct tt_event event;

	memset(first, 'x', sizeof(first));
	memcpy(first, "A=1\0LONG=", 9);
	feed(0, first, sizeof(first), 0);
	feed(2 * TT_ENV_CHUNK_MAX, "tail\0B=2", 9, 0);
	event = exec_with_environment(2 * TT_ENV_CHUNK_MAX + 9);

	assert_int_equal(event.flags & TT_EVF_ENV_CUT, TT_EVF_ENV_CUT);
	assert_int_equal(event.exec.n_env, 3);
	assert_string_equal(event.exec.env[0].name, "A");
	assert_string_equal(event.exec.env[1].name, "LONG");
	assert_string_equal(event.exec.env[2].name, "B");
}

static void an_incomplete_environment_says_so(void **state)
{
	struct tt_event event;

	event = exec_with_environment(100);
	assert_int_equal(event.flags & TT_EVF_ENV_CUT, TT_EVF_ENV_CUT); /* no chunk at all */

	feed(0, "A=1", 4, 0);
	event = exec_with_environment(TT_ENV_CHUNK_MAX + 10);
	assert_int_equal(event.flags & TT_EVF_ENV_CUT, TT_EVF_ENV_CUT); /* the last one */
	assert_int_equal(event.exec.n_env, 1);

	feed(0, "A=1", 4, TT_EVF_USER_FAULT);
	event = exec_with_environment(4);
	assert_int_equal(event.flags & TT_EVF_ENV_CUT, TT_EVF_ENV_CUT);
	assert_int_equal(event.exec.n_env, 0);

	feed(0, "A=1", 4, 0);
	event = exec_with_environment(4);
	assert_int_equal(event.flags & TT_EVF_ENV_CUT, 0); /* and forgets it */
}

static void one_process_never_gets_another_ones_environment(void **state)
{
	struct exec_opts opts = { .exe = "/bin/true", .flags = TT_EVF_CANDIDATE };
	struct tt_event event;

	feed(0, "SECRET=1", 9, 0);
	record_exec(&record, 1, who, &opts);
	((struct tt_ev_exec *)record.data)->exe_len = 60000;
	assert_malformed();
	event = exec_with_environment(0);
	assert_int_equal(event.exec.n_env, 0);

	feed(0, "SECRET=1", 9, 0);
	opts.flags = 0;
	record_exec(&record, 1, who, &opts);
	event = decoded();
	assert_null(event.exec.env);
	event = exec_with_environment(0);
	assert_int_equal(event.exec.n_env, 0);
}

static void impossible_chunks_are_refused(void **state)
{
	static const struct {
		uint32_t offset, len;
	} wrong[] = {
		{ 1, 4 },
		{ TT_ENV_CHUNK_MAX * TT_ENV_CHUNKS_MAX, 4 },
		{ UINT32_MAX - TT_ENV_CHUNK_MAX + 1, 4 },
		{ 0, 5 },
		{ 0, UINT32_MAX },
		{ 0, TT_ENV_CHUNK_MAX + 1 },
	};
	struct tt_ev_exec_env *ev = (void *)record.data;

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		record_env_chunk(&record, 1, who, 0, "A=1", 4);
		ev->offset = wrong[i].offset;
		ev->len = wrong[i].len;
		assert_int_equal(tt_decode_env_chunk(decoder, record.data, record.len), -EBADMSG);
	}
	assert_int_equal(tt_decode_env_chunk(decoder, record.data, sizeof(*ev) - 1), -EBADMSG);
}

/* ---- paths */

static void a_file_is_called_by_path_and_spelling(void **state)
{
	static const struct {
		struct file_opts opts;
		const char *path, *spelling;
	} examples[] = {
		{ { .path = "/etc/passwd" }, "/etc/passwd", NULL },
		{ { .path = "/" }, "/", NULL },
		{ { .path = "/usr/share/zoneinfo/Asia/Shanghai", .user = "/etc/localtime" },
		  "/usr/share/zoneinfo/Asia/Shanghai",
		  "/etc/localtime" },
		{ { .user = "/a//b/./c/", .result = -ENOENT }, NULL, "/a/b/c" },
		{ { .user = "x/../y", .base = "/home/u", .result = -ENOENT }, NULL, "/home/u/x/../y" },
		{ { .user = "x", .base = "/", .result = -ENOENT }, NULL, "/x" },
		{ { .user = ".", .base = "/", .result = -EISDIR }, NULL, "/" },
		{ { .user = "/", .result = -EISDIR }, NULL, "/" },
		{ { .user = "", .base = "/home/u", .result = -ENOENT }, NULL, "/home/u" },
		{ { .user = "new\nline", .base = "/tmp", .result = -ENOENT }, NULL, "/tmp/new\nline" },
		{ { .path = "/a/b", .flags = TT_EVF_PATH_CUT }, ".../a/b", NULL },
		{ { .user = "x", .base = "/b", .flags = TT_EVF_BASE_CUT, .result = -EACCES },
		  NULL,
		  ".../b/x" },
		{ { .user = "x", .flags = TT_EVF_BASE_CUT, .result = -EBADF }, NULL, ".../x" },
		{ { .user = "/x", .flags = TT_EVF_BASE_CUT, .result = -ENOENT }, NULL, ".../x" },
		/* the caller's memory could not be read: nobody knows what it asked for */
		{ { .base = "/home/u", .flags = TT_EVF_USER_FAULT, .result = -EFAULT }, NULL, ".../" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
		struct tt_event event;

		record_file(&record, 1, who, &examples[i].opts);
		event = decoded();
		assert_int_equal(event.type, TT_EVENT_FILE);
		if (examples[i].path)
			assert_string_equal(event.file.path, examples[i].path);
		else
			assert_null(event.file.path);
		if (examples[i].spelling)
			assert_string_equal(event.file.spelling, examples[i].spelling);
		else
			assert_null(event.file.spelling);
	}
}

static void names_of_4_kib_and_256_components_are_whole(void **state)
{
	static char path[TT_PATH_MAX], deep[2 * TT_COMPONENTS_MAX + 1];
	struct file_opts opts = { .path = path, .user = path + 1, .base = deep, .target = path };
	struct tt_event event;

	memset(path, 'a', sizeof(path) - 1);
	for (size_t i = 0; i < sizeof(path) - 1; i += 200)
		path[i] = '/';
	for (size_t i = 0; i < sizeof(deep) - 1; i += 2)
		memcpy(deep + i, "/\xff", 2);
	record_file(&record, 1, who, &opts);
	event = decoded();

	assert_string_equal(event.file.path, path);
	assert_int_equal(strlen(event.file.spelling), strlen(deep) + strlen(path));
	assert_memory_equal(event.file.spelling, deep, strlen(deep));
	assert_string_equal(event.file.spelling + strlen(deep), path);
	assert_string_equal(event.file.target, path);
}

static void a_rename_has_both_names_absolute(void **state)
{
	static const struct {
		uint16_t op;
		const char *base, *user, *from_base, *from, *spelling, *target;
	} examples[] = {
		{ TT_OP_RENAME, "/home/u", ".bashrc", "/tmp", "./new", "/home/u/.bashrc", "/tmp/new" },
		{ TT_OP_LINK, NULL, "/b", NULL, "/a", "/b", "/a" },
		{ TT_OP_SYMLINK, "/w", "soft", NULL, "../x", "/w/soft", "../x" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
		struct file_opts opts = { .path = examples[i].from_base,
					  .base = examples[i].base,
					  .user = examples[i].user,
					  .target = examples[i].from,
					  .op = examples[i].op };
		struct tt_event event;

		record_file(&record, 1, who, &opts);
		((struct tt_ev_file *)record.data)->mode = 0; /* path is a directory's, not an object's */
		event = decoded();
		assert_null(event.file.path);
		assert_string_equal(event.file.spelling, examples[i].spelling);
		assert_string_equal(event.file.target, examples[i].target);
	}
}

static void the_longest_record_of_the_worst_bytes_fits(void **state)
{
	/* every byte of the payload grows as much as it can: one-letter components, and nothing but NULs */
	static const char fill[] = { '\0', '/', 'x' };

	for (size_t i = 0; i < sizeof(fill); i++) {
		struct tt_ev_file ev = { .hdr = record_header(TT_EV_FILE, TT_EVF_PATH_CUT, 1, who),
					 .mode = 0100644 };
		size_t room = 64 * 1024 - sizeof(ev);

		ev.path_len = (uint16_t)(room / 4);
		ev.base_len = ev.path_len;
		ev.user_len = ev.path_len;
		ev.target_len = ev.path_len;
		record.len = sizeof(ev) + room;
		memset(record.data, fill[i], sizeof(record.data));
		for (size_t at = sizeof(ev); fill[i] == 'x' && at < record.len; at += 2)
			record.data[at] = '/';
		record_finish(&record, &ev, sizeof(ev));
		decoded();
	}
}

/* ---- the rest */

static void unix_names_are_readable(void **state)
{
	static const struct {
		const char *name;
		size_t len;
		const char *expected;
	} examples[] = {
		{ "/run/docker.sock\0", 17, "/run/docker.sock" },
		{ "/run/docker.sock", 16, "/run/docker.sock" },
		{ "\0dbus-x\0y", 9, "@dbus-x@y" },
		{ "rel.sock", 8, "rel.sock" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
		struct connect_opts opts = { .family = AF_UNIX, .protocol = SOCK_STREAM };
		struct tt_ev_connect *ev = (void *)record.data;
		struct tt_event event;

		record_connect(&record, 1, who, &opts);
		record_put(&record, examples[i].name, examples[i].len);
		ev->path_len = (uint16_t)examples[i].len;
		ev->hdr.size = (uint32_t)record.len;
		event = decoded();
		assert_string_equal(event.connect.unix_path, examples[i].expected);
		assert_null(event.connect.unix_peer);
	}
}

static void a_peer_called_otherwise_is_told_beside(void **state)
{
	struct connect_opts opts = { .family = AF_UNIX, .protocol = SOCK_STREAM, .unix_path = "./s" };
	struct tt_ev_connect ev;
	struct tt_event event;

	record_connect(&record, 1, who, &opts);
	memcpy(&ev, record.data, sizeof(ev));
	record.len = sizeof(ev);
	ev.path_len = (uint16_t)record_put(&record, "/run/s", 6);
	record_put(&record, "./s", 3);
	record_finish(&record, &ev, sizeof(ev));
	event = decoded();

	assert_string_equal(event.connect.unix_path, "./s");
	assert_string_equal(event.connect.unix_peer, "/run/s");
}

static void the_rest_is_handed_through(void **state)
{
	struct connect_opts connect = { .addr = { 127, 0, 0, 1 },
					.port = 8080,
					.sock_id = 9,
					.state = TT_CONN_REFUSED,
					.result = -ECONNREFUSED,
					.first_ns = 40 };
	struct tt_agg_key key = env_key(who, "TZ", TT_ENV_GETENV);
	struct tt_event event;

	record_connect(&record, 50, who, &connect);
	event = decoded();
	assert_int_equal(event.type, TT_EVENT_CONNECT);
	assert_int_equal(event.key.result, -ECONNREFUSED);
	assert_int_equal(event.connect.duration_ns, 10);
	assert_int_equal(event.connect.port, 8080);
	assert_memory_equal(event.connect.addr, connect.addr, 16);

	record_env(&record, 60, who, "TZ", TT_ENV_GETENV, 3);
	event = decoded();
	assert_int_equal(event.type, TT_EVENT_ENV);
	assert_string_equal(event.env.name, "TZ");
	assert_int_equal(event.count, 3);

	record_count(&record, 70, who, &key, 8);
	event = decoded();
	assert_int_equal(event.type, TT_EVENT_COUNT);
	assert_memory_equal(&event.key, &key, sizeof(key));
	assert_int_equal(event.count, 8);
	assert_int_equal(event.last_ns, 70);

	record_note(&record, 80, who, TT_NOTE_IO_URING, 5);
	event = decoded();
	assert_int_equal(event.type, TT_EVENT_NOTE);
	assert_int_equal(event.note.note, TT_NOTE_IO_URING);

	record_flow(&record, 85, who, 7, 10, 20);
	event = decoded();
	assert_int_equal(event.type, TT_EVENT_FLOW);
	assert_int_equal(event.flow.sock_id, 7);
	assert_int_equal(event.flow.begin_ns, 75);
	assert_int_equal(event.flow.sent, 10);
	assert_int_equal(event.flow.received, 20);
	assert_true(event.flow.ended);

	record_payload(&record, 86, who, "a\0b", 3);
	event = decoded();
	assert_int_equal(event.type, TT_EVENT_PAYLOAD);
	assert_int_equal(event.payload.port, 53);
	assert_int_equal(event.payload.len, 3);
	assert_memory_equal(event.payload.data, "a\0b", 3);

	record_lookup(&record, 87, who, 5, "api.example.com");
	event = decoded();
	assert_int_equal(event.type, TT_EVENT_LOOKUP);
	assert_int_equal(event.lookup.id, 5);
	assert_int_equal(event.lookup.family, 0);
	assert_string_equal(event.lookup.name, "api.example.com");

	record_lookup_done(&record, 88, who, 5, &address);
	event = decoded();
	assert_int_equal(event.type, TT_EVENT_LOOKUP_DONE);
	assert_int_equal(event.lookup.id, 5);
	assert_int_equal(event.lookup.n, 1);
	assert_memory_equal(event.lookup.addresses[0].addr, address.addr, 16);

	record_exit(&record, 90, who, 9);
	event = decoded();
	assert_int_equal(event.type, TT_EVENT_EXIT);
	assert_int_equal(event.exit.status, 9);
}

static void look_ups_of_more_than_fits_are_malformed(void **state)
{
	struct tt_ev_lookup *asked = (void *)record.data;
	struct tt_ev_lookup_done *done = (void *)record.data;

	record_lookup(&record, 1, who, 1, "a");
	asked->name_len = TT_LOOKUP_NAME_MAX;
	assert_malformed();
	record_lookup_done(&record, 1, who, 1, &address);
	done->n = TT_LOOKUP_ADDRESSES + 1;
	assert_malformed();
	record_lookup_done(&record, 1, who, 1, &address);
	done->addresses[0].family = AF_UNIX;
	assert_malformed();
}

/* One good record of each type. */
static void make(unsigned type)
{
	const char *argv[] = { "a", NULL };
	struct exec_opts exec = { .exe = "/bin/a", .argv = argv };
	struct file_opts file = { .path = "/a", .user = "b", .base = "/c", .target = "d" };
	struct connect_opts connect = { .family = AF_UNIX, .unix_path = "/s" };
	struct tt_agg_key key = file_key(who, &file);

	switch (type) {
	case TT_EV_FORK:
		record_fork(&record, 1, who, who);
		break;
	case TT_EV_EXEC:
		record_exec(&record, 1, who, &exec);
		break;
	case TT_EV_EXIT:
		record_exit(&record, 1, who, 0);
		break;
	case TT_EV_FILE:
		record_file(&record, 1, who, &file);
		break;
	case TT_EV_CONNECT:
		record_connect(&record, 1, who, &connect);
		break;
	case TT_EV_ENV:
		record_env(&record, 1, who, "TZ", TT_ENV_GETENV, 1);
		break;
	case TT_EV_COUNT:
		record_count(&record, 1, who, &key, 1);
		break;
	case TT_EV_FLOW:
		record_flow(&record, 1, who, 1, 2, 3);
		break;
	case TT_EV_PAYLOAD:
		record_payload(&record, 1, who, "abc", 3);
		break;
	case TT_EV_LOOKUP:
		record_lookup(&record, 1, who, 1, "a.example.com");
		break;
	case TT_EV_LOOKUP_DONE:
		record_lookup_done(&record, 1, who, 1, &address);
		break;
	default:
		record_note(&record, 1, who, TT_NOTE_IO_URING, 1);
	}
}

static void a_record_cut_anywhere_is_malformed(void **state)
{
	for (unsigned type = TT_EV_FORK; type < TT_EV_TYPES; type++) {
		size_t whole;

		if (type == TT_EV_EXEC_ENV)
			continue; /* goes through tt_decode_env_chunk() */
		make(type);
		whole = record.len;
		for (record.len = 0; record.len < whole; record.len++) {
			if (record.len >= sizeof(uint32_t))
				((struct tt_ev_header *)record.data)->size = (uint32_t)record.len;
			assert_malformed();
		}
		((struct tt_ev_header *)record.data)->size = (uint32_t)whole;
		decoded();
	}
}

static void impossible_headers_are_malformed(void **state)
{
	struct tt_ev_header *hdr = (void *)record.data;

	make(TT_EV_NOTE);
	hdr->size = (uint32_t)record.len + 1;
	assert_malformed();

	make(TT_EV_NOTE);
	hdr->size = sizeof(*hdr) - 1;
	assert_malformed();

	static const uint16_t types[] = { 0, TT_EV_EXEC_ENV, TT_EV_TYPES, UINT16_MAX };
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		make(TT_EV_NOTE);
		hdr->type = types[i];
		assert_malformed();
	}
	make(TT_EV_ENV);
	((struct tt_ev_env *)record.data)->name_len = TT_NAME_MAX;
	assert_malformed();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_fork_names_child_and_parent),
		TEST(an_exec_gives_paths_and_arguments),
		TEST(an_exec_without_arguments_has_an_empty_argv),
		TEST(argv_of_nothing_but_nul_bytes_fits),
		TEST(a_last_argument_without_nul_is_kept),
		TEST(values_are_stripped_unless_the_filter_keeps_them),
		TEST(a_kept_value_has_no_more_room_than_it_had),
		TEST(the_whole_environment_of_32_chunks_is_taken),
		TEST(more_variables_than_anybody_uses_are_cut_and_said_so),
		TEST(no_variable_runs_across_a_lost_chunk),
		TEST(an_incomplete_environment_says_so),
		TEST(one_process_never_gets_another_ones_environment),
		TEST(impossible_chunks_are_refused),
		TEST(a_file_is_called_by_path_and_spelling),
		TEST(names_of_4_kib_and_256_components_are_whole),
		TEST(a_rename_has_both_names_absolute),
		TEST(the_longest_record_of_the_worst_bytes_fits),
		TEST(unix_names_are_readable),
		TEST(a_peer_called_otherwise_is_told_beside),
		TEST(the_rest_is_handed_through),
		TEST(a_record_cut_anywhere_is_malformed),
		TEST(look_ups_of_more_than_fits_are_malformed),
		TEST(impossible_headers_are_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
