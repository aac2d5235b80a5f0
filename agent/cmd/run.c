/* SPDX-License-Identifier: Apache-2.0 */
/* telltale run: traces one command, and everything below it, in the foreground.
 *
 * The command is the caller's own (daemon/launch.h); only the tracing half is privileged. As root that half is in this
 * process; else it is the daemon's, and without one a helper's that sudo starts. The two ways meet in struct
 * half: begin to follow, wait, finish. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>

#include "cmd/cmd.h"
#include "cmd/record.h"
#include "cmd/row.h"
#include "cmd/state.h"
#include "daemon/control.h"
#include "daemon/engine.h"
#include "daemon/launch.h"
#include "util/log.h"

/* The remote half commits within a second of the end; a session whose other processes go on does not end. */
#define ENDED_WAIT_MS 3000
#define WAIT_POLL_NS  UINT64_C(100000000)

/* Descendants that are named one by one. */
#define NAMED_MAX 10

struct run {
	char **argv;
	const char *sensor, *agent, *config_file;
	char *db; /* path to read the record from */
	char session_id[TT_ID_LEN + 1];
	bool json, wait, db_given;
	enum tt_color color;

	struct tt_launch *launch;
	struct tt_launch_user user;
	bool as_user;
	struct tt_loop *loop;
	int status; /* wait status of the command */

	/* root: the tracing half is here */
	struct tt_config *config;
	struct tt_engine *engine;
	const struct tt_session *session;
	struct tt_source *wait_timer;
	bool session_over;
	/* else it is behind this */
	int fd;
	bool helper;
};

static void on_exit_of_command(int status, void *arg)
{
	struct run *run = arg;

	run->status = status;
	tt_loop_stop(run->loop, 0);
}

/* ---- the tracing half in this process */

static void on_session_ended(const struct tt_session *session, void *arg)
{
	struct run *run = arg;

	if (session == run->session) {
		run->session_over = true;
		run->session = NULL; /* its memory may go from now on */
	}
}

static int local_begin(struct run *run, char **ret_message)
{
	struct tt_engine_params params = { .sensor = run->sensor,
					   .session_ended = on_session_ended,
					   .arg = run };
	_cleanup_free_ char *cwd = NULL;
	_cleanup_close_ int pidfd = -1;
	int r;

	r = tt_config_load(run->config_file, &run->config, ret_message);
	if (r == 0 && !run->db_given)
		r = tt_state_db(run->as_user ? run->user.uid : geteuid(),
				run->as_user ? run->user.gid : getegid(),
				run->as_user ? run->user.home : NULL, &run->db, ret_message);
	if (r < 0)
		return r;
	params.config = run->config;
	params.db = run->db;
	r = tt_engine_new(&params, run->loop, &run->engine, ret_message);
	if (r < 0)
		return r;
	cwd = realpath(".", NULL);
	tt_engine_prepare_command(run->engine, (const char *const *)run->argv, getenv("PATH"),
				  cwd ? cwd : "/");
	pidfd = (int)syscall(SYS_pidfd_open, tt_launch_pid(run->launch), 0);
	if (pidfd < 0)
		return -errno;
	r = tt_engine_track(run->engine, pidfd, tt_launch_pid(run->launch),
			    run->as_user ? run->user.uid : geteuid(), run->agent, &run->session);
	if (r < 0)
		return r;
	memcpy(run->session_id, run->session->id.s, sizeof(run->session_id));
	return 0;
}

static void check_over(void *arg)
{
	struct run *run = arg;

	if (run->session_over)
		tt_loop_stop(run->loop, 0);
}

static void on_interrupt(const struct signalfd_siginfo *info, void *arg)
{
	tt_loop_stop(((struct run *)arg)->loop, 0);
}

/* --wait: until the last descendant ends, or the caller has had enough. */
static void local_wait(struct run *run)
{
	struct tt_source *interrupt = NULL, *terminate = NULL, *timer = NULL;

	if (run->session_over)
		return;
	if (tt_loop_add_signal(run->loop, SIGINT, on_interrupt, run, &interrupt) == 0 &&
	    tt_loop_add_signal(run->loop, SIGTERM, on_interrupt, run, &terminate) == 0 &&
	    tt_loop_add_timer(run->loop, WAIT_POLL_NS, WAIT_POLL_NS, check_over, run, &timer) == 0) {
		tt_log_info("the command has ended; waiting for what it started, an interrupt ends that");
		tt_loop_run(run->loop);
	}
	tt_loop_remove(timer);
	tt_loop_remove(terminate);
	tt_loop_remove(interrupt);
}

