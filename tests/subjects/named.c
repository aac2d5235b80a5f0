/* SPDX-License-Identifier: Apache-2.0 */
/* Talks to somebody it has a name for.
 *
 *	named tls WAY NAME             connects and sends a ClientHello for NAME; WAY: see below
 *	named http WAY NAME            the same with an HTTP request
 *	named connect WAY NAME         asks an HTTP proxy for NAME:443, and sends a ClientHello for it
 *	named dns WAY NAME ADDRESS     asks 127.0.0.1:53 for NAME, is answered ADDRESS, connects to it
 *	named carry WAY SENT RECEIVED  sends and receives so many bytes over one connection
 *
 * WAY of sending: write, writev, send, sendto, sendmsg, sendmmsg; split: write, seven bytes at a time. Of receiving the like. Who answers
 * is a thread of it. Prints local_port, and what it sent and received. */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "../fixtures/wire.h"
#include "subject.h"

static int listener;
static struct sockaddr_in peer;
static size_t answer_len;
static char answer_address[INET_ADDRSTRLEN];

/* Sends all of it, and returns how much that was. */
static size_t send_by(const char *way, int fd, const void *data, size_t len)
{
	const char *at = data;
	size_t left = len, step = strcmp(way, "split") == 0 ? 7 : 60000;

	while (left > 0) {
		size_t n = left < step ? left : step;
		/* two pieces, the first a byte: what lies in several has to be put together */
		struct iovec iov[3] = { { (void *)(uintptr_t)at, 1 },
					{ NULL, 0 },
					{ (void *)(uintptr_t)(at + 1), n - 1 } };
		struct mmsghdr message = { .msg_hdr = { .msg_iov = iov, .msg_iovlen = 3 } };
		ssize_t sent;

		if (strcmp(way, "writev") == 0)
			sent = writev(fd, iov, 3);
		else if (strcmp(way, "send") == 0)
			sent = send(fd, at, n, 0);
		else if (strcmp(way, "sendto") == 0)
			sent = sendto(fd, at, n, 0, (struct sockaddr *)&peer, sizeof(peer));
		else if (strcmp(way, "sendmsg") == 0)
			sent = sendmsg(fd, &message.msg_hdr, 0);
		else if (strcmp(way, "sendmmsg") == 0)
			sent = sendmmsg(fd, &message, 1, 0) == 1 ? (ssize_t)message.msg_len : -1;
		else
			sent = write(fd, at, n);
		if (sent <= 0)
			die("send: %m");
		at += sent;
		left -= (size_t)sent;
	}
	return len;
}

static ssize_t receive_by(const char *way, int fd, void *data, size_t len)
{
	struct sockaddr_in from;
	socklen_t from_len = sizeof(from);
	struct iovec iov = { data, len };
	struct mmsghdr message = { .msg_hdr = { .msg_iov = &iov, .msg_iovlen = 1 } };

	if (strcmp(way, "writev") == 0)
		return readv(fd, &iov, 1);
	if (strcmp(way, "send") == 0)
		return recv(fd, data, len, 0);
	if (strcmp(way, "sendto") == 0)
		return recvfrom(fd, data, len, 0, (struct sockaddr *)&from, &from_len);
	if (strcmp(way, "sendmsg") == 0)
		return recvmsg(fd, &message.msg_hdr, 0);
	if (strcmp(way, "sendmmsg") == 0)
		return recvmmsg(fd, &message, 1, 0, NULL) == 1 ? (ssize_t)message.msg_len : -1;
	return read(fd, data, len);
}

/* ---- who answers */

static void *drain(void *arg)
{
	char buf[65536];

	while (recv((int)(intptr_t)arg, buf, sizeof(buf), 0) > 0)
		;
	return NULL;
}

