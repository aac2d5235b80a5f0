/* SPDX-License-Identifier: Apache-2.0 */
/* What a command took, and what its sensor spent meanwhile. Usage: took FILE PID COMMAND [ARG...]
 *
 * Appends one line to FILE, tab-separated: when the command began and how long it ran (monotonic clock), CPU time of
 * its process tree, CPU time of the process PID meanwhile (all in nanoseconds), and RssAnon of that in kB. PID 0: there is
 * no sensor. Exits as the command does, 128 and the number for a signal. */
#include <errno.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "util/util.h"

static long long now(clockid_t clock)
{
	struct timespec ts = {};

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static long long ns(struct timeval tv)
{
	return tv.tv_sec * 1000000000LL + tv.tv_usec * 1000LL;
}

static long long cpu_of(pid_t pid)
{
	clockid_t clock;

	/* 0 would be ourselves */
	return pid && clock_getcpuclockid(pid, &clock) == 0 ? now(clock) : 0;
}

static long rss_anon(pid_t pid)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[64], line[128];
	long kb = 0;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "RssAnon: %ld", &kb) == 1)
			break;
	}
	return kb;
}

int main(int argc, char **argv)
{
	_cleanup_fclose_ FILE *out = NULL;
	long long begin, wall, spent;
	struct rusage use;
	pid_t pid, sensor;
	int status;

	if (argc < 4) {
		fprintf(stderr, "usage: took FILE PID COMMAND [ARG...]\n");
		return 2;
	}
	out = fopen(argv[1], "ae");
	if (!out) {
		fprintf(stderr, "took: %s: %s\n", argv[1], strerror(errno));
		return 2;
	}
	sensor = strtol(argv[2], NULL, 10);
	spent = cpu_of(sensor);
	begin = now(CLOCK_MONOTONIC);
	pid = fork();
	if (pid == 0) {
		execvp(argv[3], argv + 3);
		fprintf(stderr, "took: %s: %s\n", argv[3], strerror(errno));
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &use) < 0) {
		fprintf(stderr, "took: %s: %s\n", argv[3], strerror(errno));
		return 2;
	}
	wall = now(CLOCK_MONOTONIC) - begin;
	fprintf(out, "%lld\t%lld\t%lld\t%lld\t%ld\n", begin, wall, ns(use.ru_utime) + ns(use.ru_stime),
		cpu_of(sensor) - spent, rss_anon(sensor));
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
