/* SPDX-License-Identifier: Apache-2.0 */
/* Launching: the command's inheritance, signals, job control and end are those it would have alone.
 *
 * A "runner" is a forked process that does what `telltale run` does with launch.h. This program is
 * also the observed command of some tests: `launch count` writes a letter for each signal it gets. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>

#include <cmocka.h>

#include "daemon/launch.h"

#define SH(script)  ((char *[]){ (char *)"sh", (char *)"-c", (char *)(script), NULL })
#define PATIENCE_MS 30000 /* a busy machine may take long; what never comes, so long */

/* ---- the observed command that counts signals */

static void write_letter(int signo)
{
	static const struct {
		int signo;
		char letter;
	} letters[] = {
		{ SIGINT, 'I' }, { SIGTERM, 'T' }, { SIGUSR1, 'U' }, { SIGHUP, 'H' }, { SIGCONT, 'C' }
	};

	for (size_t i = 0; i < ARRAY_SIZE(letters); i++)
		if (letters[i].signo == signo && write(STDOUT_FILENO, &letters[i].letter, 1) < 0)
			_exit(9);
	if (signo == SIGRTMIN + 1 && write(STDOUT_FILENO, "R", 1) < 0)
		_exit(9);
}

static int count_signals(void)
{
	struct sigaction sa = { .sa_handler = write_letter };
	const int signals[] = { SIGINT, SIGTERM, SIGUSR1, SIGHUP, SIGCONT, SIGRTMIN + 1 };

	sigfillset(&sa.sa_mask); /* letters in the order of the signals */
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &sa, NULL);
	if (write(STDOUT_FILENO, "+", 1) < 0)
		return 9;
	for (;;)
		pause();
}

#define COUNT ((char *[]){ (char *)"/proc/self/exe", (char *)"count", NULL })

/* ---- runner */

static void on_exit_status(int status, void *arg)
{
	struct tt_loop *loop = arg;

	tt_loop_stop(loop, status);
}

static _Noreturn void run_as_telltale(char *const argv[], const struct tt_launch_user *as)
{
	struct tt_launch *launch;
	struct tt_loop *loop;
	int r, status;

	r = tt_launch_new(argv, as, &launch, NULL);
	if (r < 0)
		_exit(tt_launch_failure_code(r));
	if (tt_loop_new(&loop) < 0 || tt_launch_watch(launch, loop, on_exit_status, loop) < 0)
		_exit(120);
	r = tt_launch_release(launch, NULL);
	if (r < 0)
		_exit(tt_launch_failure_code(r));
	status = tt_loop_run(loop);
	tt_launch_free(launch);
	tt_loop_free(loop);
	tt_launch_finish(status);
}

/* The runner leads a process group of its own; its stdout is *ret_out. */
static pid_t start_runner(char *const argv[], const struct tt_launch_user *as, int *ret_out)
{
	int out[2];
	pid_t pid;

	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		setpgid(0, 0);
		dup2(out[1], STDOUT_FILENO);
		run_as_telltale(argv, as);
	}
	setpgid(pid, pid);
	close(out[1]);
	*ret_out = out[0];
	return pid;
}

static int wait_for(pid_t pid)
{
	int status = -1;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

/* Reads until `wanted` bytes, end of file, or quiet_ms of silence. */
static size_t read_some(int fd, char *buf, size_t wanted, int quiet_ms)
{
	struct pollfd poller = { .fd = fd, .events = POLLIN };
	size_t len = 0;

	while (len < wanted && poll(&poller, 1, quiet_ms) > 0) {
		ssize_t n = read(fd, buf + len, wanted - len);

		if (n <= 0)
			break;
		len += (size_t)n;
	}
	buf[len] = '\0';
	return len;
}

static int run_status(char *const argv[])
{
	_cleanup_close_ int out = -1;

	return wait_for(start_runner(argv, NULL, &out));
}

static char *read_all(int fd)
{
	char *text = calloc(1, 65536);

	assert_non_null(text);
	read_some(fd, text, 65535, PATIENCE_MS);
	return text;
}

static void make_dir(char path[32])
{
	strcpy(path, "/tmp/tt-launch-XXXXXX");
	assert_non_null(mkdtemp(path));
	assert_int_equal(chmod(path, 0755), 0);
}

/* ---- status */

static void exit_codes_are_a_shells(void **state)
{
	assert_int_equal(tt_launch_exit_code(0), 0);
	assert_int_equal(tt_launch_exit_code(42 << 8), 42);
	assert_int_equal(tt_launch_exit_code(SIGKILL), 137);
	assert_int_equal(tt_launch_failure_code(-ENOENT), 127);
	assert_int_equal(tt_launch_failure_code(-EACCES), 126);
	assert_int_equal(tt_launch_failure_code(-ENOEXEC), 126);
}

static void telltale_exits_with_the_commands_code(void **state)
{
	int status = run_status(SH("exit 42"));

	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 42);
}

