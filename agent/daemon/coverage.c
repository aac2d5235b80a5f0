/* SPDX-License-Identifier: Apache-2.0 */
/* What each sensor could see of a process, and the environment probes that follow from what it executes.
 *
 * At an exec the program's file is opened and, where it has look-up functions of its own, probed; when the process
 * then opens its C library, that one is probed if need be and the verdict given anew: only then is it known
 * which library it is. A short-lived process may be gone by then. So the kernel's name of a file (device, inode)
 * is remembered with what was learnt of it: a file that was met once is known without being opened. */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/tracker_internal.h"
#include "process/procfs.h"
#include "util/buf.h"
#include "util/util.h"

/* An agent's run executes 10 to 60 different programs. When full, all are learnt anew. */
#define FILES_MAX 1024

struct file_name {
	uint64_t ino, size; /* size 0: not known, a library */
	uint32_t dev, pad;
};

struct tt_tracker_file {
	struct file_name name;
	struct tt_file_id id;
	UT_hash_handle hh;
};

void tt_tracker_files_free(struct tt_tracker *tracker)
{
	struct tt_tracker_file *file, *next;

	HASH_ITER (hh, tracker->files, file, next) {
		HASH_DEL(tracker->files, file);
		free(file);
	}
}

static const struct tt_file_id *recall(const struct tt_tracker *tracker, const struct file_name *name)
{
	struct tt_tracker_file *file;

	HASH_FIND(hh, tracker->files, name, sizeof(*name), file);
	return file ? &file->id : NULL;
}

/* Without memory it is learnt anew the next time. */
static void remember(struct tt_tracker *tracker, const struct file_name *name, const struct tt_file_id *id)
{
	struct tt_tracker_file *file;

	HASH_FIND(hh, tracker->files, name, sizeof(*name), file);
	if (!file) {
		if (HASH_COUNT(tracker->files) >= FILES_MAX)
			tt_tracker_files_free(tracker);
		file = calloc(1, sizeof(*file));
		if (!file)
			return;
		file->name = *name;
		HASH_ADD(hh, tracker->files, name, sizeof(file->name), file);
	}
	file->id = *id;
}

/* Ran before telltale, and has executed nothing since: a new program is seen from its start. */
static bool is_as_found(const struct tt_process *process)
{
	return process->attached && process->exec_ns == process->key.start_ns;
}

/* ---- which files */

/* What is opened by name, or when the process went on, may be another file than the one executed. Inode
 * numbers alone do not tell: overlayfs may show others than the kernel's. */
static int open_if_same(int fd, const struct tt_process *process)
{
	struct stat st;

	if (fd < 0 || !process->exe_ino)
		return fd;
	if (fstat(fd, &st) == 0 &&
	    (st.st_ino == process->exe_ino || (uint64_t)st.st_size == process->exe_size))
		return fd;
	close(fd);
	return -ENOENT;
}

