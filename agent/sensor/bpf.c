/* SPDX-License-Identifier: Apache-2.0 */
/* The live sensor: owns the BPF object, its links and maps, and reads the rings.
 *
 * Which programs belong to which backend, and what is lost without each, is one table. A program that the
 * kernel refuses and that is not essential is left out and the object is loaded again: it costs its own
 * coverage only. Maps are written as include/telltale/maps.h and bpf/lib/maps.bpf.h say. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <uthash.h>

#include "sensor/merge.h"
#include "sensor/sensor.h"
#include "telltale.skel.h"
#include "util/buf.h"

/* A record's time is taken before its place in the ring: allow for a hook that was interrupted between. */
#define WATERMARK_SLACK_NS UINT64_C(2000000)

/* One poll takes at most this much of the activity ring, so that lifecycle and the store get their turn. */
#define POLL_RECORDS_MAX 16384
#define POLL_BYTES_MAX	 (8u << 20)

#define SWEEP_BATCH 2048

/* Aggregation entries idle for so long are sent anew at their next use (a path may have changed above
 * them), and give room when the map is more than half full, or nearly full: one process that touches many things
 * once must not cost the others their aggregation. */
#define AGE_NS	    UINT64_C(600000000000)
#define AGE_FULL_NS UINT64_C(60000000000)
#define AGE_BRIM_NS UINT64_C(3000000000)

/* A connect that has no answer after this is shown as connecting. */
#define CONNECTING_NS UINT64_C(1000000000)

#define ATTACH_WALKS_MAX 16

/* Hooks that were running when the sensor was stopped have finished after this. */
#define STOPPING_NS 4000000

/* Slot numbers that user space hands out; the kernel's have their upper bit clear. */
#define USER_SLOT (UINT64_C(1) << 63)

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

static const struct {
	const char *sensor, *kind;
} losses[TT_LOSS_KINDS] = {
	[TT_LOSS_FORK] = { "process", "fork" },
	[TT_LOSS_EXEC] = { "process", "exec" },
	[TT_LOSS_EXEC_ENV] = { "env", "exec_environment" },
	[TT_LOSS_EXIT] = { "process", "exit" },
	[TT_LOSS_FILE] = { "file", "file_access" },
	[TT_LOSS_CONNECT] = { "net", "connection" },
	[TT_LOSS_ENV] = { "env", "env_lookup" },
	[TT_LOSS_NOTE] = { "coverage", "note" },
	[TT_LOSS_SLOT] = { "process", "candidate" },
	[TT_LOSS_STORAGE] = { "process", "task" },
	[TT_LOSS_SOCK] = { "net", "connection_outcome" },
};

struct known_slot {
	uint64_t id;
	uint64_t reported[TT_LOSS_KINDS];
	UT_hash_handle hh;
};

struct ended {
	struct tt_process_key key;
	UT_hash_handle hh;
};

struct bpf_sensor {
	struct tt_sensor head;
	struct telltale_bpf *skel;
	struct bpf_link *links[ARRAY_SIZE(programs)];
	struct tt_sensor_hook hooks[ARRAY_SIZE(programs)];
	const char *backend;
	char backend_why[256];
	char *log; /* libbpf's words while loading */

	struct ring_buffer *rings[TT_RINGS];
	struct tt_decoder *decoder;
	struct tt_merge *merge;
	uint64_t delivered_until; /* watermark of the last delivery */
	unsigned taken; /* records of this poll */
	int add_error;
	enum tt_ring reading;

	struct ended *ended;
	struct known_slot *slots;
	uint64_t next_slot;
	uint64_t counters[TT_LOSS_KINDS + TT_STATS], missed[ARRAY_SIZE(programs)];
	uint64_t closed[TT_LOSS_KINDS]; /* losses of slots that are gone, not yet reported */
	uint64_t malformed; /* of the statistics, as far as reported */
	int ncpu;
	uint64_t last_sweep_ns;
	uint64_t freeze_ns;
	bool stopped;

	struct tt_agg_key *keys;
	struct tt_agg_value *values;
};

