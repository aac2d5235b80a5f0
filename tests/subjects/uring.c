/* SPDX-License-Identifier: Apache-2.0 */
/* uring [-a|-s] [-r TIMES] [-b MS] [CALL ARG...]: sets an io_uring up, and does one thing through it instead of by a system call.
 *
 * CALL: openat|openat2 PATH [r|w|wc [DIR]] (relative to DIR if given), connect PATH (UNIX), connect tcp|udp ADDRESS PORT (IPv4),
 * accept N: a connection of its own, by which it sends N bytes.
 * -a: by a worker (IOSQE_ASYNC). -s: by the ring's own thread (SQPOLL). -r: so often, one after the other.
 * -b: with connect PATH: listens there itself, with no place left until so many milliseconds have passed.
 * Prints each result, and threads=N, its own, the ring's and its workers: 1 means that it did all that itself. */
#include "subject.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/openat2.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#define ENTRIES 4 /* of the submission queue */

static struct {
	int fd, by_thread;
	unsigned *tail, *array, *done, *taken, mask;
	struct io_uring_sqe *sqe;
	struct io_uring_cqe *cqe;
} ring;

static void *map_ring(size_t size, off_t what)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring.fd, what);

	if (p == MAP_FAILED)
		die("mmap: %m");
	return p;
}

static void map_rings(const struct io_uring_params *p)
{
	char *sq = map_ring(p->sq_off.array + p->sq_entries * sizeof(unsigned), IORING_OFF_SQ_RING);
	char *cq = map_ring(p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe), IORING_OFF_CQ_RING);

	ring.sqe = map_ring(p->sq_entries * sizeof(*ring.sqe), IORING_OFF_SQES);
	ring.tail = (unsigned *)(sq + p->sq_off.tail);
	ring.array = (unsigned *)(sq + p->sq_off.array);
	ring.taken = (unsigned *)(cq + p->cq_off.head);
	ring.done = (unsigned *)(cq + p->cq_off.tail);
	ring.mask = *(unsigned *)(cq + p->cq_off.ring_mask);
	ring.cqe = (struct io_uring_cqe *)(cq + p->cq_off.cqes);
}

static int has_ended(void)
{
	return __atomic_load_n(ring.done, __ATOMIC_ACQUIRE) != *ring.taken;
}

static void enter(unsigned submit, unsigned wait)
{
	unsigned flags = (wait ? IORING_ENTER_GETEVENTS : 0) | (ring.by_thread ? IORING_ENTER_SQ_WAKEUP : 0);

	if (syscall(SYS_io_uring_enter, ring.fd, submit, wait, flags, NULL, 0) < 0)
		die("io_uring_enter: %m");
}

static int busy_ms, listener = -1;

static int through_ring(const struct io_uring_sqe *what)
{
	unsigned tail = *ring.tail;
	int result;

	ring.sqe[0] = *what;
	ring.array[tail & (ENTRIES - 1)] = 0;
	__atomic_store_n(ring.tail, tail + 1, __ATOMIC_RELEASE);
	enter(1, 0);
	if (listener >= 0 && !has_ended()) {
		usleep(busy_ms * 1000);
		accept(listener, NULL, NULL);
	}
	while (!has_ended())
		enter(0, 1);
	result = ring.cqe[*ring.taken & ring.mask].res;
	__atomic_store_n(ring.taken, *ring.taken + 1, __ATOMIC_RELEASE);
	return result;
}

static union {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_un un;
} address;
static struct open_how how;

static void prepare_open(struct io_uring_sqe *sqe, int argc, char **argv)
{
	const char *mode = argc > 2 ? argv[2] : "r";
	int flags = (mode[0] == 'w' ? O_WRONLY : O_RDONLY) | (mode[0] && mode[1] == 'c' ? O_CREAT : 0);

	sqe->fd = argc > 3 ? open(argv[3], O_PATH | O_DIRECTORY) : AT_FDCWD;
	sqe->addr = (unsigned long)argv[1];
	if (strcmp(argv[0], "openat2") == 0) {
		how.flags = flags;
		how.mode = flags & O_CREAT ? 0600 : 0;
		sqe->opcode = IORING_OP_OPENAT2;
		sqe->len = sizeof(how);
		sqe->off = (unsigned long)&how;
	} else {
		sqe->opcode = IORING_OP_OPENAT;
		sqe->open_flags = flags;
		sqe->len = 0600;
	}
}

