/* SPDX-License-Identifier: Apache-2.0 */
/* Sends what a client of a resolver sent, to a socket that it made in the resolver's place.
 *
 *	resolve WAY PATH FILE   PATH: of the socket; FILE: the bytes, behind the first (tests/fuzz/corpus/resolver)
 *
 * WAY: write, writev, sendmsg, send; split: write, seven bytes at a time. */
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#include "subject.h"

static ssize_t send_by(const char *way, int fd, char *data, size_t len)
{
	struct iovec iov[2] = { { data, 1 }, { data + 1, len - 1 } };
	struct msghdr message = { .msg_iov = iov, .msg_iovlen = 2 };

	if (strcmp(way, "writev") == 0)
		return writev(fd, iov, 2);
	if (strcmp(way, "sendmsg") == 0)
		return sendmsg(fd, &message, 0);
	if (strcmp(way, "send") == 0)
		return send(fd, data, len, 0);
	return write(fd, data, strcmp(way, "split") == 0 && len > 7 ? 7 : len);
}

int main(int argc, char **argv)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM, 0), fd = socket(AF_UNIX, SOCK_STREAM, 0), file, peer;
	char data[4096], got[4096];
	ssize_t len, n;

	if (argc != 4)
		die("resolve WAY PATH FILE");
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", argv[2]);
	unlink(argv[2]);
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 1) ||
	    connect(fd, (struct sockaddr *)&address, sizeof(address)))
		die("%s: %m", argv[2]);
	peer = accept(listener, NULL, NULL);
	file = open(argv[3], O_RDONLY);
	len = read(file, data, sizeof(data));
	if (len < 2)
		die("%s: %m", argv[3]);
	for (ssize_t at = 1; at < len; at += n) {
		n = send_by(argv[1], fd, data + at, (size_t)(len - at));
		if (n <= 0 || read(peer, got, sizeof(got)) != n || write(peer, got, (size_t)n) != n ||
		    read(fd, got, (size_t)n) != n)
			die("send: %m");
	}
	return 0;
}