static void telltale_ends_by_the_commands_signal_without_a_core(void **state)
{
	static const int signals[] = { SIGTERM, SIGKILL, SIGSEGV, SIGINT, SIGHUP };

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		char script[32];
		int status;

		snprintf(script, sizeof(script), "kill -%d $$", signals[i]);
		status = run_status(SH(script));

		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), signals[i]);
		assert_false(WCOREDUMP(status));
	}
}

/* ---- what cannot be executed */

static void failures_read_as_a_shells(void **state)
{
	char dir[32], interp[64], plain[64], *old = strdup(getenv("PATH"));
	const struct {
		const char *command;
		int error;
		const char *text;
	} cases[] = {
		{ "tt-no-such-command", -ENOENT, "tt-no-such-command: command not found" },
		{ "", -ENOENT, ": command not found" },
		{ "./tt-no-such/file", -ENOENT, "./tt-no-such/file: No such file or directory" },
		{ "/dev/null/x", -ENOTDIR, "/dev/null/x: Not a directory" },
		{ "/tmp", -EACCES, "/tmp: Permission denied" },
		{ "plain", -EACCES, "plain: Permission denied" },
		{ "interp", -ENOENT, "interp: its interpreter was not found" },
	};
	FILE *f;

	make_dir(dir);
	snprintf(interp, sizeof(interp), "%s/interp", dir);
	snprintf(plain, sizeof(plain), "%s/plain", dir);
	f = fopen(interp, "we");
	fputs("#!/no/such/interpreter\n", f);
	fclose(f);
	chmod(interp, 0755);
	fclose(fopen(plain, "we"));
	setenv("PATH", dir, 1);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *argv[] = { (char *)cases[i].command, NULL };
		_cleanup_(tt_launch_freep) struct tt_launch *launch = NULL;
		_cleanup_free_ char *message = NULL;
		int r;

		r = tt_launch_new(argv, NULL, &launch, &message);
		if (r == 0)
			r = tt_launch_release(launch, &message);

		assert_int_equal(r, cases[i].error);
		assert_string_equal(message, cases[i].text);
	}
	setenv("PATH", old, 1);
	free(old);
	unlink(interp);
	unlink(plain);
	rmdir(dir);
}

static void unknown_command_fails_before_anything_is_attached(void **state)
{
	char *argv[] = { (char *)"tt-no-such-command", NULL };
	struct tt_launch *launch = NULL;

	assert_int_equal(tt_launch_new(argv, NULL, &launch, NULL), -ENOENT);
	assert_null(launch);
	assert_int_equal(tt_launch_new((char *[]){ NULL }, NULL, &launch, NULL), -EINVAL);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nothing is left behind */
}

static void script_without_interpreter_line_goes_to_sh(void **state)
{
	char dir[32], path[64];
	int status;
	FILE *f;

	make_dir(dir);
	snprintf(path, sizeof(path), "%s/script", dir);
	f = fopen(path, "we");
	fputs("exit 7\n", f);
	fclose(f);
	chmod(path, 0755);

	status = run_status((char *[]){ path, NULL });

	assert_int_equal(WEXITSTATUS(status), 7);
	unlink(path);
	rmdir(dir);
}

/* ---- waiting for release */

struct gate {
	char dir[32], file[64], script[96];
};

static void gate_init(struct gate *gate)
{
	make_dir(gate->dir);
	snprintf(gate->file, sizeof(gate->file), "%s/ran", gate->dir);
	snprintf(gate->script, sizeof(gate->script), "sleep 0.2; : >%s", gate->file);
}

static bool gate_ran(const struct gate *gate, int patience_ms)
{
	for (int waited = 0; waited <= patience_ms; waited += 10) {
		if (access(gate->file, F_OK) == 0)
			return true;
		usleep(10000);
	}
	return false;
}

