/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Observing connections.
 *
 * TCP is followed by its states (inet_sock_set_state), whoever made the connect: SYN_SENT begins an attempt,
 * leaving it is the outcome, and what it has carried is read off the socket when its process closes it and when it is gone
 * (also of those that entrance.bpf.h finds):
 * TCP counts anyway, so nothing has to be done for each call. The address is the socket's, and complete there (net/ipv4/tcp_ipv4.c:
 * tcp_v4_connect, net/ipv6/tcp_ipv6.c: tcp_v6_connect); after a refusal the port is gone from the
 * socket, so the return of connect(2) would be too late. Everything else is one call with one result. */
#ifndef TT_BPF_SOCK_H
#define TT_BPF_SOCK_H

#include "agg.bpf.h"

#include <bpf/bpf_endian.h>

#define AF_UNIX	    1
#define AF_INET	    2
#define AF_INET6    10
#define IPPROTO_TCP 6

#define TCP_ESTABLISHED 1
#define TCP_SYN_SENT	2
#define TCP_SYN_RECV	3
#define TCP_FIN_WAIT1	4
#define TCP_CLOSE	7
#define TCP_LAST_ACK	9

#define SOCK_DONE 1 /* include/net/sock.h: bit of skc_flags */

#define ETIMEDOUT    110
#define ECONNREFUSED 111

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

static __always_inline void send_outcome(const struct tt_sock *sock, __u8 state, __s32 result, __u64 now)
{
	struct tt_ev_connect *ev = bpf_ringbuf_reserve(&activity, sizeof(*ev), 0);

	if (!ev) {
		count_loss(sock->slot, TT_LOSS_CONNECT);
		return;
	}
	__builtin_memset(ev, 0, sizeof(*ev));
	header_of(&ev->hdr, sock->slot, sock->start_ns, sock->pid, sock->tid, TT_EV_CONNECT, sizeof(*ev),
		  now);
	ev->key.op = TT_OP_CONNECT;
	ev->inward = sock->inward;
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
	sock.slot = sub.state->slot;
	sock.start_ns = sub.state->start_ns;
	sock.pid = sub.state->pid;
	sock.tid = (__u32)bpf_get_current_pid_tgid();
	sock.sock_id = serial_next();
	sock.family = BPF_CORE_READ(sk, __sk_common.skc_family);
	sock_addresses(sk, sock.family, sock.addr, sock.local_addr, &sock.port, &sock.local_port);
	sub.state->connecting = key;
	if (bpf_map_update_elem(&socks, &key, &sock, BPF_ANY))
		count_loss(sub.state->slot, TT_LOSS_SOCK);
	return 0;
}

/* Whether the kernel ended the attempt itself although there is no error on the socket. Before 6.11 it wakes the caller
 * before it closes the socket (net/ipv4/tcp_timer.c:tcp_write_err, tcp_ipv4.c:tcp_v4_err), who may be faster, and
 * getsockopt(SO_ERROR) takes the error away. Who closes, shuts down or disconnects the socket owns it meanwhile, or has shut it
 * down before (net/ipv4/tcp.c:__tcp_close); the timer and what comes from the net do neither. */
static __always_inline bool error_was_taken(struct sock *sk)
{
	return !BPF_CORE_READ(sk, sk_lock.owned) && !BPF_CORE_READ(sk, sk_shutdown);
}

/* Which error that was: tcp_write_err() has it from there, and runs when no timer is pending, its own having fired. An
 * error that came from the net is not known any more: 0. */
static __always_inline int taken_error(struct sock *sk)
{
	int soft = BPF_CORE_READ(sk, sk_err_soft);

	if (BPF_CORE_READ((struct inet_connection_sock *)sk, icsk_pending))
		return 0;
	return soft ? soft : ETIMEDOUT;
}

