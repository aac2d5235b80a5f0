/* SPDX-License-Identifier: Apache-2.0 */
/* Installed packages, see package.h. The files are an observed process's: sizes, list lengths and depths are
 * limited, and a damaged file is as good as none. */
#include "process/package.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <sys/stat.h>

#include <jansson.h>
#include <xxhash.h>

#include "util/util.h"

#define PACKAGE_JSON_MAX (1024 * 1024)
#define VERSION_FILE_MAX (256 * 1024)
/* npm allows 214 characters for a name; versions are never this long. */
#define NAME_LEN_MAX	 214
#define VERSION_LEN_MAX	 64
#define LEVELS_MAX	 32
/* A console script is 10 lines. */
#define SCRIPT_HEAD_MAX	 (8 * 1024)
#define ENTRIES_MAX	 20000
#define DIGEST_MAX	 (64 * 1024 * 1024)

void tt_package_done(struct tt_package *package)
{
	free(package->name);
	free(package->version);
	free(package->directory);
	*package = (struct tt_package){ 0 };
}

void tt_package_trim_version(char *version)
{
	static const char *const platforms[] = { "-linux-", "-linuxmusl-", "-darwin-", "-win32-" };

	for (size_t i = 0; i < ARRAY_SIZE(platforms); i++) {
		char *at = strstr(version, platforms[i]);

		if (at && at != version)
			*at = '\0';
	}
}

static void json_freep(json_t **json)
{
	json_decref(*json);
}

static json_t *read_json(struct tt_procfs *fs, uint32_t pid, const char *path, size_t max)
{
	_cleanup_close_ int fd = tt_procfs_open(fs, pid, path);
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (fd < 0 || tt_procfs_read(fd, max, &text, &len) < 0)
		return NULL;
	return json_loadb(text, len, 0, NULL);
}

static char *string_of(json_t *object, const char *key, size_t max)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text && *text && strlen(text) <= max ? strdup(text) : NULL;
}

static bool is_same_file(json_t *value, const char *relative)
{
	const char *text = json_string_value(value);

	if (text && !strncmp(text, "./", 2))
		text += 2;
	return tt_streq(text, relative);
}

static bool is_entry(json_t *package, const char *relative)
{
	json_t *bin = json_object_get(package, "bin"), *value;
	const char *key;

	if (is_same_file(bin, relative) || is_same_file(json_object_get(package, "main"), relative))
		return true;
	json_object_foreach(bin, key, value) if (is_same_file(value, relative)) return true;
	return false;
}

/* Scripts of these names start the program; the others build, test and install it. */
static bool is_start(const char *key)
{
	static const char *const starts[] = { "start", "dev", "run", "serve", "debug" };

	for (size_t i = 0; i < ARRAY_SIZE(starts); i++)
		if (!strncmp(key, starts[i], strlen(starts[i])))
			return true;
	return false;
}

static bool is_maintenance(json_t *package, const char *relative)
{
	const char *base = tt_basename(relative), *key;
	json_t *value;

	json_object_foreach(json_object_get(package, "scripts"), key, value)
	{
		const char *text = json_string_value(value);

		if (text && *base && !is_start(key) && strstr(text, base))
			return true;
	}
	return false;
}

/* 1: found, 0: no package.json with a name here. */
static int read_package(struct tt_procfs *fs, uint32_t pid, const char *directory, const char *path,
			struct tt_package *ret)
{
	_cleanup_(tt_package_done) struct tt_package package = { 0 };
	_cleanup_(json_freep) json_t *json = NULL;
	_cleanup_free_ char *file = NULL;
	const char *relative = path + strlen(directory);

	if (asprintf(&file, "%s/package.json", directory) < 0) {
		file = NULL;
		return -ENOMEM;
	}
	json = read_json(fs, pid, file, PACKAGE_JSON_MAX);
	package.name = string_of(json, "name", NAME_LEN_MAX);
	if (!package.name)
		return 0;

	relative += strspn(relative, "/");
	package.version = string_of(json, "version", VERSION_LEN_MAX);
	if (package.version)
		tt_package_trim_version(package.version);
	package.directory = strdup(*directory ? directory : "/");
	if (!package.directory)
		return -ENOMEM;
	/* Running the directory itself (`node .`) runs its main. */
	package.is_entry = !*relative || is_entry(json, relative);
	package.is_maintenance = !package.is_entry && is_maintenance(json, relative);
	*ret = package;
	package = (struct tt_package){ 0 };
	return 1;
}

