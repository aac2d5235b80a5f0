/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Observing files: opens that succeeded, and calls that only have the caller's word (failed opens and
 * execs, readlink). The hooks adapt arguments; both backends share these bodies. */
#ifndef TT_BPF_FILE_H
#define TT_BPF_FILE_H

#include "agg.bpf.h"
#include "path.bpf.h"

/* include/uapi/asm-generic/fcntl.h; the same on x86-64 and arm64 where we use them */
#define O_ACCMODE 00000003
#define O_RDONLY  00000000
#define O_CREAT	  00000100
#define O_PATH	  010000000
#define AT_FDCWD  -100

#define FMODE_CREATED 0x100000 /* include/linux/fs.h */

/* The descriptor's file, as fs/file.c:files_lookup_fd_raw finds it; NULL if there is none. */
static __always_inline struct file *file_by_fd(struct task_struct *task, int fd)
{
	struct fdtable *fdt = BPF_CORE_READ(task, files, fdt);
	struct file **slot, *file = NULL;

	if (fd < 0 || (__u32)fd >= BPF_CORE_READ(fdt, max_fds))
		return NULL;
	slot = BPF_CORE_READ(fdt, fd) + fd;
	bpf_probe_read_kernel(&file, sizeof(file), slot);
	return file;
}

/* What the caller wrote: in its own memory, or the kernel's copy, which nobody can change any more. */
struct spelling {
	const void *at; /* NULL: there is none (open_by_handle_at) */
	bool in_kernel;
};

/* The length of the string at s->user if it ends within its first SHORT_STRING bytes, which are all filled, else more. */
#define SHORT_STRING 64

static __always_inline __u32 short_length(const struct scratch *s)
{
	__u64 word, zeros = 0;
	__u32 i;

	for (i = 0; i < SHORT_STRING / 8; i++) {
		word = ((const __u64 *)s->user)[i];
		/* the lowest byte that is zero has its high bit set */
		zeros = (word - 0x0101010101010101) & ~word & 0x8080808080808080;
		if (zeros)
			break;
	}
	if (!zeros)
		return SHORT_STRING;
	/* ones in all bytes below that one, and how many such bytes there are */
	zeros = ((zeros & -zeros) >> 7) - 1;
	return i * 8 + (((zeros & 0x0101010101010101) * 0x0101010101010101) >> 56);
}

/* Reads it into s->user. Returns its length without NUL; what could not be read is empty. What lies behind the NUL is
 * nobody's. */
static __always_inline __u32 read_spelling(struct scratch *s, const struct spelling *spelling, __u32 *flags)
{
	__u32 len;
	long n;

	/* Most names are short, and a block is copied by words, a string by bytes. The kernel's copy has room behind it. */
	if (spelling->in_kernel && !bpf_probe_read_kernel(s->user, SHORT_STRING, spelling->at)) {
		len = short_length(s);
		if (len < SHORT_STRING)
			return len;
	}
	n = spelling->in_kernel ? bpf_probe_read_kernel_str(s->user, TT_PATH_MAX, spelling->at)
				: bpf_probe_read_user_str(s->user, TT_PATH_MAX, spelling->at);
	if (n <= 0) {
		if (n < 0) /* 0 is an empty string, to kernels before 6.12 */
			*flags |= TT_EVF_USER_FAULT;
		s->user[0] = 0;
		return 0;
	}
	if (n == TT_PATH_MAX)
		*flags |= TT_EVF_USER_CUT;
	return n - 1;
}

/* Hash of the len bytes (without NUL) that the caller has put into the scratch's user. */
TT_GLOBAL_FUNCTION __u64 hash_user(__u32 of, __u32 len)
{
	struct scratch *s = scratch_get(of);
	__u64 h = mix(hash_seed, len);
	__u32 i;

	if (!s || len > TT_PATH_MAX)
		return 0;
	/* the last word takes what lies behind the string: clear it */
	*(__u64 *)(s->user + len) = 0; /* unaligned stores are split by the compiler */
	for (i = 0; i < TT_PATH_MAX / 8 && i * 8 < len; i++)
		h = mix(h, ((__u64 *)s->user)[i]);
	return h;
}

/* The last 8 bytes of s->user: enough to tell two spellings of one file apart, and cheap. */
static __always_inline __u64 spelling_tail(struct scratch *s, __u32 len)
{
	__u64 tail;

	if (len >= 8) {
		len = (len - 8) & (TT_PATH_MAX - 1);
		__builtin_memcpy(&tail, s->user + len, 8);
		return tail;
	}
	__builtin_memcpy(&tail, s->user, 8);
	return len ? tail & (~0ULL >> (64 - 8 * len)) : 0;
}

