/* SPDX-License-Identifier: Apache-2.0 */
/* The live sensor, into the kernel and out again: opens, configures, loads and attaches the BPF object.
 *
 * Which programs belong to which backend, and what is lost without each, is one table. A program that the
 * kernel refuses and that is not essential is left out and the object is loaded again: it costs its own
 * coverage only. Maps get the sizes that the caller asks for; include/telltale/maps.h says what is in them. */
#include "sensor/bpf_internal.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "util/buf.h"

enum backend { BACKEND_RAWTP = 1, BACKEND_TRAMPOLINE = 2, BACKEND_ANY = 3 };

enum attach_how { ATTACH_AUTO, ATTACH_LATER /* iterators, uprobes */ };

static const struct program {
	const char *name, *sees;
	unsigned backends;
	bool essential;
	enum attach_how attach;
} programs[] = {
	{ "pr_fork", "children", BACKEND_ANY, true, ATTACH_AUTO },
	{ "pr_exec", "executed programs", BACKEND_ANY, true, ATTACH_AUTO },
	{ "pr_exit", "ends of processes", BACKEND_ANY, true, ATTACH_AUTO },
	{ "rt_sys_exit", "files, readlinks, connects", BACKEND_RAWTP, true, ATTACH_AUTO },
	{ "so_tcp_state", "TCP connections", BACKEND_ANY, false, ATTACH_AUTO },
	{ "it_list", "agents that ran before telltale", BACKEND_ANY, false, ATTACH_LATER },
	{ "it_attach", "agents that ran before telltale", BACKEND_ANY, false, ATTACH_LATER },
	{ "up_getenv", "environment look-ups", BACKEND_ANY, false, ATTACH_LATER },
	{ "up_secure_getenv", "environment look-ups", BACKEND_ANY, false, ATTACH_LATER },
	{ "up_uv_os_getenv", "environment look-ups of Node", BACKEND_ANY, false, ATTACH_LATER },
	{ "up_go_getenv", "environment look-ups of Go", BACKEND_ANY, false, ATTACH_LATER },
};
static_assert(ARRAY_SIZE(programs) == TT_BPF_PROGRAMS, "bpf_internal.h");

/* libbpf speaks through one global function; this is where it goes while we load. */
static struct tt_buf *libbpf_words;

static int libbpf_print(enum libbpf_print_level level, const char *format, va_list args)
{
	char line[16384];

	if (level > LIBBPF_WARN || !libbpf_words)
		return 0;
	vsnprintf(line, sizeof(line), format, args);
	tt_buf_str(libbpf_words, line);
	return 0;
}

struct bpf_program *tt_bpf_program(const struct tt_bpf_sensor *sensor, size_t i)
{
	return bpf_object__find_program_by_name(sensor->skel->obj, programs[i].name);
}

static uint64_t random64(void)
{
	uint64_t value = 0;

	if (syscall(SYS_getrandom, &value, sizeof(value), 0) != sizeof(value))
		value = tt_bpf_now() * UINT64_C(0x9e3779b97f4a7c15);
	return value;
}

static int configure(struct tt_bpf_sensor *sensor, const struct tt_sensor_params *params,
		     enum backend backend, const bool left_out[], bool sleepable, bool storage)
{
	struct telltale_bpf *skel = sensor->skel;

	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		struct bpf_program *program = tt_bpf_program(sensor, i);

		if (!program)
			return -ENOENT;
		bpf_program__set_autoload(program, (programs[i].backends & backend) && !left_out[i]);
		if (sleepable && strncmp(programs[i].name, "up_", 3) == 0)
			bpf_program__set_flags(program, BPF_F_SLEEPABLE);
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
	skel->rodata->hash_seed = random64();
	skel->rodata->candidate_min_size = params->candidate_min_bytes;
	skel->rodata->sleepable_uprobes = sleepable;
	skel->rodata->task_storage = storage;
	return 0;
}

