/* SPDX-License-Identifier: Apache-2.0 */
/* threads_fork [-s SECONDS] THREADS FORKS PATH: so many threads, each of which forks so often; every child opens PATH.
 *
 * -s: each thread goes on forking for so long instead. Prints how many children there were. */
#include "raw.h"
#include "subject.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

static const char *path;
static long forks;
static time_t end;
static atomic_long children;

static void *forker(void *unused)
{
	for (long i = 0; end ? time(NULL) < end : i < forks; i++) {
		long pid = raw_fork();

		if (pid == 0)
			raw_exit(raw_open(path) < 0);
		if (pid < 0)
			continue;
		raw_wait(pid);
		atomic_fetch_add(&children, 1);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	int option;
	long n;

	while ((option = getopt(argc, argv, "s:")) != -1)
		end = time(NULL) + number(optarg);
	if (argc - optind != 3)
		die("usage: threads_fork [-s SECONDS] THREADS FORKS PATH");
	n = number(argv[optind]);
	forks = number(argv[optind + 1]);
	path = argv[optind + 2];

	pthread_t *threads = calloc(n, sizeof(*threads));

	for (long i = 0; i < n; i++)
		if (pthread_create(&threads[i], NULL, forker, NULL) != 0)
			die("cannot start thread %ld", i);
	for (long i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	fact("pid", "%d", getpid());
	fact("threads", "%ld", n);
	fact("children", "%ld", children);
	free(threads);
	return 0;
}
