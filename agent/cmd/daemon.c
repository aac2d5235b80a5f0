/* SPDX-License-Identifier: Apache-2.0 */
/* telltale daemon: watches the whole host. Foreground; the service manager does the rest. */
#include <errno.h>
#include <signal.h>

#include "cmd/cmd.h"
#include "daemon/service.h"
#include "util/log.h"

/* Retention: a look every ten minutes; while there is something to delete, a piece a second. */
#define RETAIN_NS      UINT64_C(600000000000)
#define RETAIN_MORE_NS UINT64_C(1000000000)

struct watch {
	struct tt_loop *loop;
	struct tt_service *service;
	struct tt_source *retain;
};

static void on_stop(const struct signalfd_siginfo *info, void *arg)
{
	struct watch *watch = arg;

	tt_loop_stop(watch->loop, 0);
}

static void on_retain(void *arg)
{
	struct watch *watch = arg;
	bool more = tt_engine_retain(tt_service_engine(watch->service));

	tt_loop_set_timer(watch->retain, more ? RETAIN_MORE_NS : RETAIN_NS, 0);
}

static int check_config(const struct tt_config *config)
{
	_cleanup_free_ char *message = NULL;
	struct tt_config_agents *agents = NULL;
	struct tt_config_categories *categories = NULL;
	struct tt_config_risk *risk = NULL;
	int r;

	r = tt_config_load_agents(config->agents_dir, &agents, &message);
	if (r == 0)
		r = tt_config_load_categories(config->categories_dir, &categories, &message);
	if (r == 0)
		r = tt_config_load_risk(config->risk_file, &risk, &message);
	if (r == 0)
		printf("%s: %zu agents, %zu runtimes; %s: %zu categories; %s: %zu weights\n",
		       config->agents_dir, agents->n_agents, agents->n_runtimes, config->categories_dir,
		       categories->n, config->risk_file, risk->n);
	else
		tt_log_error("%s", message ? message : strerror(-r));
	tt_config_agents_free(agents);
	tt_config_categories_free(categories);
	tt_config_risk_free(risk);
	return r == 0 ? TT_EXIT_OK : TT_EXIT_FAILURE;
}

static int watch_host(struct watch *watch, const struct tt_config *config)
{
	static const int stops[] = { SIGTERM, SIGINT };
	struct tt_engine *engine = tt_service_engine(watch->service);
	const char *path = getenv("PATH"), *why;
	unsigned found = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(stops); i++)
		r = tt_loop_add_signal(watch->loop, stops[i], on_stop, watch, NULL);
	if (r == 0)
		r = tt_loop_add_timer(watch->loop, RETAIN_MORE_NS, 0, on_retain, watch, &watch->retain);
	if (r < 0)
		return tt_log_errno(r, "cannot set up the event loop");
	r = tt_service_listen(watch->service, config->control_socket);
	if (r < 0)
		return tt_log_errno(r, "cannot listen on %s (is another daemon running?)",
				    config->control_socket);
	tt_engine_prepare_host(engine, path ? path : "/usr/local/bin:/usr/bin:/bin");
	r = tt_engine_scan(engine, &found);
	if (r < 0)
		tt_log_warn_errno(r, "cannot look for agents that run already; new ones are seen");
	tt_log_info("watching with the %s backend into %s; agents found running: %u",
		    tt_engine_backend(engine, &why), tt_engine_db(engine), found);
	r = tt_loop_run(watch->loop);
	tt_log_info("stopping");
	if (tt_engine_finish(engine) < 0)
		return -EIO;
	return r;
}

int tt_cmd_daemon(int argc, char **argv)
{
	_cleanup_free_ char *message = NULL;
	const char *file = NULL, *sensor = NULL;
	bool only_check = false;
	const struct tt_cmd_option options[] = {
		{ "config", 0, "FILE", "configuration (default: telltale.yaml where it is installed)", NULL,
		  &file },
		{ "sensor", 0, "NAME", "auto, trampoline or rawtp", NULL, &sensor },
		{ "check-config", 0, NULL, "check configuration and definitions, and end", &only_check,
		  NULL },
	};
	const struct tt_cmd_spec spec = {
		.name = "daemon",
		.operands = "",
		.summary = "Watches the whole host for coding agents, in the foreground.",
		.want = TT_WANT_DB,
		.options = options,
		.n_options = ARRAY_SIZE(options),
	};
	struct tt_cmd_common common;
	struct tt_config *config = NULL;
	struct watch watch = { 0 };
	struct tt_engine_params params;
	int status, r;

	if (tt_cmd_parse(&spec, argc, argv, &common, &status) < 0)
		return status;
	r = tt_config_load(file, &config, &message);
	if (r < 0) {
		tt_log_error("%s", message ? message : strerror(-r));
		return TT_EXIT_FAILURE;
	}
	if (only_check) {
		status = check_config(config);
		tt_config_free(config);
		return status;
	}
	if (geteuid() != 0)
		tt_log_warn("not root: the kernel will most likely refuse; use sudo or the service");
	/* whoever reads our diagnostics may go: that ends no watch */
	signal(SIGPIPE, SIG_IGN);
	params = (struct tt_engine_params){
		.config = config,
		.db = common.db ? common.db : config->database,
		.sensor = sensor,
	};
	r = tt_loop_new(&watch.loop);
	if (r == 0)
		r = tt_service_new(&params, watch.loop, NULL, NULL, &watch.service, &message);
	if (r < 0)
		tt_log_error("%s", message ? message : strerror(-r));
	else
		r = watch_host(&watch, config);
	tt_service_free(watch.service);
	tt_loop_free(watch.loop);
	tt_config_free(config);
	return r < 0 ? TT_EXIT_FAILURE : TT_EXIT_OK;
}
