/* SPDX-License-Identifier: Apache-2.0 */
/* Control protocol, serving half: see control.h for the protocol and the threat model.
 *
 * No output queues: a client has at most a few short replies coming, which fit its socket buffer. If
 * one does not, the client does not read, and is dropped. A timer ticks once a second while there are
 * clients, and only then: it refills budgets and drops the idle. */
#include "daemon/control.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

/* One client a running agent: far more than people start, far less than our descriptors. */
#define CLIENTS_MAX	    64
#define CLIENTS_OF_ROOT	    8 /* on top: the administrator is never shut out */
#define CLIENTS_OF_ONE_USER 16
#define REQUESTS_PER_SECOND 16
#define IDLE_SECONDS_MAX    10
#define TICK_NS		    UINT64_C(1000000000)
#define BACKLOG		    16

struct client {
	struct client *next;
	struct tt_control *control;
	struct tt_source *source;
	int fd;
	struct ucred peer;
	uint64_t track_id; /* 0: none */
	unsigned budget, idle_seconds;
};

struct tt_control {
	struct tt_loop *loop;
	const struct tt_control_ops *ops;
	void *arg;
	int listen_fd, dir_fd, lock_fd; /* -1 when serving one descriptor */
	char *name; /* of the socket in dir_fd, once it is ours */
	dev_t dev;
	ino_t ino;
	struct tt_source *listener, *tick;
	bool paused; /* out of descriptors: not accepting until the next tick */
	struct client *clients;
	unsigned n_clients;
	uint64_t last_id, dropped;
};

/* ---- packets */

static const struct {
	uint32_t min, max;
} body_sizes[TT_CONTROL_TYPES] = {
	[TT_CONTROL_STATUS] = { 0, 0 },
	[TT_CONTROL_TRACK] = { sizeof(struct tt_control_track), sizeof(struct tt_control_track) },
	[TT_CONTROL_STATUS_REPLY] = { 2, TT_CONTROL_BODY_MAX },
	[TT_CONTROL_TRACK_REPLY] = { sizeof(struct tt_control_session), sizeof(struct tt_control_session) },
	[TT_CONTROL_ENDED] = { sizeof(struct tt_control_session), sizeof(struct tt_control_session) },
	[TT_CONTROL_ERROR] = { sizeof(struct tt_control_error), sizeof(struct tt_control_error) },
};

int tt_control_parse(const void *packet, size_t size, struct tt_control_header *ret_header,
		     const void **ret_body)
{
	struct tt_control_header header;

	if (size < sizeof(header))
		return -EBADMSG;
	memcpy(&header, packet, sizeof(header));
	if (header.magic != TT_CONTROL_MAGIC)
		return -EBADMSG;
	if (header.version != TT_CONTROL_VERSION) {
		*ret_header = header;
		return -EPROTONOSUPPORT;
	}
	if (header.type == 0 || header.type >= TT_CONTROL_TYPES || header.pad != 0)
		return -EBADMSG;
	if (header.length != size - sizeof(header) || header.length < body_sizes[header.type].min ||
	    header.length > body_sizes[header.type].max)
		return -EMSGSIZE;
	*ret_header = header;
	*ret_body = (const char *)packet + sizeof(header);
	return 0;
}

int tt_control_send(int fd, enum tt_control_type type, const void *body, size_t length, int flags)
{
	struct tt_control_header header = {
		.magic = TT_CONTROL_MAGIC,
		.version = TT_CONTROL_VERSION,
		.type = (uint16_t)type,
		.length = (uint32_t)length,
	};
	struct iovec parts[] = { { &header, sizeof(header) }, { (void *)body, length } };
	const struct msghdr msg = { .msg_iov = parts, .msg_iovlen = ARRAY_SIZE(parts) };

	return sendmsg(fd, &msg, MSG_NOSIGNAL | flags) < 0 ? -errno : 0;
}

/* A client that does not read is not waited for. */
static int reply(int fd, enum tt_control_type type, const void *body, size_t length)
{
	return tt_control_send(fd, type, body, length, MSG_DONTWAIT);
}

