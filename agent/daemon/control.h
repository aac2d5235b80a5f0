/* SPDX-License-Identifier: Apache-2.0 */
/* Control protocol: how `telltale run` and `telltale status` talk to the half that is root.
 *
 * One protocol, two ways to reach a server: the daemon's socket (a SOCK_SEQPACKET UNIX socket in a
 * directory that only root can write), or, without a daemon, a helper that sudo starts with one end
 * of a socketpair as its stdin. Each message is one packet: struct tt_control_header, then a body of
 * exactly header.length bytes, at most TT_CONTROL_BODY_MAX. Both ends are on one machine: host byte
 * order. Bodies are fixed structs with NUL-terminated strings, or text; requests are never JSON, so
 * that root parses nothing clever.
 *
 * Threat model: any local user who may connect is hostile, and the server is root.
 *  - Who may connect is the socket's permission: root, and group `telltale` where it exists (0660,
 *    else 0600). Who may connect may ask for the status.
 *  - A peer that is not root may have tracked only a process that runs entirely as its own user and
 *    is its direct child: identified through a pidfd held across the look at /proc, so that a reused
 *    pid is not mistaken for it. Recording others' processes, or root's, cannot be asked for.
 *  - Clients, those of one user, requests a second, message sizes and idle time are bounded. Nothing
 *    blocks on a client: one that does not read its replies is dropped.
 *  - Descriptors that a peer attaches to a message are closed by the kernel (no control buffer).
 *  - The socket's directory must belong to root (or to us) and be writable by nobody else. A lock
 *    file beside the socket (0600, so that nobody else can take it) is held as long as we serve; what
 *    is found there is replaced only if it is a socket and nobody listens.
 *
 * control.c is the server, control_client.c the other end. Both refuse to print, and do not know what
 * a session is. */
#ifndef TT_DAEMON_CONTROL_H
#define TT_DAEMON_CONTROL_H

#include <sys/types.h>

#include "telltale/record.h"
#include "util/buf.h"
#include "util/loop.h"
#include "util/util.h"

#define TT_CONTROL_MAGIC    UINT32_C(0x4c544c54) /* "TLTL" */
#define TT_CONTROL_VERSION  1
#define TT_CONTROL_BODY_MAX 65536
#define TT_CONTROL_GROUP    "telltale"

enum tt_control_type {
	TT_CONTROL_STATUS = 1, /* request; no body */
	TT_CONTROL_TRACK, /* request; struct tt_control_track */
	TT_CONTROL_STATUS_REPLY, /* JSON text, no NUL */
	TT_CONTROL_TRACK_REPLY, /* struct tt_control_session: from now on the sensors follow */
	TT_CONTROL_ENDED, /* event; struct tt_control_session: ended and committed */
	TT_CONTROL_ERROR, /* struct tt_control_error: answer to a request that failed */
	TT_CONTROL_TYPES
};

struct tt_control_header {
	uint32_t magic;
	uint16_t version;
	uint16_t type; /* enum tt_control_type */
	uint32_t length; /* of the body */
	uint32_t pad; /* 0 */
};
_Static_assert(sizeof(struct tt_control_header) == 16, "wire");

#define TT_CONTROL_AGENT_MAX 64

struct tt_control_track {
	uint32_t pid;
	uint32_t pad; /* 0 */
	char agent[TT_CONTROL_AGENT_MAX]; /* what to call it if no agent is recognised; "" default */
};

struct tt_control_session {
	char session_id[TT_ID_LEN + 1]; /* "" while not known */
	char pad[7];
	char db[4096]; /* path of the database, as the server sees it */
};

struct tt_control_error {
	int32_t error; /* negative errno */
	char text[252]; /* one line */
};

/* Checks a packet. 0: *ret_header is filled and *ret_body points into packet. -EBADMSG: not ours;
 * -EPROTONOSUPPORT: another version (*ret_header is filled); -EMSGSIZE: length is wrong for the type. */
int tt_control_parse(const void *packet, size_t size, struct tt_control_header *ret_header,
		     const void **ret_body);
/* Sends one packet, without SIGPIPE. flags: more of send(2)'s. */
int tt_control_send(int fd, enum tt_control_type type, const void *body, size_t length, int flags);

/* ---- server */

struct tt_control;

