/* SPDX-License-Identifier: Apache-2.0 */
/* Control protocol: packets, who may ask for what, hostile clients, the socket, and the sudo helper.
 *
 * The server runs in the test's own loop; clients are forked, or raw descriptors. This program is
 * also the helper that a stand-in for sudo starts: `control helper`. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "daemon/control.h"

#define NOBODY 65534

struct fixture {
	char dir[32], path[64];
	struct tt_loop *loop;
	struct tt_control *control;
	size_t status_size; /* of the answer to STATUS */
	int track_result;
	unsigned tracks, gone, closed;
	struct tt_control_request request;
	char agent[TT_CONTROL_AGENT_MAX];
	uint64_t gone_id;
};

/* ---- a server */

static void write_status(struct tt_buf *out, void *arg)
{
	struct fixture *f = arg;

	tt_buf_str(out, "{\"x\":\"");
	for (size_t i = 8; i < f->status_size; i++)
		tt_buf_char(out, 'y');
	tt_buf_str(out, "\"}");
}

static int accept_track(const struct tt_control_request *request, struct tt_control_session *ret,
			struct tt_buf *message, void *arg)
{
	struct fixture *f = arg;

	f->tracks++;
	f->request = *request;
	f->request.agent = NULL;
	snprintf(f->agent, sizeof(f->agent), "%s", request->agent ?: "");
	if (f->track_result < 0) {
		tt_buf_str(message, "the sensors are out of order");
		return f->track_result;
	}
	strcpy(ret->session_id, "0123456789abcdef");
	strcpy(ret->db, "/var/lib/telltale/telltale.db");
	return 0;
}

static void count_gone(uint64_t id, void *arg)
{
	struct fixture *f = arg;

	f->gone++;
	f->gone_id = id;
}

static void count_closed(void *arg)
{
	struct fixture *f = arg;

	f->closed++;
	tt_loop_stop(f->loop, 0);
}

static const struct tt_control_ops ops = {
	.status = write_status, .track = accept_track, .gone = count_gone, .closed = count_closed
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	strcpy(f->dir, "/tmp/tt-control-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	assert_int_equal(chmod(f->dir, 0755), 0);
	snprintf(f->path, sizeof(f->path), "%s/control", f->dir);
	assert_int_equal(tt_loop_new(&f->loop), 0);
	*state = f;
	return 0;
}

static int setup_listening(void **state)
{
	struct fixture *f;

	setup(state);
	f = *state;
	assert_int_equal(tt_control_listen(f->loop, f->path, &ops, f, &f->control), 0);
	assert_int_equal(chmod(f->path, 0666), 0); /* other users' turn in some tests */
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char lock[72];

	tt_control_free(f->control);
	tt_loop_free(f->loop);
	snprintf(lock, sizeof(lock), "%s.lock", f->path);
	unlink(lock);
	unlink(f->path);
	assert_int_equal(rmdir(f->dir), 0);
	free(f);
	return 0;
}

static void settle(struct fixture *f)
{
	while (tt_loop_step(f->loop, 20) > 0)
		;
}

/* ---- clients */

/* Runs fn in a process of its own, as uid, and serves it; returns its exit code. */
static int with_client(struct fixture *f, uid_t uid, int (*fn)(struct fixture *f))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (uid != geteuid() && setresuid(uid, uid, uid) < 0)
			_exit(99);
		_exit(fn(f));
	}
	while (waitpid(pid, &status, WNOHANG) == 0)
		tt_loop_step(f->loop, 5);
	settle(f);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* In clients: the line that was wrong is the exit code's reason. */
#define EXPECT(condition)                                                                                    \
	do {                                                                                                 \
		if (!(condition)) {                                                                          \
			fprintf(stderr, "client: line %d: %s\n", __LINE__, #condition);                      \
			return 1;                                                                            \
		}                                                                                            \
	} while (0)

static pid_t fork_sleeper(void)
{
	pid_t parent = getpid(), pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == parent)
			pause();
		_exit(0);
	}
	return pid;
}

static void end_sleeper(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static int raw_connect(struct fixture *f)
{
	int fd = tt_control_connect(f->path);

	assert_true(fd >= 0);
	return fd;
}

static void raw_send(int fd, uint16_t type, const void *body, uint32_t length)
{
	struct tt_control_header header = {
		.magic = TT_CONTROL_MAGIC, .version = TT_CONTROL_VERSION, .type = type, .length = length
	};
	char packet[1024];

	memcpy(packet, &header, sizeof(header));
	if (length)
		memcpy(packet + sizeof(header), body, length);
	assert_int_equal(send(fd, packet, sizeof(header) + length, MSG_NOSIGNAL), sizeof(header) + length);
}

static bool is_closed(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT) == 0 || errno == ECONNRESET;
}