static int send_error(int fd, int error, const char *text)
{
	struct tt_control_error body = { .error = error };

	snprintf(body.text, sizeof(body.text), "%s", text && *text ? text : strerror(-error));
	return reply(fd, TT_CONTROL_ERROR, &body, sizeof(body));
}

/* ---- whose process */

struct ids {
	uint32_t tgid, ppid, uid[4]; /* real effective saved filesystem */
};

/* The kernel escapes newlines in Name, so that a line is what it starts with. */
static int read_ids(pid_t pid, struct ids *ret)
{
	_cleanup_fclose_ FILE *f = NULL;
	struct ids ids = { 0 };
	char path[32], line[256];
	unsigned found = 0;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return -ESRCH;
	while (found != 7 && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "Tgid: %u", &ids.tgid) == 1)
			found |= 1;
		else if (sscanf(line, "PPid: %u", &ids.ppid) == 1)
			found |= 2;
		else if (sscanf(line, "Uid: %u %u %u %u", &ids.uid[0], &ids.uid[1], &ids.uid[2],
				&ids.uid[3]) == 4)
			found |= 4;
	}
	if (found != 7)
		return -ESRCH;
	*ret = ids;
	return 0;
}

static bool runs_as(const struct ids *ids, uid_t uid)
{
	return ids->uid[0] == uid && ids->uid[1] == uid && ids->uid[2] == uid && ids->uid[3] == uid;
}

static bool pidfd_is_alive(int pidfd)
{
	struct pollfd poller = { .fd = pidfd, .events = POLLIN };

	return poll(&poller, 1, 0) == 0;
}

/* May this peer have pid tracked? 0: yes, and *ret_pidfd is that very process, alive when /proc was
 * read. The parent's pid cannot have been reused: a child whose parent is gone has another parent. */
static int check_child(const struct ucred *peer, pid_t pid, int *ret_pidfd)
{
	_cleanup_close_ int pidfd = -1;
	struct ids child, parent;

	if (pid <= 0)
		return -EINVAL;
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0)
		return errno == EINVAL ? -ESRCH : -errno; /* EINVAL: a thread's id */
	if (read_ids(pid, &child) < 0 || child.tgid != (uint32_t)pid)
		return -ESRCH;
	if (peer->uid != 0 &&
	    (peer->pid <= 0 || child.ppid != (uint32_t)peer->pid || !runs_as(&child, peer->uid) ||
	     read_ids(peer->pid, &parent) < 0 || parent.uid[0] != peer->uid))
		return -EPERM;
	if (!pidfd_is_alive(pidfd))
		return -ESRCH;
	*ret_pidfd = pidfd;
	pidfd = -1;
	return 0;
}

/* ---- clients */

static void arm_tick(struct tt_control *control)
{
	bool wanted = control->n_clients > 0 || control->paused;

	tt_loop_set_timer(control->tick, wanted ? TICK_NS : 0, wanted ? TICK_NS : 0);
}

static void client_unlink(struct client *client)
{
	struct tt_control *control = client->control;
	struct client **p;

	for (p = &control->clients; *p; p = &(*p)->next)
		if (*p == client) {
			*p = client->next;
			break;
		}
	control->n_clients--;
	tt_loop_remove(client->source);
	close(client->fd);
	free(client);
	if (control->n_clients == 0)
		arm_tick(control);
}

static void client_close(struct client *client)
{
	struct tt_control *control = client->control;
	uint64_t track_id = client->track_id;

	client_unlink(client);
	if (track_id && control->ops->gone)
		control->ops->gone(track_id, control->arg);
	if (control->listen_fd < 0 && control->ops->closed)
		control->ops->closed(control->arg);
}

static void client_drop(struct client *client)
{
	client->control->dropped++;
	client_close(client);
}

static int reply_status(struct client *client)
{
	struct tt_control *control = client->control;
	_cleanup_(tt_buf_done) struct tt_buf text = TT_BUF_INIT;

	control->ops->status(&text, control->arg);
	if (!tt_buf_ok(&text))
		return send_error(client->fd, -ENOMEM, NULL);
	if (text.len < body_sizes[TT_CONTROL_STATUS_REPLY].min || text.len > TT_CONTROL_BODY_MAX)
		return send_error(client->fd, -EMSGSIZE, "the status is too long to be sent");
	return reply(client->fd, TT_CONTROL_STATUS_REPLY, text.text, text.len);
}

