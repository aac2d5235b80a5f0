/* SPDX-License-Identifier: Apache-2.0 */
/* The live sensor, into the kernel and out again: opens, configures, loads and attaches the BPF object.
 *
 * Which programs belong to which backend, which kernel function each is put on, and what is lost without it, is one
 * table. A program that the kernel refuses, or has no function for, and that is not essential is left out and the
 * object is loaded again: it costs its own coverage only. Maps get the sizes that the caller asks for;
 * include/telltale/maps.h says what is in them. */
#include "sensor/bpf_internal.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include "sensor/feature.h"
#include "sensor/kcall.h"
#include "sensor/ktypes.h"
#include "util/buf.h"

enum backend { RAWTP = 1, TRAMPOLINE = 2, ANY = 3 };

static const char *backend_name(enum backend backend)
{
	return backend == RAWTP ? "rawtp" : "trampoline";
}

enum {
	ESSENTIAL = 1, /* without it there is no backend */
	LATER = 2, /* loaded here, attached when it is wanted: iterators, uprobes */
	OF_CALL = 4, /* on a system call: where its function is not there, neither is the call */
};

#if defined(__x86_64__)
#define SYSCALL(name)	     "__x64_sys_" name
#define COMPAT_SYSCALL(name) "__ia32_compat_sys_" name
#define SHARED_SYSCALL(name) "__ia32_sys_" name /* of 32-bit callers too, who need no conversion */
#elif defined(__aarch64__)
#define SYSCALL(name)	     "__arm64_sys_" name
#define COMPAT_SYSCALL(name) "__arm64_compat_sys_" name
#endif

#define PROGRAM(n, sn, se, b, f, ...)                                                                        \
	{                                                                                                    \
		.name = n, .sensor = sn, .sees = se, .backends = b, .flags = f, .functions = { __VA_ARGS__ } \
	}
#define CALL_PROGRAM(n, se, f) PROGRAM(n, "file", se, TRAMPOLINE, OF_CALL, SYSCALL(f))
/* Wanted only where the first is left out. */
#define SUBSTITUTE(i, n, sn, se, f)                                                                          \
	{                                                                                                    \
		.instead_of = i, .name = n, .sensor = sn, .sees = se, .backends = TRAMPOLINE, .functions = { \
			f                                                                                    \
		}                                                                                            \
	}

