/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <xxhash.h>

#include "classify/classify.h"
#include "classify/looks.h"
#include "process/identify.h"
#include "process/procfs.h"
#include "risk/risk.h"
#include "store/retention.h"
#include "telltale/version.h"
#include "util/log.h"

/* Rows reach the disk at least this often: what a kill -9 can cost. Totals are swept every second time. */
#define TICK_NS UINT64_C(500000000)

/* A batch is written earlier when it has grown to this. */
#define BATCH_ROWS  4096
#define BATCH_BYTES (1u << 20)

/* Rings that had nothing for so many polls are read only this often until they have something again: an agent waits for
 * its model most of the time. A ring that fills meanwhile, and an agent that is started, wake us. */
#define POLL_PATIENCE 32
#define POLL_SLOW_NS  UINT64_C(40000000)

/* A store that failed is tried again after this. */
#define RETRY_NS UINT64_C(2000000000)

/* C libraries stay probed for this long after the last session, so that a restarted agent finds them probed
 * and detaching (0.1 s each) is not done over and over. */
#define LIBC_LINGER_NS UINT64_C(60000000000)

/* The same failure is told again after this. */
#define COMPLAIN_NS UINT64_C(60000000000)

#define PROCESSES_MAX 65536
#define KEYS_MAX      65536

struct tt_engine {
	struct tt_engine_params params;
	struct tt_config_agents *agents;
	struct tt_config_categories *categories;
	struct tt_config_risk *weights;
	struct tt_classifier *classifier;
	struct tt_looks looks;
	struct tt_risk *risk;
	struct tt_procfs *procfs;
	struct tt_identify *identify;
	struct tt_store *store;
	struct tt_batch *batch;
	struct tt_sensor *sensor;
	struct tt_uprobe *uprobe;
	struct tt_tracker *tracker;

	struct tt_loop *loop;
	struct tt_source *fds[2], *poll_timer, *tick_timer;
	uint64_t poll_ns, tick_ns; /* what the timers are set to; 0: off */
	unsigned empty_polls; /* in a row */
	unsigned ticks;
	uint64_t store_failed_ns; /* 0: the store works */
	uint64_t complained_ns;
	int complained_error;
	uint64_t
		libcs_idle_ns; /* since when no session needs the C libraries' probes; 0: one does, or none are in */
	bool libcs_in;
	char unseen_process[256], unseen_file[256], unseen_net[256]; /* of the sensor, on this kernel */
	char boot_id[37];
	uint64_t started_ns;
};

static int64_t epoch_offset(void)
{
	struct timespec real;
	int64_t before = (int64_t)tt_boot_ns(), after;

	clock_gettime(CLOCK_REALTIME, &real);
	after = (int64_t)tt_boot_ns();
	return real.tv_sec * INT64_C(1000000000) + real.tv_nsec - (before + (after - before) / 2);
}

static int read_line(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, buf, size - 1);
	close(fd);
	if (n <= 0)
		return -EIO;
	buf[n] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return 0;
}

/* ---- what may be kept of an environment variable */

static bool env_filter(const char *name, const char *value, char *ret, size_t cap, void *arg)
{
	switch (tt_classify_env_keeps(arg, name)) {
	case 'v':
		snprintf(ret, cap, "%s", value);
		return true;
	case 'h':
		return tt_classify_url_host(value, ret, (unsigned)cap);
	default:
		return false;
	}
}

/* ---- C library probes */

static void libcs_wanted(struct tt_engine *engine)
{
	engine->libcs_idle_ns = 0;
	if (engine->libcs_in || !engine->uprobe || engine->params.config->env_libc == TT_ENV_LIBC_OFF)
		return;
	tt_uprobe_attach_libcs(engine->uprobe);
	engine->libcs_in = true;
}

static void libcs_idle(struct tt_engine *engine, uint64_t now)
{
	if (!engine->libcs_in || engine->params.config->env_libc == TT_ENV_LIBC_ALWAYS)
		return;
	if (!engine->libcs_idle_ns) {
		engine->libcs_idle_ns = now;
	} else if (now - engine->libcs_idle_ns > LIBC_LINGER_NS) {
		tt_uprobe_detach_libcs(engine->uprobe);
		engine->libcs_in = false;
		engine->libcs_idle_ns = 0;
	}
}

/* ---- store */

