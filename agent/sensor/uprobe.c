/* SPDX-License-Identifier: Apache-2.0 */
/* Environment probes on files: see uprobe.h.
 *
 * One table of files, each read once: what kind of program or library it is and where its look-up
 * functions are. An entry is probed, or could not be (state and error say why), or is only remembered
 * because some process runs it. Remembered ones make room for new ones, oldest first; probed ones stay. */
#include "sensor/uprobe.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <linux/bpf.h>
#include <linux/magic.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>

#include <bpf/libbpf.h>

#include "sensor/command.h"
#include "sensor/gofunc.h"
#include "sensor/libcs.h"
#include "util/elf.h"
#include "util/util.h"

/* Probed files: a developer's machine has 1 to 4 C libraries, some node versions, a few more in
 * containers. 64 files are at most 260 probes, if all were libraries: 28 s of kernel time to detach. */
#define PROBED_FILES_MAX 64

/* Remembered files: programs that an agent's session starts are 10 to 60 different ones. */
#define KNOWN_FILES_MAX 512

#define NAME_MATCHES_MAX 64 /* of one name or pattern on PATH */
#define DETACH_WAIT_MS	 10000

enum kind {
	GETENV,
	SECURE_GETENV,
	UV_OS_GETENV,
	GO_GETENV,
	GO_GETENV_STACK,
	GO_ENVIRON,
	GETADDRINFO,
	FREEADDRINFO,
	KINDS
};

static const struct {
	const char *symbol;
	size_t program; /* offset in struct tt_uprobe_programs */
	bool go; /* only in Go programs, which have none of the others */
	bool names; /* of hosts, not the environment's */
} kinds[KINDS] = {
	[GETENV] = { "getenv", offsetof(struct tt_uprobe_programs, getenv), false, false },
	[SECURE_GETENV] = { "secure_getenv", offsetof(struct tt_uprobe_programs, secure_getenv), false,
			    false },
	[UV_OS_GETENV] = { "uv_os_getenv", offsetof(struct tt_uprobe_programs, uv_os_getenv), false, false },
	[GO_GETENV] = { "syscall.Getenv", offsetof(struct tt_uprobe_programs, go_getenv), true, false },
	[GO_GETENV_STACK] = { "syscall.Getenv", offsetof(struct tt_uprobe_programs, go_getenv_stack), true,
			      false },
	[GO_ENVIRON] = { "syscall.Environ", offsetof(struct tt_uprobe_programs, go_environ), true, false },
	[GETADDRINFO] = { "getaddrinfo", offsetof(struct tt_uprobe_programs, getaddrinfo), false, true },
	[FREEADDRINFO] = { "freeaddrinfo", offsetof(struct tt_uprobe_programs, freeaddrinfo), false, true },
};

/* What keeps a probe in: libbpf's link, or the descriptor of one that its version cannot make. */
struct probe {
	struct bpf_link *link;
	int fd; /* -1: none */
};

struct file {
	struct tt_file_id key;
	char *path; /* as first met; for people */
	bool is_libc, is_musl, foreign, is_static, is_go, is_bun, imports_environ;
	char *interp;
	char *libc; /* path of the C library that its loader takes on this host, once it was asked for */
	bool has[KINDS], has_env; /* has_env: one of those that look up in the environment */
	uint64_t offset[KINDS];
	bool probed[KINDS];
	struct probe probes[KINDS];
	enum tt_probe_state state;
	int error;
	uint64_t attached_ns;
	bool prepared; /* belongs to the host, or to the command: not just met */
};

struct tt_uprobe {
	struct tt_uprobe_params params;
	struct file *files[KNOWN_FILES_MAX]; /* in the order they were met */
	size_t n_files;
	struct tt_uprobe_stats stats;
	int detach_fd; /* end of file when the detaching child is done; -1: none */
};

static void file_free(struct file *file)
{
	if (!file)
		return;
	free(file->path);
	free(file->interp);
	free(file->libc);
	free(file);
}
TT_DEFINE_CLEANUP(struct file *, file_free)

/* ---- what a file is */

static int open_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	return fd < 0 ? -errno : fd;
}

