/* SPDX-License-Identifier: Apache-2.0 */
/* Event loop: descriptors, timers and signals wake up one thread through epoll; nothing sleeps.
 *
 * Owns the epoll, timer and signal descriptors and every source it handed out, never the descriptors
 * that callers add. Callbacks run one at a time, may add and remove any source (their own included),
 * and must not block or free the loop. Once tt_loop_remove() returns, the source's callback is not
 * called again, even if its event had already been collected. Bounded: TT_LOOP_SOURCES_MAX sources.
 *
 * For one thread. Signals are taken through signalfd, so they must be blocked in every thread of the
 * process: add signal sources before starting threads. Children started later inherit the blocked
 * signals and have to restore their mask. */
#ifndef TT_UTIL_LOOP_H
#define TT_UTIL_LOOP_H

#include <sys/epoll.h>
#include <sys/signalfd.h>

#include "util/util.h"

/* The daemon needs some 30 and one for each client and tracked root; far beyond that is a leak. */
#define TT_LOOP_SOURCES_MAX 1024

struct tt_loop;
struct tt_source;

int tt_loop_new(struct tt_loop **ret);
/* Removes what is left; restores the signal mask. NULL is fine. */
void tt_loop_free(struct tt_loop *loop);
TT_DEFINE_CLEANUP(struct tt_loop *, tt_loop_free)

/* In all of these ret may be NULL: the source then lives as long as the loop.
 * -ENOSPC: too many sources. */

/* events: EPOLLIN, EPOLLOUT, ... level-triggered; EPOLLHUP and EPOLLERR come unasked. The descriptor
 * stays the caller's and must be removed here before it is closed. -EPERM: a regular file. */
int tt_loop_add_fd(struct tt_loop *loop, int fd, uint32_t events,
		   void (*fn)(int fd, uint32_t events, void *arg), void *arg, struct tt_source **ret);
/* events 0: only errors and hang-ups. */
int tt_loop_set_events(struct tt_source *source, uint32_t events);

/* Fires once after after_ns, then each every_ns (0: once). after_ns 0: not armed yet. Expirations
 * that were missed are one call. Monotonic clock: stands still while the machine is suspended. */
int tt_loop_add_timer(struct tt_loop *loop, uint64_t after_ns, uint64_t every_ns, void (*fn)(void *arg),
		      void *arg, struct tt_source **ret);
/* Arms anew; (0, 0) disarms. */
int tt_loop_set_timer(struct tt_source *source, uint64_t after_ns, uint64_t every_ns);

/* Blocks the signal and takes it here instead. Of each signal there can be one source: -EBUSY. */
int tt_loop_add_signal(struct tt_loop *loop, int signo,
		       void (*fn)(const struct signalfd_siginfo *info, void *arg), void *arg,
		       struct tt_source **ret);

/* NULL is fine. For a signal: drops what came and was not handled yet, then restores its blocking to
 * what it was before. */
void tt_loop_remove(struct tt_source *source);

/* Dispatches until tt_loop_stop() or an error of the loop itself; returns what stop was given.
 * -EBUSY from within a callback. */
int tt_loop_run(struct tt_loop *loop);
/* One wait (timeout_ms as in epoll_wait) and its callbacks. Returns their number, or an error. */
int tt_loop_step(struct tt_loop *loop, int timeout_ms);
/* After the current callback run returns result. Called before run, run returns at once. */
void tt_loop_stop(struct tt_loop *loop, int result);

#endif
