/* SPDX-License-Identifier: Apache-2.0 */
/* /proc as data, see procfs.h.
 *
 * Files of an observed process are reached by walking its root one component at a time, O_PATH and
 * O_NOFOLLOW, and reading links ourselves: no link can lead out of that root, nothing is opened before it is
 * known to be a regular file, and one walk yields both the file and its true name. Reopening by
 * /proc/self/fd gives the very inode that was checked.
 *
 * What this cannot prevent: /proc/PID/cmdline and environ read the process's memory, and a look-up may enter a
 * network file system. FUSE mounts of users answer root with EACCES unless made with allow_other. */
#include "process/procfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "process/redact.h"
#include "util/buf.h"

#define LINKS_MAX     40 /* the kernel's own limit */
/* Opens that one path may cost: PATH_MAX of "a/../" is 800 walks from the root. */
#define STEPS_MAX     4096
#define SMALL_FILE    (16 * 1024)
#define MOUNTS_MAX    (256 * 1024) /* a node of Kubernetes has hundreds of mounts, of 200 bytes */
#define ANCESTORS_MAX 16
#define ANCESTOR_ARGV 4096

struct tt_procfs {
	int fd;
	uint32_t dev;
};

TT_DEFINE_CLEANUP(struct tt_procfs *, tt_procfs_free)

int tt_procfs_new(const char *root, struct tt_procfs **ret)
{
	_cleanup_(tt_procfs_freep) struct tt_procfs *fs = calloc(1, sizeof(*fs));
	struct stat st;

	if (!fs)
		return -ENOMEM;
	fs->fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fs->fd < 0 || fstat(fs->fd, &st) < 0)
		return -errno;
	fs->dev = (uint32_t)major(st.st_dev) << 20 | minor(st.st_dev);
	*ret = TAKE_PTR(fs);
	return 0;
}

void tt_procfs_free(struct tt_procfs *fs)
{
	if (!fs)
		return;
	tt_closep(&fs->fd);
	free(fs);
}

/* ---- files of /proc/PID itself */

#define NAME_MAX_PROC 32 /* "4294967295/cmdline" */

/* pid 0: our own */
static void proc_name(char name[NAME_MAX_PROC], uint32_t pid, const char *file)
{
	if (pid)
		snprintf(name, NAME_MAX_PROC, "%u/%s", pid, file);
	else
		snprintf(name, NAME_MAX_PROC, "self/%s", file);
}

