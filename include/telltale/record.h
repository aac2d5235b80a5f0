/* SPDX-License-Identifier: Apache-2.0 */
/* The rows telltale keeps and hands on: what the tracker makes, the store writes and exporters read.
 *
 * Times are nanoseconds since the Unix epoch, UTC; 0 means unknown and is stored as NULL. Strings are
 * NUL-terminated bytes, not necessarily UTF-8, and belong to the caller; NULL is stored as NULL.
 * Ids (session, process) are 16 lower-case hex digits; docs/data-model.md says what each column means. */
#ifndef TELLTALE_RECORD_H
#define TELLTALE_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#define TT_ID_LEN 16

struct tt_id {
	char s[TT_ID_LEN + 1];
};

#define TT_UNKNOWN_STATUS (-1)

struct tt_row_host {
	struct tt_id host_id;
	const char *hostname, *os, *kernel, *backend, *telltale_version, *boot_id;
};

struct tt_row_session {
	struct tt_id session_id, parent_session_id, root_process_id; /* parent: "" for none */
	const char *agent; /* definition id, or "(command)" */
	const char *agent_name, *vendor, *agent_version, *install_path, *build_id;
	const char *launched_by; /* JSON */
	const char *tty, *user, *cwd, *command;
	uint32_t uid;
	int64_t started_ns, ended_ns;
	int exit_status; /* TT_UNKNOWN_STATUS while it runs or when not seen */
	uint64_t process_count;
	double score;
	const char *level; /* none low medium high critical */
	const char *policy; /* NULL until policies exist */
	bool complete;
	const char *gateway, *gateway_source; /* host; a variable's name, or connection. NULL: none */
};

struct tt_row_process {
	struct tt_id process_id, session_id, parent_process_id;
	uint32_t pid, ppid, uid;
	const char *exe, *argv /* JSON array */, *cwd, *script;
	const char *host_exe; /* the host's name of exe where that differs; NULL: not, or not known */
	const char *role; /* agent runtime tool */
	int64_t started_ns, ended_ns;
	int exit_status;
	uint64_t mnt_ns;
	uint64_t cgroup_id; /* 0 unknown */
	const char *cgroup; /* path in the v2 hierarchy, NULL unknown */
	const char *container_id;
	const char *coverage; /* JSON object */
};

struct tt_row_exec {
	struct tt_id process_id;
	uint32_t seq; /* from 0 */
	const char *exe, *argv /* JSON array, NULL for a failed exec */, *script;
	int result; /* 0 or -errno */
	int64_t at_ns;
};

/* Aggregated rows. row_id is the tracker's (unique in the database); each put of a known row_id
 * replaces what may change (counts, times, state) and increases the row's revision. */
struct tt_row_file {
	uint64_t row_id;
	struct tt_id process_id;
	const char *path; /* as the process named it, made absolute */
	const char *real_path; /* the kernel's name of the object where it differs, else NULL */
	const char *host_path; /* and the host's name where that differs; NULL: not, or not known */
	const char *op; /* read write create open readlink exec */
	const char *category; /* NULL: none */
	const char *target; /* readlink: what it returned, else NULL */
	const char *file_type; /* regular directory char block fifo socket symlink, NULL unknown */
	const char *path_source; /* file fd user */
	int result;
	uint64_t count;
	int64_t bytes; /* -1: not measured */
	int64_t first_ns, last_ns;
	uint32_t dev; /* kernel encoding, major << 20 | minor */
	uint64_t ino;
	bool truncated;
};

/* Whose environment or memory was opened, beside the row of the file with the same number. */
struct tt_row_access {
	uint64_t row_id;
	struct tt_id process_id;
	const char *what; /* environ mem */
	struct tt_id of_process_id; /* "": not recorded, or not known */
	uint32_t of_pid; /* in the initial pid namespace; 0 not known */
	const char *of_exe; /* what that process ran; NULL not known */
};

struct tt_row_env {
	uint64_t row_id;
	struct tt_id process_id;
	const char *name, *source /* getenv secure_getenv uv_os_getenv go exec */, *category;
	int present; /* 1 yes, 0 no, -1 unknown */
	uint64_t count;
	int64_t first_ns, last_ns;
	const char *value; /* TZ, LANG, LC_*; host of a proxy or base URL; else NULL */
};

struct tt_row_connection {
	uint64_t row_id;
	struct tt_id process_id;
	const char *direction; /* out in listen */
	const char *family; /* inet inet6 unix */
	const char *protocol; /* tcp udp unix, or a number */
	const char *local_address, *address; /* text; NULL for unix */
	uint16_t local_port, port;
	const char *unix_path; /* abstract names start with '@' */
	const char *hostname, *hostname_source, *hostname_confidence;
	const char *names; /* JSON: all names that it was given, where they differ; else NULL */
	const char *category;
	const char *
		state; /* connecting established inherited refused timeout failed aborted connected sent listening */
	const char *address_source; /* socket user */
	int result;
	uint64_t count;
	int64_t duration_ns; /* -1 unknown */
	int64_t bytes_sent, bytes_received; /* -1 not measured */
	int64_t first_ns, last_ns;
};

/* A name that was asked for. */
struct tt_row_name {
	uint64_t row_id;
	struct tt_id process_id;
	const char *name;
	const char *type; /* of the record: A, AAAA, HTTPS, ...; NULL: not one of the domain name system's */
	const char *source; /* dns ... */
	const char *answers; /* JSON list: canonical name, addresses; NULL: no answer was seen */
	int result; /* the answer's response code, 0 is success; -1: no answer was seen */
	uint64_t count;
	int64_t first_ns, last_ns;
};

/* New counts of an aggregated row, and nothing else. */
enum tt_counted { TT_COUNTED_FILE, TT_COUNTED_ENV, TT_COUNTED_CONNECTION };

struct tt_row_counts {
	enum tt_counted of;
	uint64_t row_id;
	int64_t count; /* -1: as it was */
	int64_t bytes; /* more than there were; -1: none */
	int64_t last_ns;
};

struct tt_row_loss {
	uint64_t row_id;
	const char *boot_id;
	const char *sensor; /* process file env net store ... */
	const char *kind; /* what was lost, snake_case */
	uint64_t count;
	int64_t from_ns, to_ns;
	struct tt_id session_id, process_id; /* "" where not attributable */
};

struct tt_row_risk {
	struct tt_id process_id;
	double score;
	const char *level;
	const char *reasons; /* JSON list of {rule, points, text, rows} */
	bool complete;
};

#endif
