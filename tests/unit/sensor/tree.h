/* SPDX-License-Identifier: Apache-2.0 */
/* A directory tree for one test: made under TMPDIR, filled by path, removed afterwards. */
#ifndef TT_TESTS_UNIT_SENSOR_TREE_H
#define TT_TESTS_UNIT_SENSOR_TREE_H

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <sys/stat.h>

#include "util/util.h"

#define TREE_PATHS 16

struct tree {
	char root[PATH_MAX];
};

/* The path of a name in the tree, valid for the next few calls. */
static inline const char *tree_path(const struct tree *tree, const char *name)
{
	static char paths[TREE_PATHS][PATH_MAX + 256];
	static unsigned next;
	char *path = paths[next++ % TREE_PATHS];

	snprintf(path, sizeof(paths[0]), "%s%s", tree->root, name);
	return path;
}

static inline void tree_make_parents(struct tree *tree, const char *name)
{
	char path[PATH_MAX * 2];
	size_t start = strlen(tree->root) + 1;

	snprintf(path, sizeof(path), "%s%s", tree->root, name);
	for (char *p = path + start; (p = strchr(p, '/')); p++) {
		*p = '\0';
		assert_true(mkdir(path, 0755) == 0 || access(path, F_OK) == 0);
		*p = '/';
	}
}

static inline void tree_write(struct tree *tree, const char *name, mode_t mode, const void *data, size_t len)
{
	int fd;

	tree_make_parents(tree, name);
	fd = open(tree_path(tree, name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
	close(fd);
}

static inline void tree_text(struct tree *tree, const char *name, mode_t mode, const char *text)
{
	tree_write(tree, name, mode, text, strlen(text));
}

static inline void tree_link(struct tree *tree, const char *name, const char *target)
{
	tree_make_parents(tree, name);
	assert_int_equal(symlink(target, tree_path(tree, name)), 0);
}

static inline int tree_setup(void **state)
{
	const char *tmp = getenv("TMPDIR");
	struct tree *tree = calloc(1, sizeof(*tree));
	char name[PATH_MAX];

	if (!tree)
		return -1;
	snprintf(name, sizeof(name), "%s/telltale-test-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(name) || !realpath(name, tree->root)) {
		free(tree);
		return -1;
	}
	*state = tree;
	return 0;
}

static inline int tree_remove(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	return remove(path);
}

static inline int tree_teardown(void **state)
{
	struct tree *tree = *state;
	int r = nftw(tree->root, tree_remove, 16, FTW_DEPTH | FTW_PHYS);

	free(tree);
	return r;
}

#endif