/* Whether the caller's last component is the file's own name (which starts s->room, `name` bytes with NUL). */
TT_GLOBAL_FUNCTION int spelling_matches(__u32 of, __u32 len, __u32 name)
{
	struct scratch *s = scratch_get(of);
	__u32 i;

	if (!s || name < 2)
		return len == 0;
	name--;
	if (name > 255 || name > len)
		return false;
	if (len > name && s->user[(len - name - 1) & (TT_PATH_MAX - 1)] != '/')
		return false;
	len -= name;
	for (i = 0; i + 8 <= 255 && i + 8 <= name; i += 8)
		if (*(volatile __u64 *)(s->room + i) !=
		    *(volatile __u64 *)(s->user + ((len + i) & (TT_PATH_MAX - 1))))
			return false;
	for (; i < 255 && i < name; i++)
		if (s->room[i] != s->user[(len + i) & (TT_PATH_MAX - 1)])
			return false;
	return true;
}

/* Appends the directory a relative spelling starts from; returns its length. */
static __always_inline __u32 append_base(struct scratch *s, struct task_struct *task, int dirfd, __u32 at,
					 __u32 *flags)
{
	const struct path *path;
	struct file *file;
	__u32 len;

	if (dirfd == AT_FDCWD) {
		path = &BPF_CORE_READ(task, fs)->pwd;
	} else {
		file = file_by_fd(task, dirfd);
		if (!file) {
			*flags |= TT_EVF_BASE_CUT;
			return 0;
		}
		path = &file->f_path;
	}
	len = path_append(s, path, at);
	if (s->walk.flags & TT_EVF_PATH_CUT)
		*flags |= TT_EVF_BASE_CUT;
	return len;
}

static __always_inline __u32 append_user(struct scratch *s, __u32 at, __u32 len)
{
	len &= TT_PATH_MAX - 1;
	bpf_probe_read_kernel(s->room + (at & ROOM_MASK), len, s->user);
	return len;
}

/* The key is in the record already. */
static __always_inline long send_file(struct scratch *s, const struct subject *sub,
				      const struct tt_agg_value *value, __u32 flags, __u64 now,
				      __u32 data_len)
{
	struct tt_ev_file *ev = &s->file;
	__u64 size = at_most(sizeof(*ev) + data_len, sizeof(*ev) + SCRATCH_DATA);

	header(&ev->hdr, sub, TT_EV_FILE, size, now);
	ev->hdr.flags = flags;
	ev->count = value ? value->count : 1;
	ev->bytes = value ? value->bytes : 0;
	ev->first_ns = value ? value->first_ns : now;
	return bpf_ringbuf_output(&activity, ev, size, wakeup(&activity, ACTIVITY_WAKEUP));
}

struct open_obs {
	struct file *file;
	/* file is a pointer whose type the verifier knows: its fields are plain loads, else each is a call */
	bool typed;
	struct spelling spelling;
	int dirfd;
	__u32 flags; /* enum tt_ev_flags that the hook already knows */
};

