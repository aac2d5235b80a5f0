/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Wire format between the BPF programs and the sensor.
 *
 * Two ring buffers carry these records: `lifecycle` (fork, exec, exec_env, exit) and `activity` (the
 * rest). Every record starts with struct tt_ev_header, is 8-byte aligned and in host byte order
 * unless a field says otherwise. Sizes are bytes, times CLOCK_BOOTTIME nanoseconds. Strings follow
 * the fixed part in `data`, in the order of their length fields, without padding between them.
 *
 * A "path by components" is a file's name as the dentry walk meets it: leaf first, every component
 * ended by NUL ("passwd\0etc\0" is /etc/passwd; empty is the root itself). What is cut off when it
 * does not fit is therefore the root's end: the tail, which rules look at, is kept.
 *
 * tests/unit/sensor/layout.c checks that BTF and the C compiler agree on every offset. */
#ifndef TELLTALE_EVENT_H
#define TELLTALE_EVENT_H

#ifndef __VMLINUX_H__
#include <assert.h>
#include <linux/types.h>
#define TT_ASSERT_SIZE(type, size) static_assert(sizeof(type) == (size), "ABI")
#else
#define TT_ASSERT_SIZE(type, size) _Static_assert(sizeof(type) == (size), "ABI")
#endif

/* Longest path, with its NUL, that a process can hand to the kernel (PATH_MAX). */
#define TT_PATH_MAX	  4096
#define TT_COMPONENTS_MAX 256
#define TT_ARGV_MAX	  4096
#define TT_ENV_CHUNK_MAX  4096
/* MAX_ARG_STRINGS is larger; 128 KiB of environment is what a shell with a long history of exports
 * reaches. What is beyond is flagged TT_EVF_ENV_CUT. */
#define TT_ENV_CHUNKS_MAX 32
#define TT_NAME_MAX	  128 /* an environment variable's name, with its NUL */
#define TT_UNIX_PATH_MAX  108 /* sun_path, unix(7) */

enum tt_ev_type {
	/* lifecycle ring */
	TT_EV_FORK = 1,
	TT_EV_EXEC,
	TT_EV_EXEC_ENV, /* follow their TT_EV_EXEC */
	TT_EV_EXIT,
	/* activity ring */
	TT_EV_FILE, /* what was done with a file or its name, or failed */
	TT_EV_CONNECT,
	TT_EV_ENV,
	TT_EV_COUNT, /* an aggregated operation's count reached a power of two */
	TT_EV_NOTE, /* something that limits what can be seen: enum tt_note */
	TT_EV_FLOW, /* what a TCP connection has carried */
	TT_EV_PAYLOAD, /* bytes that may name the other end */
	TT_EV_LOOKUP, /* getaddrinfo(3) */
	TT_EV_LOOKUP_DONE,
	TT_EV_TYPES
};

/* tt_ev_header.flags */
enum tt_ev_flags {
	TT_EVF_PATH_CUT = 1 << 0, /* object path incomplete: the root's end is missing */
	TT_EVF_BASE_CUT = 1 << 1, /* directory path incomplete */
	TT_EVF_USER_CUT = 1 << 2, /* the caller's string did not fit */
	TT_EVF_USER_FAULT = 1 << 3, /* the caller's memory could not be read */
	TT_EVF_ARGV_CUT = 1 << 4,
	TT_EVF_ENV_CUT = 1 << 5,
	TT_EVF_CANDIDATE = 1 << 6, /* the executed file or its interpreter is a candidate */
	TT_EVF_UNAGGREGATED = 1 << 7, /* agg map full: this record counts one operation on its own */
	TT_EVF_AGAIN = 1 << 8, /* path sent anew (after a rename) for a known key */
	TT_EVF_DELETED = 1 << 9, /* the file had no name left */
	TT_EVF_COMPAT = 1 << 10, /* a 32-bit (ia32) or x32 system call */
	TT_EVF_UNREACHABLE = 1 << 11, /* the path does not lead to the process's root */
	TT_EVF_BY_FD = 1 << 12, /* object looked up by descriptor on return: path_source `fd` */
	TT_EVF_NEW_SLOT = 1 << 13, /* exec: this slot was opened for this exec and awaits a verdict */
};

