/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the test program itself and small files made by hand, whole and damaged. */
#include "util/elf.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "util/util.h"

/* A 64-bit file with one loadable segment over everything, and whatever a test puts behind the headers. */
struct image {
	Elf64_Ehdr ehdr;
	Elf64_Phdr phdr[4];
	Elf64_Shdr shdr[5];
	char data[4096];
};

#define DATA_AT	   offsetof(struct image, data)
#define INTERP_AT  0
#define NOTES_AT   64
#define STRINGS_AT 256
#define SYMBOLS_AT 512
#define DYNAMIC_AT 1024
#define NAMES_AT   2048

static const char strings[] = "\0libm.so.6\0libc.musl-x86_64.so.1\0__environ\0my_getenv\0";
static const char names[] = "\0.dynsym\0.dynstr\0.shstrtab\0.bun\0";

static void image_init(struct image *im)
{
	const unsigned char note[] = { 4,   0,	 0,   0, 8,    0,    0,	   0,	 3, 0, 0, 0,
				       'G', 'N', 'U', 0, 0xde, 0xad, 0xbe, 0xef, 1, 2, 3, 4 };
	Elf64_Sym symbols[] = {
		{ 0 },
		{ .st_name = 33, .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT) },
		{ .st_name = 43,
		  .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
		  .st_shndx = 1,
		  .st_value = 0x401234 },
	};
	Elf64_Dyn dynamic[] = { { DT_NEEDED, { 1 } },
				{ DT_NEEDED, { 11 } },
				{ DT_STRTAB, { 0x400000 + DATA_AT + STRINGS_AT } },
				{ DT_STRSZ, { sizeof(strings) } },
				{ DT_SYMTAB, { 0x400000 + DATA_AT + SYMBOLS_AT } },
				{ DT_NULL, { 0 } } };

	memset(im, 0, sizeof(*im));
	memcpy(im->ehdr.e_ident, ELFMAG, SELFMAG);
	im->ehdr.e_ident[EI_CLASS] = ELFCLASS64;
	im->ehdr.e_ident[EI_DATA] = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB;
	im->ehdr.e_phoff = offsetof(struct image, phdr);
	im->ehdr.e_phentsize = sizeof(Elf64_Phdr);
	im->ehdr.e_phnum = 4;
	im->ehdr.e_shoff = offsetof(struct image, shdr);
	im->ehdr.e_shentsize = sizeof(Elf64_Shdr);
	im->ehdr.e_shnum = 5;
	im->ehdr.e_shstrndx = 3;

	im->phdr[0] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_vaddr = 0x400000, .p_filesz = sizeof(*im) };
	im->phdr[1] = (Elf64_Phdr){ .p_type = PT_INTERP, .p_offset = DATA_AT + INTERP_AT, .p_filesz = 32 };
	im->phdr[2] =
		(Elf64_Phdr){ .p_type = PT_NOTE, .p_offset = DATA_AT + NOTES_AT, .p_filesz = sizeof(note) };
	im->phdr[3] = (Elf64_Phdr){ .p_type = PT_DYNAMIC,
				    .p_offset = DATA_AT + DYNAMIC_AT,
				    .p_filesz = sizeof(dynamic) };

	im->shdr[1] = (Elf64_Shdr){ .sh_name = 1,
				    .sh_type = SHT_DYNSYM,
				    .sh_link = 2,
				    .sh_offset = DATA_AT + SYMBOLS_AT,
				    .sh_size = sizeof(symbols) };
	im->shdr[2] = (Elf64_Shdr){ .sh_name = 9,
				    .sh_type = SHT_STRTAB,
				    .sh_offset = DATA_AT + STRINGS_AT,
				    .sh_size = sizeof(strings) };
	im->shdr[3] = (Elf64_Shdr){ .sh_name = 17,
				    .sh_type = SHT_STRTAB,
				    .sh_offset = DATA_AT + NAMES_AT,
				    .sh_size = sizeof(names) };
	im->shdr[4] =
		(Elf64_Shdr){ .sh_name = 27, .sh_type = SHT_PROGBITS, .sh_offset = DATA_AT, .sh_size = 16 };

	strcpy(im->data + INTERP_AT, "/lib/ld-musl-x86_64.so.1");
	memcpy(im->data + NOTES_AT, note, sizeof(note));
	memcpy(im->data + STRINGS_AT, strings, sizeof(strings));
	memcpy(im->data + SYMBOLS_AT, symbols, sizeof(symbols));
	memcpy(im->data + DYNAMIC_AT, dynamic, sizeof(dynamic));
	memcpy(im->data + NAMES_AT, names, sizeof(names));
}