/* Writes the batch. A store that fails is told once, and tried again after a while. */
static void flush(struct tt_engine *engine, bool try_anyway)
{
	uint64_t refused = 0, now = tt_boot_ns();
	int r;

	if (engine->store_failed_ns && !try_anyway && now - engine->store_failed_ns < RETRY_NS)
		return;
	r = tt_batch_flush(engine->batch, &refused);
	if (refused)
		tt_tracker_refused(engine->tracker, refused);
	if (r < 0) {
		if (!engine->store_failed_ns)
			tt_log_error("%s; records are kept in memory meanwhile, what does not fit is counted "
				     "as lost",
				     tt_store_error(engine->store));
		engine->store_failed_ns = now;
	} else if (engine->store_failed_ns) {
		tt_log_info("%s can be written again", tt_store_path(engine->store));
		engine->store_failed_ns = 0;
	}
}

static bool batch_is_large(const struct tt_engine *engine)
{
	return tt_batch_rows(engine->batch) >= BATCH_ROWS || tt_batch_bytes(engine->batch) >= BATCH_BYTES;
}

/* ---- reading */

/* Says what fails, but not a hundred times a second while it goes on failing. */
static void complain(struct tt_engine *engine, int error, const char *what)
{
	uint64_t now = tt_boot_ns();

	if (error == engine->complained_error && now - engine->complained_ns < COMPLAIN_NS)
		return;
	engine->complained_error = error;
	engine->complained_ns = now;
	tt_log_errno(error, "%s", what);
}

/* Something is watched, or on its way here. */
static bool has_work(const struct tt_engine *engine)
{
	return tt_tracker_is_busy(engine->tracker) || engine->sensor->held;
}

static void set_timer(struct tt_source *timer, uint64_t *set_ns, uint64_t wanted_ns)
{
	if (*set_ns != wanted_ns)
		tt_loop_set_timer(timer, wanted_ns, wanted_ns);
	*set_ns = wanted_ns;
}

/* The rings are read on a timer while something is watched. C libraries that are to be detached some time after that
 * need one wake-up more. Without either nothing wakes us but a candidate's exec. */
static void set_timers(struct tt_engine *engine)
{
	uint64_t poll_ns = engine->params.config->poll_ms * UINT64_C(1000000);
	bool polling = has_work(engine);
	bool lingering = engine->libcs_in && engine->params.config->env_libc == TT_ENV_LIBC_SESSIONS;

	if (!engine->loop)
		return;
	if (engine->poll_ns && !polling)
		malloc_trim(0); /* what a busy session took goes back */
	if (engine->empty_polls >= POLL_PATIENCE && poll_ns < POLL_SLOW_NS)
		poll_ns = POLL_SLOW_NS;
	set_timer(engine->poll_timer, &engine->poll_ns, polling ? poll_ns : 0);
	set_timer(engine->tick_timer, &engine->tick_ns, polling ? TICK_NS : lingering ? LIBC_LINGER_NS : 0);
}

static int deliver(const struct tt_event *event, void *arg)
{
	struct tt_engine *engine = arg;
	int r = tt_tracker_event(event, engine->tracker);

	/* the batch must not grow by a whole poll's worth of rows */
	if (r == 0 && batch_is_large(engine))
		flush(engine, false);
	return r;
}

static void poll_sensor(struct tt_engine *engine)
{
	uint64_t before = engine->sensor->stats.delivered;
	int r = engine->sensor->ops->poll(engine->sensor, deliver, engine);

	if (r < 0)
		complain(engine, r, "cannot read the sensor");
	engine->empty_polls = engine->sensor->stats.delivered != before || engine->sensor->held
				      ? 0
				      : engine->empty_polls + 1;
	set_timers(engine);
}

static void on_poll_timer(void *arg)
{
	poll_sensor(arg);
}

static void on_ring(int fd, uint32_t events, void *arg)
{
	poll_sensor(arg);
}

static int sweep(struct tt_engine *engine, bool final)
{
	int64_t offset = epoch_offset();
	uint64_t now;
	int r;

	r = engine->sensor->ops->sweep(engine->sensor, final, deliver, engine);
	if (r < 0)
		complain(engine, r, "cannot read the sensor's totals");
	flush(engine, final);
	now = tt_boot_ns();
	r = tt_tracker_tick(engine->tracker, now, final);
	if (r < 0)
		complain(engine, r, "cannot bring the records up to date");
	flush(engine, final);
	tt_tracker_set_epoch(engine->tracker, offset);
	return r;
}

