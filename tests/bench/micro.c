/* SPDX-License-Identifier: Apache-2.0 */
/* What one operation costs the process that does it.
 *
 * Usage: micro [-c] [-n BATCHES] [-t NANOSECONDS] [-f FILES] DIR [OPERATION...]
 *
 * DIR is an existing directory with a path of at most 50 bytes; the files that are opened are made there
 * the first time, and stay. Each operation is done in BATCHES (101) batches of about NANOSECONDS (500,000), so that
 * a tick, an interrupt or a neighbour spoils some batches and not the answer. FILES (10,000) are those that are opened
 * once each. -c: CPU time of the process and its children, instead of time. Under `qemu -icount shift=0` the clock counts
 * instructions, and so does this.
 *
 * Prints, tab-separated: OPERATION, the batches' median and quartiles in nanoseconds per operation, batches, operations in
 * a batch. `micro exit` ends at once: what `fork` executes. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "telltale/event.h"
#include "util/util.h"

#define PATH_BYTES  60
#define FILES_MAX   10000
#define FIRST_BATCH 8 /* of first sightings: there are no more files */

static char missing[PATH_MAX], link_to_file[PATH_MAX], self[PATH_MAX];
static char *paths[FILES_MAX];
static unsigned files = FILES_MAX, batches = 101;
/* Long against reading the clock, short against what disturbs. */
static double batch_ns = 500000;
static bool cpu_time;
static double clock_ns;
static int read_fd, listen_fd, pair[2];
static struct sockaddr_in address;

static void fail(const char *what)
{
	fprintf(stderr, "micro: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int must(const char *what, int r)
{
	if (r < 0)
		fail(what);
	return r;
}

static void null_call(unsigned i)
{
	syscall(SYS_getppid);
}

static void open_close(const char *path)
{
	close(must(path, open(path, O_RDONLY | O_CLOEXEC)));
}

static void open_again(unsigned i)
{
	open_close(paths[0]);
}

static void open_first(unsigned i)
{
	open_close(paths[i]);
}

static void open_missing(unsigned i)
{
	if (open(missing, O_RDONLY) >= 0 || errno != ENOENT)
		fail(missing);
}

static void read_link(unsigned i)
{
	char target[PATH_MAX];

	must("readlink", readlink(link_to_file, target, sizeof(target)));
}

static void read_file(unsigned i)
{
	char bytes[64];

	must("read", pread(read_fd, bytes, sizeof(bytes), 0));
}

/* Both ends and their sockets. Closing with a reset leaves no port behind in TIME_WAIT. */
static void connect_tcp(unsigned i)
{
	const struct linger reset = { .l_onoff = 1 };
	int client = must("socket", socket(AF_INET, SOCK_STREAM, 0));

	setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	must("connect", connect(client, (struct sockaddr *)&address, sizeof(address)));
	close(must("accept", accept(listen_fd, NULL, NULL)));
	close(client);
}

/* There and received, through a connection that has carried more than anybody looks at. */
static void send_receive(unsigned i)
{
	char bytes[64] = { 0 };

	must("send", send(pair[0], bytes, sizeof(bytes), 0));
	must("recv", recv(pair[1], bytes, sizeof(bytes), MSG_WAITALL));
}

static void fork_exec(unsigned i)
{
	int status, pid = must("fork", fork());

	if (pid == 0) {
		execl(self, "micro", "exit", NULL);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) < 0 || status != 0)
		fail(self);
}

static void get_env(unsigned i)
{
	const char *volatile value = getenv("TELLTALE_BENCH");

	(void)value;
}

static const struct op {
	const char *name;
	void (*once)(unsigned i);
	unsigned size; /* of a batch; 0: as many as fill batch_ns */
} ops[] = {
	{ "null", null_call, 0 },      { "open", open_again, 0 },    { "first", open_first, FIRST_BATCH },
	{ "enoent", open_missing, 0 }, { "readlink", read_link, 0 }, { "read", read_file, 0 },
	{ "connect", connect_tcp, 0 }, { "send", send_receive, 0 },  { "fork", fork_exec, 0 },
	{ "getenv", get_env, 0 },
};

static void touch(const char *path, mode_t mode)
{
	struct stat st;

	/* also to have the kernel look the name up: a file's very first open is the file system's cost */
	if (stat(path, &st) == 0)
		return;
	if (S_ISDIR(mode))
		must(path, mkdir(path, 0755));
	else
		close(must(path, open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644)));
}

