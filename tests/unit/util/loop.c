/* SPDX-License-Identifier: Apache-2.0 */
/* Event loop: sources of each kind, removal from inside callbacks, bounds. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/eventfd.h>
#include <time.h>

#include <cmocka.h>

#include "util/loop.h"

#define MS UINT64_C(1000000)

struct fixture {
	struct tt_loop *loop;
	struct tt_source *a, *b;
	int fd_a, fd_b;
	int calls_a, calls_b;
	int last_signo;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->fd_a = eventfd(0, EFD_CLOEXEC);
	f->fd_b = eventfd(0, EFD_CLOEXEC);
	assert_int_equal(tt_loop_new(&f->loop), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	tt_loop_free(f->loop);
	close(f->fd_a);
	close(f->fd_b);
	free(f);
	return 0;
}

static void make_readable(int fd)
{
	assert_int_equal(eventfd_write(fd, 1), 0);
}

static void take(int fd, uint32_t events, void *arg)
{
	struct fixture *f = arg;
	eventfd_t value;

	assert_true(events & EPOLLIN);
	eventfd_read(fd, &value);
	if (fd == f->fd_a)
		f->calls_a++;
	else
		f->calls_b++;
}

static void readable_descriptor_calls_its_function(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(tt_loop_add_fd(f->loop, f->fd_a, EPOLLIN, take, f, NULL), 0);
	assert_int_equal(tt_loop_step(f->loop, 0), 0);
	make_readable(f->fd_a);

	assert_int_equal(tt_loop_step(f->loop, 0), 1);
	assert_int_equal(tt_loop_step(f->loop, 0), 0);

	assert_int_equal(f->calls_a, 1);
}

static void muted_descriptor_is_silent_until_events_are_set(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(tt_loop_add_fd(f->loop, f->fd_a, 0, take, f, &f->a), 0);
	make_readable(f->fd_a);
	assert_int_equal(tt_loop_step(f->loop, 0), 0);

	assert_int_equal(tt_loop_set_events(f->a, EPOLLIN), 0);

	assert_int_equal(tt_loop_step(f->loop, 0), 1);
}

static void regular_file_is_refused(void **state)
{
	struct fixture *f = *state;
	_cleanup_close_ int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	assert_int_equal(tt_loop_add_fd(f->loop, fd, EPOLLIN, take, f, NULL), -EPERM);
	assert_int_equal(tt_loop_add_fd(f->loop, -1, EPOLLIN, take, f, NULL), -EBADF);
	assert_int_equal(tt_loop_step(f->loop, 0), 0);
}

static void remove_both(int fd, uint32_t events, void *arg)
{
	struct fixture *f = arg;

	f->calls_a++;
	tt_loop_remove(f->a);
	tt_loop_remove(f->b);
}

static void source_removed_in_the_same_batch_is_not_called(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(tt_loop_add_fd(f->loop, f->fd_a, EPOLLIN, remove_both, f, &f->a), 0);
	assert_int_equal(tt_loop_add_fd(f->loop, f->fd_b, EPOLLIN, remove_both, f, &f->b), 0);
	make_readable(f->fd_a);
	make_readable(f->fd_b);

	assert_int_equal(tt_loop_step(f->loop, 0), 1);
	assert_int_equal(tt_loop_step(f->loop, 0), 0);

	assert_int_equal(f->calls_a, 1);
}

static void replace_other(int fd, uint32_t events, void *arg)
{
	struct fixture *f = arg;
	bool first = f->calls_a++ == 0;

	if (!first)
		return;
	tt_loop_remove(f->b);
	close(f->fd_b);
	f->fd_b = eventfd(0, EFD_CLOEXEC); /* the same number, not readable */
	assert_int_equal(tt_loop_add_fd(f->loop, f->fd_b, EPOLLIN, take, f, &f->b), 0);
}

static void descriptor_number_reused_in_the_same_batch_gets_no_stale_event(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(tt_loop_add_fd(f->loop, f->fd_a, EPOLLIN, replace_other, f, &f->a), 0);
	assert_int_equal(tt_loop_add_fd(f->loop, f->fd_b, EPOLLIN, take, f, &f->b), 0);
	make_readable(f->fd_a);
	make_readable(f->fd_b);

	tt_loop_step(f->loop, 0);
	f->calls_b = 0; /* b may have come first in the batch, with the old descriptor */
	tt_loop_step(f->loop, 0);

	assert_int_equal(f->calls_b, 0);
}

