/* SPDX-License-Identifier: Apache-2.0 */
/* Asks the C library for a host's address, and connects to what it says.
 *
 *	lookup early NAME    gives the list back, then connects: curl, Python
 *	lookup late NAME     connects, then gives it back: ssh
 *	lookup thread NAME   asks on another thread, with the list's place on the heap: libuv
 *	lookup twice NAME    asks for what there is not, then for NAME with the list in the same place
 *	lookup fork NAME     a child connects
 *	lookup number NAME   NAME is an address: nobody is asked
 *	lookup file ADDRESS  reads /etc/hosts, asks nobody, and connects to ADDRESS
 *
 * To port 9, where nobody listens. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "subject.h"

struct request {
	const char *name;
	struct addrinfo *list;
};

static void ask(struct request *request)
{
	struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM };
	int r = getaddrinfo(request->name, "9", &hints, &request->list);

	if (r)
		die("%s: %s", request->name, gai_strerror(r));
}

static void *ask_here(void *arg)
{
	ask(arg);
	return NULL;
}

static void connect_to(struct sockaddr_in address)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	fact("result", "%d", result_of(connect(fd, (struct sockaddr *)&address, sizeof(address))));
	close(fd);
}

static struct sockaddr_in first_of(const struct addrinfo *list)
{
	struct sockaddr_in address;

	memcpy(&address, list->ai_addr, sizeof(address));
	return address;
}

static void read_hosts(void)
{
	int fd = open("/etc/hosts", O_RDONLY);
	char bytes[4096];

	if (fd < 0 || read(fd, bytes, sizeof(bytes)) < 0)
		die("/etc/hosts: %m");
	close(fd);
}

int main(int argc, char **argv)
{
	struct request *request = calloc(1, sizeof(*request));
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(9) };
	const char *way;
	pthread_t thread;

	if (argc != 3 || !request)
		die("lookup WAY NAME");
	way = argv[1];
	request->name = argv[2];
	if (strcmp(way, "file") == 0) {
		read_hosts();
		inet_pton(AF_INET, argv[2], &address.sin_addr);
		connect_to(address);
		return 0;
	}
	if (strcmp(way, "twice") == 0 && !getaddrinfo("nobody.invalid", "9", NULL, &request->list))
		die("nobody.invalid is somebody");
	if (strcmp(way, "thread") == 0) {
		if (pthread_create(&thread, NULL, ask_here, request) || pthread_join(thread, NULL))
			die("no thread");
	} else {
		ask(request);
	}
	address = first_of(request->list);
	if (strcmp(way, "late") == 0)
		connect_to(address);
	freeaddrinfo(request->list);
	if (strcmp(way, "fork") == 0) {
		pid_t child = fork();

		if (child == 0) {
			connect_to(address);
			return 0;
		}
		fact("child", "%d", child);
		waitpid(child, NULL, 0);
	} else if (strcmp(way, "late") != 0) {
		connect_to(address);
	}
	return 0;
}
