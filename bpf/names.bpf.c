/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Names that getaddrinfo(3) is asked for, and what it found: probes at its entry and at freeaddrinfo's, in the C library's file.
 *
 * They see what no packet shows: names that a resolver on this machine, a cache or /etc/hosts knew. The entry has the name, and
 * where the list will be put. Nothing is at the return, since a return probe replaces return addresses on the observed program's
 * stack: the list is read when it is given back, which nearly all do before they connect (curl, Python, Node, Rust, Go), though
 * not always on the thread that asked (libuv). By then the place that was said at the entry has the list's address, or it is
 * another call's. Like the probes of uprobe.bpf.c these run for every process that maps the file. */
#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "lib/task.bpf.h"
#include "lib/verifier.bpf.h"

/* netdb.h: struct addrinfo, alike in glibc and musl where pointers have 64 bits. */
struct addrinfo {
	__s32 flags, family, socktype, protocol;
	__u32 addrlen, pad;
	__u64 addr, canonname, next;
};

/* Where the address is in a struct sockaddr_in, and in a struct sockaddr_in6. */
#define IN_ADDR	 4
#define IN6_ADDR 8

#define AF_INET	 2
#define AF_INET6 10

/* Each address comes once for each kind of socket that it may be used with (three), one behind the other. */
#define LIST_MAX (3 * TT_LOOKUP_ADDRESSES)

static __always_inline long read_name(char *name, const void *user)
{
	char byte;
	long n = bpf_probe_read_user_str(name, TT_LOOKUP_NAME_MAX, user);

	if (n < 0 && sleepable_uprobes) {
		/* it may end on the next page: both are fetched */
		bpf_copy_from_user(&byte, 1, user);
		bpf_copy_from_user(&byte, 1, (void *)(((__u64)user + TT_LOOKUP_NAME_MAX) & ~0xfffULL));
		n = bpf_probe_read_user_str(name, TT_LOOKUP_NAME_MAX, user);
	}
	return n;
}

/* The process's calls whose lists were not given back yet. */
static __always_inline struct lookups *lookups_of(const struct subject *sub, bool make)
{
	struct lookups_key key = { .start_ns = sub->state->start_ns, .pid = sub->state->pid };
	struct lookups *calls = bpf_map_lookup_elem(&lookups, &key);
	__u32 zero = 0;

	if (calls || !make)
		return calls;
	calls = bpf_map_lookup_elem(&no_lookups, &zero);
	if (calls)
		bpf_map_update_elem(&lookups, &key, calls, BPF_NOEXIST);
	return bpf_map_lookup_elem(&lookups, &key);
}

/* In the place of the call with the same *res, which cannot be given back any more, or of the oldest. */
static __always_inline void remember(struct lookups *calls, __u64 res, __u64 id)
{
	__u32 at = 0, i;

	for (i = 0; i < LOOKUPS_PENDING; i++) {
		if (calls->call[i].res == res) {
			at = i;
			break;
		}
		if (calls->call[i].id < calls->call[at & (LOOKUPS_PENDING - 1)].id)
			at = i;
		forget(at, res);
	}
	at &= LOOKUPS_PENDING - 1;
	calls->call[at].res = res;
	calls->call[at].id = id;
}

/* int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **res) */
SEC("uprobe")
int up_getaddrinfo(struct pt_regs *ctx)
{
	const void *node = (void *)PT_REGS_PARM1(ctx);
	struct addrinfo *hints = (void *)PT_REGS_PARM3(ctx);
	__u64 now = bpf_ktime_get_boot_ns();
	struct tt_ev_lookup ev = {};
	struct lookups *calls;
	struct subject sub;
	long n;

	keep_to_task_stack(ctx);
	/* without a name it is for whoever wants to listen */
	if (!node || !subject_in_user_mode(&sub) || !subject_alive(&sub))
		return 0;
	n = read_name(ev.name, node);
	header(&ev.hdr, &sub, TT_EV_LOOKUP, sizeof(ev), now);
	if (n < 0)
		ev.hdr.flags |= TT_EVF_USER_FAULT;
	if (n == TT_LOOKUP_NAME_MAX)
		ev.hdr.flags |= TT_EVF_USER_CUT;
	ev.name_len = n > 0 ? n - 1 : 0;
	if (hints)
		bpf_probe_read_user(&ev.family, sizeof(ev.family), &hints->family);
	/* unique, since two calls on one processor take longer than a nanosecond */
	ev.id = now << 10 | (bpf_get_smp_processor_id() & 1023);
	calls = lookups_of(&sub, true);
	if (calls)
		remember(calls, PT_REGS_PARM4(ctx), ev.id);
	if (bpf_ringbuf_output(&activity, &ev, sizeof(ev), BPF_RB_NO_WAKEUP))
		count_loss(sub.state->slot, TT_LOSS_PAYLOAD);
	return 0;
}

