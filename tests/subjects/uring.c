/* SPDX-License-Identifier: Apache-2.0 */
/* uring [PATH]: sets an io_uring up; with PATH, opens it through the ring instead of by a system call. */
#include "subject.h"

#include <fcntl.h>
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>

static void *map_ring(int fd, size_t size, off_t what)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, what);

	if (p == MAP_FAILED)
		die("mmap: %m");
	return p;
}

static int open_through(int fd, const struct io_uring_params *p, const char *path)
{
	char *sq = map_ring(fd, p->sq_off.array + p->sq_entries * sizeof(unsigned), IORING_OFF_SQ_RING);
	char *cq = map_ring(fd, p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe),
			    IORING_OFF_CQ_RING);
	struct io_uring_sqe *sqe = map_ring(fd, p->sq_entries * sizeof(*sqe), IORING_OFF_SQES);
	unsigned *tail = (unsigned *)(sq + p->sq_off.tail);
	struct io_uring_cqe *cqe;

	sqe[0] = (struct io_uring_sqe){ .opcode = IORING_OP_OPENAT,
					.fd = AT_FDCWD,
					.addr = (unsigned long)path,
					.open_flags = O_RDONLY };
	((unsigned *)(sq + p->sq_off.array))[0] = 0;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		die("io_uring_enter: %m");
	cqe = (struct io_uring_cqe *)(cq + p->cq_off.cqes);
	return cqe[0].res < 0 ? cqe[0].res : 0;
}

int main(int argc, char **argv)
{
	struct io_uring_params p = { 0 };
	int fd = syscall(SYS_io_uring_setup, 4, &p);

	fact("result", "%d", result_of(fd));
	fact("pid", "%d", getpid());
	if (fd >= 0 && argc > 1)
		fact("open", "%d", open_through(fd, &p, argv[1]));
	return 0;
}
