/* SPDX-License-Identifier: Apache-2.0 */
/* The replay sensor: recorded frames in the place of the kernel, so that everything behind it runs without root.
 *
 * The file is taken in and checked as a whole when it is opened; one that is damaged anywhere is refused with the
 * offset of the frame that is wrong. Records go the way the kernel's go: queued, merged by time, decoded. Frames of
 * totals cut the recording into pieces: a poll delivers the records up to the next ones, a sweep delivers those. It
 * steers nothing: a verdict of IGNORED does not take records out of a recording, just as it does not take out of the
 * rings what is there already. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "sensor/merge.h"
#include "sensor/sensor.h"
#include "util/buf.h"

/* A minute of the busiest agent seen; all of it is held in memory. */
#define RECORDING_MAX (16u << 20)
#define RECORD_MAX    (64u << 10)

#define TOTALS	    2 /* a frame's number, behind those of the rings */
#define TOTAL_SENT  1u
#define TOTAL_FINAL 2u

/* As bpf.c does: numbers that user space hands out have the upper bit set. */
#define USER_SLOT (UINT64_C(1) << 63)

struct frame_header {
	uint32_t ring, len;
};

struct replay {
	struct tt_sensor head;
	struct tt_decoder *decoder;
	struct tt_merge *merge;
	char *frames;
	size_t len, at;
	uint64_t next_slot;
	/* frames lie at any offset in the file: a record is read from here, where it is aligned */
	char record[RECORD_MAX] __attribute__((aligned(8)));
};

static struct replay *self(struct tt_sensor *sensor)
{
	return (struct replay *)sensor;
}

/* ---- frames */

/* The frame at the offset; its content is behind the header. False at the end. */
static bool frame_at(const struct replay *replay, size_t at, struct frame_header *ret)
{
	if (at >= replay->len)
		return false;
	memcpy(ret, replay->frames + at, sizeof(*ret));
	return true;
}

static const char *check_frame(struct replay *replay, size_t at, struct frame_header *ret)
{
	size_t left = replay->len - at;

	if (left < sizeof(*ret))
		return "a frame's header is cut off";
	frame_at(replay, at, ret);
	if (ret->ring > TOTALS)
		return "no ring has this number";
	if (ret->len > left - sizeof(*ret))
		return "the frame is longer than the rest of the file";
	if (ret->ring == TOTALS)
		return ret->len == sizeof(struct tt_agg_value) ? NULL : "not the size of a total";
	if (ret->len > RECORD_MAX)
		return "the record is longer than any can be";
	memcpy(replay->record, replay->frames + at + sizeof(*ret), ret->len);
	if (tt_decode_size(replay->record, ret->len) != (int)ret->len)
		return "the record's own size is not the frame's";
	return NULL;
}

static int check(struct replay *replay, const char *path, struct tt_buf *message)
{
	struct frame_header frame;

	for (size_t at = 0; at < replay->len; at += sizeof(frame) + frame.len) {
		const char *wrong = check_frame(replay, at, &frame);

		if (wrong) {
			tt_buf_printf(message, "cannot replay %s: at offset %zu %s", path, at, wrong);
			return -EBADMSG;
		}
	}
	return 0;
}

static int read_file(struct replay *replay, const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size > RECORDING_MAX)
		return -EFBIG;
	replay->frames = malloc((size_t)st.st_size + 1);
	if (!replay->frames)
		return -ENOMEM;
	while (replay->len < (size_t)st.st_size) {
		ssize_t n = read(fd, replay->frames + replay->len, (size_t)st.st_size - replay->len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break; /* shorter now than it said */
		replay->len += (size_t)n;
	}
	return 0;
}

/* ---- operations */

static unsigned replay_fds(struct tt_sensor *head, int fds[2])
{
	return 0;
}

