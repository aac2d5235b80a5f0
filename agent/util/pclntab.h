/* SPDX-License-Identifier: Apache-2.0 */
/* Functions of a Go program by name, from the table that its runtime walks stacks with (pclntab): that one
 * stays when symbols are stripped. The layouts of Go 1.2, 1.16, 1.18 and 1.20, for 64-bit programs of this machine's
 * byte order. Source: Go's src/debug/gosym/pclntab.go and src/runtime/symtab.go describe them.
 * Hostile input: read with pread in pieces of 64 KiB, each offset checked, and as often as an honest table
 * needs it and no more. */
#ifndef TT_UTIL_PCLNTAB_H
#define TT_UTIL_PCLNTAB_H

#include <stdbool.h>
#include <stdint.h>

struct tt_pclntab {
	int fd; /* the caller's */
	uint64_t offset, size; /* of the table, in the file */
	unsigned
		version; /* of Go, its minor number: 2, 16, 18, 20. The layout is this version's or a later one's */
	uint64_t functions;
	/* Since 1.18 functions are told by their distance from the start of the program's text. Its address as the
	 * table has it; 0: it is not there (the loader would have put it in, or 1.16 and before). */
	uint64_t text;
};

/* Is there such a table at this place of the file? -ENOEXEC: no, or one that is not read here. */
int tt_pclntab_open(int fd, uint64_t offset, uint64_t size, struct tt_pclntab *ret);

/* Where the function of exactly this name ("syscall.Getenv") begins: before 1.18 its address, since then its distance
 * from the start of the text. -ENOENT: not in the table, or the table is damaged before it is found. -ENOMEM. */
int tt_pclntab_find(const struct tt_pclntab *tab, const char *name, uint64_t *ret);

#endif