int tt_uprobe_identify(int fd, struct tt_file_id *ret)
{
	struct statfs fs;
	struct stat st;

	if (fstat(fd, &st) < 0 || fstatfs(fd, &fs) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENOEXEC;
	/* whoever serves it could let us, and the kernel on our behalf, wait for ever */
	if ((unsigned long)fs.f_type == FUSE_SUPER_MAGIC)
		return -EREMOTE;
	/* On overlayfs the kernel probes the file below, which several mounts share under different devices. */
	*ret = (struct tt_file_id){ .dev = (unsigned long)fs.f_type == OVERLAYFS_SUPER_MAGIC ? 0 : st.st_dev,
				    .ino = st.st_ino,
				    .size = (uint64_t)st.st_size,
				    .mtime_ns = st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec };
	return 0;
}

/* The BPF programs read the registers of this machine's 64-bit calling convention. */
static bool is_native(int fd)
{
#if defined(__x86_64__)
	const uint16_t machine = EM_X86_64;
#elif defined(__aarch64__)
	const uint16_t machine = EM_AARCH64;
#else
#error "which e_machine do uprobes here read arguments of?"
#endif
	Elf64_Ehdr header;

	return pread(fd, &header, sizeof(header), 0) == sizeof(header) &&
	       memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 && header.e_ident[EI_CLASS] == ELFCLASS64 &&
	       header.e_machine == machine;
}

/* Bun itself, and what it builds: the script is in a section, in older ones behind everything else. */
static bool is_bun(int fd)
{
	static const char trailer[] = "\n---- Bun! ----\n"; /* and 8 bytes */
	char end[sizeof(trailer) - 1];
	uint64_t offset, size;
	struct stat st;

	if (tt_elf_section(fd, ".bun", &offset, &size) == 0)
		return true;
	return fstat(fd, &st) == 0 && st.st_size > 64 &&
	       pread(fd, end, sizeof(end), st.st_size - 8 - (off_t)sizeof(end)) == sizeof(end) &&
	       memcmp(end, trailer, sizeof(end)) == 0;
}

static void found(struct file *file, enum kind kind, uint64_t offset)
{
	file->has[kind] = true;
	file->has_env |= !kinds[kind].names;
	file->offset[kind] = offset;
	file->state = TT_PROBE_NOT_IN;
}

static void find_go_functions(struct file *file, int fd)
{
	struct tt_gofunc function;

	if (tt_gofunc_find(fd, kinds[GO_GETENV].symbol, &function) == 0)
		found(file, function.on_stack ? GO_GETENV_STACK : GO_GETENV, function.offset);
	if (tt_gofunc_find(fd, kinds[GO_ENVIRON].symbol, &function) == 0)
		found(file, GO_ENVIRON, function.offset);
}

static void find_functions(struct file *file, int fd)
{
	uint64_t offset;

	if (file->is_go) {
		find_go_functions(file, fd);
		return;
	}
	for (int k = 0; k < KINDS; k++)
		if (!kinds[k].go && tt_elf_symbol_offset(fd, kinds[k].symbol, &offset) == 0)
			found(file, k, offset);
}

static int file_read(const char *path, int fd, const struct tt_file_id *key, struct file **ret)
{
	_cleanup_(file_freep) struct file *file = NULL;
	_cleanup_(tt_elf_done) struct tt_elf elf = { 0 };
	int r;

	file = calloc(1, sizeof(*file));
	if (!file)
		return -ENOMEM;
	r = tt_elf_read(fd, &elf);
	if (r < 0)
		return r;

	file->key = *key;
	file->path = strdup(path);
	if (!file->path)
		return -ENOMEM;
	file->foreign = !is_native(fd);
	file->is_libc = tt_libcs_is_name(path);
	file->is_musl = tt_libcs_is_musl(file->is_libc ? path : elf.libc ? elf.libc : "");
	file->is_static = elf.is_static;
	file->is_go = elf.is_go;
	/* of Go programs the function that hands it out is probed */
	file->imports_environ = elf.imports_environ && !elf.is_go;
	file->is_bun = is_bun(fd);
	file->interp = TAKE_PTR(elf.interp);
	file->state = TT_PROBE_ABSENT;
	for (int k = 0; k < KINDS; k++)
		file->probes[k].fd = -1;
	if (!file->foreign)
		find_functions(file, fd);
	*ret = TAKE_PTR(file);
	return 0;
}

/* ---- the table */

static bool is_probed(const struct file *file)
{
	return file->state == TT_PROBE_IN;
}

static struct file *find(const struct tt_uprobe *up, const struct tt_file_id *key)
{
	for (size_t i = 0; i < up->n_files; i++)
		if (memcmp(&up->files[i]->key, key, sizeof(*key)) == 0)
			return up->files[i];
	return NULL;
}

/* Probed files are fewer than the table has places: there is always one to give up. */
static void forget_oldest(struct tt_uprobe *up)
{
	size_t i = 0;

	while (is_probed(up->files[i]))
		i++;
	file_free(up->files[i]);
	memmove(up->files + i, up->files + i + 1, (--up->n_files - i) * sizeof(up->files[0]));
}

/* The entry of an open file, read now if it is new. */
static int learn(struct tt_uprobe *up, const char *path, int fd, struct file **ret)
{
	struct tt_file_id key;
	struct file *file;
	int r;

	r = tt_uprobe_identify(fd, &key);
	if (r < 0)
		return r;
	file = find(up, &key);
	if (!file) {
		r = file_read(path, fd, &key, &file);
		if (r < 0)
			return r;
		if (up->n_files == KNOWN_FILES_MAX)
			forget_oldest(up);
		up->files[up->n_files++] = file;
	}
	*ret = file;
	return 0;
}

/* ---- attaching */

static struct bpf_program *program_of(const struct tt_uprobe *up, enum kind kind)
{
	return *(struct bpf_program *const *)((const char *)&up->params.programs + kinds[kind].program);
}

/* bpf(2), BPF_LINK_CREATE for BPF_TRACE_UPROBE_MULTI (6.6), which libbpf has since 1.3. */
static int attach_multi(struct bpf_program *program, const char *path, uint64_t offset)
{
	const struct {
		uint32_t prog_fd, target_fd, attach_type, flags;
		uint64_t path, offsets, ref_ctr_offsets, cookies;
		uint32_t count, multi_flags, pid, pad;
	} attr = {
		.prog_fd = (uint32_t)bpf_program__fd(program),
		.attach_type = TT_UPROBE_MULTI,
		.path = (uint64_t)(uintptr_t)path,
		.offsets = (uint64_t)(uintptr_t)&offset,
		.count = 1,
	};
	long fd = syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));

	return fd < 0 ? -errno : (int)fd;
}