/* Which call's list it is, the newest that says so; 0: none's. That is taken away. */
static __always_inline __u64 forget_call(struct lookups *calls, __u64 list)
{
	__u64 best = 0, now_there;
	__u32 at = 0, i;

	for (i = 0; i < LOOKUPS_PENDING; i++) {
		if (calls->call[i].id <= best)
			continue;
		if (bpf_probe_read_user(&now_there, sizeof(now_there), (void *)calls->call[i].res) ||
		    now_there != list)
			continue;
		best = calls->call[i].id;
		at = i;
		forget(at, list);
	}
	if (best) {
		at &= LOOKUPS_PENDING - 1;
		calls->call[at].res = calls->call[at].id = 0;
	}
	return best;
}

/* The list's addresses, each once if its like stand together. Both families take one way: each way of its own is one that the
 * verifier follows to the end from every turn of the loop. */
static __always_inline void read_list(struct tt_ev_lookup_done *ev, __u64 list)
{
	struct addrinfo info;
	__u32 n = 0, i;

	for (i = 0; i < LIST_MAX && list; i++) {
		struct tt_ev_address fresh = {};
		const struct tt_ev_address *last;
		__u64 size, from;

		forget(n, list);
		if (bpf_probe_read_user(&info, sizeof(info), (void *)list))
			break;
		list = info.next;
		if (info.family != AF_INET && info.family != AF_INET6)
			continue;
		size = info.family == AF_INET ? 4 : 16;
		from = info.family == AF_INET ? IN_ADDR : IN6_ADDR;
		forget(size, list);
		forget(from, list);
		size = at_most(size, sizeof(fresh.addr));
		if (bpf_probe_read_user(fresh.addr, size, (void *)(info.addr + from)))
			break;
		fresh.family = info.family;
		/* before the first are zeros, which is no family */
		last = &ev->addresses[(n - 1) & (TT_LOOKUP_ADDRESSES - 1)];
		if (last->family == fresh.family && *(__u64 *)last->addr == *(__u64 *)fresh.addr &&
		    *(__u64 *)(last->addr + 8) == *(__u64 *)(fresh.addr + 8))
			continue;
		if (n >= TT_LOOKUP_ADDRESSES)
			break;
		ev->addresses[n & (TT_LOOKUP_ADDRESSES - 1)] = fresh;
		n++;
	}
	ev->n = n;
}

/* void freeaddrinfo(struct addrinfo *list) */
SEC("uprobe")
int up_freeaddrinfo(struct pt_regs *ctx)
{
	__u64 list = PT_REGS_PARM1(ctx), id;
	struct tt_ev_lookup_done *ev;
	struct lookups *calls;
	struct subject sub;

	keep_to_task_stack(ctx);
	if (!subject_in_user_mode(&sub) || !subject_alive(&sub))
		return 0;
	calls = lookups_of(&sub, false);
	if (!calls)
		return 0;
	id = forget_call(calls, list);
	if (!id)
		return 0;
	ev = bpf_ringbuf_reserve(&activity, sizeof(*ev), 0);
	if (!ev) {
		count_loss(sub.state->slot, TT_LOSS_PAYLOAD);
		return 0;
	}
	__builtin_memset(ev, 0, sizeof(*ev));
	header(&ev->hdr, &sub, TT_EV_LOOKUP_DONE, sizeof(*ev), bpf_ktime_get_boot_ns());
	ev->id = id;
	read_list(ev, list);
	bpf_ringbuf_submit(ev, BPF_RB_NO_WAKEUP);
	return 0;
}
