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
#define WALK_PART  5

#define ROOM_MASK (SCRATCH_DATA - 1)

/* Two pointers that lie side by side unless the kernel's build shuffled them, which one read has then. */
static __always_inline long read_pair(__u64 to[2], void *from, __u32 first, __u32 second)
{
	if (kernel_casts) {
		to[0] = word_at(from + first);
		to[1] = word_at(from + second);
		return 0;
	}
	if (second == first + 8)
		return bpf_probe_read_kernel(to, 16, from + first);
	return bpf_probe_read_kernel(&to[0], 8, from + first) ||
	       bpf_probe_read_kernel(&to[1], 8, from + second);
}

static __always_inline void copy_short_name(__u64 *to, const __u64 *from, __u32 len)
{
	__u32 i;

#pragma unroll
	for (i = 0; i < SHORT_NAME / 8; i++) {
		to[i] = from[i];
		if (len < i * 8 + 8)
			break;
	}
}

/* Reads the walk's dentry, in one piece where that is a call: parent, name, and a short name's bytes. */
static __always_inline long read_dentry(struct scratch *s)
{
	__u32 seq = bpf_core_field_offset(struct dentry, d_seq.seqcount.sequence),
	      parent = bpf_core_field_offset(struct dentry, d_parent),
	      len = bpf_core_field_offset(struct dentry, d_name.len),
	      name = bpf_core_field_offset(struct dentry, d_name.name),
	      end = short_name_offset() + SHORT_NAME;
	struct dentry *dentry = (void *)s->walk.dentry;
	void *block = s->walk.block;

	if (kernel_casts) {
		dentry = typed(struct dentry, dentry);
		s->walk.seq = dentry->d_seq.seqcount.sequence;
		s->walk.parent = (__u64)dentry->d_parent;
		s->walk.name_len = dentry->d_name.len;
		s->walk.name = (__u64)dentry->d_name.name;
		copy_short_name(block + ((short_name_offset() - seq) & (DENTRY_BLOCK - 1)),
				(void *)dentry + short_name_offset(), s->walk.name_len);
		s->walk.seq |= dentry->d_seq.seqcount.sequence != s->walk.seq;
		return 0;
	}
	if (seq < parent && parent < len && len < name && name < end && end - seq <= DENTRY_BLOCK) {
		if (bpf_probe_read_kernel(block, end - seq, (void *)dentry + seq))
			return -1;
		s->walk.seq = *(__u32 *)block;
		s->walk.parent = *(__u64 *)(block + (parent - seq));
		s->walk.name_len = *(__u32 *)(block + (len - seq));
		s->walk.name = *(__u64 *)(block + (name - seq));
		return 0;
	}
	s->walk.seq = 1; /* the short name is not in the block */
	s->walk.name = (__u64)BPF_CORE_READ(dentry, d_name.name);
	return bpf_core_read(&s->walk.parent, 8, &dentry->d_parent);
}

/* The name of the dentry that was read, with its NUL, to s->room at offset `at`; its length, or an error. A short one is
 * in the block, unless somebody was renaming (fs/dcache.c:__d_move). */
static __always_inline long read_name(struct scratch *s, __u32 at)
{
	__u32 seq = bpf_core_field_offset(struct dentry, d_seq.seqcount.sequence), len = s->walk.name_len;
	void *from = (void *)s->walk.block + ((short_name_offset() - seq) & (DENTRY_BLOCK - 1)), *to;

	barrier_var(at); /* the compiler may know that it is small: the verifier has to see it */
	to = s->room + (at & ROOM_MASK);

	if (s->walk.seq & 1 || len >= SHORT_NAME)
		return bpf_probe_read_kernel_str(to, 256, (void *)s->walk.name);
	copy_short_name(to, from, len);
	((char *)to)[len & (SHORT_NAME - 1)] = 0;
	return len + 1;
}

/* From here up to the current task's root; walk.dentry, walk.mnt and walk.mnt_root are set. */
static __always_inline void walk_begin(struct scratch *s, struct task_struct *task)
{
	struct fs_struct *fs = task_read(task, fs);

	s->walk.root = (__u64)task_read(fs, root.dentry);
	s->walk.root_mnt = (__u64)task_read(fs, root.mnt);
	s->walk.root_mnt_root = (__u64)task_read(fs, root.mnt, mnt_root);
	s->walk.len = 0;
	s->walk.count = 0;
	s->walk.flags = TT_EVF_PATH_CUT; /* until the root is reached */
}

