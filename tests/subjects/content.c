/* SPDX-License-Identifier: Apache-2.0 */
/* content CALL [FILE]: reads FILE by a call, in several pieces, and says how many bytes it was given (bytes=), in how many
 * calls that gave any (calls=), and how long its mappings were (mapped=).
 *
 * CALL: read pread readv preadv preadv2 sendfile splice copy mmap; rdwr (read, opened for writing too); failing (reads that
 * give nothing); inherited (a child reads what its parent opened); given (read of descriptor 9, which was open before the
 * exec); received (of a descriptor that a child sends); threads (four at once); closed (nothing: opens and closes). */
#include "subject.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>

#define PIECE 1000

static const char *path;
static long bytes, calls, mapped;
static char buffer[PIECE];

static int opened(int flags)
{
	int fd = open(path, flags);

	if (fd < 0)
		die("%s: %m", path);
	return fd;
}

static int took(long n)
{
	if (n < 0)
		die("reading: %m");
	if (n > 0) {
		__atomic_add_fetch(&bytes, n, __ATOMIC_RELAXED);
		__atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED);
	}
	return n > 0;
}

static void by_read(int fd)
{
	while (took(read(fd, buffer, PIECE)))
		;
}

static void by_pread(int fd)
{
	for (long at = 0; took(pread(fd, buffer, PIECE, at)); at += PIECE)
		;
}

static struct iovec *halves(void)
{
	static struct iovec v[2] = { { buffer, 300 }, { buffer + 300, PIECE - 300 } };

	return v;
}

static void by_readv(int fd)
{
	while (took(readv(fd, halves(), 2)))
		;
}

static void by_preadv(int fd)
{
	for (long at = 0; took(preadv(fd, halves(), 2, at)); at += PIECE)
		;
}

static void by_preadv2(int fd)
{
	for (long at = 0; took(preadv2(fd, halves(), 2, at, 0)); at += PIECE)
		;
}

static void drain(int fd)
{
	char room[PIECE];

	if (read(fd, room, sizeof(room)) < 0)
		die("pipe: %m");
}

static void by_sendfile(int fd)
{
	int ends[2];

	if (pipe(ends) < 0)
		die("pipe: %m");
	while (took(sendfile(ends[1], fd, NULL, PIECE)))
		drain(ends[0]);
}

static void by_splice(int fd)
{
	int ends[2];

	if (pipe(ends) < 0)
		die("pipe: %m");
	while (took(splice(fd, NULL, ends[1], NULL, PIECE, 0)))
		drain(ends[0]);
}

static void by_copy(int fd)
{
	char copy[4096];
	int out;

	snprintf(copy, sizeof(copy), "%s.copy", path);
	out = open(copy, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (out < 0)
		die("%s: %m", copy);
	while (took(copy_file_range(fd, NULL, out, NULL, PIECE, 0)))
		;
}

static void by_mmap(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		die("fstat: %m");
	for (int i = 0; i < 3; i++) {
		if (mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED)
			die("mmap: %m");
		mapped += st.st_size;
	}
	/* what is no file's, and what fails */
	if (mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ||
	    mmap(NULL, 0, PROT_READ, MAP_PRIVATE, fd, 0) != MAP_FAILED)
		die("mmap: not as expected");
}

static void by_failing(int fd)
{
	int none = open(path, O_WRONLY);
	void *volatile nowhere = (void *)1;

	if (read(none, buffer, PIECE) != -1 || read(-1, buffer, PIECE) != -1 || read(fd, buffer, 0) != 0 ||
	    read(fd, nowhere, PIECE) != -1)
		die("reading: not as expected");
}

static void by_nothing(int fd)
{
}

static void by_child(int fd)
{
	pid_t child = fork();

	if (child == 0) {
		by_read(fd);
		_exit(bytes > 0 ? 0 : 2);
	}
	if (waitpid(child, NULL, 0) != child)
		die("waitpid: %m");
	fact("child", "%d", (int)child);
}

static void *in_thread(void *arg)
{
	char room[PIECE];
	int fd = *(int *)arg;

	while (took(read(fd, room, sizeof(room))))
		;
	return NULL;
}

static void by_threads(int fd)
{
	pthread_t threads[4];

	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		if (pthread_create(&threads[i], NULL, in_thread, &fd))
			die("no thread");
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
}

/* The child opens the file and sends the descriptor. */
static int received(void)
{
	char control[CMSG_SPACE(sizeof(int))] = "", byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
	};
	struct cmsghdr *head = CMSG_FIRSTHDR(&msg);
	int pair[2], fd;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		die("socketpair: %m");
	if (fork() == 0) {
		fd = opened(O_RDONLY);
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(head), &fd, sizeof(fd));
		_exit(sendmsg(pair[1], &msg, 0) == 1 ? 0 : 2);
	}
	if (recvmsg(pair[0], &msg, 0) != 1)
		die("recvmsg: %m");
	wait(NULL);
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

static const struct {
	const char *name;
	void (*run)(int fd);
	int flags;
} ways[] = {
	{ "read", by_read, O_RDONLY },	     { "pread", by_pread, O_RDONLY },
	{ "readv", by_readv, O_RDONLY },     { "preadv", by_preadv, O_RDONLY },
	{ "preadv2", by_preadv2, O_RDONLY }, { "sendfile", by_sendfile, O_RDONLY },
	{ "splice", by_splice, O_RDONLY },   { "copy", by_copy, O_RDONLY },
	{ "mmap", by_mmap, O_RDONLY },	     { "rdwr", by_read, O_RDWR },
	{ "failing", by_failing, O_RDONLY }, { "threads", by_threads, O_RDONLY },
	{ "closed", by_nothing, O_RDONLY },  { "inherited", by_child, O_RDONLY },
};

int main(int argc, char **argv)
{
	if (argc < 2)
		die("usage: content CALL [FILE]");
	path = argv[2];
	if (!strcmp(argv[1], "given"))
		by_read(9);
	else if (argc != 3)
		die("usage: content CALL FILE");
	else if (!strcmp(argv[1], "received"))
		by_read(received());
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
		if (!strcmp(argv[1], ways[i].name))
			ways[i].run(opened(ways[i].flags));
	fact("bytes", "%ld", bytes);
	fact("calls", "%ld", calls);
	fact("mapped", "%ld", mapped);
	return 0;
}
