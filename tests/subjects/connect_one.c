/* SPDX-License-Identifier: Apache-2.0 */
/* connect_one [-n|-a] [-t SECONDS] CALL ADDRESS PORT: connects once, or sends one datagram to an address.
 *
 * CALL: tcp udp (connect), send sendmsg sendmmsg (unconnected datagrams), unix unixdgram (ADDRESS is a path,
 * "@name" abstract; PORT is left out). ADDRESS: IPv4 or IPv6 in digits.
 * -n: non-blocking, then waits for the outcome with poll. -a: non-blocking, then closes at once (aborted).
 * -t: gives up the connection attempt after so long (TCP_USER_TIMEOUT), result -ETIMEDOUT. */
#include "subject.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
};

static socklen_t parse(union address *a, const char *text, const char *port)
{
	memset(a, 0, sizeof(*a));
	if (!port) {
		size_t len = strlen(text);

		if (len >= sizeof(a->un.sun_path))
			die("too long: %s", text);
		a->un.sun_family = AF_UNIX;
		memcpy(a->un.sun_path, text, len);
		if (text[0] == '@')
			a->un.sun_path[0] = 0;
		return offsetof(struct sockaddr_un, sun_path) + len + (text[0] != '@');
	}
	if (inet_pton(AF_INET, text, &a->in.sin_addr) == 1) {
		a->in.sin_family = AF_INET;
		a->in.sin_port = htons(number(port));
		return sizeof(a->in);
	}
	if (inet_pton(AF_INET6, text, &a->in6.sin6_addr) != 1)
		die("not an address: %s", text);
	a->in6.sin6_family = AF_INET6;
	a->in6.sin6_port = htons(number(port));
	return sizeof(a->in6);
}

static long do_connect(int fd, union address *to, socklen_t len)
{
	return connect(fd, &to->any, len);
}

static long do_send(int fd, union address *to, socklen_t len)
{
	return sendto(fd, "x", 1, 0, &to->any, len);
}

static struct mmsghdr message(union address *to, socklen_t len)
{
	static struct iovec iov = { .iov_base = "x", .iov_len = 1 };

	return (struct mmsghdr){
		.msg_hdr = { .msg_name = to, .msg_namelen = len, .msg_iov = &iov, .msg_iovlen = 1 }
	};
}

static long do_sendmsg(int fd, union address *to, socklen_t len)
{
	struct mmsghdr m = message(to, len);

	return sendmsg(fd, &m.msg_hdr, 0);
}

static long do_sendmmsg(int fd, union address *to, socklen_t len)
{
	struct mmsghdr m[2] = { message(to, len), message(to, len) };

	return sendmmsg(fd, m, 2, 0);
}

static const struct {
	const char *name;
	int type;
	long (*call)(int fd, union address *to, socklen_t len);
} calls[] = {
	{ "tcp", SOCK_STREAM, do_connect },	 { "udp", SOCK_DGRAM, do_connect },
	{ "unix", SOCK_STREAM, do_connect },	 { "unixdgram", SOCK_DGRAM, do_connect },
	{ "send", SOCK_DGRAM, do_send },	 { "sendmsg", SOCK_DGRAM, do_sendmsg },
	{ "sendmmsg", SOCK_DGRAM, do_sendmmsg },
};

static int outcome(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	socklen_t len = sizeof(int);
	int error = 0;

	poll(&p, 1, -1);
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
	return -error;
}

int main(int argc, char **argv)
{
	int option, wait = 0, abort_it = 0, timeout = 0, fd;
	union address to, local;
	socklen_t len, local_len = sizeof(local);
	long r;

	while ((option = getopt(argc, argv, "nat:")) != -1) {
		if (option == 't')
			timeout = atof(optarg) * 1000;
		else if (option == 'n')
			wait = 1;
		else
			abort_it = 1;
	}
	argv += optind;
	argc -= optind;
	if (argc < 2)
		die("usage: connect_one [-n|-a] [-t SECONDS] CALL ADDRESS [PORT]");
	len = parse(&to, argv[1], argc > 2 ? argv[2] : NULL);
	for (unsigned i = 0; i < ARRAY_SIZE(calls); i++) {
		if (strcmp(argv[0], calls[i].name) != 0)
			continue;
		fd = socket(to.any.sa_family, calls[i].type | (wait || abort_it ? SOCK_NONBLOCK : 0), 0);
		if (fd < 0)
			die("socket: %m");
		if (timeout)
			setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof(timeout));
		r = result_of(calls[i].call(fd, &to, len));
		fact("pid", "%d", getpid());
		fact("result", "%ld", r);
		if (wait)
			fact("outcome", "%d", outcome(fd));
		if (getsockname(fd, &local.any, &local_len) == 0 && to.any.sa_family != AF_UNIX)
			fact("local_port", "%d",
			     ntohs(to.any.sa_family == AF_INET ? local.in.sin_port : local.in6.sin6_port));
		close(fd);
		return 0;
	}
	die("no such call: %s", argv[0]);
}
