/* SPDX-License-Identifier: Apache-2.0 */
/* Launching the observed command: see launch.h for what it promises.
 *
 * One socketpair joins telltale and the waiting child; its ends are CLOEXEC and never below 3. The
 * child sends a struct report when it is ready or has failed, telltale sends one byte to release it,
 * and end of file means, to the child, that telltale died, and to telltale, that execve succeeded. */
#include "daemon/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "util/buf.h"

/* kill(2) delivers to a process group within microseconds; telltale may wake up before the last one. */
#define GROUP_DELIVERY_NS   UINT64_C(5000000)
/* The witness answers as soon as it runs, which a busy machine may put off, unless somebody stopped it. Without an answer the
 * command may get a signal twice. */
#define WITNESS_PATIENCE_MS 1000
#define EXIT_ABANDONED	    125 /* of a child that was never released; nobody is left to read it */

enum stage { STAGE_READY, STAGE_USER, STAGE_SEARCH, STAGE_EXEC };

struct report {
	int32_t stage; /* enum stage */
	int32_t error; /* 0 or negative errno */
};

struct tt_launch {
	pid_t pid, witness;
	bool ended; /* reaped */
	bool released;
	int pidfd, sock, witness_sock;
	char *command; /* for messages */
	uint64_t undecided; /* signals that may have to be forwarded: bit signo - 1 */

	struct tt_loop *loop;
	struct tt_source *exit_source, *decide_source;
	struct tt_source *signal_sources[NSIG];
	void (*on_exit)(int status, void *arg);
	void *arg;
};

/* All that a caller may send to steer a command; real-time signals are added. The others are either
 * nobody's to send (SIGSEGV, SIGPIPE, SIGCHLD, timers) or cannot be caught. */
static const int forwarded_signals[] = {
	SIGHUP,	 SIGINT,  SIGQUIT, SIGUSR1, SIGUSR2,  SIGALRM, SIGTERM,
	SIGCONT, SIGTSTP, SIGTTIN, SIGTTOU, SIGWINCH, SIGIO,   SIGPWR,
};

#define BIT(signo)   (UINT64_C(1) << ((signo)-1))
#define STOP_SIGNALS (BIT(SIGTSTP) | BIT(SIGTTIN) | BIT(SIGTTOU))

/* ---- who called sudo */

static bool parse_id(const char *text, uint32_t *ret)
{
	uint64_t value = 0;

	if (!text || !*text || strlen(text) > 10)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		value = value * 10 + (uint64_t)(*text - '0');
	}
	if (value >= UINT32_MAX) /* (uid_t)-1 means "leave it" to setresuid(2) */
		return false;
	*ret = (uint32_t)value;
	return true;
}

void tt_launch_user_done(struct tt_launch_user *user)
{
	free(user->name);
	free(user->home);
	free(user->shell);
	*user = (struct tt_launch_user){ 0 };
}

static int user_fill(struct tt_launch_user *user, const struct passwd *pw)
{
	user->name = strdup(pw->pw_name);
	user->home = strdup(pw->pw_dir);
	user->shell = strdup(*pw->pw_shell ? pw->pw_shell : "/bin/sh");
	return user->name && user->home && user->shell ? 0 : -ENOMEM;
}

int tt_launch_sudo_user(struct tt_launch_user *ret)
{
	const char *uid_text = secure_getenv("SUDO_UID"), *name = secure_getenv("SUDO_USER");
	struct tt_launch_user user = { 0 };
	const struct passwd *pw;
	int r;

	if (geteuid() != 0 || !uid_text)
		return 0;
	if (!parse_id(uid_text, &user.uid) || !parse_id(secure_getenv("SUDO_GID"), &user.gid))
		return -EINVAL;
	if (user.uid == 0)
		return 0;

	/* several names may share a uid: the one sudo saw; a uid may have no name at all */
	pw = name ? getpwnam(name) : NULL;
	if (pw && pw->pw_uid != user.uid)
		return -EINVAL;
	if (!pw) {
		pw = getpwuid(user.uid);
		if (pw && name)
			return -EINVAL;
	}
	if (pw) {
		r = user_fill(&user, pw);
		if (r < 0) {
			tt_launch_user_done(&user);
			return r;
		}
	}
	*ret = user;
	return 1;
}

/* ---- in the child, before it executes */