static int name_living(const struct tt_process *process, void *arg)
{
	unsigned *n = arg;

	if ((*n)++ < NAMED_MAX)
		tt_log_warn("still running: %u %s", process->key.pid, process->exe ? process->exe : "?");
	return 0;
}

static int local_finish(struct run *run)
{
	unsigned living = 0;
	int r;

	r = tt_engine_catch_up(run->engine);
	if (run->wait)
		local_wait(run);
	if (run->session)
		tt_tracker_each_living(tt_engine_tracker(run->engine), run->session, name_living, &living);
	if (living > NAMED_MAX)
		tt_log_warn("and %u more", living - NAMED_MAX);
	if (living > 0)
		tt_log_warn("what they do from now on is not recorded; --wait waits for them");
	r = tt_engine_finish(run->engine);
	tt_engine_free(TAKE_PTR(run->engine));
	return r;
}

/* ---- the tracing half elsewhere */

/* There is a daemon, which would have done without sudo. */
static void explain_denial(const struct run *run, char **ret_message)
{
	_cleanup_free_ char *first = *ret_message;

	if (asprintf(ret_message, "%s; the daemon at %s may be asked by root and by group %s",
		     first ? first : "no tracing half", run->config->control_socket, TT_CONTROL_GROUP) < 0)
		*ret_message = NULL;
}

static int remote_connect(struct run *run, char **ret_message)
{
	char *args[] = { (char *)"_trace",
			 (char *)"--db",
			 NULL,
			 run->sensor ? (char *)"--sensor" : NULL,
			 (char *)run->sensor,
			 NULL };
	bool denied = false;
	int r;

	r = tt_config_load(NULL, &run->config, ret_message);
	if (r < 0)
		return r;
	if (run->config_file) {
		*ret_message = strdup(
			"--config is for root: the tracing half decides what configuration it runs with");
		return -EPERM;
	}
	/* a database or sensor of one's own is not the daemon's business */
	if (!run->db_given && !run->sensor) {
		run->fd = tt_control_connect(run->config->control_socket);
		if (run->fd >= 0)
			return 0;
		denied = run->fd == -EACCES;
	}
	if (!run->db_given) {
		r = tt_state_db(getuid(), getgid(), NULL, &run->db, ret_message);
		if (r < 0)
			return r;
	}
	args[2] = run->db;
	run->helper = true;
	r = tt_control_spawn_helper(NULL, args, &run->fd, ret_message);
	if (r < 0 && denied)
		explain_denial(run, ret_message);
	return r;
}

static int remote_begin(struct run *run, char **ret_message)
{
	struct tt_control_session session;
	int r;

	r = remote_connect(run, ret_message);
	if (r < 0)
		return r;
	r = tt_control_track(run->fd, tt_launch_pid(run->launch), run->agent, &session, ret_message);
	if (r < 0)
		return r;
	memcpy(run->session_id, session.session_id, sizeof(run->session_id));
	free(run->db);
	run->db = strdup(session.db);
	return run->db ? 0 : -ENOMEM;
}

static void on_ended(int fd, uint32_t events, void *arg)
{
	tt_loop_stop(((struct run *)arg)->loop, 1);
}

static void on_timeout(void *arg)
{
	tt_loop_stop(((struct run *)arg)->loop, 0);
}

static int remote_finish(struct run *run)
{
	struct tt_source *ended = NULL, *timer = NULL;
	struct tt_control_session session;
	int r = 0;

	if (tt_loop_add_fd(run->loop, run->fd, EPOLLIN, on_ended, run, &ended) == 0 &&
	    (run->wait || tt_loop_add_timer(run->loop, ENDED_WAIT_MS * UINT64_C(1000000), 0, on_timeout, run,
					    &timer) == 0))
		r = tt_loop_run(run->loop);
	tt_loop_remove(timer);
	tt_loop_remove(ended);
	if (r == 1)
		r = tt_control_read_ended(run->fd, &session);
	if (r < 0)
		tt_log_warn_errno(r, "the tracing half ended early; the record may lack its end");
	else if (r == 0)
		tt_log_warn("some of what the command started is still running%s",
			    run->helper ? "; what it does from now on is not recorded, --wait waits for it"
					: " and goes on being recorded");
	tt_closep(&run->fd);
	run->fd = -1;
	if (run->helper && r <= 0) {
		static const struct timespec moment = { .tv_nsec = 300000000 };

		nanosleep(&moment, NULL); /* it closes the session when it sees that we are gone */
	}
	return 0;
}

/* ---- both */

