/* SPDX-License-Identifier: Apache-2.0 */
/* Environment probes: where they sit, since when, and what they therefore can and cannot see.
 *
 * A probe is put on a *file* (C library, runtime, Go or static program) and fires in every process that
 * maps it; the BPF program sorts out whose call it is. That way it is there before a process starts:
 * attaching takes 1.5 to 7 ms, the first getenv comes within 1 ms of exec. A program's own file, and a C
 * library met for the first time in some container, are probed late: the coverage says by how much.
 *
 * Owns the probes and a table of what it learnt of each file. Bounded: at most max_files files are
 * probed and 512 remembered; what goes beyond is counted and makes its processes `blind`, with that reason.
 * Files are told apart by (device, inode, size, mtime), on overlayfs without the device, because two
 * containers' views of one image file would otherwise be probed twice and count twice.
 *
 * Refuses: files that are not regular, or on FUSE (whose server is anybody and may never answer), foreign architectures and 32-bit files (the BPF programs read
 * 64-bit registers), return probes (they rewrite the observed program's stack), printing.
 * Not for several threads. docs/environment.md tells it from the user's side. */
#ifndef TT_SENSOR_UPROBE_H
#define TT_SENSOR_UPROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sensor/coverage.h"
#include "util/file_id.h"

struct bpf_link;
struct bpf_program;
struct tt_uprobe;

/* BPF_TRACE_UPROBE_MULTI of linux/bpf.h since 6.6: what programs are to expect that the kernel attaches without perf. Others
 * wait for each other while one is detached, 0.1 s each: the next start would. */
#define TT_UPROBE_MULTI 48

/* Programs of the loaded BPF object. NULL: that function is not probed. */
struct tt_uprobe_programs {
	struct bpf_program *getenv, *secure_getenv, *uv_os_getenv;
	struct bpf_program *go_getenv, *go_getenv_stack, *go_environ;
	struct bpf_program *getaddrinfo, *freeaddrinfo;
};

struct tt_uprobe_params {
	struct tt_uprobe_programs programs;
	bool libc_off; /* env.libc: off */
	bool names_off; /* names.libc: off */
	unsigned max_files; /* 0: 64. Each probed file costs 1 to 4 probes, and 0.1 s each to detach */
	const char *root; /* below which the host's C libraries are looked for; NULL: / */
	/* In the place of the real attaching, for tests. symbol: "getenv". NULL: attach really. */
	int (*attach)(void *arg, int fd, const char *symbol, uint64_t offset, struct bpf_link **ret);
	void *arg;
};

int tt_uprobe_new(const struct tt_uprobe_params *params, struct tt_uprobe **ret);

/* Returns at once, though the kernel needs 0.1 s to detach each probe, one after the other: a child
 * process inherits them, closes them and ends (neither a zombie nor a SIGCHLD comes of it; it keeps no
 * other descriptor open). Only if it cannot be started are they closed here. NULL is fine. */
void tt_uprobe_free(struct tt_uprobe *up);

/* ---- putting probes in. All are idempotent: a file that is probed already is left as it is. */

/* Every C library of the host (libcs.h). Returns how many are probed; 0 with env.libc: off. Ones that
 * could not be probed are told by tt_uprobe_each(). After tt_uprobe_detach_libcs() it waits for the
 * detaching to end, since both probes would count. */
int tt_uprobe_attach_libcs(struct tt_uprobe *up);

/* One file, by what it is: a C library, a runtime or program that has its own getenv or uv_os_getenv,
 * a Go program. fd: open for reading, stays the caller's; -1: path is opened, as the host names it.
 * path is kept for status.
 *   0 probed now or before         -ENOENT   nothing in it to probe       -ENOEXEC  not a native program
 *   -ENOSPC max_files reached      -EPERM    a C library with env.libc: off   else what the kernel said */
int tt_uprobe_attach_file(struct tt_uprobe *up, const char *path, int fd);

/* Everything that executing argv would run (command.h), each with the C library its loader would take.
 * path: its PATH, NULL none. cwd: absolute. Returns how many files are probed of those; what cannot be
 * resolved is not an error: the command then fails by itself, or finds its library probed late. */
int tt_uprobe_prepare_command(struct tt_uprobe *up, const char *const *argv, const char *path,
			      const char *cwd);

/* A runtime or an agent's program by name, wherever PATH has it (all matches, not only the first). */
int tt_uprobe_prepare_name(struct tt_uprobe *up, const char *name, const char *path);

/* The last session has ended: takes the probes off all C libraries, off the hot path (see tt_uprobe_free);
 * when more than half of max_files are probed, also off programs that nobody prepared but attach_file(). */
void tt_uprobe_detach_libcs(struct tt_uprobe *up);

/* A watched process opened this path: is it a C library, to be given to tt_uprobe_attach_file()? */
bool tt_uprobe_is_libc_path(const char *path);

/* Which file this is to us. -ENOEXEC, -EREMOTE: none that is ever probed. */
int tt_uprobe_identify(int fd, struct tt_file_id *ret);
bool tt_uprobe_is_probed(const struct tt_uprobe *up, const struct tt_file_id *id);
/* Has a program nothing that a probe could see its look-ups with: no function of its own where it needs one, a copy of the
 * environment, other registers? False where it is not known. */
bool tt_uprobe_is_beyond_probes(const struct tt_uprobe *up, const struct tt_file_id *exe);
/* The loader of a program for musl, which is its C library as well; NULL for others. */
const char *tt_uprobe_musl_loader(const struct tt_uprobe *up, const struct tt_file_id *exe);

/* ---- what is there */

struct tt_uprobe_stats {
	unsigned files, probes; /* attached now */
	uint64_t over_budget; /* attempts refused because max_files were probed */
	uint64_t failed; /* attempts that the kernel refused */
};
void tt_uprobe_get_stats(const struct tt_uprobe *up, struct tt_uprobe_stats *ret);

struct tt_uprobe_file_info {
	const char *path;
	const char *symbols; /* "getenv secure_getenv"; "" none */
	bool is_libc;
	int error; /* why it is not (fully) probed, or 0 */
	uint64_t attached_ns; /* CLOCK_BOOTTIME; 0: not probed */
};
/* Each file that is probed or could not be. Stops when fn answers non-zero, and returns that. */
int tt_uprobe_each(const struct tt_uprobe *up, int (*fn)(const struct tt_uprobe_file_info *info, void *arg),
		   void *arg);

/* ---- what a process's environment coverage is */

struct tt_uprobe_process {
	const char *exe; /* for status, should the file be new; NULL unknown */
	int exe_fd; /* the program, open for reading; -1: it could not be opened, with error */
	const struct tt_file_id *exe_id; /* which file it is, when exe_fd is -1; NULL or none: not known */
	int exe_error; /* negative errno, when it is not known */
	const char *libc; /* the C library that it was seen to open; NULL: not seen, the host's is assumed */
	int libc_fd; /* that, open for reading, or -1 */
	const struct tt_file_id *libc_id; /* or which file that is; NULL */
	bool other_root; /* does not see the host's files: without libc_fd its C library is unknown */
	bool running, env_direct; /* see coverage.h */
	uint64_t exec_ns, ended_ns; /* CLOCK_BOOTTIME; ended_ns 0: it lives */
};

/* Gathers the facts and judges. Reads the program's file once and remembers what it learnt. */
enum tt_coverage tt_uprobe_coverage(struct tt_uprobe *up, const struct tt_uprobe_process *process,
				    char *reason, size_t size);

#endif