static const struct program {
	const char *name, *instead_of;
	const char *sensor; /* whose coverage suffers without it */
	const char *sees;
	unsigned backends, flags;
	/* of the kernel, to put it on: the first that there is (the second is a name of 7.0's) */
	const char *functions[2];
} programs[] = {
	PROGRAM("pr_fork", "process", "children", ANY, ESSENTIAL),
	PROGRAM("pr_exec", "process", "executed programs", ANY, ESSENTIAL),
	PROGRAM("pr_exit", "process", "ends of processes", ANY, ESSENTIAL),
	PROGRAM("rt_sys_exit", "file", "files, readlinks, connects", RAWTP, ESSENTIAL),
	PROGRAM("tr_open", "file", "opened files", TRAMPOLINE, ESSENTIAL, "do_filp_open", "do_file_open"),
	PROGRAM("tr_open_by_handle", "file", "files opened by handle", TRAMPOLINE, 0, "do_handle_open"),
	PROGRAM("tr_readlink", "file", "readlinks", TRAMPOLINE, 0, "do_readlinkat"),
	SUBSTITUTE("tr_readlink", "tr_sys_readlink", "file", "readlinks", SYSCALL("readlink")),
	SUBSTITUTE("tr_readlink", "tr_sys_readlinkat", "file", "readlinks", SYSCALL("readlinkat")),
#ifdef SHARED_SYSCALL
	SUBSTITUTE("tr_readlink", "tr_compat_readlink", "file", "32-bit readlinks",
		   SHARED_SYSCALL("readlink")),
	SUBSTITUTE("tr_readlink", "tr_compat_readlinkat", "file", "32-bit readlinks",
		   SHARED_SYSCALL("readlinkat")),
#endif
	PROGRAM("tr_rename", "file", "renamed directories", TRAMPOLINE, 0, "do_renameat2",
		"filename_renameat2"),
	PROGRAM("tr_stat", "file", "stat", TRAMPOLINE, 0, "vfs_statx"),
	PROGRAM("tr_access", "file", "access", TRAMPOLINE, 0, "do_faccessat"),
	CALL_PROGRAM("tr_getdents64", "listings of directories", "getdents64"),
	CALL_PROGRAM("tr_renameat", "renames", "renameat"),
	CALL_PROGRAM("tr_renameat2", "renames", "renameat2"),
	CALL_PROGRAM("tr_linkat", "links that are made", "linkat"),
	CALL_PROGRAM("tr_symlinkat", "links that are made", "symlinkat"),
	CALL_PROGRAM("tr_unlinkat", "removed files", "unlinkat"),
	CALL_PROGRAM("tr_fchmod", "changes of modes", "fchmod"),
	CALL_PROGRAM("tr_fchmodat", "changes of modes", "fchmodat"),
	CALL_PROGRAM("tr_fchmodat2", "changes of modes", "fchmodat2"),
	CALL_PROGRAM("tr_truncate", "truncated files", "truncate"),
	CALL_PROGRAM("tr_ftruncate", "truncated files", "ftruncate"),
#if defined(__x86_64__)
	CALL_PROGRAM("tr_getdents", "listings of directories", "getdents"),
	CALL_PROGRAM("tr_sys_rename", "renames", "rename"),
	CALL_PROGRAM("tr_link", "links that are made", "link"),
	CALL_PROGRAM("tr_symlink", "links that are made", "symlink"),
	CALL_PROGRAM("tr_unlink", "removed files", "unlink"),
	CALL_PROGRAM("tr_rmdir", "removed directories", "rmdir"),
	CALL_PROGRAM("tr_chmod", "changes of modes", "chmod"),
#endif
	PROGRAM("tr_execve", "file", "failed execs", TRAMPOLINE, 0, SYSCALL("execve")),
	PROGRAM("tr_execveat", "file", "failed execs", TRAMPOLINE, 0, SYSCALL("execveat")),
	PROGRAM("tr_compat_execve", "file", "32-bit failed execs", TRAMPOLINE, 0, COMPAT_SYSCALL("execve")),
	PROGRAM("tr_compat_execveat", "file", "32-bit failed execs", TRAMPOLINE, 0,
		COMPAT_SYSCALL("execveat")),
	PROGRAM("tr_connect", "net", "connects", TRAMPOLINE, 0, "__sys_connect_file"),
	PROGRAM("tr_sendto", "net", "datagrams", TRAMPOLINE, 0, "__sys_sendto"),
	PROGRAM("tr_sendmsg", "net", "datagrams", TRAMPOLINE, 0, "___sys_sendmsg"),
	PROGRAM("tr_tcp_sendmsg", "net", "names in what is sent", TRAMPOLINE, 0, "tcp_sendmsg"),
	PROGRAM("tr_tcp_recvmsg", "net", "answers of name servers", TRAMPOLINE, 0, "tcp_recvmsg"),
	PROGRAM("tr_udp_sendmsg", "net", "names that are asked for", TRAMPOLINE, 0, "udp_sendmsg"),
	PROGRAM("tr_udp_recvmsg", "net", "answers of name servers", TRAMPOLINE, 0, "udp_recvmsg"),
	PROGRAM("tr_udpv6_sendmsg", "net", "names that are asked for", TRAMPOLINE, 0, "udpv6_sendmsg"),
	PROGRAM("tr_udpv6_recvmsg", "net", "answers of name servers", TRAMPOLINE, 0, "udpv6_recvmsg"),
	PROGRAM("tr_read", "file", "bytes read from files", TRAMPOLINE, 0, "vfs_read"),
	PROGRAM("tr_readv", "file", "bytes read from files with readv", TRAMPOLINE, 0, "vfs_readv"),
	PROGRAM("tr_sendfile", "file", "bytes of files that are sent", TRAMPOLINE, 0, "do_sendfile"),
	PROGRAM("tr_splice", "file", "bytes of files that are spliced", TRAMPOLINE, 0, "do_splice"),
	PROGRAM("tr_copy", "file", "bytes of files that are copied", TRAMPOLINE, 0, "vfs_copy_file_range"),
	PROGRAM("tr_mmap", "file", "mapped files", TRAMPOLINE, 0, "ksys_mmap_pgoff"),
	PROGRAM("tr_unix_stream_sendmsg", "net", "bytes and questions sent to UNIX sockets", TRAMPOLINE, 0,
		"unix_stream_sendmsg"),
	PROGRAM("tr_unix_stream_recvmsg", "net", "bytes received from UNIX sockets", TRAMPOLINE, 0,
		"unix_stream_recvmsg"),
	PROGRAM("tr_unix_dgram_sendmsg", "net", "bytes sent to UNIX sockets", TRAMPOLINE, 0,
		"unix_dgram_sendmsg"),
	PROGRAM("tr_unix_dgram_recvmsg", "net", "bytes received from UNIX sockets", TRAMPOLINE, 0,
		"unix_dgram_recvmsg"),
	PROGRAM("tr_listen", "net", "sockets that listen", TRAMPOLINE, 0, "__sys_listen"),
	PROGRAM("tr_accept", "net", "accepted TCP connections", TRAMPOLINE, 0, "inet_csk_accept"),
	PROGRAM("tr_unix_accept", "net", "accepted UNIX connections", TRAMPOLINE, 0, "unix_accept"),
	PROGRAM("tr_io_uring", "net", "the use of io_uring", TRAMPOLINE, 0),
	PROGRAM("so_tcp_state", "net", "TCP connections", ANY, 0),
	PROGRAM("it_list", "process", "agents that ran before telltale", ANY, LATER),
	PROGRAM("it_attach", "process", "agents that ran before telltale", ANY, LATER),
	PROGRAM("up_getenv", "env", "environment look-ups", ANY, LATER),
	PROGRAM("up_secure_getenv", "env", "environment look-ups", ANY, LATER),
	PROGRAM("up_uv_os_getenv", "env", "environment look-ups of Node", ANY, LATER),
	PROGRAM("up_go_getenv", "env", "environment look-ups of Go", ANY, LATER),
	PROGRAM("up_go_getenv_stack", "env", "environment look-ups of Go before 1.17", ANY, LATER),
	PROGRAM("up_go_environ", "env", "whole environments in Go", ANY, LATER),
	PROGRAM("up_getaddrinfo", "net", "names that are looked up by getaddrinfo", ANY, LATER),
	PROGRAM("up_freeaddrinfo", "net", "what getaddrinfo found", ANY, LATER),
};
static_assert(ARRAY_SIZE(programs) <= TT_BPF_PROGRAMS, "bpf_internal.h");