/* Which program libbpf's words name as the one that failed; -1 if none. */
static int failed_program(const char *words)
{
	for (size_t i = 0; words && i < ARRAY_SIZE(programs); i++) {
		char phrase[64];

		snprintf(phrase, sizeof(phrase), "prog '%s': failed to load", programs[i].name);
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

static void say_not_sleepable(struct tt_bpf_sensor *sensor)
{
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		if (strncmp(programs[i].name, "up_", 3) == 0)
			snprintf(sensor->hooks[i].why, sizeof(sensor->hooks[i].why),
				 "the kernel has no sleepable probes: names on absent pages cannot be read");
	}
}

static int load(struct tt_bpf_sensor *sensor, const struct tt_sensor_params *params, enum backend backend)
{
	bool left_out[ARRAY_SIZE(programs)] = { false }, sleepable = true, storage = !params->no_task_storage;

	for (;;) {
		_cleanup_(tt_buf_done) struct tt_buf words = TT_BUF_INIT;
		int r, failed;

		libbpf_words = &words;
		libbpf_set_print(libbpf_print);
		sensor->skel = telltale_bpf__open();
		r = sensor->skel ? configure(sensor, params, backend, left_out, sleepable, storage) : -errno;
		if (r == 0)
			r = telltale_bpf__load(sensor->skel);
		libbpf_words = NULL;
		if (r == 0)
			return 0;

		telltale_bpf__destroy(sensor->skel);
		sensor->skel = NULL;
		free(sensor->log);
		sensor->log = tt_buf_take(&words);
		failed = failed_program(sensor->log);
		if (storage && refused_storage(sensor->log)) {
			storage = false;
			continue;
		}
		if (failed < 0 || programs[failed].essential)
			return r;
		if (sleepable && strncmp(programs[failed].name, "up_", 3) == 0) {
			/* kernels before 6.0: a name on an absent page is then missed, and counted as lost */
			sleepable = false;
			say_not_sleepable(sensor);
			continue;
		}
		left_out[failed] = true;
		snprintf(sensor->hooks[failed].why, sizeof(sensor->hooks[failed].why),
			 "the kernel refused to load it: %s", strerror(-r));
	}
}

static int attach_hooks(struct tt_bpf_sensor *sensor)
{
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		struct tt_sensor_hook *hook = &sensor->hooks[i];
		struct bpf_program *program = tt_bpf_program(sensor, i);

		hook->name = programs[i].name;
		hook->sees = programs[i].sees;
		if (bpf_program__fd(program) < 0) {
			if (!hook->why[0])
				snprintf(hook->why, sizeof(hook->why), "not part of the %s backend",
					 sensor->backend);
			continue;
		}
		if (programs[i].attach == ATTACH_LATER) {
			hook->attached = true; /* loaded: that is all that can be said here */
			continue;
		}
		sensor->links[i] = bpf_program__attach(program);
		if (!sensor->links[i]) {
			int r = -errno;

			snprintf(hook->why, sizeof(hook->why), "cannot attach: %s", strerror(-r));
			if (programs[i].essential)
				return r;
			continue;
		}
		hook->attached = true;
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

static int start(const struct tt_sensor_params *params, enum backend backend, struct tt_bpf_sensor **ret)
{
	struct tt_bpf_sensor *sensor = calloc(1, sizeof(*sensor));
	int r;

	if (!sensor)
		return -ENOMEM;
	sensor->head.ops = &tt_bpf_ops;
	sensor->backend = backend == BACKEND_RAWTP ? "rawtp" : "trampoline";
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
		r = load(sensor, params, backend);
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

int tt_sensor_bpf_new(const struct tt_sensor_params *params, struct tt_sensor **ret, char **ret_message)
{
	_cleanup_(tt_buf_done) struct tt_buf message = TT_BUF_INIT;
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	struct tt_bpf_sensor *sensor = NULL;
	int r;

	/* kernels before 5.11 count maps as locked memory; later ones don't care, so a refusal is no error */
	setrlimit(RLIMIT_MEMLOCK, &unlimited);
	if (tt_streq(params->backend, "trampoline")) {
		r = -EOPNOTSUPP;
		tt_buf_str(&message,
			   "cannot start the trampoline sensor: this build has none; use --sensor=rawtp");
	} else {
		r = start(params, BACKEND_RAWTP, &sensor);
		if (r < 0)
			tt_buf_printf(&message, "cannot start the rawtp sensor: %s%s", strerror(-r),
				      load_hint(r));
	}
	if (r < 0) {
		if (sensor)
			tt_bpf_free(&sensor->head);
		if (ret_message)
			*ret_message = tt_buf_take(&message);
		return r;
	}
	snprintf(sensor->backend_why, sizeof(sensor->backend_why), "%s",
		 tt_streq(params->backend, "rawtp") ? "asked for" : "the only backend of this build");
	*ret = &sensor->head;
	return 0;
}

int tt_sensor_try(const char *backend, char **ret_log)
{
	static const struct tt_sensor_params params = {
		.ring_lifecycle_bytes = 1 << 16,
		.ring_activity_bytes = 1 << 16,
		.agg_entries = 64,
		.slot_entries = 64,
		.sock_entries = 64,
		.task_entries = 64,
	};
	struct tt_bpf_sensor *sensor = NULL;
	int r;

	if (!tt_streq(backend, "rawtp"))
		return -EOPNOTSUPP;
	r = start(&params, BACKEND_RAWTP, &sensor);
	if (ret_log)
		*ret_log = sensor ? TAKE_PTR(sensor->log) : NULL;
	if (sensor)
		tt_bpf_free(&sensor->head);
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
	return sensor->backend;
}

size_t tt_sensor_bpf_hooks(const struct tt_sensor *head, const struct tt_sensor_hook **ret)
{
	*ret = ((const struct tt_bpf_sensor *)head)->hooks;
	return ARRAY_SIZE(programs);
}

void tt_sensor_bpf_uprobe_programs(const struct tt_sensor *head, struct tt_uprobe_programs *ret)
{
	const struct tt_bpf_sensor *sensor = (const struct tt_bpf_sensor *)head;
	struct telltale_bpf *skel = sensor->skel;
	struct bpf_program **wanted[] = { &ret->getenv, &ret->secure_getenv, &ret->uv_os_getenv,
					  &ret->go_getenv };
	struct bpf_program *have[] = { skel->progs.up_getenv, skel->progs.up_secure_getenv,
				       skel->progs.up_uv_os_getenv, skel->progs.up_go_getenv };

	for (size_t i = 0; i < ARRAY_SIZE(have); i++)
		*wanted[i] = bpf_program__fd(have[i]) >= 0 ? have[i] : NULL;
}