static int print_record(struct run *run)
{
	_cleanup_(tt_query_closep) struct tt_query_db *db = NULL;
	_cleanup_free_ char *message = NULL;
	struct tt_output out;
	int r;

	r = tt_query_open(run->db, &db, &message);
	if (r == -EACCES) {
		bool usual = strcmp(run->db, TT_CMD_SYSTEM_DB) == 0;

		tt_log_info(
			"recorded as session %s in %s, which only root may read: sudo telltale show %s%s%s",
			run->session_id, run->db, run->session_id, usual ? "" : " --db ",
			usual ? "" : run->db);
		return 0;
	}
	if (r < 0) {
		tt_log_error("%s", message ? message : strerror(-r));
		return r;
	}
	if (run->json)
		tt_output_open(&out, TT_COLOR_NEVER, false);
	else
		tt_output_init(&out, stderr, run->color);
	r = tt_record_print(db, run->session_id, run->json ? TT_RECORD_JSON : TT_RECORD_TEXT, &out);
	if (r < 0)
		tt_log_error("cannot read the record: %s", tt_query_error(db));
	tt_output_close(&out);
	return r;
}

static int failed(int error, const char *message)
{
	tt_log_error("%s", message ? message : strerror(-error));
	return TT_EXIT_FAILURE;
}

/* The command never ran. The waiting child first: it is killed before what watches it goes. */
static void run_done(struct run *run)
{
	tt_launch_free(run->launch);
	tt_engine_free(run->engine);
	tt_config_free(run->config);
	tt_closep(&run->fd);
	tt_loop_free(run->loop);
	tt_launch_user_done(&run->user);
	free(run->db);
}

/* Does not return once the command runs. */
static int trace(struct run *run)
{
	bool local = geteuid() == 0;
	_cleanup_free_ char *message = NULL;
	int r;

	if (local) {
		r = tt_launch_sudo_user(&run->user);
		if (r < 0)
			return failed(
				r,
				"the SUDO_* variables are malformed: start telltale as root or as yourself");
		run->as_user = r > 0;
	}
	if (run->as_user)
		tt_log_warn("sudo has changed the environment already (TZ, proxies, PATH, ...): for a "
			    "faithful record "
			    "run telltale without sudo; it asks for it by itself");
	r = tt_launch_new(run->argv, run->as_user ? &run->user : NULL, &run->launch, &message);
	if (r < 0) {
		tt_log_error("%s", message ? message : strerror(-r));
		return tt_launch_failure_code(r);
	}
	r = tt_loop_new(&run->loop);
	if (r == 0)
		r = local ? local_begin(run, &message) : remote_begin(run, &message);
	if (r < 0)
		return failed(r, message);
	r = tt_launch_watch(run->launch, run->loop, on_exit_of_command, run);
	if (r < 0)
		return failed(r, NULL);
	r = tt_launch_release(run->launch, &message);
	if (r < 0) {
		tt_log_error("%s", message ? message : strerror(-r));
		return tt_launch_failure_code(r);
	}
	tt_loop_run(run->loop);

	r = local ? local_finish(run) : remote_finish(run);
	if (r < 0)
		tt_log_warn_errno(r, "the record is not whole");
	print_record(run);
	tt_launch_finish(run->status);
}

int tt_cmd_run(int argc, char **argv)
{
	struct run run = { .fd = -1 };
	const struct tt_cmd_option options[] = {
		{ "sensor", 0, "NAME", "auto, trampoline or rawtp", NULL, &run.sensor },
		{ "agent", 0, "NAME", "what to call a command that is no known coding agent", NULL,
		  &run.agent },
		{ "config", 0, "FILE", "configuration (only as root)", NULL, &run.config_file },
		{ "wait", 0, NULL, "wait for all descendants, not only for the command", &run.wait, NULL },
	};
	const struct tt_cmd_spec spec = {
		.name = "run",
		.operands = "COMMAND [ARG...]",
		.summary = "Traces COMMAND and all it starts, and prints its risk record.",
		.want = TT_WANT_DB | TT_WANT_JSON | TT_WANT_COLOR,
		.options = options,
		.n_options = ARRAY_SIZE(options),
		.min_operands = 1,
		.max_operands = INT_MAX,
		.options_first = true,
	};
	struct tt_cmd_common common;
	int status, first = tt_cmd_parse(&spec, argc, argv, &common, &status);

	if (first < 0)
		return status;
	run.argv = argv + first;
	run.json = common.json;
	run.color = common.color;
	if (common.db) {
		run.db_given = true;
		run.db = strdup(common.db);
		if (!run.db)
			return TT_EXIT_FAILURE;
	}
	status = trace(&run);
	run_done(&run);
	return status;
}
