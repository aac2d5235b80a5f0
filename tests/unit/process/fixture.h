/* SPDX-License-Identifier: Apache-2.0 */
/* A directory made for one test: a /proc, and the root directory of the processes in it. */
#ifndef TESTS_UNIT_PROCESS_FIXTURE_H
#define TESTS_UNIT_PROCESS_FIXTURE_H

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <sys/stat.h>

#include "util/util.h"

#define FIXTURE_PID 100

static char fixture[64];

static inline const char *fixture_path(const char *path)
{
	static char text[2 * PATH_MAX];

	snprintf(text, sizeof(text), "%s%s", fixture, path);
	return text;
}

static inline void fixture_parents(const char *path)
{
	char text[2 * PATH_MAX];

	snprintf(text, sizeof(text), "%s", fixture_path(path));
	for (char *slash = strchr(text + strlen(fixture) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(text, 0755);
		*slash = '/';
	}
}

/* path begins with /proc/... or /root/..., the observed processes' "/". */
static inline void fixture_file(const char *path, const char *contents)
{
	FILE *f;

	fixture_parents(path);
	f = fopen(fixture_path(path), "we");
	assert_non_null(f);
	fputs(contents, f);
	fclose(f);
}

static inline void fixture_link(const char *path, const char *target)
{
	fixture_parents(path);
	unlink(fixture_path(path));
	assert_int_equal(symlink(target, fixture_path(path)), 0);
}

static inline int fixture_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static inline int fixture_setup(void **state)
{
	char root[128];

	snprintf(fixture, sizeof(fixture), "/tmp/telltale-test-XXXXXX");
	if (!mkdtemp(fixture))
		return -1;
	fixture_parents("/proc/100/x");
	fixture_parents("/root/x");
	snprintf(root, sizeof(root), "%s/root", fixture);
	return symlink(root, fixture_path("/proc/100/root"));
}

static inline int fixture_teardown(void **state)
{
	return nftw(fixture, fixture_remove, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