static void gate_done(struct gate *gate)
{
	unlink(gate->file);
	rmdir(gate->dir);
}

static void command_does_not_run_before_release(void **state)
{
	_cleanup_(tt_launch_freep) struct tt_launch *launch = NULL;
	struct gate gate;

	gate_init(&gate);
	assert_int_equal(tt_launch_new(SH(gate.script), NULL, &launch, NULL), 0);
	assert_int_equal(kill(tt_launch_pid(launch), 0), 0);
	assert_false(gate_ran(&gate, 300));

	assert_int_equal(tt_launch_release(launch, NULL), 0);

	assert_true(gate_ran(&gate, PATIENCE_MS));
	wait_for(tt_launch_pid(launch));
	gate_done(&gate);
}

static void command_given_up_never_runs(void **state)
{
	struct tt_launch *launch = NULL;
	struct gate gate;
	pid_t pid;

	gate_init(&gate);
	assert_int_equal(tt_launch_new(SH(gate.script), NULL, &launch, NULL), 0);
	pid = tt_launch_pid(launch);

	tt_launch_free(launch);

	assert_int_equal(kill(pid, 0), -1);
	assert_false(gate_ran(&gate, 300));
	gate_done(&gate);
}

/* A telltale killed before or after release. */
static bool ran_although_killed(bool released)
{
	struct gate gate;
	pid_t pid;
	bool ran;
	int fds[2];
	char c;

	gate_init(&gate);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		struct tt_launch *launch;

		if (tt_launch_new(SH(gate.script), NULL, &launch, NULL) < 0 ||
		    (released && tt_launch_release(launch, NULL) < 0) || write(fds[1], "", 1) < 0)
			_exit(1);
		pause();
	}
	close(fds[1]);
	assert_int_equal(read(fds[0], &c, 1), 1);
	kill(pid, SIGKILL);
	wait_for(pid);
	/* witness and waiting child are gone as well: nobody holds the pipe */
	if (!released)
		assert_int_equal(read(fds[0], &c, 1), 0);
	close(fds[0]);
	ran = gate_ran(&gate, released ? PATIENCE_MS : 400);
	gate_done(&gate);
	return ran;
}

static void telltale_killed_before_release_means_no_command(void **state)
{
	assert_false(ran_although_killed(false));
}

static void telltale_killed_after_release_leaves_the_command_running(void **state)
{
	assert_true(ran_although_killed(true));
}

static void child_killed_while_it_waits_is_reported_by_its_status(void **state)
{
	struct tt_launch *launch;
	struct tt_loop *loop;

	assert_int_equal(tt_launch_new(SH("exit 0"), NULL, &launch, NULL), 0);
	kill(tt_launch_pid(launch), SIGINT);
	assert_int_equal(tt_loop_new(&loop), 0);
	assert_int_equal(tt_launch_watch(launch, loop, on_exit_status, loop), 0);

	assert_int_equal(tt_launch_release(launch, NULL), 0);

	assert_int_equal(tt_loop_run(loop), SIGINT);
	tt_launch_free(launch);
	tt_loop_free(loop);
}

/* ---- what is inherited */

#define SNAPSHOT                                                                                             \
	"grep -E '^(Umask|Uid|Gid|Groups|Sig(Blk|Ign|Cgt)|Cap|NoNewPrivs|Seccomp|CoreDumping)' "             \
	"/proc/self/status; ls /proc/$$/fd; ulimit -a; ulimit -Ha; nice; pwd; env | grep -v '^_='; "         \
	"cut -d' ' -f 5-8 /proc/$$/stat; cat /proc/$$/oom_score_adj; grep ^ShdPnd /proc/$$/status"

static void odd_circumstances(void)
{
	const struct rlimit limit = { .rlim_cur = 77, .rlim_max = 99 };
	sigset_t blocked;

	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR2);
	sigaddset(&blocked, SIGTERM);
	sigprocmask(SIG_SETMASK, &blocked, NULL);
	umask(0123);
	setrlimit(RLIMIT_NOFILE, &limit);
	if (nice(3) < 0 || chdir("/usr") < 0)
		_exit(9);
	setenv("TZ", "Asia/Shanghai", 1);
	dup2(STDOUT_FILENO, 17); /* inherited: not CLOEXEC */
	close(STDIN_FILENO);
	open("/dev/null", O_RDONLY);
	close(STDERR_FILENO); /* stays closed in the command */
}

