/* SPDX-License-Identifier: Apache-2.0 */
/* client WAY NAME: one HTTP request, or a line over TCP, by nothing but the C library; built with musl, and statically. WAY: http, tcp,
 * connect, socks5h, socks4a. */
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int connect_to(const char *host, const char *port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list, *at;
	int fd = -1;

	if (getaddrinfo(host, port, &hints, &list) != 0)
		return -1;
	for (at = list; at; at = at->ai_next) {
		fd = socket(at->ai_family, at->ai_socktype, 0);
		if (connect(fd, at->ai_addr, at->ai_addrlen) == 0)
			break;
		close(fd);
		fd = -1;
	}
	freeaddrinfo(list);
	return fd;
}

static int ask(int fd, const void *question, size_t len)
{
	char answer[512];

	return write(fd, question, len) == (ssize_t)len && read(fd, answer, sizeof(answer)) > 0 ? 0 : -1;
}

static int ask_proxy(int fd, const char *way, const char *name)
{
	char buf[512];
	int len, name_len = (int)strlen(name);

	if (strcmp(way, "connect") == 0) {
		len = snprintf(buf, sizeof(buf), "CONNECT %s:80 HTTP/1.1\r\nHost: %s:80\r\n\r\n", name, name);
		return ask(fd, buf, (size_t)len);
	}
	if (strcmp(way, "socks5h") == 0) {
		len = snprintf(buf, sizeof(buf), "\5\1%c\3%c%s%cP", 0, name_len, name, 0);
		return ask(fd, "\5\1", 3) < 0 ? -1 : ask(fd, buf, (size_t)len);
	}
	len = snprintf(buf, sizeof(buf), "\4\1%cP%c%c%c\1%c%s", 0, 0, 0, 0, 0, name);
	return ask(fd, buf, (size_t)len + 1);
}

int main(int argc, char **argv)
{
	const char *way = argc == 3 ? argv[1] : "", *name = argc == 3 ? argv[2] : "";
	char buf[65536];
	int fd, len;

	if (strcmp(way, "http") == 0)
		fd = connect_to(name, "80");
	else if (strcmp(way, "tcp") == 0)
		fd = connect_to(name, "7");
	else
		fd = connect_to("proxy.example.net", way[0] == 'c' ? "3128" : "1080");
	if (fd < 0)
		return 1;
	if (strcmp(way, "tcp") == 0)
		return ask(fd, "hello\n", 6) < 0;
	if (strcmp(way, "http") != 0 && ask_proxy(fd, way, name) < 0)
		return 1;
	len = snprintf(buf, sizeof(buf), "GET /close HTTP/1.1\r\nHost: %s\r\n\r\n", name);
	if (write(fd, buf, (size_t)len) != len)
		return 1;
	while (read(fd, buf, sizeof(buf)) > 0)
		;
	return 0;
}
