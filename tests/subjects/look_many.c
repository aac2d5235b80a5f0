/* SPDX-License-Identifier: Apache-2.0 */
/* look_many PREFIX COUNT: stat of PREFIX0, PREFIX1, ..., once each. */
#include "subject.h"

#include <limits.h>
#include <sys/stat.h>

int main(int argc, char **argv)
{
	char path[PATH_MAX];
	struct stat st;

	if (argc != 3)
		die("usage: look_many PREFIX COUNT");
	for (long i = 0; i < number(argv[2]); i++) {
		snprintf(path, sizeof(path), "%s%ld", argv[1], i);
		stat(path, &st);
	}
	fact("pid", "%d", getpid());
	return 0;
}