static __always_inline int observe_open(struct subject *sub, struct scratch *s, const struct open_obs *obs)
{
#define OF(object, field) (obs->typed ? (object)->field : BPF_CORE_READ(object, field))
	struct file *file = obs->file;
	struct dentry *dentry = OF(file, f_path.dentry);
	struct inode *inode = OF(file, f_inode);
	struct super_block *sb = OF(inode, i_sb);
	__u32 open_flags = OF(file, f_flags), flags = obs->flags;
	struct tt_agg_key *key = key_begin(&s->file.key, sub);
	__u64 now = bpf_ktime_get_boot_ns();
	struct tt_agg_value *value;
	enum agg_due due;
	__u32 user_len = 0, path_len, base_len = 0, sent_user = 0, name_len;

	key->ident = OF(inode, i_ino);
	key->dev = OF(sb, s_dev);
	key->name = OF(dentry, d_name.hash);
	if (open_flags & O_PATH)
		key->op = TT_OP_OPEN;
	else if (OF(file, f_mode) & FMODE_CREATED)
		key->op = TT_OP_CREATE;
	else
		key->op = (open_flags & O_ACCMODE) == O_RDONLY ? TT_OP_READ : TT_OP_WRITE;
	if (obs->spelling.at) {
		user_len = read_spelling(s, &obs->spelling, &flags);
		key->extra = spelling_tail(s, user_len);
	}

	due = agg_note(sub, key, now, &value);
	if (!agg_is_due(due))
		return 0;

	path_len = obs->typed ? path_append_typed(s, file, 0) : path_append(s, &file->f_path, 0);
	flags |= s->walk.flags;
	name_len = s->walk.count ? OF(dentry, d_name.len) + 1 : 0;
	if (obs->spelling.at && !spelling_matches(s->self, user_len, name_len)) {
		if (s->user[0] != '/')
			base_len = append_base(s, sub->task, obs->dirfd, path_len, &flags);
		sent_user = append_user(s, path_len + base_len, user_len);
	} else {
		flags &= ~TT_EVF_BASE_CUT; /* concerns a spelling that is not sent */
	}
	if (obs->typed ? dentry_unlinked_typed(dentry) : dentry_unlinked(dentry))
		flags |= TT_EVF_DELETED;
	if (due == AGG_AGAIN)
		flags |= TT_EVF_AGAIN;
	if (due == AGG_ALONE)
		flags |= TT_EVF_UNAGGREGATED;
	s->file.ino = key->ident;
	s->file.dev = key->dev;
	s->file.open_flags = open_flags;
	s->file.mode = OF(inode, i_mode);
	s->file.fs_magic = OF(sb, s_magic);
	s->file.path_len = path_len;
	s->file.base_len = base_len;
	s->file.user_len = sent_user;
	s->file.target_len = 0;
	agg_sent(sub, key, due, value, TT_LOSS_FILE,
		 send_file(s, sub, value, flags, now, path_len + base_len + sent_user));
	return 0;
#undef OF
}

/* What an open that failed wanted, by its flags. */
static __always_inline __u16 op_of_flags(__u32 flags)
{
	return flags & O_PATH			 ? TT_OP_OPEN
	       : flags & O_CREAT		 ? TT_OP_CREATE
	       : (flags & O_ACCMODE) == O_RDONLY ? TT_OP_READ
						 : TT_OP_WRITE;
}

struct name_obs {
	struct spelling spelling;
	const void *target; /* readlink: user buffer, filled by the kernel */
	__u32 target_len;
	int dirfd;
	__u32 flags;
	__u16 op;
	__s16 result;
};

static __always_inline int observe_name(struct subject *sub, struct scratch *s, const struct name_obs *obs)
{
	struct tt_agg_key *key = key_begin(&s->file.key, sub);
	struct task_struct *task = sub->task;
	__u64 now = bpf_ktime_get_boot_ns();
	struct tt_agg_value *value;
	__u32 flags = obs->flags, user_len, base_len = 0;
	__u64 target_len;
	enum agg_due due;

	user_len = read_spelling(s, &obs->spelling, &flags);
	key->op = obs->op;
	key->result = obs->result;
	key->ident = hash_user(s->self, user_len);
	if (s->user[0] != '/') {
		struct inode *dir = NULL;

		if (obs->dirfd == AT_FDCWD) {
			dir = BPF_CORE_READ(task, fs, pwd.dentry, d_inode);
		} else {
			struct file *file = file_by_fd(task, obs->dirfd);

			if (file)
				dir = BPF_CORE_READ(file, f_inode);
		}
		if (dir) {
			key->extra = BPF_CORE_READ(dir, i_ino);
			key->dev = BPF_CORE_READ(dir, i_sb, s_dev);
		}
	}

	due = agg_note(sub, key, now, &value);
	if (!agg_is_due(due))
		return 0;

	if (s->user[0] != '/')
		base_len = append_base(s, task, obs->dirfd, 0, &flags);
	user_len = append_user(s, base_len, user_len);
	target_len = at_most(obs->target_len, TT_PATH_MAX - 1);
	if (target_len &&
	    bpf_probe_read_user(s->room + ((base_len + user_len) & ROOM_MASK), target_len, obs->target))
		target_len = 0;
	if (due == AGG_AGAIN)
		flags |= TT_EVF_AGAIN;
	if (due == AGG_ALONE)
		flags |= TT_EVF_UNAGGREGATED;
	s->file.ino = 0;
	s->file.dev = 0;
	s->file.open_flags = 0;
	s->file.mode = 0;
	s->file.fs_magic = 0;
	s->file.path_len = 0;
	s->file.base_len = base_len;
	s->file.user_len = user_len;
	s->file.target_len = target_len;
	agg_sent(sub, key, due, value, TT_LOSS_FILE,
		 send_file(s, sub, value, flags, now, base_len + user_len + target_len));
	return 0;
}

#endif
