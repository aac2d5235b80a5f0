/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Observing connections.
 *
 * TCP is followed by its states (inet_sock_set_state), whoever made the connect: SYN_SENT begins an attempt,
 * leaving it is the outcome. The address is the socket's, and complete there (net/ipv4/tcp_ipv4.c:
 * tcp_v4_connect, net/ipv6/tcp_ipv6.c: tcp_v6_connect); after a refusal the port is gone from the
 * socket, so the return of connect(2) would be too late. Everything else is one call with one result. */
#ifndef TT_BPF_SOCK_H
#define TT_BPF_SOCK_H

#include "agg.bpf.h"
#include "file.bpf.h"

#include <bpf/bpf_endian.h>

#define AF_UNIX	      1
#define AF_INET	      2
#define AF_INET6      10
#define IPPROTO_TCP   6
#define IPPROTO_MPTCP 262
#define S_IFMT	      0170000
#define S_IFSOCK      0140000

#define TCP_ESTABLISHED 1
#define TCP_SYN_SENT	2
#define TCP_SYN_RECV	3
#define TCP_CLOSE	7

#define ETIMEDOUT    110
#define ECONNREFUSED 111
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

static __always_inline void sock_addresses(struct sock *sk, __u16 family, __u8 *addr, __u8 *local,
					   __u16 *port, __u16 *local_port)
{
	if (family == AF_INET) {
		__be32 word = BPF_CORE_READ(sk, __sk_common.skc_daddr);

		__builtin_memcpy(addr, &word, 4);
		word = BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);
		__builtin_memcpy(local, &word, 4);
	} else {
		BPF_CORE_READ_INTO((struct in6_addr *)addr, sk, __sk_common.skc_v6_daddr);
		BPF_CORE_READ_INTO((struct in6_addr *)local, sk, __sk_common.skc_v6_rcv_saddr);
	}
	*port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	*local_port = BPF_CORE_READ(sk, __sk_common.skc_num);
}

static __always_inline void send_outcome(const struct tt_sock *sock, struct tt_slot *slot, __u8 state,
					 __s32 result, __u64 now)
{
	struct tt_ev_connect *ev = bpf_ringbuf_reserve(&activity, sizeof(*ev), 0);
	struct subject of = {
		.slot_id = sock->slot, .start_ns = sock->start_ns, .pid = sock->pid, .tid = sock->tid
	};

	if (!ev) {
		count_loss(slot, TT_LOSS_CONNECT);
		return;
	}
	__builtin_memset(ev, 0, sizeof(*ev));
	header(&ev->hdr, &of, TT_EV_CONNECT, sizeof(*ev), now);
	ev->key.op = TT_OP_CONNECT;
	ev->count = 1;
	ev->first_ns = sock->begin_ns;
	ev->duration_ns = now - sock->begin_ns;
	ev->sock_id = sock->sock_id;
	__builtin_memcpy(ev->addr, sock->addr, 16);
	__builtin_memcpy(ev->local_addr, sock->local_addr, 16);
	ev->port = sock->port;
	ev->local_port = sock->local_port;
	ev->family = sock->family;
	ev->protocol = IPPROTO_TCP;
	ev->state = state;
	ev->result = result;
	bpf_ringbuf_submit(ev, BPF_RB_NO_WAKEUP);
}

static __always_inline int tcp_attempt_begins(struct sock *sk)
{
	struct tt_sock sock = { .begin_ns = bpf_ktime_get_boot_ns(), .state = TT_CONN_CONNECTING };
	struct subject sub;
	__u64 key = (__u64)sk;

	if (!subject_current(&sub))
		return 0;
	sock.slot = sub.slot_id;
	sock.start_ns = sub.start_ns;
	sock.pid = sub.pid;
	sock.tid = sub.tid;
	sock.sock_id = serial_next();
	sock.family = BPF_CORE_READ(sk, __sk_common.skc_family);
	sock_addresses(sk, sock.family, sock.addr, sock.local_addr, &sock.port, &sock.local_port);
	sub.state->connecting = key;
	if (bpf_map_update_elem(&socks, &key, &sock, BPF_ANY))
		count_loss(sub.slot, TT_LOSS_SOCK);
	return 0;
}

