/* SPDX-License-Identifier: Apache-2.0 */
/* connect_one [-n|-c|-a] [-t SECONDS] [-r TIMES] [-m MESSAGES] CALL ADDRESS PORT: connects once, or sends one datagram to an address.
 *
 * CALL: tcp udp (connect), send sendmsg sendmmsg (unconnected datagrams), unix unixwhole unixdgram (ADDRESS is a path,
 * "@name" abstract; PORT is left out). ADDRESS: IPv4 or IPv6 in digits.
 * -n: non-blocking, then waits for the outcome with poll. -c: the same, but asks by another connect. -a: non-blocking, then closes at once (aborted).
 * -r: does it all so often. -m: sendmmsg sends so many datagrams in its one call, to PORT and the ports after it
 * (without -m two, both to PORT). -t: gives up the connection attempt after so long (TCP_USER_TIMEOUT), result -ETIMEDOUT. */
#include "subject.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#define MESSAGES_MAX 1024 /* of one sendmmsg: UIO_MAXIOV */

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

/* As C libraries do: the whole struct, with whatever lay behind the name, other bytes each time. */
static long do_connect_whole(int fd, union address *to, socklen_t len)
{
	static unsigned char rubbish = 0xa0;

	memset((char *)to + len, rubbish++, sizeof(to->un) - len);
	return connect(fd, &to->any, sizeof(to->un));
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

static int messages;

static long do_sendmmsg(int fd, union address *to, socklen_t len)
{
	static union address destinations[MESSAGES_MAX];
	static struct mmsghdr m[MESSAGES_MAX];
	int n = messages ? messages : 2;

	for (int i = 0; i < n; i++) {
		destinations[i] = *to;
		if (messages) /* at the same place in both */
			destinations[i].in.sin_port = htons(ntohs(to->in.sin_port) + i);
		m[i] = message(&destinations[i], len);
	}
	return sendmmsg(fd, m, n, 0);
}

static const struct {
	const char *name;
	int type;
	long (*call)(int fd, union address *to, socklen_t len);
} calls[] = {
	{ "tcp", SOCK_STREAM, do_connect },	 { "udp", SOCK_DGRAM, do_connect },
	{ "unix", SOCK_STREAM, do_connect },	 { "unixwhole", SOCK_STREAM, do_connect_whole },
	{ "unixdgram", SOCK_DGRAM, do_connect }, { "send", SOCK_DGRAM, do_send },
	{ "sendmsg", SOCK_DGRAM, do_sendmsg },	 { "sendmmsg", SOCK_DGRAM, do_sendmmsg },
};

static int wait_for_it, call_again, abort_it, timeout, times = 1;

static int parse_options(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "ncat:r:m:")) != -1) {
		switch (option) {
		case 't':
			timeout = atof(optarg) * 1000;
			break;
		case 'r':
			times = number(optarg);
			break;
		case 'm':
			messages = number(optarg);
			if (messages < 1 || messages > MESSAGES_MAX)
				die("-m: 1 to %d", MESSAGES_MAX);
			break;
		case 'c':
			call_again = 1;
			/* fallthrough */
		case 'n':
			wait_for_it = 1;
			break;
		default:
			abort_it = 1;
		}
	}
	return optind;
}

static int outcome(int fd, const union address *to, socklen_t to_len)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	socklen_t len = sizeof(int);
	int error = 0;

	poll(&p, 1, -1);
	if (call_again)
		return result_of(connect(fd, &to->any, to_len));
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
	return -error;
}

int main(int argc, char **argv)
{
	union address to, local;
	socklen_t len, local_len = sizeof(local);
	int skip = parse_options(argc, argv), fd;
	unsigned i;
	long r;

	argv += skip;
	argc -= skip;
	if (argc < 2)
		die("usage: connect_one [-n|-c|-a] [-t SECONDS] [-r TIMES] [-m MESSAGES] CALL ADDRESS "
		    "[PORT]");
	len = parse(&to, argv[1], argc > 2 ? argv[2] : NULL);
	for (i = 0; i < ARRAY_SIZE(calls) && strcmp(argv[0], calls[i].name) != 0; i++)
		;
	if (i == ARRAY_SIZE(calls))
		die("no such call: %s", argv[0]);
	fact("pid", "%d", getpid());
	while (times-- > 0) {
		fd = socket(to.any.sa_family, calls[i].type | (wait_for_it || abort_it ? SOCK_NONBLOCK : 0),
			    0);
		if (fd < 0)
			die("socket: %m");
		if (timeout)
			setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof(timeout));
		r = result_of(calls[i].call(fd, &to, len));
		fact("result", "%ld", r);
		if (wait_for_it)
			fact("outcome", "%d", outcome(fd, &to, len));
		if (getsockname(fd, &local.any, &local_len) == 0 && to.any.sa_family != AF_UNIX)
			fact("local_port", "%d",
			     ntohs(to.any.sa_family == AF_INET ? local.in.sin_port : local.in6.sin6_port));
		close(fd);
	}
	return 0;
}
