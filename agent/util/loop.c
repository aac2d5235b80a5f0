/* SPDX-License-Identifier: Apache-2.0 */
/* Event loop over epoll, timerfd and signalfd: see loop.h for what it promises.
 *
 * A removed source may still be named by an event of the batch being dispatched. It therefore moves
 * to a list of dead sources, which is freed when no batch is in progress. One signalfd serves all
 * signals and is read one record at a time: a SIGCONT that arrives while callbacks run withdraws
 * pending stop signals in the kernel, which it could not if they had been read in advance. */
#include "util/loop.h"

#include <errno.h>
#include <signal.h>
#include <sys/timerfd.h>
#include <time.h>

#define BATCH 64

enum source_kind { SOURCE_FD, SOURCE_TIMER, SOURCE_SIGNAL };

struct tt_source {
	struct tt_loop *loop;
	struct tt_source *prev, *next; /* live list; next also links the dead */
	enum source_kind kind;
	bool dead;
	bool was_blocked; /* signals: before we came */
	int fd; /* timers: ours; signals: -1 */
	int signo;
	union {
		void (*fd)(int fd, uint32_t events, void *arg);
		void (*timer)(void *arg);
		void (*signal)(const struct signalfd_siginfo *info, void *arg);
	} fn;
	void *arg;
};

struct tt_loop {
	int epoll_fd, signal_fd; /* signal_fd: -1 before the first signal */
	sigset_t signals;
	struct tt_source *by_signo[NSIG];
	struct tt_source *live, *dead;
	unsigned n_sources;
	bool dispatching, stopped;
	int result;
};

int tt_loop_new(struct tt_loop **ret)
{
	struct tt_loop *loop;
	int r;

	loop = calloc(1, sizeof(*loop));
	if (!loop)
		return -ENOMEM;
	loop->signal_fd = -1;
	sigemptyset(&loop->signals);
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0) {
		r = -errno;
		free(loop);
		return r;
	}
	*ret = loop;
	return 0;
}

static void loop_bury(struct tt_loop *loop)
{
	struct tt_source *source;

	while ((source = loop->dead)) {
		loop->dead = source->next;
		free(source);
	}
}

void tt_loop_free(struct tt_loop *loop)
{
	if (!loop)
		return;
	while (loop->live)
		tt_loop_remove(loop->live);
	loop_bury(loop);
	if (loop->signal_fd >= 0)
		close(loop->signal_fd);
	close(loop->epoll_fd);
	free(loop);
}

/* Links a new source into the loop; its fields stay to be filled. */
static int source_new(struct tt_loop *loop, enum source_kind kind, void *arg, struct tt_source **ret)
{
	struct tt_source *source;

	if (loop->n_sources >= TT_LOOP_SOURCES_MAX)
		return -ENOSPC;
	source = calloc(1, sizeof(*source));
	if (!source)
		return -ENOMEM;
	source->loop = loop;
	source->kind = kind;
	source->fd = -1;
	source->arg = arg;
	source->next = loop->live;
	if (loop->live)
		loop->live->prev = source;
	loop->live = source;
	loop->n_sources++;
	*ret = source;
	return 0;
}

static void source_unlink(struct tt_source *source)
{
	struct tt_loop *loop = source->loop;

	if (source->prev)
		source->prev->next = source->next;
	else
		loop->live = source->next;
	if (source->next)
		source->next->prev = source->prev;
	loop->n_sources--;
	source->dead = true;
	source->prev = NULL;
	source->next = loop->dead;
	loop->dead = source;
	if (!loop->dispatching)
		loop_bury(loop);
}

static int loop_ctl(struct tt_loop *loop, int op, int fd, uint32_t events, struct tt_source *source)
{
	struct epoll_event event = { .events = events, .data.ptr = source };

	return epoll_ctl(loop->epoll_fd, op, fd, &event) < 0 ? -errno : 0;
}

int tt_loop_add_fd(struct tt_loop *loop, int fd, uint32_t events,
		   void (*fn)(int fd, uint32_t events, void *arg), void *arg, struct tt_source **ret)
{
	struct tt_source *source;
	int r;

	r = source_new(loop, SOURCE_FD, arg, &source);
	if (r < 0)
		return r;
	source->fd = fd;
	source->fn.fd = fn;
	r = loop_ctl(loop, EPOLL_CTL_ADD, fd, events, source);
	if (r < 0) {
		source_unlink(source);
		return r;
	}
	if (ret)
		*ret = source;
	return 0;
}

int tt_loop_set_events(struct tt_source *source, uint32_t events)
{
	return loop_ctl(source->loop, EPOLL_CTL_MOD, source->fd, events, source);
}

static struct timespec timespec_of(uint64_t ns)
{
	return (struct timespec){ .tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000) };
}

int tt_loop_set_timer(struct tt_source *source, uint64_t after_ns, uint64_t every_ns)
{
	const struct itimerspec when = { .it_value = timespec_of(after_ns),
					 .it_interval = timespec_of(every_ns) };

	return timerfd_settime(source->fd, 0, &when, NULL) < 0 ? -errno : 0;
}

