/* SPDX-License-Identifier: Apache-2.0 */
/* mix [-t THREADS] DIRECTORY ROUNDS: everything that is counted, so many times, as fast as it goes.
 *
 * Each round opens a file and one of 300 names that are not there, reads a link, looks one of 300 variables up,
 * connects UDP to and sends a datagram to one of 300 ports of 127.0.0.1, is refused by TCP port 1, connects to itself,
 * and renames a directory and opens a file in it. DIRECTORY: made ready by the caller with `file`, `link`, and for each
 * thread N a directory `N` with `file` in it. The threads share names and ports. Prints how often it did each. */
#include "subject.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>

#define NAMES 300

static long rounds;
static int listener;
static struct sockaddr_in here;

static struct sockaddr_in local(int port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_port = htons(port),
				     .sin_addr = { htonl(INADDR_LOOPBACK) } };
}

static int dial(int type, const struct sockaddr_in *to)
{
	/* no TIME_WAIT, of which there could be too many */
	struct linger reset = { .l_onoff = 1 };
	int fd = socket(AF_INET, type, 0);

	if (fd < 0)
		die("socket: %m");
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	if (connect(fd, (const struct sockaddr *)to, sizeof(*to)) < 0 && errno != ECONNREFUSED)
		die("connect: %m");
	return fd;
}

static void open_close(const char *path)
{
	int fd = open(path, O_RDONLY);

	if (fd >= 0)
		close(fd);
}

static void one_round(int thread, long i, int sender)
{
	struct sockaddr_in to = local(20000 + i % NAMES), refused = local(1);
	char text[64], other[64];
	int fd;

	open_close("file");
	snprintf(text, sizeof(text), "none%ld", i % NAMES);
	open_close(text);
	if (readlink("link", text, sizeof(text)) < 0)
		die("link: %m");
	snprintf(text, sizeof(text), "TT_MIX_%ld", i % NAMES);
	getenv(text);

	close(dial(SOCK_DGRAM, &to));
	to = local(30000 + i % NAMES);
	sendto(sender, "x", 1, 0, (struct sockaddr *)&to, sizeof(to));
	close(dial(SOCK_STREAM, &refused));
	fd = dial(SOCK_STREAM, &here);
	close(accept(listener, NULL, NULL));
	close(fd);

	snprintf(text, sizeof(text), "%d%s", thread, i % 2 ? "" : "-");
	snprintf(other, sizeof(other), "%d%s", thread, i % 2 ? "-" : "");
	if (rename(other, text) < 0)
		die("rename %s: %m", other);
	strcat(text, "/file");
	open_close(text);
}

static void *run(void *number)
{
	int sender = socket(AF_INET, SOCK_DGRAM, 0);

	for (long i = 0; i < rounds; i++)
		one_round((int)(long)number, i, sender);
	close(sender);
	return NULL;
}

int main(int argc, char **argv)
{
	socklen_t len = sizeof(here);
	pthread_t threads[64];
	long n = 1;
	int option;

	while ((option = getopt(argc, argv, "t:")) != -1)
		n = number(optarg);
	if (argc - optind != 2 || n < 1 || (size_t)n > ARRAY_SIZE(threads))
		die("usage: mix [-t THREADS] DIRECTORY ROUNDS");
	rounds = number(argv[optind + 1]);
	if (chdir(argv[optind]) < 0)
		die("%s: %m", argv[optind]);
	here = local(0);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(listener, (struct sockaddr *)&here, sizeof(here)) < 0 || listen(listener, 128) < 0 ||
	    getsockname(listener, (struct sockaddr *)&here, &len) < 0)
		die("listen: %m");

	for (long i = 1; i < n; i++)
		if (pthread_create(&threads[i], NULL, run, (void *)i) != 0)
			die("cannot start thread %ld", i);
	run(NULL);
	for (long i = 1; i < n; i++)
		pthread_join(threads[i], NULL);
	fact("rounds", "%ld", n * rounds);
	return 0;
}
