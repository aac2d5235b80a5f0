/* SPDX-License-Identifier: Apache-2.0 */
/* How many first sightings a second the user side takes, from records as the kernel writes them to committed rows:
 * queued, merged, decoded, attributed, classified, batched, stored. The kernel is not part of it.
 *
 * Usage: ingest [EVENTS [FILES [FILE]]]. Each process opens FILES files once and ends; then its totals come, and the
 * next process is forked, until there were EVENTS opens. FILE is the database, and must not be there yet. Run in the source
 * tree's root. Prints, judges nothing. */
#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "classify/classify.h"
#include "config/config.h"
#include "daemon/tracker.h"
#include "fixtures/frames.h"
#include "process/identify.h"
#include "process/procfs.h"
#include "risk/risk.h"
#include "sensor/merge.h"
#include "util/util.h"

/* What 60,000 a second are in one poll, every 10 ms; a sweep and a tick follow each second, as in the engine. */
#define POLL	   600
#define SECOND	   60000
#define BATCH_ROWS 4096

enum part { PART_READ, PART_STORE, PART_SWEEP, PART_TICK, PARTS };

/* Nobody to steer. */
static int no_verdict(struct tt_sensor *sensor, uint64_t slot, bool tracked)
{
	return 0;
}

static void no_ended(struct tt_sensor *sensor, const struct tt_process_key *process)
{
}

static const struct tt_sensor_ops no_ops = { .name = "none", .verdict = no_verdict, .ended = no_ended };
static struct tt_sensor no_sensor = { .ops = &no_ops };

struct ingest {
	struct tt_store *store;
	struct tt_batch *batch;
	struct tt_decoder *decoder;
	struct tt_merge *merge;
	struct tt_tracker *tracker;
	double spent[PARTS];
	uint64_t now_ns, opens, delivered, malformed;
	unsigned files;
};

static double cpu_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void must(int r, const char *what)
{
	if (r >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror(-r));
	exit(1);
}

/* Kilobytes. */
static long memory(const char *key)
{
	FILE *file = fopen("/proc/self/status", "re");
	char line[128];
	long kb = 0;

	while (file && fgets(line, sizeof(line), file)) {
		if (strncmp(line, key, strlen(key)) == 0)
			kb = strtol(line + strlen(key) + 1, NULL, 10);
	}
	if (file)
		fclose(file);
	return kb;
}

/* ---- what the engine does */

static void flush(struct ingest *ingest)
{
	double begin = cpu_now();
	uint64_t refused = 0;

	must(tt_batch_flush(ingest->batch, &refused), "cannot write");
	must(refused ? -EINVAL : 0, "a row was refused");
	ingest->spent[PART_STORE] += cpu_now() - begin;
}

static int deliver(const struct tt_event *event, void *arg)
{
	struct ingest *ingest = arg;
	int r = tt_tracker_event(event, ingest->tracker);

	if (r == 0 && tt_batch_rows(ingest->batch) >= BATCH_ROWS)
		flush(ingest);
	return r;
}

/* Adds what was spent since to the part, without what the store took meanwhile. */
static void spend(struct ingest *ingest, enum part part, double begin, double store_before)
{
	ingest->spent[part] += cpu_now() - begin - (ingest->spent[PART_STORE] - store_before);
}

static void poll(struct ingest *ingest, const struct tt_buf *frames)
{
	double begin = cpu_now(), store = ingest->spent[PART_STORE];
	uint32_t head[2];

	for (size_t at = 0; at < frames->len; at += sizeof(head) + head[1]) {
		memcpy(head, frames->text + at, sizeof(head));
		must(tt_merge_add(ingest->merge, head[0], frames->text + at + sizeof(head), head[1]),
		     "a record");
	}
	must(tt_merge_deliver(ingest->merge, UINT64_MAX, UINT64_MAX, deliver, ingest, &ingest->delivered,
			      &ingest->malformed),
	     "cannot deliver");
	spend(ingest, PART_READ, begin, store);
}

static void tick(struct ingest *ingest, bool final)
{
	double begin, store;

	flush(ingest);
	begin = cpu_now();
	store = ingest->spent[PART_STORE];
	must(tt_tracker_tick(ingest->tracker, ingest->now_ns, final), "cannot tick");
	spend(ingest, PART_TICK, begin, store);
	flush(ingest);
}

/* ---- what the kernel does */

/* As a dependency tree has them, 40 to a directory; each process in a tree of its own, so that no path comes again. */
static struct file_opts file(struct frames_task who, unsigned i, char path[96])
{
	snprintf(path, 96, "/home/dev/tree-%04u/node_modules/package-%04u/lib/m%05u.js", who.pid, i / 40, i);
	return (struct file_opts){ .path = path, .ino = 1000 + i };
}

static void sweep(struct ingest *ingest, struct frames_task who)
{
	double begin = cpu_now(), store = ingest->spent[PART_STORE];
	char path[96];

	for (unsigned i = 0; i < ingest->files; i++) {
		struct file_opts opts = file(who, i, path);
		struct tt_event event = { .type = TT_EVENT_TOTAL,
					  .slot = who.slot,
					  .process = { .pid = who.pid, .start_ns = who.start_ns },
					  .key = file_key(who, &opts),
					  .count = 1,
					  .sent = true,
					  .final = true };

		must(deliver(&event, ingest), "cannot count");
	}
	spend(ingest, PART_SWEEP, begin, store);
}

