/* SPDX-License-Identifier: Apache-2.0 */
/* exec_odd KIND ...: programs that are executed, or are not, in unusual ways.
 *
 *   deleted COPY PATH       copies itself to COPY, executes that, which removes COPY and then opens PATH
 *   memfd PATH              executes an anonymous copy of itself, which opens PATH
 *   at DIRECTORY NAME       executes DIRECTORY/NAME by execveat
 *   long DIRECTORY          executes a script whose name, whose interpreter's and whose working directory's are as long
 *                           as names can be; its interpreter then does nothing
 *   fail PROGRAM [TIMES]    tries to execute PROGRAM, so often; prints the result */
#include "subject.h"

#include <fcntl.h>
#include <limits.h>
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

/* Works from now on in a directory below `from`, newly made, whose path has so many bytes. */
static void go_deep(const char *from, size_t bytes)
{
	char name[NAME_MAX + 1];
	size_t at = strlen(from);

	if (mkdir(from, 0700) < 0 || chdir(from) < 0)
		die("%s: %m", from);
	while (at < bytes) {
		size_t left = bytes - at - 1, n = left > NAME_MAX ? NAME_MAX - 1 : left;

		memset(name, 'd', n);
		name[n] = 0;
		if (mkdir(name, 0700) < 0 || chdir(name) < 0)
			die("%s: %m", name);
		at += n + 1;
	}
}

/* BINPRM_BUF_SIZE, include/uapi/linux/binfmts.h: what is read of a #! line */
#define HASHBANG_MAX 256

static int long_names(int argc, char **argv)
{
	char target[PATH_MAX], path[PATH_MAX], line[HASHBANG_MAX];
	size_t n;
	int fd;

	/* the interpreter: this program, deep down, by a link with slashes enough */
	snprintf(path, sizeof(path), "%s/x", argv[2]);
	go_deep(path, PATH_MAX - 1 - strlen("/nothing"));
	fd = open("nothing", O_CREAT | O_WRONLY, 0700);
	copy_self(fd);
	close(fd);
	if (!getcwd(target, sizeof(target)) || chdir(argv[2]) < 0)
		die("%s: %m", argv[2]);
	strcat(target, "/nothing");
	if (symlink(target, "i") < 0)
		die("i: %m");
	memset(line, '/', sizeof(line));
	memcpy(line, "#!", 2);
	memcpy(line + 2, argv[2], strlen(argv[2]));
	memcpy(line + sizeof(line) - 3, "/i\n", 3);
	fd = open("s", O_CREAT | O_WRONLY, 0700);
	if (write(fd, line, sizeof(line)) != sizeof(line))
		die("s: %m");
	close(fd);

	snprintf(path, sizeof(path), "%s/y", argv[2]);
	go_deep(path, PATH_MAX - 1);
	n = strlen(argv[2]);
	memset(path, '/', sizeof(path));
	memcpy(path, argv[2], n);
	strcpy(path + sizeof(path) - 2, "s");
	execl(path, path, NULL);
	die("s: %m");
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
	{ "deleted", 4, deleted }, { "memfd", 3, memfd }, { "at", 4, at },	    { "long", 3, long_names },
	{ "fail", 3, fail },	   { "gone", 4, gone },	  { "open", 3, open_path },
};

int main(int argc, char **argv)
{
	if (argc > 0 && strlen(argv[0]) == HASHBANG_MAX - strlen("#!\n"))
		return 0; /* what `long` executes */
	for (unsigned i = 0; argc > 1 && i < ARRAY_SIZE(kinds); i++)
		if (strcmp(argv[1], kinds[i].name) == 0 && argc >= kinds[i].argc)
			return kinds[i].run(argc, argv);
	die("usage: exec_odd deleted COPY PATH | memfd PATH | at DIRECTORY NAME | "
	    "long DIRECTORY | fail PROGRAM [TIMES]");
}
