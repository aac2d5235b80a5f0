/* SPDX-License-Identifier: Apache-2.0 */
/* exec_odd KIND ...: programs that are executed, or are not, in unusual ways.
 *
 *   deleted COPY PATH       copies itself to COPY, executes that, which removes COPY and then opens PATH
 *   memfd PATH              executes an anonymous copy of itself, which opens PATH
 *   at DIRECTORY NAME       executes DIRECTORY/NAME by execveat
 *   fail PROGRAM [TIMES]    tries to execute PROGRAM, so often; prints the result */
#include "subject.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>

extern char **environ;

static void copy_self(int to)
{
	int from = open("/proc/self/exe", O_RDONLY);
	struct stat st;

	if (from < 0 || to < 0 || fstat(from, &st) < 0)
		die("copy: %m");
	for (off_t rest = st.st_size; rest > 0;) {
		ssize_t n = sendfile(to, from, NULL, rest);

		if (n <= 0)
			die("copy: %m");
		rest -= n;
	}
	close(from);
}

static int deleted(int argc, char **argv)
{
	int fd = open(argv[2], O_CREAT | O_TRUNC | O_WRONLY, 0700);

	copy_self(fd);
	close(fd);
	execl(argv[2], argv[2], "gone", argv[2], argv[3], NULL);
	die("%s: %m", argv[2]);
}

static int memfd(int argc, char **argv)
{
	int fd = memfd_create("anonymous", MFD_CLOEXEC);
	char *args[] = { "anonymous", "open", argv[2], NULL };

	copy_self(fd);
	syscall(SYS_execveat, fd, "", args, environ, AT_EMPTY_PATH);
	die("execveat: %m");
}

static int at(int argc, char **argv)
{
	int dir = open(argv[2], O_PATH | O_DIRECTORY);
	char *args[] = { argv[3], NULL };

	syscall(SYS_execveat, dir, argv[3], args, environ, 0);
	die("execveat: %m");
}

static int fail(int argc, char **argv)
{
	long times = argc > 3 ? number(argv[3]) : 1;

	for (long i = 0; i < times; i++)
		execl(argv[2], argv[2], NULL);
	fact("result", "%d", -errno);
	fact("pid", "%d", getpid());
	return 0;
}

/* What `deleted` and `memfd` execute. */
static int open_path(int argc, char **argv)
{
	fact("result", "%d", result_of(open(argv[2], O_RDONLY)));
	fact("pid", "%d", getpid());
	return 0;
}

static int gone(int argc, char **argv)
{
	if (unlink(argv[2]) < 0)
		die("%s: %m", argv[2]);
	return open_path(argc - 1, argv + 1);
}

static const struct {
	const char *name;
	int argc;
	int (*run)(int argc, char **argv);
} kinds[] = {
	{ "deleted", 4, deleted }, { "memfd", 3, memfd }, { "at", 4, at },
	{ "fail", 3, fail },	   { "gone", 4, gone },	  { "open", 3, open_path },
};

int main(int argc, char **argv)
{
	for (unsigned i = 0; argc > 1 && i < ARRAY_SIZE(kinds); i++)
		if (strcmp(argv[1], kinds[i].name) == 0 && argc >= kinds[i].argc)
			return kinds[i].run(argc, argv);
	die("usage: exec_odd deleted COPY PATH | memfd PATH | at DIRECTORY NAME | fail PROGRAM [TIMES]");
}