static char *snapshot(bool launched)
{
	int out[2];
	char *text;
	pid_t pid;

	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		setpgid(0, getppid());
		dup2(out[1], STDOUT_FILENO);
		odd_circumstances();
		if (launched)
			run_as_telltale(SH(SNAPSHOT), NULL);
		execvp("sh", SH(SNAPSHOT));
		_exit(9);
	}
	close(out[1]);
	text = read_all(out[0]);
	close(out[0]);
	waitpid(pid, NULL, 0);
	return text;
}

static void command_inherits_exactly_what_it_would_alone(void **state)
{
	_cleanup_free_ char *alone = snapshot(false), *launched = snapshot(true);

	assert_non_null(strstr(alone, "TZ=Asia/Shanghai"));
	assert_string_equal(launched, alone);
}

static void closed_standard_descriptors_are_filled_for_telltale_only(void **state)
{
	_cleanup_close_ int saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
	_cleanup_(tt_launch_freep) struct tt_launch *launch = NULL;
	struct stat got, null;
	int r;

	close(STDERR_FILENO);
	r = tt_launch_new(SH("exit 0"), NULL, &launch, NULL);
	fstat(STDERR_FILENO, &got);
	dup2(saved, STDERR_FILENO);

	assert_int_equal(r, 0);
	assert_int_equal(stat("/dev/null", &null), 0);
	assert_int_equal(got.st_rdev, null.st_rdev);
}

/* ---- signals without a terminal */

/* The next letter is this one and no other: what telltale still had to forward comes before a later signal of a higher number. */
static void expect_letter(int fd, char letter)
{
	char text[2];

	assert_int_equal(read_some(fd, text, 1, PATIENCE_MS), 1);
	assert_int_equal(text[0], letter);
}

static void expect_nothing_before_a_fence(pid_t telltale, int fd)
{
	kill(telltale, SIGRTMIN + 1);
	expect_letter(fd, 'R');
}

static void signals_for_telltale_alone_are_forwarded_once(void **state)
{
	const struct {
		int signo;
		char letter;
	} cases[] = { { SIGTERM, 'T' }, { SIGINT, 'I' },  { SIGUSR1, 'U' },
		      { SIGHUP, 'H' },	{ SIGCONT, 'C' }, { SIGRTMIN + 1, 'R' } };
	_cleanup_close_ int out = -1;
	pid_t pid = start_runner(COUNT, NULL, &out);
	char text[2];

	expect_letter(out, '+');
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		kill(pid, cases[i].signo);

		expect_letter(out, cases[i].letter);
	}
	expect_nothing_before_a_fence(pid, out);

	kill(pid, SIGQUIT); /* not handled by the command: ends it, and so telltale */
	assert_int_equal(WTERMSIG(wait_for(pid)), SIGQUIT);
	assert_int_equal(read_some(out, text, 1, PATIENCE_MS), 0);
}

static void signals_for_the_group_reach_the_command_once(void **state)
{
	static const struct {
		int signo;
		char letter;
	} cases[] = { { SIGTERM, 'T' }, { SIGINT, 'I' }, { SIGUSR1, 'U' }, { SIGHUP, 'H' } };
	_cleanup_close_ int out = -1;
	pid_t pid = start_runner(COUNT, NULL, &out);

	expect_letter(out, '+');
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		kill(-pid, cases[i].signo);

		expect_letter(out, cases[i].letter);
		expect_nothing_before_a_fence(pid, out);
	}
	/* and the witness has not kept any of them */
	kill(pid, SIGTERM);
	expect_letter(out, 'T');
	expect_nothing_before_a_fence(pid, out);

	kill(-pid, SIGKILL);
	assert_int_equal(WTERMSIG(wait_for(pid)), SIGKILL);
}

static void stopping_the_command_stops_telltale_and_continuing_telltale_continues_it(void **state)
{
	_cleanup_close_ int out = -1;
	pid_t pid = start_runner(SH("kill -STOP $$; echo on; kill -STOP $$; exit 5"), NULL, &out);
	char text[16];
	int status;

	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_true(WIFSTOPPED(status));
	assert_int_equal(WSTOPSIG(status), SIGSTOP);
	kill(pid, SIGCONT); /* telltale alone */
	assert_int_equal(read_some(out, text, 3, PATIENCE_MS), 3);
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_true(WIFSTOPPED(status));
	kill(-pid, SIGCONT); /* the job, as a shell does */

	assert_int_equal(WEXITSTATUS(wait_for(pid)), 5);
}