/* Of one message, which may be a verifier's log of megabytes. */
#define WORDS_MAX 16384

/* libbpf speaks through one global function; this is where it goes while we load. */
static struct tt_buf *libbpf_words;

static int libbpf_print(enum libbpf_print_level level, const char *format, va_list args)
{
	_cleanup_free_ char *text = NULL;
	int len;

	if (level > LIBBPF_WARN || !libbpf_words)
		return 0;
	len = vasprintf(&text, format, args);
	if (len < 0) {
		text = NULL;
		return 0;
	}
	/* of a verifier's log the end says what was wrong */
	tt_buf_str(libbpf_words, len > WORDS_MAX ? text + len - WORDS_MAX : text);
	return 0;
}

struct bpf_program *tt_bpf_program(const struct tt_bpf_sensor *sensor, size_t i)
{
	return i < ARRAY_SIZE(programs)
		       ? bpf_object__find_program_by_name(sensor->skel->obj, programs[i].name)
		       : NULL;
}

static uint64_t random64(void)
{
	uint64_t value = 0;

	if (syscall(SYS_getrandom, &value, sizeof(value), 0) != sizeof(value))
		value = tt_boot_ns() * UINT64_C(0x9e3779b97f4a7c15);
	return value;
}

/* Puts a program on the first of its functions that this kernel has. */
static int set_function(struct tt_bpf_sensor *sensor, size_t i)
{
	const char *const *functions = programs[i].functions;
	struct bpf_program *program = tt_bpf_program(sensor, i);

	if (!functions[0])
		return 0; /* in its section's name */
	for (size_t f = 0; f < ARRAY_SIZE(programs[i].functions) && functions[f]; f++)
		if (bpf_program__set_attach_target(program, 0, functions[f]) == 0)
			return 0;
	snprintf(sensor->hooks[i].why, sizeof(sensor->hooks[i].why), "the kernel has no function %s%s%s",
		 functions[0], functions[1] ? " or " : "", functions[1] ? functions[1] : "");
	return -ESRCH;
}

