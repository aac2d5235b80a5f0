/* SPDX-License-Identifier: Apache-2.0 */
/* The engine behind the control protocol: what the daemon and the helper that sudo starts both offer. */
#ifndef TT_DAEMON_SERVICE_H
#define TT_DAEMON_SERVICE_H

#include "daemon/control.h"
#include "daemon/engine.h"

struct tt_service;

/* Makes the engine as well (params.session_ended and arg are the service's own). closed (may be NULL): the only
 * client of tt_service_serve_fd() has gone. */
int tt_service_new(const struct tt_engine_params *params, struct tt_loop *loop, void (*closed)(void *arg),
		   void *arg, struct tt_service **ret, char **ret_message);
void tt_service_free(struct tt_service *service);
TT_DEFINE_CLEANUP(struct tt_service *, tt_service_free)

struct tt_engine *tt_service_engine(struct tt_service *service);

/* Errors as tt_control_listen() and tt_control_serve_fd(). */
int tt_service_listen(struct tt_service *service, const char *path);
int tt_service_serve_fd(struct tt_service *service, int fd);

#endif