static void tick(void *arg)
{
	struct fixture *f = arg;

	if (++f->calls_a == 3)
		tt_loop_stop(f->loop, 7);
}

static void periodic_timer_repeats_until_stop(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(tt_loop_add_timer(f->loop, MS, MS, tick, f, NULL), 0);

	assert_int_equal(tt_loop_run(f->loop), 7);

	assert_int_equal(f->calls_a, 3);
}

static void one_shot_timer_fires_once_and_can_be_set_again(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(tt_loop_add_timer(f->loop, 0, 0, tick, f, &f->a), 0);
	assert_int_equal(tt_loop_step(f->loop, 5), 0);
	assert_int_equal(tt_loop_set_timer(f->a, 1, 0), 0);
	assert_int_equal(tt_loop_step(f->loop, 1000), 1);
	assert_int_equal(tt_loop_step(f->loop, 5), 0);
	assert_int_equal(tt_loop_set_timer(f->a, 1, 0), 0);

	assert_int_equal(tt_loop_step(f->loop, 1000), 1);

	assert_int_equal(f->calls_a, 2);
}

static void disarm_other(int fd, uint32_t events, void *arg)
{
	struct fixture *f = arg;
	eventfd_t value;

	eventfd_read(fd, &value);
	tt_loop_set_timer(f->b, 0, 0);
}

static void timer_disarmed_in_the_same_batch_is_not_called(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(tt_loop_add_fd(f->loop, f->fd_a, EPOLLIN, disarm_other, f, &f->a), 0);
	assert_int_equal(tt_loop_add_timer(f->loop, 0, 0, tick, f, &f->b), 0);
	make_readable(f->fd_a);
	tt_loop_set_timer(f->b, 1, 0);
	usleep(1000);

	tt_loop_step(f->loop, 0);

	assert_true(f->calls_a <= 1); /* 1 if the timer came first in the batch */
	assert_int_equal(tt_loop_step(f->loop, 5), 0);
}

static void on_signal(const struct signalfd_siginfo *info, void *arg)
{
	struct fixture *f = arg;

	f->last_signo = (int)info->ssi_signo;
	f->calls_a++;
}

static void signals_come_through_the_loop_one_by_one(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(tt_loop_add_signal(f->loop, SIGUSR1, on_signal, f, NULL), 0);
	assert_int_equal(tt_loop_add_signal(f->loop, SIGUSR2, on_signal, f, NULL), 0);
	assert_int_equal(tt_loop_add_signal(f->loop, SIGUSR1, on_signal, f, NULL), -EBUSY);
	kill(getpid(), SIGUSR2);
	kill(getpid(), SIGUSR1);

	assert_int_equal(tt_loop_step(f->loop, 0), 1);
	assert_int_equal(f->last_signo, SIGUSR1);
	assert_int_equal(tt_loop_step(f->loop, 0), 1);
	assert_int_equal(f->last_signo, SIGUSR2);
	assert_int_equal(tt_loop_step(f->loop, 0), 0);
}

static void signal_ignored_by_the_caller_is_seen_all_the_same(void **state)
{
	struct fixture *f = *state;

	signal(SIGUSR1, SIG_IGN);
	assert_int_equal(tt_loop_add_signal(f->loop, SIGUSR1, on_signal, f, NULL), 0);
	kill(getpid(), SIGUSR1);

	assert_int_equal(tt_loop_step(f->loop, 0), 1);

	signal(SIGUSR1, SIG_DFL);
}

static bool is_blocked(int signo)
{
	sigset_t mask;

	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	return sigismember(&mask, signo) == 1;
}

