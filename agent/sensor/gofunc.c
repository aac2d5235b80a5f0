/* SPDX-License-Identifier: Apache-2.0 */
/* Functions of Go programs: see gofunc.h. */
#include "sensor/gofunc.h"

#include <elf.h>
#include <errno.h>

#include "util/elf.h"
#include "util/pclntab.h"
#include "util/util.h"

#define CODE_MAX 40 /* the longest check has 31 bytes */

/* ---- the stack check */

/* One way to write part of it, in bytes; ANY is a distance or a number. */
#define ANY	  (-1)
#define BYTES_MAX 13

struct form {
	unsigned len;
	short bytes[BYTES_MAX];
};

/* Which of the forms code begins with: its length, 0: none. */
static unsigned matches(const struct form *forms, size_t n, const unsigned char *code, unsigned len)
{
	for (size_t i = 0; i < n; i++) {
		unsigned k = 0;

		while (k < forms[i].len && k < len &&
		       (forms[i].bytes[k] == ANY || forms[i].bytes[k] == code[k]))
			k++;
		if (k == forms[i].len)
			return k;
	}
	return 0;
}

#define MATCHES(forms, code, len) matches(forms, ARRAY_SIZE(forms), code, len)

/* Which goroutine runs is in r14 since arguments are in registers: compare the stack pointer, or where the frame will
 * end, with its limit. */
static const struct form amd64_by_register[] = {
	{ 4, { 0x49, 0x3b, 0x66, 0x10 } }, /* cmp 0x10(%r14),%rsp */
	{ 9,
	  { 0x4c, 0x8d, 0x64, 0x24, ANY, 0x4d, 0x3b, 0x66,
	    0x10 } }, /* lea N(%rsp),%r12; cmp 0x10(%r14),%r12 */
	{ 12, { 0x4c, 0x8d, 0xa4, 0x24, ANY, ANY, ANY, ANY, 0x4d, 0x3b, 0x66, 0x10 } },
};

/* Before, it was read from the thread's own memory, first: */
static const struct form amd64_load[] = {
	{ 9, { 0x64, 0x48, 0x8b, 0x0c, 0x25, 0xf8, 0xff, 0xff, 0xff } }, /* mov %fs:-8,%rcx */
	/* mov N(%rip),%rcx, or mov $N,%rcx; mov %fs:(%rcx),%rcx */
	{ 11, { 0x48, 0x8b, 0x0d, ANY, ANY, ANY, ANY, 0x64, 0x48, 0x8b, 0x09 } },
	{ 11, { 0x48, 0xc7, 0xc1, ANY, ANY, ANY, ANY, 0x64, 0x48, 0x8b, 0x09 } },
};

static const struct form amd64_by_memory[] = {
	{ 4, { 0x48, 0x3b, 0x61, 0x10 } }, /* cmp 0x10(%rcx),%rsp */
	{ 9,
	  { 0x48, 0x8d, 0x44, 0x24, ANY, 0x48, 0x3b, 0x41,
	    0x10 } }, /* lea N(%rsp),%rax; cmp 0x10(%rcx),%rax */
	{ 12, { 0x48, 0x8d, 0x84, 0x24, ANY, ANY, ANY, ANY, 0x48, 0x3b, 0x41, 0x10 } },
};

static const struct form amd64_branch[] = {
	{ 2, { 0x76, ANY } }, /* jbe */
	{ 6, { 0x0f, 0x86, ANY, ANY, ANY, ANY } },
};

static unsigned amd64_check(const unsigned char *code, unsigned len, int *ret_on_stack)
{
	unsigned load = MATCHES(amd64_load, code, len), compare, branch;

	compare = load ? MATCHES(amd64_by_memory, code + load, len - load)
		       : MATCHES(amd64_by_register, code, len);
	if (!compare)
		return 0;
	branch = MATCHES(amd64_branch, code + load + compare, len - load - compare);
	if (!branch)
		return 0;
	*ret_on_stack = load > 0;
	return load + compare + branch;
}

