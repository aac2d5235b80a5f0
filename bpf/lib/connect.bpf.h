/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Calls that name a destination: connect, and datagrams with an address. TCP's attempts are reported by their states
 * (sock.bpf.h); what is left is one call with one result. */
#ifndef TT_BPF_CONNECT_H
#define TT_BPF_CONNECT_H

#include "file.bpf.h"
#include "sock.bpf.h"
#include "verifier.bpf.h"

#define IPPROTO_MPTCP 262

#define ECONNABORTED 103
#define EISCONN	     106
#define EALREADY     114
#define EINPROGRESS  115
#define ERESTARTSYS  512
#define EINTR	     4

union user_address {
	__u16 family;
	struct {
		__u16 family_in;
		__be16 port;
		__u8 addr[4];
	} in;
	struct {
		__u16 family_in6;
		__be16 port;
		__u32 flow;
		__u8 addr[16];
	} in6;
	struct {
		__u16 family_un;
		char path[TT_UNIX_PATH_MAX];
	} un;
} __attribute__((aligned(8)));

/* A descriptor's socket; NULL: it is no socket's. */
static __always_inline struct sock *sock_of(struct file *file)
{
	struct socket *socket;

	if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return NULL;
	socket = BPF_CORE_READ(file, private_data);
	return BPF_CORE_READ(socket, sk);
}

/* The bound name of the socket at the other end, into s->room; its length. */
static __always_inline __u32 unix_peer_name(struct scratch *s, struct sock *sk)
{
	struct unix_address *name;
	struct sock *peer;
	__u64 len;

	peer = BPF_CORE_READ((struct unix_sock *)sk, peer);
	if (!peer)
		return 0;
	name = BPF_CORE_READ((struct unix_sock *)peer, addr);
	if (!name)
		return 0;
	len = BPF_CORE_READ(name, len);
	if (len <= 2) /* sun_family alone: no name */
		return 0;
	len = at_most(len - 2, TT_UNIX_PATH_MAX);
	if (bpf_probe_read_kernel(s->room, len, &name->name[0].sun_path))
		return 0;
	return len;
}

/* Callers often pass a whole sockaddr_un whatever its name's length: what lies behind the NUL of a path is not part of
 * it, and would make one name look like many. Abstract names are as long as they are said to be (unix(7)). */
static __always_inline __u64 unix_trim(struct scratch *s, union user_address *user, __u64 user_len)
{
	__u64 n;

	if (user_len <= 2 || !user->un.path[0])
		return user_len;
	/* a path may fill sun_path without a NUL: behind it are zeros of ours */
	n = bpf_probe_read_kernel_str(s->room, TT_UNIX_PATH_MAX + 1, user->un.path);
	n = at_most(n, TT_UNIX_PATH_MAX + 1);
	__builtin_memset(user->un.path, 0, sizeof(user->un.path));
	if (n <= 1)
		return 0;
	n = at_most(n - 1, TT_UNIX_PATH_MAX);
	bpf_probe_read_kernel(user->un.path, n, s->room);
	return n + 2;
}

struct connect_obs {
	struct file *file; /* the socket's */
	const void *address; /* struct sockaddr */
	__u32 address_len;
	bool in_kernel; /* that address: the kernel's copy, or the caller's own memory */
	__u16 op; /* TT_OP_CONNECT or TT_OP_SEND */
	__s32 result; /* 0 or -errno */
};