bool tt_tracker_still_runs(const struct tt_tracker *tracker, const struct tt_process *process)
{
	int fd;

	if (!process->exe_ino)
		return true;
	fd = open_if_same(tt_procfs_open_exe(tracker->params.procfs, process->key.pid), process);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void probe(struct tt_tracker *tracker, struct tt_process *process, const char *path, int fd,
		  struct tt_file_id *ret)
{
	struct tt_file_id id = { 0 };
	bool was_probed;

	if (tt_uprobe_identify(fd, &id) < 0)
		return;
	was_probed = tt_uprobe_is_probed(tracker->params.uprobe, &id);
	/* no native program, nothing to probe, no room: the verdict says which */
	tt_uprobe_attach_file(tracker->params.uprobe, path, fd);
	process->probed_late |= !was_probed && tt_uprobe_is_probed(tracker->params.uprobe, &id);
	*ret = id;
}

/* musl's library is the loader that the kernel maps: nobody is seen to open it. */
static void look_at_loader(struct tt_tracker *tracker, struct tt_process *process)
{
	const char *loader = tt_uprobe_musl_loader(tracker->params.uprobe, &process->exe_id);
	int fd = loader ? tt_procfs_open(tracker->params.procfs, process->key.pid, loader) : -1;

	if (fd < 0)
		return;
	probe(tracker, process, loader, fd, &process->libc_id);
	close(fd);
}

void tt_tracker_probe_program(struct tt_tracker *tracker, struct tt_process *process)
{
	struct file_name name = { .ino = process->exe_ino,
				  .size = process->exe_size,
				  .dev = process->exe_dev };
	const struct tt_file_id *known;
	int fd;

	process->exe_id = (struct tt_file_id){ 0 };
	process->libc_id = (struct tt_file_id){ 0 };
	process->exe_error = 0;
	process->probed_late = false;
	tt_tracker_look_where(tracker, process);
	if (!tracker->params.uprobe)
		return;
	fd = open_if_same(tt_procfs_open_exe(tracker->params.procfs, process->key.pid), process);
	known = fd < 0 && process->exe_ino ? recall(tracker, &name) : NULL;
	/* gone already, and met for the first time: its name may still lead to it */
	if (fd < 0 && !known && process->exe)
		fd = open_if_same(tt_procfs_open(tracker->params.procfs, process->key.pid, process->exe),
				  process);
	if (fd >= 0) {
		probe(tracker, process, process->exe ? process->exe : "", fd, &process->exe_id);
		/* identify() fails for what is on FUSE, or no regular file */
		process->exe_error = process->exe_id.ino ? 0 : tt_uprobe_identify(fd, &process->exe_id);
		if (process->exe_id.ino && process->exe_ino)
			remember(tracker, &name, &process->exe_id);
		close(fd);
	} else if (known) {
		process->exe_id = *known;
	} else {
		process->exe_error = fd;
	}
	if (process->other_root)
		look_at_loader(tracker, process);
}

/* Of a process that has gone, the host's file of that name is opened: in another root that is another file. */
static int open_library(struct tt_tracker *tracker, const struct tt_process *process,
			const struct tt_event *event)
{
	int fd = tt_procfs_open(tracker->params.procfs, process->key.pid, event->file.path);
	struct stat st;

	if (fd >= 0 && process->other_root && (fstat(fd, &st) < 0 || st.st_ino != event->file.ino)) {
		close(fd);
		return -ENOENT;
	}
	return fd;
}

/* The first C library that a program opens is its loader's choice; what it opens later is no matter to it. */
void tt_tracker_probe_libc(struct tt_tracker *tracker, const struct tt_event *event,
			   struct tt_process *process)
{
	struct file_name name = { .ino = event->file.ino, .dev = event->file.dev };
	const char *path = event->file.path;
	const struct tt_file_id *known;
	int fd;

	if (!tracker->params.uprobe || process->libc_id.ino || !path || event->key.op != TT_OP_READ ||
	    event->key.result != 0 || !tt_uprobe_is_libc_path(path))
		return;
	/* its loader is its library, or had opened it before telltale looked: this one is data to it */
	if (tt_uprobe_musl_loader(tracker->params.uprobe, &process->exe_id) ||
	    (is_as_found(process) && !process->other_root))
		return;
	known = recall(tracker, &name);
	if (known)
		process->libc_id = *known;
	/* the probes of a library that is not the host's went with the last session */
	if (!known || !tt_uprobe_is_probed(tracker->params.uprobe, known)) {
		fd = open_library(tracker, process, event);
		if (fd >= 0) {
			probe(tracker, process, path, fd, &process->libc_id);
			if (process->libc_id.ino)
				remember(tracker, &name, &process->libc_id);
			close(fd);
		}
	}
	tt_tracker_judge_coverage(tracker, process);
}

/* ---- the verdict */

static void coverage_part(struct tt_buf *out, const char *sensor, const char *state, const char *why)
{
	tt_buf_printf(out, "%c\"%s\":{\"state\":\"%s\"", out->len ? ',' : '{', sensor, state);
	if (why && *why) {
		tt_buf_str(out, ",\"why\":");
		tt_buf_json(out, why);
	}
	tt_buf_char(out, '}');
}

static void env_part(struct tt_buf *out, const struct tt_tracker *tracker, const struct tt_process *process)
{
	char why[TT_COVERAGE_REASON_MAX] = "";
	struct tt_uprobe_process facts = {
		.exe_fd = -1,
		.exe_id = &process->exe_id,
		.exe_error = process->exe_error,
		.libc_fd = -1,
		.libc_id = process->libc_id.ino ? &process->libc_id : NULL,
		.other_root = process->other_root,
		/* a forked child's calls are its own */
		.running = is_as_found(process),
		.env_direct = process->env_direct,
		.ended_ns = process->ended_ns,
		.exec_ns = process->exec_ns > process->key.start_ns ? process->exec_ns
								    : process->key.start_ns,
	};

	if (!tracker->params.uprobe) {
		coverage_part(out, "env", "blind", "no environment probes in this run");
		return;
	}
	coverage_part(out, "env",
		      tt_coverage_name(tt_uprobe_coverage(tracker->params.uprobe, &facts, why, sizeof(why))),
		      why);
}

/* What applies of the reasons why a sensor does not see everything; the first that is not NULL. */
static void sensor_part(struct tt_buf *out, const char *sensor, const char *late, const char *hooks,
			const char *ring)
{
	const char *why = late ? late : hooks && *hooks ? hooks : ring;

	coverage_part(out, sensor, why ? "partial" : "seen", why);
}

void tt_tracker_judge_coverage(struct tt_tracker *tracker, struct tt_process *process)
{
	_cleanup_(tt_buf_done) struct tt_buf out = TT_BUF_INIT;
	const struct tt_tracker_params *params = &tracker->params;
	const char *late = process->attached ? "was running before telltale"
			   : process->late   ? "recognised only after it had started"
					     : NULL;
	const char *file_ring = process->io_uring == TT_RING_UNSEEN
					? "uses io_uring: operations through it are not seen"
					: NULL;
	const char *net_ring = process->io_uring == TT_RING_OPENS_SEEN
				       ? "uses io_uring: what is sent through it is not seen"
				       : file_ring;

	sensor_part(&out, "process", late, params->unseen_process, NULL);
	sensor_part(&out, "file", late, params->unseen_file, file_ring);
	sensor_part(&out, "net", late, params->unseen_net, net_ring);
	env_part(&out, tracker, process);
	tt_buf_char(&out, '}');
	if (!tt_buf_ok(&out) || tt_streq(process->coverage, out.text))
		return;
	free(process->coverage);
	process->coverage = tt_buf_take(&out);
	process->dirty = true;
}
