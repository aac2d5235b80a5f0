/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Looking without opening, and changing: stat, access and listings of what may have a category (telltale/looks.h); renames,
 * links, removals, and changes of modes and lengths.
 *
 * A call that gives a name has nothing but that at its return: these rows are the caller's word (path_source `user`), as
 * those of failed opens are. One that gives a descriptor has the file. A name that cannot be read names nothing, and an
 * empty one stands for the descriptor (AT_EMPTY_PATH), whose open was seen: neither has a record. */
#ifndef TT_BPF_LOOK_H
#define TT_BPF_LOOK_H

#include "file.bpf.h"

/* ---- which looks pass */

/* Bytes of a name that are looked at in one go, and in one block of such parts: each is verified once (docs/design/0003). */
#define LOOK_PART  8
#define LOOK_BLOCK 256

static __always_inline __u64 look_has(const volatile __u64 *bits, __u64 hash)
{
	__u32 bit = TT_LOOK_BIT(hash), other = TT_LOOK_OTHER(hash);

	return bits[bit / 64] >> bit % 64 & bits[other / 64] >> other % 64 & 1;
}

/* At a component's end, if it is one: an empty one and "." are none. */
TT_GLOBAL_FUNCTION int look_component(__u32 of)
{
	struct scratch *s = scratch_get(of);
	__u64 name;

	if (!s)
		return 0;
	name = s->look.name;
	if (name != TT_LOOK_NAME && name != TT_LOOK_STEP(TT_LOOK_NAME, '.')) {
		s->look.last = look_has(looks_last, name) | look_has(looks_last, s->look.extension);
		s->look.any |= look_has(looks_any, name);
	}
	s->look.name = TT_LOOK_NAME;
	s->look.extension = 0;
	return 0;
}

/* The bytes from `at` on, LOOK_PART at most: of s->room or of s->user, which are `from` bytes into the scratch. */
TT_GLOBAL_FUNCTION int look_part(__u32 of, __u32 from, __u32 at, __u32 len)
{
	struct scratch *s = scratch_get(of);
	__u64 name, extension;
	const char *bytes;
	__u32 i;
	char c;

	if (!s)
		return 0;
	bytes = (char *)s + at_most(from, offsetof(struct scratch, room));
	name = s->look.name;
	extension = s->look.extension;
	for (i = 0; i < LOOK_PART && at + i < len; i++) {
		c = bytes[(at + i) & (TT_PATH_MAX - 1)];
		if (c && c != '/') {
			name = TT_LOOK_STEP(name, c);
			extension = c == '.' ? TT_LOOK_EXTENSION : TT_LOOK_STEP(extension, c);
			continue;
		}
		s->look.name = name;
		s->look.extension = extension;
		look_component(of);
		name = s->look.name;
		extension = s->look.extension;
	}
	s->look.name = name;
	s->look.extension = extension;
	return 0;
}

TT_GLOBAL_FUNCTION int look_block(__u32 of, __u32 from, __u32 at, __u32 len)
{
	__u32 i;

	for (i = 0; i < LOOK_BLOCK && at + i < len; i += LOOK_PART)
		look_part(of, from, at + i, len);
	return 0;
}

/* Sets s->look's last and any for len bytes of components, which end with '/' or NUL. */
TT_GLOBAL_FUNCTION int look_scan(__u32 of, __u32 from, __u32 len)
{
	struct scratch *s = scratch_get(of);
	__u32 at;

	if (!s)
		return 0;
	s->look.last = 0;
	s->look.any = 0;
	s->look.name = TT_LOOK_NAME;
	s->look.extension = 0;
	for (at = 0; at < TT_PATH_MAX && at < len; at += LOOK_BLOCK)
		look_block(of, from, at, len);
	return look_component(of);
}

/* Whether a component of a directory's path is in looks_any: path is the address of a struct path. Programs ask for many names in one
 * directory: what the last one was is kept, for as long as it has its name and no watched task of the slot renames anything
 * (its epoch). */
