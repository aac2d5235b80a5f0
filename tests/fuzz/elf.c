/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer entry: any bytes as an ELF file. */
#include "util/elf.h"

#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct tt_elf elf = { 0 };
	uint64_t offset, length;

	if (fd < 0)
		return 0;
	if (write(fd, data, size) == (ssize_t)size) {
		if (tt_elf_read(fd, &elf) == 0)
			tt_elf_done(&elf);
		tt_elf_symbol_offset(fd, "getenv", &offset);
		tt_elf_code_offset(fd, 0x401000, &offset);
		tt_elf_section(fd, ".bun", &offset, &length);
	}
	close(fd);
	return 0;
}
