/* SPDX-License-Identifier: Apache-2.0 */
/* open_many [-c] [-p] [-r RATE] [-f N] [-s SECONDS] DIRECTORY FILES TIMES: opens FILES distinct files TIMES each.
 *
 * The files are DIRECTORY/0 ... FILES-1, and are made first by `open_many -c` (which opens nothing to
 * read). -r: so many opens a second, spread evenly. -f: forks a child, which opens nothing and exits,
 * after every N opens. -s: goes on over the files for so long, whatever TIMES says. -p: each time through the files
 * is a child's, which calls the directory DIRECTORY-1, -2, ... first: every open is then the first of its process and of its
 * path, with no more files than one time needs. In the end the directory has its name again.
 * Prints how many opens succeeded, how many failed and how many children there were. */
#include "subject.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
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

/* What children count as well. */
static struct counts {
	long opened, failed, children;
} * counts;

static struct {
	double begin, rate, seconds;
	long files, total, every;
	int dir;
} plan;

/* The next `n` opens, of which `i` were made before. */
static void open_files(long i, long n)
{
	char name[32];

	for (long end = i + n; plan.seconds ? now() - plan.begin < plan.seconds : i < end; i++) {
		int fd;

		snprintf(name, sizeof(name), "%ld", i % plan.files);
		fd = openat(plan.dir, name, O_RDONLY);
		if (fd < 0) {
			counts->failed++;
		} else {
			counts->opened++;
			close(fd);
		}
		if (plan.every && i % plan.every == plan.every - 1) {
			fork_one();
			counts->children++;
		}
		if (plan.rate)
			wait_until(plan.begin + i / plan.rate);
	}
}

static void call(const char *from, const char *to)
{
	if (rename(from, to) < 0)
		die("rename %s to %s: %m", from, to);
}

static void open_in_children(const char *directory)
{
	char name[PATH_MAX], before[PATH_MAX];

	snprintf(before, sizeof(before), "%s", directory);
	for (long i = 0; i < plan.total; i += plan.files) {
		int status;
		pid_t pid;

		snprintf(name, sizeof(name), "%s-%ld", directory, i / plan.files + 1);
		pid = fork();
		if (pid < 0)
			die("fork: %m");
		if (pid == 0) {
			call(before, name);
			open_files(i, plan.files);
			_exit(0);
		}
		if (waitpid(pid, &status, 0) != pid || status != 0)
			die("a child failed");
		counts->children++;
		strcpy(before, name);
	}
	call(before, directory);
}

int main(int argc, char **argv)
{
	int option, create = 0, in_children = 0;

	while ((option = getopt(argc, argv, "cpr:f:s:")) != -1) {
		switch (option) {
		case 'c':
			create = 1;
			break;
		case 'p':
			in_children = 1;
			break;
		case 'r':
			plan.rate = number(optarg);
			break;
		case 'f':
			plan.every = number(optarg);
			break;
		case 's':
			plan.seconds = atof(optarg);
			break;
		default:
			die("usage: open_many [-c] [-p] [-r RATE] [-f N] [-s SECONDS] DIRECTORY FILES TIMES");
		}
	}
	if (argc - optind != 3)
		die("usage: open_many [-c] [-p] [-r RATE] [-f N] [-s SECONDS] DIRECTORY FILES TIMES");
	plan.files = number(argv[optind + 1]);
	plan.total = plan.files * number(argv[optind + 2]);
	plan.dir = open(argv[optind], O_PATH | O_DIRECTORY);
	if (plan.dir < 0)
		die("%s: %m", argv[optind]);
	if (create) {
		make_files(plan.dir, plan.files);
		return 0;
	}
	counts = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (counts == MAP_FAILED)
		die("mmap: %m");

	plan.begin = now();
	if (in_children)
		open_in_children(argv[optind]);
	else
		open_files(0, plan.total);
	fact("pid", "%d", getpid());
	fact("opened", "%ld", counts->opened);
	fact("failed", "%ld", counts->failed);
	fact("children", "%ld", counts->children);
	fact("seconds", "%.3f", now() - plan.begin);
	return 0;
}