/* ---- packets */

static void packets_are_checked_before_they_are_believed(void **state)
{
	const struct {
		uint32_t magic;
		uint16_t version, type;
		uint32_t length, pad;
		size_t size; /* of the packet */
		int result;
	} cases[] = {
		{ TT_CONTROL_MAGIC, TT_CONTROL_VERSION, TT_CONTROL_STATUS, 0, 0, 16, 0 },
		{ TT_CONTROL_MAGIC, TT_CONTROL_VERSION, TT_CONTROL_TRACK, 72, 0, 88, 0 },
		{ TT_CONTROL_MAGIC, TT_CONTROL_VERSION, TT_CONTROL_STATUS_REPLY, 65536, 0, 65552, 0 },
		{ TT_CONTROL_MAGIC, TT_CONTROL_VERSION, TT_CONTROL_STATUS, 0, 0, 0, -EBADMSG },
		{ TT_CONTROL_MAGIC, TT_CONTROL_VERSION, TT_CONTROL_STATUS, 0, 0, 15, -EBADMSG },
		{ TT_CONTROL_MAGIC + 1, TT_CONTROL_VERSION, TT_CONTROL_STATUS, 0, 0, 16, -EBADMSG },
		{ TT_CONTROL_MAGIC, TT_CONTROL_VERSION + 1, TT_CONTROL_STATUS, 0, 0, 16, -EPROTONOSUPPORT },
		{ TT_CONTROL_MAGIC, TT_CONTROL_VERSION + 1, 999, 5, 9, 16, -EPROTONOSUPPORT },
		{ TT_CONTROL_MAGIC, TT_CONTROL_VERSION, 0, 0, 0, 16, -EBADMSG },
		{ TT_CONTROL_MAGIC, TT_CONTROL_VERSION, TT_CONTROL_TYPES, 0, 0, 16, -EBADMSG },
		{ TT_CONTROL_MAGIC, TT_CONTROL_VERSION, 65535, 0, 0, 16, -EBADMSG },
		{ TT_CONTROL_MAGIC, TT_CONTROL_VERSION, TT_CONTROL_STATUS, 0, 1, 16, -EBADMSG },
		{ TT_CONTROL_MAGIC, TT_CONTROL_VERSION, TT_CONTROL_STATUS, 1, 0, 17, -EMSGSIZE },
		{ TT_CONTROL_MAGIC, TT_CONTROL_VERSION, TT_CONTROL_STATUS, 1, 0, 16, -EMSGSIZE },
		{ TT_CONTROL_MAGIC, TT_CONTROL_VERSION, TT_CONTROL_TRACK, UINT32_MAX, 0, 88, -EMSGSIZE },
		{ TT_CONTROL_MAGIC, TT_CONTROL_VERSION, TT_CONTROL_TRACK, 71, 0, 87, -EMSGSIZE },
		{ TT_CONTROL_MAGIC, TT_CONTROL_VERSION, TT_CONTROL_STATUS_REPLY, 65537, 0, 65553, -EMSGSIZE },
	};
	_cleanup_free_ char *packet = calloc(1, 65553);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tt_control_header header = { cases[i].magic, cases[i].version, cases[i].type,
						    cases[i].length, cases[i].pad };
		struct tt_control_header parsed = { 0 };
		const void *body = NULL;
		_cleanup_free_ char *exact = malloc(cases[i].size ?: 1); /* for the sanitizer's sake */

		memcpy(packet, &header, sizeof(header));
		memcpy(exact, packet, cases[i].size);

		assert_int_equal(tt_control_parse(exact, cases[i].size, &parsed, &body), cases[i].result);

		if (cases[i].result == 0)
			assert_ptr_equal(body, exact + sizeof(header));
		else
			assert_null(body);
	}
}

/* ---- asking */

static int ask_status(struct fixture *f)
{
	_cleanup_close_ int fd = tt_control_connect(f->path);
	_cleanup_free_ char *json = NULL;

	EXPECT(fd >= 0);
	EXPECT(tt_control_status(fd, &json, NULL) == 0);
	EXPECT(strlen(json) == f->status_size);
	EXPECT(strncmp(json, "{\"x\":\"yy", 8) == 0);
	free(TAKE_PTR(json));
	EXPECT(tt_control_status(fd, &json, NULL) == 0);
	return 0;
}

static void status_comes_back_whole(void **state)
{
	static const size_t sizes[] = { 100, 4096, TT_CONTROL_BODY_MAX };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		f->status_size = sizes[i];
		assert_int_equal(with_client(f, geteuid(), ask_status), 0);
	}
	assert_int_equal(tt_control_clients(f->control), 0);
	assert_int_equal(tt_control_dropped(f->control), 0);
}

