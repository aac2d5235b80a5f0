/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer entry: any bytes as a Go program's table of functions, and as the code of a function. */
#include "util/pclntab.h"

#include <elf.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sensor/gofunc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC), on_stack;
	unsigned len = size < 64 ? (unsigned)size : 64;
	struct tt_pclntab tab;
	uint64_t start;

	if (tt_gofunc_stack_check(EM_X86_64, data, len, &on_stack) > len ||
	    tt_gofunc_stack_check(EM_AARCH64, data, len, &on_stack) > len)
		abort();
	if (fd < 0)
		return 0;
	/* a file that may be shorter than its section says */
	if (write(fd, data, size) == (ssize_t)size && tt_pclntab_open(fd, 0, size + size % 3, &tab) == 0)
		tt_pclntab_find(&tab, "syscall.Getenv", &start);
	close(fd);
	return 0;
}
