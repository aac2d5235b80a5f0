/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer entry: any bytes as mountinfo. What is in it is asked for by its own names. */
#include "process/mounts.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_layers(const struct tt_mount *mount)
{
	struct tt_layers layers;

	if (tt_mount_layers(mount, &layers) < 0)
		abort();
	if (layers.n > TT_LAYERS_MAX || (layers.upper && layers.upper[0] != '/'))
		abort();
	for (unsigned i = 0; i < layers.n; i++)
		if (layers.lower[i][0] != '/')
			abort();
	tt_layers_done(&layers);
}

/* A path is in a mount, of which it has the end; the name that leads there again is in a mount of the same file system. */
static void check(const struct tt_mounts *mounts, uint32_t root, const char *path)
{
	const struct tt_mount *mount, *again;
	const char *rest = NULL;
	char *inner, *name;

	mount = tt_mounts_find(mounts, root, path, &rest);
	if (!mount)
		return;
	if (mount->point[0] != '/' || strlen(rest) > strlen(path) ||
	    strcmp(path + strlen(path) - strlen(rest), rest) != 0 || (rest[0] && rest[0] != '/'))
		abort();
	check_layers(mount);
	inner = tt_mount_inner(mount, rest);
	if (inner) {
		if (inner[0] != '/')
			abort();
		name = tt_mounts_name(mounts, root, mount->dev, inner);
		if (name) {
			again = tt_mounts_find(mounts, root, name, &rest);
			if (!again || again->dev != mount->dev)
				abort();
		}
		free(name);
	}
	free(inner);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const paths[] = { "/", "/a", "/a/b/c", "/proc/self", "a", "//", "/a/" };
	struct tt_mounts *mounts = NULL;
	char path[64];
	size_t len = size < sizeof(path) - 1 ? size : sizeof(path) - 1;

	if (tt_mounts_parse((const char *)data, size, &mounts) < 0)
		return 0;
	for (uint32_t root = 0; root < 4; root++) {
		for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
			check(mounts, root, paths[i]);
		path[0] = '/';
		memcpy(path + 1, data, len ? len - 1 : 0);
		path[len ? len : 1] = '\0';
		check(mounts, root, path);
	}
	tt_mounts_free(mounts);
	return 0;
}
