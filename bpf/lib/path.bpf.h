/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Paths from dentries and mounts.
 *
 * bpf_d_path is not allowed where we need it, so this walks d_parent and mount points itself, as
 * fs/d_path.c:prepend_path does, up to the process's root. Components are written leaf first
 * (event.h). The cursor lives in map memory: with it in registers verifiers since 6.12 refuse the
 * loop, because every iteration then looks different to them. */
#ifndef TT_BPF_PATH_H
#define TT_BPF_PATH_H

#include "compat.bpf.h"
#include "maps.bpf.h"

#include <bpf/bpf_core_read.h>

/* Components and mount points together: a path of 256 components below 24 stacked mounts. Most paths are one part. */
#define WALK_STEPS (TT_COMPONENTS_MAX + 24)
#define WALK_PART  10

#define ROOM_MASK (SCRATCH_DATA - 1)

/* Reads the walk's dentry: d_parent and d_name lie side by side (include/linux/dcache.h), so one read has both, unless
 * the kernel's build shuffled them. */
static __always_inline long read_dentry(struct scratch *s)
{
	__u32 parent = bpf_core_field_offset(struct dentry, d_parent),
	      name = bpf_core_field_offset(struct dentry, d_name);
	void *dentry = (void *)s->walk.dentry;

	if (name == parent + 8)
		return bpf_probe_read_kernel(&s->walk.parent, 24, dentry + parent);
	bpf_probe_read_kernel(&s->walk.parent, 8, dentry + parent);
	return bpf_probe_read_kernel(&s->walk.hash, 16, dentry + name);
}

/* From here up to the current task's root; walk.dentry and walk.mnt are set. */
static __always_inline void walk_begin(struct scratch *s)
{
	struct task_struct *task = current_task();
	struct vfsmount *mnt = (void *)s->walk.mnt;

	s->walk.mnt_root = (__u64)BPF_CORE_READ(mnt, mnt_root);
	s->walk.root = (__u64)task_read(task, fs, root.dentry);
	s->walk.root_mnt = (__u64)task_read(task, fs, root.mnt);
	s->walk.len = 0;
	s->walk.count = 0;
	s->walk.flags = TT_EVF_PATH_CUT; /* until the root is reached */
}

/* One component, or one mount point. 0: go on; 1: the end, one way or another. */
static __always_inline int walk_step(struct scratch *s, __u32 at)
{
	__u64 dentry = s->walk.dentry;
	__u32 len = s->walk.len;
	long n;

	if (dentry == s->walk.root && s->walk.mnt == s->walk.root_mnt) {
		s->walk.flags = 0;
		return 1;
	}
	if (read_dentry(s))
		return 1;
	if (dentry == s->walk.mnt_root || dentry == s->walk.parent) {
		struct mount *m = (void *)s->walk.mnt - bpf_core_field_offset(struct mount, mnt);
		struct mount *up = BPF_CORE_READ(m, mnt_parent);

		if (up == m || dentry != s->walk.mnt_root) {
			/* the top of a tree that is not this task's: an unmounted or foreign mount, or an
			 * object without a tree, of which a memfd has a name (and no name is longer
			 * than a component) */
			s->walk.flags = TT_EVF_UNREACHABLE;
			if (dentry != s->walk.parent) {
				/* a part of a filesystem, mounted nowhere: goes on by names within it,
				 * or whoever detaches a mount could open what has no name */
				s->walk.mnt = 0;
				s->walk.mnt_root = 0;
				goto component;
			}
			if (len > 0)
				return 1;
			n = bpf_probe_read_kernel_str(s->room + (at & ROOM_MASK), 256, (void *)s->walk.name);
			if (n > 1 && s->room[at & ROOM_MASK] != '/') {
				s->walk.len = n;
				s->walk.count = 1;
			}
			return 1;
		}
		s->walk.dentry = (__u64)BPF_CORE_READ(m, mnt_mountpoint);
		s->walk.mnt = (__u64)up + bpf_core_field_offset(struct mount, mnt);
		s->walk.mnt_root = (__u64)BPF_CORE_READ(up, mnt.mnt_root);
		return 0;
	}
component:
	if (len >= TT_PATH_MAX || s->walk.count >= TT_COMPONENTS_MAX) {
		s->walk.flags |= TT_EVF_PATH_CUT;
		return 1;
	}
	n = bpf_probe_read_kernel_str(s->room + ((at + len) & ROOM_MASK), 256, (void *)s->walk.name);
	if (n < 0)
		return 1;
	/* a name with its NUL takes what "/" and the name take: what open(2) takes fits exactly */
	if (len + n > TT_PATH_MAX) {
		s->walk.flags |= TT_EVF_PATH_CUT;
		return 1;
	}
	s->walk.len = len + n;
	s->walk.count++;
	s->walk.dentry = s->walk.parent;
	return 0;
}

