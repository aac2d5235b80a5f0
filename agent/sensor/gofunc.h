/* SPDX-License-Identifier: Apache-2.0 */
/* Where a probe on a function of a Go program goes, and where its arguments then are.
 *
 * A Go function begins with a check whether the stack has room; if not, the stack is moved and the function begun
 * anew. A probe at the entry would count that call twice: it goes behind the check, where arguments are still as they came.
 * The check also tells the calling convention: since Go 1.17 (amd64) and 1.18 (arm64) arguments are in registers, before
 * on the stack.
 *
 * Found by symbol, or without one by the table of functions (util/pclntab.h). Such a table is only believed where the
 * check is found as well: a probe within an instruction would break the program. Hostile input; pure but for reading
 * fd. Source: Go's src/cmd/internal/obj/{x86/obj6,arm64/obj7}.go and src/cmd/compile/abi-internal.md. */
#ifndef TT_SENSOR_GOFUNC_H
#define TT_SENSOR_GOFUNC_H

#include <stdbool.h>
#include <stdint.h>

struct tt_gofunc {
	uint64_t offset; /* in the file */
	bool on_stack; /* its arguments are: the first 8 bytes above the stack pointer */
};

/* name: "syscall.Getenv". The file is a program for this machine. -ENOENT: it has no such function, or not one that is
 * found. */
int tt_gofunc_find(int fd, const char *name, struct tt_gofunc *ret);

/* The machines whose code is read: ELF's numbers EM_X86_64, EM_AARCH64. Length of the stack check at the beginning of
 * code, 0: there is none. *ret_on_stack where the check tells: 1 or 0, else -1. For tt_gofunc_find() and its tests. */
unsigned tt_gofunc_stack_check(uint16_t machine, const unsigned char *code, unsigned len, int *ret_on_stack);

#endif
