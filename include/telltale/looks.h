/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which names are worth a record where a process only looks: stat, access, the listing of a directory.
 *
 * Programs ask for thousands of files that mean nothing, so the kernel lets through only what may have a category: a path whose
 * last component, or what follows its last dot, is in `last`, or that has a component that is in `any`. Both are Bloom filters, made
 * from the category definitions (agent/classify/looks.c): what has a category always passes, of the rest one in some
 * thousands, and user space decides about what passed. */
#ifndef TELLTALE_LOOKS_H
#define TELLTALE_LOOKS_H

#include "event.h"

/* Bits of each, a power of two: some hundreds of names set two each. */
#define TT_LOOK_BITS  32768
#define TT_LOOK_WORDS (TT_LOOK_BITS / 64)

struct tt_looks {
	__u64 last[TT_LOOK_WORDS];
	__u64 any[TT_LOOK_WORDS];
};
TT_ASSERT_SIZE(struct tt_looks, TT_LOOK_BITS / 4);

/* FNV-1a over a component's bytes; over those behind its last dot it begins elsewhere. */
#define TT_LOOK_NAME	   0xcbf29ce484222325ULL
#define TT_LOOK_EXTENSION  0x84222325cbf29ce4ULL
#define TT_LOOK_STEP(h, c) (((h) ^ (__u8)(c)) * 0x100000001b3ULL)

/* The two bits of a hash. */
#define TT_LOOK_BIT(h)	 ((__u32)(h) & (TT_LOOK_BITS - 1))
#define TT_LOOK_OTHER(h) ((__u32)((h) >> 40) & (TT_LOOK_BITS - 1))

#endif
