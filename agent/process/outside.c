/* SPDX-License-Identifier: Apache-2.0 */
#include "process/outside.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <utlist.h>

#include "process/mounts.h"
#include "process/procfs.h"
#include "util/util.h"

/* Containers and chroots at a time; a developer's machine has some. */
#define PLACES_MAX  64
/* Of all their mounts together, in memory. */
#define BYTES_MAX   (8u << 20)
/* A namespace: 2,000 mounts of a kilobyte, as overlays of many layers have it. */
#define TEXT_MAX    (2u << 20)
/* That takes some 10 ms; but a list of mounts that were stacked on purpose takes the square of their number. */
#define READ_MAX_NS UINT64_C(50000000)
/* Reading may take a 20th of the time, and so much at once: a hundred namespaces. */
#define READ_SHARE  20
#define DEBT_MAX_NS UINT64_C(20000000)
/* Files that were deleted look like mounts that have changed. So for that long a list counts as new, unless what it does not
 * explain came after it. */
#define FRESH_NS    UINT64_C(20000000)

struct table {
	struct tt_mounts *mounts; /* NULL: could not be read */
	uint32_t root; /* id of the mount that the root directory lies in */
	uint64_t read_ns;
};

struct place {
	struct tt_view view;
	char *root; /* where the root directory lies in its namespace ("/": at its top) */
	struct table table; /* none where the namespace is the host's */
	struct place *prev, *next;
};

struct tt_outside {
	struct tt_procfs *procfs;
	struct tt_view own, host_view;
	uint32_t host_pid; /* whose is the host's; 0: our own */
	int host_root;
	struct table host;
	struct place *places; /* the last used first */
	unsigned n;
	uint64_t (*clock)(void);
	uint64_t debt_ns; /* what reading took, less its share of the time since */
	uint64_t paid_ns; /* until when that is counted */
};

TT_DEFINE_CLEANUP(struct tt_outside *, tt_outside_free)

static int set_root(struct tt_view *view, int root)
{
	struct stat st;

	if (root < 0)
		return root;
	if (fstat(root, &st) < 0)
		return -errno;
	view->root_dev = st.st_dev;
	view->root_ino = st.st_ino;
	return 0;
}

int tt_outside_new(struct tt_procfs *procfs, uint64_t (*clock)(void), struct tt_outside **ret)
{
	_cleanup_(tt_outside_freep) struct tt_outside *outside = calloc(1, sizeof(*outside));
	_cleanup_close_ int own_root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (!outside)
		return -ENOMEM;
	outside->procfs = procfs;
	outside->clock = clock;
	outside->host_root = -1;
	r = own_root < 0 ? -errno : set_root(&outside->own, own_root);
	if (r < 0)
		return r;
	tt_procfs_mount_ns(procfs, 0, &outside->own.mnt_ns);

	outside->host_pid = 1;
	outside->host_root = tt_procfs_open_root(procfs, outside->host_pid);
	if (set_root(&outside->host_view, outside->host_root) < 0 ||
	    tt_procfs_mount_ns(procfs, outside->host_pid, &outside->host_view.mnt_ns) < 0) {
		tt_closep(&outside->host_root);
		outside->host_pid = 0;
		outside->host_view = outside->own;
		outside->host_root = own_root;
		own_root = -1;
	}
	*ret = TAKE_PTR(outside);
	return 0;
}

static void place_free(struct place *place)
{
	if (!place)
		return;
	free(place->root);
	tt_mounts_free(place->table.mounts);
	free(place);
}
TT_DEFINE_CLEANUP(struct place *, place_free)

static void forget(struct tt_outside *outside, struct place *place)
{
	DL_DELETE(outside->places, place);
	outside->n--;
	place_free(place);
}

void tt_outside_free(struct tt_outside *outside)
{
	if (!outside)
		return;
	while (outside->places)
		forget(outside, outside->places);
	tt_mounts_free(outside->host.mounts);
	tt_closep(&outside->host_root);
	free(outside);
}

static bool same_root(const struct tt_view *a, const struct tt_view *b)
{
	return a->root_dev == b->root_dev && a->root_ino == b->root_ino;
}

static bool other_namespace(const struct tt_view *view, const struct tt_view *than)
{
	return view->mnt_ns && than->mnt_ns && view->mnt_ns != than->mnt_ns;
}

bool tt_outside_is_other_root(const struct tt_outside *outside, const struct tt_view *view)
{
	return view->root_ino
		       ? !same_root(view, &outside->own)
		       : other_namespace(view, &outside->host_view) && other_namespace(view, &outside->own);
}

