/* SPDX-License-Identifier: Apache-2.0 */
/* threads_fork [-s SECONDS] [-u FILE] [-n COUNTER] THREADS FORKS PATH: so many threads, each of which forks so often; every child
 * opens PATH.
 *
 * -s: each thread goes on forking, beyond FORKS, until so long has passed. -u: but no longer than until FILE is there. -n: each child opens a name of its own, PATH0, PATH1, ...; how
 * many were begun is at any moment in the file COUNTER, a 64-bit number in host byte order. Prints how many children there were. */
#include "raw.h"
#include "subject.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <time.h>

static const char *path, *until;
static long forks;
static time_t end;
static atomic_long children, *begun;

static int goes_on(long i)
{
	if (until && access(until, F_OK) == 0)
		return 0;
	return i < forks || (end && time(NULL) < end);
}

static void *forker(void *unused)
{
	for (long i = 0; goes_on(i); i++) {
		char name[4096];
		long pid;

		if (begun)
			snprintf(name, sizeof(name), "%s%ld", path, atomic_fetch_add(begun, 1));
		pid = raw_fork();
		if (pid == 0)
			raw_exit(raw_open(begun ? name : path) < 0 && !begun);
		if (pid < 0)
			continue;
		raw_wait(pid);
		atomic_fetch_add(&children, 1);
	}
	return NULL;
}

static void *shared(const char *file)
{
	int fd = open(file, O_RDWR | O_CREAT, 0600);
	void *memory;

	if (fd < 0 || ftruncate(fd, 8) < 0)
		die("%s: %m", file);
	memory = mmap(NULL, 8, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return memory == MAP_FAILED ? NULL : memory;
}

int main(int argc, char **argv)
{
	int option;
	long n;

	while ((option = getopt(argc, argv, "s:u:n:")) != -1) {
		if (option == 's')
			end = time(NULL) + number(optarg);
		else if (option == 'u')
			until = optarg;
		else if (option == 'n')
			begun = shared(optarg);
	}
	if (argc - optind != 3)
		die("usage: threads_fork [-s SECONDS] [-u FILE] [-n COUNTER] THREADS FORKS PATH");
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