static int row_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
		if (tt_streq(programs[i].name, name))
			return (int)i;
	return -1;
}

static bool is_unwanted(const struct tt_sensor_params *params, const char *name)
{
	for (size_t i = 0; i < params->n_leave_out; i++)
		if (tt_streq(params->leave_out[i], name))
			return true;
	return false;
}

/* A uprobe's program. */
static bool is_uprobe(size_t i)
{
	return strncmp(programs[i].name, "up_", 3) == 0;
}

/* Whether a program of a tracepoint may be preempted: since 7.0 (include/trace/bpf_probe.h). No type tells. */
static bool tracepoints_preempt(void)
{
	struct utsname name;

	return uname(&name) != 0 || strtol(name.release, NULL, 10) >= 7;
}

/* What is to be loaded, given what was left out so far. Nothing takes the place of what is unwanted. */
static int configure_program(struct tt_bpf_sensor *sensor, const struct tt_sensor_params *params, size_t i,
			     bool left_out[], bool sleepable, bool uprobe_multi)
{
	struct bpf_program *program = tt_bpf_program(sensor, i);
	const char *instead_of = programs[i].instead_of;
	int r = 0;

	if (!program)
		return -ENOENT;
	sensor->wanted[i] = programs[i].backends & sensor->backend;
	if (instead_of && (!left_out[row_of(instead_of)] || is_unwanted(params, instead_of)))
		sensor->wanted[i] = false;
	if (sensor->wanted[i] && !left_out[i]) {
		r = set_function(sensor, i);
		left_out[i] = r < 0;
		sensor->absent[i] = r < 0 && programs[i].flags & OF_CALL;
	}
	if (sensor->absent[i])
		sensor->wanted[i] = false;
	bpf_program__set_autoload(program, sensor->wanted[i] && !left_out[i]);
	if (is_uprobe(i)) {
		if (sleepable)
			bpf_program__set_flags(program, BPF_F_SLEEPABLE);
		if (uprobe_multi)
			bpf_program__set_expected_attach_type(program, TT_UPROBE_MULTI);
	}
	return programs[i].flags & ESSENTIAL ? r : 0;
}

static int configure(struct tt_bpf_sensor *sensor, const struct tt_sensor_params *params, bool left_out[],
		     bool sleepable, bool storage, const struct tt_kcalls *kcalls)
{
	struct telltale_bpf *skel = sensor->skel;
	struct bpf_program *program;

	/* what is not in the table is not loaded, nor looked at by libbpf */
	bpf_object__for_each_program(program, skel->obj)
	{
		bpf_program__set_autoload(program, false);
	}
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		int r = configure_program(sensor, params, i, left_out, sleepable, kcalls->uprobe_multi);

		if (r < 0)
			return r;
	}
	bpf_map__set_max_entries(skel->maps.lifecycle, params->ring_lifecycle_bytes);
	bpf_map__set_max_entries(skel->maps.activity, params->ring_activity_bytes);
	bpf_map__set_max_entries(skel->maps.agg, params->agg_entries);
	bpf_map__set_max_entries(skel->maps.slots, params->slot_entries);
	bpf_map__set_max_entries(skel->maps.tracked, params->slot_entries);
	bpf_map__set_max_entries(skel->maps.socks, params->sock_entries);
	bpf_map__set_max_entries(skel->maps.task_table, params->task_entries);
	bpf_map__set_autocreate(skel->maps.tasks, storage);
	bpf_map__set_autocreate(skel->maps.task_table, !storage);
	bpf_map__set_max_entries(skel->maps.scratch, sensor->backend == RAWTP ? TT_SCRATCHES_RAWTP
						     : sensor->wanted[row_of("tr_sys_readlink")]
							     ? TT_SCRATCHES_ALL
							     : TT_SCRATCHES_TRAMPOLINE);
	skel->rodata->hash_seed = random64();
	skel->rodata->candidate_min_size = params->candidate_min_bytes;
	if (params->looks) {
		memcpy(skel->rodata->looks_last, params->looks->last, sizeof(params->looks->last));
		memcpy(skel->rodata->looks_any, params->looks->any, sizeof(params->looks->any));
	}
	skel->rodata->sleepable_uprobes = sleepable;
	skel->rodata->task_storage = storage;
	skel->rodata->preemptible = sensor->backend == TRAMPOLINE || tracepoints_preempt();
	skel->rodata->kernel_casts = kcalls->id[TT_CALL_CAST] != 0;
	skel->rodata->recvmsg_arguments = kcalls->recvmsg_arguments;
	skel->rodata->accept_arguments = kcalls->accept_arguments;
	return 0;
}