static int file_of(const void *data, size_t len)
{
	int fd = memfd_create("elf", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
	return fd;
}

static void a_file_made_by_hand_is_read_whole(void **state)
{
	_cleanup_(tt_elf_done) struct tt_elf elf = { 0 };
	_cleanup_close_ int fd = -1;
	struct image im;

	image_init(&im);
	fd = file_of(&im, sizeof(im));

	assert_int_equal(tt_elf_read(fd, &elf), 0);
	assert_true(elf.elf64);
	assert_false(elf.is_static);
	assert_false(elf.is_go);
	assert_true(elf.imports_environ);
	assert_string_equal(elf.interp, "/lib/ld-musl-x86_64.so.1");
	assert_string_equal(elf.build_id, "deadbeef01020304");
	assert_string_equal(elf.libc, "libc.musl-x86_64.so.1");
}

static void a_function_has_a_file_offset_an_object_or_a_stranger_has_none(void **state)
{
	_cleanup_close_ int fd = -1;
	uint64_t offset = 0;
	struct image im;

	image_init(&im);
	fd = file_of(&im, sizeof(im));

	assert_int_equal(tt_elf_symbol_offset(fd, "my_getenv", &offset), 0);
	assert_int_equal(offset, 0x1234);
	assert_int_equal(tt_elf_symbol_offset(fd, "__environ", &offset), -ENOENT);
	assert_int_equal(tt_elf_symbol_offset(fd, "getenv", &offset), -ENOENT);
	assert_int_equal(tt_elf_symbol_offset(fd, "", &offset), -ENOENT);
}

static void code_has_a_file_offset_and_data_has_none(void **state)
{
	_cleanup_close_ int data = -1, code = -1;
	struct image im;
	uint64_t offset;

	image_init(&im);
	data = file_of(&im, sizeof(im));
	assert_int_equal(tt_elf_code_offset(data, 0x400100, &offset), -ENOENT);
	im.phdr[0].p_flags = PF_R | PF_X;
	im.phdr[0].p_offset = 0x10;
	code = file_of(&im, sizeof(im));
	assert_int_equal(tt_elf_code_offset(code, 0x400100, &offset), 0);
	assert_int_equal(offset, 0x110);
	assert_int_equal(tt_elf_code_offset(code, 0x3fffff, &offset), -ENOENT);
	assert_int_equal(tt_elf_code_offset(code, 0x400000 + sizeof(im), &offset), -ENOENT);
	assert_int_equal(tt_elf_code_offset(code, UINT64_MAX, &offset), -ENOENT);
}

static void dynamic_symbols_are_found_without_sections(void **state)
{
	_cleanup_(tt_elf_done) struct tt_elf elf = { 0 };
	_cleanup_close_ int fd = -1;
	uint64_t offset = 0;
	struct image im;
	char *p;

	/* Symbols have to lie before their names then, as linkers lay them. */
	image_init(&im);
	im.ehdr.e_shnum = 0;
	memcpy(im.data + SYMBOLS_AT + 3 * sizeof(Elf64_Sym), strings, sizeof(strings));
	p = im.data + DYNAMIC_AT + 2 * sizeof(Elf64_Dyn);
	((Elf64_Dyn *)(void *)p)->d_un.d_ptr = 0x400000 + DATA_AT + SYMBOLS_AT + 3 * sizeof(Elf64_Sym);
	fd = file_of(&im, sizeof(im));

	assert_int_equal(tt_elf_read(fd, &elf), 0);
	assert_true(elf.imports_environ);
	assert_int_equal(tt_elf_symbol_offset(fd, "my_getenv", &offset), 0);
	assert_int_equal(offset, 0x1234);
}

static void a_section_is_found_by_name(void **state)
{
	uint64_t offset = 0, size = 0;
	_cleanup_close_ int fd = -1;
	struct image im;

	image_init(&im);
	fd = file_of(&im, sizeof(im));

	assert_int_equal(tt_elf_section(fd, ".bun", &offset, &size), 0);
	assert_int_equal(offset, DATA_AT);
	assert_int_equal(size, 16);
	assert_int_equal(tt_elf_section(fd, ".bu", &offset, &size), -ENOENT);
}

static void a_go_note_says_go_and_no_interpreter_says_static(void **state)
{
	_cleanup_(tt_elf_done) struct tt_elf elf = { 0 };
	_cleanup_close_ int fd = -1;
	struct image im;

	image_init(&im);
	im.ehdr.e_phnum = 3;
	im.phdr[1].p_type = PT_NULL;
	memcpy(im.data + NOTES_AT + 12, "Go\0", 4);
	im.data[NOTES_AT + 8] = 4;
	fd = file_of(&im, sizeof(im));

	assert_int_equal(tt_elf_read(fd, &elf), 0);
	assert_true(elf.is_go);
	assert_true(elf.is_static);
	assert_null(elf.build_id);
	assert_null(elf.libc);
}

static void what_is_no_elf_file_is_refused(void **state)
{
	static const struct {
		const char *data;
		size_t len;
	} cases[] = { { "", 0 }, { "#!/bin/sh\n", 10 }, { "\177ELF", 4 }, { "\177ELF\2\1\1", 7 } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_close_ int fd = file_of(cases[i].data, cases[i].len);
		struct tt_elf elf;

		assert_int_equal(tt_elf_read(fd, &elf), -ENOEXEC);
	}
}

static void a_file_of_the_other_byte_order_is_refused(void **state)
{
	_cleanup_close_ int fd = -1;
	struct tt_elf elf;
	struct image im;

	image_init(&im);
	im.ehdr.e_ident[EI_DATA] ^= ELFDATA2LSB ^ ELFDATA2MSB;
	fd = file_of(&im, sizeof(im));

	assert_int_equal(tt_elf_read(fd, &elf), -ENOEXEC);
}

static void a_file_cut_anywhere_is_read_without_harm(void **state)
{
	struct image im;

	image_init(&im);
	for (size_t len = 0; len < sizeof(im); len += len < DATA_AT + 2200 ? 7 : 501) {
		_cleanup_(tt_elf_done) struct tt_elf elf = { 0 };
		_cleanup_close_ int fd = file_of(&im, len);
		uint64_t offset, size;
		int r = tt_elf_read(fd, &elf);

		assert_true(r == 0 || r == -ENOEXEC);
		tt_elf_symbol_offset(fd, "my_getenv", &offset);
		tt_elf_section(fd, ".bun", &offset, &size);
	}
}

/* Each 8 bytes of headers and tables replaced by what overflows most easily. */
static void hostile_numbers_are_read_without_harm(void **state)
{
	static const uint64_t numbers[] = { 0,
					    1,
					    UINT64_MAX,
					    UINT32_MAX,
					    INT64_MAX,
					    0x8000000000000000,
					    UINT64_MAX - 7,
					    0xfffffffffffff000,
					    0x7fffffff00000001 };
	struct image im;

	for (size_t at = EI_NIDENT; at < DATA_AT + NAMES_AT; at += 8) {
		for (size_t k = 0; k < ARRAY_SIZE(numbers); k++) {
			_cleanup_(tt_elf_done) struct tt_elf elf = { 0 };
			_cleanup_close_ int fd = -1;
			uint64_t offset, size;

			if (at > DATA_AT + 128 && at < DATA_AT + SYMBOLS_AT)
				continue;
			image_init(&im);
			memcpy((char *)&im + at, &numbers[k], 8);
			fd = file_of(&im, sizeof(im));

			tt_elf_read(fd, &elf);
			tt_elf_symbol_offset(fd, "my_getenv", &offset);
			tt_elf_section(fd, ".bun", &offset, &size);
		}
	}
}

static void a_real_program_knows_its_libc(void **state)
{
	_cleanup_(tt_elf_done) struct tt_elf elf = { 0 };
	_cleanup_close_ int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	uint64_t offset = 0;

	assert_int_equal(tt_elf_read(fd, &elf), 0);
	assert_non_null(elf.interp);
	assert_non_null(elf.libc);
	assert_false(elf.is_static);
	assert_int_equal(tt_elf_symbol_offset(fd, "main", &offset), 0);
	assert_true(offset > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_made_by_hand_is_read_whole),
		cmocka_unit_test(a_function_has_a_file_offset_an_object_or_a_stranger_has_none),
		cmocka_unit_test(code_has_a_file_offset_and_data_has_none),
		cmocka_unit_test(dynamic_symbols_are_found_without_sections),
		cmocka_unit_test(a_section_is_found_by_name),
		cmocka_unit_test(a_go_note_says_go_and_no_interpreter_says_static),
		cmocka_unit_test(what_is_no_elf_file_is_refused),
		cmocka_unit_test(a_file_of_the_other_byte_order_is_refused),
		cmocka_unit_test(a_file_cut_anywhere_is_read_without_harm),
		cmocka_unit_test(hostile_numbers_are_read_without_harm),
		cmocka_unit_test(a_real_program_knows_its_libc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