/* The name ends up in databases and on terminals: letters, digits and a little more. */
static bool agent_is_valid(const char agent[static TT_CONTROL_AGENT_MAX])
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._()-";

	return memchr(agent, '\0', TT_CONTROL_AGENT_MAX) && strspn(agent, allowed) == strlen(agent);
}

static int track(struct client *client, const struct tt_control_track *wanted,
		 struct tt_control_session *session, struct tt_buf *message)
{
	struct tt_control *control = client->control;
	_cleanup_close_ int pidfd = -1;
	struct tt_control_request request;
	int r;

	if (client->track_id) {
		tt_buf_str(message, "this connection already follows a process");
		return -EBUSY;
	}
	if (wanted->pad != 0 || wanted->pid > INT32_MAX || !agent_is_valid(wanted->agent))
		return -EINVAL;
	r = check_child(&client->peer, (pid_t)wanted->pid, &pidfd);
	if (r < 0) {
		if (r == -EPERM)
			tt_buf_str(message, "only your own child process can be followed");
		return r;
	}

	request = (struct tt_control_request){
		.id = ++control->last_id,
		.pid = (pid_t)wanted->pid,
		.pidfd = pidfd,
		.uid = client->peer.uid,
		.agent = wanted->agent[0] ? wanted->agent : NULL,
	};
	r = control->ops->track(&request, session, message, control->arg);
	if (r >= 0)
		client->track_id = request.id;
	return r;
}

static int reply_track(struct client *client, const struct tt_control_track *wanted)
{
	_cleanup_(tt_buf_done) struct tt_buf message = TT_BUF_INIT;
	struct tt_control_session session = { 0 };
	int r;

	r = track(client, wanted, &session, &message);
	if (r < 0)
		return send_error(client->fd, r, tt_buf_ok(&message) ? message.text : NULL);
	return reply(client->fd, TT_CONTROL_TRACK_REPLY, &session, sizeof(session));
}

/* 0 or an error after which the client is dropped. */
static int client_handle(struct client *client, const void *packet, size_t size)
{
	struct tt_control_header header;
	struct tt_control_track wanted;
	const void *body;
	int r;

	r = tt_control_parse(packet, size, &header, &body);
	if (r == -EPROTONOSUPPORT) {
		send_error(client->fd, r,
			   "telltale's control protocol has another version here: "
			   "use the same telltale on both sides");
		return r;
	}
	if (r < 0)
		return r;
	switch (header.type) {
	case TT_CONTROL_STATUS:
		return reply_status(client);
	case TT_CONTROL_TRACK:
		memcpy(&wanted, body, sizeof(wanted)); /* the packet is not aligned for it */
		return reply_track(client, &wanted);
	default:
		return -EBADMSG; /* well-formed, but ours to send */
	}
}

static void on_client(int fd, uint32_t events, void *arg)
{
	struct client *client = arg;
	char packet[sizeof(struct tt_control_header) + sizeof(struct tt_control_track)];
	ssize_t n;

	n = recv(fd, packet, sizeof(packet), MSG_DONTWAIT | MSG_TRUNC);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		client_close(client);
		return;
	}
	client->idle_seconds = 0;
	if ((size_t)n > sizeof(packet) || client->budget-- == 0 ||
	    client_handle(client, packet, (size_t)n) < 0)
		client_drop(client);
}

static void on_tick(void *arg)
{
	struct tt_control *control = arg;
	struct client *client, *next;

	if (control->paused) {
		control->paused = false;
		tt_loop_set_events(control->listener, EPOLLIN);
		arm_tick(control);
	}
	for (client = control->clients; client; client = next) {
		next = client->next;
		client->budget = REQUESTS_PER_SECOND;
		if (control->listen_fd >= 0 && !client->track_id && ++client->idle_seconds > IDLE_SECONDS_MAX)
			client_drop(client);
	}
}