/* By descriptor: the file probed is the file that was read, whatever its path means by now or here. */
static int attach_really(struct bpf_program *program, int fd, uint64_t offset, struct probe *probe)
{
	LIBBPF_OPTS(bpf_uprobe_opts, opts);
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (bpf_program__expected_attach_type(program) == TT_UPROBE_MULTI) {
		probe->fd = attach_multi(program, path, offset);
		return probe->fd < 0 ? probe->fd : 0;
	}
	probe->link = bpf_program__attach_uprobe_opts(program, -1, path, offset, &opts);
	return probe->link ? 0 : -errno;
}

static void probe_close(struct probe *probe)
{
	bpf_link__destroy(TAKE_PTR(probe->link));
	tt_closep(&probe->fd);
	probe->fd = -1;
}

static int attach_kind(struct tt_uprobe *up, struct file *file, int fd, enum kind kind)
{
	struct bpf_program *program = program_of(up, kind);
	int r;

	if (!file->has[kind] || (!program && !up->params.attach) ||
	    (kinds[kind].names && up->params.names_off))
		return 0;
	if (up->params.attach)
		r = up->params.attach(up->params.arg, fd, kinds[kind].symbol, file->offset[kind],
				      &file->probes[kind].link);
	else
		r = attach_really(program, fd, file->offset[kind], &file->probes[kind]);
	if (r < 0)
		return r;
	file->probed[kind] = true;
	up->stats.probes++;
	return 0;
}

/* A file with half its probes in would have a coverage that nobody could state: all or none. */
static void undo(struct tt_uprobe *up, struct file *file)
{
	for (int k = 0; k < KINDS; k++) {
		up->stats.probes -= file->probed[k];
		file->probed[k] = false;
		probe_close(&file->probes[k]);
	}
}

