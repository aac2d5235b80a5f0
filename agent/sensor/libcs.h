/* SPDX-License-Identifier: Apache-2.0 */
/* Where C libraries are: the files that environment probes are put on before any program runs.
 *
 * Knows the places (distributions' directories, ld.so's cache, snap and flatpak runtimes) and the
 * names; opens and judges no library itself. Runs no tool. The cache and the directories are
 * bounded input: wrong offsets are skipped. */
#ifndef TT_SENSOR_LIBCS_H
#define TT_SENSOR_LIBCS_H

#include <stdbool.h>
#include <stddef.h>

/* Is this the file name of a C library? For "a watched process opened a C library that we do not know". */
bool tt_libcs_is_name(const char *path);

/* musl's library is its loader, under several names; all others count as glibc. */
bool tt_libcs_is_musl(const char *name);

/* Calls fn for each C library found below root ("" for the real one), most usual places first, with
 * its path as the host names it (root included). The same file may come under several names. Stops
 * when fn answers non-zero, and returns that. */
int tt_libcs_find(const char *root, int (*fn)(const char *path, void *arg), void *arg);

/* The paths that ld.so's cache (either format, data of len bytes) gives for a library name. */
int tt_libcs_cache(const char *data, size_t len, const char *library, int (*fn)(const char *path, void *arg),
		   void *arg);

#endif