TT_GLOBAL_FUNCTION int look_at_directory(__u32 of, __u64 path_at, __u32 epoch)
{
	struct scratch *s = scratch_get(of);
	const struct path *path = (void *)path_at;
	__u64 dentry, mnt, parent;
	__u32 hash;

	if (!s)
		return 0;
	dentry = (__u64)BPF_CORE_READ(path, dentry);
	mnt = (__u64)BPF_CORE_READ(path, mnt);
	parent = (__u64)BPF_CORE_READ((struct dentry *)dentry, d_parent);
	hash = BPF_CORE_READ((struct dentry *)dentry, d_name.hash);
	if (s->look.base != dentry || s->look.base_mnt != mnt || s->look.base_parent != parent ||
	    s->look.base_hash != hash || s->look.base_epoch != epoch) {
		look_scan(of, offsetof(struct scratch, room), path_append(s, path, 0));
		s->look.base = dentry;
		s->look.base_mnt = mnt;
		s->look.base_parent = parent;
		s->look.base_hash = hash;
		s->look.base_epoch = epoch;
		s->look.base_any = s->look.any;
	}
	return s->look.base_any;
}

/* Whether the name in s->user may have a category. */
static __always_inline bool look_passes(const struct subject *sub, struct scratch *s, __u32 len, int dirfd)
{
	struct task_struct *task = sub->task;
	const struct path *directory;
	struct file *file;

	look_scan(s->self, offsetof(struct scratch, user), len);
	if (s->look.last | s->look.any)
		return true;
	if (s->user[0] == '/')
		return false;
	if (dirfd == AT_FDCWD) {
		directory = &BPF_CORE_READ(task, fs)->pwd;
	} else {
		file = file_by_fd(dirfd);
		if (!file)
			return false;
		directory = &file->f_path;
	}
	return look_at_directory(s->self, (__u64)directory, *slot_epoch(sub->state->slot));
}

/* ---- records */

static __always_inline __u64 directory_ident(struct task_struct *task, int dirfd, __u32 *ret_dev)
{
	struct inode *dir = NULL;
	struct file *file;

	if (dirfd == AT_FDCWD) {
		dir = BPF_CORE_READ(task, fs, pwd.dentry, d_inode);
	} else {
		file = file_by_fd(dirfd);
		if (file)
			dir = BPF_CORE_READ(file, f_inode);
	}
	if (!dir)
		return 0;
	*ret_dev = BPF_CORE_READ(dir, i_sb, s_dev);
	return BPF_CORE_READ(dir, i_ino);
}

/* read_spelling(), once for all names; what it found out is added to s->look.flags. */
TT_GLOBAL_FUNCTION int look_spelling(__u32 of, __u64 at, __u32 in_kernel)
{
	struct scratch *s = scratch_get(of);
	struct spelling spelling = { .at = (void *)at, .in_kernel = in_kernel };
	__u32 flags = 0, len;

	if (!s)
		return 0;
	len = read_spelling(s, &spelling, &flags);
	s->look.flags |= flags;
	return len;
}