static int attach_all(struct tt_uprobe *up, struct file *file, int fd)
{
	bool any = false;
	int r = 0;

	if (up->stats.files >= up->params.max_files) {
		up->stats.over_budget++;
		file->state = TT_PROBE_OVER_BUDGET;
		return -ENOSPC;
	}
	for (int k = 0; k < KINDS && r == 0; k++) {
		r = attach_kind(up, file, fd, k);
		any = any || file->probed[k];
	}
	file->error = r;
	if (r < 0) {
		undo(up, file);
		up->stats.failed++;
		file->state = TT_PROBE_FAILED;
		return r;
	}
	if (!any)
		return -ENOENT; /* the sensor has no programs for it */
	file->state = TT_PROBE_IN;
	file->attached_ns = tt_boot_ns();
	up->stats.files++;
	return 0;
}

static int attach_open_file(struct tt_uprobe *up, const char *path, int fd, struct file **ret)
{
	struct file *file;
	int r;

	r = learn(up, path, fd, &file);
	if (r < 0)
		return r;
	*ret = file;
	if (is_probed(file))
		return 0;
	if (file->foreign)
		return -ENOEXEC;
	if (file->state == TT_PROBE_ABSENT)
		return -ENOENT;
	if (file->is_libc && up->params.libc_off)
		return -EPERM;
	return attach_all(up, file, fd);
}

static int attach_path(struct tt_uprobe *up, const char *path, struct file **ret)
{
	_cleanup_close_ int fd = open_file(path);

	return fd < 0 ? fd : attach_open_file(up, path, fd, ret);
}

int tt_uprobe_attach_file(struct tt_uprobe *up, const char *path, int fd)
{
	struct file *file;

	return fd >= 0 ? attach_open_file(up, path, fd, &file) : attach_path(up, path, &file);
}

/* ---- C libraries */

/* Where a program's loader would take the C library from: musl's loader is the library; glibc's lies
 * beside it (also in /nix/store and other prefixes). path of PATH_MAX bytes. */
static int libc_path_of(const struct tt_uprobe *up, const struct file *file, char *path)
{
	char interp[PATH_MAX], loader[PATH_MAX];
	char *slash;

	if (!file->interp)
		return -ENOENT;
	if ((size_t)snprintf(interp, sizeof(interp), "%s%s", up->params.root, file->interp) >= sizeof(interp))
		return -ENAMETOOLONG;
	if (!realpath(interp, loader))
		return -errno;
	if (tt_libcs_is_musl(file->interp)) {
		memcpy(path, interp, strlen(interp) + 1);
		return 0;
	}
	slash = strrchr(loader, '/');
	if ((size_t)snprintf(path, PATH_MAX, "%.*s/libc.so.6", (int)(slash - loader), loader) >= PATH_MAX)
		return -ENAMETOOLONG;
	return access(path, R_OK) < 0 ? -errno : 0;
}

static void wait_for_detach(struct tt_uprobe *up)
{
	struct pollfd pfd = { .fd = up->detach_fd };

	if (up->detach_fd < 0)
		return;
	poll(&pfd, 1, DETACH_WAIT_MS);
	close(up->detach_fd);
	up->detach_fd = -1;
}

static int attach_libc(const char *path, void *arg)
{
	struct tt_uprobe *up = arg;
	struct file *file;

	/* one that fails is remembered with its error, or is no library after all */
	(void)attach_path(up, path, &file);
	return 0;
}

int tt_uprobe_attach_libcs(struct tt_uprobe *up)
{
	int n = 0;

	if (up->params.libc_off)
		return 0;
	wait_for_detach(up);
	tt_libcs_find(up->params.root, attach_libc, up);
	for (size_t i = 0; i < up->n_files; i++)
		n += up->files[i]->is_libc && is_probed(up->files[i]);
	return n;
}

bool tt_uprobe_is_libc_path(const char *path)
{
	return tt_libcs_is_name(path);
}

/* ---- commands and names */

static int prepare_chain(struct tt_uprobe *up, const struct tt_command_chain *chain)
{
	char libc[PATH_MAX];
	int n = 0;

	for (size_t i = 0; i < chain->n; i++) {
		struct file *file = NULL, *library;

		n += attach_path(up, chain->files[i], &file) == 0;
		if (file)
			file->prepared = true;
		if (file && libc_path_of(up, file, libc) == 0)
			n += attach_path(up, libc, &library) == 0;
	}
	return n;
}

