/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Bytes that may name who is talked to: the first ones of a TCP connection, datagrams of the domain name system and of
 * QUIC, and what goes to resolvers on this machine (resolver.bpf.h). User space parses them; here only what cannot be such is sorted out.
 *
 * They are read from the caller's memory once they were sent or received: another of its threads may have changed them by
 * then. So a name can be a lie of the process's; the address cannot. */
#ifndef TT_BPF_TAP_H
#define TT_BPF_TAP_H

#include "entrance.bpf.h"
#include "resolver.bpf.h"
#include "verifier.bpf.h"

/* RFC 9000, section 14.1, and 17.2: a client's first datagrams are no shorter, and begin with a long header. */
#define QUIC_MIN       1200
#define QUIC_LONG      0xc0
#define QUIC_VERSION_1 0x00000001
#define QUIC_VERSION_2 0x6b3343cf
#define TAP_PIECES_MAX 16

/* One piece, behind what is copied already. 0: go on; 1: no more. The cursor is in map memory, and this is verified once
 * (docs/design/0003). */
TT_GLOBAL_FUNCTION int tap_piece(__u32 of, __u32 i)
{
	struct scratch *s = scratch_get(of);
	__u64 piece[2] = {};
	__u32 len, skip, at, words[2] = {};

	if (!s)
		return 1;
	if (s->tap.compat) {
		bpf_probe_read_user(words, sizeof(words), (void *)(s->tap.at + i * 8));
		piece[0] = words[0];
		piece[1] = words[1];
	} else if (s->tap.in_kernel) {
		bpf_probe_read_kernel(piece, sizeof(piece), (void *)(s->tap.at + i * 16));
	} else {
		bpf_probe_read_user(piece, sizeof(piece), (void *)(s->tap.at + i * 16));
	}
	skip = s->tap.skip;
	at = s->tap.copied;
	if (skip >= piece[1]) {
		s->tap.skip = skip - piece[1];
		return 0;
	}
	len = at_most(piece[1] - skip, s->tap.room - at);
	len = at_most(len, TT_PAYLOAD_MAX);
	if (bpf_probe_read_user(s->room + (at & (TT_PAYLOAD_MAX - 1)), len, (void *)(piece[0] + skip)))
		return 1;
	s->tap.copied = at + len;
	s->tap.skip = 0;
	return s->tap.copied >= s->tap.room;
}

/* Copies up to `room` bytes of what was sent or received to s->room. Returns how many. */
static __always_inline __u32 tap_copy(struct scratch *s, __u32 room)
{
	__u32 skip = s->tap.skip, i;

	if (!s->tap.pieces) {
		room = at_most(room, TT_PAYLOAD_MAX);
		return bpf_probe_read_user(s->room, room, (void *)s->tap.at) ? 0 : room;
	}
	s->tap.copied = 0;
	s->tap.room = room;
	for (i = 0; i < TAP_PIECES_MAX && i < s->tap.pieces; i++) {
		if (tap_piece(s->self, i))
			break;
	}
	s->tap.skip = skip;
	return at_most(s->tap.copied, TT_PAYLOAD_MAX);
}

static __always_inline bool is_quic_hello(struct scratch *s)
{
	struct {
		__u8 pad[3], first;
		__be32 version;
	} head = {};

	/* senders of datagrams do not split the header: one piece has it */
	if (s->tap.done < QUIC_MIN)
		return false;
	if (tap_copy(s, 5) < 5)
		return false;
	__builtin_memcpy(&head.version, s->room + 1, 4);
	return ((__u8)s->room[0] & QUIC_LONG) == QUIC_LONG &&
	       (head.version == bpf_htonl(QUIC_VERSION_1) || head.version == bpf_htonl(QUIC_VERSION_2));
}

/* How much of it is wanted; *offset: where in the stream it begins. */
static __always_inline __u32 tap_tcp(struct scratch *s, __u64 now, __u64 *sock_id, __u32 *offset)
{
	__u64 key = (__u64)s->tap.sk, before;
	struct tt_sock *sock = bpf_map_lookup_elem(&socks, &key);
	__u32 way = s->tap.inbound & 1, done = s->tap.done;

	if (!sock)
		return 0;
	__sync_fetch_and_add(&sock->used[way], done);
	sock->used_ns = now;
	/* who came to us is not who we mean: what we answer names nobody */
	if (sock->inward || sock->tapped[way] >= TT_PAYLOAD_MAX)
		return 0;
	if (way && sock->port != TT_PORT_DNS)
		return 0;
	before = way ? sock->tapped[1] : tcp_sent(s->tap.sk, false);
	/* until the SYN is acknowledged (fast open) nothing is known to be sent */
	before = way || before < done ? (way ? before : 0) : before - done;
	if (before >= TT_PAYLOAD_MAX) {
		sock->tapped[way] = TT_PAYLOAD_MAX;
		return 0;
	}
	sock->tapped[way] = before + done;
	*sock_id = sock->sock_id;
	*offset = before;
	return at_most(done, TT_PAYLOAD_MAX - before);
}