/* Up to max bytes; ret_more (may be NULL) says whether there were more. */
static int read_up_to(int fd, size_t max, char **ret, size_t *ret_len, bool *ret_more)
{
	_cleanup_free_ char *data = NULL;
	size_t cap = 0, len = 0;

	for (;;) {
		ssize_t n;

		if (len == cap) {
			size_t grown = cap ? cap * 2 : 4096;
			char *more = realloc(data, grown + 1);

			if (!more)
				return -ENOMEM;
			data = more;
			cap = grown;
		}
		n = read(fd, data + len, cap - len < max + 1 - len ? cap - len : max + 1 - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		len += (size_t)n;
		if (n == 0 || len > max)
			break;
	}
	if (ret_more)
		*ret_more = len > max;
	if (len > max)
		len = max;
	data[len] = '\0';
	*ret = TAKE_PTR(data);
	*ret_len = len;
	return 0;
}

int tt_procfs_read(int fd, size_t max, char **ret, size_t *ret_len)
{
	_cleanup_free_ char *data = NULL;
	bool more = false;
	size_t len = 0;
	int r;

	r = read_up_to(fd, max, &data, &len, &more);
	if (r < 0)
		return r;
	if (more)
		return -EFBIG;
	*ret = TAKE_PTR(data);
	*ret_len = len;
	return 0;
}

static int open_proc(struct tt_procfs *fs, uint32_t pid, const char *file)
{
	char name[NAME_MAX_PROC];
	int fd;

	proc_name(name, pid, file);
	fd = openat(fs->fd, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int read_proc(struct tt_procfs *fs, uint32_t pid, const char *file, size_t max, char **ret,
		     size_t *ret_len)
{
	_cleanup_close_ int fd = open_proc(fs, pid, file);

	return fd < 0 ? fd : read_up_to(fd, max, ret, ret_len, NULL);
}

static int read_proc_link(struct tt_procfs *fs, uint32_t pid, const char *file, char **ret)
{
	char name[NAME_MAX_PROC], text[PATH_MAX];
	ssize_t n;

	proc_name(name, pid, file);
	n = readlinkat(fs->fd, name, text, sizeof(text) - 1);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	*ret = strdup(text);
	return *ret ? 0 : -ENOMEM;
}

int tt_procfs_exe(struct tt_procfs *fs, uint32_t pid, char **ret)
{
	static const char deleted[] = " (deleted)";
	size_t len;
	int r;

	r = read_proc_link(fs, pid, "exe", ret);
	if (r < 0)
		return r;
	len = strlen(*ret);
	if (len >= sizeof(deleted) && !strcmp(*ret + len - (sizeof(deleted) - 1), deleted))
		(*ret)[len - (sizeof(deleted) - 1)] = '\0';
	return 0;
}

int tt_procfs_cwd(struct tt_procfs *fs, uint32_t pid, char **ret)
{
	return read_proc_link(fs, pid, "cwd", ret);
}

int tt_procfs_cmdline(struct tt_procfs *fs, uint32_t pid, size_t max, char **ret, size_t *ret_len)
{
	return read_proc(fs, pid, "cmdline", max, ret, ret_len);
}

int tt_procfs_environ(struct tt_procfs *fs, uint32_t pid, size_t max, char **ret, size_t *ret_len)
{
	return read_proc(fs, pid, "environ", max, ret, ret_len);
}

/* The user space encoding of proc(5), field 7: bits 31-20 and 7-0 minor, 15-8 major. */
static uint32_t kernel_dev(uint32_t tty_nr)
{
	uint32_t major = tty_nr >> 8 & 0xfff, minor = (tty_nr & 0xff) | (tty_nr >> 12 & 0xfff00);

	return tty_nr ? major << 20 | minor : 0;
}

static uint32_t effective_uid(struct tt_procfs *fs, uint32_t pid)
{
	_cleanup_free_ char *text = NULL;
	unsigned int uid = (uint32_t)-1;
	const char *line;
	size_t len;

	if (read_proc(fs, pid, "status", SMALL_FILE, &text, &len) < 0)
		return uid;
	line = strstr(text, "\nUid:");
	if (line && sscanf(line, "\nUid: %*u %u", &uid) != 1)
		uid = (uint32_t)-1;
	return uid;
}

int tt_procfs_stat(struct tt_procfs *fs, uint32_t pid, struct tt_procfs_stat *ret)
{
	struct tt_procfs_stat stat = { .pid = pid };
	_cleanup_free_ char *text = NULL;
	unsigned long long start;
	const char *open, *close;
	unsigned int ppid;
	size_t len;
	int r, tty;

	r = read_proc(fs, pid, "stat", SMALL_FILE, &text, &len);
	if (r < 0)
		return r;

	/* The name may hold anything, also ") S 1": it ends at the last parenthesis. */
	open = strchr(text, '(');
	close = strrchr(text, ')');
	if (!open || !close || close < open)
		return -EBADMSG;
	snprintf(stat.comm, sizeof(stat.comm), "%.*s", (int)(close - open - 1), open + 1);
	if (sscanf(close + 1,
		   " %*c %u %*d %*d %d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu", &ppid,
		   &tty, &start) != 3)
		return -EBADMSG;
	stat.ppid = ppid;
	stat.tty = kernel_dev((uint32_t)tty);
	stat.start_ticks = start;
	stat.uid = effective_uid(fs, pid);
	*ret = stat;
	return 0;
}

int tt_procfs_ids(struct tt_procfs *fs, uint32_t pid, struct tt_procfs_ids *ret)
{
	struct tt_procfs_ids ids = { 0 };
	_cleanup_free_ char *text = NULL;
	unsigned number;
	const char *line;
	size_t len;
	int r, used;

	r = read_proc(fs, pid, "status", SMALL_FILE, &text, &len);
	if (r < 0)
		return r;
	line = strstr(text, "\nTgid:");
	if (!line || sscanf(line, "\nTgid: %u", &ids.process) != 1)
		return -EBADMSG;
	line = strstr(text, "\nNSpid:");
	if (!line)
		return -EBADMSG;
	for (line += strlen("\nNSpid:"); *line == '\t' && sscanf(line, "%u%n", &number, &used) == 1;
	     line += used) {
		ids.innermost = number;
		ids.namespaces++;
	}
	*ret = ids;
	return 0;
}

bool tt_procfs_has_proc(struct tt_procfs *fs, uint32_t pid, uint32_t dev)
{
	_cleanup_free_ char *text = NULL;
	char *rest, *line;
	size_t len;

	if (read_proc(fs, pid, "mountinfo", MOUNTS_MAX, &text, &len) < 0)
		return false;
	rest = text;
	while ((line = strsep(&rest, "\n"))) {
		unsigned major_number, minor_number;
		const char *type = strstr(line, " - ");

		if (type && strncmp(type, " - proc ", strlen(" - proc ")) == 0 &&
		    sscanf(line, "%*u %*u %u:%u", &major_number, &minor_number) == 2 &&
		    dev == (major_number << 20 | minor_number))
			return true;
	}
	return false;
}

uint32_t tt_procfs_dev(const struct tt_procfs *fs)
{
	return fs->dev;
}

/* ---- which files it sees */

static int stat_proc(struct tt_procfs *fs, uint32_t pid, const char *file, struct stat *ret)
{
	char name[NAME_MAX_PROC];

	proc_name(name, pid, file);
	return fstatat(fs->fd, name, ret, 0) < 0 ? -errno : 0;
}

int tt_procfs_root(struct tt_procfs *fs, uint32_t pid, struct stat *ret)
{
	return stat_proc(fs, pid, "root", ret);
}

int tt_procfs_open_root(struct tt_procfs *fs, uint32_t pid)
{
	char name[NAME_MAX_PROC];
	int fd;

	proc_name(name, pid, "root");
	fd = openat(fs->fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int tt_procfs_root_name(struct tt_procfs *fs, uint32_t pid, char **ret)
{
	return read_proc_link(fs, pid, "root", ret);
}

int tt_procfs_mount_ns(struct tt_procfs *fs, uint32_t pid, uint64_t *ret)
{
	struct stat st;
	int r = stat_proc(fs, pid, "ns/mnt", &st);

	if (r == 0)
		*ret = st.st_ino;
	return r;
}

int tt_procfs_mountinfo(struct tt_procfs *fs, uint32_t pid, size_t max, uint64_t max_ns, char **ret,
			size_t *ret_len)
{
	_cleanup_close_ int fd = open_proc(fs, pid, "mountinfo");
	_cleanup_(tt_buf_done) struct tt_buf text = TT_BUF_INIT;
	uint64_t begin_ns = tt_clock_ns(CLOCK_MONOTONIC);
	char part[4096]; /* as much as the kernel makes of it at a time */
	ssize_t n;

	if (fd < 0)
		return fd;
	while ((n = read(fd, part, sizeof(part))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		tt_buf_add(&text, part, (size_t)n);
		if (text.len > max)
			return -EFBIG;
		if (tt_clock_ns(CLOCK_MONOTONIC) - begin_ns > max_ns)
			return -ETIME;
	}
	tt_buf_str(&text, ""); /* an empty list is one */
	*ret_len = text.len;
	*ret = tt_buf_take(&text);
	return *ret ? 0 : -ENOMEM;
}

uint32_t tt_procfs_mount_id(int fd)
{
	struct statx stx;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &stx) < 0 || !(stx.stx_mask & STATX_MNT_ID))
		return 0;
	return (uint32_t)stx.stx_mnt_id;
}

/* 64 hex digits that no further hex digit touches, of Docker, Podman, containerd, CRI-O; not those of conmon, which watches a
 * container from outside. Else the name of an LXC container. */
static char *find_container(const char *path)
{
	static const char digits[] = "0123456789abcdef", watcher[] = "conmon-";
	static const char *const parents[] = { "/lxc.payload.", "/lxc.payload/", "/lxc/" };

	for (const char *p = path; *p;) {
		size_t n = strspn(p, digits), before = sizeof(watcher) - 1;

		if (n == 64 && ((size_t)(p - path) < before || strncmp(p - before, watcher, before) != 0))
			return strndup(p, n);
		p += n ? n : 1;
	}
	for (size_t i = 0; i < ARRAY_SIZE(parents); i++) {
		const char *name = strstr(path, parents[i]);
		size_t n = name ? strcspn(name + strlen(parents[i]), "/") : 0;

		if (n)
			return strndup(name + strlen(parents[i]), n);
	}
	return NULL;
}

int tt_procfs_cgroup(struct tt_procfs *fs, uint32_t pid, char **ret_path, char **ret_container)
{
	_cleanup_free_ char *text = NULL, *path = NULL, *container = NULL;
	char *rest, *line;
	size_t len;
	int r;

	r = read_proc(fs, pid, "cgroup", SMALL_FILE, &text, &len);
	if (r < 0)
		return r;
	rest = text;
	while ((line = strsep(&rest, "\n"))) {
		char *group = strchr(line, ':');

		group = group ? strchr(group + 1, ':') : NULL;
		if (!group)
			continue;
		if (!path && !strncmp(line, "0::", 3))
			path = strdup(line + 3);
		if (!container)
			container = find_container(group + 1);
	}
	*ret_path = TAKE_PTR(path);
	*ret_container = TAKE_PTR(container);
	return 0;
}

/* ---- files as a process sees them */

struct walk {
	uint32_t pid;
	int root, fd; /* fd: of what `done` names */
	unsigned int links, steps;
	char done[PATH_MAX]; /* no links in it; "" is the root */
	char *rest; /* malloc'd */
};

static void walk_done(struct walk *w)
{
	tt_closep(&w->root);
	tt_closep(&w->fd);
	free(w->rest);
}

static int walk_step(struct walk *w, const char *name, int flags)
{
	int fd;

	if (++w->steps > STEPS_MAX)
		return -ELOOP;
	fd = openat(w->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC | flags);
	return fd < 0 ? -errno : fd;
}

static int walk_to_root(struct walk *w)
{
	tt_closep(&w->fd);
	w->fd = fcntl(w->root, F_DUPFD_CLOEXEC, 0);
	return w->fd < 0 ? -errno : 0;
}

/* "..": by name, from the root again, since the directory may have been moved out of it meanwhile. */
static int walk_up(struct walk *w)
{
	char *slash = strrchr(w->done, '/');
	char path[PATH_MAX], *rest = path, *name;
	int r;

	if (slash)
		*slash = '\0';
	r = walk_to_root(w);
	if (r < 0)
		return r;
	memcpy(path, w->done, strlen(w->done) + 1);
	while ((name = strsep(&rest, "/"))) {
		int fd;

		if (!*name)
			continue;
		fd = walk_step(w, name, O_DIRECTORY);
		if (fd < 0)
			return fd;
		close(w->fd);
		w->fd = fd;
	}
	return 0;
}

/* Puts a link's text before what is left of the path. */
static int walk_link(struct walk *w, int fd, const char *name, const char *left)
{
	char target[PATH_MAX], *rest;
	ssize_t n;

	if (++w->links > LINKS_MAX)
		return -ELOOP;
	n = readlinkat(fd, "", target, sizeof(target) - 1);
	if (n <= 0)
		return n < 0 ? -errno : -ENOENT;
	target[n] = '\0';

	/* Such a link answers with the reader, us: what was meant is the process. */
	if (!strcmp(w->done, "/proc") && !strcmp(name, "self"))
		snprintf(target, sizeof(target), "%u", w->pid);
	else if (!strcmp(w->done, "/proc") && !strcmp(name, "thread-self"))
		snprintf(target, sizeof(target), "%u/task/%u", w->pid, w->pid);

	if (asprintf(&rest, "%s/%s", target, left ? left : "") < 0)
		return -ENOMEM;
	free(w->rest);
	w->rest = rest;
	if (target[0] != '/')
		return 0;
	w->done[0] = '\0';
	return walk_to_root(w);
}

static int walk_into(struct walk *w, const char *name, const char *left, bool *ret_link)
{
	size_t len = strlen(w->done), more = strlen(name);
	_cleanup_close_ int fd = -1;
	struct stat st;

	fd = walk_step(w, name, 0);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	*ret_link = S_ISLNK(st.st_mode);
	if (*ret_link)
		return walk_link(w, fd, name, left);

	if (len + 1 + more >= sizeof(w->done))
		return -ENAMETOOLONG;
	w->done[len] = '/';
	memcpy(w->done + len + 1, name, more + 1);
	close(w->fd);
	w->fd = fd;
	fd = -1;
	return 0;
}

static int open_root(struct tt_procfs *fs, uint32_t pid)
{
	int fd = pid ? tt_procfs_open_root(fs, pid) : -ENOENT;

	if (fd != -ENOENT && fd != -ESRCH)
		return fd;
	fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int walk(struct tt_procfs *fs, struct walk *w, const char *path)
{
	int r;

	if (path[0] != '/')
		return -EINVAL;
	if (strlen(path) >= PATH_MAX)
		return -ENAMETOOLONG;
	w->root = open_root(fs, w->pid);
	if (w->root < 0)
		return w->root;
	r = walk_to_root(w);
	if (r < 0)
		return r;
	w->rest = strdup(path);
	if (!w->rest)
		return -ENOMEM;

	for (char *rest = w->rest, *name; (name = strsep(&rest, "/"));) {
		bool link = false;

		if (!*name || !strcmp(name, "."))
			continue;
		r = !strcmp(name, "..") ? walk_up(w) : walk_into(w, name, rest, &link);
		if (r < 0)
			return r;
		if (link)
			rest = w->rest;
	}
	return 0;
}

#define WALK(pid_)                                                                                           \
	{                                                                                                    \
		.pid = (pid_), .root = -1, .fd = -1                                                          \
	}

/* Their regular files are none: reading /proc/kmsg takes lines from the system's log, a device's registers may hang
 * the machine, and we may read what the process may not. No program and no script lies there. */
static bool is_kernel_interface(int fd)
{
	static const uint64_t magics[] = {
		PROC_SUPER_MAGIC,    SYSFS_MAGIC,    DEBUGFS_MAGIC,  TRACEFS_MAGIC,	   SECURITYFS_MAGIC,
		EFIVARFS_MAGIC,	     PSTOREFS_MAGIC, SELINUX_MAGIC,  SMACK_MAGIC,	   CGROUP_SUPER_MAGIC,
		CGROUP2_SUPER_MAGIC, BPF_FS_MAGIC,   BINFMTFS_MAGIC, RDTGROUP_SUPER_MAGIC,
	};
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(magics); i++) {
		if ((uint32_t)fs.f_type == magics[i])
			return true;
	}
	return false;
}

static int reopen(int fd, mode_t type, int flags)
{
	char name[64];
	struct stat st;
	int again;

	if (fstat(fd, &st) < 0)
		return -errno;
	if ((st.st_mode & S_IFMT) != type)
		return type == S_IFDIR ? -ENOTDIR : -EINVAL;
	if (is_kernel_interface(fd))
		return -EINVAL;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	/* O_NONBLOCK: a lease on the file would make open wait. */
	again = open(name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | flags);
	return again < 0 ? -errno : again;
}

int tt_procfs_open(struct tt_procfs *fs, uint32_t pid, const char *path)
{
	_cleanup_(walk_done) struct walk w = WALK(pid);
	int r = walk(fs, &w, path);

	return r < 0 ? r : reopen(w.fd, S_IFREG, 0);
}

int tt_procfs_open_directory(struct tt_procfs *fs, uint32_t pid, const char *path)
{
	_cleanup_(walk_done) struct walk w = WALK(pid);
	int r = walk(fs, &w, path);

	return r < 0 ? r : reopen(w.fd, S_IFDIR, O_DIRECTORY);
}

int tt_procfs_open_exe(struct tt_procfs *fs, uint32_t pid)
{
	_cleanup_close_ int fd = -1;
	char name[NAME_MAX_PROC];

	proc_name(name, pid, "exe");
	fd = openat(fs->fd, name, O_PATH | O_CLOEXEC);
	return fd < 0 ? -errno : reopen(fd, S_IFREG, 0);
}

int tt_procfs_realpath(struct tt_procfs *fs, uint32_t pid, const char *path, char **ret)
{
	_cleanup_(walk_done) struct walk w = WALK(pid);
	int r = walk(fs, &w, path);

	if (r < 0)
		return r;
	*ret = strdup(w.done[0] ? w.done : "/");
	return *ret ? 0 : -ENOMEM;
}

/* ---- who started it */

/* Matched with the executable's name and with comm; patterns with a slash with its whole path. */
static const struct {
	const char *kind;
	const char *const *names;
} launchers[] = {
	{ "ssh",
	  (const char *const[]){ "sshd", "sshd-session", "dropbear", "mosh-server", "etserver", NULL } },
	{ "cron", (const char *const[]){ "cron", "crond", "anacron", "atd", "fcron", "dcron", NULL } },
	{ "ci", (const char *const[]){ "Runner.Worker", "Runner.Listener", "gitlab-runner", "buildkite-agent",
				       "act_runner", "forgejo-runner", "woodpecker-agent", "circleci-agent",
				       "Agent.Worker", "drone-runner-*", NULL } },
	{ "editor", (const char *const[]){ "code",
					   "code-insiders",
					   "code-oss",
					   "code-server",
					   "codium",
					   "vscodium",
					   "cursor",
					   "windsurf",
					   "trae",
					   "kiro",
					   "antigravity",
					   "zed",
					   "zed-editor",
					   "zeditor",
					   "emacs*",
					   "vim",
					   "vim.*",
					   "vi",
					   "nvim",
					   "gvim",
					   "helix",
					   "hx",
					   "kate",
					   "gedit",
					   "gnome-text-editor",
					   "sublime_text",
					   "fleet",
					   "idea",
					   "pycharm",
					   "webstorm",
					   "goland",
					   "clion",
					   "phpstorm",
					   "rubymine",
					   "rider",
					   "rustrover",
					   "*/jbr/bin/java",
					   NULL } },
	{ "terminal", (const char *const[]){ "gnome-terminal*",
					     "ptyxis*",
					     "kgx",
					     "konsole",
					     "yakuake",
					     "xterm",
					     "uxterm",
					     "alacritty",
					     "kitty",
					     "foot",
					     "footclient",
					     "wezterm*",
					     "ghostty",
					     "tilix",
					     "terminator",
					     "xfce4-terminal",
					     "mate-terminal",
					     "lxterminal",
					     "qterminal",
					     "terminology",
					     "guake",
					     "tilda",
					     "urxvt*",
					     "rxvt*",
					     "st",
					     "rio",
					     "warp",
					     "warp-terminal",
					     "hyper",
					     "tabby",
					     "cool-retro-term",
					     "sakura",
					     "tmux",
					     "tmux: server",
					     "screen",
					     "zellij",
					     "login",
					     NULL } },
	{ "container", (const char *const[]){ "containerd-shim*", "conmon", "docker-init", "dockerd", "tini",
					      "dumb-init", "catatonit", "podman", "runc", "crun", "lxc-start",
					      "systemd-nspawn", NULL } },
	{ "systemd", (const char *const[]){ "systemd", NULL } },
};

static const char *launcher_kind(const char *exe, const char *comm)
{
	for (size_t i = 0; i < ARRAY_SIZE(launchers); i++) {
		for (const char *const *name = launchers[i].names; *name; name++) {
			if (strchr(*name, '/') ? exe && !fnmatch(*name, exe, 0)
					       : (exe && !fnmatch(*name, tt_basename(exe), 0)) ||
							 !fnmatch(*name, comm, 0))
				return launchers[i].kind;
		}
	}
	return NULL;
}

/* NUL-separated strings as a vector into them. */
static const char **split(const char *data, size_t len)
{
	size_t n = 0, at = 0;
	const char **v;

	for (size_t i = 0; i < len; i++)
		n += data[i] == '\0';
	v = calloc(n + 2, sizeof(*v));
	for (n = 0; v && at < len; at += strlen(data + at) + 1)
		v[n++] = data + at;
	return v;
}

static int add_ancestor(struct tt_procfs *fs, const struct tt_procfs_stat *stat, const char *exe,
			struct tt_buf *out)
{
	_cleanup_free_ char *data = NULL, *argv = NULL;
	_cleanup_free_ const char **v = NULL;
	size_t len = 0;

	if (tt_procfs_cmdline(fs, stat->pid, ANCESTOR_ARGV, &data, &len) < 0)
		len = 0;
	v = split(data, len);
	argv = v ? tt_redact_argv(NULL, v, len == ANCESTOR_ARGV) : NULL;
	if (!argv)
		return -ENOMEM;
	tt_buf_printf(out, "{\"pid\":%u,\"exe\":", stat->pid);
	/* A kernel thread or a process that is not ours to read has but a name. */
	tt_buf_json(out, exe ? exe : stat->comm);
	tt_buf_printf(out, ",\"argv\":%s}", argv);
	return 0;
}

int tt_procfs_launcher(struct tt_procfs *fs, uint32_t pid, uint32_t ppid, uint64_t start_ns, char **ret_json)
{
	_cleanup_(tt_buf_done) struct tt_buf list = TT_BUF_INIT, out = TT_BUF_INIT;
	struct tt_procfs_stat stat;
	const char *kind = NULL;
	int r;

	/* short-lived programs are gone by now: what started them mostly is not */
	if (tt_procfs_stat(fs, pid, &stat) < 0)
		stat = (struct tt_procfs_stat){ .pid = pid,
						.ppid = ppid,
						.start_ticks = start_ns / (1000000000 /
									   (uint64_t)sysconf(_SC_CLK_TCK)) };
	for (unsigned int n = 0; n < ANCESTORS_MAX && stat.ppid; n++) {
		_cleanup_free_ char *exe = NULL;
		struct tt_procfs_stat parent;

		if (tt_procfs_stat(fs, stat.ppid, &parent) < 0 || parent.start_ticks > stat.start_ticks)
			break;
		if (tt_procfs_exe(fs, parent.pid, &exe) < 0)
			exe = NULL;
		if (!kind)
			kind = launcher_kind(exe, parent.comm);
		if (n)
			tt_buf_char(&list, ',');
		r = add_ancestor(fs, &parent, exe, &list);
		if (r < 0)
			return r;
		stat = parent;
	}
	tt_buf_printf(&out, "{\"kind\":\"%s\",\"ancestors\":[", kind ? kind : "unknown");
	if (list.len)
		tt_buf_add(&out, list.text, list.len);
	tt_buf_str(&out, "]}");
	if (!tt_buf_ok(&list) || !tt_buf_ok(&out))
		return -ENOMEM;
	*ret_json = tt_buf_take(&out);
	return *ret_json ? 0 : -ENOMEM;
}