int tt_uprobe_prepare_command(struct tt_uprobe *up, const char *const *argv, const char *path,
			      const char *cwd)
{
	_cleanup_(tt_command_chain_done) struct tt_command_chain chain = { .n = 0 };

	/* where it breaks off, what came before still runs */
	(void)tt_command_resolve(argv, path, cwd, &chain);
	return prepare_chain(up, &chain);
}

static int prepare_in_dir(struct tt_uprobe *up, const char *dir, size_t dir_len, const char *name,
			  const char *path)
{
	char pattern[PATH_MAX];
	glob_t found;
	int n = 0;

	if ((size_t)snprintf(pattern, sizeof(pattern), "%.*s/%s", (int)dir_len, dir, name) >= sizeof(pattern))
		return 0;
	if (glob(pattern, GLOB_NOSORT, NULL, &found) != 0)
		return 0;
	for (size_t i = 0; i < found.gl_pathc && i < NAME_MATCHES_MAX; i++) {
		const char *argv[] = { found.gl_pathv[i], NULL };

		n += tt_uprobe_prepare_command(up, argv, path, "/");
	}
	globfree(&found);
	return n;
}

int tt_uprobe_prepare_name(struct tt_uprobe *up, const char *name, const char *path)
{
	int n = 0;

	for (const char *dir = path; *dir; dir += strspn(dir, ":")) {
		size_t len = strcspn(dir, ":");

		/* a relative element means another directory for each process */
		if (*dir == '/')
			n += prepare_in_dir(up, dir, len, name, path);
		dir += len;
	}
	return n;
}

/* ---- detaching */

/* The kernel detaches a probe when its last descriptor is closed, and whoever closes that waits. So a
 * grandchild gets copies, waits until ours are closed (`go` ends), closes its own one by one, and ends
 * (`done` ends, for wait_for_detach()). */
struct handover {
	int fds[PROBED_FILES_MAX * KINDS + 2]; /* all that it keeps open, ascending: links, go, done */
	size_t n;
	int go[2], done[2]; /* pipes */
};

/* Async-signal-safe, as all that runs in the clone. */
static void close_others(const struct handover *h)
{
	unsigned from = 0;

	for (size_t i = 0; i < h->n; i++) {
		if ((unsigned)h->fds[i] > from)
			syscall(SYS_close_range, from, (unsigned)h->fds[i] - 1, 0);
		from = (unsigned)h->fds[i] + 1;
	}
	syscall(SYS_close_range, from, ~0U, 0);
}

__attribute__((noreturn)) static void detach_child(const struct handover *h)
{
	char byte;

	prctl(PR_SET_NAME, "telltale-detach");
	if (chdir("/") < 0)
		_exit(1);
	close_others(h);
	while (read(h->go[0], &byte, 1) < 0 && errno == EINTR)
		;
	for (size_t i = 0; i < h->n; i++)
		if (h->fds[i] != h->done[1])
			close(h->fds[i]);
	_exit(0);
}

/* fork(2) without a SIGCHLD at its end, and without atfork handlers. */
static pid_t fork_quietly(void)
{
	return (pid_t)syscall(SYS_clone, 0UL, 0UL, 0UL, 0UL, 0UL);
}

static int start_child(const struct handover *h)
{
	int status;
	pid_t pid = fork_quietly();

	if (pid < 0)
		return -errno;
	if (pid == 0) {
		pid = fork_quietly();
		if (pid == 0)
			detach_child(h);
		_exit(pid < 0 ? 1 : 0);
	}
	if (TEMP_FAILURE_RETRY(waitpid(pid, &status, __WCLONE)) < 0)
		return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EAGAIN;
}

