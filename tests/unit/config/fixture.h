/* SPDX-License-Identifier: Apache-2.0 */
/* A directory of configuration files for one test; gone when the test is. */
#ifndef TT_TESTS_UNIT_CONFIG_FIXTURE_H
#define TT_TESTS_UNIT_CONFIG_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <ftw.h>
#include <sys/stat.h>

#include "config/config.h"
#include "util/util.h"

static char dir[64];
static char *message;

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static int make_dir(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/telltale-config-XXXXXX");
	assert_non_null(mkdtemp(dir));
	message = NULL;
	return 0;
}

static int remove_dir(void **state)
{
	free(message);
	return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* Path of a file in the directory; valid until the next call. */
static inline const char *path_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static inline void write_file(const char *name, const char *text)
{
	_cleanup_fclose_ FILE *f = fopen(path_of(name), "we");

	assert_non_null(f);
	assert_int_equal(fputs(text, f) >= 0, 1);
	assert_return_code(fchmod(fileno(f), 0644), errno);
}

static inline void assert_message(const char *part)
{
	assert_non_null(message);
	if (!strstr(message, part))
		fail_msg("message '%s' lacks '%s'", message, part);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)

#endif