static void on_tick(void *arg)
{
	struct tt_engine *engine = arg;
	struct tt_tracker_stats stats;

	if (engine->ticks++ % 2) {
		sweep(engine, false);
	} else {
		flush(engine, false);
	}
	tt_tracker_get_stats(engine->tracker, &stats);
	if (stats.sessions == 0)
		libcs_idle(engine, tt_boot_ns());
	set_timers(engine);
}

/* ---- sessions */

static void on_session_started(const struct tt_session *session, void *arg)
{
	libcs_wanted(arg);
}

static void on_session_ended(const struct tt_session *session, void *arg)
{
	struct tt_engine *engine = arg;

	flush(engine, false);
	if (engine->params.session_ended)
		engine->params.session_ended(session, engine->params.arg);
}

/* ---- making */

static int add_candidate(const struct tt_candidate_key *key, void *arg)
{
	struct tt_engine *engine = arg;

	return engine->sensor->ops->candidate(engine->sensor, key);
}

static int learn_build(const char *agent, const char *version, const char *build_id, void *arg)
{
	return tt_identify_learn(arg, agent, version, build_id);
}

static void os_name(char *buf, size_t size)
{
	_cleanup_fclose_ FILE *file = fopen("/etc/os-release", "re");
	char line[256];

	snprintf(buf, size, "Linux");
	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "PRETTY_NAME=\"%127[^\"]\"", buf) == 1)
			return;
	}
}

static void put_host(struct tt_engine *engine)
{
	char machine[64] = "", hostname[256] = "", os[128], host_id[TT_ID_LEN + 1];
	struct utsname name = { 0 };
	const char *why;
	struct tt_row_host row = {
		.hostname = hostname,
		.os = os,
		.backend = tt_sensor_bpf_backend(engine->sensor, &why),
		.telltale_version = TT_VERSION,
		.boot_id = engine->boot_id,
	};

	uname(&name);
	row.kernel = name.release;
	gethostname(hostname, sizeof(hostname) - 1);
	os_name(os, sizeof(os));
	/* machine-id(5) is not to be handed out as it is: only a hash of it leaves */
	read_line("/etc/machine-id", machine, sizeof(machine));
	if (!machine[0])
		snprintf(machine, sizeof(machine), "%.63s", hostname);
	snprintf(host_id, sizeof(host_id), "%016llx",
		 (unsigned long long)XXH3_64bits_withSeed(machine, strlen(machine), 0x74656c6c74616c65));
	memcpy(row.host_id.s, host_id, sizeof(host_id));
	tt_batch_host(engine->batch, &row);
}

static int load_definitions(struct tt_engine *engine, char **ret_message)
{
	const struct tt_config *config = engine->params.config;
	int r;

	r = tt_config_load_agents(config->agents_dir, &engine->agents, ret_message);
	if (r == 0)
		r = tt_config_load_categories(config->categories_dir, &engine->categories, ret_message);
	if (r == 0)
		r = tt_config_load_risk(config->risk_file, &engine->weights, ret_message);
	if (r == 0)
		r = tt_classifier_new(engine->categories, &engine->classifier);
	if (r == 0)
		r = tt_risk_new(engine->weights, &engine->risk);
	if (r == 0)
		r = tt_procfs_new("/proc", &engine->procfs);
	if (r == 0)
		r = tt_identify_new(engine->agents, engine->procfs, &engine->identify);
	return r;
}

static int start_sensor(struct tt_engine *engine, char **ret_message)
{
	const struct tt_config *config = engine->params.config;
	struct tt_uprobe_params uprobe = {
		.libc_off = config->env_libc == TT_ENV_LIBC_OFF,
		.names_off = config->names_libc == TT_NAMES_LIBC_OFF,
	};
	struct tt_sensor_params sensor = {
		.backend = engine->params.sensor ? engine->params.sensor : config->sensor,
		.leave_out = config->leave_out.v,
		.n_leave_out = config->leave_out.n,
		.ring_lifecycle_bytes = config->ring_lifecycle_bytes,
		.ring_activity_bytes = config->ring_activity_bytes,
		.agg_entries = config->agg_entries,
		.slot_entries = config->slot_entries,
		.sock_entries = config->sock_entries,
		.task_entries = config->task_entries,
		.no_task_storage = config->task_storage == TT_TASK_STORAGE_OFF,
		.candidate_min_bytes = config->candidate_min_bytes_mb
					       ? (uint64_t)config->candidate_min_bytes_mb << 20
					       : UINT64_MAX,
		.env_filter = env_filter,
		.env_filter_arg = engine->classifier,
		.looks = &engine->looks,
	};
	const char *open;
	int r;

	tt_looks_make(engine->categories, &engine->looks, &open);
	if (open)
		tt_log_warn("categories: '%s' has no part without wildcards: every stat and access is "
			    "reported for it",
			    open);
	r = tt_sensor_bpf_new(&sensor, &engine->sensor, ret_message);
	if (r < 0)
		return r;
	tt_sensor_bpf_uprobe_programs(engine->sensor, &uprobe.programs);
	r = tt_uprobe_new(&uprobe, &engine->uprobe);
	if (r < 0)
		return r;
	return tt_identify_candidates(engine->identify, add_candidate, engine);
}