static void removing_a_signal_drops_it_and_restores_the_mask(void **state)
{
	struct fixture *f = *state;
	sigset_t blocked;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &blocked, NULL);
	assert_int_equal(tt_loop_add_signal(f->loop, SIGUSR1, on_signal, f, &f->a), 0);
	assert_int_equal(tt_loop_add_signal(f->loop, SIGUSR2, on_signal, f, &f->b), 0);
	kill(getpid(), SIGUSR1);
	assert_true(is_blocked(SIGUSR1));

	tt_loop_remove(f->a); /* would end this program if the signal were still pending */
	tt_loop_remove(f->b);

	assert_false(is_blocked(SIGUSR1));
	assert_true(is_blocked(SIGUSR2));
	pthread_sigmask(SIG_UNBLOCK, &blocked, NULL);
}

static void freeing_the_loop_restores_the_mask(void **state)
{
	struct tt_loop *loop;

	assert_int_equal(tt_loop_new(&loop), 0);
	assert_int_equal(tt_loop_add_signal(loop, SIGTERM, on_signal, NULL, NULL), 0);

	tt_loop_free(loop);

	assert_false(is_blocked(SIGTERM));
}

static void impossible_signals_are_refused(void **state)
{
	static const int signals[] = { 0, -1, SIGKILL, SIGSTOP, NSIG, 4711 };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		assert_int_equal(tt_loop_add_signal(f->loop, signals[i], on_signal, f, NULL), -EINVAL);
}

static void run_again(int fd, uint32_t events, void *arg)
{
	struct fixture *f = arg;

	f->calls_a = tt_loop_run(f->loop);
	f->calls_b = tt_loop_step(f->loop, 0);
	tt_loop_stop(f->loop, 0);
}

static void loop_does_not_nest(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(tt_loop_add_fd(f->loop, f->fd_a, EPOLLIN, run_again, f, NULL), 0);
	make_readable(f->fd_a);

	assert_int_equal(tt_loop_run(f->loop), 0);

	assert_int_equal(f->calls_a, -EBUSY);
	assert_int_equal(f->calls_b, -EBUSY);
}

static void stop_before_run_is_remembered_once(void **state)
{
	struct fixture *f = *state;

	tt_loop_stop(f->loop, -EINTR);

	assert_int_equal(tt_loop_run(f->loop), -EINTR);
	tt_loop_stop(f->loop, 0);
	assert_int_equal(tt_loop_run(f->loop), 0);
}

static void stop_leaves_the_rest_of_the_batch_for_later(void **state)
{
	struct fixture *f = *state;

	f->calls_a = 2; /* the first tick stops */
	assert_int_equal(tt_loop_add_timer(f->loop, 1, 0, tick, f, NULL), 0);
	assert_int_equal(tt_loop_add_timer(f->loop, 1, 0, tick, f, NULL), 0);
	usleep(1000);

	assert_int_equal(tt_loop_run(f->loop), 7);
	assert_int_equal(f->calls_a, 3);
	assert_int_equal(tt_loop_step(f->loop, 1000), 1);
}

static void sources_are_bounded(void **state)
{
	struct fixture *f = *state;
	struct tt_source *last = NULL;
	int r, n = 0;

	/* signals would run out, timers cost a descriptor each: the same eventfd cannot be added twice */
	while ((r = tt_loop_add_timer(f->loop, 0, 0, tick, f, &last)) == 0)
		n++;

	assert_true((r == -ENOSPC && n == TT_LOOP_SOURCES_MAX) || r == -EMFILE);
	tt_loop_remove(last);
	assert_int_equal(tt_loop_add_timer(f->loop, 0, 0, tick, f, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(readable_descriptor_calls_its_function),
		T(muted_descriptor_is_silent_until_events_are_set),
		T(regular_file_is_refused),
		T(source_removed_in_the_same_batch_is_not_called),
		T(descriptor_number_reused_in_the_same_batch_gets_no_stale_event),
		T(periodic_timer_repeats_until_stop),
		T(one_shot_timer_fires_once_and_can_be_set_again),
		T(timer_disarmed_in_the_same_batch_is_not_called),
		T(signals_come_through_the_loop_one_by_one),
		T(signal_ignored_by_the_caller_is_seen_all_the_same),
		T(removing_a_signal_drops_it_and_restores_the_mask),
		T(freeing_the_loop_restores_the_mask),
		T(impossible_signals_are_refused),
		T(loop_does_not_nest),
		T(stop_before_run_is_remembered_once),
		T(stop_leaves_the_rest_of_the_batch_for_later),
		T(sources_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