struct tt_ev_header {
	__u32 size; /* of the whole record */
	__u16 type; /* enum tt_ev_type */
	__u16 flags; /* enum tt_ev_flags */
	__u64 time_ns;
	__u64 slot; /* key of the slots map; never reused */
	__u64 start_ns; /* of the process: its leader's task_struct.start_boottime */
	__u32 pid; /* of the process (tgid), initial pid namespace */
	__u32 tid;
};
TT_ASSERT_SIZE(struct tt_ev_header, 40);

/* A new process. The header names the child. Threads are not reported. */
struct tt_ev_fork {
	struct tt_ev_header hdr;
	__u64 parent_start_ns; /* of the process that called fork */
	__u32 parent_pid;
	__u32 ppid; /* real parent: differs from parent_pid with CLONE_PARENT */
	__u32 uid; /* effective, initial user namespace */
	__u32 pad;
};
TT_ASSERT_SIZE(struct tt_ev_fork, 64);

/* A successful exec. data: exe (components), script (components), cwd (components), filename, interp, argv.
 * filename is linux_binprm.filename, what execve was given ("/dev/fd/N/..." for execveat); interp is
 * linux_binprm.interp, what a #! line named, or equal to filename. argv's strings end with NUL each.
 * exe is the file now running; script is unused by sched_process_exec and reserved (length 0). */
struct tt_ev_exec {
	struct tt_ev_header hdr;
	__u64 ino; /* of exe */
	__u64 file_size; /* of exe */
	__u64 parent_start_ns; /* real parent, at exec */
	__u64 mnt_ns; /* inode number of the mount namespace */
	__u64 cgroup_id; /* cgroup v2 (default hierarchy) */
	__u32 dev; /* of exe, kernel encoding: major << 20 | minor */
	__u32 ppid;
	__u32 uid; /* effective */
	__u32 loginuid; /* audit login uid, (u32)-1 unset */
	__u32 tty; /* tty's dev_t, kernel encoding, 0 none */
	__u32 old_tid; /* tid that called exec: differs from hdr.pid when a non-leader did */
	__u32 argc;
	__u32 env_bytes; /* size of the environment block, also where it is not sent */
	__u16 exe_len;
	__u16 cwd_len;
	__u16 filename_len;
	__u16 interp_len;
	__u16 argv_len;
	__u16 pad[3];
	char data[];
};
TT_ASSERT_SIZE(struct tt_ev_exec, 128);

/* A piece of the environment block at exec, in order. Only for candidates. The values are stripped by
 * the sensor's decoder before anything else sees the record. */
struct tt_ev_exec_env {
	struct tt_ev_header hdr;
	__u32 offset; /* in the block */
	__u32 len;
	char data[];
};
TT_ASSERT_SIZE(struct tt_ev_exec_env, 48);

/* The last thread of a process ended. */
struct tt_ev_exit {
	struct tt_ev_header hdr;
	__s32 status; /* wait(2) status word */
	__u32 pad;
};
TT_ASSERT_SIZE(struct tt_ev_exit, 48);

/* What an aggregated operation is. */
enum tt_op {
	TT_OP_READ = 1, /* opened for reading */
	TT_OP_WRITE, /* opened for writing, existed */
	TT_OP_CREATE, /* opened and thereby created */
	TT_OP_OPEN, /* O_PATH: neither read nor written */
	TT_OP_READLINK,
	TT_OP_ENV, /* ident: hash of the name; extra: enum tt_env_source */
	TT_OP_CONNECT, /* ident: hash of the address */
	TT_OP_SEND, /* unconnected datagram with an address */
	TT_OP_EXEC, /* failed exec */
	TT_OP_BYTES, /* read through a descriptor, whoever opened it; bytes: how many */
	TT_OP_MMAP, /* mapped; bytes: length of the mappings */
	TT_OP_STAT, /* stat, access and their like: only what passes struct tt_looks */
	TT_OP_LIST, /* getdents, likewise */
	TT_OP_RENAME, /* the key's ident is made of both names, as with the next two */
	TT_OP_LINK,
	TT_OP_SYMLINK, /* target is what the link contains */
	TT_OP_UNLINK, /* rmdir, too */
	TT_OP_CHMOD,
	TT_OP_TRUNCATE,
	TT_OP_LISTEN, /* ident: hash of the local address */
	TT_OP_ACCEPT, /* UNIX; ident: hash of the path */
	TT_OP_SENT, /* by UDP or a UNIX socket, to a place; ident: its hash */
	TT_OP_RECEIVED, /* the same, from there */
};