static int open_store(struct tt_engine *engine, char **ret_message)
{
	int r = tt_store_open(engine->params.db, &engine->store, ret_message);

	if (r < 0)
		return r;
	r = tt_store_close_stale(engine->store, engine->boot_id);
	if (r >= 0)
		r = tt_store_each_build(engine->store, learn_build, engine->identify);
	if (r < 0 && !*ret_message)
		*ret_message = strdup(tt_store_error(engine->store));
	return r < 0 ? r : tt_batch_new(engine->store, &engine->batch);
}

static int start_tracker(struct tt_engine *engine)
{
	struct tt_tracker_params tracker = {
		.store = engine->store,
		.batch = engine->batch,
		.sensor = engine->sensor,
		.identify = engine->identify,
		.procfs = engine->procfs,
		.classifier = engine->classifier,
		.risk = engine->risk,
		.uprobe = engine->uprobe,
		.unseen_process = engine->unseen_process,
		.unseen_file = engine->unseen_file,
		.unseen_net = engine->unseen_net,
		.boot_id = engine->boot_id,
		.to_epoch_ns = epoch_offset(),
		.max_processes = PROCESSES_MAX,
		.max_keys = KEYS_MAX,
		.env_filter = env_filter,
		.env_filter_arg = engine->classifier,
		.session_started = on_session_started,
		.session_ended = on_session_ended,
		.arg = engine,
	};

	tt_sensor_bpf_unseen(engine->sensor, "process", engine->unseen_process,
			     sizeof(engine->unseen_process));
	tt_sensor_bpf_unseen(engine->sensor, "file", engine->unseen_file, sizeof(engine->unseen_file));
	tt_sensor_bpf_unseen(engine->sensor, "net", engine->unseen_net, sizeof(engine->unseen_net));
	return tt_tracker_new(&tracker, &engine->tracker);
}

static int join_loop(struct tt_engine *engine, struct tt_loop *loop)
{
	int fds[2], r;
	unsigned n = engine->sensor->ops->fds(engine->sensor, fds);

	engine->loop = loop;
	r = tt_loop_add_timer(loop, 0, 0, on_poll_timer, engine, &engine->poll_timer);
	if (r == 0)
		r = tt_loop_add_timer(loop, 0, 0, on_tick, engine, &engine->tick_timer);
	for (unsigned i = 0; r == 0 && i < n; i++)
		r = tt_loop_add_fd(loop, fds[i], EPOLLIN, on_ring, engine, &engine->fds[i]);
	return r;
}

int tt_engine_new(const struct tt_engine_params *params, struct tt_loop *loop, struct tt_engine **ret,
		  char **ret_message)
{
	_cleanup_(tt_engine_freep) struct tt_engine *engine = calloc(1, sizeof(*engine));
	char *message = NULL;
	int r;

	if (!engine)
		return -ENOMEM;
	engine->params = *params;
	engine->started_ns = tt_boot_ns();
	r = read_line("/proc/sys/kernel/random/boot_id", engine->boot_id, sizeof(engine->boot_id));
	if (r == 0)
		r = load_definitions(engine, &message);
	/* the store first: a database that cannot be written is found out at no cost to the host */
	if (r == 0)
		r = open_store(engine, &message);
	if (r >= 0)
		r = start_sensor(engine, &message);
	if (r >= 0)
		r = start_tracker(engine);
	if (r >= 0)
		r = join_loop(engine, loop);
	if (r < 0) {
		if (!message && asprintf(&message, "cannot start: %s", strerror(-r)) < 0)
			message = NULL;
		if (ret_message)
			*ret_message = message;
		else
			free(message);
		return r;
	}
	put_host(engine);
	if (params->config->env_libc == TT_ENV_LIBC_ALWAYS)
		libcs_wanted(engine);
	*ret = TAKE_PTR(engine);
	return 0;
}

