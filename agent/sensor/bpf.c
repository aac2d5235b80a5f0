/* SPDX-License-Identifier: Apache-2.0 */
/* The live sensor at work: reads the rings, and steers the kernel's side through its maps (verdicts, slots,
 * candidates) and its iterators (walks over running tasks).
 *
 * Maps are written as include/telltale/maps.h and bpf/lib/maps.bpf.h say. bpf_load.c says what is loaded,
 * bpf_sweep.c reads what the kernel has added up. */
#include "sensor/bpf_internal.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <poll.h>

/* One poll takes at most this much of the activity ring, so that lifecycle and the store get their turn. */
#define POLL_RECORDS_MAX 16384
#define POLL_BYTES_MAX	 (8u << 20)

#define ATTACH_WALKS_MAX 16

/* Hooks that were running when the sensor was stopped have finished after this. */
#define STOPPING_NS 4000000

/* Slot numbers that user space hands out; the kernel's have their upper bit clear. */
#define USER_SLOT (UINT64_C(1) << 63)

/* ---- reading */

static int on_record(void *arg, void *data, size_t len)
{
	struct tt_bpf_sensor *sensor = arg;
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

int tt_bpf_open_rings(struct tt_bpf_sensor *sensor)
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

static unsigned bpf_fds(struct tt_sensor *head, int fds[2])
{
	for (size_t i = 0; i < TT_RINGS; i++)
		fds[i] = ring_buffer__epoll_fd(tt_bpf_self(head)->rings[i]);
	return TT_RINGS;
}

/* Drains one ring, up to this poll's share. True: it was not empty when the share was used up; then nothing that may be
 * newer than what is left in it can be delivered, from whichever ring: activity must not overtake its exec. */
static bool drain(struct tt_bpf_sensor *sensor, enum tt_ring ring, uint64_t *watermark)
{
	uint64_t newest;

	sensor->reading = ring;
	sensor->taken = 0;
	if (ring_buffer__consume(sensor->rings[ring]) != -ECANCELED)
		return false;
	newest = tt_merge_newest(sensor->merge, ring);
	newest = newest > TT_BPF_SLACK_NS ? newest - TT_BPF_SLACK_NS : 0;
	if (newest < *watermark)
		*watermark = newest;
	return true;
}

static int bpf_poll(struct tt_sensor *head, tt_event_fn fn, void *arg)
{
	struct tt_bpf_sensor *sensor = tt_bpf_self(head);
	uint64_t now = tt_boot_ns(), watermark = now - TT_BPF_SLACK_NS;
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

/* ---- steering */

static int remember_slot(struct tt_bpf_sensor *sensor, uint64_t id)
{
	struct tt_bpf_slot *slot;

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

/* What its tasks do is new from now on: so they will look for the slot, and not find it. */
static void forget_names(struct tt_bpf_sensor *sensor, uint64_t slot)
{
	__atomic_fetch_add(&sensor->skel->bss->epochs[slot & (TT_EPOCHS - 1)], 2, __ATOMIC_RELAXED);
}

static int bpf_verdict(struct tt_sensor *head, uint64_t id, bool tracked)
{
	struct tt_bpf_sensor *sensor = tt_bpf_self(head);
	int fd = bpf_map__fd(sensor->skel->maps.slots), tracked_fd = bpf_map__fd(sensor->skel->maps.tracked);
	struct tt_bpf_slot *slot;
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
	if (bpf_map_delete_elem(fd, &id) != 0 && errno != ENOENT)
		return -errno;
	forget_names(sensor, id);
	return 0;
}

static void bpf_stop(struct tt_sensor *head)
{
	static const struct timespec finish = { .tv_nsec = STOPPING_NS };
	struct tt_bpf_sensor *sensor = tt_bpf_self(head);

	sensor->skel->bss->stopped = true;
	sensor->skel->bss->freeze_ns = UINT64_MAX;
	sensor->stopped = true;
	nanosleep(&finish, NULL);
}

static void bpf_ended(struct tt_sensor *head, const struct tt_process_key *process)
{
	struct tt_bpf_sensor *sensor = tt_bpf_self(head);
	struct tt_bpf_ended *ended;

	HASH_FIND(hh, sensor->ended, process, sizeof(*process), ended);
	if (ended)
		return;
	ended = calloc(1, sizeof(*ended));
	if (!ended)
		return; /* its entries then age out */
	ended->key = *process;
	HASH_ADD(hh, sensor->ended, key, sizeof(ended->key), ended);
}

static int new_slot(struct tt_bpf_sensor *sensor, uint64_t *ret)
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

static int bpf_candidate(struct tt_sensor *head, const struct tt_candidate_key *key)
{
	uint32_t yes = 1;

	return bpf_map_update_elem(bpf_map__fd(tt_bpf_self(head)->skel->maps.candidates), key, &yes,
				   BPF_ANY) == 0
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
	int r = walk(tt_bpf_self(head)->skel->progs.it_list, fn, arg);

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
	return new_slot(tt_bpf_self(head), ret_slot);
}

/* Binds processes by walks over all tasks. */
static int bind(struct tt_bpf_sensor *sensor, const struct tt_attach *what, const uint32_t *pids, size_t n,
		int (*fn)(const struct tt_iter_task *task, void *arg), void *arg)
{
	int fd = bpf_map__fd(sensor->skel->maps.attach), r = 0;
	uint32_t key;

	for (size_t i = 0; r == 0 && i < n; i++) {
		if (bpf_map_update_elem(fd, &pids[i], what, BPF_ANY) != 0)
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

static int bpf_attach(struct tt_sensor *head, uint64_t slot, const uint32_t *pids, size_t n,
		      int (*fn)(const struct tt_iter_task *task, void *arg), void *arg)
{
	const struct tt_attach what = { .slot = slot };

	return bind(tt_bpf_self(head), &what, pids, n, fn, arg);
}

static int count_bound(const struct tt_iter_task *task, void *arg)
{
	++*(unsigned *)arg;
	return 0;
}

/* Without task storage there is no map that takes a pidfd: a walk finds the process by its number. It is still that
 * number's owner after the walk, or it was not it that was bound. */
static int track_by_walk(struct tt_bpf_sensor *sensor, int pidfd, const struct tt_process_key *process,
			 uint64_t slot)
{
	const struct tt_attach what = { .slot = slot, .run = 1 };
	struct pollfd ended = { .fd = pidfd, .events = POLLIN };
	unsigned bound = 0;
	int r = bind(sensor, &what, &process->pid, 1, count_bound, &bound);

	if (r < 0)
		return r;
	return bound == 0 || poll(&ended, 1, 0) != 0 ? -ESRCH : 0;
}

static int track_by_pidfd(struct tt_bpf_sensor *sensor, int pidfd, const struct tt_process_key *process,
			  uint64_t slot)
{
	const struct tt_task_state state = {
		.slot = slot, .start_ns = process->start_ns, .pid = process->pid, .want_env = 1
	};

	return bpf_map_update_elem(bpf_map__fd(sensor->skel->maps.tasks), &pidfd, &state, BPF_ANY) == 0
		       ? 0
		       : -errno;
}

static int bpf_track(struct tt_sensor *head, int pidfd, const struct tt_process_key *process,
		     uint64_t *ret_slot)
{
	struct tt_bpf_sensor *sensor = tt_bpf_self(head);
	uint64_t slot;
	int r = new_slot(sensor, &slot);

	if (r < 0)
		return r;
	r = sensor->skel->rodata->task_storage ? track_by_pidfd(sensor, pidfd, process, slot)
					       : track_by_walk(sensor, pidfd, process, slot);
	if (r < 0) {
		bpf_verdict(head, slot, false);
		return r;
	}
	*ret_slot = slot;
	return 0;
}

const struct tt_sensor_ops tt_bpf_ops = {
	.name = "bpf",
	.fds = bpf_fds,
	.poll = bpf_poll,
	.sweep = tt_bpf_sweep,
	.stop = bpf_stop,
	.verdict = bpf_verdict,
	.ended = bpf_ended,
	.start_of = bpf_start_of,
	.track = bpf_track,
	.candidate = bpf_candidate,
	.list = bpf_list,
	.slot = bpf_slot,
	.attach = bpf_attach,
	.free = tt_bpf_free,
};