/* ---- under a terminal */

struct job {
	int master;
	int events; /* wait statuses of the runner, as the session's leader (the "shell") sees them */
	int orders; /* 'f': put it into the foreground and continue it */
	pid_t shell;
};

/* The least of a shell with job control. */
static _Noreturn void shell_main(char *const argv[], const char *tty, int events, int orders)
{
	pid_t pid;
	int status, fd;
	char order;

	setsid();
	fd = open(tty, O_RDWR);
	if (fd < 0 || ioctl(fd, TIOCSCTTY, 0) < 0)
		_exit(1);
	for (int i = 0; i < 3; i++)
		dup2(fd, i);
	signal(SIGTTOU, SIG_IGN);
	pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		tcsetpgrp(STDIN_FILENO, getpid());
		signal(SIGTTOU, SIG_DFL);
		run_as_telltale(argv, NULL);
	}
	setpgid(pid, pid);
	for (;;) {
		if (waitpid(pid, &status, WUNTRACED | WCONTINUED) != pid)
			_exit(0);
		if (WIFCONTINUED(status)) {
			if (write(events, &status, sizeof(status)) < 0)
				_exit(0);
			continue;
		}
		tcsetpgrp(STDIN_FILENO, getpgrp());
		if (write(events, &status, sizeof(status)) < 0 || !WIFSTOPPED(status))
			_exit(0);
		if (read(orders, &order, 1) != 1)
			_exit(0);
		tcsetpgrp(STDIN_FILENO, pid);
		kill(-pid, SIGCONT);
	}
}

static void job_start(struct job *job, char *const argv[])
{
	int events[2], orders[2];
	const char *tty;

	job->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(job->master >= 0);
	assert_int_equal(grantpt(job->master), 0);
	assert_int_equal(unlockpt(job->master), 0);
	tty = ptsname(job->master);
	assert_int_equal(pipe2(events, O_CLOEXEC), 0);
	assert_int_equal(pipe2(orders, O_CLOEXEC), 0);
	job->shell = fork();
	if (job->shell == 0) {
		close(events[0]);
		close(orders[1]);
		shell_main(argv, tty, events[1], orders[0]);
	}
	close(events[1]);
	close(orders[0]);
	job->events = events[0];
	job->orders = orders[1];
}

static void job_expect(struct job *job, const char *text)
{
	char seen[4096] = "";
	size_t len = 0;

	while (!strstr(seen, text) && len < sizeof(seen) - 1)
		if (read_some(job->master, seen + len, 1, PATIENCE_MS) == 0)
			fail_msg("waiting for '%s', got '%s'", text, seen);
		else
			len++;
}

static void job_type(struct job *job, const char *keys)
{
	assert_int_equal(write(job->master, keys, strlen(keys)), strlen(keys));
}

static int job_status(struct job *job)
{
	struct pollfd poller = { .fd = job->events, .events = POLLIN };
	int status;

	assert_int_equal(poll(&poller, 1, PATIENCE_MS), 1);
	assert_int_equal(read(job->events, &status, sizeof(status)), sizeof(status));
	return status;
}

static void job_end(struct job *job)
{
	close(job->orders);
	close(job->events);
	wait_for(job->shell);
	close(job->master);
}

static void interrupt_key_ends_the_command_and_telltale_reports_it(void **state)
{
	struct job job;
	int status;

	job_start(&job, SH("echo ready; exec sleep 30"));
	job_expect(&job, "ready");
	job_type(&job, "\003");
	status = job_status(&job);

	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGINT);
	job_end(&job);
}

static void interrupt_key_is_the_commands_to_handle(void **state)
{
	struct job job;

	job_start(&job, SH("trap 'n=${n}x; echo got=$n=' INT; echo ready; "
			   "while [ ${#n} -lt 2 ]; do sleep 0.05; done; sleep 0.2; exit 3"));
	job_expect(&job, "ready");
	job_type(&job, "\003");
	job_expect(&job, "got=x=");
	job_type(&job, "\003");
	job_expect(&job, "got=xx=");

	assert_int_equal(tt_launch_exit_code(job_status(&job)), 3);
	job_end(&job);
}

