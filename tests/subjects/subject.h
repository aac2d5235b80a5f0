/* SPDX-License-Identifier: Apache-2.0 */
/* What the test subjects share: printing exact facts, and giving up loudly.
 *
 * A subject does one observable thing and prints what it did as "name=value" lines on standard output,
 * all at the end, so that printing does not get between the things that a test counts. Results are 0 or
 * -errno. A subject that could not even set the scene says so on standard error and exits with 2. */
#ifndef TT_TESTS_SUBJECT_H
#define TT_TESTS_SUBJECT_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define die(...)                                                                                             \
	do {                                                                                                 \
		fprintf(stderr, __VA_ARGS__);                                                                \
		fputc('\n', stderr);                                                                         \
		exit(2);                                                                                     \
	} while (0)

#define fact(name, format, ...) printf(name "=" format "\n", ##__VA_ARGS__)

/* A call's return value as 0 or -errno. */
static inline int result_of(long r)
{
	return r < 0 ? -errno : 0;
}

static inline long number(const char *text)
{
	char *end;
	long n = strtol(text, &end, 0);

	if (*end || end == text)
		die("not a number: %s", text);
	return n;
}

#endif