int tt_loop_add_timer(struct tt_loop *loop, uint64_t after_ns, uint64_t every_ns, void (*fn)(void *arg),
		      void *arg, struct tt_source **ret)
{
	struct tt_source *source;
	int r;

	r = source_new(loop, SOURCE_TIMER, arg, &source);
	if (r < 0)
		return r;
	source->fn.timer = fn;
	source->fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (source->fd < 0) {
		r = -errno;
		source_unlink(source);
		return r;
	}
	r = tt_loop_set_timer(source, after_ns, every_ns);
	if (r >= 0)
		r = loop_ctl(loop, EPOLL_CTL_ADD, source->fd, EPOLLIN, source);
	if (r < 0) {
		tt_loop_remove(source);
		return r;
	}
	if (ret)
		*ret = source;
	return 0;
}

static int loop_update_signals(struct tt_loop *loop)
{
	int fd, r;

	fd = signalfd(loop->signal_fd, &loop->signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (loop->signal_fd >= 0)
		return 0;
	r = loop_ctl(loop, EPOLL_CTL_ADD, fd, EPOLLIN, NULL); /* NULL means the signalfd */
	if (r < 0) {
		close(fd);
		return r;
	}
	loop->signal_fd = fd;
	return 0;
}

int tt_loop_add_signal(struct tt_loop *loop, int signo,
		       void (*fn)(const struct signalfd_siginfo *info, void *arg), void *arg,
		       struct tt_source **ret)
{
	struct tt_source *source;
	sigset_t one, before;
	int r;

	sigemptyset(&one);
	if (signo <= 0 || signo >= NSIG || sigaddset(&one, signo) < 0 || signo == SIGKILL || signo == SIGSTOP)
		return -EINVAL;
	if (loop->by_signo[signo])
		return -EBUSY;
	r = source_new(loop, SOURCE_SIGNAL, arg, &source);
	if (r < 0)
		return r;
	source->signo = signo;
	source->fn.signal = fn;
	r = -pthread_sigmask(SIG_BLOCK, &one, &before);
	source->was_blocked = sigismember(&before, signo) == 1;
	if (r == 0) {
		loop->by_signo[signo] = source;
		sigaddset(&loop->signals, signo);
		r = loop_update_signals(loop);
	}
	if (r < 0) {
		tt_loop_remove(source);
		return r;
	}
	if (ret)
		*ret = source;
	return 0;
}

static void signal_release(struct tt_source *source)
{
	static const struct timespec now = { 0 };
	struct tt_loop *loop = source->loop;
	sigset_t one;

	if (loop->by_signo[source->signo] == source) {
		loop->by_signo[source->signo] = NULL;
		sigdelset(&loop->signals, source->signo);
		if (loop->signal_fd >= 0)
			loop_update_signals(loop);
	}
	if (source->was_blocked)
		return;
	sigemptyset(&one);
	sigaddset(&one, source->signo);
	while (sigtimedwait(&one, NULL, &now) > 0)
		;
	pthread_sigmask(SIG_UNBLOCK, &one, NULL);
}

void tt_loop_remove(struct tt_source *source)
{
	if (!source || source->dead)
		return;
	switch (source->kind) {
	case SOURCE_FD:
		loop_ctl(source->loop, EPOLL_CTL_DEL, source->fd, 0, NULL);
		break;
	case SOURCE_TIMER:
		if (source->fd >= 0)
			close(source->fd);
		break;
	case SOURCE_SIGNAL:
		signal_release(source);
		break;
	}
	source_unlink(source);
}

static int dispatch_signal(struct tt_loop *loop)
{
	struct signalfd_siginfo info;
	struct tt_source *source;

	if (read(loop->signal_fd, &info, sizeof(info)) != sizeof(info))
		return 0; /* a callback of this batch removed its source */
	source = info.ssi_signo < NSIG ? loop->by_signo[info.ssi_signo] : NULL;
	if (!source)
		return 0;
	source->fn.signal(&info, source->arg);
	return 1;
}

static int dispatch(struct tt_loop *loop, const struct epoll_event *event)
{
	struct tt_source *source = event->data.ptr;
	uint64_t expirations;

	if (!source)
		return dispatch_signal(loop);
	if (source->dead)
		return 0;
	if (source->kind == SOURCE_FD) {
		source->fn.fd(source->fd, event->events, source->arg);
		return 1;
	}
	if (read(source->fd, &expirations, sizeof(expirations)) != sizeof(expirations))
		return 0; /* a callback of this batch set it anew */
	source->fn.timer(source->arg);
	return 1;
}

int tt_loop_step(struct tt_loop *loop, int timeout_ms)
{
	struct epoll_event events[BATCH];
	int n, calls = 0;

	if (loop->dispatching)
		return -EBUSY;
	n = epoll_wait(loop->epoll_fd, events, BATCH, timeout_ms);
	if (n < 0)
		return errno == EINTR ? 0 : -errno;

	loop->dispatching = true;
	for (int i = 0; i < n && !loop->stopped; i++)
		calls += dispatch(loop, &events[i]);
	loop->dispatching = false;
	loop_bury(loop);
	return calls;
}

int tt_loop_run(struct tt_loop *loop)
{
	int r;

	if (loop->dispatching)
		return -EBUSY;
	while (!loop->stopped) {
		r = tt_loop_step(loop, -1);
		if (r < 0)
			return r;
	}
	loop->stopped = false;
	return loop->result;
}

void tt_loop_stop(struct tt_loop *loop, int result)
{
	loop->stopped = true;
	loop->result = result;
}
