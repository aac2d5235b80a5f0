/* SPDX-License-Identifier: Apache-2.0 */
/* Events as user space sees them: decoded, bounds-checked, paths as text.
 *
 * An event and everything it points to belong to the sensor and are valid during the call that delivers
 * it. Times are CLOCK_BOOTTIME nanoseconds. */
#ifndef TT_SENSOR_EVENT_H
#define TT_SENSOR_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "telltale/maps.h"
#include "util/process_key.h"

enum tt_event_type {
	TT_EVENT_FORK = 1,
	TT_EVENT_EXEC,
	TT_EVENT_EXIT,
	TT_EVENT_FILE, /* first sighting of an open, readlink or failed exec, or an unaggregated one */
	TT_EVENT_CONNECT,
	TT_EVENT_ENV,
	TT_EVENT_COUNT, /* a known key's count so far */
	TT_EVENT_TOTAL, /* a known key's exact count, from the map */
	TT_EVENT_NOTE,
	TT_EVENT_FLOW,
	TT_EVENT_PAYLOAD,
	TT_EVENT_LOOKUP, /* a name is looked up with getaddrinfo(3) */
	TT_EVENT_LOOKUP_DONE, /* what it found */
	TT_EVENT_LOSS,
};

struct tt_env_entry {
	const char *name;
	const char *value; /* NULL unless the filter lets it through */
};

struct tt_event_exec {
	const char *exe, *cwd; /* absolute */
	const char *filename; /* as given to execve */
	const char *interp; /* of a #! line; NULL if none */
	const char *const *argv; /* NULL-terminated */
	const struct tt_env_entry *env; /* NULL: not sent */
	size_t n_env;
	struct tt_process_key parent;
	uint64_t exe_ino, exe_size, mnt_ns, cgroup_id;
	uint32_t exe_dev, uid, loginuid, tty, argc, env_bytes, old_tid;
};

struct tt_event_file {
	const char *path; /* the object's, absolute; NULL where there is no object */
	const char *spelling; /* the caller's name made absolute; NULL where it is the same as path */
	const char *
		target; /* readlink's answer, a symbolic link's content; the old name of a rename or link, absolute; NULL if none */
	uint64_t ino;
	uint32_t dev, mode, open_flags, fs_magic;
};

struct tt_event_connect {
	uint8_t addr[16], local_addr[16]; /* network order */
	uint16_t port, local_port, family, protocol;
	uint8_t state; /* enum tt_conn_state */
	bool from_user;
	bool inward; /* the other end came to us */
	uint64_t sock_id, duration_ns;
	const char *unix_path; /* '@' first for an abstract name; NULL if none */
	const char *unix_peer; /* the peer's bound name where it differs from unix_path */
};

/* What a TCP connection has carried so far. */
struct tt_event_flow {
	uint64_t sock_id, begin_ns, sent, received;
	bool ended;
};

/* Bytes that may name the other end: to be parsed, never to be kept. */
struct tt_event_payload {
	uint64_t sock_id; /* TCP; 0: a datagram */
	uint8_t addr[16]; /* of a datagram's other end */
	uint16_t port, local_port, family, protocol;
	uint32_t offset, total; /* in the stream; sent or received at once */
	bool inbound;
	const void *data;
	size_t len;
};

struct tt_event_lookup {
	uint64_t id; /* of the call, in its process */
	const char *name; /* as far as it fits; "" with TT_EVF_USER_FAULT; NULL: DONE */
	uint16_t family; /* AF_INET, AF_INET6: only such addresses; 0: any */
	const struct tt_ev_address *addresses; /* DONE */
	unsigned n;
};

struct tt_event {
	enum tt_event_type type;
	uint32_t flags; /* enum tt_ev_flags */
	uint64_t time_ns;
	uint64_t slot; /* 0 for losses that belong to none */
	struct tt_process_key process;
	uint32_t tid;

	/* aggregated operations: FILE, CONNECT, ENV, COUNT, TOTAL */
	struct tt_agg_key key;
	uint64_t count, bytes, first_ns, last_ns;
	bool sent; /* TOTAL: user space was told what the key stands for */
	bool final; /* TOTAL: the entry is gone now; a new sighting starts from nothing. CONNECT: an attempt is not told again */

	union {
		struct {
			struct tt_process_key parent;
			uint32_t ppid, uid;
		} fork;
		struct tt_event_exec exec;
		struct {
			int status; /* wait(2) status word */
		} exit;
		struct tt_event_file file;
		struct tt_event_connect connect;
		struct tt_event_flow flow;
		struct tt_event_payload payload;
		struct tt_event_lookup lookup;
		struct {
			const char *name; /* ends with "..." where cut; "" with TT_EVF_USER_FAULT */
			enum tt_env_source source;
		} env;
		struct {
			enum tt_note note;
			uint64_t value;
		} note;
		struct {
			const char *sensor, *kind; /* static strings */
			uint64_t count; /* since the last report */
		} loss;
	};
};

/* Nonzero stops the delivery and is returned. */
typedef int (*tt_event_fn)(const struct tt_event *event, void *arg);

#endif