bool tt_outside_is_elsewhere(const struct tt_outside *outside, const struct tt_view *view)
{
	return other_namespace(view, &outside->host_view) ||
	       (view->root_ino && !same_root(view, &outside->host_view));
}

void tt_outside_look(const struct tt_outside *outside, uint32_t pid, uint64_t mnt_ns, struct tt_view *view)
{
	struct stat st;

	if (!mnt_ns)
		tt_procfs_mount_ns(outside->procfs, pid, &mnt_ns);
	if (view->mnt_ns != mnt_ns)
		*view = (struct tt_view){ .mnt_ns = mnt_ns };
	if (tt_procfs_root(outside->procfs, pid, &st) == 0) {
		view->root_dev = st.st_dev;
		view->root_ino = st.st_ino;
	}
}

/* ---- lists of mounts */

static bool may_read(struct tt_outside *outside, uint64_t now_ns)
{
	uint64_t share = (now_ns - outside->paid_ns) / READ_SHARE;

	outside->debt_ns = outside->debt_ns > share ? outside->debt_ns - share : 0;
	outside->paid_ns = now_ns;
	return outside->debt_ns < DEBT_MAX_NS;
}

static int read_table(struct tt_outside *outside, uint32_t pid, int root_fd, uint64_t now_ns,
		      struct table *table)
{
	_cleanup_free_ char *text = NULL;
	struct tt_mounts *mounts;
	size_t len = 0;
	int r;

	r = tt_procfs_mountinfo(outside->procfs, pid, TEXT_MAX, READ_MAX_NS, &text, &len);
	if (r == 0)
		r = tt_mounts_parse(text, len, &mounts);
	table->read_ns = now_ns;
	if (r < 0)
		return r;
	tt_mounts_free(table->mounts);
	table->mounts = mounts;
	table->root = tt_procfs_mount_id(root_fd);
	return 0;
}

/* From a process that has this root still. Where its list is too long the place is kept without, not to be read all the time. */
static int read_root(struct tt_outside *outside, uint32_t pid, const struct tt_view *view, uint64_t now_ns,
		     struct place *place)
{
	_cleanup_close_ int root = tt_procfs_open_root(outside->procfs, pid);
	_cleanup_free_ char *link = NULL;
	struct tt_view is = { 0 };
	int r = set_root(&is, root);

	if (r == 0)
		r = tt_procfs_mount_ns(outside->procfs, pid, &is.mnt_ns);
	if (r == 0)
		r = tt_procfs_root_name(outside->procfs, pid, &link);
	if (r < 0)
		return r;
	if (is.mnt_ns != view->mnt_ns || !same_root(&is, view))
		return -ESTALE;
	free(place->root);
	place->root = TAKE_PTR(link);
	place->table.read_ns = now_ns;
	if (is.mnt_ns == outside->host_view.mnt_ns)
		return 0;
	r = read_table(outside, pid, root, now_ns, &place->table);
	/* they go together: what is mounted there may be new on the host, too */
	if (r == 0)
		read_table(outside, outside->host_pid, outside->host_root, now_ns, &outside->host);
	return r == -EFBIG || r == -E2BIG || r == -ETIME ? 0 : r;
}

/* -EBUSY: too much was read lately. */
static int read_place(struct tt_outside *outside, uint32_t pid, const struct tt_view *view, uint64_t now_ns,
		      struct place *place)
{
	int r;

	if (!may_read(outside, now_ns))
		return -EBUSY;
	r = read_root(outside, pid, view, now_ns, place);
	outside->debt_ns += outside->clock() - now_ns;
	return r;
}

/* ---- places */

static void make_room(struct tt_outside *outside)
{
	struct place *place, *last;
	size_t bytes = 0;

	DL_FOREACH(outside->places, place)
	{
		bytes += place->table.mounts ? tt_mounts_bytes(place->table.mounts) : 0;
	}
	while (outside->n > 1 && (outside->n > PLACES_MAX || bytes > BYTES_MAX)) {
		last = outside->places->prev;
		bytes -= last->table.mounts ? tt_mounts_bytes(last->table.mounts) : 0;
		forget(outside, last);
	}
}

static struct place *find(struct tt_outside *outside, const struct tt_view *view)
{
	struct place *place;

	DL_FOREACH(outside->places, place)
	{
		if (place->view.mnt_ns == view->mnt_ns && same_root(&place->view, view))
			return place;
	}
	return NULL;
}

