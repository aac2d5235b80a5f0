/* SPDX-License-Identifier: Apache-2.0 */
/* entrance STEP...: one end of a connection, or both, step by step.
 *
 *	tcp4, tcp6, mptcp, unix=PATH   listens there
 *	udp4, udp6, unixdgram=PATH     has a socket there, that which accepted
 *	again                          listens once more
 *	try                            accepts without waiting, when there is nobody
 *	connect                        to where it listens; to=PORT: at 127.0.0.1; socket: does not connect
 *	accept, accept4                the connection
 *	has=FD                         a connection that it was given
 *	cs=N, cr=N, cp=N, ce           the end that connected sends, receives, peeks at N bytes, or receives the end
 *	ss=N, sr=N, sp=N, se           the end that accepted
 *	ct=N                           the first sends a datagram to where it listens
 *	sf=N                           the other receives one, and from whom
 *	cshut, sshut, crst             sends no more; closes at once, with a reset
 *	cc, sc, lc                     closes
 *	fork                           a child does the rest, having both ends, while its parent waits; prints child=PID
 *	give                           the same, but the child has no end until it is given that which accepted
 *	turns=N                        its child sends a byte, then itself, N times
 *	threads=N                      so many accept at once, each a connection, and read what is sent
 *	stay=FILE                      goes into the background; it ends when FILE is removed
 *	run COMMAND...                 becomes that, which has what was accepted as descriptor 4
 *
 * Prints port=N of where it listens. */
#include "subject.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

static union {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
} at;
static socklen_t at_len;
static int type = SOCK_STREAM;
static int listener = -1, client = -1, server = -1;
static char buf[1 << 20];

static void must(long r, const char *step)
{
	if (r < 0)
		die("%s: %m", step);
}

static void listen_at(const char *step, int family, int protocol, const char *path)
{
	at.any.sa_family = (sa_family_t)family;
	at_len = family == AF_INET ? sizeof(at.in) : sizeof(at.in6);
	if (family == AF_INET)
		at.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else if (family == AF_INET6)
		at.in6.sin6_addr = in6addr_loopback;
	if (path) {
		size_t len = strlen(path);

		if (len >= sizeof(at.un.sun_path))
			die("too long: %s", path);
		memcpy(at.un.sun_path, path, len);
		if (path[0] == '@')
			at.un.sun_path[0] = 0;
		at_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (path[0] != '@'));
	}
	listener = socket(family, type, protocol);
	must(listener, step);
	must(bind(listener, &at.any, at_len), step);
	if (type == SOCK_STREAM)
		must(listen(listener, 64), step);
	else
		server = listener;
	if (!path) {
		getsockname(listener, &at.any, &at_len);
		fact("port", "%d", ntohs(at.in.sin_port)); /* at the same place in both */
		fflush(stdout);
	}
}

static void connect_to(const char *step)
{
	client = socket(at.any.sa_family, type, 0);
	must(client, step);
	must(connect(client, &at.any, at_len), step);
}

static void send_all(const char *step, int fd, size_t n)
{
	while (n > 0) {
		ssize_t sent = send(fd, buf, n < sizeof(buf) ? n : sizeof(buf), MSG_NOSIGNAL);

		must(sent, step);
		n -= (size_t)sent;
	}
}

/* Receives n bytes, or the end. */
static void receive(const char *step, int fd, size_t n, int flags)
{
	do {
		ssize_t got = recv(fd, buf, n < sizeof(buf) ? n : sizeof(buf), flags);

		must(got, step);
		if (got == 0 && n > 0)
			die("%s: it ends %zu too early", step, n);
		n -= flags & MSG_PEEK ? n : (size_t)got;
	} while (n > 0);
}

static void receive_from(const char *step, int fd, size_t n)
{
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	ssize_t got = recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&from, &len);

	must(got, step);
	if ((size_t)got != n)
		die("%s: %zd", step, got);
}

static void *accept_one(void *arg)
{
	int fd = accept(listener, NULL, NULL);
	char byte;

	must(fd, "threads");
	while (recv(fd, &byte, 1, 0) > 0)
		;
	close(fd);
	return NULL;
}

static void threads(size_t n)
{
	pthread_t all[64];

	if (n > ARRAY_SIZE(all))
		die("too many");
	for (size_t i = 0; i < n; i++)
		pthread_create(&all[i], NULL, accept_one, NULL);
	for (size_t i = 0; i < n; i++) {
		connect_to("threads");
		send_all("threads", client, i + 1);
		close(client);
	}
	for (size_t i = 0; i < n; i++)
		pthread_join(all[i], NULL);
}

static void wait_for(pid_t child)
{
	int status;

	fact("child", "%d", child);
	fflush(stdout);
	if (waitpid(child, &status, 0) < 0 || status != 0)
		die("the child failed: %#x", status);
}

static void go_on_in_child(const char *step)
{
	pid_t child;

	fflush(stdout);
	child = fork();
	must(child, step);
	if (child == 0)
		return;
	wait_for(child);
	exit(0);
}

/* The descriptor in a message's control part. */
union rights {
	struct cmsghdr head;
	char room[CMSG_SPACE(sizeof(int))];
};

static void give_to_child(const char *step)
{
	union rights rights = { .head = { .cmsg_len = CMSG_LEN(sizeof(int)),
					  .cmsg_level = SOL_SOCKET,
					  .cmsg_type = SCM_RIGHTS } };
	struct iovec iov = { buf, 1 };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &rights, .msg_controllen = sizeof(rights)
	};
	pid_t child;
	int pair[2], given = server;

	fflush(stdout);
	must(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), step);
	child = fork();
	must(child, step);
	if (child > 0) {
		memcpy(CMSG_DATA(&rights.head), &given, sizeof(given));
		must(sendmsg(pair[1], &message, 0), step);
		wait_for(child);
		exit(0);
	}
	close(client);
	close(server);
	must(recvmsg(pair[0], &message, 0), step);
	memcpy(&server, CMSG_DATA(&rights.head), sizeof(server));
	close(pair[0]);
	close(pair[1]);
}

