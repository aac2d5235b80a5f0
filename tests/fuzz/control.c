/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzer: any packet, to the parser and to a server that believes the peer is whoever runs this. */
#include <sys/socket.h>

#include "daemon/control.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_status(struct tt_buf *out, void *arg)
{
	tt_buf_str(out, "{}");
}

static int check_track(const struct tt_control_request *request, struct tt_control_session *ret,
		       struct tt_buf *message, void *arg)
{
	if (request->pid <= 0 || request->pidfd < 0 ||
	    (request->agent && strlen(request->agent) >= TT_CONTROL_AGENT_MAX))
		abort();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct tt_control_ops ops = { .status = write_status, .track = check_track };
	struct tt_control_header header;
	struct tt_control *control;
	struct tt_loop *loop;
	const void *body;
	int pair[2];

	if (tt_control_parse(data, size, &header, &body) == 0 &&
	    ((const uint8_t *)body + header.length != data + size || header.length > TT_CONTROL_BODY_MAX))
		abort();

	if (tt_loop_new(&loop) < 0)
		return 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0) {
		if (tt_control_serve_fd(loop, pair[1], &ops, NULL, &control) == 0) {
			send(pair[0], data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
			tt_loop_step(loop, 0);
			tt_loop_step(loop, 0);
			tt_control_free(control);
		}
		close(pair[0]);
	}
	tt_loop_free(loop);
	return 0;
}
