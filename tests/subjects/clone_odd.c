/* SPDX-License-Identifier: Apache-2.0 */
/* clone_odd KIND PATH: a child that is made, or a process that ends, in an unusual way.
 *
 *   sibling   a child with CLONE_PARENT opens PATH: its parent is our parent
 *   vfork     a child by vfork opens PATH while we wait, and exits with 5
 *   files     a child that shares our descriptors (CLONE_FILES) and working directory (CLONE_FS) opens PATH
 *   leader    the first thread ends; another one opens PATH after that, and exits with 6
 *   orphan    a grandchild opens PATH after its parent has ended; we wait for it (as its reaper)
 *   abort     opens PATH, then dies of SIGABRT */
#include "raw.h"
#include "subject.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static const char *path;

static void say(const char *name, long pid)
{
	fact("pid", "%d", getpid());
	printf("%s=%ld\n", name, pid);
}

static int with_flags(const char *name, long flags)
{
	long pid = raw6(__NR_clone, flags | RAW_SIGCHLD, 0, 0, 0, 0, 0);

	if (pid == 0)
		raw_exit(raw_open(path) < 0);
	if (!(flags & CLONE_PARENT))
		raw_wait(pid);
	say(name, pid);
	return 0;
}

static int sibling(void)
{
	return with_flags("child", CLONE_PARENT);
}

static int files(void)
{
	return with_flags("child", CLONE_FILES | CLONE_FS);
}

static int by_vfork(void)
{
	pid_t pid = vfork();
	int status;

	if (pid == 0) {
		raw_open(path);
		_exit(5);
	}
	waitpid(pid, &status, 0);
	say("child", pid);
	return 0;
}

static pthread_t first;

static void *second(void *unused)
{
	pthread_join(first, NULL);
	raw_open(path);
	say("second", gettid());
	fflush(stdout);
	_exit(6);
}

static int leader(void)
{
	pthread_t thread;

	first = pthread_self();
	if (pthread_create(&thread, NULL, second, NULL) != 0)
		die("no thread");
	pthread_exit(NULL);
}

static int orphan(void)
{
	pid_t child;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	child = fork();
	if (child == 0) {
		pid_t parent = getpid(), pid = fork();

		if (pid == 0) {
			while (getppid() == parent)
				sched_yield();
			raw_exit(raw_open(path) < 0);
		}
		fact("grandchild", "%d", pid);
		fflush(stdout);
		_exit(0);
	}
	while (wait(NULL) > 0)
		;
	say("child", child);
	return 0;
}

static int aborts(void)
{
	raw_open(path);
	say("child", 0);
	fflush(stdout);
	abort();
}

static const struct {
	const char *name;
	int (*run)(void);
} kinds[] = {
	{ "sibling", sibling }, { "vfork", by_vfork }, { "files", files },
	{ "leader", leader },	{ "orphan", orphan },  { "abort", aborts },
};

int main(int argc, char **argv)
{
	path = argc == 3 ? argv[2] : NULL;
	for (unsigned i = 0; path && i < ARRAY_SIZE(kinds); i++)
		if (strcmp(argv[1], kinds[i].name) == 0)
			return kinds[i].run();
	die("usage: clone_odd sibling|vfork|files|leader|orphan|abort PATH");
}
