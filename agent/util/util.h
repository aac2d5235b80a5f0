/* SPDX-License-Identifier: Apache-2.0 */
/* Small things everybody uses: ownership helpers, array sizes, totals that come again. */
#ifndef TT_UTIL_UTIL_H
#define TT_UTIL_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ARRAY_SIZE(a)  (sizeof(a) / sizeof((a)[0]))
#define _cleanup_(fn)  __attribute__((cleanup(fn)))
#define _printf_(a, b) __attribute__((format(printf, a, b)))

#define TAKE_PTR(p)                                                                                          \
	({                                                                                                   \
		__typeof__(p) __v = (p);                                                                     \
		(p) = NULL;                                                                                  \
		__v;                                                                                         \
	})

#define TT_DEFINE_CLEANUP(type, fn)                                                                          \
	static inline void fn##p(type *p)                                                                    \
	{                                                                                                    \
		fn(*p);                                                                                      \
	}

/* Nanoseconds of a clock of clock_gettime(2) that cannot fail. */
static inline uint64_t tt_clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* The clock of events: bpf_ktime_get_boot_ns(). */
static inline uint64_t tt_boot_ns(void)
{
	return tt_clock_ns(CLOCK_BOOTTIME);
}

static inline void tt_freep(void *p)
{
	free(*(void **)p);
}

static inline void tt_closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void tt_fclosep(FILE **f)
{
	if (*f)
		fclose(*f);
}

#define _cleanup_free_	 _cleanup_(tt_freep)
#define _cleanup_close_	 _cleanup_(tt_closep)
#define _cleanup_fclose_ _cleanup_(tt_fclosep)

static inline bool tt_streq(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

/* By how much; *at becomes `to` unless it was more. */
static inline uint64_t tt_grown(uint64_t *at, uint64_t to)
{
	uint64_t from = *at;

	if (to <= from)
		return 0;
	*at = to;
	return to - from;
}

static inline const char *tt_basename(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

#endif