/* A request to track that passed the checks above. */
struct tt_control_request {
	uint64_t id; /* for tt_control_ended(); never reused */
	pid_t pid;
	int pidfd; /* of pid; the server closes it when track() returns */
	uid_t uid; /* of the peer */
	const char *agent; /* NULL: not given; printable ASCII, [A-Za-z0-9._()-] */
};

struct tt_control_ops {
	/* Writes one JSON object, at most TT_CONTROL_BODY_MAX bytes. */
	void (*status)(struct tt_buf *out, void *arg);
	/* 0: the sensors follow the process and its future children; ret is filled (zeroed before), and
	 * later, once, comes tt_control_ended(). Negative errno: refused; a line written to message says
	 * why, an empty one leaves it to the errno. */
	int (*track)(const struct tt_control_request *request, struct tt_control_session *ret,
		     struct tt_buf *message, void *arg);
	/* The client that asked went away before its session ended. May be NULL. */
	void (*gone)(uint64_t id, void *arg);
	/* tt_control_serve_fd() only: the peer hung up; nobody else will come. May be NULL. */
	void (*closed)(void *arg);
};

/* Creates the socket (and its directory, 0755, if that alone is missing). ops and arg stay the
 * caller's and outlive the server. -EADDRINUSE: another daemon listens there; -EEXIST: something that
 * is not a socket; -EPERM: the directory can be written by others; -ENAMETOOLONG. */
int tt_control_listen(struct tt_loop *loop, const char *path, const struct tt_control_ops *ops, void *arg,
		      struct tt_control **ret);
/* Serves one connected SOCK_SEQPACKET descriptor, which it owns from then on, also on failure. */
int tt_control_serve_fd(struct tt_loop *loop, int fd, const struct tt_control_ops *ops, void *arg,
			struct tt_control **ret);
/* Drops the clients without telling ops, removes the socket if it is still ours. NULL is fine. Not from inside ops. */
void tt_control_free(struct tt_control *control);
TT_DEFINE_CLEANUP(struct tt_control *, tt_control_free)

/* The root of request id ended, and so it is committed. Unknown ids (client gone) are ignored. */
void tt_control_ended(struct tt_control *control, uint64_t id, const struct tt_control_session *session);

/* Both are for the tests of the bounds. */
unsigned tt_control_clients(const struct tt_control *control);
/* Clients that were refused or dropped for breaking a bound or the protocol. */
uint64_t tt_control_dropped(const struct tt_control *control);

/* ---- client: control_client.c
 *
 * Calls block until the answer, at most 10 s (60 s with a helper, which first loads its sensors):
 * -EAGAIN. *ret_message (may be NULL) is a malloc'd line on failure. */

/* Descriptor, or -ENOENT/-ECONNREFUSED: no daemon; -EACCES: not in the group. */
int tt_control_connect(const char *path);
int tt_control_status(int fd, char **ret_json, char **ret_message);
/* agent may be NULL. */
int tt_control_track(int fd, pid_t pid, const char *agent, struct tt_control_session *ret,
		     char **ret_message);
/* After track, when fd is readable. 1: ended, ret is filled; 0: nothing yet; -ECONNRESET: the server is
 * gone. */
int tt_control_read_ended(int fd, struct tt_control_session *ret);

/* Starts the tracing half by sudo(8), as `sudo -b -- SELF ARGS...`, with the server's end of a socketpair
 * as its stdin and stdout on /dev/null. self NULL: this very executable. sudo asks for a password on
 * the terminal by itself; the call returns when the helper serves, with the client's end in *ret_fd.
 * -b keeps sudo from taking over the terminal that the command is going to use (tried with sudo 1.9.13,
 * with and without use_pty).
 * Call it before tt_launch_watch(), so that the keys still work at the password prompt.
 * -ENOENT: no sudo; -EACCES: sudo refused; -ECONNRESET: the helper ended before it served. */
int tt_control_spawn_helper(const char *self, char *const args[], int *ret_fd, char **ret_message);
/* First thing in the helper: checks that stdin is such a socket (-ENOTSOCK: called by hand, or sudo is
 * configured to log input and put a pipe in between), leaves the terminal's session, ignores what a
 * terminal sends, and moves the socket off stdin. -> descriptor for tt_control_serve_fd(). */
int tt_control_helper_init(void);

#endif
