/* SPDX-License-Identifier: Apache-2.0 */
/* /proc as data: what cannot come with an event. Every answer may be late or missing: the process may
 * have gone. The root directory is a parameter so that tests need no real processes. Reads are
 * bounded, never follow a link out of /proc except where said, and never block on files of an
 * observed process (regular files only, O_NONBLOCK, size-limited). */
#ifndef TT_PROCESS_PROCFS_H
#define TT_PROCESS_PROCFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct stat;
struct tt_procfs;

/* root: "/proc" or a fixture directory. */
int tt_procfs_new(const char *root, struct tt_procfs **ret);
void tt_procfs_free(struct tt_procfs *fs);

struct tt_procfs_stat {
	uint32_t pid, ppid;
	uint32_t tty; /* kernel encoding, major << 20 | minor; 0 none */
	uint32_t uid; /* effective */
	uint64_t start_ticks; /* field 22: clock ticks since boot, boot-time clock */
	char comm[64];
};
int tt_procfs_stat(struct tt_procfs *fs, uint32_t pid, struct tt_procfs_stat *ret);

/* A pid may be a thread's, and has another number in each pid namespace that it is in. */
struct tt_procfs_ids {
	uint32_t process; /* whose thread it is; a process's is itself */
	uint32_t innermost; /* its number in its own namespace */
	unsigned namespaces; /* how many it is in, from ours on inwards */
};
int tt_procfs_ids(struct tt_procfs *fs, uint32_t pid, struct tt_procfs_ids *ret);

/* The device that files of this proc file system are on, in the kernel's encoding. */
uint32_t tt_procfs_dev(const struct tt_procfs *fs);

/* Is what the process has mounted from this device another proc file system? */
bool tt_procfs_has_proc(struct tt_procfs *fs, uint32_t pid, uint32_t dev);

/* malloc'd. exe: the link's text without " (deleted)". */
int tt_procfs_exe(struct tt_procfs *fs, uint32_t pid, char **ret);
int tt_procfs_cwd(struct tt_procfs *fs, uint32_t pid, char **ret);
/* argv's strings, each ended by NUL; at most max bytes. */
int tt_procfs_cmdline(struct tt_procfs *fs, uint32_t pid, size_t max, char **ret, size_t *ret_len);
/* Environment block; at most max bytes. The caller strips values before keeping anything. */
int tt_procfs_environ(struct tt_procfs *fs, uint32_t pid, size_t max, char **ret, size_t *ret_len);
/* cgroup v2 path ("/user.slice/..."), and container id (from any hierarchy's path, docs/data-model.md; or NULL). */
int tt_procfs_cgroup(struct tt_procfs *fs, uint32_t pid, char **ret_path, char **ret_container);

/* Opens a regular file as process pid sees it: PROC/pid/root + path, or if the process is gone (or pid is 0)
 * the host's path. Never leaves that root, whatever links say. Refuses anything but regular files with
 * -EINVAL, without blocking. -> fd (O_CLOEXEC, O_RDONLY). */
int tt_procfs_open(struct tt_procfs *fs, uint32_t pid, const char *path);
/* The same for a directory (-ENOTDIR otherwise), to be listed. */
int tt_procfs_open_directory(struct tt_procfs *fs, uint32_t pid, const char *path);
/* The file that pid runs, also where it was deleted or replaced meanwhile. */
int tt_procfs_open_exe(struct tt_procfs *fs, uint32_t pid);
/* Which files the process sees (pid 0: we do). Its root directory; its name, for us or, in another mount namespace, from that
 * one's top (malloc'd); the namespace's inode number. */
int tt_procfs_root(struct tt_procfs *fs, uint32_t pid, struct stat *ret);
int tt_procfs_open_root(struct tt_procfs *fs, uint32_t pid); /* -> fd (O_PATH) */
int tt_procfs_root_name(struct tt_procfs *fs, uint32_t pid, char **ret);
int tt_procfs_mount_ns(struct tt_procfs *fs, uint32_t pid, uint64_t *ret);
/* Its list of mounts. -EFBIG: longer than max. -ETIME: it takes longer than max_ns. */
int tt_procfs_mountinfo(struct tt_procfs *fs, uint32_t pid, size_t max, uint64_t max_ns, char **ret,
			size_t *ret_len);
/* The id, in that list, of the mount that an open file lies in; 0 not known. */
uint32_t tt_procfs_mount_id(int fd);
/* At most max bytes of an open file from its beginning, NUL-terminated. -EFBIG: it is longer. */
int tt_procfs_read(int fd, size_t max, char **ret, size_t *ret_len);
/* realpath(3) inside the process's root; path is absolute, at most 40 links. -ELOOP beyond. malloc'd. */
int tt_procfs_realpath(struct tt_procfs *fs, uint32_t pid, const char *path, char **ret);

/* Ancestors of pid, nearest first, as JSON [{"pid","exe","argv":[...]}...] ending at pid 1 or after 16.
 * Which kind the first recognised one is ("terminal", "editor", "ssh", "cron", "ci", "systemd", "container",
 * or "unknown") comes first: {"kind":"ssh","ancestors":[...]}. An ancestor that started after its child is
 * another process with a reused number, and ends the list. malloc'd. argv is redacted (see redact.h). ppid and start_ns
 * (boot-time clock) are what is known of pid otherwise, for one that has gone. */
int tt_procfs_launcher(struct tt_procfs *fs, uint32_t pid, uint32_t ppid, uint64_t start_ns, char **ret_json);

#endif