static __always_inline __u32 tap_udp(struct scratch *s, __u16 port)
{
	if (port == TT_PORT_DNS || port == TT_PORT_MDNS || port == TT_PORT_LLMNR)
		return at_most(s->tap.done, TT_PAYLOAD_MAX);
	return !s->tap.inbound && is_quic_hello(s) ? at_most(s->tap.done, TT_PAYLOAD_MAX) : 0;
}

/* What scratch `of`'s tap describes was sent or received. */
TT_GLOBAL_FUNCTION int tap(__u32 of)
{
	struct scratch *s = scratch_get(of);
	__u64 now = bpf_ktime_get_boot_ns(), sock_id = 0, size;
	__u32 wanted, offset = 0, len;
	struct tt_ev_payload *ev;
	struct subject sub;
	__u16 family, protocol;
	struct sock *sk;

	if (!s || !s->tap.done || !subject_marked(&sub))
		return 0;
	sk = s->tap.sk;
	ev = &s->payload;
	protocol = BPF_CORE_READ(sk, sk_protocol);
	family = BPF_CORE_READ(sk, __sk_common.skc_family);
	if (family != AF_INET && family != AF_INET6 && family != AF_UNIX)
		return 0;
	__builtin_memset(ev, 0, sizeof(*ev));
	if (family == AF_UNIX) {
		ev->port = s->tap.inbound ? TT_RESOLVER_NONE : resolver_of(sk);
		wanted = ev->port ? tap_resolver(s, &sock_id, &offset) : 0;
	} else if (protocol == IPPROTO_TCP) {
		wanted = tap_tcp(s, now, &sock_id, &offset);
	} else if (protocol == IPPROTO_UDP) {
		sock_addresses(sk, family, ev->addr, (void *)s->room, &ev->port, &ev->local_port);
		if (s->tap.port) {
			ev->port = s->tap.port;
			family = s->tap.family;
			__builtin_memcpy(ev->addr, s->tap.addr, 16);
		}
		wanted = tap_udp(s, ev->port);
	} else {
		return 0;
	}
	forget(wanted, now);
	if (!wanted || !subject_alive(&sub))
		return 0;
	len = tap_copy(s, wanted);
	if (!len)
		return 0;
	size = at_most(sizeof(*ev) + len, sizeof(*ev) + TT_PAYLOAD_MAX);
	header(&ev->hdr, &sub, TT_EV_PAYLOAD, size, now);
	ev->sock_id = sock_id;
	ev->family = family;
	ev->protocol = protocol;
	ev->offset = offset;
	ev->total = s->tap.done;
	ev->data_len = len;
	ev->inbound = s->tap.inbound;
	if (bpf_ringbuf_output(&activity, ev, size, wakeup_sometimes(now)))
		count_loss(sub.state->slot, TT_LOSS_PAYLOAD);
	return 0;
}

/* The same: whose it is and what it is counted as, then what it may say. One after the other, for want of stack. */
static __always_inline int tap_transfer(struct scratch *s)
{
	observe_carried(s->self);
	return tap(s->self);
}

/* A datagram's own address, if it has one. */
static __always_inline void tap_address(struct scratch *s, const void *address, bool in_kernel)
{
	struct {
		__u16 family;
		__be16 port;
		__u8 rest[24];
	} a = {};

	s->tap.port = 0;
	if (!address)
		return;
	/* struct sockaddr_in ends there */
	if (in_kernel ? bpf_probe_read_kernel(&a, 16, address) : bpf_probe_read_user(&a, 16, address))
		return;
	if (a.family == AF_INET6 && (in_kernel ? bpf_probe_read_kernel(&a, sizeof(a), address)
					       : bpf_probe_read_user(&a, sizeof(a), address)))
		return;
	if (a.family == AF_INET) {
		__builtin_memset(s->tap.addr, 0, 16);
		__builtin_memcpy(s->tap.addr, a.rest, 4);
	} else if (a.family == AF_INET6) {
		__builtin_memcpy(s->tap.addr, a.rest + 4, 16);
	} else {
		return;
	}
	s->tap.family = a.family;
	s->tap.port = bpf_ntohs(a.port);
}

#endif
