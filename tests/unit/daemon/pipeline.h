/* SPDX-License-Identifier: Apache-2.0 */
/* The whole user side but the kernel: frames through a replay sensor into a tracker, rows into a real database in a
 * directory of its own. /proc and the observed processes' root are fixtures. Time is what the test says. */
#ifndef TESTS_UNIT_DAEMON_PIPELINE_H
#define TESTS_UNIT_DAEMON_PIPELINE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "classify/classify.h"
#include "config/config.h"
#include "daemon/tracker.h"
#include "fixtures/frames.h"
#include "process/identify.h"
#include "process/procfs.h"
#include "risk/risk.h"
#include "unit/process/fixture.h"

#define BOOT  "01234567-89ab-cdef-0123-456789abcdef"
#define EPOCH INT64_C(1700000000000000000) /* of boot time 0 */

#define S(text) ((char *)(text))
#define STRV(...)                                                                                            \
	{                                                                                                    \
		.v = (char *[]){ __VA_ARGS__ }, .n = sizeof((char *[]){ __VA_ARGS__ }) / sizeof(char *)      \
	}

/* File scope: what STRV points to lives as long as the program. */
static struct tt_config_agent pipeline_agents[] = {
	{ .id = S("claude-code"),
	  .name = S("Claude Code"),
	  .binaries = STRV(S("claude")),
	  .base_urls = STRV(S("ANTHROPIC_BASE_URL")),
	  .api_hosts = STRV(S("anthropic")) },
	{ .id = S("codex"), .binaries = STRV(S("codex")) },
	{ .id = S("gemini-cli"), .packages = STRV(S("@google/gemini-cli")) },
	{ .id = S("cline"), .extensions = STRV(S("saoudrizwan.claude-dev-*")) },
};
static struct tt_config_runtime pipeline_runtimes[] = {
	{ .name = S("node"), .kind = S("node") },
	{ .name = S("code"), .kind = S("electron") },
};
static struct tt_config_agents pipeline_config = { pipeline_agents, ARRAY_SIZE(pipeline_agents),
						   pipeline_runtimes, ARRAY_SIZE(pipeline_runtimes) };
static struct tt_config_category pipeline_category[] = {
	{ .id = S("credential"), .rank = 1, .names = STRV(S("id_rsa"), S("credentials")) },
	{ .id = S("timezone"), .rank = 2, .keeps = 'v', .env = STRV(S("TZ")) },
	{ .id = S("api-base-url"), .rank = 3, .keeps = 'h', .env = STRV(S("*_BASE_URL")) },
	{ .id = S("gateway"), .rank = 4, .hosts = STRV(S(".gateway.example")) },
	{ .id = S("model-api"), .rank = 5, .vendor = S("anthropic"), .hosts = STRV(S(".anthropic.com")) },
	{ .id = S("loopback"), .rank = 6, .place = true, .networks = STRV(S("127.0.0.0/8")) },
};
static struct tt_config_categories pipeline_categories = { pipeline_category, ARRAY_SIZE(pipeline_category) };
static struct tt_config_risk_weight pipeline_weight[] = {
	{ .rule = S("credential-read"),
	  .kind = S("file"),
	  .category = S("credential"),
	  .text = S("reads credentials"),
	  .points = 40,
	  .decay = 0.5,
	  .cap = 60 },
};
static struct tt_config_risk pipeline_risk = { .v = pipeline_weight,
					       .n = ARRAY_SIZE(pipeline_weight),
					       .level_low = 10,
					       .level_medium = 30,
					       .level_high = 60,
					       .level_critical = 90 };

struct pipeline {
	char db[128];
	struct tt_store *store;
	struct tt_batch *batch;
	struct tt_sensor *sensor; /* what the tracker steers; its recording is empty */
	struct tt_sensor_ops ops; /* as the test has it */
	struct tt_procfs *procfs;
	struct tt_identify *identify;
	struct tt_classifier *classifier;
	struct tt_risk *risk;
	struct tt_tracker *tracker;
	struct frames frames;
	unsigned started, ended;
};

/* What the tracker told the sensor, slot by slot (small numbers). */
static struct {
	bool given, tracked;
} pipeline_verdicts[64];

static inline int pipeline_verdict(struct tt_sensor *sensor, uint64_t slot, bool tracked)
{
	pipeline_verdicts[slot % 64].given = true;
	pipeline_verdicts[slot % 64].tracked = tracked;
	return 0;
}

static inline void pipeline_started(const struct tt_session *session, void *arg)
{
	((struct pipeline *)arg)->started++;
}

static inline void pipeline_ended(const struct tt_session *session, void *arg)
{
	((struct pipeline *)arg)->ended++;
}

