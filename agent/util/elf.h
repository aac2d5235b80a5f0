/* SPDX-License-Identifier: Apache-2.0 */
/* Facts from an ELF file, for probes and identification. Hostile input: every offset is checked. */
#ifndef TT_UTIL_ELF_H
#define TT_UTIL_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tt_elf {
	bool elf64, is_static; /* is_static: no PT_INTERP and no DT_NEEDED */
	bool imports_environ; /* refers to environ, _environ or __environ: may read it without a call */
	bool is_go; /* has a Go build id note or .go.buildinfo */
	char *interp; /* PT_INTERP, NULL if none */
	char *build_id; /* GNU build id, hex; NULL if none */
	char *libc; /* DT_NEEDED name of the C library ("libc.so.6", "libc.musl-x86_64.so.1", "libc.so"), or NULL */
};

/* -ENOEXEC: not an ELF file of this machine's byte order, or its header leads nowhere. Parts that are
 * damaged beyond the header count as missing. *ret is filled on success only. */
int tt_elf_read(int fd, struct tt_elf *ret);
void tt_elf_done(struct tt_elf *elf);

/* File offset of a function symbol (.dynsym first, then .symtab): what a uprobe wants. -ENOENT: no such symbol. */
int tt_elf_symbol_offset(int fd, const char *name, uint64_t *ret_offset);

/* File offset of an address in one of the file's executable segments. -ENOENT: it is in none. */
int tt_elf_code_offset(int fd, uint64_t address, uint64_t *ret_offset);

/* Where in the file a section's contents are. -ENOENT: no such section, or nothing of it in the file. */
int tt_elf_section(int fd, const char *name, uint64_t *ret_offset, uint64_t *ret_size);

#endif
