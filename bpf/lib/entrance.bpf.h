/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Connections that a process did not make: those that come in where it listens, and those that were there before it was watched, or
 * that it has from another process.
 *
 * An accepted TCP connection was established before its process knew of it, in nobody's context: it is met when accept gives it
 * away. One that was handed on is met when its new process first sends or receives on it, and is that process's from then on:
 * what it has carried until then stays with whoever had it. From there on its states tell of it, as of any (sock.bpf.h). */
#ifndef TT_BPF_ENTRANCE_H
#define TT_BPF_ENTRANCE_H

#include "connect.bpf.h"

#define IPPROTO_UDP 17
#define SOCK_STREAM 1
#define SOCK_DGRAM  2

#define TCP_FIN_WAIT2  5
#define TCP_CLOSE_WAIT 8

/* Two processes that take turns on one connection would make records without end: so often it changes hands. */
#define HANDS_MAX 16

/* The name that a UNIX socket is bound to, into s->room with zeros behind it; its length. A connection has that of the socket which
 * accepted it (net/unix/af_unix.c:unix_stream_connect). */
static __always_inline __u32 unix_own_name(struct scratch *s, struct sock *sk)
{
	struct unix_address *name = BPF_CORE_READ((struct unix_sock *)sk, addr);
	__u64 len;

	__builtin_memset(s->room, 0, TT_UNIX_PATH_MAX + 4);
	if (!name)
		return 0;
	len = BPF_CORE_READ(name, len);
	if (len <= 2) /* sun_family alone: no name */
		return 0;
	len = at_most(len - 2, TT_UNIX_PATH_MAX);
	return bpf_probe_read_kernel(s->room, len, &name->name[0].sun_path) ? 0 : len;
}

/* What s->connect says has happened at the place that it and s->room name: once more, or for the first time; with so many bytes. */
TT_GLOBAL_FUNCTION int place_note(__u32 of, __u32 bytes)
{
	struct scratch *s = scratch_get(of);
	__u64 now = bpf_ktime_get_boot_ns(), size;
	struct tt_agg_value *value;
	struct tt_ev_connect *ev;
	struct tt_agg_key *key;
	struct subject sub;
	enum agg_due due;
	__u8 *address;
	__u16 port;
	__u32 i;

	if (!s || !subject_marked(&sub))
		return 0;
	ev = &s->connect;
	key = &s->op.own.key;
	key->start_ns = sub.state->start_ns;
	key->extra = 0;
	key->pid = sub.state->pid;
	key->dev = 0;
	key->name = 0;
	key->op = ev->key.op;
	key->result = 0;
	address = key->op == TT_OP_LISTEN ? ev->local_addr : ev->addr;
	port = key->op == TT_OP_LISTEN ? ev->local_port : ev->port;
	key->ident = mix(hash_seed, (__u64)ev->inward << 48 | (__u64)ev->family << 32 |
					    (__u32)ev->protocol << 16 | port);
	key->ident = mix(key->ident, *(__u64 *)address);
	key->ident = mix(key->ident, *(__u64 *)(address + 8));
	if (ev->family == AF_UNIX) {
		for (i = 0; i < (TT_UNIX_PATH_MAX + 4) / 8; i++)
			key->ident = mix(key->ident, ((__u64 *)s->room)[i]);
	}
	if (agg_counted(&sub, &s->op, now, &value)) {
		if (value)
			__sync_fetch_and_add(&value->bytes, bytes);
		return 0;
	}
	due = agg_note(&sub, &s->op, value, now);
	if (due == AGG_GONE)
		return 0;
	value = due == AGG_ALONE ? NULL : agg_find(&s->op);
	if (value)
		__sync_fetch_and_add(&value->bytes, bytes);
	forget(due, now);
	size = at_most(sizeof(*ev) + ev->path_len, sizeof(*ev) + TT_UNIX_PATH_MAX);
	header(&ev->hdr, &sub, TT_EV_CONNECT, size, now);
	ev->hdr.flags = due_flags(due);
	ev->key = *key;
	ev->count = s->op.own.count;
	ev->first_ns = s->op.own.first_ns;
	ev->bytes = s->op.own.bytes + bytes;
	agg_sent(&sub, &s->op, ev->hdr.flags, bytes ? TT_LOSS_FLOW : TT_LOSS_CONNECT,
		 bpf_ringbuf_output(&activity, ev, size, wakeup(&activity, ACTIVITY_WAKEUP)));
	return 0;
}