/* The object, with the kernel's calls in its code. NULL and errno on failure. *ret_code is its file, to be freed after it is loaded. */
static struct telltale_bpf *open_object(const struct tt_kcalls *kcalls, void **ret_code)
{
	struct telltale_bpf *skel = calloc(1, sizeof(*skel));
	void *code = NULL;
	int r;

	if (!skel)
		return NULL;
	r = telltale_bpf__create_skeleton(skel);
	if (r == 0) {
		code = malloc(skel->skeleton->data_sz);
		r = code ? 0 : -ENOMEM;
	}
	if (r == 0) {
		memcpy(code, skel->skeleton->data, skel->skeleton->data_sz);
		r = tt_kcalls_put(kcalls, code, skel->skeleton->data_sz);
	}
	if (r == 0) {
		skel->skeleton->data = code;
		r = bpf_object__open_skeleton(skel->skeleton, NULL);
	}
	if (r < 0) {
		telltale_bpf__destroy(skel);
		free(code);
		errno = -r;
		return NULL;
	}
	*ret_code = code;
	return skel;
}

/* Which program libbpf's words name as the one that failed; -1 if none. */
static int failed_program(const char *words)
{
	for (size_t i = 0; words && i < ARRAY_SIZE(programs); i++) {
		char phrase[64];

		snprintf(phrase, sizeof(phrase), "prog '%s': failed to ", programs[i].name);
		if (strstr(words, phrase))
			return (int)i;
	}
	return -1;
}

/* Kernels before 5.12 have no task storage (5.11: not for tracing programs): the table does instead. */
static bool refused_storage(const char *words)
{
	return words && (strstr(words, "map 'tasks': failed to create") ||
			 strstr(words, "unknown func bpf_task_storage_get"));
}

/* 6.14 has what kcall.h looks for, but lets no program with preemption off call a global function. */
static bool refused_kcalls(const char *words)
{
	return words && strstr(words, "global function calls are not allowed with preemption disabled");
}

static void say_not_sleepable(struct tt_bpf_sensor *sensor)
{
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		if (is_uprobe(i))
			snprintf(sensor->hooks[i].why, sizeof(sensor->hooks[i].why),
				 "the kernel has no sleepable probes: names on absent pages cannot be read");
	}
}

static void keep_log(struct tt_bpf_sensor *sensor, const char *words)
{
	char *both;

	if (!sensor->log)
		sensor->log = strdup(words);
	else if (asprintf(&both, "%s%s", sensor->log, words) >= 0) {
		free(sensor->log);
		sensor->log = both;
	}
}

/* Those that the configuration names. */
static int leave_out(struct tt_bpf_sensor *sensor, const struct tt_sensor_params *params, bool left_out[])
{
	for (size_t i = 0; i < params->n_leave_out; i++) {
		int row = row_of(params->leave_out[i]);

		if (row < 0 || programs[row].flags & ESSENTIAL) {
			snprintf(sensor->refusal, sizeof(sensor->refusal), "sensor.leave_out: '%.64s' is %s",
				 params->leave_out[i],
				 row < 0 ? "not a hook" : "a hook that nothing works without");
			return -EINVAL;
		}
		left_out[row] = true;
		snprintf(sensor->hooks[row].why, sizeof(sensor->hooks[row].why),
			 "left out by the configuration");
	}
	return 0;
}