static int drop_capabilities(void)
{
	cap_t none = cap_init();
	int r = 0;

	if (!none)
		return -ENOMEM;
	/* setresuid does it, unless secure bits say otherwise; those are not ours to trust */
	if (cap_set_proc(none) < 0)
		r = -errno;
	cap_free(none);
	return r;
}

static int user_environment(const struct tt_launch_user *as)
{
	static const char *const sudos[] = { "SUDO_UID",     "SUDO_GID",  "SUDO_USER",
					     "SUDO_COMMAND", "SUDO_HOME", "MAIL" };
	const struct {
		const char *name, *value;
	} set[] = {
		{ "HOME", as->home ?: "/" },
		{ "USER", as->name },
		{ "LOGNAME", as->name },
		{ "SHELL", as->shell ?: "/bin/sh" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(sudos); i++)
		unsetenv(sudos[i]);
	for (size_t i = 0; i < ARRAY_SIZE(set); i++)
		if ((set[i].value ? setenv(set[i].name, set[i].value, 1) : unsetenv(set[i].name)) < 0)
			return -errno;
	return 0;
}

static int become_user(const struct tt_launch_user *as)
{
	uid_t real, effective, saved;
	int r;

	if ((as->name ? initgroups(as->name, as->gid) : setgroups(1, &as->gid)) < 0)
		return -errno;
	if (setresgid(as->gid, as->gid, as->gid) < 0 || setresuid(as->uid, as->uid, as->uid) < 0)
		return -errno;
	r = drop_capabilities();
	if (r < 0)
		return r;
	if (getresuid(&real, &effective, &saved) < 0 || real != as->uid || effective != as->uid ||
	    saved != as->uid || (as->uid != 0 && setuid(0) == 0))
		return -EPERM;
	return user_environment(as);
}

/* One directory of PATH. -ENOENT: not there; -EACCES: there, but not to be executed. */
static int find_in(const char *dir, size_t dir_len, const char *name, char **ret)
{
	_cleanup_free_ char *path = NULL;
	struct stat st;

	if (asprintf(&path, "%.*s/%s", dir_len ? (int)dir_len : 1, dir_len ? dir : ".", name) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	if (stat(path, &st) < 0)
		return -ENOENT; /* also where the directory cannot be searched: so do shells */
	if (!S_ISREG(st.st_mode) || faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0)
		return -EACCES;
	*ret = TAKE_PTR(path);
	return 0;
}

/* What a shell would execute. Searching here, before the child waits, and not there, keeps the
 * failed attempts in PATH's other directories out of the command's record. */
static int find_command(const char *name, char **ret)
{
	const char *path = getenv("PATH") ?: "/bin:/usr/bin", *end;
	int r, result = -ENOENT;

	if (!*name)
		return -ENOENT;
	if (strchr(name, '/')) {
		*ret = strdup(name);
		return *ret ? 0 : -ENOMEM;
	}
	for (;; path = end + 1) {
		end = strchrnul(path, ':');
		r = find_in(path, (size_t)(end - path), name, ret);
		if (r == 0 || r == -ENOMEM)
			return r;
		if (r == -EACCES)
			result = r; /* go on, but remember */
		if (!*end)
			return result;
	}
}

static void send_report(int sock, enum stage stage, int error)
{
	const struct report report = { .stage = stage, .error = error };

	if (send(sock, &report, sizeof(report), MSG_NOSIGNAL) < 0)
		_exit(EXIT_ABANDONED);
}

static ssize_t receive(int sock, void *data, size_t size)
{
	ssize_t n;

	do
		n = recv(sock, data, size, 0);
	while (n < 0 && errno == EINTR);
	return n;
}

static _Noreturn void child_fail(int sock, enum stage stage, int error)
{
	send_report(sock, stage, error);
	_exit(tt_launch_failure_code(error));
}

static _Noreturn void child_main(int sock, char *const argv[], const struct tt_launch_user *as)
{
	char *path, go;
	int r;

	if (as) {
		r = become_user(as);
		if (r < 0)
			child_fail(sock, STAGE_USER, r);
	}
	r = find_command(argv[0], &path);
	if (r < 0)
		child_fail(sock, STAGE_SEARCH, r);

	send_report(sock, STAGE_READY, 0);
	if (receive(sock, &go, 1) != 1)
		_exit(EXIT_ABANDONED);
	execvp(path, argv); /* path has a slash: no search, but scripts without #! go to sh */
	child_fail(sock, STAGE_EXEC, -errno);
}

/* ---- witness */

/* Holds nothing of telltale's but its socket: neither the pipe that a caller reads to its end, nor
 * the other end of the waiting child's socket. Ends with telltale. */
static _Noreturn void witness_main(int sock)
{
	static const struct timespec now = { 0 };
	unsigned char signo, got;
	sigset_t one;

	dup2(sock, 0);
	closefrom(1);
	while (receive(0, &signo, 1) == 1) {
		sigemptyset(&one);
		sigaddset(&one, signo);
		got = sigtimedwait(&one, NULL, &now) == signo;
		if (send(0, &got, 1, MSG_NOSIGNAL) != 1)
			break;
	}
	_exit(0);
}

/* Also forgets that it got it. */
static bool witness_saw(struct tt_launch *launch, int signo)
{
	const unsigned char ask = (unsigned char)signo;
	struct pollfd answer = { .fd = launch->witness_sock, .events = POLLIN };
	unsigned char got;

	while (recv(launch->witness_sock, &got, 1, MSG_DONTWAIT) == 1)
		; /* answers that came too late */
	if (send(launch->witness_sock, &ask, 1, MSG_NOSIGNAL | MSG_DONTWAIT) != 1)
		return false;
	if (poll(&answer, 1, WITNESS_PATIENCE_MS) != 1)
		return false;
	return recv(launch->witness_sock, &got, 1, MSG_DONTWAIT) == 1 && got;
}

/* ---- forking */

/* Keeps a descriptor of ours off 0 to 2, which the child may have inherited closed. */
static int above_std(int fd)
{
	int high;

	if (fd > STDERR_FILENO)
		return fd;
	high = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (high < 0)
		high = -errno;
	close(fd);
	return high;
}

static int make_pair(int ret[2])
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	fds[0] = above_std(fds[0]);
	fds[1] = above_std(fds[1]);
	if (fds[0] < 0 || fds[1] < 0) {
		tt_closep(&fds[0]);
		tt_closep(&fds[1]);
		return fds[0] < 0 ? fds[0] : fds[1];
	}
	ret[0] = fds[0];
	ret[1] = fds[1];
	return 0;
}

/* Otherwise the next file that telltale opens would be where its messages go. */
static void fill_std(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			open("/dev/null", fd == STDIN_FILENO ? O_RDONLY : O_WRONLY);
}

static int fork_command(struct tt_launch *launch, char *const argv[], const struct tt_launch_user *as)
{
	int pair[2], r;

	r = make_pair(pair);
	if (r < 0)
		return r;
	launch->pid = fork();
	if (launch->pid == 0) {
		close(pair[0]);
		child_main(pair[1], argv, as);
	}
	r = -errno;
	close(pair[1]);
	launch->sock = pair[0];
	if (launch->pid < 0)
		return r;

	fill_std();
	launch->pidfd = (int)syscall(SYS_pidfd_open, launch->pid, 0);
	return launch->pidfd < 0 ? -errno : 0;
}

static int fork_witness(struct tt_launch *launch)
{
	sigset_t all, before;
	int pair[2], r;

	r = make_pair(pair);
	if (r < 0)
		return r;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	launch->witness = fork();
	if (launch->witness == 0)
		witness_main(pair[1]);
	r = launch->witness < 0 ? -errno : 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	close(pair[1]);
	launch->witness_sock = pair[0];
	return r;
}

static void explain(const struct tt_launch *launch, const struct report *report, char **ret_message)
{
	struct tt_buf text = TT_BUF_INIT;

	if (!ret_message)
		return;
	if (report->stage == STAGE_USER)
		tt_buf_str(&text, "cannot become the user who called sudo");
	else if (report->stage == STAGE_READY)
		tt_buf_printf(&text, "cannot start %s", launch->command);
	else
		tt_buf_str(&text, launch->command);

	if (report->stage == STAGE_SEARCH && report->error == -ENOENT)
		tt_buf_str(&text, ": command not found");
	else if (report->stage == STAGE_EXEC && report->error == -ENOENT &&
		 (!strchr(launch->command, '/') || access(launch->command, F_OK) == 0))
		tt_buf_str(&text, ": its interpreter was not found");
	else
		tt_buf_printf(&text, ": %s", strerror(-report->error));
	*ret_message = tt_buf_take(&text);
}

static void launch_reap(struct tt_launch *launch)
{
	while (waitpid(launch->pid, NULL, 0) < 0 && errno == EINTR)
		;
	launch->ended = true;
}

static void default_sigchld(void)
{
	/* inherited as ignored it would reap the command before we can ask how it ended */
	const struct sigaction sa = { .sa_handler = SIG_DFL };

	sigaction(SIGCHLD, &sa, NULL);
}

static struct report launch_start(struct tt_launch *launch, char *const argv[],
				  const struct tt_launch_user *as)
{
	struct report report = { .stage = STAGE_READY };

	report.error = fork_command(launch, argv, as);
	default_sigchld();
	if (report.error == 0)
		report.error = fork_witness(launch);
	if (report.error == 0 && receive(launch->sock, &report, sizeof(report)) != sizeof(report))
		report.error = -ECHILD;
	return report;
}

int tt_launch_new(char *const argv[], const struct tt_launch_user *as, struct tt_launch **ret,
		  char **ret_message)
{
	_cleanup_(tt_launch_freep) struct tt_launch *launch = NULL;
	struct report report;

	if (!argv || !argv[0])
		return -EINVAL;
	launch = calloc(1, sizeof(*launch));
	if (!launch)
		return -ENOMEM;
	launch->pid = launch->witness = -1;
	launch->pidfd = launch->sock = launch->witness_sock = -1;
	launch->command = strdup(argv[0]);
	if (!launch->command)
		return -ENOMEM;

	report = launch_start(launch, argv, as);
	if (report.error < 0) {
		explain(launch, &report, ret_message);
		return report.error;
	}
	*ret = TAKE_PTR(launch);
	return 0;
}

pid_t tt_launch_pid(const struct tt_launch *launch)
{
	return launch->pid;
}

/* ---- while it runs */

static void launch_unwatch(struct tt_launch *launch)
{
	for (int signo = 1; signo < NSIG; signo++) {
		tt_loop_remove(launch->signal_sources[signo]);
		launch->signal_sources[signo] = NULL;
	}
	tt_loop_remove(launch->exit_source);
	tt_loop_remove(launch->decide_source);
	launch->exit_source = launch->decide_source = NULL;
}

void tt_launch_free(struct tt_launch *launch)
{
	if (!launch)
		return;
	launch_unwatch(launch);
	tt_closep(&launch->sock);
	if (launch->pid > 0 && !launch->released && !launch->ended) {
		kill(launch->pid, SIGKILL); /* end of file does it too, but not if it is stopped */
		launch_reap(launch);
	}
	tt_closep(&launch->witness_sock);
	if (launch->witness > 0) {
		kill(launch->witness, SIGKILL);
		while (waitpid(launch->witness, NULL, 0) < 0 && errno == EINTR)
			;
	}
	tt_closep(&launch->pidfd);
	free(launch->command);
	free(launch);
}

/* Stops telltale by the signal that stopped the command; returns when it is continued. */
static void stop_self(struct tt_launch *launch, int signo)
{
	const struct sigaction dfl = { .sa_handler = SIG_DFL };
	struct sigaction before;
	sigset_t one;
	int status;

	launch->undecided &= ~STOP_SIGNALS; /* the command has stopped: delivered or no longer needed */
	if (waitpid(launch->pid, &status, WCONTINUED | WNOHANG) == launch->pid && WIFCONTINUED(status))
		return; /* and goes on already */

	/* The signal is blocked here. Sending first merges it with the one that the terminal may have
	 * sent us: otherwise unblocking would stop us twice. */
	sigemptyset(&one);
	sigaddset(&one, signo);
	sigaction(signo, &dfl, &before);
	kill(getpid(), signo);
	pthread_sigmask(SIG_UNBLOCK, &one, NULL);
	pthread_sigmask(SIG_BLOCK, &one, NULL);
	sigaction(signo, &before, NULL);
}

static void launch_poll(struct tt_launch *launch)
{
	int status;

	if (waitpid(launch->pid, &status, WUNTRACED | WNOHANG) != launch->pid)
		return;
	if (WIFSTOPPED(status)) {
		stop_self(launch, WSTOPSIG(status));
		return;
	}
	launch->ended = true;
	launch_unwatch(launch);
	launch->on_exit(status, launch->arg);
}

static void on_pidfd(int fd, uint32_t events, void *arg)
{
	launch_poll(arg);
}

static void on_sigchld(const struct signalfd_siginfo *info, void *arg)
{
	launch_poll(arg);
}

static void on_forwardable(const struct signalfd_siginfo *info, void *arg)
{
	struct tt_launch *launch = arg;

	if (!launch->undecided) /* not set anew by each: a flood must not postpone it for ever */
		tt_loop_set_timer(launch->decide_source, GROUP_DELIVERY_NS, 0);
	launch->undecided |= BIT(info->ssi_signo);
}

static void on_decide(void *arg)
{
	struct tt_launch *launch = arg;
	uint64_t undecided = launch->undecided;

	launch->undecided = 0;
	for (int signo = 1; signo < NSIG; signo++)
		if ((undecided & BIT(signo)) && !witness_saw(launch, signo))
			kill(launch->pid, signo); /* not reaped yet: the pid is still its own */
}

static int watch_signal(struct tt_launch *launch, int signo,
			void (*fn)(const struct signalfd_siginfo *info, void *arg))
{
	return tt_loop_add_signal(launch->loop, signo, fn, launch, &launch->signal_sources[signo]);
}

static int watch_all(struct tt_launch *launch)
{
	int r;

	r = tt_loop_add_timer(launch->loop, 0, 0, on_decide, launch, &launch->decide_source);
	if (r < 0)
		return r;
	r = watch_signal(launch, SIGCHLD, on_sigchld);
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(forwarded_signals); i++)
		r = watch_signal(launch, forwarded_signals[i], on_forwardable);
	for (int signo = SIGRTMIN; r >= 0 && signo < NSIG && signo <= SIGRTMAX; signo++)
		r = watch_signal(launch, signo, on_forwardable);
	if (r < 0)
		return r;
	return tt_loop_add_fd(launch->loop, launch->pidfd, EPOLLIN, on_pidfd, launch, &launch->exit_source);
}