static int compare_ints(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static void close_pipe(int fds[2])
{
	tt_closep(&fds[0]);
	tt_closep(&fds[1]);
	fds[0] = fds[1] = -1;
}

static void handover_done(struct handover *h)
{
	close_pipe(h->go);
	close_pipe(h->done);
}

static int handover_start(struct handover *h, const struct probe *probes, size_t n)
{
	if (pipe2(h->go, O_CLOEXEC) < 0 || pipe2(h->done, O_CLOEXEC) < 0)
		return -errno;
	for (size_t i = 0; i < n; i++)
		h->fds[h->n++] = probes[i].link ? bpf_link__fd(probes[i].link) : probes[i].fd;
	h->fds[h->n++] = h->go[0];
	h->fds[h->n++] = h->done[1];
	qsort(h->fds, h->n, sizeof(h->fds[0]), compare_ints);
	return start_child(h);
}

static void close_probes(struct tt_uprobe *up, struct probe *probes, size_t n)
{
	_cleanup_(handover_done) struct handover h = { .go = { -1, -1 }, .done = { -1, -1 } };

	if (!n)
		return;
	wait_for_detach(up);
	if (handover_start(&h, probes, n) == 0) {
		up->detach_fd = h.done[0];
		h.done[0] = -1;
	}
	/* in a moment with the child, in 0.1 s each without */
	for (size_t i = 0; i < n; i++)
		probe_close(&probes[i]);
}

/* With half of the places taken, programs that were just met make room too. */
static bool outlives_sessions(const struct file *file, bool crowded)
{
	return !file->is_libc && (file->prepared || !crowded);
}

/* Takes the probes away: all of them, or those that only sessions need. */
static void detach(struct tt_uprobe *up, bool all)
{
	bool crowded = up->stats.files > up->params.max_files / 2;
	struct probe probes[PROBED_FILES_MAX * KINDS];
	size_t n = 0;

	for (size_t i = 0; i < up->n_files; i++) {
		struct file *file = up->files[i];

		if (!is_probed(file) || (!all && outlives_sessions(file, crowded)))
			continue;
		for (int k = 0; k < KINDS; k++) {
			up->stats.probes -= file->probed[k];
			file->probed[k] = false;
			if (file->probes[k].link || file->probes[k].fd >= 0) {
				probes[n++] = file->probes[k];
				file->probes[k] = (struct probe){ .fd = -1 };
			}
		}
		up->stats.files--;
		file->state = TT_PROBE_NOT_IN;
		file->attached_ns = 0;
	}
	close_probes(up, probes, n);
}

void tt_uprobe_detach_libcs(struct tt_uprobe *up)
{
	detach(up, false);
}

/* ---- new, free */

int tt_uprobe_new(const struct tt_uprobe_params *params, struct tt_uprobe **ret)
{
	struct tt_uprobe *up = calloc(1, sizeof(*up));

	if (!up)
		return -ENOMEM;
	up->params = *params;
	if (!up->params.max_files || up->params.max_files > PROBED_FILES_MAX)
		up->params.max_files = PROBED_FILES_MAX;
	if (!up->params.root)
		up->params.root = "";
	up->detach_fd = -1;
	*ret = up;
	return 0;
}

void tt_uprobe_free(struct tt_uprobe *up)
{
	if (!up)
		return;
	if (up->detach_fd >= 0) {
		/* whoever is detaching goes on without us */
		close(up->detach_fd);
		up->detach_fd = -1;
	}
	detach(up, true);
	tt_closep(&up->detach_fd);
	for (size_t i = 0; i < up->n_files; i++)
		file_free(up->files[i]);
	free(up);
}

/* ---- telling */

void tt_uprobe_get_stats(const struct tt_uprobe *up, struct tt_uprobe_stats *ret)
{
	*ret = up->stats;
}

static void list_symbols(const struct file *file, char *text, size_t size)
{
	size_t len = 0;

	text[0] = '\0';
	for (int k = 0; k < KINDS; k++)
		if (file->probed[k])
			len += (size_t)snprintf(text + len, size - len, "%s%s", len ? " " : "",
						kinds[k].symbol);
}

int tt_uprobe_each(const struct tt_uprobe *up, int (*fn)(const struct tt_uprobe_file_info *info, void *arg),
		   void *arg)
{
	int r = 0;

	for (size_t i = 0; i < up->n_files && r == 0; i++) {
		const struct file *file = up->files[i];
		char symbols[96];
		struct tt_uprobe_file_info info = {
			.path = file->path,
			.symbols = symbols,
			.is_libc = file->is_libc,
			.error = file->state == TT_PROBE_OVER_BUDGET ? -ENOSPC : file->error,
			.attached_ns = file->attached_ns,
		};

		list_symbols(file, symbols, sizeof(symbols));
		if (is_probed(file) || info.error)
			r = fn(&info, arg);
	}
	return r;
}

bool tt_uprobe_is_probed(const struct tt_uprobe *up, const struct tt_file_id *id)
{
	const struct file *file = find(up, id);

	return file && is_probed(file);
}

bool tt_uprobe_is_beyond_probes(const struct tt_uprobe *up, const struct tt_file_id *exe)
{
	const struct file *file = find(up, exe);

	return file && (file->foreign || file->is_bun ||
			((file->is_static || file->is_go) && file->state == TT_PROBE_ABSENT));
}

const char *tt_uprobe_musl_loader(const struct tt_uprobe *up, const struct tt_file_id *exe)
{
	const struct file *file = find(up, exe);

	return file && file->is_musl && !file->is_static ? file->interp : NULL;
}

/* ---- coverage */

static struct tt_probe_fact probe_fact(const struct file *file)
{
	return (struct tt_probe_fact){ .state = file->has_env ? file->state : TT_PROBE_ABSENT,
				       .error = file->error,
				       .attached_ns = file->attached_ns };
}

/* A library of the same family that is probed: good enough where the loader's directory has none. */
static const struct file *any_probed_libc(const struct tt_uprobe *up, bool musl)
{
	for (size_t i = 0; i < up->n_files; i++)
		if (up->files[i]->is_libc && up->files[i]->is_musl == musl && is_probed(up->files[i]))
			return up->files[i];
	return NULL;
}

static struct tt_probe_fact host_libc_fact(struct tt_uprobe *up, struct file *exe)
{
	const struct tt_probe_fact unknown = { .state = TT_PROBE_NO_FILE };
	const struct file *any;
	_cleanup_close_ int fd = -1;
	char path[PATH_MAX];
	struct file *libc;

	if (!exe->interp)
		return unknown;
	/* following links costs more than all the rest; the library behind the name may change */
	if (!exe->libc && libc_path_of(up, exe, path) == 0)
		exe->libc = strdup(path);
	if (exe->libc) {
		fd = open_file(exe->libc);
		return fd >= 0 && learn(up, exe->libc, fd, &libc) == 0 ? probe_fact(libc) : unknown;
	}
	any = any_probed_libc(up, exe->is_musl);
	return any ? probe_fact(any) : unknown;
}

static struct tt_probe_fact libc_fact(struct tt_uprobe *up, const struct tt_uprobe_process *process,
				      struct file *exe)
{
	struct file *libc;

	if (process->libc_id) {
		libc = find(up, process->libc_id);
		return libc ? probe_fact(libc) : (struct tt_probe_fact){ .state = TT_PROBE_NO_FILE };
	}
	if (process->libc && process->libc_fd >= 0 && learn(up, process->libc, process->libc_fd, &libc) == 0)
		return probe_fact(libc);
	if (process->other_root)
		return (struct tt_probe_fact){ .state = TT_PROBE_NO_FILE };
	return host_libc_fact(up, exe);
}

/* The program, from its descriptor or by what is remembered of it. */
static int exe_file(struct tt_uprobe *up, const struct tt_uprobe_process *process, struct file **ret)
{
	if (process->exe_fd >= 0)
		return learn(up, process->exe ? process->exe : "", process->exe_fd, ret);
	*ret = process->exe_id && process->exe_id->ino ? find(up, process->exe_id) : NULL;
	if (*ret)
		return 0;
	return process->exe_error ? process->exe_error : -ENOENT;
}

enum tt_coverage tt_uprobe_coverage(struct tt_uprobe *up, const struct tt_uprobe_process *process,
				    char *reason, size_t size)
{
	struct tt_coverage_facts facts = {
		.env_direct = process->env_direct,
		.libc_off = up->params.libc_off,
		.running = process->running,
		.exec_ns = process->exec_ns,
		.ended_ns = process->ended_ns,
	};
	struct file *exe;
	int r;

	r = exe_file(up, process, &exe);
	if (r < 0) {
		facts.exe_error = r;
		return tt_coverage_judge(&facts, reason, size);
	}
	facts.foreign = exe->foreign;
	facts.env_direct |= exe->is_bun;
	facts.is_static = exe->is_static;
	facts.is_go = exe->is_go;
	facts.own_getenv = !exe->is_static && !exe->is_go && exe->has[GETENV];
	facts.imports_environ = exe->imports_environ;
	facts.own = probe_fact(exe);
	facts.libc = exe->is_static ? (struct tt_probe_fact){ .state = TT_PROBE_NO_FILE }
				    : libc_fact(up, process, exe);
	return tt_coverage_judge(&facts, reason, size);
}