/* Each call through the ring: accept, then send. What is sent is received by a system call. */
static void serve(struct io_uring_sqe *sqe, unsigned len)
{
	socklen_t address_len = sizeof(address.in);
	int door = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0), r;
	static char bytes[4096];

	address.in.sin_family = AF_INET;
	address.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (len > sizeof(bytes) || bind(door, &address.any, address_len) < 0 || listen(door, 1) < 0 ||
	    getsockname(door, &address.any, &address_len) < 0 ||
	    connect(client, &address.any, address_len) < 0)
		die("accept: %m");
	sqe->opcode = IORING_OP_ACCEPT;
	sqe->fd = door;
	r = through_ring(sqe);
	fact("result", "%d", r < 0 ? r : 0);
	if (r < 0)
		return;
	sqe->opcode = IORING_OP_SEND;
	sqe->fd = r;
	sqe->addr = (unsigned long)bytes;
	sqe->len = len;
	fact("sent", "%d", through_ring(sqe));
	fact("received", "%zd", recv(client, bytes, len, MSG_WAITALL));
	close(client);
	close(r);
}

static int connect_type = SOCK_STREAM;

static void prepare_connect(struct io_uring_sqe *sqe, int argc, char **argv)
{
	if (argc == 2) {
		address.un.sun_family = AF_UNIX;
		snprintf(address.un.sun_path, sizeof(address.un.sun_path), "%s", argv[1]);
		sqe->off = offsetof(struct sockaddr_un, sun_path) + strlen(argv[1]) + 1;
	} else if (argc == 4) {
		address.in.sin_family = AF_INET;
		address.in.sin_port = htons(number(argv[3]));
		if (inet_pton(AF_INET, argv[2], &address.in.sin_addr) != 1)
			die("not an address: %s", argv[2]);
		sqe->off = sizeof(address.in);
		if (strcmp(argv[1], "udp") == 0)
			connect_type = SOCK_DGRAM;
	} else {
		die("connect PATH | tcp|udp ADDRESS PORT");
	}
	sqe->opcode = IORING_OP_CONNECT;
	sqe->addr = (unsigned long)&address;
}

/* A backlog of 0 holds one connection. */
static void listen_busily(socklen_t len)
{
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	if (bind(listener, &address.any, len) < 0 || listen(listener, 0) < 0 ||
	    connect(socket(AF_UNIX, SOCK_STREAM, 0), &address.any, len) < 0)
		die("%s: %m", address.un.sun_path);
}

/* By the count of a directory's links: opening it would be one more thing that it did. */
static int threads(void)
{
	struct stat st;

	return stat("/proc/self/task", &st) < 0 ? -1 : (int)st.st_nlink - 2;
}

int main(int argc, char **argv)
{
	struct io_uring_params p = { 0 };
	struct io_uring_sqe sqe = { 0 };
	int option, times = 1;

	while ((option = getopt(argc, argv, "+asr:b:")) != -1) {
		if (option == 'a')
			sqe.flags = IOSQE_ASYNC;
		else if (option == 's')
			ring.by_thread = 1;
		else if (option == 'r')
			times = number(optarg);
		else if (option == 'b')
			busy_ms = number(optarg);
		else
			return 2;
	}
	argv += optind;
	argc -= optind;
	if (ring.by_thread) {
		p.flags = IORING_SETUP_SQPOLL;
		p.sq_thread_idle = 1000;
	}
	ring.fd = syscall(SYS_io_uring_setup, ENTRIES, &p);
	fact("ring", "%d", result_of(ring.fd));
	fact("pid", "%d", getpid());
	if (ring.fd < 0 || argc < 2)
		return 0;

	map_rings(&p);
	if (strcmp(argv[0], "accept") == 0) {
		serve(&sqe, number(argv[1]));
		fact("threads", "%d", threads());
		return 0;
	}
	if (strcmp(argv[0], "connect") == 0)
		prepare_connect(&sqe, argc, argv);
	else
		prepare_open(&sqe, argc, argv);
	if (busy_ms)
		listen_busily(sqe.off);
	while (times-- > 0) {
		int r;

		if (sqe.opcode == IORING_OP_CONNECT)
			sqe.fd = socket(address.any.sa_family, connect_type | SOCK_CLOEXEC, 0);
		r = through_ring(&sqe);
		fact("result", "%d", r < 0 ? r : 0);
		if (sqe.opcode == IORING_OP_CONNECT)
			close(sqe.fd);
		else if (r >= 0)
			close(r);
	}
	fact("threads", "%d", threads());
	return 0;
}