int tt_launch_watch(struct tt_launch *launch, struct tt_loop *loop, void (*on_exit)(int status, void *arg),
		    void *arg)
{
	int r;

	launch->loop = loop;
	launch->on_exit = on_exit;
	launch->arg = arg;
	r = watch_all(launch);
	if (r < 0)
		launch_unwatch(launch);
	return r;
}

/* True when the child has something to say, by message or end of file. A child that is stopped just
 * before it executes says nothing: then the loop takes over, and a failure only shows as its status. */
static bool await_child(struct tt_launch *launch)
{
	struct pollfd poller = { .fd = launch->sock, .events = POLLIN };
	siginfo_t info;

	while (poll(&poller, 1, 50) <= 0) {
		info.si_pid = 0;
		if (waitid(P_PID, (id_t)launch->pid, &info, WEXITED | WSTOPPED | WNOHANG | WNOWAIT) < 0 ||
		    info.si_pid != 0)
			return false;
	}
	return true;
}

int tt_launch_release(struct tt_launch *launch, char **ret_message)
{
	struct report report;

	launch->released = true;
	if (send(launch->sock, "", 1, MSG_NOSIGNAL) != 1 || !await_child(launch))
		return 0;
	if (receive(launch->sock, &report, sizeof(report)) != sizeof(report))
		return 0;
	launch_unwatch(launch);
	launch_reap(launch);
	explain(launch, &report, ret_message);
	return report.error;
}

/* ---- how it ended */

int tt_launch_failure_code(int error)
{
	return error == -ENOENT ? 127 : 126;
}

int tt_launch_exit_code(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

_Noreturn void tt_launch_finish(int status)
{
	static const struct rlimit no_core = { 0 };
	const struct sigaction dfl = { .sa_handler = SIG_DFL };
	sigset_t one;

	if (!WIFSIGNALED(status))
		exit(WEXITSTATUS(status));

	fflush(NULL);
	setrlimit(RLIMIT_CORE, &no_core);
	prctl(PR_SET_DUMPABLE, 0); /* the limit does not stop a core_pattern that is a program */
	sigemptyset(&one);
	sigaddset(&one, WTERMSIG(status));
	sigaction(WTERMSIG(status), &dfl, NULL);
	pthread_sigmask(SIG_UNBLOCK, &one, NULL);
	raise(WTERMSIG(status));
	_exit(tt_launch_exit_code(status));
}
