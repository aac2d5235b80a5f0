/* SPDX-License-Identifier: Apache-2.0 */
/* Control protocol, asking half: see control.h. Unprivileged, blocking, with a time limit on each wait.
 *
 * What a server sends is checked like anything else: the socket's path may have been given by hand. */
#include "daemon/control.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>

#define DAEMON_PATIENCE_S 10
#define HELPER_PATIENCE_S 60
#define HELPER_ARGS_MAX	  64

static void message_set(char **ret_message, const char *text)
{
	if (ret_message)
		*ret_message = strdup(text);
}

static int set_patience(int fd, time_t seconds)
{
	const struct timeval limit = { .tv_sec = seconds };

	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0)
		return -errno;
	return 0;
}

int tt_control_connect(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = -1;
	int r;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	r = set_patience(fd, DAEMON_PATIENCE_S);
	if (r < 0)
		return r;
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	r = fd;
	fd = -1;
	return r;
}

static int send_request(int fd, enum tt_control_type type, const void *body, size_t length)
{
	int r = tt_control_send(fd, type, body, length, 0);

	return r == -EPIPE ? -ECONNRESET : r;
}

/* A server that closes with our request unread leaves ECONNRESET, reported once and before what it had
 * sent: the reason is behind it. */
static ssize_t receive(int fd, char *packet, size_t size, int flags)
{
	ssize_t n = -1;

	for (int resets = 0; resets < 2; resets += n < 0 && errno == ECONNRESET) {
		n = recv(fd, packet, size, flags | MSG_TRUNC);
		if (n >= 0 || (errno != EINTR && errno != ECONNRESET))
			break;
	}
	return n;
}

/* One packet into *ret_packet, checked. An error that the server reports is returned as its errno. */
static int receive_packet(int fd, int flags, enum tt_control_type wanted, char **ret_packet,
			  const void **ret_body, size_t *ret_length, char **ret_message)
{
	_cleanup_free_ char *packet = malloc(sizeof(struct tt_control_header) + TT_CONTROL_BODY_MAX);
	struct tt_control_error error;
	struct tt_control_header header;
	const void *body;
	ssize_t n;
	int r;

	if (!packet)
		return -ENOMEM;
	n = receive(fd, packet, sizeof(header) + TT_CONTROL_BODY_MAX, flags);
	if (n < 0)
		return -errno;
	if (n == 0)
		return -ECONNRESET;
	if ((size_t)n > sizeof(header) + TT_CONTROL_BODY_MAX)
		return -EMSGSIZE;
	r = tt_control_parse(packet, (size_t)n, &header, &body);
	if (r < 0)
		return r;

	if (header.type == TT_CONTROL_ERROR) {
		memcpy(&error, body, sizeof(error));
		error.text[sizeof(error.text) - 1] = '\0';
		message_set(ret_message, error.text);
		return error.error < 0 && error.error > -4096 ? error.error : -EPROTO;
	}
	if (header.type != wanted)
		return -EPROTO;
	*ret_body = body;
	*ret_length = header.length;
	*ret_packet = TAKE_PTR(packet);
	return 0;
}

static const char *describe(int error)
{
	switch (error) {
	case -ECONNRESET:
		return "telltale's other half closed the connection";
	case -EAGAIN:
		return "telltale's other half does not answer";
	case -EPROTONOSUPPORT:
		return "telltale's other half has another version";
	default:
		return strerror(-error);
	}
}

static int ask(int fd, enum tt_control_type type, const void *body, size_t length,
	       enum tt_control_type wanted, char **ret_packet, const void **ret_body, size_t *ret_length,
	       char **ret_message)
{
	_cleanup_free_ char *message = NULL;
	int r;

	r = send_request(fd, type, body, length);
	/* a server that refuses a connection says why and closes: what it said can still be read */
	if (r == 0 || r == -ECONNRESET)
		r = receive_packet(fd, 0, wanted, ret_packet, ret_body, ret_length, &message);
	if (r < 0)
		message_set(ret_message, message ?: describe(r));
	return r;
}

int tt_control_status(int fd, char **ret_json, char **ret_message)
{
	_cleanup_free_ char *packet = NULL;
	const void *body;
	size_t length;
	char *json;
	int r;

	r = ask(fd, TT_CONTROL_STATUS, NULL, 0, TT_CONTROL_STATUS_REPLY, &packet, &body, &length,
		ret_message);
	if (r < 0)
		return r;
	json = strndup(body, length);
	if (!json)
		return -ENOMEM;
	*ret_json = json;
	return 0;
}

static void copy_session(const void *body, struct tt_control_session *ret)
{
	memcpy(ret, body, sizeof(*ret));
	ret->session_id[sizeof(ret->session_id) - 1] = '\0';
	ret->db[sizeof(ret->db) - 1] = '\0';
}

