/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of mounts, see mounts.h.
 *
 * The list is a tree, and a path goes through it as the kernel does: from the mount of the root directory, whatever is mounted
 * on the way is entered, the outer before the inner. So what a later mount covers is not found, although its line is there and
 * its mount point may be the longer one. */
#include "process/mounts.h"

#include <errno.h>

#include "util/util.h"

/* Mounts on one and the same directory; beyond, what is on top is not looked for. */
#define STACKED_MAX 64

struct tt_mounts {
	char *text;
	size_t text_len, n;
	struct tt_mount *all; /* by parent and mount point */
	const struct tt_mount **by_dev; /* then the larger part of the file system first */
	const struct tt_mount *top; /* at "/", on a mount that is not in the list; NULL none */
};

TT_DEFINE_CLEANUP(struct tt_mounts *, tt_mounts_free)

void tt_mounts_free(struct tt_mounts *mounts)
{
	if (!mounts)
		return;
	free(mounts->text);
	free(mounts->all);
	free(mounts->by_dev);
	free(mounts);
}

size_t tt_mounts_bytes(const struct tt_mounts *mounts)
{
	return sizeof(*mounts) + mounts->text_len +
	       mounts->n * (sizeof(*mounts->all) + sizeof(*mounts->by_dev));
}

/* ---- the text */

static bool number(char **at, char end, uint32_t *ret)
{
	uint64_t n = 0;
	char *p = *at;

	for (; *p >= '0' && *p <= '9'; p++) {
		n = n * 10 + (uint64_t)(*p - '0');
		if (n > UINT32_MAX)
			return false;
	}
	if (p == *at || *p != end)
		return false;
	*at = p + 1;
	*ret = (uint32_t)n;
	return true;
}

/* Up to the next space, of which there is one between fields, also where one is empty. NULL: there is none. */
static char *field(char **rest)
{
	char *field = *rest, *space = field ? strchr(field, ' ') : NULL;

	if (!space)
		return NULL;
	*space = '\0';
	*rest = space + 1;
	return field;
}

static bool is_octal(const char *p)
{
	return p[0] >= '0' && p[0] <= '3' && p[1] >= '0' && p[1] <= '7' && p[2] >= '0' && p[2] <= '7';
}