/* Some steps of the walk: verified once, so that all of them cost the verifier little more. */
TT_GLOBAL_FUNCTION int walk_part(__u32 of, __u32 at)
{
	struct scratch *s = scratch_get(of);
	int i;

	if (!s)
		return 1;
	for (i = 0; i < WALK_PART; i++)
		if (walk_step(s, at))
			return 1;
	return 0;
}

/* The walk, whose bytes begin at offset `at` of the room: from its begin, or on from where it is. Returns the number of
 * bytes. Sets walk.flags: TT_EVF_PATH_CUT where the path was longer than TT_PATH_MAX or deeper than TT_COMPONENTS_MAX,
 * TT_EVF_UNREACHABLE where it ended elsewhere than at the current task's root. */
TT_GLOBAL_FUNCTION int path_walk(__u32 of, __u32 at, bool begin)
{
	struct scratch *s = scratch_get(of);
	int i;

	if (!s)
		return 0;
	if (begin)
		walk_begin(s);
	for (i = 0; i < WALK_STEPS / WALK_PART; i++)
		if (walk_part(of, at))
			break;
	return s->walk.len;
}

/* Appends a path to the room at offset `at`. Returns the number of bytes. */
static __always_inline __u32 path_append(struct scratch *s, const struct path *path, __u32 at)
{
	s->walk.dentry = (__u64)BPF_CORE_READ(path, dentry);
	s->walk.mnt = (__u64)BPF_CORE_READ(path, mnt);
	return path_walk(s->self, at, true);
}

/* Components that are read by pointers whose types the verifier knows, which is several times as fast. */
#define TYPED_STEPS 16

/* The name, with its NUL, to the end of what the walk has; its length, or an error. A block is copied faster than a
 * string, if nobody renames meanwhile: fs/dcache.c, __d_move(). */
static __always_inline long append_name(struct scratch *s, struct dentry *dentry, __u32 at)
{
	__u32 sequence = dentry->d_seq.seqcount.sequence, len = dentry->d_name.len & 255;
	char *to = s->room + ((at + s->walk.len) & ROOM_MASK);

	if (!bpf_probe_read_kernel(to, len + 1, dentry->d_name.name) && !(sequence & 1) &&
	    dentry->d_seq.seqcount.sequence == sequence)
		return len + 1;
	return bpf_probe_read_kernel_str(to, 256, dentry->d_name.name);
}

/* The same for an open file that the verifier knows to be one: up to the first mount point that way. */
static __always_inline __u32 path_append_typed(struct scratch *s, struct file *file, __u32 at)
{
	struct dentry *dentry = file->f_path.dentry, *parent;
	struct vfsmount *mnt = file->f_path.mnt;
	long n;
	int i;

	s->walk.mnt = (__u64)mnt;
	walk_begin(s);
	for (i = 0; i < TYPED_STEPS; i++) {
		parent = dentry->d_parent;
		if ((__u64)dentry == s->walk.mnt_root || dentry == parent ||
		    ((__u64)dentry == s->walk.root && s->walk.mnt == s->walk.root_mnt))
			break;
		n = append_name(s, dentry, at);
		if (n < 0)
			return s->walk.len;
		s->walk.len += n;
		s->walk.count++;
		dentry = parent;
	}
	s->walk.dentry = (__u64)dentry;
	if (s->walk.dentry == s->walk.root && s->walk.mnt == s->walk.root_mnt) {
		s->walk.flags = 0;
		return s->walk.len;
	}
	return path_walk(s->self, at, false);
}

/* A dentry that is neither a root nor in the hash table has lost its name: fs/d_path.c:d_path. */
static __always_inline bool dentry_unlinked(struct dentry *dentry)
{
	return !BPF_CORE_READ(dentry, d_hash.pprev) && BPF_CORE_READ(dentry, d_parent) != dentry;
}

static __always_inline bool dentry_unlinked_typed(struct dentry *dentry)
{
	return !dentry->d_hash.pprev && dentry->d_parent != dentry;
}

#endif