int tt_control_track(int fd, pid_t pid, const char *agent, struct tt_control_session *ret, char **ret_message)
{
	struct tt_control_track wanted = { .pid = (uint32_t)pid };
	_cleanup_free_ char *packet = NULL;
	const void *body;
	size_t length;
	int r;

	if (agent && strlen(agent) >= sizeof(wanted.agent)) {
		message_set(ret_message, "the agent's name is too long");
		return -EINVAL;
	}
	if (agent)
		strcpy(wanted.agent, agent);
	r = ask(fd, TT_CONTROL_TRACK, &wanted, sizeof(wanted), TT_CONTROL_TRACK_REPLY, &packet, &body,
		&length, ret_message);
	if (r < 0)
		return r;
	copy_session(body, ret);
	return 0;
}

int tt_control_read_ended(int fd, struct tt_control_session *ret)
{
	_cleanup_free_ char *packet = NULL;
	const void *body;
	size_t length;
	int r;

	r = receive_packet(fd, MSG_DONTWAIT, TT_CONTROL_ENDED, &packet, &body, &length, NULL);
	if (r == -EAGAIN)
		return 0;
	if (r < 0)
		return r;
	copy_session(body, ret);
	return 1;
}

/* ---- helper */

/* sudo has to start with signals as a shell would leave them: a loop may have blocked some. */
static int spawn_sudo(char *const argv[], int socket, pid_t *ret)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, child;
	int r;

	sigemptyset(&none);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	if (posix_spawn_file_actions_init(&actions) != 0)
		return -ENOMEM;
	if (posix_spawnattr_init(&attr) != 0) {
		posix_spawn_file_actions_destroy(&actions);
		return -ENOMEM;
	}
	r = posix_spawnattr_setsigmask(&attr, &none);
	if (r == 0)
		r = posix_spawnattr_setsigdefault(&attr, &child);
	if (r == 0)
		r = posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(&actions, socket, STDIN_FILENO);
	if (r == 0)
		r = posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	if (r == 0)
		r = posix_spawnp(ret, argv[0], &actions, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return -r;
}

static int own_executable(char ret[static PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", ret, PATH_MAX - 1);

	if (n < 0)
		return -errno;
	ret[n] = '\0';
	return 0;
}

static int await_sudo(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EACCES;
}

static int start_helper(const char *self, char *const args[], int socket)
{
	char *argv[HELPER_ARGS_MAX + 5] = { (char *)"sudo", (char *)"-b", (char *)"--", (char *)self };
	size_t n = 4;
	pid_t pid;
	int r;

	for (; args && *args; args++) {
		if (n >= HELPER_ARGS_MAX + 4)
			return -E2BIG;
		argv[n++] = *args;
	}
	r = spawn_sudo(argv, socket, &pid);
	if (r < 0)
		return r;
	return await_sudo(pid);
}

int tt_control_spawn_helper(const char *self, char *const args[], int *ret_fd, char **ret_message)
{
	_cleanup_close_ int ours = -1, theirs = -1;
	_cleanup_free_ char *status = NULL;
	char path[PATH_MAX];
	int pair[2], r;

	if (!self) {
		r = own_executable(path);
		if (r < 0)
			return r;
		self = path;
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	ours = pair[0];
	theirs = pair[1];
	r = set_patience(ours, HELPER_PATIENCE_S);
	if (r < 0)
		return r;

	r = start_helper(self, args, theirs);
	if (r < 0) {
		message_set(ret_message,
			    r == -ENOENT ? "sudo is not installed: run telltale as root, or start its daemon"
			    : r == -EACCES ? "sudo did not start telltale's tracing half"
					   : strerror(-r));
		return r;
	}
	close(theirs); /* so that end of file means that the helper is gone */
	theirs = -1;
	r = tt_control_status(ours, &status, ret_message);
	if (r < 0)
		return r;
	*ret_fd = ours;
	ours = -1;
	return 0;
}

int tt_control_helper_init(void)
{
	static const int of_terminals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU };
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	socklen_t size = sizeof(int);
	int domain, type, fd, null;

	if (getsockopt(STDIN_FILENO, SOL_SOCKET, SO_DOMAIN, &domain, &size) < 0 || domain != AF_UNIX ||
	    getsockopt(STDIN_FILENO, SOL_SOCKET, SO_TYPE, &type, &size) < 0 || type != SOCK_SEQPACKET)
		return -ENOTSOCK;
	fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (fd < 0)
		return -errno;
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0) {
		int r = -errno;

		tt_closep(&null);
		close(fd);
		return r;
	}
	close(null);

	for (size_t i = 0; i < ARRAY_SIZE(of_terminals); i++)
		sigaction(of_terminals[i], &ignore, NULL);
	setsid(); /* fails where sudo gave us a session of our own */
	return fd;
}
