/* SPDX-License-Identifier: Apache-2.0 */
/* Which file something is, as far as it can be told without keeping it open. All zeros: none. */
#ifndef TT_UTIL_FILE_ID_H
#define TT_UTIL_FILE_ID_H

#include <stdint.h>

struct tt_file_id {
	uint64_t dev; /* st_dev; 0 on overlayfs, whose mounts share the files below */
	uint64_t ino, size;
	int64_t mtime_ns;
};

#endif