/* The socket s->tap.sk listens. */
TT_GLOBAL_FUNCTION int observe_listen(__u32 of)
{
	struct scratch *s = scratch_get(of);
	struct tt_ev_connect *ev;
	__u8 peer[16];
	__u16 port;
	struct sock *sk;

	if (!s)
		return 0;
	sk = s->tap.sk;
	ev = &s->connect;
	__builtin_memset(ev, 0, sizeof(*ev));
	ev->key.op = TT_OP_LISTEN;
	ev->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	if (ev->family == AF_UNIX) {
		ev->protocol = BPF_CORE_READ(sk, sk_type);
		ev->path_len = unix_own_name(s, sk);
	} else if (ev->family == AF_INET || ev->family == AF_INET6) {
		ev->protocol = BPF_CORE_READ(sk, sk_protocol);
		sock_addresses(sk, ev->family, peer, ev->local_addr, &port, &ev->local_port);
		if (ev->protocol == IPPROTO_MPTCP)
			ev->protocol = IPPROTO_TCP;
	} else {
		return 0;
	}
	return place_note(of, 0);
}

/* The connection s->tap.sk is this process's from now on: s->sock has what is known of it so far. Returns whether it is in
 * the table. */
static __always_inline bool tcp_take(struct scratch *s, const struct subject *sub, __u8 state, __u64 now)
{
	struct tt_sock *sock = &s->sock;
	struct sock *sk = s->tap.sk;
	__u64 key = (__u64)sk;

	sock->slot = sub->state->slot;
	sock->start_ns = sub->state->start_ns;
	sock->pid = sub->state->pid;
	sock->tid = (__u32)bpf_get_current_pid_tgid();
	sock->begin_ns = now;
	sock->sock_id = serial_next();
	sock->state = TT_CONN_ESTABLISHED;
	sock->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	sock_addresses(sk, sock->family, sock->addr, sock->local_addr, &sock->port, &sock->local_port);
	if (bpf_map_update_elem(&socks, &key, sock, BPF_ANY))
		return false;
	send_outcome(sock, state, 0, now);
	/* it may have ended before it was in the table, or since */
	if (BPF_CORE_READ(sk, __sk_common.skc_state) == TCP_CLOSE)
		tcp_flow(sk, TCP_CLOSE);
	return true;
}

/* accept gave s->tap.sk away. */
TT_GLOBAL_FUNCTION int observe_accept(__u32 of)
{
	struct scratch *s = scratch_get(of);
	__u64 now = bpf_ktime_get_boot_ns();
	struct tt_ev_connect *ev;
	struct subject sub;
	struct sock *sk;
	__u16 family;

	if (!s || !subject_current(&sub))
		return 0;
	sk = s->tap.sk;
	family = BPF_CORE_READ(sk, __sk_common.skc_family);
	if (family == AF_UNIX) {
		ev = &s->connect;
		__builtin_memset(ev, 0, sizeof(*ev));
		ev->key.op = TT_OP_ACCEPT;
		ev->inward = 1;
		ev->family = AF_UNIX;
		ev->protocol = BPF_CORE_READ(sk, sk_type);
		ev->path_len = unix_own_name(s, sk);
		return place_note(of, 0);
	}
	if (family != AF_INET && family != AF_INET6)
		return 0;
	if (BPF_CORE_READ(sk, sk_protocol) == IPPROTO_MPTCP && bpf_core_type_exists(struct mptcp_sock)) {
		/* its first way, which is a TCP connection as any */
		sk = BPF_CORE_READ((struct mptcp_sock *)sk, first);
		s->tap.sk = sk;
	}
	if (BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP)
		return 0;
	__builtin_memset(&s->sock, 0, sizeof(s->sock));
	s->sock.inward = 1;
	if (!tcp_take(s, &sub, TT_CONN_ESTABLISHED, now))
		count_loss(sub.state->slot, TT_LOSS_CONNECT);
	return 0;
}

/* What was read of a connection, but for the other side's FIN: that is read with the last byte, or behind it. */
static __always_inline __u64 tcp_read(struct sock *sk)
{
	struct tcp_sock *tp = (struct tcp_sock *)sk;
	__u32 unread = BPF_CORE_READ(tp, rcv_nxt) - BPF_CORE_READ(tp, copied_seq);

	return unread ? BPF_CORE_READ(tp, bytes_received) - unread : tcp_received(sk);
}