void tt_engine_free(struct tt_engine *engine)
{
	if (!engine)
		return;
	tt_loop_remove(engine->poll_timer);
	tt_loop_remove(engine->tick_timer);
	for (size_t i = 0; i < ARRAY_SIZE(engine->fds); i++)
		tt_loop_remove(engine->fds[i]);
	tt_tracker_free(engine->tracker);
	tt_batch_free(engine->batch);
	tt_store_free(engine->store);
	tt_uprobe_free(engine->uprobe);
	tt_sensor_free(engine->sensor);
	tt_identify_free(engine->identify);
	tt_procfs_free(engine->procfs);
	tt_risk_free(engine->risk);
	tt_classifier_free(engine->classifier);
	tt_config_risk_free(engine->weights);
	tt_config_categories_free(engine->categories);
	tt_config_agents_free(engine->agents);
	free(engine);
}

/* ---- steering */

void tt_engine_prepare_command(struct tt_engine *engine, const char *const *argv, const char *path,
			       const char *cwd)
{
	libcs_wanted(engine);
	tt_uprobe_prepare_command(engine->uprobe, argv, path, cwd);
}

void tt_engine_prepare_host(struct tt_engine *engine, const char *path)
{
	for (size_t i = 0; i < engine->agents->n_runtimes; i++) {
		const struct tt_config_runtime *runtime = &engine->agents->runtimes[i];

		if (runtime->env_symbols.n > 0)
			tt_uprobe_prepare_name(engine->uprobe, runtime->name, path);
	}
	for (size_t i = 0; i < engine->agents->n_agents; i++) {
		const struct tt_strv *names = &engine->agents->agents[i].binaries;

		for (size_t k = 0; k < names->n; k++)
			tt_uprobe_prepare_name(engine->uprobe, names->v[k], path);
	}
}

int tt_engine_track(struct tt_engine *engine, int pidfd, pid_t pid, uid_t uid, const char *name,
		    const struct tt_session **ret)
{
	struct tt_process_key key = { .pid = (uint32_t)pid };
	struct tt_procfs_stat stat;
	uint64_t slot;
	int r;

	r = tt_procfs_stat(engine->procfs, key.pid, &stat);
	if (r < 0)
		return r;
	r = engine->sensor->ops->start_of(engine->sensor, key.pid, &key.start_ns);
	if (r < 0)
		return r;
	/* a second session of the same root would take it away from the first */
	if (tt_tracker_is_root(engine->tracker, &key))
		return -EALREADY;
	r = engine->sensor->ops->track(engine->sensor, pidfd, &key, &slot);
	if (r < 0)
		return r;
	libcs_wanted(engine);
	r = tt_tracker_command(engine->tracker, slot, &key, stat.ppid, uid, name, ret);
	if (r == 0)
		set_timers(engine);
	return r;
}

int tt_engine_scan(struct tt_engine *engine, unsigned *ret_found)
{
	int r = tt_tracker_scan(engine->tracker, ret_found);

	set_timers(engine);
	return r;
}

/* Waits out the watermark, so that everything until now is delivered. */
static int drain(struct tt_engine *engine)
{
	static const struct timespec slack = { .tv_nsec = 4000000 };
	int r;

	nanosleep(&slack, NULL);
	do
		r = engine->sensor->ops->poll(engine->sensor, deliver, engine);
	while (r > 0);
	return r;
}

int tt_engine_catch_up(struct tt_engine *engine)
{
	int r = drain(engine);

	return r < 0 ? r : sweep(engine, false);
}

int tt_engine_finish(struct tt_engine *engine)
{
	int r;

	tt_sensor_stop(engine->sensor);
	r = drain(engine);

	if (r >= 0)
		r = sweep(engine, true);
	return r < 0 ? r : engine->store_failed_ns ? -EIO : 0;
}

struct tt_tracker *tt_engine_tracker(struct tt_engine *engine)
{
	return engine->tracker;
}

const char *tt_engine_db(const struct tt_engine *engine)
{
	return tt_store_path(engine->store);
}

const char *tt_engine_backend(const struct tt_engine *engine, const char **ret_why)
{
	return tt_sensor_bpf_backend(engine->sensor, ret_why);
}

bool tt_engine_retain(struct tt_engine *engine)
{
	struct tt_retention limits = {
		.max_age_ns = engine->params.config->retention_age_ns,
		.max_bytes = engine->params.config->retention_bytes,
	};
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return tt_store_retain(engine->store, &limits, now.tv_sec * INT64_C(1000000000) + now.tv_nsec) > 0;
}