static bool has_room_for(const struct tt_control *control, uid_t uid)
{
	unsigned of_user = 0;

	for (const struct client *client = control->clients; client; client = client->next)
		of_user += client->peer.uid == uid;
	if (uid == 0)
		return control->n_clients < CLIENTS_MAX + CLIENTS_OF_ROOT;
	return control->n_clients < CLIENTS_MAX && of_user < CLIENTS_OF_ONE_USER;
}

/* Owns fd, also on failure. */
static int client_new(struct tt_control *control, int fd)
{
	_cleanup_close_ int owned = fd;
	socklen_t size = sizeof(struct ucred);
	struct client *client;
	struct ucred peer;
	int r;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return -errno;
	if (!has_room_for(control, peer.uid)) {
		send_error(fd, -EBUSY, "too many connections to telltale");
		return -EBUSY;
	}
	client = calloc(1, sizeof(*client));
	if (!client)
		return -ENOMEM;
	*client =
		(struct client){ .control = control, .fd = fd, .peer = peer, .budget = REQUESTS_PER_SECOND };
	r = tt_loop_add_fd(control->loop, fd, EPOLLIN, on_client, client, &client->source);
	if (r < 0) {
		free(client);
		return r;
	}
	owned = -1;
	client->next = control->clients;
	control->clients = client;
	if (control->n_clients++ == 0)
		arm_tick(control);
	return 0;
}

static void on_listener(int fd, uint32_t events, void *arg)
{
	struct tt_control *control = arg;
	int client_fd;

	client_fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (client_fd >= 0) {
		if (client_new(control, client_fd) < 0)
			control->dropped++;
		return;
	}
	if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
		/* the connection stays in the queue and would wake us again at once */
		control->paused = true;
		tt_loop_set_events(control->listener, 0);
		arm_tick(control);
	}
}

/* ---- the socket */

static int fill_address(const char *path, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(ret->sun_path))
		return -ENAMETOOLONG;
	strcpy(ret->sun_path, path);
	return 0;
}

/* The directory that holds path: ours or root's, and nobody else can put anything into it. */
static int open_dir(const char *path)
{
	_cleanup_free_ char *dir = NULL;
	_cleanup_close_ int fd = -1;
	const char *base = tt_basename(path);
	struct stat st;
	bool made;
	int r;

	if (path[0] != '/' || !*base)
		return -EINVAL;
	dir = strndup(path, base - path > 1 ? (size_t)(base - path - 1) : 1);
	if (!dir)
		return -ENOMEM;
	made = mkdir(dir, 0755) == 0;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (made && fchmod(fd, 0755) < 0) /* whatever the umask */
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if ((st.st_uid != 0 && st.st_uid != geteuid()) || (st.st_mode & (S_IWGRP | S_IWOTH)))
		return -EPERM;
	r = fd;
	fd = -1;
	return r;
}

static int take_lock(int dir_fd, const char *name)
{
	_cleanup_free_ char *lock = NULL;
	_cleanup_close_ int fd = -1;
	int r;

	if (asprintf(&lock, "%s.lock", name) < 0) {
		lock = NULL;
		return -ENOMEM;
	}
	fd = openat(dir_fd, lock, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EADDRINUSE : -errno;
	r = fd;
	fd = -1;
	return r;
}

/* Makes way for bind. The lock says that no other daemon of ours is there; a living socket of somebody
 * else's is left alone. */
static int remove_stale(int dir_fd, const char *name, const struct sockaddr_un *address)
{
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno != ECONNREFUSED)
		return -EADDRINUSE;
	return unlinkat(dir_fd, name, 0) < 0 ? -errno : 0;
}

static int bind_private(int fd, const struct sockaddr_un *address)
{
	mode_t before = umask(0177);
	int r;

	r = bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? -errno : 0;
	umask(before);
	return r;
}