static __always_inline int tcp_attempt_ends(struct sock *sk, int newstate)
{
	__u64 key = (__u64)sk, now = bpf_ktime_get_boot_ns();
	struct tt_sock *sock = bpf_map_lookup_elem(&socks, &key);
	struct tt_task_state *state;
	struct tt_slot *slot;
	bool taken = false;
	__u8 outcome;
	int error = 0;

	/* once stopped it stays in the map, which is read last */
	if (!sock || stopped)
		return 0;
	slot = bpf_map_lookup_elem(&slots, &sock->slot);
	if (slot && newstate == TCP_CLOSE) {
		error = BPF_CORE_READ(sk, sk_err);
		state = task_state(current_task());
		if (!error && state && state->connecting == key) {
			/* connect(2) itself gave up (no route, no port): its return has the errno */
			state->connecting = 0;
			bpf_map_delete_elem(&socks, &key);
			return 0;
		}
		if (!error && error_was_taken(sk)) {
			taken = true;
			error = taken_error(sk);
		}
		outcome = !error && !taken	  ? TT_CONN_ABORTED
			  : error == ECONNREFUSED ? TT_CONN_REFUSED
			  : error == ETIMEDOUT	  ? TT_CONN_TIMEOUT
						  : TT_CONN_FAILED;
	} else {
		outcome = TT_CONN_ESTABLISHED;
	}
	if (slot) {
		if (!sock->local_port)
			sock->local_port = BPF_CORE_READ(sk, __sk_common.skc_num);
		send_outcome(sock, outcome, -error, now);
	}
	if (slot && outcome == TT_CONN_ESTABLISHED)
		sock->state = TT_CONN_ESTABLISHED;
	else
		bpf_map_delete_elem(&socks, &key);
	return 0;
}

/* Payload that was given to a connection: what is acknowledged, and what is not yet. Of one that this side began the SYN, which
 * is no payload, was acknowledged too; of the others the socket was made behind that (net/ipv4/tcp_minisocks.c). A FIN would count, but is
 * not queued before the state has changed (net/ipv4/tcp.c:tcp_close_state). */
static __always_inline __u64 tcp_sent(struct sock *sk, bool inward)
{
	struct tcp_sock *tp = (struct tcp_sock *)sk;
	__u64 acked = 0;
	__u32 una, waiting = 0;

	/* without the socket's lock, as after a call that sent, an acknowledgement may come in between */
	for (int i = 0; i < 3; i++) {
		una = BPF_CORE_READ(tp, snd_una);
		acked = BPF_CORE_READ(tp, bytes_acked);
		waiting = BPF_CORE_READ(tp, write_seq) - una;
		if (BPF_CORE_READ(tp, snd_una) == una)
			break;
	}
	if (inward)
		return acked + waiting;
	return acked ? acked - 1 + waiting : 0;
}

/* Payload that came in order. The other side's FIN counts, and leaves a flag (net/ipv4/tcp_input.c:tcp_fin). */
static __always_inline __u64 tcp_received(struct sock *sk)
{
	__u64 received = BPF_CORE_READ((struct tcp_sock *)sk, bytes_received);

	return received - (received && BPF_CORE_READ(sk, __sk_common.skc_flags) >> SOCK_DONE & 1);
}

/* sent, received: all that the connection has carried. */
static __always_inline void send_flow(const struct tt_sock *sock, __u64 sent, __u64 received, bool ended,
				      __u64 now)
{
	struct tt_ev_flow *ev = bpf_ringbuf_reserve(&activity, sizeof(*ev), 0);

	if (!ev) {
		count_loss(sock->slot, TT_LOSS_FLOW);
		return;
	}
	header_of(&ev->hdr, sock->slot, sock->start_ns, sock->pid, sock->tid, TT_EV_FLOW, sizeof(*ev), now);
	ev->sock_id = sock->sock_id;
	ev->begin_ns = sock->begin_ns;
	ev->sent = sent - sock->before[0];
	ev->received = received - sock->before[1];
	ev->ended = ended;
	ev->pad = 0;
	bpf_ringbuf_submit(ev, BPF_RB_NO_WAKEUP);
}

/* An established connection is closed by its process, or gone. */
static __always_inline int tcp_flow(struct sock *sk, int newstate)
{
	__u64 key = (__u64)sk, now = bpf_ktime_get_boot_ns();
	struct tt_sock *sock = bpf_map_lookup_elem(&socks, &key);

	if (!sock || stopped)
		return 0;
	if (!sock->sent_is_final) {
		sock->sent = tcp_sent(sk, sock->inward);
		sock->sent_is_final = 1;
	}
	send_flow(sock, sock->sent, tcp_received(sk), newstate == TCP_CLOSE, now);
	if (newstate == TCP_CLOSE)
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
		return 0;
	}
	if (newstate == TCP_FIN_WAIT1 || newstate == TCP_LAST_ACK || newstate == TCP_CLOSE)
		return tcp_flow(sk, newstate);
	return 0;
}

#endif