/* \040 and the like, in place. None is NUL: no name has one. */
static void unescape(char *text)
{
	char *to = text;

	for (const char *p = text; *p; to++) {
		if (*p == '\\' && is_octal(p + 1) && strncmp(p + 1, "000", 3) != 0) {
			*to = (char)((p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0'));
			p += 4;
		} else {
			*to = *p++;
		}
	}
	*to = '\0';
}

/* proc_pid_mountinfo(5): id parent major:minor root point options [tag...] - type source options */
static bool parse_line(char *line, struct tt_mount *ret)
{
	uint32_t major, minor;
	char *root, *point, *tag;

	if (!number(&line, ' ', &ret->id) || !number(&line, ' ', &ret->parent) ||
	    !number(&line, ':', &major) || !number(&line, ' ', &minor) || major > 0xfff || minor > 0xfffff)
		return false;
	ret->dev = major << 20 | minor;
	root = field(&line);
	point = field(&line);
	if (!root || !point || *point != '/' || !field(&line))
		return false;
	do
		tag = field(&line);
	while (tag && strcmp(tag, "-") != 0);
	ret->type = field(&line);
	if (!tag || !ret->type || !field(&line))
		return false;
	ret->options = line;
	unescape(root);
	unescape(point);
	ret->root = root;
	ret->point = point;
	return true;
}

static int by_place(const void *left, const void *right)
{
	const struct tt_mount *a = left, *b = right;

	if (a->parent != b->parent)
		return a->parent < b->parent ? -1 : 1;
	return strcmp(a->point, b->point);
}

static int by_dev(const void *left, const void *right)
{
	const struct tt_mount *a = *(const struct tt_mount *const *)left,
			      *b = *(const struct tt_mount *const *)right;
	size_t a_len = strlen(a->root), b_len = strlen(b->root);

	if (a->dev != b->dev)
		return a->dev < b->dev ? -1 : 1;
	if (a_len != b_len)
		return a_len < b_len ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

static int by_id(const void *left, const void *right)
{
	uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

	return a < b ? -1 : a > b;
}

static int find_top(struct tt_mounts *mounts)
{
	_cleanup_free_ uint32_t *ids = calloc(mounts->n + 1, sizeof(*ids));

	if (!ids)
		return -ENOMEM;
	for (size_t i = 0; i < mounts->n; i++)
		ids[i] = mounts->all[i].id;
	qsort(ids, mounts->n, sizeof(*ids), by_id);
	for (size_t i = 0; i < mounts->n && !mounts->top; i++) {
		const struct tt_mount *mount = &mounts->all[i];

		if (strcmp(mount->point, "/") == 0 &&
		    !bsearch(&mount->parent, ids, mounts->n, sizeof(*ids), by_id))
			mounts->top = mount;
	}
	return 0;
}

static int put_in_order(struct tt_mounts *mounts)
{
	mounts->by_dev = calloc(mounts->n + 1, sizeof(*mounts->by_dev));
	if (!mounts->by_dev)
		return -ENOMEM;
	qsort(mounts->all, mounts->n, sizeof(*mounts->all), by_place);
	for (size_t i = 0; i < mounts->n; i++)
		mounts->by_dev[i] = &mounts->all[i];
	qsort(mounts->by_dev, mounts->n, sizeof(*mounts->by_dev), by_dev);
	return find_top(mounts);
}

static size_t count_lines(const char *text, size_t len)
{
	size_t n = 0;

	for (const char *p = text, *end = text + len; p < end && (p = memchr(p, '\n', (size_t)(end - p)));
	     p++)
		n++;
	return n;
}

int tt_mounts_parse(const char *text, size_t len, struct tt_mounts **ret)
{
	_cleanup_(tt_mounts_freep) struct tt_mounts *mounts = calloc(1, sizeof(*mounts));
	size_t lines = count_lines(text, len);
	char *line, *end;
	int r;

	if (!mounts)
		return -ENOMEM;
	if (lines > TT_MOUNTS_MAX)
		return -E2BIG;
	mounts->text = malloc(len + 1);
	mounts->all = calloc(lines + 1, sizeof(*mounts->all));
	if (!mounts->text || !mounts->all)
		return -ENOMEM;
	memcpy(mounts->text, text, len);
	mounts->text[len] = '\0';
	mounts->text_len = len;
	/* a line without its end was cut */
	for (line = mounts->text; (end = memchr(line, '\n', len - (size_t)(line - mounts->text)));
	     line = end + 1) {
		*end = '\0';
		mounts->n += parse_line(line, &mounts->all[mounts->n]);
	}
	r = put_in_order(mounts);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(mounts);
	return 0;
}

/* ---- from a path to its mount, and back */

/* What is mounted on this mount at path[0..len). */
static const struct tt_mount *mounted_on(const struct tt_mounts *mounts, uint32_t parent, const char *path,
					 size_t len)
{
	size_t low = 0, high = mounts->n;

	while (low < high) {
		size_t at = low + (high - low) / 2;
		const struct tt_mount *mount = &mounts->all[at];
		int order = mount->parent != parent ? (mount->parent < parent ? -1 : 1)
						    : strncmp(mount->point, path, len);

		if (order == 0 && mount->point[len] == '\0')
			return mount;
		if (order < 0)
			low = at + 1;
		else
			high = at;
	}
	return NULL;
}

static const struct tt_mount *find_id(const struct tt_mounts *mounts, uint32_t id)
{
	for (size_t i = 0; i < mounts->n; i++) {
		if (mounts->all[i].id == id)
			return &mounts->all[i];
	}
	return NULL;
}

const struct tt_mount *tt_mounts_find(const struct tt_mounts *mounts, uint32_t root, const char *path,
				      const char **ret_rest)
{
	const struct tt_mount *mount = find_id(mounts, root), *next;

	if (*path != '/')
		return NULL;
	/* what is mounted over the root directory itself is entered by nobody */
	if (!mount && mounts->top && mounts->top->parent != root) {
		mount = mounts->top;
		root = mount->id;
	}
	*ret_rest = path[1] ? path : "";
	for (size_t len = 1; path[len - 1] && path[1]; len++) {
		if (path[len] && path[len] != '/')
			continue;
		for (unsigned stacked = 0; (next = mounted_on(mounts, root, path, len)); stacked++) {
			if (stacked == STACKED_MAX)
				return NULL;
			mount = next;
			root = next->id;
			*ret_rest = path + len;
		}
	}
	return mount;
}

char *tt_mounts_join(const char *directory, const char *path)
{
	char *joined;

	if (strcmp(directory, "/") == 0)
		directory = "";
	if (*directory && strcmp(path, "/") == 0)
		path = "";
	return asprintf(&joined, "%s%s", directory, *directory || *path ? path : "/") < 0 ? NULL : joined;
}

char *tt_mount_inner(const struct tt_mount *mount, const char *rest)
{
	return *mount->root == '/' ? tt_mounts_join(mount->root, rest) : NULL;
}

/* What of the path lies below the directory; NULL: it does not. */
static const char *below(const char *path, const char *directory)
{
	size_t len = strcmp(directory, "/") == 0 ? 0 : strlen(directory);

	if (*directory != '/' || strncmp(path, directory, len) != 0 || (path[len] && path[len] != '/'))
		return NULL;
	return path + len;
}

char *tt_mounts_name(const struct tt_mounts *mounts, uint32_t root, uint32_t dev, const char *inner)
{
	size_t low = 0, high = mounts->n;

	while (low < high) {
		size_t at = low + (high - low) / 2;

		if (mounts->by_dev[at]->dev < dev)
			low = at + 1;
		else
			high = at;
	}
	for (; low < mounts->n && mounts->by_dev[low]->dev == dev; low++) {
		const struct tt_mount *mount = mounts->by_dev[low];
		const char *rest = below(inner, mount->root), *unused;
		char *name = rest ? tt_mounts_join(mount->point, rest) : NULL;

		/* another one may be mounted over it */
		if (name && tt_mounts_find(mounts, root, name, &unused) == mount)
			return name;
		free(name);
	}
	return NULL;
}

/* ---- overlays */

bool tt_mount_is_overlay(const struct tt_mount *mount)
{
	return strcmp(mount->type, "overlay") == 0;
}

static void add_lower(struct tt_layers *layers, const char *directory)
{
	if (*directory == '/' && layers->n < TT_LAYERS_MAX)
		layers->lower[layers->n++] = directory;
}

/* Cuts the next name off: up to a colon, without the backslashes that escape one. */
static char *next_directory(char **rest)
{
	char *begin = *rest, *from = begin, *to = begin;

	while (*from && *from != ':') {
		if (*from == '\\' && from[1])
			from++;
		*to++ = *from++;
	}
	*rest = *from ? from + 1 : NULL;
	*to = '\0';
	return begin;
}

int tt_mount_layers(const struct tt_mount *mount, struct tt_layers *ret)
{
	struct tt_layers layers = { .text = strdup(mount->options) };
	char *rest = layers.text, *option;

	if (!layers.text)
		return -ENOMEM;
	while ((option = strsep(&rest, ","))) {
		char *value = strchr(option, '='), *directory;

		if (!value)
			continue;
		*value++ = '\0';
		unescape(value);
		if (strcmp(option, "upperdir") == 0) {
			directory = next_directory(&value);
			if (*directory == '/' && !value)
				layers.upper = directory;
		} else if (strcmp(option, "lowerdir+") == 0) {
			add_lower(&layers, value);
		} else if (strcmp(option, "lowerdir") == 0) {
			/* behind "::" are layers that have no names */
			while (value && *(directory = next_directory(&value)))
				add_lower(&layers, directory);
		}
	}
	*ret = layers;
	return 0;
}

void tt_layers_done(struct tt_layers *layers)
{
	free(layers->text);
}
