/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/hosts.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <uthash.h>
#include <utlist.h>

#include "process/procfs.h"
#include "util/address.h"
#include "util/file_id.h"
#include "util/util.h"
#include "wire/hosts.h"

#define PATH	    "/etc/hosts"
#define FILE_MAX    (256 * 1024)
#define ENTRIES_MAX 4096 /* of a file */
#define FILES_MAX   8 /* the host's and some containers' */
#define READERS_MAX 4096

struct entry {
	struct tt_address address;
	char *name;
	UT_hash_handle hh;
};

struct file {
	struct tt_file_id id;
	struct entry *entries;
	unsigned readers;
	struct file *next, *prev; /* in the order of their first readers */
};

struct reader {
	struct tt_process_key process;
	struct file *file;
	UT_hash_handle hh;
};

struct tt_hosts {
	struct tt_procfs *procfs;
	struct file *files;
	struct reader *readers;
};

int tt_hosts_new(struct tt_procfs *procfs, struct tt_hosts **ret)
{
	struct tt_hosts *hosts = calloc(1, sizeof(*hosts));

	if (!hosts)
		return -ENOMEM;
	hosts->procfs = procfs;
	*ret = hosts;
	return 0;
}

static void file_free(struct file *file)
{
	struct entry *entry, *next;

	if (!file)
		return;
	HASH_ITER (hh, file->entries, entry, next) {
		HASH_DEL(file->entries, entry);
		free(entry->name);
		free(entry);
	}
	free(file);
}
TT_DEFINE_CLEANUP(struct file *, file_free)

static void forget_reader(struct tt_hosts *hosts, struct reader *reader)
{
	HASH_DEL(hosts->readers, reader);
	reader->file->readers--;
	free(reader);
}

void tt_hosts_free(struct tt_hosts *hosts)
{
	if (!hosts)
		return;
	tt_hosts_settle(hosts, NULL);
	free(hosts);
}

/* The first line that has an address counts, as for who looks up the name. */
static int add_entry(struct file *file, const struct tt_hosts_entry *read)
{
	struct tt_address address = tt_address_of(read->family, read->addr);
	struct entry *entry;

	HASH_FIND(hh, file->entries, &address, sizeof(address), entry);
	if (entry)
		return 0;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	entry->name = strdup(read->name);
	if (!entry->name) {
		free(entry);
		return -ENOMEM;
	}
	entry->address = address;
	HASH_ADD(hh, file->entries, address, sizeof(entry->address), entry);
	return 0;
}

static int file_read(int fd, const struct tt_file_id *id, struct file **ret)
{
	_cleanup_(file_freep) struct file *file = calloc(1, sizeof(*file));
	_cleanup_free_ char *data = NULL;
	struct tt_hosts_entry entry;
	size_t len, at = 0;
	int r;

	if (!file)
		return -ENOMEM;
	file->id = *id;
	r = tt_procfs_read(fd, FILE_MAX, &data, &len);
	while (r == 0 && HASH_COUNT(file->entries) < ENTRIES_MAX && tt_hosts_next(data, len, &at, &entry))
		r = add_entry(file, &entry);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(file);
	return 0;
}

static struct file *find_file(struct tt_hosts *hosts, const struct tt_file_id *id)
{
	struct file *file;

	DL_FOREACH(hosts->files, file)
	{
		if (memcmp(&file->id, id, sizeof(*id)) == 0)
			return file;
	}
	return NULL;
}

/* Files without readers go when it is settled; until then there may be too many. */
static bool has_room(const struct tt_hosts *hosts)
{
	const struct file *file;
	unsigned n;

	DL_COUNT(hosts->files, file, n);
	return n < FILES_MAX;
}

/* The file that the process opened, if it is there still. */
static struct file *learn(struct tt_hosts *hosts, const struct tt_event *event)
{
	_cleanup_close_ int fd = tt_procfs_open(hosts->procfs, event->process.pid, PATH);
	struct tt_file_id id;
	struct file *file;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_ino != event->file.ino)
		return NULL;
	memset(&id, 0, sizeof(id));
	id.dev = st.st_dev;
	id.ino = st.st_ino;
	id.size = (uint64_t)st.st_size;
	id.mtime_ns = st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec;
	file = find_file(hosts, &id);
	if (file)
		return file;
	if (!has_room(hosts) || file_read(fd, &id, &file) < 0)
		return NULL;
	DL_APPEND(hosts->files, file);
	return file;
}

static bool is_hosts(const struct tt_event_file *file)
{
	return tt_streq(file->path, PATH) || tt_streq(file->spelling, PATH);
}

void tt_hosts_opened(struct tt_hosts *hosts, const struct tt_event *event, const struct tt_process *process)
{
	struct reader *reader;
	struct file *file;

	if (event->key.op != TT_OP_READ || event->key.result < 0 || !is_hosts(&event->file))
		return;
	file = learn(hosts, event);
	if (!file)
		return;
	HASH_FIND(hh, hosts->readers, &process->key, sizeof(process->key), reader);
	if (!reader) {
		if (HASH_COUNT(hosts->readers) >= READERS_MAX)
			forget_reader(hosts, hosts->readers);
		reader = calloc(1, sizeof(*reader));
		if (!reader)
			return;
		reader->process = process->key;
		HASH_ADD(hh, hosts->readers, process, sizeof(reader->process), reader);
	} else {
		reader->file->readers--;
	}
	reader->file = file;
	file->readers++;
}

const char *tt_hosts_find(const struct tt_hosts *hosts, int family, const uint8_t addr[16],
			  const struct tt_process *process)
{
	struct tt_address address = tt_address_of(family, addr);
	struct reader *reader;
	struct entry *entry;

	HASH_FIND(hh, hosts->readers, &process->key, sizeof(process->key), reader);
	if (!reader)
		return NULL;
	HASH_FIND(hh, reader->file->entries, &address, sizeof(address), entry);
	return entry ? entry->name : NULL;
}

void tt_hosts_settle(struct tt_hosts *hosts, const struct tt_process_table *table)
{
	struct reader *reader, *next_reader;
	struct file *file, *next;

	HASH_ITER (hh, hosts->readers, reader, next_reader) {
		if (!table || !tt_process_find(table, &reader->process))
			forget_reader(hosts, reader);
	}
	DL_FOREACH_SAFE(hosts->files, file, next)
	{
		if (table && file->readers)
			continue;
		DL_DELETE(hosts->files, file);
		file_free(file);
	}
}