static void take_turns(const char *step, size_t n)
{
	int to[2], from[2];
	char byte = 0;
	pid_t child;

	fflush(stdout);
	must(pipe(to), step);
	must(pipe(from), step);
	child = fork();
	must(child, step);
	for (size_t i = 0; i < n; i++) {
		if (child == 0) {
			must(read(to[0], &byte, 1), step);
			send_all(step, client, 1);
			must(write(from[1], &byte, 1), step);
		} else {
			must(write(to[1], &byte, 1), step);
			must(read(from[0], &byte, 1), step);
			send_all(step, client, 1);
		}
	}
	if (child == 0)
		exit(0);
	wait_for(child);
}

static void stay(const char *step, const char *file)
{
	pid_t child;
	int fd;

	fflush(stdout);
	child = fork();
	must(child, step);
	if (child > 0) {
		fact("child", "%d", child);
		exit(0);
	}
	setsid();
	fd = open("/dev/null", O_RDWR);
	for (int i = 0; i < 3; i++)
		dup2(fd, i);
	while (access(file, F_OK) == 0)
		usleep(20000);
	exit(0);
}

static void reset(int fd)
{
	struct linger at_once = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(fd);
}

/* An end's step: what follows its letter. */
static int end_step(const char *step, int fd)
{
	const char *does = step + 1, *equals = strchr(does, '=');
	size_t n = equals && equals[1] ? (size_t)number(equals + 1) : 0;

	if (equals && equals - does != 1)
		return 0;
	if (does[0] == 's' && equals)
		send_all(step, fd, n);
	else if (does[0] == 't' && equals)
		must(sendto(fd, buf, n, 0, &at.any, at_len), step);
	else if (does[0] == 'f' && equals)
		receive_from(step, fd, n);
	else if (does[0] == 'r' && equals)
		receive(step, fd, n, 0);
	else if (does[0] == 'p' && equals)
		receive(step, fd, n, MSG_PEEK);
	else if (strcmp(does, "e") == 0)
		receive(step, fd, 0, 0);
	else if (strcmp(does, "shut") == 0)
		must(shutdown(fd, SHUT_WR), step);
	else if (strcmp(does, "rst") == 0)
		reset(fd);
	else if (strcmp(does, "c") == 0)
		close(fd);
	else
		return 0;
	return 1;
}

static const char *argument(const char *step, const char *name)
{
	size_t len = strlen(name);

	return strncmp(step, name, len) == 0 && step[len] == '=' ? step + len + 1 : NULL;
}

static void try_accept(const char *step)
{
	fcntl(listener, F_SETFL, O_NONBLOCK);
	fact("tried", "%d", result_of(accept(listener, NULL, NULL)));
	fcntl(listener, F_SETFL, 0);
}

static void does(const char *step)
{
	const char *arg;

	if (strncmp(step, "udp", 3) == 0 || strncmp(step, "unixdgram", 9) == 0)
		type = SOCK_DGRAM;
	if (strcmp(step, "udp4") == 0)
		listen_at(step, AF_INET, 0, NULL);
	else if (strcmp(step, "udp6") == 0)
		listen_at(step, AF_INET6, 0, NULL);
	else if ((arg = argument(step, "unixdgram")))
		listen_at(step, AF_UNIX, 0, arg);
	else if (strcmp(step, "socket") == 0)
		must(client = socket(at.any.sa_family, type, 0), step);
	else if (strcmp(step, "tcp4") == 0)
		listen_at(step, AF_INET, 0, NULL);
	else if (strcmp(step, "tcp6") == 0)
		listen_at(step, AF_INET6, 0, NULL);
	else if (strcmp(step, "mptcp") == 0)
		listen_at(step, AF_INET, IPPROTO_MPTCP, NULL);
	else if ((arg = argument(step, "unix")))
		listen_at(step, AF_UNIX, 0, arg);
	else if (strcmp(step, "again") == 0)
		must(listen(listener, 8), step);
	else if (strcmp(step, "try") == 0)
		try_accept(step);
	else if (strcmp(step, "connect") == 0)
		connect_to(step);
	else if ((arg = argument(step, "to"))) {
		at.in = (struct sockaddr_in){ .sin_family = AF_INET,
					      .sin_port = htons((uint16_t)number(arg)),
					      .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
		at_len = sizeof(at.in);
		connect_to(step);
	} else if (strcmp(step, "accept") == 0)
		must(server = accept(listener, NULL, NULL), step);
	else if (strcmp(step, "accept4") == 0)
		must(server = accept4(listener, NULL, NULL, SOCK_CLOEXEC), step);
	else if ((arg = argument(step, "has")))
		client = (int)number(arg);
	else if (strcmp(step, "lc") == 0)
		close(listener);
	else if (strcmp(step, "fork") == 0)
		go_on_in_child(step);
	else if (strcmp(step, "give") == 0)
		give_to_child(step);
	else if ((arg = argument(step, "turns")))
		take_turns(step, (size_t)number(arg));
	else if ((arg = argument(step, "threads")))
		threads((size_t)number(arg));
	else if ((arg = argument(step, "stay")))
		stay(step, arg);
	else if (!(step[0] == 'c' && end_step(step, client)) && !(step[0] == 's' && end_step(step, server)))
		die("what is '%s'?", step);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "run") == 0) {
			dup2(server, 4);
			execv(argv[i + 1], argv + i + 1);
			die("%s: %m", argv[i + 1]);
		}
		does(argv[i]);
	}
	return 0;
}
