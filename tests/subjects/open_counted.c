/* SPDX-License-Identifier: Apache-2.0 */
/* open_counted [-n NAMES] [-s SECONDS] COUNTERS PREFIX MILLISECONDS: opens PREFIX0, PREFIX1, ... which need not be
 * there, one each MILLISECONDS (0: as fast as it goes), for ever or for SECONDS; -n: and begins anew after NAMES.
 *
 * The file COUNTERS has two 64-bit numbers in host byte order: opens begun and opens done. They are right at any
 * moment, also after SIGKILL. */
#include "subject.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>

static void wait_ms(long ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

int main(int argc, char **argv)
{
	long names = 0, seconds = 0;
	volatile long *counters;
	time_t end;
	int option, fd;

	while ((option = getopt(argc, argv, "n:s:")) != -1) {
		if (option == 'n')
			names = number(optarg);
		else if (option == 's')
			seconds = number(optarg);
		else
			return 2;
	}
	if (argc - optind != 3)
		die("usage: open_counted [-n NAMES] [-s SECONDS] COUNTERS PREFIX MILLISECONDS");
	fd = open(argv[optind], O_RDWR | O_CREAT, 0600);
	if (fd < 0 || ftruncate(fd, 16) < 0)
		die("%s: %m", argv[optind]);
	counters = mmap(NULL, 16, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (counters == MAP_FAILED)
		die("mmap: %m");
	end = time(NULL) + seconds;
	for (long i = 0; !seconds || time(NULL) < end; i++) {
		char name[4096];

		snprintf(name, sizeof(name), "%s%ld", argv[optind + 1], names ? i % names : i);
		counters[0] = i + 1;
		fd = open(name, O_RDONLY);
		counters[1] = i + 1;
		if (fd >= 0)
			close(fd);
		if (number(argv[optind + 2]))
			wait_ms(number(argv[optind + 2]));
	}
	return 0;
}
