/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/service.h"

#include <errno.h>

#include "util/util.h"

/* A root that a client waits for. */
struct waiting {
	struct waiting *next;
	uint64_t request;
	struct tt_id session;
};

struct tt_service {
	struct tt_engine *engine;
	struct tt_control *control;
	struct tt_loop *loop;
	struct waiting *waiting;
	void (*closed)(void *arg);
	void *arg;
};

static void describe(const struct tt_service *service, const struct tt_id *session,
		     struct tt_control_session *ret)
{
	memcpy(ret->session_id, session->s, sizeof(ret->session_id));
	snprintf(ret->db, sizeof(ret->db), "%s", tt_engine_db(service->engine));
}

static void on_session_ended(const struct tt_session *session, void *arg)
{
	struct tt_service *service = arg;

	for (struct waiting **link = &service->waiting; *link; link = &(*link)->next) {
		struct tt_control_session reply = { 0 };
		struct waiting *waiting = *link;

		if (strcmp(waiting->session.s, session->id.s) != 0)
			continue;
		describe(service, &session->id, &reply);
		tt_control_ended(service->control, waiting->request, &reply);
		*link = waiting->next;
		free(waiting);
		return;
	}
}

static void op_status(struct tt_buf *out, void *arg)
{
	struct tt_service *service = arg;

	tt_engine_status(service->engine, out);
}

static int op_track(const struct tt_control_request *request, struct tt_control_session *ret,
		    struct tt_buf *message, void *arg)
{
	struct tt_service *service = arg;
	struct waiting *waiting = calloc(1, sizeof(*waiting));
	const struct tt_session *session;
	int r;

	if (!waiting)
		return -ENOMEM;
	r = tt_engine_track(service->engine, request->pidfd, request->pid, request->uid, request->agent,
			    &session);
	if (r < 0) {
		if (r == -EALREADY)
			tt_buf_str(message, "this process is followed already");
		free(waiting);
		return r;
	}
	waiting->request = request->id;
	waiting->session = session->id;
	waiting->next = service->waiting;
	service->waiting = waiting;
	describe(service, &session->id, ret);
	return 0;
}

/* The client went; its process is followed all the same. */
static void op_gone(uint64_t id, void *arg)
{
	struct tt_service *service = arg;

	for (struct waiting **link = &service->waiting; *link; link = &(*link)->next) {
		struct waiting *waiting = *link;

		if (waiting->request != id)
			continue;
		*link = waiting->next;
		free(waiting);
		return;
	}
}

static void op_closed(void *arg)
{
	struct tt_service *service = arg;

	if (service->closed)
		service->closed(service->arg);
}

static const struct tt_control_ops ops = {
	.status = op_status,
	.track = op_track,
	.gone = op_gone,
	.closed = op_closed,
};

int tt_service_new(const struct tt_engine_params *params, struct tt_loop *loop, void (*closed)(void *arg),
		   void *arg, struct tt_service **ret, char **ret_message)
{
	_cleanup_(tt_service_freep) struct tt_service *service = calloc(1, sizeof(*service));
	struct tt_engine_params own = *params;
	int r;

	if (!service)
		return -ENOMEM;
	service->loop = loop;
	service->closed = closed;
	service->arg = arg;
	own.session_ended = on_session_ended;
	own.arg = service;
	r = tt_engine_new(&own, loop, &service->engine, ret_message);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(service);
	return 0;
}

void tt_service_free(struct tt_service *service)
{
	if (!service)
		return;
	tt_control_free(service->control);
	while (service->waiting) {
		struct waiting *next = service->waiting->next;

		free(service->waiting);
		service->waiting = next;
	}
	tt_engine_free(service->engine);
	free(service);
}

struct tt_engine *tt_service_engine(struct tt_service *service)
{
	return service->engine;
}

int tt_service_listen(struct tt_service *service, const char *path)
{
	return tt_control_listen(service->loop, path, &ops, service, &service->control);
}

int tt_service_serve_fd(struct tt_service *service, int fd)
{
	return tt_control_serve_fd(service->loop, fd, &ops, service, &service->control);
}