static int replay_poll(struct tt_sensor *head, tt_event_fn fn, void *arg)
{
	struct replay *replay = self(head);
	struct frame_header frame;
	int r;

	while (frame_at(replay, replay->at, &frame) && frame.ring != TOTALS) {
		memcpy(replay->record, replay->frames + replay->at + sizeof(frame), frame.len);
		r = tt_merge_add(replay->merge, frame.ring, replay->record, frame.len);
		if (r < 0)
			return r;
		replay->at += sizeof(frame) + frame.len;
	}
	/* nothing of this piece is still to come: neither the watermark nor an environment keeps anything back */
	return tt_merge_deliver(replay->merge, UINT64_MAX, UINT64_MAX, fn, arg, &head->stats.delivered,
				&head->stats.malformed);
}

static int replay_sweep(struct tt_sensor *head, bool final, tt_event_fn fn, void *arg)
{
	struct replay *replay = self(head);
	struct frame_header frame;

	while (frame_at(replay, replay->at, &frame) && frame.ring == TOTALS) {
		struct tt_agg_value total;
		struct tt_event event;
		int r;

		memcpy(&total, replay->frames + replay->at + sizeof(frame), sizeof(total));
		replay->at += sizeof(frame) + frame.len;
		tt_decode_total(&total, &event);
		event.sent = total.sent & TOTAL_SENT;
		event.final = final || total.sent & TOTAL_FINAL;
		head->stats.delivered++;
		r = fn(&event, arg);
		if (r != 0)
			return r;
	}
	return 0;
}

static int replay_verdict(struct tt_sensor *head, uint64_t slot, bool tracked)
{
	return 0;
}

static void replay_ended(struct tt_sensor *head, const struct tt_process_key *process)
{
}

static int replay_start_of(struct tt_sensor *head, uint32_t pid, uint64_t *ret_start_ns)
{
	return -ESRCH;
}

static int replay_slot(struct tt_sensor *head, uint64_t *ret_slot)
{
	*ret_slot = USER_SLOT | ++self(head)->next_slot;
	return 0;
}

static int replay_track(struct tt_sensor *head, int pidfd, const struct tt_process_key *process,
			uint64_t *ret_slot)
{
	return replay_slot(head, ret_slot);
}

static int replay_candidate(struct tt_sensor *head, const struct tt_candidate_key *key)
{
	return 0;
}

static int replay_list(struct tt_sensor *head, int (*fn)(const struct tt_iter_task *task, void *arg),
		       void *arg)
{
	return 0;
}

static int replay_attach(struct tt_sensor *head, uint64_t slot, const uint32_t *pids, size_t n,
			 int (*fn)(const struct tt_iter_task *task, void *arg), void *arg)
{
	return 0;
}

static void replay_free(struct tt_sensor *head)
{
	struct replay *replay = self(head);

	tt_merge_free(replay->merge);
	tt_decoder_free(replay->decoder);
	free(replay->frames);
	free(replay);
}

static const struct tt_sensor_ops replay_ops = {
	.name = "replay",
	.fds = replay_fds,
	.poll = replay_poll,
	.sweep = replay_sweep,
	.verdict = replay_verdict,
	.ended = replay_ended,
	.start_of = replay_start_of,
	.track = replay_track,
	.candidate = replay_candidate,
	.list = replay_list,
	.slot = replay_slot,
	.attach = replay_attach,
	.free = replay_free,
};

int tt_sensor_replay_new(const char *path, const struct tt_sensor_params *params, struct tt_sensor **ret,
			 char **ret_message)
{
	_cleanup_(tt_buf_done) struct tt_buf message = TT_BUF_INIT;
	struct replay *replay = calloc(1, sizeof(*replay));
	int r;

	if (!replay)
		return -ENOMEM;
	replay->head.ops = &replay_ops;
	r = read_file(replay, path);
	if (r < 0)
		tt_buf_printf(&message, "cannot replay %s: %s", path, strerror(-r));
	else
		r = check(replay, path, &message);
	if (r == 0)
		r = tt_decoder_new(params->env_filter, params->env_filter_arg, &replay->decoder);
	if (r == 0)
		r = tt_merge_new(replay->decoder, &replay->merge);
	if (r < 0) {
		replay_free(&replay->head);
		if (ret_message)
			*ret_message = tt_buf_take(&message);
		return r;
	}
	*ret = &replay->head;
	return 0;
}