/* DIR/0000/00/00, PATH_BYTES long */
static void make_files(const char *dir)
{
	int pad = PATH_BYTES - strlen(dir) - strlen("//00/00");
	char sub[PATH_MAX];

	if (pad < 1) {
		errno = ENAMETOOLONG;
		fail(dir);
	}
	snprintf(sub, sizeof(sub), "%s/%0*d", dir, pad, 0);
	touch(sub, S_IFDIR);
	for (unsigned i = 0; i < files; i++) {
		snprintf(sub, sizeof(sub), "%s/%0*d/%02u", dir, pad, 0, i / 100);
		if (i % 100 == 0)
			touch(sub, S_IFDIR);
		if (asprintf(&paths[i], "%s/%02u", sub, i % 100) < 0)
			fail(sub);
		touch(paths[i], S_IFREG);
	}
}

static void set_scene(const char *dir)
{
	socklen_t len = sizeof(address);

	must("/proc/self/exe", readlink("/proc/self/exe", self, sizeof(self) - 1));
	make_files(dir);
	snprintf(missing, sizeof(missing), "%s/missing", dir);
	snprintf(link_to_file, sizeof(link_to_file), "%s/link", dir);
	if (symlink(paths[0], link_to_file) < 0 && errno != EEXIST)
		fail(link_to_file);
	read_fd = must(self, open(self, O_RDONLY | O_CLOEXEC));

	address.sin_family = AF_INET;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listen_fd = must("socket", socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	must("bind", bind(listen_fd, (struct sockaddr *)&address, len));
	must("listen", listen(listen_fd, 1));
	must("getsockname", getsockname(listen_fd, (struct sockaddr *)&address, &len));
	pair[0] = must("socket", socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	must("connect", connect(pair[0], (struct sockaddr *)&address, len));
	pair[1] = must("accept", accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC));
	for (unsigned i = 0; i < TT_PAYLOAD_MAX / 64; i++)
		send_receive(i);
}

static double now(void)
{
	struct timespec ts;
	struct rusage use;

	if (!cpu_time) {
		clock_gettime(CLOCK_MONOTONIC, &ts);
		return ts.tv_sec * 1e9 + ts.tv_nsec;
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	getrusage(RUSAGE_CHILDREN, &use);
	return (ts.tv_sec + use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1e9 + ts.tv_nsec +
	       (use.ru_utime.tv_usec + use.ru_stime.tv_usec) * 1e3;
}

static double batch(const struct op *op, unsigned first, unsigned size)
{
	double begin = now();

	for (unsigned i = 0; i < size; i++)
		op->once(first + i);
	return now() - begin - clock_ns;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* What an empty batch takes, which is not little where system calls are watched or emulated. */
static void measure_clock(void)
{
	double ns[101];

	for (size_t i = 0; i < ARRAY_SIZE(ns); i++)
		ns[i] = batch(NULL, 0, 0);
	qsort(ns, ARRAY_SIZE(ns), sizeof(ns[0]), by_value);
	clock_ns = ns[ARRAY_SIZE(ns) / 2];
}

static void measure(const struct op *op)
{
	unsigned size = op->size, n = op->size ? files / op->size : batches;
	_cleanup_free_ double *ns = calloc(n, sizeof(*ns));

	if (!ns)
		fail("calloc");
	if (!size) {
		/* the growing batches are the warm-up, too */
		for (size = 1; batch(op, 0, size) < batch_ns / 2; size *= 2)
			;
	}
	for (unsigned i = 0; i < n; i++)
		ns[i] = batch(op, i * size, size) / size;
	qsort(ns, n, sizeof(ns[0]), by_value);
	printf("%s\t%.1f\t%.1f\t%.1f\t%u\t%u\n", op->name, ns[n / 2], ns[n / 4], ns[n * 3 / 4], n, size);
}

static bool wanted(const struct op *op, char **names)
{
	if (!*names)
		return true;
	while (*names && !tt_streq(*names, op->name))
		names++;
	return *names;
}

/* Leaves DIR and the operations to be read at optind. */
static bool read_options(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "+cn:t:f:")) != -1) {
		switch (c) {
		case 'c':
			cpu_time = true;
			break;
		case 'n':
			batches = strtoul(optarg, NULL, 10);
			break;
		case 't':
			batch_ns = strtod(optarg, NULL);
			break;
		case 'f':
			files = strtoul(optarg, NULL, 10);
			break;
		default:
			return false;
		}
	}
	return optind < argc && batches && batch_ns > 0 && files >= FIRST_BATCH && files <= FILES_MAX;
}

int main(int argc, char **argv)
{
	if (argc > 1 && tt_streq(argv[1], "exit"))
		return 0;
	if (!read_options(argc, argv)) {
		fprintf(stderr,
			"usage: micro [-c] [-n BATCHES] [-t NANOSECONDS] [-f FILES] DIR [OPERATION...]\n");
		return 2;
	}
	set_scene(argv[optind]);
	measure_clock();
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		if (wanted(&ops[i], argv + optind + 1))
			measure(&ops[i]);
	}
	return 0;
}