/* The last used one of a namespace whose root is the namespace's: all its mounts are known. */
static struct place *find_whole(struct tt_outside *outside, uint64_t mnt_ns)
{
	struct place *place;

	DL_FOREACH(outside->places, place)
	{
		if (place->view.mnt_ns == mnt_ns && place->table.mounts && strcmp(place->root, "/") == 0)
			return place;
	}
	return NULL;
}

static struct place *learn(struct tt_outside *outside, uint32_t pid, const struct tt_view *view,
			   uint64_t now_ns)
{
	_cleanup_(place_freep) struct place *place = NULL;
	struct place *added;

	place = calloc(1, sizeof(*place));
	if (!place)
		return NULL;
	place->view = *view;
	if (read_place(outside, pid, view, now_ns, place) < 0)
		return NULL;
	added = TAKE_PTR(place);
	DL_PREPEND(outside->places, added);
	outside->n++;
	make_room(outside);
	return added;
}

/* ---- files */

/* No link is followed: with the right ones a process could send us anywhere. */
static int look_up(int directory, const char *name, uint64_t flags, uint64_t resolve)
{
	struct open_how how = { .flags = O_PATH | O_NOFOLLOW | O_CLOEXEC | flags,
				.resolve = RESOLVE_NO_SYMLINKS | resolve };
	int fd = (int)syscall(SYS_openat2, directory, name, &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

/* Is this the file that was accessed? An overlay's inode number is that of the file in a layer, or has the number of the
 * layer in its upper half (fs/overlayfs/inode.c: ovl_map_ino()). */
static bool is_it(int fd, const struct tt_outside_file *file, bool layer)
{
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || (file->mode && ((st.st_mode ^ file->mode) & S_IFMT)))
		return false;
	return st.st_ino == file->ino || (layer && (uint32_t)st.st_ino == (uint32_t)file->ino);
}

/* An absolute name. */
static int look_up_host(const struct tt_outside *outside, const char *name, uint64_t flags)
{
	return look_up(outside->host_root, name[1] ? name + 1 : ".", flags, 0);
}

static bool is_called(const struct tt_outside *outside, const char *name, const struct tt_outside_file *file)
{
	_cleanup_close_ int fd = look_up_host(outside, name, 0);

	return is_it(fd, file, false);
}

/* Names of layers are text that whoever mounted the overlay chose, in a namespace where they may mean something else. They
 * must not make us wait for another machine or a user's process. */
static bool may_wait(const struct tt_outside *outside, const char *name)
{
	static const char *const types[] = { "autofs", "fuse", "nfs", "cifs", "smb", "9p", "ceph", "afs" };
	const struct tt_mount *mount;
	const char *rest;

	mount = outside->host.mounts ? tt_mounts_find(outside->host.mounts, outside->host.root, name, &rest)
				     : NULL;
	for (size_t i = 0; mount && i < ARRAY_SIZE(types); i++) {
		if (strncmp(mount->type, types[i], strlen(types[i])) == 0)
			return true;
	}
	return !mount;
}

/* What the link contains, which may begin with "../"; Docker and Podman have such ones for layers. malloc'd. */
static char *follow(const struct tt_outside *outside, const char *link)
{
	_cleanup_close_ int fd = look_up_host(outside, link, 0);
	_cleanup_free_ char *directory = strdup(link);
	char text[PATH_MAX], *target = text, *slash;
	ssize_t n = fd < 0 ? -1 : readlinkat(fd, "", text, sizeof(text) - 1);

	if (n <= 0 || !directory)
		return NULL;
	text[n] = '\0';
	if (*target == '/')
		return strdup(target);
	for (bool up = true; up; target += up ? 3 : 0) {
		slash = strrchr(directory, '/');
		if (!slash)
			return NULL;
		*slash = '\0';
		up = strncmp(target, "../", 3) == 0;
	}
	return asprintf(&slash, "%s/%s", directory, target) < 0 ? NULL : slash;
}

static int open_layer(const struct tt_outside *outside, const char *name)
{
	/* with ".." it would not be the place that its mount says */
	if (strstr(name, "/..") || may_wait(outside, name))
		return -ENOENT;
	return look_up_host(outside, name, O_DIRECTORY);
}

/* Its name there; NULL: there is none, or (*ret_other) another file. */
static char *in_layer(const struct tt_outside *outside, const char *layer, const char *inner,
		      const struct tt_outside_file *file, bool *ret_other)
{
	_cleanup_close_ int directory = open_layer(outside, layer), fd = -1;
	_cleanup_free_ char *target = NULL;

	*ret_other = false;
	if (directory == -ELOOP || directory == -ENOTDIR) {
		target = follow(outside, layer);
		directory = target ? open_layer(outside, target) : -ENOENT;
	}
	if (directory < 0)
		return NULL;
	fd = look_up(directory, inner[1] ? inner + 1 : ".", 0, RESOLVE_BENEATH | RESOLVE_NO_XDEV);
	if (is_it(fd, file, true))
		return tt_mounts_join(target ? target : layer, inner);
	*ret_other = fd >= 0;
	return NULL;
}

static char *in_layers(const struct tt_outside *outside, const struct tt_mount *mount, const char *inner,
		       const struct tt_outside_file *file)
{
	_cleanup_(tt_layers_done) struct tt_layers layers = { 0 };
	bool in_upper = false, unused;
	char *name = NULL;

	if (tt_mount_layers(mount, &layers) < 0)
		return NULL;
	if (layers.upper)
		name = in_layer(outside, layers.upper, inner, file, &in_upper);
	for (unsigned i = 0; !name && i < layers.n; i++)
		name = in_layer(outside, layers.lower[i], inner, file, &unused);
	/* copied up to be written, and still under the number that it had */
	if (name && in_upper) {
		free(name);
		name = tt_mounts_join(layers.upper, inner);
	}
	return name;
}

/* *ret_stale: what is known of the mounts does not fit, and may have changed. */
static char *translate(struct tt_outside *outside, const struct table *table, const char *path,
		       const struct tt_outside_file *file, bool *ret_stale)
{
	_cleanup_free_ char *inner = NULL, *name = NULL;
	const struct tt_mount *mount;
	const char *rest;

	mount = tt_mounts_find(table->mounts, table->root, path, &rest);
	*ret_stale = !mount || (file->dev && file->dev != mount->dev);
	if (*ret_stale)
		return NULL;
	inner = tt_mount_inner(mount, rest);
	if (!inner)
		return NULL;
	if (outside->host.mounts)
		name = tt_mounts_name(outside->host.mounts, outside->host.root, mount->dev, inner);
	if (name && is_called(outside, name, file))
		return TAKE_PTR(name);
	*ret_stale = name || tt_mount_is_overlay(mount);
	return tt_mount_is_overlay(mount) ? in_layers(outside, mount, inner, file) : NULL;
}

static char *name_below(const struct tt_outside *outside, const char *root,
			const struct tt_outside_file *file)
{
	char *name = tt_mounts_join(root, file->path);

	if (name && is_called(outside, name, file))
		return name;
	free(name);
	return NULL;
}

static char *name_at(struct tt_outside *outside, const struct place *place,
		     const struct tt_outside_file *file, bool *ret_stale)
{
	_cleanup_free_ char *path = NULL;
	const struct place *whole;
	char *name = NULL;

	*ret_stale = true;
	if (place->view.mnt_ns == outside->host_view.mnt_ns)
		return name_below(outside, place->root, file);
	if (place->table.mounts)
		name = translate(outside, &place->table, file->path, file, ret_stale);
	if (name || strcmp(place->root, "/") == 0)
		return name;
	/* chroot(2) in a container: where that root lies only one who sees it from its top can tell */
	whole = find_whole(outside, place->view.mnt_ns);
	path = whole ? tt_mounts_join(place->root, file->path) : NULL;
	return path ? translate(outside, &whole->table, path, file, ret_stale) : NULL;
}

char *tt_outside_name(struct tt_outside *outside, uint32_t pid, const struct tt_view *view,
		      const struct tt_outside_file *file)
{
	uint64_t now_ns = outside->clock();
	struct place *place;
	bool stale = false;
	char *name;

	if (*file->path != '/' || !file->ino)
		return NULL;
	place = find(outside, view);
	if (!place && view->root_ino)
		place = learn(outside, pid, view, now_ns);
	/* gone already: what it saw others may see, too */
	if (!place)
		place = find_whole(outside, view->mnt_ns);
	if (!place)
		return NULL;
	if (place != outside->places) {
		DL_DELETE(outside->places, place);
		DL_PREPEND(outside->places, place);
	}
	name = name_at(outside, place, file, &stale);
	if (!name && stale &&
	    (now_ns >= place->table.read_ns + FRESH_NS || file->at_ns > place->table.read_ns) &&
	    read_place(outside, pid, &place->view, now_ns, place) == 0) {
		make_room(outside);
		name = name_at(outside, place, file, &stale);
	}
	if (tt_streq(name, file->path)) {
		free(name);
		name = NULL;
	}
	return name;
}