/* One call that names a destination: connect, or a datagram with an address. */
static __noinline int observe_connect(struct subject *sub, struct scratch *s, const struct connect_obs *obs)
{
	struct tt_ev_connect *ev = &s->connect;
	union user_address *user = (void *)s->user;
	__u64 user_len = at_most(obs->address_len, sizeof(*user)), connecting = sub->state->connecting;
	__u64 now = bpf_ktime_get_boot_ns();
	struct file *file = obs->file;
	struct socket *socket;
	struct tt_agg_key *key = &s->op.own.key;
	struct tt_agg_value *value;
	struct sock *sk;
	__u32 size, i;
	__u16 family, protocol;
	enum agg_due due;
	bool from_user;
	long error;

	sub->state->connecting = 0;
	if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return 0;
	socket = BPF_CORE_READ(file, private_data);
	sk = BPF_CORE_READ(socket, sk);
	if (!sk)
		return 0;
	family = BPF_CORE_READ(sk, __sk_common.skc_family);
	protocol = family == AF_UNIX ? BPF_CORE_READ(sk, sk_type) : BPF_CORE_READ(sk, sk_protocol);
	if (family != AF_INET && family != AF_INET6 && family != AF_UNIX)
		return 0;
	if (family != AF_UNIX && (protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP)) {
		/* An attempt that began is reported by its states; without one there is no refusal, also where the call is
		 * another one that asks for the outcome. */
		if (obs->op == TT_OP_SEND || obs->result == 0 || obs->result == -EINPROGRESS ||
		    obs->result == -EALREADY || obs->result == -EISCONN || obs->result == -EINTR ||
		    obs->result == -ERESTARTSYS || obs->result == -ECONNREFUSED ||
		    obs->result == -ETIMEDOUT || obs->result == -ECONNABORTED || connecting == (__u64)sk)
			return 0;
		protocol = IPPROTO_TCP;
	}

	__builtin_memset(ev, 0, sizeof(*ev));
	__builtin_memset(user, 0, sizeof(*user) + 8);
	error = user_len < 2	 ? -1
		: obs->in_kernel ? bpf_probe_read_kernel(user, user_len, obs->address)
				 : bpf_probe_read_user(user, user_len, obs->address);
	if (error)
		user_len = 0;
	forget(user_len, now);

	from_user = obs->op == TT_OP_SEND || obs->result < 0;
	if (family == AF_UNIX) {
		user_len = unix_trim(s, user, user_len);
		forget(user_len, now);
		if (!from_user)
			ev->path_len = unix_peer_name(s, sk);
		if (user_len > 2) {
			ev->user_len = user_len - 2;
			bpf_probe_read_kernel(s->room + (ev->path_len & 127), (user_len - 2) & 127,
					      user->un.path);
		}
		if (!ev->path_len && !ev->user_len)
			return 0;
	} else if (!from_user) {
		sock_addresses(sk, family, ev->addr, ev->local_addr, &ev->port, &ev->local_port);
		if (user->family == 0) /* AF_UNSPEC: a disconnect */
			return 0;
	} else {
		if (user->family == AF_INET) {
			family = AF_INET;
			__builtin_memcpy(ev->addr, user->in.addr, 4);
			ev->port = bpf_ntohs(user->in.port);
		} else if (user->family == AF_INET6) {
			__builtin_memcpy(ev->addr, user->in6.addr, 16);
			ev->port = bpf_ntohs(user->in6.port);
		} else {
			return 0; /* no address in it */
		}
		ev->local_port = BPF_CORE_READ(sk, __sk_common.skc_num);
	}

	__builtin_memset(key, 0, sizeof(*key));
	key->start_ns = sub->state->start_ns;
	key->pid = sub->state->pid;
	key->op = obs->op;
	key->result = obs->result;
	key->ident = mix(hash_seed, (__u64)family << 32 | (__u32)protocol << 16 | ev->port);
	key->ident = mix(key->ident, *(__u64 *)ev->addr);
	key->ident = mix(key->ident, *(__u64 *)(ev->addr + 8));
	if (family == AF_UNIX) {
		/* sun_path, also where the kernel has the peer's name: zeros behind it were set above */
		for (i = 0; i < sizeof(*user) / 8; i++)
			key->ident = mix(key->ident, ((__u64 *)s->user)[i]);
	}
	if (agg_counted(sub, &s->op, now, &value))
		return 0;
	due = agg_note(sub, &s->op, value, now);
	if (due == AGG_GONE)
		return 0;
	forget(due, now);

	size = sizeof(*ev) + (ev->path_len & 127) + (ev->user_len & 127);
	header(&ev->hdr, sub, TT_EV_CONNECT, size, now);
	ev->hdr.flags = compat_flag(sub->task) | due_flags(due);
	ev->key = *key;
	ev->count = s->op.own.count;
	ev->first_ns = s->op.own.first_ns;
	ev->family = family;
	ev->protocol = protocol;
	ev->result = obs->result;
	ev->state = TT_CONN_NONE;
	ev->from_user = from_user;
	agg_sent(sub, &s->op, ev->hdr.flags, TT_LOSS_CONNECT,
		 bpf_ringbuf_output(&activity, ev, size, wakeup(&activity, ACTIVITY_WAKEUP)));
	return 0;
}

/* The name in a struct user_msghdr, or a struct compat_msghdr; false if there is none. */
static __always_inline bool read_msg_name(__u64 msg, bool compat, __u64 *address, __u32 *len)
{
	if (compat) {
		__u32 words[2] = {};

		bpf_probe_read_user(words, sizeof(words), (void *)msg);
		*address = words[0];
		*len = words[1];
	} else {
		struct {
			__u64 name;
			__u32 len, pad;
		} head = {};

		bpf_probe_read_user(&head, sizeof(head), (void *)msg);
		*address = head.name;
		*len = head.len;
	}
	return *address && *len;
}

#endif