static void suspend_key_stops_both_and_foreground_continues_both(void **state)
{
	struct job job;
	int status;

	job_start(&job, SH("echo ready; read line; echo got=$line; exit 4"));
	job_expect(&job, "ready");
	for (int i = 0; i < 3; i++) {
		job_type(&job, "\032");
		status = job_status(&job);
		assert_true(WIFSTOPPED(status));
		assert_int_equal(WSTOPSIG(status), SIGTSTP);

		assert_int_equal(write(job.orders, "f", 1), 1);
		assert_true(WIFCONTINUED(job_status(&job)));
		/* that telltale's own SIGCONT may still be forwarded, which would undo the next stop: as long as its witness has
		 * to answer (launch.c, WITNESS_PATIENCE_MS), and some */
		usleep(1200000);
	}
	job_type(&job, "hello\n");
	job_expect(&job, "got=hello");

	assert_int_equal(tt_launch_exit_code(job_status(&job)), 4);
	job_end(&job);
}

static void command_that_ignores_the_suspend_key_goes_on(void **state)
{
	struct job job;

	job_start(&job, SH("trap '' TSTP; echo ready; read line; exit 6"));
	job_expect(&job, "ready");
	job_type(&job, "\032");
	usleep(50000);
	job_type(&job, "x\n");

	assert_int_equal(tt_launch_exit_code(job_status(&job)), 6); /* the first event: never stopped */
	job_end(&job);
}

static void terminal_settings_of_the_command_stay(void **state)
{
	struct termios before, after;
	struct job job;

	job_start(&job, SH("stty -echo; echo ready; read line; exit 0"));
	job_expect(&job, "ready");
	assert_int_equal(tcgetattr(job.master, &before), 0);
	job_type(&job, "x\n");
	assert_int_equal(job_status(&job), 0);
	assert_int_equal(tcgetattr(job.master, &after), 0);

	assert_false(before.c_lflag & ECHO);
	assert_int_equal(after.c_lflag, before.c_lflag);
	job_end(&job);
}

/* ---- under sudo */

static int need_root(void **state)
{
	if (geteuid() != 0)
		skip();
	return 0;
}

static void sudo_variables_are_read_with_suspicion(void **state)
{
	const struct passwd *nobody = getpwnam("nobody");
	char uid[16], gid[16];
	const struct {
		const char *uid, *gid, *user;
		int result;
	} cases[] = {
		{ NULL, NULL, NULL, 0 },
		{ NULL, "1", "nobody", 0 },
		{ "0", "0", "root", 0 },
		{ uid, gid, "nobody", 1 },
		{ uid, gid, NULL, 1 },
		{ uid, gid, "root", -EINVAL },
		{ uid, gid, "tt-no-such-user", -EINVAL },
		{ uid, NULL, "nobody", -EINVAL },
		{ "3123456789", "1", "#3123456789", 1 },
		{ "", gid, "nobody", -EINVAL },
		{ "-1", gid, "nobody", -EINVAL },
		{ "+1", gid, "nobody", -EINVAL },
		{ " 1", gid, "nobody", -EINVAL },
		{ "1x", gid, "nobody", -EINVAL },
		{ "4294967295", gid, "nobody", -EINVAL },
		{ "4294967296", gid, "nobody", -EINVAL },
		{ "18446744073709551617", gid, "nobody", -EINVAL },
		{ uid, "4294967295", "nobody", -EINVAL },
	};

	need_root(state);
	assert_non_null(nobody);
	snprintf(uid, sizeof(uid), "%u", nobody->pw_uid);
	snprintf(gid, sizeof(gid), "%u", nobody->pw_gid);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tt_launch_user user = { .uid = 1 };

		cases[i].uid ? setenv("SUDO_UID", cases[i].uid, 1) : unsetenv("SUDO_UID");
		cases[i].gid ? setenv("SUDO_GID", cases[i].gid, 1) : unsetenv("SUDO_GID");
		cases[i].user ? setenv("SUDO_USER", cases[i].user, 1) : unsetenv("SUDO_USER");

		assert_int_equal(tt_launch_sudo_user(&user), cases[i].result);

		if (cases[i].result == 1)
			assert_int_equal(user.uid, strtoul(cases[i].uid, NULL, 10));
		else
			assert_int_equal(user.uid, 1);
		tt_launch_user_done(&user);
	}
	unsetenv("SUDO_UID");
	unsetenv("SUDO_GID");
	unsetenv("SUDO_USER");
}

