/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is sent through UNIX sockets to resolvers on this machine: nothing of any other UNIX socket is copied. */
#ifndef TT_BPF_RESOLVER_H
#define TT_BPF_RESOLVER_H

#include "sock.bpf.h"

#define SOCK_STREAM 1

/* Room for the longest name below, in words. */
#define RESOLVER_WORDS 5

/* The sockets' names, behind "/run"; padded with zeros. nscd's clients and older ones of D-Bus say /var/run, which is the
 * same directory: what counts is how the server bound it. */
static const struct {
	char name[RESOLVER_WORDS * 8] __attribute__((aligned(8)));
	__u32 resolver;
} resolver_names[] = {
	{ "/systemd/resolve/io.systemd.Resolve", TT_RESOLVER_VARLINK },
	{ "/nscd/socket", TT_RESOLVER_NSCD },
	{ "/dbus/system_bus_socket", TT_RESOLVER_DBUS },
};

/* Who is at the other end of a UNIX socket: enum tt_resolver. */
static __always_inline __u32 resolver_of(struct sock *sk)
{
	__u64 name[RESOLVER_WORDS + 1] = {};
	struct unix_address *address;
	struct sock *peer;
	__u32 len, i, word;
	char head[8] = {};
	const char *path;

	if (BPF_CORE_READ(sk, sk_type) != SOCK_STREAM)
		return TT_RESOLVER_NONE;
	peer = BPF_CORE_READ((struct unix_sock *)sk, peer);
	if (!peer)
		return TT_RESOLVER_NONE;
	address = BPF_CORE_READ((struct unix_sock *)peer, addr);
	if (!address)
		return TT_RESOLVER_NONE;
	path = address->name[0].sun_path;
	len = BPF_CORE_READ(address, len) - 2; /* sun_family */
	bpf_probe_read_kernel(head, sizeof(head), path);
	if (*(__u32 *)head == *(const __u32 *)"/var") {
		path += 4;
		len -= 4;
		bpf_probe_read_kernel(head, 4, path);
	}
	if (*(__u32 *)head != *(const __u32 *)"/run" || len < 8 || len - 4 > sizeof(name))
		return TT_RESOLVER_NONE;
	/* its NUL included; what is behind stays zero */
	if (bpf_probe_read_kernel(name, at_most(len - 4, sizeof(name)), path + 4))
		return TT_RESOLVER_NONE;
	for (i = 0; i < sizeof(resolver_names) / sizeof(resolver_names[0]); i++) {
		__u64 differs = name[RESOLVER_WORDS];

		for (word = 0; word < RESOLVER_WORDS; word++)
			differs |= name[word] ^ ((const __u64 *)resolver_names[i].name)[word];
		if (!differs)
			return resolver_names[i].resolver;
	}
	return TT_RESOLVER_NONE;
}

/* As tap_tcp(): how much is wanted, and where in the stream it begins. */
static __always_inline __u32 tap_resolver(struct scratch *s, __u64 *sock_id, __u32 *offset)
{
	struct sock *sk = s->tap.sk;
	__u64 inode = BPF_CORE_READ(sk, sk_socket, file, f_inode, i_ino);
	struct resolver_stream fresh = {}, *stream;

	if (!inode)
		return 0;
	stream = bpf_map_lookup_elem(&resolver_streams, &inode);
	if (!stream) {
		bpf_map_update_elem(&resolver_streams, &inode, &fresh, BPF_NOEXIST);
		stream = bpf_map_lookup_elem(&resolver_streams, &inode);
	}
	if (!stream || stream->tapped >= TT_RESOLVER_MAX)
		return 0;
	*sock_id = inode;
	*offset = stream->tapped;
	stream->tapped += s->tap.done;
	return at_most(s->tap.done, TT_PAYLOAD_MAX);
}

#endif