static int ask_long_status(struct fixture *f)
{
	_cleanup_close_ int fd = tt_control_connect(f->path);
	_cleanup_free_ char *json = NULL, *message = NULL;

	EXPECT(tt_control_status(fd, &json, &message) == -EMSGSIZE);
	EXPECT(tt_streq(message, "the status is too long to be sent"));
	return 0;
}

static void status_too_long_is_an_error_not_a_cut(void **state)
{
	struct fixture *f = *state;

	f->status_size = TT_CONTROL_BODY_MAX + 1;

	assert_int_equal(with_client(f, geteuid(), ask_long_status), 0);
}

static int track_child_until_it_ended(struct fixture *f)
{
	_cleanup_close_ int fd = tt_control_connect(f->path);
	struct pollfd poller = { .fd = fd, .events = POLLIN };
	struct tt_control_session session;
	pid_t child = fork_sleeper();

	EXPECT(fd >= 0);
	EXPECT(tt_control_track(fd, child, "my-agent", &session, NULL) == 0);
	EXPECT(strcmp(session.session_id, "0123456789abcdef") == 0);
	EXPECT(strcmp(session.db, "/var/lib/telltale/telltale.db") == 0);
	EXPECT(tt_control_read_ended(fd, &session) == 0);
	EXPECT(tt_control_status(fd, &(char *){ NULL }, NULL) == 0); /* leaks, and exits */
	end_sleeper(child);
	EXPECT(poll(&poller, 1, 5000) == 1);
	EXPECT(tt_control_read_ended(fd, &session) == 1);
	EXPECT(strcmp(session.session_id, "fedcba9876543210") == 0);
	return 0;
}

/* As the daemon would: the root ended and is committed. */
static void on_child_end(int fd, uint32_t events, void *arg)
{
	const struct tt_control_session session = { .session_id = "fedcba9876543210", .db = "/db" };
	struct fixture *f = arg;

	tt_control_ended(f->control, 4711, &session); /* nobody's */
	tt_control_ended(f->control, 0, &session);
	tt_control_ended(f->control, f->request.id, &session);
	f->closed = 1;
}

static int track_and_watch(const struct tt_control_request *request, struct tt_control_session *ret,
			   struct tt_buf *message, void *arg)
{
	struct fixture *f = arg;
	int pidfd = fcntl(request->pidfd, F_DUPFD_CLOEXEC, 0);

	tt_loop_add_fd(f->loop, pidfd, EPOLLIN | EPOLLONESHOT, on_child_end, f, NULL);
	return accept_track(request, ret, message, arg);
}

static void client_is_told_when_its_command_ended(void **state)
{
	static const struct tt_control_ops watching = { .status = write_status,
							.track = track_and_watch,
							.gone = count_gone };
	struct fixture *f = *state;

	tt_control_free(f->control);
	assert_int_equal(tt_control_listen(f->loop, f->path, &watching, f, &f->control), 0);

	assert_int_equal(with_client(f, geteuid(), track_child_until_it_ended), 0);

	assert_string_equal(f->agent, "my-agent");
	assert_int_equal(f->request.uid, geteuid());
	assert_int_equal(f->closed, 1);
	assert_int_equal(f->gone, 0); /* it had ended before the client went */
}

static int track_and_leave(struct fixture *f)
{
	_cleanup_close_ int fd = tt_control_connect(f->path);
	struct tt_control_session session;

	EXPECT(tt_control_track(fd, fork_sleeper(), NULL, &session, NULL) == 0);
	return 0;
}

static void client_that_leaves_early_is_reported(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(with_client(f, geteuid(), track_and_leave), 0);

	assert_int_equal(f->gone, 1);
	assert_int_equal(f->gone_id, f->request.id);
	assert_string_equal(f->agent, "");
	tt_control_ended(f->control, f->request.id, &(struct tt_control_session){ 0 });
	assert_int_equal(f->gone, 1);
}

static int track_and_hear_no(struct fixture *f)
{
	_cleanup_close_ int fd = tt_control_connect(f->path);
	_cleanup_free_ char *message = NULL;
	struct tt_control_session session;
	pid_t child = fork_sleeper();

	EXPECT(tt_control_track(fd, child, NULL, &session, &message) == -EUCLEAN);
	EXPECT(tt_streq(message, "the sensors are out of order"));
	EXPECT(tt_control_track(fd, child, NULL, &session, NULL) == -EUCLEAN); /* one may try again */
	end_sleeper(child);
	return 0;
}