/* What is done with the name, or with two of them, that s->look has: one record for all programs and calls, verified once. 0. */
TT_GLOBAL_FUNCTION int observe_names(__u32 of)
{
	struct scratch *s = scratch_get(of);
	struct tt_agg_value *value;
	struct tt_agg_key *key;
	struct subject sub;
	__u32 flags, from_len = 0, user_len, base_len = 0, path_len = 0, dev = 0;
	__u64 now = bpf_ktime_get_boot_ns(), both = 0;
	enum agg_due due;
	const void *from;
	bool relative;
	long n;

	if (!s || !subject_marked(&sub) || !subject_alive(&sub))
		return 0;
	from = s->look.from;
	s->look.flags = 0;
	key = &s->op.own.key;
	__builtin_memset(key, 0, sizeof(*key));
	if (from) {
		from_len = look_spelling(of, (__u64)from, s->look.in_kernel);
		if (!from_len)
			return 0;
		both = hash_user(of, from_len);
		relative = s->user[0] != '/' && s->look.op != TT_OP_SYMLINK;
		if (relative)
			both = mix(both, directory_ident(sub.task, s->look.from_dirfd, &dev));
	}
	user_len = look_spelling(of, (__u64)s->look.at, s->look.in_kernel);
	if (!user_len)
		return 0;
	if (s->look.op == TT_OP_STAT && !look_passes(&sub, s, user_len, s->look.dirfd))
		return 0;
	key->start_ns = sub.state->start_ns;
	key->pid = sub.state->pid;
	key->op = s->look.op;
	key->result = s->look.result;
	key->ident = hash_user(of, user_len) ^ both;
	if (s->user[0] != '/') {
		key->extra = directory_ident(sub.task, s->look.dirfd, &dev);
		key->dev = dev;
	}
	if (agg_counted(&sub, &s->op, now, &value))
		return 0;
	due = agg_note(&sub, &s->op, value, now);
	if (due == AGG_GONE)
		return 0;
	flags = s->look.flags | compat_flag(sub.task) | due_flags(due);
	forget(flags, now);
	if (from && relative)
		path_len = append_base(s, sub.task, s->look.from_dirfd, 0, &flags);
	forget(path_len, now);
	forget(flags, now);
	if (s->user[0] != '/')
		base_len = append_base(s, sub.task, s->look.dirfd, path_len, &flags);
	forget(base_len, now);
	forget(flags, now);
	user_len = append_user(s, path_len + base_len, user_len);
	__builtin_memset(&s->file, 0, sizeof(s->file));
	if (from) {
		void *room = s->room + ((path_len + base_len + user_len) & ROOM_MASK);

		n = s->look.in_kernel ? bpf_probe_read_kernel_str(room, TT_PATH_MAX, from)
				      : bpf_probe_read_user_str(room, TT_PATH_MAX, from);
		if (n > 0)
			s->file.target_len = n;
	}
	s->file.hdr.flags = flags;
	s->file.path_len = path_len;
	s->file.base_len = base_len;
	s->file.user_len = user_len;
	send_file(&sub, s, &s->op, now);
	return 0;
}

/* A call that gives a descriptor: of a listing, or of a change. flags: what is known of the file's origin. */
static __always_inline int observe_object(struct subject *sub, struct scratch *s, struct file *file,
					  enum tt_op op, long result, __u32 flags)
{
	struct dentry *dentry = BPF_CORE_READ(file, f_path.dentry);
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	struct tt_agg_key *key = &s->op.own.key;
	__u64 now = bpf_ktime_get_boot_ns();
	struct tt_agg_value *value;
	enum agg_due due;
	__u32 path_len;

	if (op == TT_OP_LIST &&
	    !look_at_directory(s->self, (__u64)&file->f_path, *slot_epoch(sub->state->slot)))
		return 0;
	__builtin_memset(key, 0, sizeof(*key));
	key->start_ns = sub->state->start_ns;
	key->ident = BPF_CORE_READ(inode, i_ino);
	key->pid = sub->state->pid;
	key->dev = BPF_CORE_READ(inode, i_sb, s_dev);
	key->name = BPF_CORE_READ(dentry, d_name.hash);
	key->op = op;
	key->result = result < 0 ? result : 0;
	if (agg_counted(sub, &s->op, now, &value))
		return 0;
	due = agg_note(sub, &s->op, value, now);
	if (due == AGG_GONE)
		return 0;
	flags |= compat_flag(sub->task) | due_flags(due);
	forget(flags, now);
	path_len = path_append(s, &file->f_path, 0);
	flags |= s->walk.flags;
	if (dentry_unlinked(dentry))
		flags |= TT_EVF_DELETED;
	__builtin_memset(&s->file, 0, sizeof(s->file));
	s->file.hdr.flags = flags;
	s->file.path_len = path_len;
	s->file.mode = BPF_CORE_READ(inode, i_mode);
	s->file.fs_magic = BPF_CORE_READ(inode, i_sb, s_magic);
	send_file(sub, s, &s->op, now);
	return 0;
}

/* ---- calls */

static __always_inline int observe_name_at(struct scratch *s, long result, enum tt_op op, int dirfd,
					   __u64 name)
{
	s->look.at = (void *)name;
	s->look.dirfd = dirfd;
	s->look.op = op;
	s->look.result = result < 0 ? result : 0;
	return observe_names(s->self);
}