/* ---- status */

/* The answer has to fit into one message (daemon/control.h): what of the list does not is counted. */
#define STATUS_LIST_BYTES (32u << 10)

struct status_list {
	struct tt_buf *out;
	unsigned n, left_out;
};

static int status_file(const struct tt_uprobe_file_info *info, void *arg)
{
	struct status_list *list = arg;
	struct tt_buf *out = list->out;

	if (out->len > STATUS_LIST_BYTES) {
		list->left_out++;
		return 0;
	}
	tt_buf_printf(out, "%s{\"path\":", list->n++ ? "," : "");
	tt_buf_json(out, info->path);
	tt_buf_str(out, ",\"symbols\":");
	tt_buf_json(out, info->symbols);
	tt_buf_printf(out, ",\"probed\":%s", info->attached_ns ? "true" : "false");
	if (info->error) {
		tt_buf_str(out, ",\"why\":");
		tt_buf_json(out, strerror(abs(info->error)));
	}
	tt_buf_char(out, '}');
	return 0;
}

static int64_t file_size(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_size : -1;
}

void tt_engine_status(struct tt_engine *engine, struct tt_buf *out)
{
	const struct tt_sensor_stats *sensor = &engine->sensor->stats;
	const struct tt_sensor_hook *hook;
	struct tt_tracker_stats tracker;
	struct tt_uprobe_stats uprobe;
	struct status_list list = { .out = out };
	const char *why, *backend = tt_sensor_bpf_backend(engine->sensor, &why);

	tt_tracker_get_stats(engine->tracker, &tracker);
	tt_uprobe_get_stats(engine->uprobe, &uprobe);
	tt_buf_printf(out,
		      "{\"version\":\"%s\",\"pid\":%d,\"up_ns\":%llu,\"backend\":\"%s\",\"backend_why\":",
		      TT_VERSION, getpid(), (unsigned long long)(tt_boot_ns() - engine->started_ns), backend);
	tt_buf_json(out, why);
	tt_buf_str(out, ",\"hooks\":[");
	for (size_t i = 0; (hook = tt_sensor_bpf_hook(engine->sensor, &i));) {
		tt_buf_printf(out, "%s{\"name\":\"%s\",\"sees\":\"%s\",\"attached\":%s", i > 1 ? "," : "",
			      hook->name, hook->sees, hook->attached ? "true" : "false");
		if (hook->why[0]) {
			tt_buf_str(out, ",\"why\":");
			tt_buf_json(out, hook->why);
		}
		tt_buf_char(out, '}');
	}
	tt_buf_printf(out,
		      "],\"env_probes\":{\"files\":%u,\"probes\":%u,\"over_budget\":%llu,\"failed\":%llu,"
		      "\"list\":[",
		      uprobe.files, uprobe.probes, (unsigned long long)uprobe.over_budget,
		      (unsigned long long)uprobe.failed);
	tt_uprobe_each(engine->uprobe, status_file, &list);
	tt_buf_printf(
		out,
		"],\"left_out\":%u},\"sessions\":%u,\"processes\":%u,\"sessions_seen\":%llu,\"ignored\":%llu,"
		"\"events\":%llu,\"malformed\":%llu,\"late\":%llu,\"unaggregated\":%llu,\"retried\":%llu,"
		"\"rows_lost\":%llu,\"table_evicted\":%llu,",
		list.left_out, tracker.sessions, tracker.processes, (unsigned long long)tracker.sessions_seen,
		(unsigned long long)tracker.ignored, (unsigned long long)sensor->delivered,
		(unsigned long long)sensor->malformed, (unsigned long long)sensor->late,
		(unsigned long long)sensor->unaggregated, (unsigned long long)sensor->retried,
		(unsigned long long)tracker.rows_lost, (unsigned long long)tracker.evicted);
	tt_buf_str(out, "\"database\":{\"path\":");
	tt_buf_json(out, tt_store_path(engine->store));
	tt_buf_printf(out, ",\"bytes\":%lld,\"failing\":%s",
		      (long long)file_size(tt_store_path(engine->store)),
		      engine->store_failed_ns ? "true" : "false");
	if (engine->store_failed_ns) {
		tt_buf_str(out, ",\"why\":");
		tt_buf_json(out, tt_store_error(engine->store));
	}
	tt_buf_printf(out, ",\"pending_rows\":%zu},\"exporters\":[]}", tt_batch_rows(engine->batch));
}