static void refusal_carries_its_reason(void **state)
{
	struct fixture *f = *state;

	f->track_result = -EUCLEAN;

	assert_int_equal(with_client(f, geteuid(), track_and_hear_no), 0);

	assert_int_equal(f->gone, 0);
}

static int track_nonsense(struct fixture *f)
{
	static const char *const names[] = { "a b", "x\n", "\033[m", "na\303\257ve", "a/b", "\"", "$(x)" };
	_cleanup_close_ int fd = tt_control_connect(f->path);
	struct tt_control_session session;
	char long_name[TT_CONTROL_AGENT_MAX + 1];
	pid_t child = fork_sleeper();

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		EXPECT(tt_control_track(fd, child, names[i], &session, NULL) == -EINVAL);
	memset(long_name, 'a', sizeof(long_name));
	long_name[TT_CONTROL_AGENT_MAX] = '\0';
	EXPECT(tt_control_track(fd, child, long_name, &session, NULL) == -EINVAL);
	EXPECT(tt_control_track(fd, 0, NULL, &session, NULL) == -EINVAL);
	EXPECT(tt_control_track(fd, -1, NULL, &session, NULL) == -EINVAL);
	EXPECT(tt_control_track(fd, 0x7ffffff0, NULL, &session, NULL) == -ESRCH);
	end_sleeper(child);
	EXPECT(tt_control_track(fd, child, NULL, &session, NULL) == -ESRCH);
	return 0;
}

static int track_twice(struct fixture *f)
{
	_cleanup_close_ int fd = tt_control_connect(f->path);
	struct tt_control_session session;
	pid_t child = fork_sleeper();

	EXPECT(tt_control_track(fd, child, "(command)", &session, NULL) == 0);
	EXPECT(tt_control_track(fd, child, NULL, &session, NULL) == -EBUSY);
	end_sleeper(child);
	return 0;
}

static void nonsense_is_not_tracked(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(with_client(f, geteuid(), track_nonsense), 0);
	assert_int_equal(f->tracks, 0);
	assert_int_equal(with_client(f, geteuid(), track_twice), 0);
	assert_int_equal(f->tracks, 1);
}

static void unterminated_name_is_refused(void **state)
{
	struct fixture *f = *state;
	_cleanup_close_ int fd = raw_connect(f);
	struct tt_control_track wanted = { .pid = (uint32_t)getpid() };
	struct {
		struct tt_control_header header;
		struct tt_control_error error;
	} reply;

	memset(wanted.agent, 'a', sizeof(wanted.agent));
	raw_send(fd, TT_CONTROL_TRACK, &wanted, sizeof(wanted));
	settle(f);

	assert_int_equal(recv(fd, &reply, sizeof(reply), MSG_DONTWAIT), sizeof(reply));
	assert_int_equal(reply.header.type, TT_CONTROL_ERROR);
	assert_int_equal(reply.error.error, -EINVAL);
	assert_int_equal(f->tracks, 0);
}

/* ---- who may */

static void need_root(void)
{
	if (geteuid() != 0)
		skip();
}

static int track_own_child(struct fixture *f)
{
	_cleanup_close_ int fd = tt_control_connect(f->path);
	struct tt_control_session session;
	pid_t child = fork_sleeper();

	EXPECT(tt_control_track(fd, child, NULL, &session, NULL) == 0);
	end_sleeper(child);
	return 0;
}

static void user_may_have_a_child_tracked(void **state)
{
	struct fixture *f = *state;

	need_root();
	assert_int_equal(with_client(f, NOBODY, track_own_child), 0);

	assert_int_equal(f->tracks, 1);
	assert_int_equal(f->request.uid, NOBODY);
}

static int track_others(struct fixture *f)
{
	_cleanup_close_ int fd = tt_control_connect(f->path);
	_cleanup_free_ char *message = NULL;
	struct tt_control_session session;
	pid_t grandchild = -1;
	int pipes[2];

	EXPECT(fd >= 0);
	EXPECT(tt_control_track(fd, 1, NULL, &session, &message) == -EPERM);
	EXPECT(tt_streq(message, "only your own child process can be followed"));
	EXPECT(tt_control_track(fd, getppid(), NULL, &session, NULL) == -EPERM);
	EXPECT(tt_control_track(fd, getpid(), NULL, &session, NULL) == -EPERM); /* not its own child */
	EXPECT(pipe2(pipes, O_CLOEXEC) == 0);
	if (fork() == 0) {
		grandchild = fork_sleeper();
		if (write(pipes[1], &grandchild, sizeof(grandchild)) < 0)
			_exit(1);
		pause();
	}
	EXPECT(read(pipes[0], &grandchild, sizeof(grandchild)) == sizeof(grandchild));
	EXPECT(tt_control_track(fd, grandchild, NULL, &session, NULL) == -EPERM);
	kill(0, SIGKILL); /* the whole family: see below */
	return 0;
}

