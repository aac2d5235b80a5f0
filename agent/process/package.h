/* SPDX-License-Identifier: Apache-2.0 */
/* What an installed program says about itself: package.json, Python metadata, a hash of its file. */
#ifndef TT_PROCESS_PACKAGE_H
#define TT_PROCESS_PACKAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "process/procfs.h"

struct tt_package {
	char *name, *version, *directory; /* version: NULL unknown */
	bool is_entry; /* the file is one of the package's bin files, or its main */
	bool is_maintenance; /* its scripts (postinstall, build, ...) name the file, and it is no entry */
};

/* The nearest package.json with a name, from path's directory (path itself, if that is one) upwards, as process
 * pid sees it. path is real and absolute. -ENOENT: none. */
int tt_package_find(struct tt_procfs *fs, uint32_t pid, const char *path, struct tt_package *ret);
void tt_package_done(struct tt_package *package);

/* "0.169.0-linux-x64" -> "0.169.0": a platform is no part of a version. In place. */
void tt_package_trim_version(char *version);

/* A number that changes with any package.json that tt_package_find() would look at: one added, edited or removed. */
uint64_t tt_package_stamp(struct tt_procfs *fs, uint32_t pid, const char *path);

/* "version" of a JSON file, or the first line of any other; NULL if there is none. malloc'd. */
char *tt_package_file_version(struct tt_procfs *fs, uint32_t pid, const char *path);

/* Version of the Python distribution that has one of these names and is installed beside bin_directory. malloc'd,
 * NULL if not found. */
char *tt_package_python_version(struct tt_procfs *fs, uint32_t pid, const char *bin_directory,
				const struct tt_strv *names);

/* Does a Python console script import one of these modules or distributions? */
bool tt_package_imports(struct tt_procfs *fs, uint32_t pid, const char *script, const struct tt_strv *names);

struct tt_digest {
	uint64_t low, high;
};

/* Digest of an open file's contents; of its first 64 MiB and size where it is longer. */
int tt_package_digest(int fd, struct tt_digest *ret);
void tt_package_digest_bytes(const void *data, size_t len, struct tt_digest *ret);
/* Build id of a script: 32 hex digits over package name, version (either may be NULL) and contents. */
void tt_package_build_id(const char *name, const char *version, const struct tt_digest *contents,
			 char ret[33]);

#endif