static int load(struct tt_bpf_sensor *sensor, const struct tt_sensor_params *params, struct tt_kcalls kcalls)
{
	bool left_out[ARRAY_SIZE(programs)] = { false }, sleepable = true, storage = !params->no_task_storage;
	int r = leave_out(sensor, params, left_out);

	if (r < 0)
		return r;
	for (;;) {
		_cleanup_(tt_buf_done) struct tt_buf words = TT_BUF_INIT;
		_cleanup_free_ void *code = NULL;
		int failed;

		libbpf_words = &words;
		sensor->skel = open_object(&kcalls, &code);
		r = sensor->skel ? configure(sensor, params, left_out, sleepable, storage, &kcalls) : -errno;
		if (r == 0)
			r = telltale_bpf__load(sensor->skel);
		libbpf_words = NULL;
		if (r == 0)
			return 0;

		telltale_bpf__destroy(sensor->skel);
		sensor->skel = NULL;
		failed = words.len ? failed_program(words.text) : -1;
		keep_log(sensor, words.len ? words.text : "");
		if (storage && refused_storage(words.text)) {
			storage = false;
			continue;
		}
		if (failed < 0)
			return r;
		if (refused_kcalls(words.text)) {
			memset(kcalls.id, 0, sizeof(kcalls.id));
			continue;
		}
		if (sleepable && is_uprobe((size_t)failed)) {
			/* kernels before 6.0: a name on an absent page is then missed, and counted as lost */
			sleepable = false;
			say_not_sleepable(sensor);
			continue;
		}
		snprintf(sensor->hooks[failed].why, sizeof(sensor->hooks[failed].why),
			 "the kernel refused to load it: %s", tt_feature_error(r));
		if (programs[failed].flags & ESSENTIAL)
			return r;
		left_out[failed] = true;
	}
}

static int attach_hooks(struct tt_bpf_sensor *sensor)
{
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		struct tt_sensor_hook *hook = &sensor->hooks[i];
		struct bpf_program *program = tt_bpf_program(sensor, i);

		if (bpf_program__fd(program) < 0)
			continue; /* another backend's, or left out: why is said already */
		if (programs[i].flags & LATER) {
			hook->attached = true; /* loaded: that is all that can be said here */
			continue;
		}
		sensor->links[i] = bpf_program__attach(program);
		if (!sensor->links[i]) {
			int r = -errno;

			snprintf(hook->why, sizeof(hook->why), "cannot attach: %s", tt_feature_error(r));
			if (programs[i].flags & ESSENTIAL)
				return r;
			continue;
		}
		hook->attached = true;
		if (programs[i].instead_of)
			sensor->wanted[row_of(programs[i].instead_of)] = false;
	}
	return 0;
}

static const char *load_hint(int error)
{
	switch (error) {
	case -EPERM:
	case -EACCES:
		return geteuid() == 0 ? "; see `telltale doctor`" : "; telltale needs root for this half";
	case -ENOENT:
	case -ESRCH:
		return "; the kernel has no BTF or lacks a hook: see `telltale doctor`";
	default:
		return "; see `telltale doctor --verbose`";
	}
}

static int start(const struct tt_sensor_params *params, enum backend backend, const struct tt_kcalls *kcalls,
		 struct tt_bpf_sensor **ret)
{
	struct tt_bpf_sensor *sensor = calloc(1, sizeof(*sensor));
	int r;

	if (!sensor)
		return -ENOMEM;
	sensor->head.ops = &tt_bpf_ops;
	sensor->backend = backend;
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		sensor->hooks[i].name = programs[i].name;
		sensor->hooks[i].sensor = programs[i].sensor;
		sensor->hooks[i].sees = programs[i].sees;
	}
	sensor->ncpu = libbpf_num_possible_cpus();
	sensor->keys = calloc(TT_BPF_SWEEP_BATCH, sizeof(*sensor->keys));
	sensor->values = calloc(TT_BPF_SWEEP_BATCH, sizeof(*sensor->values));
	*ret = sensor;
	if (!sensor->keys || !sensor->values || sensor->ncpu < 1)
		return -ENOMEM;
	r = tt_decoder_new(params->env_filter, params->env_filter_arg, &sensor->decoder);
	if (r == 0)
		r = tt_merge_new(sensor->decoder, &sensor->merge);
	if (r == 0)
		r = load(sensor, params, *kcalls);
	if (r == 0)
		r = tt_bpf_open_rings(sensor);
	if (r == 0)
		r = attach_hooks(sensor);
	if (r < 0)
		return r;
	sensor->head.stats.ring_lifecycle_bytes = params->ring_lifecycle_bytes;
	sensor->head.stats.ring_activity_bytes = params->ring_activity_bytes;
	return 0;
}

