/* SPDX-License-Identifier: Apache-2.0 */
/* Whose environment or memory was opened: see inside.h. */
#include "daemon/inside.h"

#include "process/procfs.h"

static const char *const names[] = { [TT_INSIDE_ENVIRON] = "environ", [TT_INSIDE_MEM] = "mem" };

const char *tt_inside_name(enum tt_inside_what what)
{
	return names[what];
}

/* ---- the path */

/* The last component of path[0..*len), which is then cut off, with its slash. Its length. */
static size_t cut_last(const char *path, size_t *len, const char **ret)
{
	size_t end = *len;

	while (*len > 0 && path[*len - 1] != '/')
		--*len;
	*ret = path + *len;
	end -= *len;
	*len -= *len > 0;
	return end;
}

static bool is(const char *component, size_t len, const char *name)
{
	return strlen(name) == len && memcmp(component, name, len) == 0;
}

/* A pid has at most 7 digits. */
static bool is_number(const char *component, size_t len, uint32_t *ret)
{
	*ret = 0;
	if (len == 0 || len > 7)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (component[i] < '0' || component[i] > '9')
			return false;
		*ret = *ret * 10 + (uint32_t)(component[i] - '0');
	}
	return true;
}

enum tt_inside_what tt_inside_parse(const char *path, bool on_proc, uint32_t *ret_pid, bool *ret_self)
{
	size_t rest = strlen(path), len;
	enum tt_inside_what what;
	uint32_t number, outer;
	const char *component;

	*ret_pid = 0;
	*ret_self = false;
	if (!on_proc && strncmp(path, "/proc/", strlen("/proc/")) != 0)
		return TT_INSIDE_NONE;
	len = cut_last(path, &rest, &component);
	what = is(component, len, names[TT_INSIDE_ENVIRON]) ? TT_INSIDE_ENVIRON
	       : is(component, len, names[TT_INSIDE_MEM])   ? TT_INSIDE_MEM
							    : TT_INSIDE_NONE;
	if (what == TT_INSIDE_NONE)
		return what;

	len = cut_last(path, &rest, &component);
	if (is_number(component, len, &number)) {
		/* a thread's: whose thread stands before */
		len = cut_last(path, &rest, &component);
		if (is(component, len, "task")) {
			len = cut_last(path, &rest, &component);
			if (is_number(component, len, &outer))
				number = outer;
			else
				*ret_self = is(component, len, "self");
		}
		*ret_pid = *ret_self ? 0 : number;
		return what;
	}
	*ret_self = is(component, len, "self") || is(component, len, "thread-self");
	/* a mount of one process's directory, anywhere; but no other file of these names */
	return *ret_self || on_proc ? what : TT_INSIDE_NONE;
}

/* ---- the process */

struct search {
	uint32_t pid;
	uint64_t at_ns;
	const struct tt_process *found;
};

/* Of those that had this pid, the last one that had begun then. */
static int match(struct tt_process *process, void *arg)
{
	struct search *search = arg;

	if (process->key.pid == search->pid && process->key.start_ns <= search->at_ns &&
	    (!search->found || process->key.start_ns > search->found->key.start_ns))
		search->found = process;
	return 0;
}

static const struct tt_process *find(struct tt_process_table *table, uint32_t pid, uint64_t at_ns)
{
	struct search search = { .pid = pid, .at_ns = at_ns };

	tt_process_each(table, match, &search);
	/* one that had ended by then gave its pid to somebody else */
	return search.found && search.found->ended_ns && search.found->ended_ns < at_ns ? NULL : search.found;
}

/* The number on the host of what the reader's proc file system calls `pid`; 0 not known. */
static uint32_t host_pid(const struct tt_event *event, const struct tt_process *reader,
			 struct tt_procfs *procfs, uint32_t pid)
{
	struct tt_procfs_ids ids;

	if (event->file.dev ? event->file.dev == tt_procfs_dev(procfs) : !reader->other_root)
		return pid;
	/* another mount of it, which may be for the same processes */
	if (tt_procfs_ids(procfs, reader->key.pid, &ids) < 0)
		return 0;
	return ids.namespaces == 1 ? pid : ids.innermost == pid ? reader->key.pid : 0;
}

static void whose(struct tt_inside *inside, const struct tt_event *event, const struct tt_process *reader,
		  struct tt_process_table *table, struct tt_procfs *procfs, uint32_t pid)
{
	const struct tt_process *process;
	struct tt_procfs_ids ids;

	process = find(table, pid, event->first_ns);
	if (!process && tt_procfs_ids(procfs, pid, &ids) == 0 && ids.process != pid) {
		pid = ids.process;
		process = find(table, pid, event->first_ns);
	}
	inside->pid = pid;
	inside->own = pid == reader->key.pid;
	if (inside->own)
		process = reader;
	if (process && process->session)
		inside->process_id = process->id;
	if (process && process->exe)
		inside->exe = strdup(process->exe);
	else if (!process)
		tt_procfs_exe(procfs, pid, &inside->exe);
}

void tt_inside_of(const struct tt_event *event, const struct tt_process *process,
		  struct tt_process_table *table, struct tt_procfs *procfs, struct tt_inside *ret)
{
	const struct tt_event_file *file = &event->file;
	bool on_proc = file->dev && file->dev == tt_procfs_dev(procfs), self = false;
	const char *path = file->path ? file->path : file->spelling;
	uint32_t pid, unused;

	*ret = (struct tt_inside){ .what = TT_INSIDE_NONE };
	if ((event->key.op != TT_OP_READ && event->key.op != TT_OP_WRITE) || !path)
		return;
	ret->what = tt_inside_parse(path, on_proc, &pid, &self);
	/* a name like those, somewhere else: asked only then, since it is read from a file */
	if (ret->what == TT_INSIDE_NONE && file->dev && tt_inside_parse(path, true, &pid, &self) &&
	    tt_procfs_has_proc(procfs, process->key.pid, file->dev))
		ret->what = tt_inside_parse(path, true, &pid, &self);
	if (ret->what == TT_INSIDE_NONE)
		return;
	/* what it called itself it is, in whatever container */
	if (!self && file->spelling)
		tt_inside_parse(file->spelling, false, &unused, &self);
	pid = self ? process->key.pid : pid ? host_pid(event, process, procfs, pid) : 0;
	if (pid)
		whose(ret, event, process, table, procfs, pid);
}