static void command_runs_as_the_user_who_called_sudo(void **state)
{
	struct tt_launch_user user;
	_cleanup_free_ char *text = NULL;
	_cleanup_close_ int out = -1;
	char expected[256];
	struct passwd *pw;
	pid_t pid;

	need_root(state);
	pw = getpwnam("nobody");
	setenv("SUDO_USER", "nobody", 1);
	snprintf(expected, sizeof(expected), "%u", pw->pw_uid);
	setenv("SUDO_UID", expected, 1);
	snprintf(expected, sizeof(expected), "%u", pw->pw_gid);
	setenv("SUDO_GID", expected, 1);
	assert_int_equal(tt_launch_sudo_user(&user), 1);

	pid = start_runner(SH("id -un; id -u; id -g; id -G; echo $HOME $USER $LOGNAME $SUDO_USER$SUDO_UID; "
			      "grep -cE '^Cap(Inh|Prm|Eff|Amb):.0+$' /proc/self/status; "
			      "grep NoNewPrivs /proc/self/status; kill -0 1 2>/dev/null || echo powerless"),
			   &user, &out);
	text = read_all(out);

	assert_int_equal(wait_for(pid), 0);
	snprintf(expected, sizeof(expected),
		 "nobody\n%u\n%u\n%u\n%s nobody nobody\n4\nNoNewPrivs:\t0\npowerless\n", pw->pw_uid,
		 pw->pw_gid, pw->pw_gid, pw->pw_dir);
	assert_string_equal(text, expected);
	tt_launch_user_done(&user);
	unsetenv("SUDO_UID");
	unsetenv("SUDO_GID");
	unsetenv("SUDO_USER");
}

static void command_is_sought_with_the_users_permissions(void **state)
{
	char dir[32], path[64], *argv[] = { path, NULL };
	struct tt_launch_user user = { .uid = 65534, .gid = 65534 };
	struct tt_launch *launch = NULL;
	_cleanup_free_ char *message = NULL;
	int r;

	need_root(state);
	make_dir(dir);
	chmod(dir, 0700);
	snprintf(path, sizeof(path), "%s/private", dir);
	fclose(fopen(path, "we"));
	chmod(path, 0755);

	r = tt_launch_new(argv, &user, &launch, &message);
	if (r == 0)
		r = tt_launch_release(launch, &message);

	assert_int_equal(r, -EACCES);
	assert_non_null(strstr(message, "Permission denied"));
	tt_launch_free(launch);
	unlink(path);
	rmdir(dir);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exit_codes_are_a_shells),
		cmocka_unit_test(telltale_exits_with_the_commands_code),
		cmocka_unit_test(telltale_ends_by_the_commands_signal_without_a_core),
		cmocka_unit_test(failures_read_as_a_shells),
		cmocka_unit_test(unknown_command_fails_before_anything_is_attached),
		cmocka_unit_test(script_without_interpreter_line_goes_to_sh),
		cmocka_unit_test(command_does_not_run_before_release),
		cmocka_unit_test(command_given_up_never_runs),
		cmocka_unit_test(telltale_killed_before_release_means_no_command),
		cmocka_unit_test(telltale_killed_after_release_leaves_the_command_running),
		cmocka_unit_test(child_killed_while_it_waits_is_reported_by_its_status),
		cmocka_unit_test(command_inherits_exactly_what_it_would_alone),
		cmocka_unit_test(closed_standard_descriptors_are_filled_for_telltale_only),
		cmocka_unit_test(signals_for_telltale_alone_are_forwarded_once),
		cmocka_unit_test(signals_for_the_group_reach_the_command_once),
		cmocka_unit_test(stopping_the_command_stops_telltale_and_continuing_telltale_continues_it),
		cmocka_unit_test(interrupt_key_ends_the_command_and_telltale_reports_it),
		cmocka_unit_test(interrupt_key_is_the_commands_to_handle),
		cmocka_unit_test(suspend_key_stops_both_and_foreground_continues_both),
		cmocka_unit_test(command_that_ignores_the_suspend_key_goes_on),
		cmocka_unit_test(terminal_settings_of_the_command_stay),
		cmocka_unit_test(sudo_variables_are_read_with_suspicion),
		cmocka_unit_test(command_runs_as_the_user_who_called_sudo),
		cmocka_unit_test(command_is_sought_with_the_users_permissions),
	};

	if (argc > 1 && strcmp(argv[1], "count") == 0)
		return count_signals();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