/* What stopped it: the essential hook that failed, or the error alone. */
static void say_failure(const struct tt_bpf_sensor *sensor, int error, char *text, size_t size)
{
	if (sensor && sensor->refusal[0]) {
		snprintf(text, size, "%s", sensor->refusal);
		return;
	}
	for (size_t i = 0; sensor && i < ARRAY_SIZE(programs); i++) {
		if (!(programs[i].flags & ESSENTIAL) || !sensor->hooks[i].why[0])
			continue;
		snprintf(text, size, "%s (%s): %s", programs[i].name, programs[i].sees, sensor->hooks[i].why);
		return;
	}
	snprintf(text, size, "%s", tt_feature_error(error));
}

static void stop(struct tt_bpf_sensor *sensor)
{
	if (sensor)
		tt_bpf_free(&sensor->head);
}

/* All that has to be known of the kernel before it is known what to load. */
static const struct tt_feature_answer *ask_kernel(struct tt_kcalls *kcalls)
{
	const struct tt_feature_answer *fexit;
	struct tt_ktypes *kernel = NULL;

	errno = -tt_ktypes_open(TT_KTYPES_PATH, &kernel);
	fexit = tt_feature_get_with(TT_FEATURE_FEXIT, kernel);
	tt_kcalls_find(kernel, kcalls);
	tt_ktypes_free(kernel);
	return fexit;
}

/* Trampolines where the kernel has them, else the raw tracepoint; why the second: in the sensor. */
static int start_auto(const struct tt_sensor_params *params, const struct tt_feature_answer *fexit,
		      const struct tt_kcalls *kcalls, struct tt_bpf_sensor **ret)
{
	char why[256];
	int r;

	if (fexit->yes) {
		r = start(params, TRAMPOLINE, kcalls, ret);
		if (r == 0) {
			snprintf((*ret)->backend_why, sizeof((*ret)->backend_why),
				 "the kernel has trampolines");
			return 0;
		}
		say_failure(*ret, r, why, sizeof(why));
		stop(TAKE_PTR(*ret));
	} else {
		snprintf(why, sizeof(why), "%s", fexit->why);
	}
	r = start(params, RAWTP, kcalls, ret);
	if (*ret)
		snprintf((*ret)->backend_why, sizeof((*ret)->backend_why), "no trampolines: %s", why);
	return r;
}

static enum backend backend_by_name(const char *name)
{
	return tt_streq(name, "trampoline") ? TRAMPOLINE : RAWTP;
}

int tt_sensor_bpf_new(const struct tt_sensor_params *params, struct tt_sensor **ret, char **ret_message)
{
	_cleanup_(tt_buf_done) struct tt_buf message = TT_BUF_INIT;
	bool choose = tt_streq(params->backend, "auto");
	enum backend backend = backend_by_name(params->backend);
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	const struct tt_feature_answer *fexit;
	struct tt_bpf_sensor *sensor = NULL;
	struct tt_kcalls kcalls;
	int r;

	libbpf_set_print(
		libbpf_print); /* also while features are tried: what matters of it goes into our own words */
	/* kernels before 5.11 count maps as locked memory; later ones don't care, so a refusal is no error */
	setrlimit(RLIMIT_MEMLOCK, &unlimited);
	fexit = ask_kernel(&kcalls);
	r = choose ? start_auto(params, fexit, &kcalls, &sensor) : start(params, backend, &kcalls, &sensor);
	if (r < 0) {
		char why[256];

		say_failure(sensor, r, why, sizeof(why));
		tt_buf_printf(&message, "cannot start the %s sensor: %s%s%s", backend_name(backend), why,
			      load_hint(r),
			      !choose && backend == TRAMPOLINE ? "; --sensor=rawtp does without trampolines"
							       : "");
		stop(sensor);
		if (ret_message)
			*ret_message = tt_buf_take(&message);
		return r;
	}
	if (!choose)
		snprintf(sensor->backend_why, sizeof(sensor->backend_why), "asked for");
	*ret = &sensor->head;
	return 0;
}