/* What makes two operations the same, carried by every record that is aggregated. */
struct tt_agg_key {
	__u64 start_ns; /* process, with pid */
	__u64 ident; /* inode number, or a seeded hash of the caller's string or address */
	__u64 extra; /* last 8 bytes of the caller's spelling; for a failed call, inode of its directory */
	__u32 pid;
	__u32 dev;
	__u32 name; /* qstr.hash of the last component (salted by its parent), or 0 */
	__u16 op; /* enum tt_op */
	__s16 result; /* 0 or -errno */
};
TT_ASSERT_SIZE(struct tt_agg_key, 40);

/* An open, a readlink, an exec that failed, a look, a change of a name or of a file, or that a file was read or mapped (path alone).
 * data: path (components; of the object, when there is one), base (components:
 * the directory a relative spelling starts from), user (the caller's spelling), target (what
 * readlink returned). base and user are sent for failed calls and readlink, and for a successful
 * open whose last component differs from the caller's. The object's inode and device are in the key. Of a rename or link
 * user is the new name and target the old one; where that is relative path is the directory that it starts from. */
struct tt_ev_file {
	struct tt_ev_header hdr;
	struct tt_agg_key key;
	__u64 count; /* operations of this key so far, this one included */
	__u64 bytes; /* so far: of TT_OP_BYTES and TT_OP_MMAP */
	__u64 first_ns;
	__u32 open_flags; /* open(2) O_* of the opened file */
	__u32 mode; /* inode's i_mode, 0 where there is no object */
	__u32 fs_magic; /* super_block.s_magic, 0 where there is no object */
	__u16 path_len;
	__u16 base_len;
	__u16 user_len;
	__u16 target_len;
	__u32 pad;
	char data[];
};
TT_ASSERT_SIZE(struct tt_ev_file, 128);

enum tt_conn_state {
	TT_CONN_NONE, /* datagram or UNIX: nothing to wait for */
	TT_CONN_CONNECTING,
	TT_CONN_ESTABLISHED,
	TT_CONN_REFUSED,
	TT_CONN_TIMEOUT,
	TT_CONN_FAILED, /* any other errno: result has it */
	TT_CONN_ABORTED, /* closed by the process before an answer came */
	TT_CONN_INHERITED, /* established, and not by this process: it sends or receives for the first time */
};

/* A connect, a datagram sent to an address, a socket that listens, a connection that came in by one, or what datagrams and UNIX sockets
 * carried. data: path (UNIX: the peer's
 * bound name, or that of who listens, raw sun_path bytes; abstract names start with NUL), user (the caller's sun_path
 * where it differs). */
struct tt_ev_connect {
	struct tt_ev_header hdr;
	struct tt_agg_key key; /* zeros for TCP: never aggregated in the kernel */
	__u64 count;
	__u64 first_ns; /* start of the attempt */
	__u64 duration_ns; /* TCP: from SYN to outcome */
	__u64 bytes; /* TT_OP_SENT, _RECEIVED: so far */
	__u64 sock_id; /* unique per attempt, and per process that has it; 0 where not TCP */
	__u8 addr[16]; /* network order; IPv4 in the first 4 bytes */
	__u8 local_addr[16];
	__u16 port; /* host order */
	__u16 local_port; /* host order */
	__u16 family; /* AF_INET, AF_INET6, AF_UNIX; others are not reported */
	__u16 protocol; /* IPPROTO_*; for UNIX the SOCK_* type */
	__s32 result; /* 0 or -errno */
	__u8 state; /* enum tt_conn_state */
	__u8 from_user; /* 1: the address is the caller's, not the socket's */
	__u16 path_len;
	__u16 user_len;
	__u8 inward; /* 1: the other end came to us */
	__u8 pad[5];
	char data[];
};
TT_ASSERT_SIZE(struct tt_ev_connect, 176);

/* A TCP connection that was established: when its process closes or shuts it down, when it is gone, and when another process
 * has it. */
struct tt_ev_flow {
	struct tt_ev_header hdr; /* of the process whose it is */
	__u64 sock_id; /* as in its tt_ev_connect */
	__u64 begin_ns; /* as there */
	__u64 sent, received; /* its payload so far: given to TCP, and received by it in order */
	__u32 ended; /* 1: nothing will follow */
	__u32 pad;
};
TT_ASSERT_SIZE(struct tt_ev_flow, 80);

/* The first TT_PAYLOAD_MAX bytes that a TCP connection sends (and receives, from port 53), in the pieces in which they are sent;
 * datagrams of the domain name system; QUIC's first ones. It is only parsed for names, and never kept. */