int tt_package_find(struct tt_procfs *fs, uint32_t pid, const char *path, struct tt_package *ret)
{
	_cleanup_free_ char *directory = strdup(path);
	int r = 0;

	if (!directory)
		return -ENOMEM;
	/* The first round asks for path itself, which costs one failed look-up where it is a file. */
	for (unsigned int level = 0; r == 0 && level < LEVELS_MAX; level++) {
		char *slash = strrchr(directory, '/');

		r = read_package(fs, pid, directory, path, ret);
		if (!slash)
			break;
		*slash = '\0';
	}
	return r < 0 ? r : r ? 0 : -ENOENT;
}

uint64_t tt_package_stamp(struct tt_procfs *fs, uint32_t pid, const char *path)
{
	_cleanup_free_ char *file = malloc(strlen(path) + sizeof("/package.json"));
	uint64_t stamp = 0;

	if (!file)
		return 0;
	strcpy(file, path);
	for (unsigned int level = 0; level < LEVELS_MAX; level++) {
		_cleanup_close_ int fd = -1;
		char *slash = strrchr(file, '/');
		struct stat st;

		fd = tt_procfs_open(fs, pid, strcat(file, "/package.json"));
		if (fd >= 0 && fstat(fd, &st) == 0) {
			/* ctime cannot be set back */
			uint64_t facts[] = { level,
					     st.st_dev,
					     st.st_ino,
					     (uint64_t)st.st_size,
					     (uint64_t)st.st_ctim.tv_sec,
					     (uint64_t)st.st_ctim.tv_nsec };

			stamp = XXH3_64bits_withSeed(facts, sizeof(facts), stamp);
		}
		if (!slash)
			break;
		*slash = '\0';
	}
	return stamp;
}

char *tt_package_file_version(struct tt_procfs *fs, uint32_t pid, const char *path)
{
	_cleanup_(json_freep) json_t *json = NULL;
	_cleanup_close_ int fd = tt_procfs_open(fs, pid, path);
	_cleanup_free_ char *text = NULL;
	char *version;
	size_t len;

	if (fd < 0 || tt_procfs_read(fd, VERSION_FILE_MAX, &text, &len) < 0)
		return NULL;
	json = json_loadb(text, len, 0, NULL);
	if (json) {
		version = string_of(json, "version", VERSION_LEN_MAX);
	} else {
		len = strcspn(text, "\r\n");
		if (!isdigit((unsigned char)*text) || len > VERSION_LEN_MAX)
			return NULL;
		version = strndup(text, len);
	}
	if (version)
		tt_package_trim_version(version);
	return version;
}

/* ---- Python */

static void closedirp(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static DIR *open_directory(struct tt_procfs *fs, uint32_t pid, const char *path)
{
	int fd = tt_procfs_open_directory(fs, pid, path);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir && fd >= 0)
		close(fd);
	return dir;
}

/* Distribution names are compared without case and with '-', '_' and '.' alike (PEP 503). */
static bool same_distribution(const char *entry, size_t len, const char *name)
{
	if (strlen(name) != len)
		return false;
	for (size_t i = 0; i < len; i++) {
		bool separator = strchr("-_.", entry[i]) && strchr("-_.", name[i]);

		if (!separator && tolower((unsigned char)entry[i]) != tolower((unsigned char)name[i]))
			return false;
	}
	return true;
}

/* "aider_chat-0.86.2.dist-info" -> "0.86.2" */
static char *distribution_version(const char *entry, const struct tt_strv *names)
{
	static const char ending[] = ".dist-info";
	size_t len = strlen(entry), end = strlen(ending);
	const char *dash = strchr(entry, '-');

	if (!dash || len <= end || strcmp(entry + len - end, ending) != 0 || dash >= entry + len - end)
		return NULL;
	for (size_t i = 0; i < names->n; i++)
		if (same_distribution(entry, (size_t)(dash - entry), names->v[i]))
			return strndup(dash + 1, len - end - (size_t)(dash + 1 - entry));
	return NULL;
}

static char *scan_packages(struct tt_procfs *fs, uint32_t pid, const char *directory,
			   const struct tt_strv *names)
{
	_cleanup_(closedirp) DIR *dir = open_directory(fs, pid, directory);
	struct dirent *entry;
	char *version = NULL;

	for (unsigned int n = 0; dir && !version && n < ENTRIES_MAX && (entry = readdir(dir)); n++)
		version = distribution_version(entry->d_name, names);
	return version;
}