static void *serve(void *arg)
{
	int fd = accept(listener, NULL, NULL);
	char buf[65536];
	size_t left = answer_len;
	pthread_t reader;

	memset(buf, 'a', sizeof(buf));
	pthread_create(&reader, NULL, drain, (void *)(intptr_t)fd);
	while (left > 0) {
		ssize_t n = send(fd, buf, left < sizeof(buf) ? left : sizeof(buf), 0);

		if (n <= 0)
			die("answer: %m");
		left -= (size_t)n;
	}
	shutdown(fd, SHUT_WR);
	pthread_join(reader, NULL);
	close(fd);
	return NULL;
}

static void *serve_names(void *arg)
{
	struct sockaddr_in from;
	socklen_t from_len = sizeof(from);
	uint8_t question[512], answer[512];

	if (recvfrom(listener, question, sizeof(question), 0, (struct sockaddr *)&from, &from_len) <= 0)
		die("question: %m");
	sendto(listener, answer, wire_dns(answer, arg, answer_address), 0, (struct sockaddr *)&from,
	       from_len);
	return NULL;
}

static int connected(int type, const struct sockaddr_in *to)
{
	int fd = socket(AF_INET, type, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)to, sizeof(*to)) < 0)
		die("connect: %m");
	return fd;
}

static void listen_at(int type, const char *address, uint16_t port)
{
	socklen_t len = sizeof(peer);

	peer.sin_family = AF_INET;
	peer.sin_port = htons(port);
	inet_pton(AF_INET, address, &peer.sin_addr);
	listener = socket(AF_INET, type, 0);
	if (listener < 0 || bind(listener, (struct sockaddr *)&peer, sizeof(peer)) < 0 ||
	    (type == SOCK_STREAM && listen(listener, 5) < 0))
		die("listen: %m");
	getsockname(listener, (struct sockaddr *)&peer, &len);
}

int main(int argc, char **argv)
{
	static char buf[1 << 20];
	const char *what = argc > 2 ? argv[1] : "", *way = argc > 2 ? argv[2] : "",
		   *name = argc > 3 ? argv[3] : "";
	bool dns = strcmp(what, "dns") == 0, carry = strcmp(what, "carry") == 0;
	size_t sent = 0, received = 0;
	pthread_t thread;
	ssize_t n;
	int fd;

	if (argc < 4)
		return 2;
	if (dns) {
		snprintf(answer_address, sizeof(answer_address), "%s", argv[4]);
		listen_at(SOCK_DGRAM, "127.0.0.1", 53);
		pthread_create(&thread, NULL, serve_names, argv[3]);
		fd = strcmp(way, "sendto") == 0 ? socket(AF_INET, SOCK_DGRAM, 0)
						: connected(SOCK_DGRAM, &peer);
		send_by(way, fd, buf, wire_dns((uint8_t *)buf, name, NULL));
		receive_by(way, fd, buf, sizeof(buf));
		pthread_join(thread, NULL);
		close(fd);
		close(listener);
	}
	if (carry)
		answer_len = strtoul(argv[4], NULL, 10);
	listen_at(SOCK_STREAM, dns ? answer_address : "127.0.0.1", 0);
	pthread_create(&thread, NULL, serve, NULL);
	fd = connected(SOCK_STREAM, &peer);
	if (strcmp(what, "tls") == 0) {
		sent = send_by(way, fd, buf, wire_client_hello((uint8_t *)buf, name));
	} else if (strcmp(what, "http") == 0) {
		sent = send_by(way, fd, buf,
			       (size_t)sprintf(buf, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", name));
	} else if (strcmp(what, "connect") == 0) {
		sent = send_by(way, fd, buf, (size_t)sprintf(buf, "CONNECT %s:443 HTTP/1.1\r\n\r\n", name));
		sent += send_by(way, fd, buf, wire_client_hello((uint8_t *)buf, name));
	} else if (carry) {
		sent = send_by(way, fd, buf, strtoul(name, NULL, 10));
	}
	while ((n = receive_by(way, fd, buf, sizeof(buf))) > 0)
		received += (size_t)n;
	close(fd);
	pthread_join(thread, NULL);
	fact("port", "%u", ntohs(peer.sin_port));
	fact("sent", "%zu", sent);
	fact("received", "%zu", received);
	return 0;
}