static __always_inline int observe_two_names(struct scratch *s, long result, enum tt_op op, int from_dirfd,
					     __u64 from, int dirfd, __u64 name)
{
	s->look.from = (void *)from;
	s->look.from_dirfd = from_dirfd;
	return observe_name_at(s, result, op, dirfd, name);
}

/* The calls of this file at their return, their arguments as the caller gave them. */
static __noinline int on_look(struct subject *sub, struct scratch *s, const struct call_ctx *c)
{
	enum tt_op op = c->call == CALL_LIST	 ? TT_OP_LIST
			: c->call == CALL_FCHMOD ? TT_OP_CHMOD
						 : TT_OP_TRUNCATE;
	struct file *file;

	s->look.from = NULL;
	s->look.in_kernel = false;
	switch (c->call) {
	case CALL_LOOK:
		return observe_name_at(s, c->ret, TT_OP_STAT, AT_FDCWD, c->arg[0]);
	case CALL_LOOK_AT:
		return observe_name_at(s, c->ret, TT_OP_STAT, c->arg[0], c->arg[1]);
	case CALL_RENAME:
		return observe_two_names(s, c->ret, TT_OP_RENAME, AT_FDCWD, c->arg[0], AT_FDCWD, c->arg[1]);
	case CALL_RENAME_AT:
		return observe_two_names(s, c->ret, TT_OP_RENAME, c->arg[0], c->arg[1], c->arg[2], c->arg[3]);
	case CALL_LINK:
		return observe_two_names(s, c->ret, TT_OP_LINK, AT_FDCWD, c->arg[0], AT_FDCWD, c->arg[1]);
	case CALL_LINK_AT:
		return observe_two_names(s, c->ret, TT_OP_LINK, c->arg[0], c->arg[1], c->arg[2], c->arg[3]);
	case CALL_SYMLINK:
		return observe_two_names(s, c->ret, TT_OP_SYMLINK, AT_FDCWD, c->arg[0], AT_FDCWD, c->arg[1]);
	case CALL_SYMLINK_AT:
		return observe_two_names(s, c->ret, TT_OP_SYMLINK, AT_FDCWD, c->arg[0], c->arg[1], c->arg[2]);
	case CALL_UNLINK:
		return observe_name_at(s, c->ret, TT_OP_UNLINK, AT_FDCWD, c->arg[0]);
	case CALL_UNLINK_AT:
		return observe_name_at(s, c->ret, TT_OP_UNLINK, c->arg[0], c->arg[1]);
	case CALL_CHMOD:
		return observe_name_at(s, c->ret, TT_OP_CHMOD, AT_FDCWD, c->arg[0]);
	case CALL_CHMOD_AT:
		return observe_name_at(s, c->ret, TT_OP_CHMOD, c->arg[0], c->arg[1]);
	case CALL_TRUNCATE:
		return observe_name_at(s, c->ret, TT_OP_TRUNCATE, AT_FDCWD, c->arg[0]);
	default: /* by descriptor; the end of a listing is no listing */
		file = file_by_fd(c->arg[0]);
		if (!file || (op == TT_OP_LIST && c->ret == 0))
			return 0;
		return observe_object(sub, s, file, op, c->ret, TT_EVF_BY_FD);
	}
}

/* Trampolines: many programs, most of them seldom run, share a scratch. Where the kernel preempts, one may begin while another has not
 * ended on that CPU: it leaves its call out, and counts it. Adding and then looking is enough, since nothing runs at the same
 * time on the same CPU. */
static __always_inline struct scratch *look_begin(const struct subject *sub, __u32 of)
{
	struct scratch *s = scratch_get(of);

	if (!s)
		return NULL;
	__sync_fetch_and_add(&s->users, 1);
	if (*(volatile __u64 *)&s->users == 1)
		return s;
	__sync_fetch_and_add(&s->users, -1);
	count_loss(sub->state->slot, TT_LOSS_FILE);
	return NULL;
}

static __always_inline void look_end(struct scratch *s)
{
	__sync_fetch_and_add(&s->users, -1);
}

#endif