/* Instructions of 4 bytes, least first. Both conventions have the goroutine in x28. */
static const struct form arm64_compare[] = {
	{ 8, { 0x90, 0x0b, 0x40, 0xf9, 0xff, 0x63, 0x30, 0xeb } }, /* ldr x16,[x28,#16]; cmp sp,x16 */
	/* ldr x16,[x28,#16]; mov x17,sp, or sub x17,sp,#N; cmp x17,x16 */
	{ 12, { 0x90, 0x0b, 0x40, 0xf9, 0xf1, 0x03, 0x00, 0x91, 0x3f, 0x02, 0x10, 0xeb } },
	{ 12, { 0x90, 0x0b, 0x40, 0xf9, 0xf1, ANY, ANY, 0xd1, 0x3f, 0x02, 0x10, 0xeb } },
	/* ldr x1,[x28,#16]; mov x2,sp, or sub x2,sp,#N; cmp x2,x1 */
	{ 12, { 0x81, 0x0b, 0x40, 0xf9, 0xe2, 0x03, 0x00, 0x91, 0x5f, 0x00, 0x01, 0xeb } },
	{ 12, { 0x81, 0x0b, 0x40, 0xf9, 0xe2, ANY, ANY, 0xd1, 0x5f, 0x00, 0x01, 0xeb } },
};

static unsigned arm64_check(const unsigned char *code, unsigned len, int *ret_on_stack)
{
	unsigned compare = MATCHES(arm64_compare, code, len);

	/* b.ls */
	if (!compare || len - compare < 4 || code[compare + 3] != 0x54 || (code[compare] & 0x1f) != 0x09)
		return 0;
	return compare + 4;
}

unsigned tt_gofunc_stack_check(uint16_t machine, const unsigned char *code, unsigned len, int *ret_on_stack)
{
	*ret_on_stack = -1;
	return machine == EM_X86_64    ? amd64_check(code, len, ret_on_stack)
	       : machine == EM_AARCH64 ? arm64_check(code, len, ret_on_stack)
				       : 0;
}

/* ---- finding it */

/* Go's own linker, and others with position-independent code, give it different names. */
static int open_table(int fd, struct tt_pclntab *ret)
{
	static const char *const sections[] = { ".gopclntab", ".data.rel.ro.gopclntab" };
	uint64_t offset, size;

	for (size_t i = 0; i < ARRAY_SIZE(sections); i++)
		if (tt_elf_section(fd, sections[i], &offset, &size) == 0)
			return tt_pclntab_open(fd, offset, size, ret);
	return -ENOENT;
}

static int find_in_table(const struct tt_pclntab *tab, const char *name, uint64_t *ret_offset)
{
	uint64_t start, text, size;
	int r = tt_pclntab_find(tab, name, &start);

	if (r < 0)
		return r;
	if (tab->version < 18)
		return tt_elf_code_offset(tab->fd, start, ret_offset);
	if (tab->text)
		return tt_elf_code_offset(tab->fd, tab->text + start, ret_offset);
	r = tt_elf_section(tab->fd, ".text", &text, &size);
	if (r < 0 || start >= size)
		return -ENOENT;
	*ret_offset = text + start;
	return 0;
}

static uint16_t machine_of(int fd)
{
	Elf64_Ehdr header;

	return pread(fd, &header, sizeof(header), 0) == sizeof(header) ? header.e_machine : EM_NONE;
}

int tt_gofunc_find(int fd, const char *name, struct tt_gofunc *ret)
{
	struct tt_pclntab tab = { 0 };
	bool have_table = open_table(fd, &tab) == 0, by_symbol;
	unsigned char code[CODE_MAX];
	unsigned check = 0;
	uint64_t offset;
	int on_stack = -1;
	ssize_t n;

	by_symbol = tt_elf_symbol_offset(fd, name, &offset) == 0;
	if (!by_symbol && (!have_table || find_in_table(&tab, name, &offset) < 0))
		return -ENOENT;
	n = pread(fd, code, sizeof(code), (off_t)offset);
	if (n > 0)
		check = tt_gofunc_stack_check(machine_of(fd), code, (unsigned)n, &on_stack);
	if (!check && !by_symbol)
		return -ENOENT;
	/* on arm64 the check does not tell, but the layout of the table does */
	if (on_stack < 0)
		on_stack = have_table && tab.version < 18;
	*ret = (struct tt_gofunc){ .offset = offset + check, .on_stack = on_stack };
	return 0;
}
