/* SPDX-License-Identifier: Apache-2.0 */
/* The live sensor's sweep: what the kernel adds up instead of sending it record by record. Totals of aggregated
 * operations, losses of every kind, connects that take long, what open connections have carried.
 *
 * Only what has changed since the last sweep is told. This alone decides when an aggregation entry leaves the map:
 * when nobody can count in it any more, or at the final sweep. */
#include "sensor/bpf_internal.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>

/* Aggregation entries idle for so long are sent anew at their next use (a path may have changed above
 * them), and give room when the map is more than half full, or nearly full: one process that touches many things
 * once must not cost the others their aggregation. */
#define AGE_NS	    UINT64_C(600000000000)
#define AGE_FULL_NS UINT64_C(60000000000)
#define AGE_BRIM_NS UINT64_C(3000000000)

/* A connect that has no answer after this is shown as connecting. */
#define CONNECTING_NS UINT64_C(1000000000)

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
	[TT_LOSS_FLOW] = { "net", "connection_bytes" },
	[TT_LOSS_PAYLOAD] = { "net", "name" },
	[TT_LOSS_BYTES] = { "file", "file_bytes" },
};

static int sweep_losses(struct tt_bpf_sensor *sensor, uint64_t slot, const uint64_t now[],
			uint64_t reported[], tt_event_fn fn, void *arg)
{
	for (size_t i = 0; i < TT_LOSS_KINDS; i++) {
		struct tt_event event = {
			.type = TT_EVENT_LOSS,
			.time_ns = tt_boot_ns(),
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

static int sweep_counters(struct tt_bpf_sensor *sensor, tt_event_fn fn, void *arg)
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

static int sweep_malformed(struct tt_bpf_sensor *sensor, tt_event_fn fn, void *arg)
{
	struct tt_event event = {
		.type = TT_EVENT_LOSS,
		.time_ns = tt_boot_ns(),
		.first_ns = sensor->last_sweep_ns,
		.loss = { .sensor = "sensor", .kind = "malformed" },
	};

	event.loss.count = sensor->head.stats.malformed - sensor->malformed;
	sensor->malformed = sensor->head.stats.malformed;
	return event.loss.count ? fn(&event, arg) : 0;
}

/* Runs of our programs that the kernel left out because one was already running on that CPU. */
static int sweep_missed(struct tt_bpf_sensor *sensor, tt_event_fn fn, void *arg)
{
	struct bpf_program *program;

	for (size_t i = 0; (program = tt_bpf_program(sensor, i)); i++) {
		struct bpf_prog_info info = { 0 };
		uint32_t len = sizeof(info);
		int fd = bpf_program__fd(program);
		struct tt_event event = {
			.type = TT_EVENT_LOSS,
			.time_ns = tt_boot_ns(),
			.first_ns = sensor->last_sweep_ns,
			.loss = { .sensor = sensor->hooks[i].name, .kind = "missed_runs" },
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

static int sweep_slots(struct tt_bpf_sensor *sensor, tt_event_fn fn, void *arg)
{
	struct tt_bpf_slot *slot, *next;

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

static int deliver_total(const struct tt_agg_value *value, bool final, tt_event_fn fn, void *arg)
{
	struct tt_event event;

	tt_decode_total(value, &event);
	event.final = final;
	return fn(&event, arg);
}

/* Nobody can touch the slot's entries any more: it was ignored or closed. `last` keeps the answer for a run of
 * entries of one slot. */
struct slot_answer {
	uint64_t id;
	bool gone;
};

static bool slot_is_gone(const struct tt_bpf_sensor *sensor, uint64_t id, struct slot_answer *last)
{
	struct tt_bpf_slot *slot;
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
static uint64_t age_limit(const struct tt_bpf_sensor *sensor, uint64_t entries)
{
	uint64_t room = bpf_map__max_entries(sensor->skel->maps.agg);

	if (entries * 8 > room * 7)
		return AGE_BRIM_NS;
	return entries * 2 > room ? AGE_FULL_NS : AGE_NS;
}

/* Entries leave the map when nobody can touch them any more: their process has ended, their slot is gone, or they
 * were frozen (freeze_ns) a whole sweep ago, so that every program that still saw the old value has finished (and
 * their records have been delivered, which may take long when the store stalls). */
static int sweep_agg(struct tt_bpf_sensor *sensor, bool final, uint64_t now, tt_event_fn fn, void *arg)
{
	int fd = bpf_map__fd(sensor->skel->maps.agg);
	uint64_t frozen = sensor->freeze_ns, oldest = now, entries = 0, age;
	uint32_t batch = 0, n;
	bool first = true, last = false;
	_cleanup_free_ uint64_t *leave = NULL;
	size_t n_leave = 0, cap_leave = 0;
	struct slot_answer slot = { 0 };

	while (!last) {
		n = TT_BPF_SWEEP_BATCH;
		if (bpf_map_lookup_batch(fd, first ? NULL : &batch, &batch, sensor->keys, sensor->values, &n,
					 NULL)) {
			if (errno != ENOENT)
				return errno == ENOSPC ? -EAGAIN : -errno;
			last = true;
		}
		first = false;
		for (uint32_t i = 0; i < n; i++) {
			const struct tt_agg_value *value = &sensor->values[i];
			struct tt_process_key process = { .start_ns = value->key.start_ns,
							  .pid = value->key.pid };
			struct tt_bpf_ended *ended;
			bool leaves;
			int r;

			entries++;
			HASH_FIND(hh, sensor->ended, &process, sizeof(process), ended);
			leaves = final || ended || slot_is_gone(sensor, value->slot, &slot) ||
				 (value->last_ns < frozen && value->last_ns < sensor->delivered_until);
			if (!leaves && value->last_ns < oldest)
				oldest = value->last_ns;
			if (!leaves && value->sent &&
			    value->last_ns + TT_BPF_SLACK_NS < sensor->last_sweep_ns)
				continue; /* nothing new since the last one */
			if (!leaves && value->count < 2 && value->sent)
				continue; /* its record said it all */
			r = deliver_total(value, leaves, fn, arg);
			if (r != 0)
				return r;
			if (!leaves)
				continue;
			if (n_leave == cap_leave) {
				size_t cap = cap_leave ? cap_leave * 2 : 1024;
				uint64_t *keys = realloc(leave, cap * sizeof(*keys));

				if (!keys)
					return -ENOMEM;
				leave = keys;
				cap_leave = cap;
			}
			leave[n_leave++] = sensor->keys[i];
		}
	}
	for (size_t i = 0; i < n_leave; i++)
		bpf_map_delete_elem(fd, &leave[i]);

	/* what is too old gets frozen now and leaves at the next sweep */
	sensor->freeze_ns = 0;
	age = age_limit(sensor, entries);
	if (now > age && oldest < now - age)
		sensor->freeze_ns = now - age;
	if (!sensor->stopped)
		sensor->skel->bss->freeze_ns = sensor->freeze_ns;
	return 0;
}

static int deliver_attempt(const struct tt_sock *sock, bool final, tt_event_fn fn, void *arg)
{
	struct tt_event event = {
		.type = TT_EVENT_CONNECT,
		.time_ns = sock->begin_ns,
		.slot = sock->slot,
		.process = { .start_ns = sock->start_ns, .pid = sock->pid },
		.tid = sock->tid,
		.key = { .op = TT_OP_CONNECT },
		.count = 1,
		.final = final,
		.first_ns = sock->begin_ns,
		.last_ns = sock->begin_ns,
		.connect = { .port = sock->port,
			     .local_port = sock->local_port,
			     .family = sock->family,
			     .protocol = 6,
			     .state = TT_CONN_CONNECTING,
			     .sock_id = sock->sock_id },
	};

	memcpy(event.connect.addr, sock->addr, 16);
	memcpy(event.connect.local_addr, sock->local_addr, 16);
	return fn(&event, arg);
}

/* What the process's calls have carried. TCP's own count, which is told in the end, has what else there was. */
static int deliver_use(const struct tt_sock *sock, tt_event_fn fn, void *arg)
{
	struct tt_event event = {
		.type = TT_EVENT_FLOW,
		.time_ns = sock->used_ns,
		.slot = sock->slot,
		.process = { .start_ns = sock->start_ns, .pid = sock->pid },
		.tid = sock->tid,
		.flow = { .sock_id = sock->sock_id,
			  .begin_ns = sock->begin_ns,
			  .sent = sock->used[0],
			  .received = sock->used[1] },
	};

	return fn(&event, arg);
}

/* Connections that have carried something since they were told of last, and attempts that take long. */
static int sweep_socks(struct tt_bpf_sensor *sensor, bool final, uint64_t now, tt_event_fn fn, void *arg)
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
		if (bpf_map_lookup_elem(fd, &key, &sock) != 0)
			continue;
		if (sock.state == TT_CONN_CONNECTING)
			r = final || now - sock.begin_ns >= CONNECTING_NS
				    ? deliver_attempt(&sock, final, fn, arg)
				    : 0;
		else
			r = sock.used_ns && (final || sock.used_ns >= sensor->told_socks_ns)
				    ? deliver_use(&sock, fn, arg)
				    : 0;
		if (r != 0)
			return r;
	}
	/* what is behind that may not have been delivered yet: told before its connection, it would be nobody's */
	sensor->told_socks_ns = sensor->delivered_until;
	return 0;
}

int tt_bpf_sweep(struct tt_sensor *head, bool final, tt_event_fn fn, void *arg)
{
	struct tt_bpf_sensor *sensor = tt_bpf_self(head);
	uint64_t now = tt_boot_ns();
	struct tt_bpf_ended *ended, *next;
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