static inline bool pipeline_filter(const char *name, const char *value, char *ret, size_t cap, void *arg)
{
	char keeps = tt_classify_env_keeps(arg, name);

	if (keeps == 'h')
		return tt_classify_url_host(value, ret, cap);
	if (keeps != 'v')
		return false;
	snprintf(ret, cap, "%s", value);
	return true;
}

static inline struct tt_sensor *pipeline_recording(struct pipeline *p)
{
	struct tt_sensor_params params = { .env_filter = pipeline_filter, .env_filter_arg = p->classifier };
	struct tt_sensor *sensor = NULL;

	frames_save(&p->frames, fixture_path("/frames"));
	tt_buf_reset(&p->frames.out);
	assert_int_equal(tt_sensor_replay_new(fixture_path("/frames"), &params, &sensor, NULL), 0);
	return sensor;
}

/* ---- the observed machine */

static inline void pipeline_process(uint32_t pid)
{
	char link[64], target[128];

	snprintf(link, sizeof(link), "/proc/%u/root", pid);
	snprintf(target, sizeof(target), "%s/root", fixture);
	fixture_link(link, target);
	snprintf(link, sizeof(link), "/proc/%u/ns/mnt", pid);
	fixture_link(link, "../../self/ns/mnt");
}

static inline void pipeline_machine(void)
{
	static const char *const programs[] = { "claude", "codex", "node", "code", "git", "env", "sh" };
	char path[64];

	fixture_file("/proc/self/ns/mnt", "");
	for (uint32_t pid = FIXTURE_PID; pid < FIXTURE_PID + 20; pid++)
		pipeline_process(pid);
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		snprintf(path, sizeof(path), "/root/usr/bin/%s", programs[i]);
		fixture_file(path, programs[i]);
	}
	fixture_file(
		"/root/usr/lib/node_modules/@google/gemini-cli/package.json",
		"{\"name\":\"@google/gemini-cli\",\"version\":\"0.9.1\",\"bin\":{\"gemini\":\"gemini.js\"}}");
	fixture_file("/root/usr/lib/node_modules/@google/gemini-cli/gemini.js", "#!/usr/bin/env node\n");
	fixture_link("/root/usr/bin/gemini", "../lib/node_modules/@google/gemini-cli/gemini.js");
	fixture_file("/root/home/u/project/build.js", "1\n");
}

static inline struct pipeline *pipeline_new(unsigned max_processes)
{
	struct pipeline *p = calloc(1, sizeof(*p));
	struct tt_tracker_params params = { .boot_id = BOOT,
					    .to_epoch_ns = EPOCH,
					    .max_processes = max_processes,
					    .max_keys = 64,
					    .env_filter = pipeline_filter,
					    .session_started = pipeline_started,
					    .session_ended = pipeline_ended,
					    .arg = p };

	memset(pipeline_verdicts, 0, sizeof(pipeline_verdicts));
	pipeline_machine();
	snprintf(p->db, sizeof(p->db), "%s/t.db", fixture);
	assert_int_equal(tt_store_open(p->db, &p->store, NULL), 0);
	assert_int_equal(tt_batch_new(p->store, &p->batch), 0);
	assert_int_equal(tt_procfs_new(fixture_path("/proc"), &p->procfs), 0);
	assert_int_equal(tt_identify_new(&pipeline_config, p->procfs, &p->identify), 0);
	assert_int_equal(tt_classifier_new(&pipeline_categories, &p->classifier), 0);
	assert_int_equal(tt_risk_new(&pipeline_risk, &p->risk), 0);
	p->sensor = pipeline_recording(p);
	p->ops = *p->sensor->ops;
	p->ops.verdict = pipeline_verdict;
	p->sensor->ops = &p->ops;
	params.store = p->store;
	params.batch = p->batch;
	params.sensor = p->sensor;
	params.identify = p->identify;
	params.procfs = p->procfs;
	params.classifier = p->classifier;
	params.env_filter_arg = p->classifier;
	params.risk = p->risk;
	assert_int_equal(tt_tracker_new(&params, &p->tracker), 0);
	return p;
}

static inline void pipeline_free(struct pipeline *p)
{
	tt_tracker_free(p->tracker);
	tt_batch_free(p->batch);
	tt_store_free(p->store);
	tt_sensor_free(p->sensor);
	tt_identify_free(p->identify);
	tt_procfs_free(p->procfs);
	tt_risk_free(p->risk);
	tt_classifier_free(p->classifier);
	frames_done(&p->frames);
	free(p);
}