/* One process: its fork, its opens, its end, and its totals. */
static void run_process(struct ingest *ingest, struct frames_task parent, struct frames_task who)
{
	struct frames frames = { TT_BUF_INIT };
	char path[96];

	frames_fork(&frames, ingest->now_ns, parent, who);
	for (unsigned i = 0; i < ingest->files; i++) {
		struct file_opts opts = file(who, i, path);

		ingest->now_ns += FRAMES_S / SECOND;
		frames_file(&frames, ingest->now_ns, who, &opts);
		if (i == ingest->files - 1)
			frames_exit(&frames, ingest->now_ns + 1, who, 0);
		if (++ingest->opens % POLL == 0 || i == ingest->files - 1) {
			poll(ingest, &frames.out);
			tt_buf_reset(&frames.out);
		}
		if (ingest->opens % SECOND == 0)
			tick(ingest, false);
	}
	sweep(ingest, who);
	frames_done(&frames);
}

int main(int argc, char **argv)
{
	uint64_t events = argc > 1 ? strtoull(argv[1], NULL, 10) : 600000;
	const char *path = argc > 3 ? argv[3] : "/tmp/telltale-bench.db";
	struct ingest ingest = { .files = argc > 2 ? strtoul(argv[2], NULL, 10) : SECOND,
				 .now_ns = 1000 * FRAMES_S };
	struct tt_config_agents *agents = NULL;
	struct tt_config_categories *categories = NULL;
	struct tt_config_risk *weights = NULL;
	struct tt_classifier *classifier = NULL;
	struct tt_identify *identify = NULL;
	struct tt_procfs *procfs = NULL;
	struct tt_risk *risk = NULL;
	struct tt_tracker_params params = { .boot_id = "01234567-89ab-cdef-0123-456789abcdef",
					    .to_epoch_ns = INT64_C(1700000000000000000),
					    .max_processes = 65536,
					    .max_keys = 65536 };
	/* a living process, so that it is not taken for one that has gone: it is never observed */
	struct frames_task root = { .pid = 1, .start_ns = 1, .slot = 1 };
	const struct tt_session *session;
	double total = 0;
	long at_start;

	if (access(path, F_OK) == 0) {
		fprintf(stderr, "%s is there already\n", path);
		return 2;
	}
	must(tt_config_load_agents("config/agents.d", &agents, NULL), "config/agents.d");
	must(tt_config_load_categories("config/categories.d", &categories, NULL), "config/categories.d");
	must(tt_config_load_risk("config/risk.yaml", &weights, NULL), "config/risk.yaml");
	must(tt_classifier_new(categories, &classifier), "categories");
	must(tt_risk_new(weights, &risk), "weights");
	must(tt_procfs_new("/proc", &procfs), "/proc");
	must(tt_identify_new(agents, procfs, &identify), "agents");
	must(tt_store_open(path, &ingest.store, NULL), path);
	must(tt_batch_new(ingest.store, &ingest.batch), "batch");
	must(tt_decoder_new(NULL, NULL, &ingest.decoder), "decoder");
	must(tt_merge_new(ingest.decoder, &ingest.merge), "merge");
	params.store = ingest.store;
	params.batch = ingest.batch;
	params.sensor = &no_sensor;
	params.identify = identify;
	params.procfs = procfs;
	params.classifier = classifier;
	params.risk = risk;
	must(tt_tracker_new(&params, &ingest.tracker), "tracker");
	must(tt_tracker_command(ingest.tracker, root.slot,
				&(struct tt_process_key){ .pid = root.pid, .start_ns = root.start_ns }, 0, 0,
				NULL, &session),
	     "session");
	at_start = memory("RssAnon:");

	for (uint32_t n = 0; ingest.opens < events; n++) {
		struct frames_task who = { .pid = 1000000 + n, .start_ns = ingest.now_ns, .slot = root.slot };

		run_process(&ingest, root, who);
		if (getenv("INGEST_VERBOSE"))
			printf("#        %9llu opens, RssAnon %ld kB\n", (unsigned long long)ingest.opens,
			       memory("RssAnon:"));
	}
	tick(&ingest, true);

	for (size_t i = 0; i < PARTS; i++)
		total += ingest.spent[i];
	printf("ingest   %9.0f first sightings/s of one core, %llu by processes of %u\n",
	       ingest.opens / total, (unsigned long long)ingest.opens, ingest.files);
	printf("         microseconds each: reading %.2f, store %.2f, totals %.2f, scores and ticks %.2f\n",
	       ingest.spent[PART_READ] * 1e6 / ingest.opens, ingest.spent[PART_STORE] * 1e6 / ingest.opens,
	       ingest.spent[PART_SWEEP] * 1e6 / ingest.opens, ingest.spent[PART_TICK] * 1e6 / ingest.opens);
	printf("memory   RssAnon %ld kB before, %ld kB after; at most resident %ld kB\n", at_start,
	       memory("RssAnon:"), memory("VmHWM:"));

	tt_tracker_free(ingest.tracker);
	tt_merge_free(ingest.merge);
	tt_decoder_free(ingest.decoder);
	tt_batch_free(ingest.batch);
	tt_store_free(ingest.store);
	tt_identify_free(identify);
	tt_procfs_free(procfs);
	tt_risk_free(risk);
	tt_classifier_free(classifier);
	tt_config_risk_free(weights);
	tt_config_categories_free(categories);
	tt_config_agents_free(agents);
	unlink(path);
	return 0;
}
