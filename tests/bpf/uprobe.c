/* SPDX-License-Identifier: Apache-2.0 */
/* Probes in the running kernel: they go in, are listed, and go out without anybody waiting for it. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "sensor/sensor.h"
#include "sensor/uprobe.h"

/* A busy machine may keep anybody waiting, but not each time. */
#define ROUNDS 5

struct fixture {
	struct tt_sensor *sensor;
	struct tt_uprobe *up;
};

static int setup(void **state)
{
	const struct tt_sensor_params params = {
		.backend = "rawtp",
		.ring_lifecycle_bytes = 1 << 16,
		.ring_activity_bytes = 1 << 16,
		.agg_entries = 64,
		.slot_entries = 64,
		.sock_entries = 64,
		.task_entries = 64,
	};
	struct tt_uprobe_params uprobe_params = { .root = NULL };
	struct fixture *f = calloc(1, sizeof(*f));

	*state = f;
	if (!f || tt_sensor_bpf_new(&params, &f->sensor, NULL) < 0)
		return -1;
	tt_sensor_bpf_uprobe_programs(f->sensor, &uprobe_params.programs);
	return tt_uprobe_new(&uprobe_params, &f->up);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	tt_uprobe_free(f->up);
	tt_sensor_free(f->sensor);
	free(f);
	return 0;
}

static int64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static int count_libraries(const struct tt_uprobe_file_info *info, void *arg)
{
	if (info->is_libc && info->attached_ns &&
	    strcmp(info->symbols, "getenv secure_getenv getaddrinfo freeaddrinfo") == 0)
		++*(int *)arg;
	return 0;
}

static void c_libraries_are_probed_and_listed(void **state)
{
	struct fixture *f = *state;
	int n = tt_uprobe_attach_libcs(f->up), listed = 0;

	assert_true(n >= 1);
	tt_uprobe_each(f->up, count_libraries, &listed);
	assert_int_equal(listed, n);
}

static volatile sig_atomic_t children;

static void on_child(int signal)
{
	children++;
}

static void detaching_keeps_nobody_waiting(void **state)
{
	struct fixture *f = *state;
	int64_t start, caller, kernel;
	int i;

	signal(SIGCHLD, on_child);
	for (i = 0; i < ROUNDS; i++) {
		assert_true(tt_uprobe_attach_libcs(f->up) >= 1);
		start = now();
		tt_uprobe_detach_libcs(f->up);
		caller = now() - start;
		/* waits until they are out */
		assert_true(tt_uprobe_attach_libcs(f->up) >= 1);
		kernel = now() - start;
		tt_uprobe_detach_libcs(f->up);
		if (caller * 4 < kernel)
			break;
	}
	assert_in_range(i, 0, ROUNDS - 1);

	/* what does the work is not a child of ours, and none that a shell's `wait` could see */
	assert_int_equal(waitpid(-1, NULL, WNOHANG | __WALL), -1);
	assert_int_equal(children, 0);
	signal(SIGCHLD, SIG_DFL);
}

static void probing_again_waits_for_the_detaching(void **state)
{
	struct fixture *f = *state;
	int n = tt_uprobe_attach_libcs(f->up);
	int64_t start;

	tt_uprobe_detach_libcs(f->up);
	start = now();
	assert_int_equal(tt_uprobe_attach_libcs(f->up), n);
	assert_true(now() - start > 10000000); /* two probes a library, some 0.1 s each: never this quick */
}

static void the_command_that_will_run_is_probed_first(void **state)
{
	static const char *const argv[] = { "env", "-S", "sh -c true", NULL };
	struct fixture *f = *state;

	assert_true(tt_uprobe_prepare_command(f->up, argv, getenv("PATH"), "/") >= 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(c_libraries_are_probed_and_listed),
		TEST(detaching_keeps_nobody_waiting),
		TEST(probing_again_waits_for_the_detaching),
		TEST(the_command_that_will_run_is_probed_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