static int track_others_in_own_group(struct fixture *f)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		setpgid(0, 0);
		_exit(track_others(f));
	}
	EXPECT(waitpid(pid, &status, 0) == pid);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? 0 : 1;
}

static void user_may_not_have_anything_else_tracked(void **state)
{
	struct fixture *f = *state;

	need_root();
	assert_int_equal(with_client(f, NOBODY, track_others_in_own_group), 0);

	assert_int_equal(f->tracks, 0);
}

static int track_privileged_child(struct fixture *f)
{
	struct tt_control_session session;
	pid_t child = fork_sleeper(); /* stays root */
	_cleanup_close_ int fd = -1;

	EXPECT(setresuid(NOBODY, NOBODY, 0) == 0);
	fd = tt_control_connect(f->path);
	EXPECT(fd >= 0);
	EXPECT(tt_control_track(fd, child, NULL, &session, NULL) == -EPERM);
	EXPECT(seteuid(0) == 0);
	end_sleeper(child);
	return 0;
}

static void child_of_another_user_is_refused(void **state)
{
	struct fixture *f = *state;

	need_root();
	assert_int_equal(with_client(f, geteuid(), track_privileged_child), 0);

	assert_int_equal(f->tracks, 0);
}

/* ---- hostile clients */

static void garbage_ends_the_connection(void **state)
{
	const struct tt_control_header other = { .magic = 0x12345678, .version = 1, .type = 1 };
	const struct tt_control_header reply = { .magic = TT_CONTROL_MAGIC,
						 .version = 1,
						 .type = TT_CONTROL_ERROR,
						 .length = sizeof(struct tt_control_error) };
	char large[4096] = { 0 };
	const struct {
		const void *data;
		size_t size;
	} cases[] = {
		{ "x", 1 }, { &other, sizeof(other) }, { &reply, sizeof(reply) }, { large, sizeof(large) },
		{ "", 0 },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_close_ int fd = raw_connect(f);

		send(fd, cases[i].data, cases[i].size, MSG_NOSIGNAL);
		settle(f);

		assert_true(is_closed(fd));
	}
	assert_int_equal(tt_control_clients(f->control), 0);
	assert_int_equal(tt_control_dropped(f->control), ARRAY_SIZE(cases) - 1); /* "" reads as a hang-up */
}

static void another_version_is_told_so(void **state)
{
	const struct tt_control_header newer = {
		.magic = TT_CONTROL_MAGIC, .version = 2, .type = 77, .length = 99
	};
	struct fixture *f = *state;
	_cleanup_close_ int fd = raw_connect(f);
	struct {
		struct tt_control_header header;
		struct tt_control_error error;
	} reply;

	send(fd, &newer, sizeof(newer), MSG_NOSIGNAL);
	settle(f);

	assert_int_equal(recv(fd, &reply, sizeof(reply), MSG_DONTWAIT), sizeof(reply));
	assert_int_equal(reply.error.error, -EPROTONOSUPPORT);
	assert_true(is_closed(fd));
}

static void client_that_does_not_read_is_dropped(void **state)
{
	struct fixture *f = *state;
	_cleanup_close_ int fd = raw_connect(f);

	f->status_size = TT_CONTROL_BODY_MAX;
	for (int i = 0; i < 12; i++)
		raw_send(fd, TT_CONTROL_STATUS, NULL, 0);
	settle(f);

	assert_int_equal(tt_control_clients(f->control), 0);
	assert_int_equal(tt_control_dropped(f->control), 1);
}

static void client_that_floods_is_dropped(void **state)
{
	struct fixture *f = *state;
	_cleanup_close_ int fd = raw_connect(f);

	f->status_size = 100;
	for (int i = 0; i < 18; i++) {
		raw_send(fd, TT_CONTROL_STATUS, NULL, 0);
		settle(f);
		if (tt_control_clients(f->control) == 0)
			break;
	}

	assert_int_equal(tt_control_clients(f->control), 0);
	assert_int_equal(tt_control_dropped(f->control), 1);
}

