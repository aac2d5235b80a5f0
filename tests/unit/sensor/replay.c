/* SPDX-License-Identifier: Apache-2.0 */
/* Recordings, whole and damaged. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "fixtures/frames.h"
#include "sensor/sensor.h"
#include "util/util.h"

static const struct frames_task who = { .pid = 100, .start_ns = 1000, .slot = 7 };
static const struct tt_sensor_params params;
static char path[64];
static struct tt_sensor *sensor;
static char *message;
static struct tt_event got[64]; /* the strings in them are gone */
static size_t n_got, stop_after;

static int setup(void **state)
{
	int fd;

	strcpy(path, "/tmp/telltale-replay-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	sensor = NULL;
	message = NULL;
	n_got = stop_after = 0;
	return 0;
}

static int teardown(void **state)
{
	tt_sensor_free(sensor);
	free(message);
	return unlink(path);
}

static int take(const struct tt_event *event, void *arg)
{
	assert_true(n_got < ARRAY_SIZE(got));
	got[n_got++] = *event;
	return n_got == stop_after ? -ECANCELED : 0;
}

static int open_with(const void *bytes, size_t len)
{
	_cleanup_fclose_ FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	fflush(f);
	return tt_sensor_replay_new(path, &params, &sensor, &message);
}

static void records_come_in_the_order_of_time(void **state)
{
	_cleanup_(frames_done) struct frames frames = { 0 };
	struct file_opts file = { .path = "/etc/passwd" };
	const char *env[] = { "A=1", "B=2", NULL };
	struct exec_opts exec = { .exe = "/usr/bin/claude", .env = env };

	frames_file(&frames, 30, who, &file);
	frames_exit(&frames, 40, who, 0);
	frames_exec(&frames, 20, who, &exec);
	assert_int_equal(open_with(frames.out.text, frames.out.len), 0);
	assert_int_equal(sensor->ops->poll(sensor, take, NULL), 0);

	assert_int_equal(n_got, 3);
	assert_int_equal(got[0].type, TT_EVENT_EXEC);
	assert_int_equal(got[0].exec.n_env, 2);
	assert_int_equal(got[1].type, TT_EVENT_FILE);
	assert_int_equal(got[2].type, TT_EVENT_EXIT);
	assert_int_equal(sensor->stats.delivered, 3);
	assert_int_equal(sensor->ops->poll(sensor, take, NULL), 0);
	assert_int_equal(n_got, 3);
}

static void totals_come_with_the_sweep_between_polls(void **state)
{
	_cleanup_(frames_done) struct frames frames = { 0 };
	struct file_opts file = { .path = "/etc/passwd" };
	struct tt_agg_key key = file_key(who, &file);

	frames_file(&frames, 30, who, &file);
	frames_total(&frames, 35, who, &key, 5, FRAMES_SENT);
	frames_total(&frames, 36, who, &key, 6, FRAMES_FINAL);
	frames_exit(&frames, 40, who, 0);
	frames_total(&frames, 38, who, &key, 7, FRAMES_SENT);
	assert_int_equal(open_with(frames.out.text, frames.out.len), 0);

	assert_int_equal(sensor->ops->sweep(sensor, false, take, NULL), 0);
	assert_int_equal(n_got, 0); /* first what led to them */
	assert_int_equal(sensor->ops->poll(sensor, take, NULL), 0);
	assert_int_equal(n_got, 1);
	assert_int_equal(sensor->ops->sweep(sensor, false, take, NULL), 0);
	assert_int_equal(n_got, 3);
	assert_int_equal(got[1].type, TT_EVENT_TOTAL);
	assert_int_equal(got[1].count, 5);
	assert_int_equal(got[1].slot, 7);
	assert_int_equal(got[1].process.pid, 100);
	assert_true(got[1].sent);
	assert_false(got[1].final);
	assert_false(got[2].sent);
	assert_true(got[2].final);
	assert_int_equal(sensor->ops->poll(sensor, take, NULL), 0);
	assert_int_equal(n_got, 4);
	assert_int_equal(sensor->ops->sweep(sensor, true, take, NULL), 0);
	assert_int_equal(n_got, 5);
	assert_true(got[4].final); /* the last sweep keeps nothing */
}

static void a_handler_can_stop_and_go_on(void **state)
{
	_cleanup_(frames_done) struct frames frames = { 0 };
	struct tt_agg_key key = env_key(who, "TZ", TT_ENV_GETENV);

	frames_exit(&frames, 1, who, 0);
	frames_exit(&frames, 2, who, 0);
	frames_total(&frames, 3, who, &key, 1, FRAMES_SENT);
	frames_total(&frames, 4, who, &key, 2, FRAMES_SENT);
	assert_int_equal(open_with(frames.out.text, frames.out.len), 0);

	stop_after = 1;
	assert_int_equal(sensor->ops->poll(sensor, take, NULL), -ECANCELED);
	assert_int_equal(sensor->ops->poll(sensor, take, NULL), 0);
	assert_int_equal(n_got, 2);
	stop_after = 3;
	assert_int_equal(sensor->ops->sweep(sensor, false, take, NULL), -ECANCELED);
	assert_int_equal(sensor->ops->sweep(sensor, false, take, NULL), 0);
	assert_int_equal(n_got, 4);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(got[i].time_ns, i + 1);
}

static void an_empty_recording_is_one(void **state)
{
	assert_int_equal(open_with("", 0), 0);
	assert_int_equal(sensor->ops->poll(sensor, take, NULL), 0);
	assert_int_equal(sensor->ops->sweep(sensor, true, take, NULL), 0);
	assert_int_equal(n_got, 0);
}

static void a_recording_cut_anywhere_is_refused_where_it_is_cut(void **state)
{
	_cleanup_(frames_done) struct frames frames = { 0 };
	struct tt_agg_key key = env_key(who, "TZ", TT_ENV_GETENV);
	size_t edges[3], edge = 0;

	frames_exit(&frames, 1, who, 0);
	edges[0] = frames.out.len;
	frames_total(&frames, 3, who, &key, 1, FRAMES_SENT);
	edges[1] = frames.out.len;
	frames_env(&frames, 2, who, "TZ", TT_ENV_GETENV, 1);
	edges[2] = frames.out.len;

	for (size_t len = 1; len <= edges[2]; len++) {
		char where[32];

		if (len == edges[edge]) {
			assert_int_equal(open_with(frames.out.text, len), 0);
			tt_sensor_free(TAKE_PTR(sensor));
			edge++;
			continue;
		}
		assert_int_equal(open_with(frames.out.text, len), -EBADMSG);
		assert_null(sensor);
		snprintf(where, sizeof(where), "offset %zu ", edge ? edges[edge - 1] : 0);
		assert_non_null(strstr(message, where));
		free(TAKE_PTR(message));
	}
}

static void impossible_frames_are_refused(void **state)
{
	static const struct {
		uint32_t ring, len;
		const char *why;
	} wrong[] = {
		{ 3, 8, "no ring" },
		{ UINT32_MAX, 8, "no ring" },
		{ 0, UINT32_MAX, "longer than the rest" },
		{ 0, 48, "not the frame's" },
		{ 0, 0, "not the frame's" },
		{ 2, 8, "not the size of a total" },
		{ 1, 70000, "longer than any can be" },
	};
	static char bytes[80000];

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		memcpy(bytes, &wrong[i].ring, 4);
		memcpy(bytes + 4, &wrong[i].len, 4);
		assert_int_equal(open_with(bytes, sizeof(bytes)), -EBADMSG);
		assert_non_null(strstr(message, wrong[i].why));
		assert_non_null(strstr(message, path));
		free(TAKE_PTR(message));
	}
}