static char *scan_lib(struct tt_procfs *fs, uint32_t pid, const char *lib, const struct tt_strv *names)
{
	static const char *const kinds[] = { "site-packages", "dist-packages" };
	_cleanup_(closedirp) DIR *dir = open_directory(fs, pid, lib);
	struct dirent *entry;
	char *version = NULL;

	for (unsigned int n = 0; dir && !version && n < ENTRIES_MAX && (entry = readdir(dir)); n++) {
		if (fnmatch("python3*", entry->d_name, 0) != 0)
			continue;
		for (size_t i = 0; i < ARRAY_SIZE(kinds) && !version; i++) {
			_cleanup_free_ char *packages = NULL;

			if (asprintf(&packages, "%s/%s/%s", lib, entry->d_name, kinds[i]) < 0)
				packages = NULL;
			version = packages ? scan_packages(fs, pid, packages, names) : NULL;
		}
	}
	return version;
}

char *tt_package_python_version(struct tt_procfs *fs, uint32_t pid, const char *bin_directory,
				const struct tt_strv *names)
{
	_cleanup_free_ char *lib = NULL;
	char *version;

	if (asprintf(&lib, "%s/../lib", bin_directory) < 0) {
		lib = NULL;
		return NULL;
	}
	version = scan_lib(fs, pid, lib, names);
	/* Debian's /usr/bin/python3 also looks there. */
	return version || strcmp(bin_directory, "/usr/bin") != 0 ? version
								 : scan_lib(fs, pid, "/usr/local/lib", names);
}

static bool is_identifier(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* name, with '-' as '_', as a whole identifier right behind before. */
static bool follows(const char *text, const char *before, const char *name)
{
	size_t len = strlen(before);

	for (const char *p = strstr(text, before); p; p = strstr(p + 1, before)) {
		const char *word = p + len;
		size_t n = 0;

		while (name[n] && (word[n] == name[n] || (name[n] == '-' && word[n] == '_')))
			n++;
		if (!name[n] && !is_identifier(word[n]))
			return true;
	}
	return false;
}

bool tt_package_imports(struct tt_procfs *fs, uint32_t pid, const char *script, const struct tt_strv *names)
{
	static const char *const befores[] = { "from ", "import ", "'", "\"" };
	_cleanup_close_ int fd = tt_procfs_open(fs, pid, script);
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (fd < 0 || tt_procfs_read(fd, SCRIPT_HEAD_MAX, &text, &len) < 0)
		return false;
	for (size_t i = 0; i < names->n; i++)
		for (size_t k = 0; k < ARRAY_SIZE(befores); k++)
			if (follows(text, befores[k], names->v[i]))
				return true;
	return false;
}

/* ---- digests */

int tt_package_digest(int fd, struct tt_digest *ret)
{
	_cleanup_free_ char *buffer = malloc(256 * 1024);
	XXH3_state_t *state = XXH3_createState();
	uint64_t total = 0;
	struct stat st;
	int r = 0;

	if (!buffer || !state || fstat(fd, &st) < 0) {
		XXH3_freeState(state);
		return -ENOMEM;
	}
	XXH3_128bits_reset(state);
	while (total < DIGEST_MAX) {
		ssize_t n = pread(fd, buffer, 256 * 1024, (off_t)total);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			r = -errno;
		if (n <= 0)
			break;
		XXH3_128bits_update(state, buffer, (size_t)n);
		total += (uint64_t)n;
	}
	if (total >= DIGEST_MAX)
		XXH3_128bits_update(state, &st.st_size, sizeof(st.st_size));
	if (r == 0) {
		XXH128_hash_t hash = XXH3_128bits_digest(state);

		*ret = (struct tt_digest){ hash.low64, hash.high64 };
	}
	XXH3_freeState(state);
	return r;
}

void tt_package_digest_bytes(const void *data, size_t len, struct tt_digest *ret)
{
	XXH128_hash_t hash = XXH3_128bits(data, len);

	*ret = (struct tt_digest){ hash.low64, hash.high64 };
}

void tt_package_build_id(const char *name, const char *version, const struct tt_digest *contents,
			 char ret[33])
{
	char text[2 * (NAME_LEN_MAX + VERSION_LEN_MAX)];
	XXH128_hash_t hash;
	int n = snprintf(text, sizeof(text), "%.*s\n%.*s\n%016llx%016llx", NAME_LEN_MAX, name ? name : "",
			 VERSION_LEN_MAX, version ? version : "", (unsigned long long)contents->high,
			 (unsigned long long)contents->low);

	hash = XXH3_128bits(text, (size_t)n);
	snprintf(ret, 33, "%016llx%016llx", (unsigned long long)hash.high64, (unsigned long long)hash.low64);
}