static struct bpf_sensor *self(struct tt_sensor *sensor)
{
	return (struct bpf_sensor *)sensor;
}

static uint64_t boottime_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* ---- loading */

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

static struct bpf_program *find_program(const struct bpf_sensor *sensor, size_t i)
{
	return bpf_object__find_program_by_name(sensor->skel->obj, programs[i].name);
}

static uint64_t random64(void)
{
	uint64_t value = 0;

	if (syscall(SYS_getrandom, &value, sizeof(value), 0) != sizeof(value))
		value = boottime_ns() * UINT64_C(0x9e3779b97f4a7c15);
	return value;
}

static int configure(struct bpf_sensor *sensor, const struct tt_sensor_params *params, enum backend backend,
		     const bool left_out[], bool sleepable)
{
	struct telltale_bpf *skel = sensor->skel;

	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		struct bpf_program *program = find_program(sensor, i);

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
	skel->rodata->hash_seed = random64();
	skel->rodata->candidate_min_size = params->candidate_min_bytes;
	skel->rodata->sleepable_uprobes = sleepable;
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

static void say_not_sleepable(struct bpf_sensor *sensor)
{
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		if (strncmp(programs[i].name, "up_", 3) == 0)
			snprintf(sensor->hooks[i].why, sizeof(sensor->hooks[i].why),
				 "the kernel has no sleepable probes: names on absent pages cannot be read");
	}
}