static void records_that_do_not_decode_are_counted(void **state)
{
	_cleanup_(frames_done) struct frames frames = { 0 };
	static struct frames_record record;

	record_exit(&record, 1, who, 0);
	((struct tt_ev_header *)record.data)->type = 99;
	frames_add(&frames, FRAMES_LIFECYCLE, record.data, record.len);
	frames_exit(&frames, 2, who, 0);
	assert_int_equal(open_with(frames.out.text, frames.out.len), 0);
	assert_int_equal(sensor->ops->poll(sensor, take, NULL), 0);

	assert_int_equal(n_got, 1);
	assert_int_equal(sensor->stats.malformed, 1);
}

static void what_is_no_file_is_refused(void **state)
{
	assert_int_equal(tt_sensor_replay_new("/nonexistent/x", &params, &sensor, &message), -ENOENT);
	assert_non_null(strstr(message, "/nonexistent/x"));
	assert_int_equal(tt_sensor_replay_new("/tmp", &params, &sensor, NULL), -EINVAL);
	assert_int_equal(tt_sensor_replay_new("/dev/zero", &params, &sensor, NULL), -EINVAL);
	assert_int_equal(truncate(path, (16 << 20) + 1), 0);
	assert_int_equal(tt_sensor_replay_new(path, &params, &sensor, NULL), -EFBIG);
	assert_null(sensor);
}

static void slots_are_numbered_apart_from_the_kernels(void **state)
{
	uint64_t a, b;

	assert_int_equal(open_with("", 0), 0);
	assert_int_equal(sensor->ops->slot(sensor, &a), 0);
	assert_int_equal(sensor->ops->track(sensor, -1, &(struct tt_process_key){ .pid = 1 }, &b), 0);
	assert_int_not_equal(a, b);
	assert_true(a >> 63 && b >> 63);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(records_come_in_the_order_of_time),
		TEST(totals_come_with_the_sweep_between_polls),
		TEST(a_handler_can_stop_and_go_on),
		TEST(an_empty_recording_is_one),
		TEST(a_recording_cut_anywhere_is_refused_where_it_is_cut),
		TEST(impossible_frames_are_refused),
		TEST(records_that_do_not_decode_are_counted),
		TEST(what_is_no_file_is_refused),
		TEST(slots_are_numbered_apart_from_the_kernels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