/* In memory, where there is such a place: these tests make a thousand files and commit a thousand times. */
static inline int pipeline_setup(void **state)
{
	snprintf(fixture, sizeof(fixture), "%s/telltale-test-XXXXXX",
		 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (!mkdtemp(fixture))
		return -1;
	fixture_parents("/root/x");
	*state = pipeline_new(64);
	return 0;
}

static inline int pipeline_teardown(void **state)
{
	pipeline_free(*state);
	return fixture_teardown(state);
}

/* ---- steps */

/* Everything recorded so far goes to the tracker, in the order of time; totals where they stand. */
static inline void play(struct pipeline *p)
{
	struct tt_sensor *sensor = pipeline_recording(p);
	uint64_t before;

	do {
		before = sensor->stats.delivered;
		assert_int_equal(sensor->ops->poll(sensor, tt_tracker_event, p->tracker), 0);
		assert_int_equal(sensor->ops->sweep(sensor, false, tt_tracker_event, p->tracker), 0);
	} while (sensor->stats.delivered != before);
	assert_int_equal(sensor->stats.malformed, 0);
	tt_sensor_free(sensor);
}

static inline int flush(struct pipeline *p)
{
	uint64_t refused = 0;
	int r = tt_batch_flush(p->batch, &refused);

	if (refused)
		tt_tracker_refused(p->tracker, refused);
	return r;
}

/* As the engine does it: flush, tick, flush. */
static inline void tick(struct pipeline *p, uint64_t now_ns)
{
	assert_int_equal(flush(p), 0);
	assert_int_equal(tt_tracker_tick(p->tracker, now_ns, false), 0);
	assert_int_equal(flush(p), 0);
}

static inline void finish(struct pipeline *p, uint64_t now_ns)
{
	assert_int_equal(flush(p), 0);
	assert_int_equal(tt_tracker_tick(p->tracker, now_ns, true), 0);
	assert_int_equal(flush(p), 0);
}

static inline void lose(struct pipeline *p, uint64_t time_ns, uint64_t slot, const char *sensor,
			const char *kind, uint64_t count)
{
	struct tt_event event = {
		.type = TT_EVENT_LOSS,
		.time_ns = time_ns,
		.slot = slot,
		.loss = { .sensor = sensor, .kind = kind, .count = count },
	};

	assert_int_equal(tt_tracker_event(&event, p->tracker), 0);
}

/* First column of all rows, joined by spaces; "(null)" for NULL. Valid until the next call. */
static inline const char *query_text(const struct pipeline *p, const char *sql)
{
	static char text[16384];
	sqlite3_stmt *stmt = NULL;
	sqlite3 *db = NULL;
	size_t len = 0;
	int rc;

	text[0] = '\0';
	assert_int_equal(sqlite3_open_v2(p->db, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW && len < sizeof(text))
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", len ? " " : "",
					(const char *)sqlite3_column_text(stmt, 0) ?: "(null)");
	assert_int_equal(rc, SQLITE_DONE);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return text;
}

#define assert_query(p, sql, expected)                                                                       \
	do {                                                                                                 \
		const char *got_text = query_text(p, sql);                                                   \
                                                                                                             \
		if (strcmp(got_text, expected) != 0)                                                         \
			fail_msg("%s: '%s', expected '%s'", sql, got_text, expected);                        \
	} while (0)

/* ---- who */

static inline struct frames_task task(uint32_t pid, uint64_t slot)
{
	return (struct frames_task){ .pid = pid, .start_ns = pid * FRAMES_MS, .slot = slot };
}

/* Executes a program by a candidate's name outside any watched tree. */
static inline void start(struct pipeline *p, uint64_t time_ns, struct frames_task who, const char *exe,
			 const char *const *argv)
{
	struct exec_opts opts = { .exe = exe,
				  .argv = argv,
				  .flags = TT_EVF_CANDIDATE | TT_EVF_NEW_SLOT,
				  .parent = { .pid = 50, .start_ns = 1 } };

	frames_exec(&p->frames, time_ns, who, &opts);
}

static inline void spawn(struct pipeline *p, uint64_t time_ns, struct frames_task parent,
			 struct frames_task child, const char *exe, uint16_t flags)
{
	const char *argv[] = { tt_basename(exe), NULL };
	struct exec_opts opts = { .exe = exe, .argv = argv, .flags = flags, .parent = parent };

	frames_fork(&p->frames, time_ns, parent, child);
	frames_exec(&p->frames, time_ns + 1, child, &opts);
}

static inline void read_file(struct pipeline *p, uint64_t time_ns, struct frames_task who, const char *path)
{
	struct file_opts opts = { .path = path };

	frames_file(&p->frames, time_ns, who, &opts);
}

#define PIPELINE_TEST(name) cmocka_unit_test_setup_teardown(name, pipeline_setup, pipeline_teardown)

#endif