static void attached_descriptors_do_not_stay(void **state)
{
	struct fixture *f = *state;
	_cleanup_close_ int fd = raw_connect(f);
	struct tt_control_header header = { .magic = TT_CONTROL_MAGIC,
					    .version = TT_CONTROL_VERSION,
					    .type = TT_CONTROL_STATUS };
	struct iovec part = { &header, sizeof(header) };
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct msghdr msg = { .msg_iov = &part,
			      .msg_iovlen = 1,
			      .msg_control = control.space,
			      .msg_controllen = sizeof(control.space) };
	int pipes[2];
	char byte;

	f->status_size = 100;
	assert_int_equal(pipe2(pipes, O_CLOEXEC | O_NONBLOCK), 0);
	CMSG_FIRSTHDR(&msg)->cmsg_level = SOL_SOCKET;
	CMSG_FIRSTHDR(&msg)->cmsg_type = SCM_RIGHTS;
	CMSG_FIRSTHDR(&msg)->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(CMSG_FIRSTHDR(&msg)), &pipes[1], sizeof(int));
	assert_int_equal(sendmsg(fd, &msg, 0), sizeof(header));
	close(pipes[1]);
	settle(f);

	assert_int_equal(tt_control_clients(f->control), 1);
	assert_int_equal(read(pipes[0], &byte, 1), 0); /* nobody holds the other end */
	close(pipes[0]);
}

static int connect_many(struct fixture *f)
{
	unsigned limit = geteuid() == 0 ? 72 : 16;
	_cleanup_free_ char *json = NULL, *message = NULL;
	int fd;

	for (unsigned i = 0; i < limit; i++) {
		fd = tt_control_connect(f->path);
		EXPECT(fd >= 0);
		free(TAKE_PTR(json));
		EXPECT(tt_control_status(fd, &json, NULL) == 0); /* served, so counted */
	}
	fd = tt_control_connect(f->path);
	EXPECT(fd >= 0);
	free(TAKE_PTR(json));
	EXPECT(tt_control_status(fd, &json, &message) == -EBUSY);
	EXPECT(tt_streq(message, "too many connections to telltale"));
	return 0;
}

static void connections_are_bounded(void **state)
{
	struct fixture *f = *state;

	f->status_size = 100;
	assert_int_equal(with_client(f, geteuid(), connect_many), 0);
	assert_int_equal(tt_control_dropped(f->control), 1);
	assert_int_equal(tt_control_clients(f->control), 0);
	if (geteuid() == 0)
		assert_int_equal(with_client(f, NOBODY, connect_many), 0);
}

static void running_out_of_descriptors_neither_spins_nor_lasts(void **state)
{
	struct fixture *f = *state;
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct rlimit before, none;

	strcpy(address.sun_path, f->path);
	getrlimit(RLIMIT_NOFILE, &before);
	none = before;
	none.rlim_cur = 0;
	setrlimit(RLIMIT_NOFILE, &none);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);

	assert_int_equal(tt_loop_step(f->loop, 0), 1);
	assert_int_equal(tt_loop_step(f->loop, 100), 0); /* not called again and again */
	setrlimit(RLIMIT_NOFILE, &before);
	assert_int_equal(tt_loop_step(f->loop, 2000), 1); /* the tick */
	settle(f);

	assert_int_equal(tt_control_clients(f->control), 1);
}

/* ---- the socket */

static int try_listen(struct fixture *f, const char *path)
{
	struct tt_control *control = NULL;
	int r = tt_control_listen(f->loop, path, &ops, f, &control);

	assert_true((r == 0) == (control != NULL));
	tt_control_free(control);
	return r;
}

static void bind_at(const char *path, bool alive, int *ret_fd)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	strcpy(address.sun_path, path);
	*ret_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(*ret_fd, (struct sockaddr *)&address, sizeof(address)), 0);
	if (alive)
		assert_int_equal(listen(*ret_fd, 1), 0);
}