static int load(struct bpf_sensor *sensor, const struct tt_sensor_params *params, enum backend backend)
{
	bool left_out[ARRAY_SIZE(programs)] = { false }, sleepable = true;

	for (;;) {
		_cleanup_(tt_buf_done) struct tt_buf words = TT_BUF_INIT;
		int r, failed;

		libbpf_words = &words;
		libbpf_set_print(libbpf_print);
		sensor->skel = telltale_bpf__open();
		r = sensor->skel ? configure(sensor, params, backend, left_out, sleepable) : -errno;
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

static int attach_hooks(struct bpf_sensor *sensor)
{
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		struct tt_sensor_hook *hook = &sensor->hooks[i];
		struct bpf_program *program = find_program(sensor, i);

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

static int on_record(void *arg, void *data, size_t len)
{
	struct bpf_sensor *sensor = arg;
	const struct tt_ev_header *hdr = data;
	int r = tt_merge_add(sensor->merge, sensor->reading, data, len);

	if (r == -EBADMSG) {
		sensor->head.stats.malformed++;
	} else if (r < 0) {
		sensor->add_error = r;
		return r;
	} else if (hdr->time_ns <= sensor->delivered_until) {
		sensor->head.stats.late++;
	}
	/* libbpf counts this record as consumed before it stops */
	if (++sensor->taken >= POLL_RECORDS_MAX)
		return -ECANCELED;
	/* the lifecycle ring is small, and activity waits for what is in it: it is always read */
	if (sensor->reading == TT_RING_ACTIVITY && tt_merge_bytes(sensor->merge) >= POLL_BYTES_MAX)
		return -ECANCELED;
	return 0;
}

static int open_rings(struct bpf_sensor *sensor)
{
	const struct bpf_map *maps[TT_RINGS] = {
		[TT_RING_LIFECYCLE] = sensor->skel->maps.lifecycle,
		[TT_RING_ACTIVITY] = sensor->skel->maps.activity,
	};

	for (size_t i = 0; i < TT_RINGS; i++) {
		sensor->rings[i] = ring_buffer__new(bpf_map__fd(maps[i]), on_record, sensor, NULL);
		if (!sensor->rings[i])
			return -errno;
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

static void bpf_sensor_free(struct tt_sensor *sensor);
static const struct tt_sensor_ops bpf_ops;

static int start(const struct tt_sensor_params *params, enum backend backend, struct bpf_sensor **ret)
{
	struct bpf_sensor *sensor = calloc(1, sizeof(*sensor));
	int r;

	if (!sensor)
		return -ENOMEM;
	sensor->head.ops = &bpf_ops;
	sensor->backend = backend == BACKEND_RAWTP ? "rawtp" : "trampoline";
	sensor->ncpu = libbpf_num_possible_cpus();
	sensor->keys = calloc(SWEEP_BATCH, sizeof(*sensor->keys));
	sensor->values = calloc(SWEEP_BATCH, sizeof(*sensor->values));
	*ret = sensor;
	if (!sensor->keys || !sensor->values || sensor->ncpu < 1)
		return -ENOMEM;
	r = tt_decoder_new(params->env_filter, params->env_filter_arg, &sensor->decoder);
	if (r == 0)
		r = tt_merge_new(sensor->decoder, &sensor->merge);
	if (r == 0)
		r = load(sensor, params, backend);
	if (r == 0)
		r = open_rings(sensor);
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
	struct bpf_sensor *sensor = NULL;
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
			bpf_sensor_free(&sensor->head);
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
	};
	struct bpf_sensor *sensor = NULL;
	int r;

	if (!tt_streq(backend, "rawtp"))
		return -EOPNOTSUPP;
	r = start(&params, BACKEND_RAWTP, &sensor);
	if (ret_log)
		*ret_log = sensor ? TAKE_PTR(sensor->log) : NULL;
	if (sensor)
		bpf_sensor_free(&sensor->head);
	return r;
}

static void bpf_sensor_free(struct tt_sensor *head)
{
	struct bpf_sensor *sensor = self(head);
	struct known_slot *slot, *next_slot;
	struct ended *ended, *next_ended;

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
	const struct bpf_sensor *sensor = (const struct bpf_sensor *)head;

	*ret_why = sensor->backend_why;
	return sensor->backend;
}

size_t tt_sensor_bpf_hooks(const struct tt_sensor *head, const struct tt_sensor_hook **ret)
{
	*ret = ((const struct bpf_sensor *)head)->hooks;
	return ARRAY_SIZE(programs);
}

void tt_sensor_bpf_uprobe_programs(const struct tt_sensor *head, struct tt_uprobe_programs *ret)
{
	const struct bpf_sensor *sensor = (const struct bpf_sensor *)head;
	struct telltale_bpf *skel = sensor->skel;
	struct bpf_program **wanted[] = { &ret->getenv, &ret->secure_getenv, &ret->uv_os_getenv,
					  &ret->go_getenv };
	struct bpf_program *have[] = { skel->progs.up_getenv, skel->progs.up_secure_getenv,
				       skel->progs.up_uv_os_getenv, skel->progs.up_go_getenv };

	for (size_t i = 0; i < ARRAY_SIZE(have); i++)
		*wanted[i] = bpf_program__fd(have[i]) >= 0 ? have[i] : NULL;
}

/* ---- reading */

static unsigned bpf_fds(struct tt_sensor *head, int fds[2])
{
	for (size_t i = 0; i < TT_RINGS; i++)
		fds[i] = ring_buffer__epoll_fd(self(head)->rings[i]);
	return TT_RINGS;
}

/* Drains one ring, up to this poll's share. True: it was not empty when the share was used up; then nothing that may be
 * newer than what is left in it can be delivered, from whichever ring: activity must not overtake its exec. */
static bool drain(struct bpf_sensor *sensor, enum tt_ring ring, uint64_t *watermark)
{
	uint64_t newest;

	sensor->reading = ring;
	sensor->taken = 0;
	if (ring_buffer__consume(sensor->rings[ring]) != -ECANCELED)
		return false;
	newest = tt_merge_newest(sensor->merge, ring);
	newest = newest > WATERMARK_SLACK_NS ? newest - WATERMARK_SLACK_NS : 0;
	if (newest < *watermark)
		*watermark = newest;
	return true;
}

static int bpf_poll(struct tt_sensor *head, tt_event_fn fn, void *arg)
{
	struct bpf_sensor *sensor = self(head);
	uint64_t now = boottime_ns(), watermark = now - WATERMARK_SLACK_NS;
	bool more;
	int r;

	/* nothing can come any more: nothing is waited for */
	if (sensor->stopped)
		now = watermark = UINT64_MAX;
	sensor->add_error = 0;
	more = drain(sensor, TT_RING_ACTIVITY, &watermark);
	more |= drain(sensor, TT_RING_LIFECYCLE, &watermark);
	if (sensor->add_error)
		return sensor->add_error;
	sensor->delivered_until = watermark;
	r = tt_merge_deliver(sensor->merge, watermark, now, fn, arg, &head->stats.delivered,
			     &head->stats.malformed);
	head->held = tt_merge_bytes(sensor->merge) > 0;
	return r != 0 ? r : more;
}

/* ---- sweeping */

static int sweep_losses(struct bpf_sensor *sensor, uint64_t slot, const uint64_t now[], uint64_t reported[],
			tt_event_fn fn, void *arg)
{
	for (size_t i = 0; i < TT_LOSS_KINDS; i++) {
		struct tt_event event = {
			.type = TT_EVENT_LOSS,
			.time_ns = boottime_ns(),
			.first_ns = sensor->last_sweep_ns,
			.slot = slot,
			.loss = { .sensor = losses[i].sensor,
				  .kind = losses[i].kind,
				  .count = now[i] - reported[i] },
		};
		int r;

		if (now[i] == reported[i])
			continue;
		reported[i] = now[i];
		r = fn(&event, arg);
		if (r != 0)
			return r;
	}
	return 0;
}

static int sweep_counters(struct bpf_sensor *sensor, tt_event_fn fn, void *arg)
{
	uint64_t sums[TT_LOSS_KINDS + TT_STATS] = { 0 };
	_cleanup_free_ uint64_t *per_cpu = calloc((size_t)sensor->ncpu, sizeof(*per_cpu));

	if (!per_cpu)
		return -ENOMEM;
	for (uint32_t i = 0; i < ARRAY_SIZE(sums); i++) {
		if (bpf_map_lookup_elem(bpf_map__fd(sensor->skel->maps.counters), &i, per_cpu) != 0)
			continue;
		for (int cpu = 0; cpu < sensor->ncpu; cpu++)
			sums[i] += per_cpu[cpu];
	}
	sensor->head.stats.unaggregated = sums[TT_LOSS_KINDS + TT_STAT_AGG_FULL];
	sensor->head.stats.retried = sums[TT_LOSS_KINDS + TT_STAT_RETRY];
	sensor->head.stats.unreported = sums[TT_LOSS_KINDS + TT_STAT_REPORT];
	sensor->head.stats.x32 = sums[TT_LOSS_KINDS + TT_STAT_X32];
	for (size_t i = 0; i < TT_LOSS_KINDS; i++)
		sums[i] += sensor->closed[i];
	return sweep_losses(sensor, 0, sums, sensor->counters, fn, arg);
}

static int sweep_malformed(struct bpf_sensor *sensor, tt_event_fn fn, void *arg)
{
	struct tt_event event = {
		.type = TT_EVENT_LOSS,
		.time_ns = boottime_ns(),
		.first_ns = sensor->last_sweep_ns,
		.loss = { .sensor = "sensor", .kind = "malformed" },
	};

	event.loss.count = sensor->head.stats.malformed - sensor->malformed;
	sensor->malformed = sensor->head.stats.malformed;
	return event.loss.count ? fn(&event, arg) : 0;
}

/* Runs of our programs that the kernel left out because one was already running on that CPU. */
static int sweep_missed(struct bpf_sensor *sensor, tt_event_fn fn, void *arg)
{
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		struct bpf_prog_info info = { 0 };
		uint32_t len = sizeof(info);
		int fd = bpf_program__fd(find_program(sensor, i));
		struct tt_event event = {
			.type = TT_EVENT_LOSS,
			.time_ns = boottime_ns(),
			.first_ns = sensor->last_sweep_ns,
			.loss = { .sensor = programs[i].name, .kind = "missed_runs" },
		};
		int r;

		if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) != 0 ||
		    info.recursion_misses == sensor->missed[i])
			continue;
		event.loss.count = info.recursion_misses - sensor->missed[i];
		sensor->missed[i] = info.recursion_misses;
		r = fn(&event, arg);
		if (r != 0)
			return r;
	}
	return 0;
}

static int sweep_slots(struct bpf_sensor *sensor, tt_event_fn fn, void *arg)
{
	struct known_slot *slot, *next;

	HASH_ITER (hh, sensor->slots, slot, next) {
		struct tt_slot value;
		int r;

		if (bpf_map_lookup_elem(bpf_map__fd(sensor->skel->maps.slots), &slot->id, &value) != 0)
			continue;
		r = sweep_losses(sensor, slot->id, (const uint64_t *)value.lost, slot->reported, fn, arg);
		if (r != 0)
			return r;
	}
	return 0;
}

static int deliver_total(struct bpf_sensor *sensor, const struct tt_agg_key *key,
			 const struct tt_agg_value *value, bool final, tt_event_fn fn, void *arg)
{
	struct tt_event event = {
		.type = TT_EVENT_TOTAL,
		.time_ns = value->last_ns,
		.slot = value->slot,
		.process = { .start_ns = key->start_ns, .pid = key->pid },
		.key = *key,
		.count = value->count,
		.bytes = value->bytes,
		.first_ns = value->first_ns,
		.last_ns = value->last_ns,
		.sent = value->sent,
		.final = final,
	};

	return fn(&event, arg);
}

/* Nobody can touch the slot's entries any more: it was ignored or closed. `last` keeps the answer for a run of
 * entries of one slot. */
struct slot_answer {
	uint64_t id;
	bool gone;
};

static bool slot_is_gone(const struct bpf_sensor *sensor, uint64_t id, struct slot_answer *last)
{
	struct known_slot *slot;
	struct tt_slot value;

	if (last->id == id)
		return last->gone;
	HASH_FIND(hh, sensor->slots, &id, sizeof(id), slot);
	last->id = id;
	last->gone = !slot && bpf_map_lookup_elem(bpf_map__fd(sensor->skel->maps.slots), &id, &value) != 0 &&
		     errno == ENOENT;
	return last->gone;
}

/* Entries idle for so long give room: the fuller the map, the sooner. */
static uint64_t age_limit(const struct bpf_sensor *sensor, uint64_t entries)
{
	uint64_t room = bpf_map__max_entries(sensor->skel->maps.agg);

	if (entries * 8 > room * 7)
		return AGE_BRIM_NS;
	return entries * 2 > room ? AGE_FULL_NS : AGE_NS;
}

/* Entries leave the map when nobody can touch them any more: their process has ended, their slot is gone, or they
 * were frozen (freeze_ns) a whole sweep ago, so that every program that still saw the old value has finished (and
 * their records have been delivered, which may take long when the store stalls). */
static int sweep_agg(struct bpf_sensor *sensor, bool final, uint64_t now, tt_event_fn fn, void *arg)
{
	int fd = bpf_map__fd(sensor->skel->maps.agg);
	uint64_t frozen = sensor->freeze_ns, oldest = now, entries = 0, age;
	uint32_t batch = 0, n;
	bool first = true, last = false;
	_cleanup_free_ struct tt_agg_key *leave = NULL;
	size_t n_leave = 0, cap_leave = 0;
	struct slot_answer slot = { 0 };

	while (!last) {
		n = SWEEP_BATCH;
		if (bpf_map_lookup_batch(fd, first ? NULL : &batch, &batch, sensor->keys, sensor->values, &n,
					 NULL)) {
			if (errno != ENOENT)
				return errno == ENOSPC ? -EAGAIN : -errno;
			last = true;
		}
		first = false;
		for (uint32_t i = 0; i < n; i++) {
			const struct tt_agg_key *key = &sensor->keys[i];
			const struct tt_agg_value *value = &sensor->values[i];
			struct tt_process_key process = { .start_ns = key->start_ns, .pid = key->pid };
			struct ended *ended;
			bool leaves;
			int r;

			entries++;
			HASH_FIND(hh, sensor->ended, &process, sizeof(process), ended);
			leaves = final || ended || slot_is_gone(sensor, value->slot, &slot) ||
				 (value->last_ns < frozen && value->last_ns < sensor->delivered_until);
			if (!leaves && value->last_ns < oldest)
				oldest = value->last_ns;
			if (!leaves && value->sent &&
			    value->last_ns + WATERMARK_SLACK_NS < sensor->last_sweep_ns)
				continue; /* nothing new since the last one */
			if (!leaves && value->count < 2 && value->sent)
				continue; /* its record said it all */
			r = deliver_total(sensor, key, value, leaves, fn, arg);
			if (r != 0)
				return r;
			if (!leaves)
				continue;
			if (n_leave == cap_leave) {
				size_t cap = cap_leave ? cap_leave * 2 : 1024;
				struct tt_agg_key *keys = realloc(leave, cap * sizeof(*keys));

				if (!keys)
					return -ENOMEM;
				leave = keys;
				cap_leave = cap;
			}
			leave[n_leave++] = *key;
		}
	}
	for (size_t i = 0; i < n_leave; i++)
		bpf_map_delete_elem(fd, &leave[i]);

	/* what is too old gets frozen now and leaves at the next sweep */
	sensor->freeze_ns = 0;
	age = age_limit(sensor, entries);
	if (now > age && oldest < now - age)
		sensor->freeze_ns = now - age;
	sensor->skel->bss->freeze_ns = sensor->freeze_ns;
	return 0;
}

static int sweep_socks(struct bpf_sensor *sensor, bool final, uint64_t now, tt_event_fn fn, void *arg)
{
	int fd = bpf_map__fd(sensor->skel->maps.socks);
	uint64_t key, next;
	bool first = true;

	/* may miss or repeat entries when one is deleted meanwhile: the next sweep sees them */
	while (bpf_map_get_next_key(fd, first ? NULL : &key, &next) == 0) {
		struct tt_sock sock;
		int r;

		first = false;
		key = next;
		if (bpf_map_lookup_elem(fd, &key, &sock) != 0 ||
		    (!final && now - sock.begin_ns < CONNECTING_NS))
			continue;
		struct tt_event event = {
			.type = TT_EVENT_CONNECT,
			.time_ns = sock.begin_ns,
			.slot = sock.slot,
			.process = { .start_ns = sock.start_ns, .pid = sock.pid },
			.tid = sock.tid,
			.key = { .op = TT_OP_CONNECT },
			.count = 1,
			.first_ns = sock.begin_ns,
			.last_ns = sock.begin_ns,
			.connect = { .port = sock.port,
				     .local_port = sock.local_port,
				     .family = sock.family,
				     .protocol = 6,
				     .state = TT_CONN_CONNECTING,
				     .sock_id = sock.sock_id },
		};

		memcpy(event.connect.addr, sock.addr, 16);
		memcpy(event.connect.local_addr, sock.local_addr, 16);
		r = fn(&event, arg);
		if (r != 0)
			return r;
	}
	return 0;
}

static int bpf_sweep(struct tt_sensor *head, bool final, tt_event_fn fn, void *arg)
{
	struct bpf_sensor *sensor = self(head);
	uint64_t now = boottime_ns();
	struct ended *ended, *next;
	int r;

	r = sweep_agg(sensor, final, now, fn, arg);
	if (r == 0)
		r = sweep_socks(sensor, final, now, fn, arg);
	if (r == 0)
		r = sweep_slots(sensor, fn, arg);
	if (r == 0)
		r = sweep_counters(sensor, fn, arg);
	if (r == 0)
		r = sweep_missed(sensor, fn, arg);
	if (r == 0)
		r = sweep_malformed(sensor, fn, arg);
	if (r != 0)
		return r;
	sensor->last_sweep_ns = now;
	HASH_ITER (hh, sensor->ended, ended, next) {
		HASH_DEL(sensor->ended, ended);
		free(ended);
	}
	return 0;
}

/* ---- steering */

static int remember_slot(struct bpf_sensor *sensor, uint64_t id)
{
	struct known_slot *slot;

	HASH_FIND(hh, sensor->slots, &id, sizeof(id), slot);
	if (slot)
		return 0;
	slot = calloc(1, sizeof(*slot));
	if (!slot)
		return -ENOMEM;
	slot->id = id;
	HASH_ADD(hh, sensor->slots, id, sizeof(id), slot);
	return 0;
}

static int bpf_verdict(struct tt_sensor *head, uint64_t id, bool tracked)
{
	struct bpf_sensor *sensor = self(head);
	int fd = bpf_map__fd(sensor->skel->maps.slots), tracked_fd = bpf_map__fd(sensor->skel->maps.tracked);
	struct known_slot *slot;
	uint32_t yes = 1;

	if (tracked) {
		if (!(id & USER_SLOT) && bpf_map_update_elem(tracked_fd, &id, &yes, BPF_ANY) != 0)
			return -errno;
		return remember_slot(sensor, id);
	}
	bpf_map_delete_elem(tracked_fd, &id);
	HASH_FIND(hh, sensor->slots, &id, sizeof(id), slot);
	if (slot) {
		struct tt_slot value;

		/* what was lost since the last sweep is told by the next one */
		if (bpf_map_lookup_elem(fd, &id, &value) == 0) {
			for (size_t i = 0; i < TT_LOSS_KINDS; i++)
				sensor->closed[i] += value.lost[i] - slot->reported[i];
		}
		HASH_DEL(sensor->slots, slot);
		free(slot);
	}
	return bpf_map_delete_elem(fd, &id) == 0 || errno == ENOENT ? 0 : -errno;
}

static void bpf_stop(struct tt_sensor *head)
{
	static const struct timespec finish = { .tv_nsec = STOPPING_NS };
	struct bpf_sensor *sensor = self(head);

	sensor->skel->bss->stopped = true;
	sensor->stopped = true;
	nanosleep(&finish, NULL);
}

static void bpf_ended(struct tt_sensor *head, const struct tt_process_key *process)
{
	struct bpf_sensor *sensor = self(head);
	struct ended *ended;

	HASH_FIND(hh, sensor->ended, process, sizeof(*process), ended);
	if (ended)
		return;
	ended = calloc(1, sizeof(*ended));
	if (!ended)
		return; /* its entries then age out */
	ended->key = *process;
	HASH_ADD(hh, sensor->ended, key, sizeof(ended->key), ended);
}

static int new_slot(struct bpf_sensor *sensor, uint64_t *ret)
{
	struct tt_slot slot = { 0 };
	uint64_t id = USER_SLOT | ++sensor->next_slot;
	int r;

	if (bpf_map_update_elem(bpf_map__fd(sensor->skel->maps.slots), &id, &slot, BPF_NOEXIST) != 0)
		return -errno;
	r = remember_slot(sensor, id);
	if (r < 0)
		return r;
	*ret = id;
	return 0;
}

/* bpf/lib/maps.bpf.h: struct task_state */
struct task_binding {
	uint64_t slot, connecting, env_name, env_sp, env_return, want_env;
};

static int bpf_track(struct tt_sensor *head, int pidfd, uint64_t *ret_slot)
{
	struct bpf_sensor *sensor = self(head);
	struct task_binding state = { .want_env = 1 };
	int r = new_slot(sensor, &state.slot);

	if (r < 0)
		return r;
	if (bpf_map_update_elem(bpf_map__fd(sensor->skel->maps.tasks), &pidfd, &state, BPF_ANY) != 0) {
		r = -errno;
		bpf_verdict(head, state.slot, false);
		return r;
	}
	*ret_slot = state.slot;
	return 0;
}

static int bpf_candidate(struct tt_sensor *head, const struct tt_candidate_key *key)
{
	uint32_t yes = 1;

	return bpf_map_update_elem(bpf_map__fd(self(head)->skel->maps.candidates), key, &yes, BPF_ANY) == 0
		       ? 0
		       : -errno;
}

/* Runs an iterator once. Returns how many tasks it handed out, or a negative error, or what fn returned. */
static int walk(struct bpf_program *program, int (*fn)(const struct tt_iter_task *task, void *arg), void *arg)
{
	struct bpf_link *link;
	struct tt_iter_task tasks[64];
	size_t have = 0;
	int fd, r = 0, n = 0;

	if (bpf_program__fd(program) < 0)
		return -EOPNOTSUPP;
	link = bpf_program__attach_iter(program, NULL);
	if (!link)
		return -errno;
	fd = bpf_iter_create(bpf_link__fd(link));
	if (fd < 0) {
		r = -errno;
		bpf_link__destroy(link);
		return r;
	}
	for (;;) {
		ssize_t got = read(fd, (char *)tasks + have, sizeof(tasks) - have);
		size_t whole;

		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (got <= 0) {
			r = got < 0 ? -errno : 0;
			break;
		}
		have += (size_t)got;
		whole = have / sizeof(tasks[0]);
		for (size_t i = 0; i < whole && r == 0; i++, n++)
			r = fn(&tasks[i], arg);
		if (r != 0)
			break;
		have -= whole * sizeof(tasks[0]);
		memmove(tasks, &tasks[whole], have);
	}
	close(fd);
	bpf_link__destroy(link);
	return r != 0 ? r : n;
}

static int bpf_list(struct tt_sensor *head, int (*fn)(const struct tt_iter_task *task, void *arg), void *arg)
{
	int r = walk(self(head)->skel->progs.it_list, fn, arg);

	return r < 0 ? r : 0;
}

struct wanted {
	uint32_t pid;
	uint64_t start_ns;
};

static int is_wanted(const struct tt_iter_task *task, void *arg)
{
	struct wanted *wanted = arg;

	if (task->pid == wanted->pid)
		wanted->start_ns = task->start_ns;
	return 0;
}

static int bpf_start_of(struct tt_sensor *head, uint32_t pid, uint64_t *ret_start_ns)
{
	struct wanted wanted = { .pid = pid };
	int r = bpf_list(head, is_wanted, &wanted);

	if (r < 0)
		return r;
	if (!wanted.start_ns)
		return -ESRCH;
	*ret_start_ns = wanted.start_ns;
	return 0;
}

static int bpf_slot(struct tt_sensor *head, uint64_t *ret_slot)
{
	return new_slot(self(head), ret_slot);
}

static int bpf_attach(struct tt_sensor *head, uint64_t slot, const uint32_t *pids, size_t n,
		      int (*fn)(const struct tt_iter_task *task, void *arg), void *arg)
{
	struct bpf_sensor *sensor = self(head);
	int fd = bpf_map__fd(sensor->skel->maps.attach), r = 0;
	uint32_t key;

	for (size_t i = 0; r == 0 && i < n; i++) {
		if (bpf_map_update_elem(fd, &pids[i], &slot, BPF_ANY) != 0)
			r = -errno;
	}
	for (int i = 0; r >= 0 && i < ATTACH_WALKS_MAX; i++) {
		r = walk(sensor->skel->progs.it_attach, fn, arg);
		if (r <= 0)
			break;
	}
	while (bpf_map_get_next_key(fd, NULL, &key) == 0)
		bpf_map_delete_elem(fd, &key);
	return r > 0 ? -EAGAIN : r;
}

static const struct tt_sensor_ops bpf_ops = {
	.name = "bpf",
	.fds = bpf_fds,
	.poll = bpf_poll,
	.sweep = bpf_sweep,
	.stop = bpf_stop,
	.verdict = bpf_verdict,
	.ended = bpf_ended,
	.start_of = bpf_start_of,
	.track = bpf_track,
	.candidate = bpf_candidate,
	.list = bpf_list,
	.slot = bpf_slot,
	.attach = bpf_attach,
	.free = bpf_sensor_free,
};