static __always_inline int tcp_attempt_ends(struct sock *sk, int newstate)
{
	__u64 key = (__u64)sk, now = bpf_ktime_get_boot_ns();
	struct tt_sock *sock = bpf_map_lookup_elem(&socks, &key);
	struct tt_task_state *state;
	struct tt_slot *slot;
	__u8 outcome;
	int error = 0;

	/* once stopped it stays in the map, which is read last */
	if (!sock || stopped)
		return 0;
	slot = bpf_map_lookup_elem(&slots, &sock->slot);
	if (slot && newstate == TCP_CLOSE) {
		error = BPF_CORE_READ(sk, sk_err);
		state = task_state_get(current_task());
		if (!error && state && state->connecting == key) {
			/* connect(2) itself gave up (no route, no port): its return has the errno */
			state->connecting = 0;
			bpf_map_delete_elem(&socks, &key);
			return 0;
		}
		outcome = !error		  ? TT_CONN_ABORTED
			  : error == ECONNREFUSED ? TT_CONN_REFUSED
			  : error == ETIMEDOUT	  ? TT_CONN_TIMEOUT
						  : TT_CONN_FAILED;
	} else {
		outcome = TT_CONN_ESTABLISHED;
	}
	if (slot) {
		if (!sock->local_port)
			sock->local_port = BPF_CORE_READ(sk, __sk_common.skc_num);
		send_outcome(sock, slot, outcome, -error, now);
	}
	bpf_map_delete_elem(&socks, &key);
	return 0;
}

static __always_inline int observe_tcp_state(struct sock *sk, int oldstate, int newstate)
{
	if (newstate == TCP_SYN_SENT)
		return tcp_attempt_begins(sk);
	if (oldstate == TCP_SYN_SENT || oldstate == TCP_SYN_RECV) {
		if (newstate == TCP_ESTABLISHED || newstate == TCP_CLOSE)
			return tcp_attempt_ends(sk, newstate);
	}
	return 0;
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

/* One call that names a destination: connect, or a datagram with an address. op: TT_OP_CONNECT or TT_OP_SEND;
 * address in user memory; result 0 or -errno; flags: enum tt_ev_flags. */
TT_GLOBAL_FUNCTION int observe_connect(int fd, __u64 address, __u32 address_len, __s32 result, __u32 op_flags)
{
	struct scratch *s = scratch_get(SCRATCH_ACTIVITY);
	struct subject subject, *sub = &subject;
	struct tt_ev_connect *ev;
	__u16 op = op_flags, flags = op_flags >> 16;
	struct tt_agg_key key = { .op = op, .result = result };
	union user_address *user;
	struct file *file;
	__u64 now = bpf_ktime_get_boot_ns(), connecting;
	struct tt_agg_value *value;
	struct socket *socket;
	struct sock *sk;
	__u64 user_len = at_most(address_len, sizeof(*user));
	__u32 size, i;
	__u16 family, protocol;
	enum agg_due due;
	bool from_user;

	if (!s || !subject_current(sub))
		return 0;
	ev = &s->connect;
	user = (void *)s->user;
	key.start_ns = sub->start_ns;
	key.pid = sub->pid;
	connecting = sub->state->connecting;
	sub->state->connecting = 0;
	file = file_by_fd(sub->task, fd);
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
		/* an attempt that began is reported by its states */
		if (op == TT_OP_SEND || result == 0 || result == -EINPROGRESS || result == -EALREADY ||
		    result == -EISCONN || result == -EINTR || result == -ERESTARTSYS ||
		    connecting == (__u64)sk)
			return 0;
		protocol = IPPROTO_TCP;
	}

	__builtin_memset(ev, 0, sizeof(*ev));
	__builtin_memset(user, 0, sizeof(*user) + 8);
	if (user_len < 2 || bpf_probe_read_user(user, user_len, (void *)address))
		user_len = 0;

	from_user = op == TT_OP_SEND || result < 0;
	if (family == AF_UNIX) {
		user_len = unix_trim(s, user, user_len);
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

	key.ident = mix(hash_seed, (__u64)family << 32 | (__u32)protocol << 16 | ev->port);
	key.ident = mix(key.ident, *(__u64 *)ev->addr);
	key.ident = mix(key.ident, *(__u64 *)(ev->addr + 8));
	if (family == AF_UNIX) {
		/* sun_path, also where the kernel has the peer's name: zeros behind it were set above */
		for (i = 0; i < sizeof(*user) / 8; i++)
			key.ident = mix(key.ident, ((__u64 *)s->user)[i]);
	}
	due = agg_note(sub, &key, now, &value);
	if (due == AGG_COUNTED)
		return 0;

	size = sizeof(*ev) + (ev->path_len & 127) + (ev->user_len & 127);
	header(&ev->hdr, sub, TT_EV_CONNECT, size, now);
	ev->hdr.flags = flags | (due == AGG_ALONE ? TT_EVF_UNAGGREGATED : 0) |
			(due == AGG_AGAIN ? TT_EVF_AGAIN : 0);
	ev->key = key;
	ev->count = value ? value->count : 1;
	ev->first_ns = value ? value->first_ns : now;
	ev->family = family;
	ev->protocol = protocol;
	ev->result = result;
	ev->state = TT_CONN_NONE;
	ev->from_user = from_user;
	agg_sent(sub, value, TT_LOSS_CONNECT,
		 bpf_ringbuf_output(&activity, ev, size, wakeup(&activity, ACTIVITY_WAKEUP)));
	return 0;
}

#endif
