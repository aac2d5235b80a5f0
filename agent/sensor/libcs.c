/* SPDX-License-Identifier: Apache-2.0 */
/* Finding C libraries: see libcs.h.
 *
 * Format of ld.so.cache (glibc's dl-cache.h), host byte order. Since glibc 2.32 the file is just:
 *   20 bytes "glibc-ld.so.cache1.1", u32 entries, u32 bytes of strings, 20 more bytes, then
 *   entries of 24 bytes: s32 flags, u32 name, u32 path, u32, u64 (offsets from the "g", NUL-ended).
 * Before that, it came after an older table: "ld.so-1.7.0", NUL, u32 entries, entries of 12 bytes,
 * padding to 8. */
#include "sensor/libcs.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <sys/stat.h>

#include "util/util.h"

#define CACHE_MAX (8 * 1024 * 1024)
#define GLOB_MAX  32 /* of one pattern: a directory with thousands of runtimes must not hold us up */

static const char *const places[] = {
	"/lib/*-linux-gnu*/libc.so.6",
	"/usr/lib/*-linux-gnu*/libc.so.6",
	"/lib64/libc.so.6",
	"/usr/lib64/libc.so.6",
	"/lib/libc.so.6",
	"/usr/lib/libc.so.6",
	"/lib/ld-musl-*.so.1",
	"/usr/lib/musl/lib/libc.so",
	"/usr/lib/*-linux-musl*/libc.so",
	"/usr/local/musl/lib/libc.so",
	"/home/linuxbrew/.linuxbrew/opt/glibc/lib/libc.so.6",
	"/snap/core*/current/lib/*-linux-gnu*/libc.so.6",
	"/var/lib/flatpak/runtime/*/*/*/active/files/lib/*-linux-gnu*/libc.so.6",
};

static const char *const names[] = { "libc.so.6", "libc.so" };

bool tt_libcs_is_musl(const char *name)
{
	const char *base = tt_basename(name);

	return strncmp(base, "ld-musl-", 8) == 0 || strncmp(base, "libc.musl-", 10) == 0 ||
	       tt_streq(base, "libc.so");
}

bool tt_libcs_is_name(const char *path)
{
	const char *base = tt_basename(path);

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (tt_streq(base, names[i]))
			return true;
	/* "libc-2.31.so": what libc.so.6 was a link to before glibc 2.34 */
	if (strncmp(base, "libc-2.", 7) == 0 && strlen(base) > 10 && tt_streq(base + strlen(base) - 3, ".so"))
		return true;
	return tt_libcs_is_musl(base);
}

/* ---- ld.so.cache */

#define OLD_MAGIC	"ld.so-1.7.0"
#define OLD_HEADER	16 /* magic with NUL, u32 */
#define OLD_ENTRY	12
#define NEW_MAGIC	"glibc-ld.so.cache1.1"
#define NEW_MAGIC_LEN	20
#define NEW_HEADER	48
#define NEW_ENTRY	24
#define NEW_ENTRY_NAME	4
#define NEW_ENTRY_VALUE 8

static uint32_t read_u32(const char *p)
{
	uint32_t value;

	memcpy(&value, p, sizeof(value));
	return value;
}

/* The string at offset, or NULL if it does not end within the data. */
static const char *string_at(const char *data, size_t len, uint32_t offset)
{
	if (offset >= len || !memchr(data + offset, '\0', len - offset))
		return NULL;
	return data + offset;
}

static size_t skip_old_table(const char *data, size_t len)
{
	uint64_t size;

	if (len < OLD_HEADER || memcmp(data, OLD_MAGIC, sizeof(OLD_MAGIC)) != 0)
		return 0;
	size = OLD_HEADER + (uint64_t)read_u32(data + sizeof(OLD_MAGIC)) * OLD_ENTRY;
	size = (size + 7) & ~7ULL;
	return size < len ? (size_t)size : len;
}

int tt_libcs_cache(const char *data, size_t len, const char *library, int (*fn)(const char *path, void *arg),
		   void *arg)
{
	size_t skip = skip_old_table(data, len);
	uint32_t entries;
	int r;

	data += skip;
	len -= skip;
	if (len < NEW_HEADER || memcmp(data, NEW_MAGIC, NEW_MAGIC_LEN) != 0)
		return 0;

	entries = read_u32(data + NEW_MAGIC_LEN);
	for (uint32_t i = 0; i < entries && NEW_HEADER + ((size_t)i + 1) * NEW_ENTRY <= len; i++) {
		const char *entry = data + NEW_HEADER + (size_t)i * NEW_ENTRY;
		const char *name = string_at(data, len, read_u32(entry + NEW_ENTRY_NAME));
		const char *path = string_at(data, len, read_u32(entry + NEW_ENTRY_VALUE));

		if (!path || path[0] != '/' || !tt_streq(name, library))
			continue;
		r = fn(path, arg);
		if (r)
			return r;
	}
	return 0;
}

/* The file's bytes, malloc'd; NULL if there is none or it is no regular file of sane size. */
static char *read_cache(const char *root, size_t *ret_len)
{
	_cleanup_close_ int fd = -1;
	_cleanup_free_ char *data = NULL;
	char name[PATH_MAX];
	struct stat st;
	size_t len = 0;
	ssize_t n;

	snprintf(name, sizeof(name), "%s/etc/ld.so.cache", root);
	fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size <= 0 || st.st_size > CACHE_MAX)
		return NULL;
	data = malloc((size_t)st.st_size);
	if (!data)
		return NULL;
	while (len < (size_t)st.st_size && (n = read(fd, data + len, (size_t)st.st_size - len)) > 0)
		len += (size_t)n;
	*ret_len = len;
	return TAKE_PTR(data);
}

/* ---- all of them */

struct finder {
	const char *root;
	int (*fn)(const char *path, void *arg);
	void *arg;
};

static int found_in_cache(const char *path, void *arg)
{
	struct finder *finder = arg;
	char name[PATH_MAX];

	if ((size_t)snprintf(name, sizeof(name), "%s%s", finder->root, path) >= sizeof(name))
		return 0;
	return finder->fn(name, finder->arg);
}

static int find_in_place(struct finder *finder, const char *place)
{
	char pattern[PATH_MAX];
	glob_t found;
	int r = 0;

	if ((size_t)snprintf(pattern, sizeof(pattern), "%s%s", finder->root, place) >= sizeof(pattern))
		return 0;
	if (glob(pattern, GLOB_NOSORT, NULL, &found) != 0)
		return 0;
	for (size_t i = 0; i < found.gl_pathc && i < GLOB_MAX && r == 0; i++)
		r = finder->fn(found.gl_pathv[i], finder->arg);
	globfree(&found);
	return r;
}

int tt_libcs_find(const char *root, int (*fn)(const char *path, void *arg), void *arg)
{
	struct finder finder = { .root = root, .fn = fn, .arg = arg };
	_cleanup_free_ char *cache = NULL;
	size_t cache_len = 0;
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(places) && r == 0; i++)
		r = find_in_place(&finder, places[i]);

	cache = read_cache(root, &cache_len);
	for (size_t i = 0; cache && i < ARRAY_SIZE(names) && r == 0; i++)
		r = tt_libcs_cache(cache, cache_len, names[i], found_in_cache, &finder);
	return r;
}
