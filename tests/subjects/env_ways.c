/* SPDX-License-Identifier: Apache-2.0 */
/* env_ways HOW ARG...: environment look-ups that are out of the ordinary.
 *
 *	length N		a name of N bytes: N times 'n'
 *	absent FILE		TT_ABSENT and TT_STRADDLE, by names in pages of FILE (made for it) that are not in
 *				memory; the second one lies across two. Prints how many of the pages were there.
 *	fault			a name at an address where nothing is: prints the signal that came of it
 *	threads NAME N TIMES	so many threads, so often each
 *	both NAME		secure_getenv and then getenv, of the same string
 *	until NAME FILE		NAME again and again, until FILE exists (2 min at most). Prints how often; FILE.begun is made
 *				after the first time
 *	late EARLY LATER FILE	EARLY once, then as until LATER FILE
 *
 * Prints the value that was found last, and whether its getenv had a probe: in the end, or ever with `until`. */
#include "subject.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <time.h>

#define PAGE	 4096
#define PAGES	 3
#define UNTIL_MS 120000

char *secure_getenv(const char *name);

static const char *value;
static bool was_probed;

/* A uprobe is a breakpoint in the function's first instruction. */
static bool is_probed(void)
{
#if defined(__x86_64__)
	return *(const volatile uint8_t *)(uintptr_t)getenv == 0xcc;
#else
	return *(const volatile uint32_t *)(uintptr_t)getenv == 0xd42000a0; /* arm64: BRK_UPROBE_OPCODE */
#endif
}

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void pause_ms(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
}

static void do_length(char **args)
{
	size_t n = (size_t)number(args[0]);
	char *name = malloc(n + 1);

	memset(name, 'n', n);
	name[n] = '\0';
	value = getenv(name);
}

static void do_absent(char **args)
{
	static const char absent[] = "TT_ABSENT", straddle[] = "TT_STRADDLE";
	int fd = open(args[0], O_RDWR | O_CREAT | O_TRUNC, 0600);
	unsigned char in_memory[PAGES];
	char *pages;

	if (fd < 0 || ftruncate(fd, PAGES * PAGE) < 0 || pwrite(fd, absent, sizeof(absent), 256) < 0 ||
	    pwrite(fd, straddle, sizeof(straddle), 2 * PAGE - 4) < 0 || fsync(fd) < 0)
		die("cannot write %s", args[0]);
	pages = mmap(NULL, PAGES * PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
	/* read-ahead would bring the next pages in */
	if (pages == MAP_FAILED || madvise(pages, PAGES * PAGE, MADV_RANDOM) < 0 ||
	    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) != 0 || mincore(pages, PAGES * PAGE, in_memory) < 0)
		die("cannot get pages out of memory");
	value = getenv(pages + 256);
	value = getenv(pages + 2 * PAGE - 4);
	fact("in_memory", "%d", (in_memory[0] & 1) + (in_memory[1] & 1) + (in_memory[2] & 1));
}

static sigjmp_buf after_fault;

static void on_fault(int signal)
{
	siglongjmp(after_fault, signal);
}

static void do_fault(char **args)
{
	char *nothing = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int caught;

	signal(SIGSEGV, on_fault);
	caught = sigsetjmp(after_fault, 1);
	if (!caught)
		value = getenv(nothing);
	fact("signal", "%d", caught);
}

static const char *thread_name;
static long thread_times;

static void *look_up(void *unused)
{
	for (long i = 0; i < thread_times; i++)
		value = getenv(thread_name);
	return NULL;
}

static void do_threads(char **args)
{
	long n = number(args[1]);
	pthread_t *threads = calloc((size_t)n, sizeof(*threads));

	thread_name = args[0];
	thread_times = number(args[2]);
	for (long i = 0; i < n; i++)
		if (pthread_create(&threads[i], NULL, look_up, NULL) != 0)
			die("cannot start a thread");
	for (long i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
}

static void do_both(char **args)
{
	value = secure_getenv(args[0]);
	value = getenv(args[0]);
	fact("secure", "%lu", getauxval(AT_SECURE));
}

static void do_until(char **args)
{
	long deadline = now_ms() + UNTIL_MS, times = 0;
	char begun[PATH_MAX];

	snprintf(begun, sizeof(begun), "%s.begun", args[1]);
	while (access(args[1], F_OK) < 0 && now_ms() < deadline) {
		value = getenv(args[0]);
		if (times++ == 0)
			close(creat(begun, 0600));
		was_probed |= is_probed();
		pause_ms();
	}
	fact("times", "%ld", times);
}

static void do_late(char **args)
{
	const char *early = getenv(args[0]);

	fact("early", "%s", early ? early : "");
	do_until(args + 1);
}

static const struct {
	const char *name;
	int args;
	void (*look_up)(char **args);
} ways[] = {
	{ "length", 1, do_length },   { "absent", 1, do_absent }, { "fault", 0, do_fault },
	{ "threads", 3, do_threads }, { "both", 1, do_both },	  { "until", 2, do_until },
	{ "late", 3, do_late },
};

int main(int argc, char **argv)
{
	for (unsigned i = 0; argc > 1 && i < ARRAY_SIZE(ways); i++) {
		if (strcmp(argv[1], ways[i].name) != 0 || argc - 2 != ways[i].args)
			continue;
		ways[i].look_up(argv + 2);
		fact("value", "%s", value ? value : "");
		fact("probed", "%d", was_probed || is_probed());
		return 0;
	}
	die("usage: env_ways length|absent|fault|threads|both|until|late ARG...");
}
