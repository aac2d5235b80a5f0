/* SPDX-License-Identifier: Apache-2.0 */
/* listen tcp|udp ADDRESS | unix|unixdgram PATH | full ADDRESS: something to connect to, until standard input ends.
 *
 * Takes a free port and prints port=N. tcp: accepts, reads a little, answers with a minimal HTTP reply, closes.
 * udp and unix: accepts or receives, and forgets (PATH "@name" is abstract). full: a listener whose backlog is taken, so that
 * the next connect hears nothing. */
#include "subject.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

static const char reply[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";

static int bind_inet(const char *text, int type)
{
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} a = { 0 };
	socklen_t len = sizeof(a);
	int fd;

	if (inet_pton(AF_INET, text, &a.in.sin_addr) == 1)
		a.any.sa_family = AF_INET;
	else if (inet_pton(AF_INET6, text, &a.in6.sin6_addr) == 1)
		a.any.sa_family = AF_INET6;
	else
		die("not an address: %s", text);
	fd = socket(a.any.sa_family, type | SOCK_CLOEXEC, 0);
	if (bind(fd, &a.any, a.any.sa_family == AF_INET ? sizeof(a.in) : sizeof(a.in6)) < 0)
		die("%s: %m", text);
	getsockname(fd, &a.any, &len);
	fact("port", "%d", ntohs(a.in.sin_port)); /* at the same place in both */
	return fd;
}

static int bind_unix(const char *path, int type)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	size_t len = strlen(path);

	if (len >= sizeof(a.sun_path))
		die("too long: %s", path);
	memcpy(a.sun_path, path, len);
	if (path[0] == '@')
		a.sun_path[0] = 0;
	if (bind(fd, (struct sockaddr *)&a, offsetof(struct sockaddr_un, sun_path) + len + (path[0] != '@')) <
	    0)
		die("%s: %m", path);
	fact("path", "%s", path);
	return fd;
}

/* A backlog of 0 holds one connection; what comes after it is not answered. */
static void fill(int fd)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof(a);

	getsockname(fd, (struct sockaddr *)&a, &len);
	for (int i = 0; i < 2; i++)
		connect(socket(a.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0), (struct sockaddr *)&a, len);
}

static void serve(int fd, int type)
{
	struct timeval patience = { .tv_sec = 1 };
	char buffer[4096];
	int client;

	if (type == SOCK_DGRAM) {
		recv(fd, buffer, sizeof(buffer), 0);
		return;
	}
	client = accept(fd, NULL, NULL);
	if (client < 0)
		return;
	setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (recv(client, buffer, sizeof(buffer), 0) > 0)
		send(client, reply, sizeof(reply) - 1, MSG_NOSIGNAL);
	close(client);
}

int main(int argc, char **argv)
{
	int fd, type = SOCK_STREAM, full = 0;

	if (argc != 3)
		die("usage: listen tcp|udp|full ADDRESS | unix|unixdgram PATH");
	full = strcmp(argv[1], "full") == 0;
	if (strcmp(argv[1], "udp") == 0 || strcmp(argv[1], "unixdgram") == 0)
		type = SOCK_DGRAM;
	fd = strncmp(argv[1], "unix", 4) == 0 ? bind_unix(argv[2], type) : bind_inet(argv[2], type);
	if (type == SOCK_STREAM && listen(fd, full ? 0 : 64) < 0)
		die("listen: %m");
	if (full)
		fill(fd);
	fflush(stdout);

	for (;;) {
		struct pollfd p[] = { { .fd = 0, .events = POLLIN },
				      { .fd = full ? -1 : fd, .events = POLLIN } };
		char c;

		if (poll(p, 2, -1) < 0)
			die("poll: %m");
		if (p[0].revents && read(0, &c, 1) <= 0)
			return 0;
		if (p[1].revents)
			serve(fd, type);
	}
}
