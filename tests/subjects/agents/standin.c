/* SPDX-License-Identifier: Apache-2.0 */
/* standin HOME URL [-p PROMPT]: does what real coding agents do when they start, and nothing else.
 *
 * Learns the time zone in each way they do, reads API base URL and proxy variables, looks for settings
 * that are not there, opens the made-up credential file HOME/.ssh/id_ed25519, runs git and sh, and sends one
 * request to URL's host and port (loopback, in the demo). Prints a line for each, as an agent would.
 * Reads the credential's bytes, and forgets them. */
#include "subject.h"

#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static const char *const variables[] = {
	"ANTHROPIC_BASE_URL",
	"OPENAI_BASE_URL",
	"STANDIN_BASE_URL",
	"HTTPS_PROXY",
	"https_proxy",
	"HTTP_PROXY",
	"NO_PROXY",
	"LANG",
	"LC_ALL",
	"SHELL",
};

/* ICU's way: is the link, or a directory on the way to it, a link itself? */
static void read_links(const char *path)
{
	char prefix[PATH_MAX], target[PATH_MAX];

	for (const char *slash = path; (slash = strchr(slash + 1, '/'));) {
		snprintf(prefix, sizeof(prefix), "%.*s", (int)(slash - path), path);
		readlink(prefix, target, sizeof(target));
	}
	readlink(path, target, sizeof(target));
}

static int try_open(const char *directory, const char *name)
{
	char path[PATH_MAX], buffer[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (read(fd, buffer, sizeof(buffer)) > 0)
		;
	close(fd);
	return 0;
}

static void learn_time_zone(void)
{
	time_t now = time(NULL);
	char name[64] = "";
	struct tm local;

	getenv("TZ");
	tzset(); /* glibc: TZ, or /etc/localtime */
	localtime_r(&now, &local);
	strftime(name, sizeof(name), "%Z", &local);
	read_links("/etc/localtime");
	try_open("/etc", "timezone");
	try_open("/usr/share/zoneinfo/Asia", "Shanghai");
	printf("standin: time zone %s\n", name);
}

static void run(char *const argv[])
{
	posix_spawn_file_actions_t quiet;
	int status = 0;
	pid_t pid;

	posix_spawn_file_actions_init(&quiet);
	posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&quiet, 2, "/dev/null", O_WRONLY, 0);
	if (posix_spawnp(&pid, argv[0], &quiet, NULL, argv, environ) == 0)
		waitpid(pid, &status, 0);
	posix_spawn_file_actions_destroy(&quiet);
	printf("standin: ran %s, exit status %d\n", argv[0], WEXITSTATUS(status));
}

/* http://HOST:PORT/... */
static int parse_url(const char *url, char host[64], char port[8])
{
	return sscanf(url, "http://%63[^:/]:%7[0-9]", host, port) == 2;
}

static void ask_model(const char *url)
{
	static const char request[] = "POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n"
				      "Connection: close\r\n\r\n";
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found = NULL;
	char host[64], port[8], reply[512];
	int fd, ok = 0;

	if (!parse_url(url, host, port))
		die("not a URL with a port: %s", url);
	if (getaddrinfo(host, port, &hints, &found) != 0)
		die("cannot resolve %s", host);
	for (struct addrinfo *a = found; a && !ok; a = a->ai_next) {
		fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, 0);
		ok = fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) == 0;
		if (ok && send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) > 0)
			ok = recv(fd, reply, sizeof(reply), 0) > 0;
		if (fd >= 0)
			close(fd);
	}
	freeaddrinfo(found);
	printf("standin: asked %s:%s, %s\n", host, port, ok ? "answered" : "no answer");
}

int main(int argc, char **argv)
{
	unsigned set = 0;

	if (argc < 3)
		die("usage: standin HOME URL [-p PROMPT]");
	for (unsigned i = 0; i < ARRAY_SIZE(variables); i++)
		set += getenv(variables[i]) != NULL;
	printf("standin: %u of %zu variables set\n", set, ARRAY_SIZE(variables));
	learn_time_zone();
	try_open(argv[1], ".standin/settings.json");
	try_open(argv[1], ".standin/mcp.json");
	printf("standin: credential file, result %d\n", try_open(argv[1], ".ssh/id_ed25519"));
	run((char *const[]){ "git", "--version", NULL });
	run((char *const[]){ "sh", "-c", "date +%Z; cat /etc/hostname; true", NULL });
	ask_model(argv[2]);
	return 0;
}