/* From the root of a mount to where it is mounted; false if that is nowhere. */
static __always_inline bool leave_mount(struct scratch *s)
{
	__u32 mnt = bpf_core_field_offset(struct mount, mnt);
	struct mount *m = (void *)s->walk.mnt - mnt, *up;

	if (read_pair(&s->walk.up, m, bpf_core_field_offset(struct mount, mnt_parent),
		      bpf_core_field_offset(struct mount, mnt_mountpoint)) ||
	    s->walk.up == (__u64)m)
		return false;
	up = (void *)s->walk.up;
	s->walk.dentry = s->walk.mountpoint;
	s->walk.mnt = s->walk.up + mnt;
	s->walk.mnt_root = s->walk.mnt == s->walk.root_mnt ? s->walk.root_mnt_root
							   : word_at(&up->mnt.mnt_root);
	return true;
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
	if (dentry == s->walk.mnt_root && leave_mount(s))
		return 0;
	if (read_dentry(s))
		return 1;
	if (dentry == s->walk.mnt_root || dentry == s->walk.parent) {
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
		n = read_name(s, at);
		if (n > 1 && s->room[at & ROOM_MASK] != '/') {
			s->walk.len = n;
			s->walk.count = 1;
		}
		return 1;
	}
component:
	if (len >= TT_PATH_MAX || s->walk.count >= TT_COMPONENTS_MAX) {
		s->walk.flags |= TT_EVF_PATH_CUT;
		return 1;
	}
	n = read_name(s, at + len);
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
		walk_begin(s, current_task());
	for (i = 0; i < WALK_STEPS / WALK_PART; i++)
		if (walk_part(of, at))
			break;
	return s->walk.len;
}

/* Appends a path to the room at offset `at`. Returns the number of bytes. */
static __always_inline __u32 path_append(struct scratch *s, const struct path *path, __u32 at)
{
	s->walk.dentry = word_at(&path->dentry);
	s->walk.mnt = word_at(&path->mnt);
	s->walk.mnt_root = word_at(&((struct vfsmount *)s->walk.mnt)->mnt_root);
	return path_walk(s->self, at, true);
}

/* Components that are read by pointers whose types the verifier knows, which is several times as fast. */
#define TYPED_STEPS 16

/* The name, with its NUL, to the end of what the walk has; its length, or an error. A short one is part of the dentry, a
 * long one is copied as a block, which is faster than as a string; if somebody renames meanwhile (fs/dcache.c, __d_move()) it is
 * the string after all. */
static __always_inline long append_name(struct scratch *s, struct dentry *dentry, __u32 at)
{
	__u32 seq = dentry->d_seq.seqcount.sequence, len = dentry->d_name.len & 255;
	void *to = s->room + ((at + s->walk.len) & ROOM_MASK);
	long error = 0;

	if (len < SHORT_NAME)
		copy_short_name(to, (void *)dentry + short_name_offset(), len);
	else
		error = bpf_probe_read_kernel(to, len + 1, dentry->d_name.name);
	if (!error && !(seq & 1) && dentry->d_seq.seqcount.sequence == seq)
		return len + 1;
	return bpf_probe_read_kernel_str(to, 256, dentry->d_name.name);
}

/* The same for an open file that the verifier knows to be one: up to the first mount point that way. */
static __always_inline __u32 path_append_typed(struct scratch *s, struct task_struct *task, struct file *file,
					       __u32 at)
{
	struct dentry *dentry = file->f_path.dentry, *parent;
	struct vfsmount *mnt = file->f_path.mnt;
	__u64 mnt_root = (__u64)mnt->mnt_root, root;
	long n;
	int i;

	s->walk.mnt = (__u64)mnt;
	s->walk.mnt_root = mnt_root;
	walk_begin(s, task);
	root = s->walk.mnt == s->walk.root_mnt ? s->walk.root : 0;
	for (i = 0; i < TYPED_STEPS; i++) {
		parent = dentry->d_parent;
		if ((__u64)dentry == mnt_root || dentry == parent || (__u64)dentry == root)
			break;
		n = append_name(s, dentry, at);
		if (n < 0)
			return s->walk.len;
		s->walk.len += n;
		s->walk.count++;
		dentry = parent;
	}
	s->walk.dentry = (__u64)dentry;
	if (s->walk.dentry == root) {
		s->walk.flags = 0;
		return s->walk.len;
	}
	/* most are mounted in the root */
	if (s->walk.dentry == mnt_root)
		leave_mount(s);
	if (walk_step(s, at) || walk_step(s, at))
		return s->walk.len;
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
