/* SPDX-License-Identifier: Apache-2.0 */
/* open_many [-c] [-r RATE] [-f N] [-s SECONDS] DIRECTORY FILES TIMES: opens FILES distinct files TIMES each.
 *
 * The files are DIRECTORY/0 ... FILES-1, and are made first by `open_many -c` (which opens nothing to
 * read). -r: so many opens a second, spread evenly. -f: forks a child, which opens nothing and exits,
 * after every N opens. -s: goes on over the files for so long, whatever TIMES says.
 * Prints how many opens succeeded, how many failed and how many children there were. */
#include "subject.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <time.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void wait_until(double when)
{
	double rest = when - now();

	/* A sleep shorter than this takes about as long: burst, then rest. */
	if (rest > 0.002)
		usleep(rest * 1e6);
}

static void make_files(int dir, long files)
{
	char name[32];

	for (long i = 0; i < files; i++) {
		int fd;

		snprintf(name, sizeof(name), "%ld", i);
		fd = openat(dir, name, O_CREAT | O_WRONLY, 0600);
		if (fd < 0)
			die("%s: %m", name);
		close(fd);
	}
	fact("created", "%ld", files);
}

static void fork_one(void)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork: %m");
	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
	long files, total, opened = 0, failed = 0, children = 0, every = 0, i;
	double rate = 0, seconds = 0, begin;
	int option, create = 0, dir;
	char name[32];

	while ((option = getopt(argc, argv, "cr:f:s:")) != -1) {
		switch (option) {
		case 'c':
			create = 1;
			break;
		case 'r':
			rate = number(optarg);
			break;
		case 'f':
			every = number(optarg);
			break;
		case 's':
			seconds = atof(optarg);
			break;
		default:
			die("usage: open_many [-c] [-r RATE] [-f N] [-s SECONDS] DIRECTORY FILES TIMES");
		}
	}
	if (argc - optind != 3)
		die("usage: open_many [-c] [-r RATE] [-f N] [-s SECONDS] DIRECTORY FILES TIMES");
	files = number(argv[optind + 1]);
	total = files * number(argv[optind + 2]);
	dir = open(argv[optind], O_PATH | O_DIRECTORY);
	if (dir < 0)
		die("%s: %m", argv[optind]);
	if (create) {
		make_files(dir, files);
		return 0;
	}

	begin = now();
	for (i = 0; seconds ? now() - begin < seconds : i < total; i++) {
		int fd;

		snprintf(name, sizeof(name), "%ld", i % files);
		fd = openat(dir, name, O_RDONLY);
		if (fd < 0) {
			failed++;
		} else {
			opened++;
			close(fd);
		}
		if (every && i % every == every - 1) {
			fork_one();
			children++;
		}
		if (rate)
			wait_until(begin + i / rate);
	}
	fact("pid", "%d", getpid());
	fact("opened", "%ld", opened);
	fact("failed", "%ld", failed);
	fact("children", "%ld", children);
	fact("seconds", "%.3f", now() - begin);
	return 0;
}