/* Opens the socket to the group that may use it, where there is one. */
static int admit_group(int dir_fd, const char *name)
{
	const struct group *group = geteuid() == 0 ? getgrnam(TT_CONTROL_GROUP) : NULL;

	if (!group)
		return 0;
	if (fchownat(dir_fd, name, (uid_t)-1, group->gr_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
	    fchmodat(dir_fd, name, 0660, 0) < 0)
		return -errno;
	return 0;
}

static int open_socket(struct tt_control *control, const char *path)
{
	const char *name = tt_basename(path);
	struct sockaddr_un address;
	struct stat st;
	int r;

	r = fill_address(path, &address);
	if (r < 0)
		return r;
	control->dir_fd = open_dir(path);
	if (control->dir_fd < 0)
		return control->dir_fd;
	control->lock_fd = take_lock(control->dir_fd, name);
	if (control->lock_fd < 0)
		return control->lock_fd;
	r = remove_stale(control->dir_fd, name, &address);
	if (r < 0)
		return r;

	control->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (control->listen_fd < 0)
		return -errno;
	r = bind_private(control->listen_fd, &address);
	if (r < 0)
		return r;
	if (fstatat(control->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	control->dev = st.st_dev;
	control->ino = st.st_ino;
	control->name = strdup(name);
	if (!control->name)
		return -ENOMEM;
	r = admit_group(control->dir_fd, name);
	if (r < 0)
		return r;
	return listen(control->listen_fd, BACKLOG) < 0 ? -errno : 0;
}

static void remove_socket(struct tt_control *control)
{
	struct stat st;

	if (control->name && fstatat(control->dir_fd, control->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_dev == control->dev && st.st_ino == control->ino)
		unlinkat(control->dir_fd, control->name, 0);
	free(control->name);
	tt_closep(&control->listen_fd);
	tt_closep(&control->lock_fd);
	tt_closep(&control->dir_fd);
}

/* ---- server */

static int control_new(struct tt_loop *loop, const struct tt_control_ops *ops, void *arg,
		       struct tt_control **ret)
{
	struct tt_control *control;
	int r;

	control = calloc(1, sizeof(*control));
	if (!control)
		return -ENOMEM;
	*control = (struct tt_control){
		.loop = loop, .ops = ops, .arg = arg, .listen_fd = -1, .dir_fd = -1, .lock_fd = -1
	};
	r = tt_loop_add_timer(loop, 0, 0, on_tick, control, &control->tick);
	if (r < 0) {
		free(control);
		return r;
	}
	*ret = control;
	return 0;
}

int tt_control_listen(struct tt_loop *loop, const char *path, const struct tt_control_ops *ops, void *arg,
		      struct tt_control **ret)
{
	_cleanup_(tt_control_freep) struct tt_control *control = NULL;
	int r;

	r = control_new(loop, ops, arg, &control);
	if (r < 0)
		return r;
	r = open_socket(control, path);
	if (r < 0)
		return r;
	r = tt_loop_add_fd(loop, control->listen_fd, EPOLLIN, on_listener, control, &control->listener);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(control);
	return 0;
}

int tt_control_serve_fd(struct tt_loop *loop, int fd, const struct tt_control_ops *ops, void *arg,
			struct tt_control **ret)
{
	_cleanup_(tt_control_freep) struct tt_control *control = NULL;
	int r;

	r = control_new(loop, ops, arg, &control);
	if (r < 0) {
		close(fd);
		return r;
	}
	r = client_new(control, fd);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(control);
	return 0;
}

void tt_control_free(struct tt_control *control)
{
	if (!control)
		return;
	while (control->clients)
		client_unlink(control->clients);
	tt_loop_remove(control->listener);
	tt_loop_remove(control->tick);
	remove_socket(control);
	free(control);
}

void tt_control_ended(struct tt_control *control, uint64_t id, const struct tt_control_session *session)
{
	for (struct client *client = control->clients; id && client; client = client->next) {
		if (client->track_id != id)
			continue;
		client->track_id = 0;
		client->idle_seconds = 0;
		if (reply(client->fd, TT_CONTROL_ENDED, session, sizeof(*session)) < 0)
			client_drop(client);
		return;
	}
}

unsigned tt_control_clients(const struct tt_control *control)
{
	return control->n_clients;
}

uint64_t tt_control_dropped(const struct tt_control *control)
{
	return control->dropped;
}