/* s->tap's bytes went through a connection that is not known to be this process's: it is now, these bytes included. */
TT_GLOBAL_FUNCTION int tcp_inherit(__u32 of)
{
	const __u32 open = 1 << TCP_ESTABLISHED | 1 << TCP_FIN_WAIT1 | 1 << TCP_FIN_WAIT2 |
			   1 << TCP_CLOSE_WAIT;
	struct scratch *s = scratch_get(of);
	__u64 key, now = bpf_ktime_get_boot_ns(), done;
	struct tt_sock *had, *sock;
	struct subject sub;
	struct sock *sk;

	if (!s || !subject_current(&sub))
		return 0;
	sk = s->tap.sk;
	sock = &s->sock;
	key = (__u64)sk;
	done = s->tap.done;
	/* a raw socket may have the same protocol, and a state */
	if (BPF_CORE_READ(sk, sk_type) != SOCK_STREAM ||
	    !(open >> (BPF_CORE_READ(sk, __sk_common.skc_state) & 31) & 1))
		return 0;
	had = bpf_map_lookup_elem(&socks, &key);
	if (had && (had->state != TT_CONN_ESTABLISHED || had->hands >= HANDS_MAX))
		return 0;
	__builtin_memset(sock, 0, sizeof(*sock));
	/* whoever listened has a backlog, and what it accepts is made after it (net/core/sock.c:sk_clone_lock) */
	sock->inward = had ? had->inward : BPF_CORE_READ(sk, sk_max_ack_backlog) != 0;
	sock->before[0] = tcp_sent(sk, sock->inward);
	sock->before[1] = tcp_read(sk);
	if (had) {
		sock->sent_is_final = had->sent_is_final;
		sock->sent = had->sent;
		if (sock->sent_is_final)
			sock->before[0] = sock->sent;
		sock->tapped[0] = had->tapped[0];
		sock->tapped[1] = had->tapped[1];
		sock->hands = had->hands + 1;
	}
	sock->before[s->tap.inbound & 1] -= at_most(done, sock->before[s->tap.inbound & 1]);
	if (had)
		send_flow(had, sock->before[0], sock->before[1], true, now);
	if (!tcp_take(s, &sub, TT_CONN_INHERITED, now))
		count_loss(sub.state->slot, TT_LOSS_FLOW);
	return 0;
}

/* A TCP connection that s->tap's bytes went through is this process's, or becomes it. */
static __always_inline void tcp_claim(__u32 of, struct sock *sk)
{
	__u64 key = (__u64)sk;
	struct tt_sock *sock = bpf_map_lookup_elem(&socks, &key);
	struct subject sub;

	if (!subject_marked(&sub))
		return;
	if (!sock || sock->pid != sub.state->pid || sock->start_ns != sub.state->start_ns)
		tcp_inherit(of);
}

/* s->tap's bytes went through a socket: those of UDP and UNIX are counted by the other end, where that has a name. */
TT_GLOBAL_FUNCTION int observe_carried(__u32 of)
{
	struct scratch *s = scratch_get(of);
	struct tt_ev_connect *ev;
	struct sock *sk;
	__u32 len;

	if (!s)
		return 0;
	sk = s->tap.sk;
	if (BPF_CORE_READ(sk, sk_protocol) == IPPROTO_TCP) {
		tcp_claim(of, sk);
		return 0;
	}
	ev = &s->connect;
	__builtin_memset(ev, 0, sizeof(*ev));
	ev->key.op = s->tap.inbound ? TT_OP_RECEIVED : TT_OP_SENT;
	ev->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	if (ev->family == AF_UNIX) {
		ev->protocol = BPF_CORE_READ(sk, sk_type);
		/* a connection that was accepted has the name of who listens; its other end has none, as a rule */
		len = ev->protocol == SOCK_DGRAM ? 0 : unix_own_name(s, sk);
		ev->inward = len > 0;
		if (!len) {
			__builtin_memset(s->room, 0, TT_UNIX_PATH_MAX + 4);
			len = unix_peer_name(s, sk);
		}
		if (!len && ev->protocol == SOCK_DGRAM) {
			len = unix_own_name(s, sk);
			ev->inward = 1;
		}
		if (!len)
			return 0;
		ev->path_len = len;
	} else {
		ev->protocol = BPF_CORE_READ(sk, sk_protocol);
		if (ev->protocol != IPPROTO_UDP)
			return 0;
		sock_addresses(sk, ev->family, ev->addr, ev->local_addr, &ev->port, &ev->local_port);
		if (s->tap.port) {
			ev->port = s->tap.port;
			ev->family = s->tap.family;
			ev->from_user = 1;
			__builtin_memcpy(ev->addr, s->tap.addr, 16);
		}
		if (!ev->port)
			return 0; /* from whom was not asked */
	}
	return place_note(of, s->tap.done);
}

#endif