int tt_sensor_try(const char *backend, char **ret_missing, char **ret_log)
{
	static const struct tt_sensor_params params = {
		.ring_lifecycle_bytes = 1 << 16,
		.ring_activity_bytes = 1 << 16,
		.agg_entries = 64,
		.slot_entries = 64,
		.sock_entries = 64,
		.task_entries = 64,
	};
	_cleanup_(tt_buf_done) struct tt_buf missing = TT_BUF_INIT;
	struct tt_bpf_sensor *sensor = NULL;
	struct tt_kcalls kcalls;
	int r;

	libbpf_set_print(libbpf_print);
	ask_kernel(&kcalls);
	r = start(&params, backend_by_name(backend), &kcalls, &sensor);
	if (r < 0) {
		char why[256];

		say_failure(sensor, r, why, sizeof(why));
		tt_buf_str(&missing, why);
	}
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(programs); i++) {
		if (sensor->wanted[i] && !sensor->hooks[i].attached)
			tt_buf_printf(&missing, "%s%s (%s): %s", missing.len ? "; " : "", programs[i].sees,
				      programs[i].name, sensor->hooks[i].why);
	}
	*ret_missing = missing.len ? tt_buf_take(&missing) : NULL;
	*ret_log = sensor ? TAKE_PTR(sensor->log) : NULL;
	stop(sensor);
	return r;
}

void tt_bpf_free(struct tt_sensor *head)
{
	struct tt_bpf_sensor *sensor = tt_bpf_self(head);
	struct tt_bpf_slot *slot, *next_slot;
	struct tt_bpf_ended *ended, *next_ended;

	for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
		bpf_link__destroy(sensor->links[i]);
	for (size_t i = 0; i < TT_RINGS; i++)
		ring_buffer__free(sensor->rings[i]);
	telltale_bpf__destroy(sensor->skel);
	HASH_ITER (hh, sensor->slots, slot, next_slot) {
		HASH_DEL(sensor->slots, slot);
		free(slot);
	}
	HASH_ITER (hh, sensor->ended, ended, next_ended) {
		HASH_DEL(sensor->ended, ended);
		free(ended);
	}
	tt_merge_free(sensor->merge);
	tt_decoder_free(sensor->decoder);
	free(sensor->keys);
	free(sensor->values);
	free(sensor->log);
	free(sensor);
}

const char *tt_sensor_bpf_backend(const struct tt_sensor *head, const char **ret_why)
{
	const struct tt_bpf_sensor *sensor = (const struct tt_bpf_sensor *)head;

	*ret_why = sensor->backend_why;
	return backend_name(sensor->backend);
}

const struct tt_sensor_hook *tt_sensor_bpf_hook(const struct tt_sensor *head, size_t *i)
{
	const struct tt_bpf_sensor *sensor = (const struct tt_bpf_sensor *)head;

	while (*i < ARRAY_SIZE(programs)) {
		size_t row = (*i)++;

		if (sensor->wanted[row])
			return &sensor->hooks[row];
	}
	return NULL;
}

void tt_sensor_bpf_unseen(const struct tt_sensor *head, const char *name, char *buf, size_t size)
{
	const struct tt_bpf_sensor *sensor = (const struct tt_bpf_sensor *)head;
	size_t len = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(programs) && len < size; i++) {
		const struct tt_sensor_hook *hook = &sensor->hooks[i];

		if (!sensor->wanted[i] || programs[i].flags & LATER || hook->attached ||
		    !tt_streq(programs[i].sensor, name))
			continue;
		len += (size_t)snprintf(buf + len, size - len, "%s%s (%s)",
					len ? ", " : "not seen on this kernel: ", hook->sees, hook->why);
	}
}

void tt_sensor_bpf_uprobe_programs(const struct tt_sensor *head, struct tt_uprobe_programs *ret)
{
	const struct tt_bpf_sensor *sensor = (const struct tt_bpf_sensor *)head;
	struct telltale_bpf *skel = sensor->skel;
	struct bpf_program **wanted[] = { &ret->getenv,	     &ret->secure_getenv,   &ret->uv_os_getenv,
					  &ret->go_getenv,   &ret->go_getenv_stack, &ret->go_environ,
					  &ret->getaddrinfo, &ret->freeaddrinfo };
	struct bpf_program *have[] = { skel->progs.up_getenv,	       skel->progs.up_secure_getenv,
				       skel->progs.up_uv_os_getenv,    skel->progs.up_go_getenv,
				       skel->progs.up_go_getenv_stack, skel->progs.up_go_environ,
				       skel->progs.up_getaddrinfo,     skel->progs.up_freeaddrinfo };

	for (size_t i = 0; i < ARRAY_SIZE(have); i++)
		*wanted[i] = bpf_program__fd(have[i]) >= 0 ? have[i] : NULL;
}