static void socket_is_private_and_goes_when_the_server_goes(void **state)
{
	struct fixture *f = *state;
	mode_t before = umask(0);
	struct stat st;

	assert_int_equal(tt_control_listen(f->loop, f->path, &ops, f, &f->control), 0);
	assert_int_equal(stat(f->path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 07, 0);
	assert_int_equal(umask(before), 0); /* as it was */
	assert_int_equal(try_listen(f, f->path), -EADDRINUSE);

	tt_control_free(f->control);
	f->control = NULL;

	assert_int_equal(access(f->path, F_OK), -1);
}

static void missing_directory_is_made(void **state)
{
	struct fixture *f = *state;
	char dir[64], path[80], lock[96];
	mode_t before = umask(077);
	struct stat st;

	snprintf(dir, sizeof(dir), "%s/sub", f->dir);
	snprintf(path, sizeof(path), "%s/control", dir);
	snprintf(lock, sizeof(lock), "%s.lock", path);
	assert_int_equal(try_listen(f, path), 0);
	umask(before);

	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	unlink(lock);
	rmdir(dir);
}

static void stale_socket_is_replaced(void **state)
{
	struct fixture *f = *state;
	int fd;

	bind_at(f->path, false, &fd);
	close(fd);

	assert_int_equal(try_listen(f, f->path), 0);
}

static void what_is_not_a_stale_socket_stays(void **state)
{
	struct fixture *f = *state;
	int fd;

	bind_at(f->path, true, &fd);
	assert_int_equal(try_listen(f, f->path), -EADDRINUSE);
	assert_int_equal(access(f->path, F_OK), 0);
	close(fd);
	unlink(f->path);

	fclose(fopen(f->path, "we"));
	assert_int_equal(try_listen(f, f->path), -EEXIST);
	assert_int_equal(access(f->path, F_OK), 0);
	unlink(f->path);

	assert_int_equal(symlink("/etc/passwd", f->path), 0);
	assert_int_equal(try_listen(f, f->path), -EEXIST);
	assert_int_equal(unlink(f->path), 0);
}

static void directory_that_others_write_is_refused(void **state)
{
	struct fixture *f = *state;

	chmod(f->dir, 0777);
	assert_int_equal(try_listen(f, f->path), -EPERM);
	chmod(f->dir, 01777);
	assert_int_equal(try_listen(f, f->path), -EPERM);
	chmod(f->dir, 0775);
	assert_int_equal(try_listen(f, f->path), -EPERM);
	chmod(f->dir, 0755);
	if (geteuid() == 0) {
		assert_int_equal(chown(f->dir, NOBODY, (gid_t)-1), 0);
		assert_int_equal(try_listen(f, f->path), -EPERM);
		assert_int_equal(chown(f->dir, 0, (gid_t)-1), 0);
	}
	assert_int_equal(access(f->path, F_OK), -1);
}

static void impossible_paths_are_refused(void **state)
{
	struct fixture *f = *state;
	char long_path[200];

	memset(long_path, 'a', sizeof(long_path));
	long_path[0] = '/';
	long_path[sizeof(long_path) - 1] = '\0';
	assert_int_equal(try_listen(f, long_path), -ENAMETOOLONG);
	assert_int_equal(try_listen(f, "relative/control"), -EINVAL);
	assert_int_equal(try_listen(f, "/tmp/"), -EINVAL);
	assert_int_equal(try_listen(f, "/proc/self/status/control"), -ENOTDIR);
	assert_int_equal(tt_control_connect(long_path), -ENAMETOOLONG);
	assert_int_equal(tt_control_connect(f->path), -ENOENT);
}

/* ---- helper under sudo */

static int helper_main(void)
{
	struct fixture f = { .status_size = 100 };
	int fd = tt_control_helper_init();

	if (fd < 0)
		return -fd;
	if (tt_loop_new(&f.loop) < 0 || tt_control_serve_fd(f.loop, fd, &ops, &f, &f.control) < 0)
		return 1;
	tt_loop_run(f.loop);
	tt_control_free(f.control);
	tt_loop_free(f.loop);
	return 0;
}

/* Puts a stand-in for sudo into PATH, or none at all. */
static void fake_sudo(struct fixture *f, const char *script)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "%s/sudo", f->dir);
	setenv("PATH", f->dir, 1);
	if (!script)
		return;
	file = fopen(path, "we");
	assert_non_null(file);
	fprintf(file, "#!/bin/sh\n%s\n", script);
	fclose(file);
	assert_int_equal(chmod(path, 0755), 0);
}

static void real_path(struct fixture *f, const char *path)
{
	char sudo[64];

	snprintf(sudo, sizeof(sudo), "%s/sudo", f->dir);
	unlink(sudo);
	setenv("PATH", path, 1);
}

/* In the background like sudo -b; checks the way it is called. */
#define WILLING "[ \"$1 $2\" = '-b --' ] || exit 2; shift 2; exec 3<&0; \"$@\" <&3 3<&- & exit 0"

static void helper_serves_through_its_stdin(void **state)
{
	struct fixture *f = *state;
	char *args[] = { (char *)"helper", NULL };
	_cleanup_free_ char *path = strdup(getenv("PATH")), *json = NULL;
	struct tt_control_session session;
	pid_t child;
	int fd = -1, r;

	fake_sudo(f, WILLING);
	r = tt_control_spawn_helper(NULL, args, &fd, NULL);
	real_path(f, path);

	assert_int_equal(r, 0);
	assert_int_equal(tt_control_status(fd, &json, NULL), 0);
	assert_int_equal(strlen(json), 100);
	child = fork_sleeper();
	assert_int_equal(tt_control_track(fd, child, NULL, &session, NULL), 0);
	assert_string_equal(session.session_id, "0123456789abcdef");
	end_sleeper(child);
	close(fd); /* ends the helper */
}