#define TT_PAYLOAD_MAX 4096

/* Where the domain name system and its relatives are spoken: RFC 1035, 6762, 4795. */
#define TT_PORT_DNS   53
#define TT_PORT_MDNS  5353
#define TT_PORT_LLMNR 5355

/* Resolvers on this machine, which are asked over UNIX sockets: of what is sent there the first TT_RESOLVER_MAX bytes are
 * copied. */
enum tt_resolver {
	TT_RESOLVER_NONE,
	TT_RESOLVER_VARLINK, /* systemd-resolved, as nss-resolve asks: io.systemd.Resolve */
	TT_RESOLVER_NSCD, /* and what took its place */
	TT_RESOLVER_DBUS, /* systemd-resolved on the system bus: org.freedesktop.resolve1; also everybody else there */
};
#define TT_RESOLVER_MAX 65536

struct tt_ev_payload {
	struct tt_ev_header hdr; /* of the process that sends or receives */
	__u64 sock_id; /* TCP, UNIX: of the socket; 0: a datagram */
	__u8 addr[16]; /* the other end's, as in tt_ev_connect; zeros for TCP and UNIX */
	__u16 port; /* host order; UNIX: enum tt_resolver */
	__u16 local_port;
	__u16 family;
	__u16 protocol;
	__u32 offset; /* TCP, UNIX: of data in what goes that way */
	__u32 total; /* bytes that were sent or received at once, of which data may be the first */
	__u16 data_len;
	__u8 inbound;
	__u8 pad[5];
	char data[];
};
TT_ASSERT_SIZE(struct tt_ev_payload, 88);

/* A call of getaddrinfo(3) for a name. */
#define TT_LOOKUP_NAME_MAX  256 /* with its NUL; what is longer is cut, and flagged TT_EVF_USER_CUT */
#define TT_LOOKUP_ADDRESSES 16 /* a power of two */

struct tt_ev_lookup {
	struct tt_ev_header hdr;
	__u64 id; /* of the call; unique in the process */
	__s32 family; /* AF_INET, AF_INET6: only such; else any */
	__u16 name_len;
	__u16 pad;
	char name[TT_LOOKUP_NAME_MAX];
};
TT_ASSERT_SIZE(struct tt_ev_lookup, 312);

struct tt_ev_address {
	__u8 addr[16]; /* network order; IPv4 in the first 4 bytes */
	__u16 family;
	__u16 pad[3];
};
TT_ASSERT_SIZE(struct tt_ev_address, 24);

/* What such a call found, told when the caller gives it back. A call that failed has none. */
struct tt_ev_lookup_done {
	struct tt_ev_header hdr; /* of whoever gives it back: a thread of the same process */
	__u64 id;
	__u32 n;
	__u32 pad;
	struct tt_ev_address addresses[TT_LOOKUP_ADDRESSES];
};
TT_ASSERT_SIZE(struct tt_ev_lookup_done, 440);

enum tt_env_source {
	TT_ENV_GETENV = 1,
	TT_ENV_SECURE_GETENV,
	TT_ENV_UV_OS_GETENV,
	TT_ENV_GO, /* syscall.Getenv; syscall.Environ, which asks for all, with the name "*" */
};

struct tt_ev_env {
	struct tt_ev_header hdr;
	struct tt_agg_key key;
	__u64 count;
	__u64 first_ns;
	__u16 source; /* enum tt_env_source */
	__u16 name_len; /* without NUL */
	__u32 pad;
	char name[TT_NAME_MAX];
};
TT_ASSERT_SIZE(struct tt_ev_env, 232);

/* Power-of-two report. The exact totals come from the map itself. */
struct tt_ev_count {
	struct tt_ev_header hdr;
	struct tt_agg_key key;
	__u64 count;
	__u64 bytes;
};
TT_ASSERT_SIZE(struct tt_ev_count, 96);

enum tt_note {
	TT_NOTE_IO_URING =
		1, /* the process set up an io_uring; value 1: opens through it are seen, 0: nothing is */
	TT_NOTE_X32, /* an x32 call that is not decoded; value: its number */
	TT_NOTE_ENV_FAULT, /* a looked-up name could not be read */
};

struct tt_ev_note {
	struct tt_ev_header hdr;
	__u32 note; /* enum tt_note */
	__u32 pad;
	__u64 value;
};
TT_ASSERT_SIZE(struct tt_ev_note, 56);

#endif
