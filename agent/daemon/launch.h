/* SPDX-License-Identifier: Apache-2.0 */
/* Launching the observed command for `telltale run`, as if telltale weren't there.
 *
 * The order of calls is what makes that true:
 *
 *	tt_launch_new()      forks; before telltale opens anything or touches signals, limits, cwd
 *	...                  sensors attach, tt_launch_pid() is marked as tracked
 *	tt_launch_watch()    telltale stops dying of signals
 *	tt_launch_release()  the command executes
 *	tt_loop_run()        until on_exit
 *	tt_launch_finish()   telltale ends the way the command did
 *
 * The child inherits everything: environment, descriptors, signal mask and dispositions, limits, cwd,
 * umask, terminal, process group. All that telltale does in it (change of user, search of PATH) is
 * done before it waits, so that the sensors see of it, after release, one execve(2). If telltale
 * dies while the child waits, the child exits and the command never runs; after release it goes on.
 *
 * Signals. Command and telltale share a process group, so what a terminal or kill(-group) sends
 * reaches the command by itself; what was sent to telltale alone is forwarded. To tell the two apart
 * there is a witness: a child that blocks everything and is asked whether it got the signal too. When
 * the command stops, telltale stops itself by the same signal (the shell sees its job stopped), and
 * a SIGCONT reaches both. A telltale that is stopped does not read its sensors: what overflows
 * meanwhile is in the loss account.
 *
 * Refuses to: print, touch the terminal, decide who the user should be. */
#ifndef TT_DAEMON_LAUNCH_H
#define TT_DAEMON_LAUNCH_H

#include <sys/types.h>

#include "util/loop.h"
#include "util/util.h"

struct tt_launch;

struct tt_launch_user {
	uid_t uid;
	gid_t gid;
	char *name, *home, *shell; /* NULL where the user has no entry in the password database */
};

/* Who started telltale through sudo, by SUDO_UID, SUDO_GID and SUDO_USER. 1: *ret is filled; 0: not
 * under sudo, not root, or root called sudo; -EINVAL: the variables are malformed or contradict the
 * password database. */
int tt_launch_sudo_user(struct tt_launch_user *ret);
void tt_launch_user_done(struct tt_launch_user *user);

/* Forks the child that will execute argv (NULL-terminated, at least one), found by the PATH of the
 * environment (execvp(3)), as the caller or, when `as` is given, as that user: groups, gid and uid
 * are set and all capabilities dropped, the bounding set left as login(1) leaves it. HOME, USER,
 * LOGNAME and SHELL are then set from `as`, and MAIL and SUDO_* removed, because sudo made them;
 * what sudo removed (TZ, proxies, PATH) nobody can bring back.
 * Closed standard descriptors of telltale are opened on /dev/null once the child has been forked.
 *
 * On failure *ret_message (may be NULL) is a malloc'd line such as a shell prints, and
 * tt_launch_failure_code() the status to exit with. */
int tt_launch_new(char *const argv[], const struct tt_launch_user *as, struct tt_launch **ret,
		  char **ret_message);
/* Ends a child that was not released; one that was goes on. NULL is fine. */
void tt_launch_free(struct tt_launch *launch);
TT_DEFINE_CLEANUP(struct tt_launch *, tt_launch_free)

pid_t tt_launch_pid(const struct tt_launch *launch);

/* Takes over telltale's signals and waits for the command in the loop. on_exit is called once, with
 * the wait status, when signals are back to what they were: a SIGINT ends telltale again. */
int tt_launch_watch(struct tt_launch *launch, struct tt_loop *loop, void (*on_exit)(int status, void *arg),
		    void *arg);

/* Lets the child execute; returns once it has, or with the error of execve as tt_launch_new() does.
 * A child that a signal ended before is no error: watch reports its status. */
int tt_launch_release(struct tt_launch *launch, char **ret_message);

/* What a shell would exit with: 127 for -ENOENT, else 126. */
int tt_launch_failure_code(int error);
/* Exit code of a wait status as data-model.md counts it: code, or 128 + signal. */
int tt_launch_exit_code(int status);
/* Ends telltale as the command ended: same code, or by the same signal (without a core of ours). */
_Noreturn void tt_launch_finish(int status);

#endif