static void helper_that_does_not_come_up_is_explained(void **state)
{
	static const struct {
		const char *sudo, *arg;
		int result;
		const char *message;
	} cases[] = {
		{ NULL, "helper", -ENOENT,
		  "sudo is not installed: run telltale as root, or start its daemon" },
		{ "exit 1", "helper", -EACCES, "sudo did not start telltale's tracing half" },
		{ "kill -TERM $$", "helper", -EACCES, "sudo did not start telltale's tracing half" },
		{ "exit 0", "helper", -ECONNRESET, "telltale's other half closed the connection" },
		{ WILLING, "die", -ECONNRESET, "telltale's other half closed the connection" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *args[] = { (char *)cases[i].arg, NULL };
		_cleanup_free_ char *path = strdup(getenv("PATH")), *message = NULL;
		int fd = -1, r;

		fake_sudo(f, cases[i].sudo);
		r = tt_control_spawn_helper(NULL, args, &fd, &message);
		real_path(f, path);

		assert_int_equal(r, cases[i].result);
		assert_string_equal(message, cases[i].message);
		assert_int_equal(fd, -1);
	}
}

static void helper_called_by_hand_says_so(void **state)
{
	static const char *const stdins[] = { "/dev/null", "/proc/self/exe" };
	int status, pipes[2], stream[2];

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, stream), 0);
	for (int i = 0; i < 5; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			if (i == 4)
				close(STDIN_FILENO);
			else
				dup2(i < 2    ? open(stdins[i], O_RDONLY | O_CLOEXEC)
				     : i == 2 ? pipes[0]
					      : stream[0],
				     STDIN_FILENO);
			_exit(tt_control_helper_init() == -ENOTSOCK ? 0 : 1);
		}
		waitpid(pid, &status, 0);
		assert_int_equal(status, 0);
	}
	for (int i = 0; i < 2; i++) {
		close(pipes[i]);
		close(stream[i]);
	}
}

static void server_of_one_peer_tells_when_it_hung_up(void **state)
{
	struct fixture *f = *state;
	int pair[2];

	f->status_size = 100;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(tt_control_serve_fd(f->loop, pair[1], &ops, f, &f->control), 0);
	raw_send(pair[0], TT_CONTROL_STATUS, NULL, 0);
	settle(f);
	assert_int_equal(f->closed, 0);
	close(pair[0]);

	assert_int_equal(tt_loop_run(f->loop), 0);

	assert_int_equal(f->closed, 1);
}

static void descriptor_that_is_no_socket_is_not_served(void **state)
{
	struct fixture *f = *state;
	int pipes[2];

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);

	assert_int_equal(tt_control_serve_fd(f->loop, pipes[0], &ops, f, &f->control), -ENOTSOCK);

	assert_int_equal(fcntl(pipes[0], F_GETFD), -1); /* closed: it was handed over */
	close(pipes[1]);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define S(name) cmocka_unit_test_setup_teardown(name, setup_listening, teardown)
		cmocka_unit_test(packets_are_checked_before_they_are_believed),
		S(status_comes_back_whole),
		S(status_too_long_is_an_error_not_a_cut),
		S(client_is_told_when_its_command_ended),
		S(client_that_leaves_early_is_reported),
		S(refusal_carries_its_reason),
		S(nonsense_is_not_tracked),
		S(unterminated_name_is_refused),
		S(user_may_have_a_child_tracked),
		S(user_may_not_have_anything_else_tracked),
		S(child_of_another_user_is_refused),
		S(garbage_ends_the_connection),
		S(another_version_is_told_so),
		S(client_that_does_not_read_is_dropped),
		S(client_that_floods_is_dropped),
		S(attached_descriptors_do_not_stay),
		S(connections_are_bounded),
		S(running_out_of_descriptors_neither_spins_nor_lasts),
		T(socket_is_private_and_goes_when_the_server_goes),
		T(missing_directory_is_made),
		T(stale_socket_is_replaced),
		T(what_is_not_a_stale_socket_stays),
		T(directory_that_others_write_is_refused),
		T(impossible_paths_are_refused),
		T(helper_serves_through_its_stdin),
		T(helper_that_does_not_come_up_is_explained),
		cmocka_unit_test(helper_called_by_hand_says_so),
		T(server_of_one_peer_tells_when_it_hung_up),
		T(descriptor_that_is_no_socket_is_not_served),
	};

	if (argc > 1)
		return strcmp(argv[1], "helper") == 0 ? helper_main() : 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
