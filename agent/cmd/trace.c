/* SPDX-License-Identifier: Apache-2.0 */
/* telltale _trace: the privileged half of `run` where no daemon is there. Started through sudo with one end of
 * a socketpair as stdin; not for people. The database belongs to the user who called sudo. */
#include <errno.h>

#include "cmd/cmd.h"
#include "cmd/state.h"
#include "daemon/service.h"
#include "util/log.h"

static void on_closed(void *arg)
{
	tt_loop_stop(arg, 0);
}

int tt_cmd_trace(int argc, char **argv)
{
	_cleanup_free_ char *message = NULL;
	const char *sensor = NULL;
	const struct tt_cmd_option options[] = {
		{ "sensor", 0, "NAME", "auto, trampoline or rawtp", NULL, &sensor },
	};
	const struct tt_cmd_spec spec = {
		.name = "_trace",
		.operands = "",
		.summary = "The privileged half of `telltale run`; started by it.",
		.want = TT_WANT_DB,
		.options = options,
		.n_options = ARRAY_SIZE(options),
	};
	_cleanup_(tt_loop_freep) struct tt_loop *loop = NULL;
	struct tt_service *service = NULL;
	struct tt_cmd_common common;
	struct tt_config *config = NULL;
	struct tt_engine_params params;
	int status, fd, r;

	if (tt_cmd_parse(&spec, argc, argv, &common, &status) < 0)
		return status;
	if (!common.db)
		return tt_cmd_usage("_trace", "--db FILE is missing");
	fd = tt_control_helper_init();
	if (fd < 0)
		return tt_cmd_usage("_trace", "this is started by `telltale run`, not by hand");
	r = tt_config_load(NULL, &config, &message);
	if (r == 0)
		r = tt_loop_new(&loop);
	if (r == 0) {
		params = (struct tt_engine_params){ .config = config, .db = common.db, .sensor = sensor };
		r = tt_service_new(&params, loop, on_closed, loop, &service, &message);
	}
	if (r == 0) {
		tt_engine_prepare_host(tt_service_engine(service), getenv("PATH"));
		r = tt_service_serve_fd(service, fd);
		fd = -1; /* the service's now */
	}
	if (r == 0) {
		r = tt_loop_run(loop);
		tt_engine_finish(tt_service_engine(service));
	}
	if (r < 0)
		tt_log_error("%s", message ? message : strerror(-r));
	tt_closep(&fd);
	tt_service_free(service);
	tt_config_free(config);
	return r < 0 ? TT_EXIT_FAILURE : TT_EXIT_OK;
}
