/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Observing files: opens that succeeded, and calls that only have the caller's word (failed opens and
 * execs, readlink). The hooks adapt arguments; both backends share these bodies. */
#ifndef TT_BPF_FILE_H
#define TT_BPF_FILE_H

#include "agg.bpf.h"
#include "path.bpf.h"
#include "syscall.bpf.h"
#include "verifier.bpf.h"

/* include/uapi/asm-generic/fcntl.h; the same on x86-64 and arm64 where we use them */
#define O_ACCMODE 00000003
#define O_RDONLY  00000000
#define O_CREAT	  00000100
#define O_PATH	  010000000
#define AT_FDCWD  -100

#define S_IFMT	 0170000 /* include/uapi/linux/stat.h */
#define S_IFSOCK 0140000
#define S_IFREG	 0100000
#define S_IFBLK	 0060000

#define MAP_ANONYMOUS 0x20 /* include/uapi/asm-generic/mman-common.h */

#define ERRNO_MAX 4095 /* include/linux/err.h */

/* What is an address may be an error instead. */
static __always_inline bool is_error(const void *pointer)
{
	return (__u64)pointer > (__u64)-ERRNO_MAX - 1;
}

#define FMODE_CREATED 0x100000 /* include/linux/fs.h */

/* The address of the current task's file of that descriptor, as fs/file.c:files_lookup_fd_raw finds it; 0 if there is none.
 * A function of its own, for the verifier: it looks task->files up in all of the kernel's types each time it comes by. */
TT_GLOBAL_FUNCTION __u64 find_file(int fd)
{
	struct task_struct *task = current_task();
	struct fdtable *fdt = task_read(task, files, fdt);

	if (fd < 0 || (__u32)fd >= task_read(fdt, max_fds))
		return 0;
	return word_at(task_read(fdt, fd) + fd);
}

static __always_inline struct file *file_by_fd(int fd)
{
	return (void *)find_file(fd);
}

/* What the caller wrote: in its own memory, or the kernel's copy, which nobody can change any more. */
struct spelling {
	const void *at; /* NULL: there is none (open_by_handle_at) */
	bool in_kernel;
};

/* The kernel's copy has room behind it, and most names are short: a block is copied by words, a string by bytes. */
#define SHORT_SPELLING 64

#define ONES  0x0101010101010101ULL
#define HIGHS 0x8080808080808080ULL

/* The lowest byte that is zero has its high bit set. */
static __always_inline __u64 zero_bytes(__u64 word)
{
	return (word - ONES) & ~word & HIGHS;
}

/* Where a short spelling ends: in the word of that number, at the byte that has its high bit set in bit. bit is 0: nowhere. */
struct short_end {
	__u64 bit;
	__u32 word;
};

/* *ret_tail: its last 8 to 15 bytes, mixed: enough to tell two spellings of one file apart, and cheap. */
static __always_inline struct short_end find_end(const __u64 words[SHORT_SPELLING / 8], __u64 *ret_tail)
{
	__u64 word = 0, zeros = 0, before = 0;
	__u32 i;

#pragma unroll
	for (i = 0; i < SHORT_SPELLING / 8; i += 2) {
		/* most often neither has a zero, nor anything beyond ASCII */
		if (((words[i] - ONES) | (words[i + 1] - ONES)) & HIGHS) {
			word = words[i];
			zeros = zero_bytes(word);
			if (zeros)
				break;
			before = word;
			word = words[i + 1];
			zeros = zero_bytes(word);
			if (zeros) {
				i++;
				break;
			}
		}
		before = words[i + 1];
	}
	forget(i, word);
	zeros &= -zeros;
	*ret_tail = (word & ((zeros >> 7) - 1)) ^ before * 0xff51afd7ed558ccdULL;
	return (struct short_end){ .bit = zeros, .word = i };
}

/* Ones in all bytes below that one, and how many such bytes there are. */
static __always_inline __u32 short_length(struct short_end end)
{
	return end.word * 8 + (((((end.bit >> 7) - 1) & ONES) * ONES) >> 56);
}

/* The last 8 bytes of s->user, the very last one uppermost, zeros below what is shorter. */
static __always_inline __u64 spelling_tail(const struct scratch *s, __u32 len)
{
	if (len >= 8)
		return *(volatile __u64 *)(s->user + ((len - 8) & (TT_PATH_MAX - 1)));
	return len ? *(volatile __u64 *)s->user << (64 - 8 * len) : 0;
}

/* Reads it into s->user. Returns its length without NUL; what could not be read is empty. What lies behind the NUL is
 * nobody's. */
static __always_inline __u32 read_spelling(struct scratch *s, const struct spelling *spelling, __u32 *flags)
{
	struct short_end end;
	__u64 tail;
	long n;

	if (spelling->in_kernel && !bpf_probe_read_kernel(s->user, SHORT_SPELLING, spelling->at)) {
		end = find_end((void *)s->user, &tail);
		if (end.bit)
			return short_length(end);
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

/* Words that are hashed at once: most names have no more. */
#define HASH_PART 16

static __always_inline __u64 hash_words(struct scratch *s, __u64 h, __u32 at, __u32 len)
{
	__u32 i;

	for (i = 0; i < HASH_PART && at + i * 8 < len; i++)
		h = mix(h, *(__u64 *)(s->user + ((at + i * 8) & (TT_PATH_MAX - 8))));
	return h;
}

TT_GLOBAL_FUNCTION __u64 hash_part(__u32 of, __u64 h, __u32 at, __u32 len)
{
	struct scratch *s = scratch_get(of);

	return s ? hash_words(s, h, at, len) : 0;
}

/* Hash of the len bytes (without NUL) that the caller has put into the scratch's user. */
TT_GLOBAL_FUNCTION __u64 hash_user(__u32 of, __u32 len)
{
	struct scratch *s = scratch_get(of);
	__u64 h = mix(hash_seed, len);
	__u32 at;

	if (!s || len > TT_PATH_MAX)
		return 0;
	/* the last word takes what lies behind the string: clear it */
	*(__u64 *)(s->user + len) = 0; /* unaligned stores are split by the compiler */
	h = hash_words(s, h, 0, len);
	for (at = HASH_PART * 8; at < TT_PATH_MAX && at < len; at += HASH_PART * 8)
		h = hash_part(of, h, at, len);
	return h;
}

/* Whether the caller's last component is the file's own name, which starts s->room: name bytes without NUL, at least 8. By
 * words, of which the last may overlap. */
TT_GLOBAL_FUNCTION int long_name_matches(__u32 of, __u32 len, __u32 name)
{
	struct scratch *s = scratch_get(of);
	__u32 i, at;

	if (!s || name < 8 || name > 255 || name > len)
		return false;
	len -= name;
	if (len > 0 && s->user[(len - 1) & (TT_PATH_MAX - 1)] != '/')
		return false;
	for (i = 0; i < 255 && i < name; i += 8) {
		at = i + 8 <= name ? i : name - 8;
		if (*(volatile __u64 *)(s->room + (at & 255)) !=
		    *(volatile __u64 *)(s->user + ((len + at) & (TT_PATH_MAX - 1))))
			return false;
	}
	return true;
}

/* The same for any name. */
static __always_inline bool spelling_matches(struct scratch *s, __u32 len, __u32 name)
{
	__u64 tail;
	__u32 shift;

	if (!name || name > len)
		return len == 0 && !name;
	if (name >= 8)
		return long_name_matches(s->self, len, name);
	/* the name in the upper bytes as the tail is, and what is before it there */
	tail = spelling_tail(s, len);
	shift = 64 - 8 * name;
	return *(__u64 *)s->room << shift == tail >> shift << shift &&
	       (len == name || (tail >> (shift - 8) & 0xff) == '/');
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
		file = file_by_fd(dirfd);
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

/* Sends s->file, which has its flags, its lengths and what there is of the file. */
static __always_inline void send_file(const struct subject *sub, struct scratch *s, const struct agg_op *op,
				      __u64 now)
{
	struct tt_ev_file *ev = &s->file;
	__u32 flags = ev->hdr.flags, len = ev->path_len + ev->base_len + ev->user_len + ev->target_len;
	__u64 size = at_most(sizeof(*ev) + len, sizeof(*ev) + SCRATCH_DATA);

	header(&ev->hdr, sub, TT_EV_FILE, size, now);
	ev->hdr.flags = flags;
	ev->key = op->own.key;
	ev->count = op->own.count;
	ev->bytes = op->own.bytes;
	ev->first_ns = op->own.first_ns;
	agg_sent(sub, op, flags,
		 op->own.key.op == TT_OP_BYTES || op->own.key.op == TT_OP_MMAP ? TT_LOSS_BYTES : TT_LOSS_FILE,
		 bpf_ringbuf_output(&activity, ev, size, wakeup_sometimes(now)));
}

static __always_inline __u32 compat_flag(struct task_struct *task)
{
	return task_in_compat_call(task) ? TT_EVF_COMPAT : 0;
}

struct open_obs {
	struct file *file;
	bool typed; /* file is a pointer whose type the verifier knows */
	bool in_root; /* the spelling's "/" is not the process's: RESOLVE_IN_ROOT of openat2(2) */
	struct spelling spelling;
	long dirfd; /* its lower half */
	__u32 flags; /* enum tt_ev_flags that the hook already knows */
	__u16 op; /* TT_OP_BYTES, TT_OP_MMAP; 0: it is an open */
	__u64 bytes; /* of those */
	__u32 scratch; /* enum scratch_of */
	/* do_filp_open()'s own where typed, else NULL: looked at only when a record is due */
	struct filename *name;
	struct open_flags *asked;
	__u32 open_flags; /* asked for */
};

/* is_typed, which the verifier knows: fields are plain loads, else each is a call. Asked for once, since it is a load itself. */
#define OF(object, field) (is_typed ? (object)->field : BPF_CORE_READ(object, field))

/* The record of an open that is due, but for what s->file has already: flags, and the spelling's length. It was put there
 * so that the verifier knows nothing about it any more: the walk is long, and checked for each thing that is known. */
static __always_inline void send_open(const struct subject *sub, struct scratch *s,
				      const struct open_obs *obs, const struct agg_op *op, struct file *file,
				      struct dentry *dentry, struct inode *inode, struct super_block *sb,
				      bool is_typed, __u64 now)
{
	__u32 path_len, base_len = 0, user_len, name_len, flags;

	path_len = obs->typed ? path_append_typed(s, sub->task, file, 0) : path_append(s, &file->f_path, 0);
	user_len = s->file.user_len;
	flags = s->file.hdr.flags | s->walk.flags;
	name_len = s->walk.count ? OF(dentry, d_name.len) : 0;
	s->file.user_len = 0;
	if ((obs->typed || obs->spelling.at) && !spelling_matches(s, user_len, name_len)) {
		if (s->user[0] != '/')
			base_len = append_base(s, sub->task, obs->dirfd, path_len, &flags);
		else if (obs->in_root || (obs->typed && obs->asked->lookup_flags & LOOKUP_IN_ROOT))
			flags |= TT_EVF_BASE_CUT;
		forget(base_len, now);
		forget(flags, now);
		s->file.user_len = append_user(s, path_len + base_len, user_len);
	}
	if (is_typed ? dentry_unlinked_typed(dentry) : dentry_unlinked(dentry))
		flags |= TT_EVF_DELETED;
	s->file.hdr.flags = flags;
	s->file.open_flags = OF(file, f_flags);
	s->file.mode = OF(inode, i_mode);
	s->file.fs_magic = OF(sb, s_magic);
	s->file.path_len = path_len;
	s->file.base_len = base_len;
	s->file.target_len = 0;
	send_file(sub, s, op, now);
}

enum found {
	FOUND_SPELLED = 1, /* the scratch's user has what the caller wrote */
	FOUND_IN_ROOT = 2, /* struct open_obs */
};

/* send_open() of what file_by_fd() found and nobody knows the type of, for the scratch's op. Global: it is checked once, and
 * not for each call that leads here. */
TT_GLOBAL_FUNCTION int send_found(__u32 of, __u64 address, int dirfd, __u32 how, __u64 now)
{
	struct scratch *s = scratch_get(of);
	struct subject sub;
	struct open_obs found = {
		.spelling.at = (void *)(__u64)(how & FOUND_SPELLED),
		.in_root = how & FOUND_IN_ROOT,
		.dirfd = dirfd,
	};
	bool is_typed = kernel_casts;
	struct file *file = is_typed ? typed(struct file, address) : (void *)address;
	struct dentry *dentry = OF(file, f_path.dentry);
	struct inode *inode = OF(file, f_inode);

	if (s && subject_marked(&sub))
		send_open(&sub, s, &found, &s->op, file, dentry, inode, OF(inode, i_sb), is_typed, now);
	return 0;
}

/* op is the hook's, since some have no room for it on their stack. */
static __always_inline int observe_open(struct subject *sub, struct agg_op *op, const struct open_obs *obs)
{
	bool is_typed = obs->typed || kernel_casts;
	struct file *file = obs->typed || !is_typed ? obs->file : typed(struct file, obs->file);
	struct dentry *dentry = OF(file, f_path.dentry);
	struct inode *inode = OF(file, f_inode);
	struct super_block *sb = OF(inode, i_sb);
	struct tt_agg_key *key = &op->own.key;
	/* as asked for, or of those what the file keeps */
	__u32 open_flags = obs->typed ? obs->open_flags : OF(file, f_flags);
	__u32 flags = obs->flags, user_len = 0;
	__u64 now = bpf_ktime_get_boot_ns(), words[SHORT_SPELLING / 8], tail = 0;
	struct tt_agg_value *value;
	struct short_end end = {};
	struct scratch *s;
	enum agg_due due;

	if (obs->spelling.in_kernel && !bpf_probe_read_kernel(words, sizeof(words), obs->spelling.at))
		end = find_end(words, &tail);
	if (!end.bit && (obs->typed || obs->spelling.at)) {
		s = scratch_get(obs->scratch);
		if (!s)
			return 0;
		user_len = read_spelling(s, &obs->spelling, &flags);
		forget(user_len, now);
		tail = spelling_tail(s, user_len);
	}
	key->start_ns = sub->state->start_ns;
	key->ident = OF(inode, i_ino);
	key->extra = tail;
	key->pid = sub->state->pid;
	key->dev = OF(sb, s_dev);
	key->name = OF(dentry, d_name.hash);
	key->result = 0;
	if (obs->op)
		key->op = obs->op;
	else if (!(open_flags & (O_PATH | O_CREAT | O_ACCMODE)) && obs->typed)
		key->op = TT_OP_READ;
	else if (open_flags & O_PATH)
		key->op = TT_OP_OPEN;
	else if ((!obs->typed || open_flags & O_CREAT) && OF(file, f_mode) & FMODE_CREATED)
		key->op = TT_OP_CREATE;
	else
		key->op = (open_flags & O_ACCMODE) == O_RDONLY ? TT_OP_READ : TT_OP_WRITE;

	if (agg_counted_bytes(sub, op, now, obs->bytes, &value) || (obs->typed && name_is_kernels(obs->name)))
		return 0;
	due = agg_note_bytes(sub, op, value, now, obs->bytes);
	s = scratch_get(obs->scratch);
	if (due == AGG_GONE || !s)
		return 0;
	if (end.bit) {
		__builtin_memcpy(s->user, words, sizeof(words));
		user_len = short_length(end);
	}
	s->file.hdr.flags = flags | compat_flag(sub->task) | due_flags(due);
	s->file.user_len = user_len;
	if (obs->typed) {
		send_open(sub, s, obs, op, file, dentry, inode, sb, is_typed, now);
	} else {
		s->number = (__u64)obs->file;
		send_found(obs->scratch, s->number, obs->dirfd,
			   (obs->spelling.at ? FOUND_SPELLED : 0) | (obs->in_root ? FOUND_IN_ROOT : 0), now);
	}
	return 0;
}
#undef OF

/* bytes of a file were read or mapped (op). Of pipes, sockets, terminals and their like they would be no file's content. */
static __always_inline int observe_content(struct subject *sub, struct scratch *s, struct file *file,
					   enum tt_op op, __u64 bytes)
{
	__u32 type = file ? BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT : 0;
	struct open_obs obs = {
		.file = file,
		.flags = TT_EVF_BY_FD,
		.op = op,
		.bytes = bytes,
		.scratch = s->self,
	};

	return type == S_IFREG || type == S_IFBLK ? observe_open(sub, &s->op, &obs) : 0;
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
	bool in_root; /* struct open_obs */
	const void *target; /* readlink: user buffer, filled by the kernel */
	__u32 target_len;
	int dirfd;
	__u32 flags;
	__u16 op;
	__s16 result;
};

static __always_inline int observe_name(struct subject *sub, struct scratch *s, const struct name_obs *obs)
{
	struct task_struct *task = sub->task;
	struct tt_agg_key *key = &s->op.own.key;
	__u64 now = bpf_ktime_get_boot_ns(), target_len;
	__u32 flags = obs->flags, user_len, base_len = 0;
	struct tt_agg_value *value;
	enum agg_due due;

	user_len = read_spelling(s, &obs->spelling, &flags);
	forget(user_len, now);
	__builtin_memset(key, 0, sizeof(*key));
	key->start_ns = sub->state->start_ns;
	key->pid = sub->state->pid;
	key->op = obs->op;
	key->result = obs->result;
	key->ident = hash_user(s->self, user_len);
	if (s->user[0] != '/') {
		struct inode *dir = NULL;

		if (obs->dirfd == AT_FDCWD) {
			dir = BPF_CORE_READ(task, fs, pwd.dentry, d_inode);
		} else {
			struct file *file = file_by_fd(obs->dirfd);

			if (file)
				dir = BPF_CORE_READ(file, f_inode);
		}
		if (dir) {
			key->extra = BPF_CORE_READ(dir, i_ino);
			key->dev = BPF_CORE_READ(dir, i_sb, s_dev);
		}
		forget(flags, now);
	}

	if (agg_counted(sub, &s->op, now, &value))
		return 0;
	due = agg_note(sub, &s->op, value, now);
	if (due == AGG_GONE)
		return 0;
	flags |= compat_flag(task) | due_flags(due);
	forget(flags, now);
	if (s->user[0] != '/')
		base_len = append_base(s, task, obs->dirfd, 0, &flags);
	else if (obs->in_root)
		flags |= TT_EVF_BASE_CUT;
	forget(base_len, now);
	forget(flags, now);
	user_len = append_user(s, base_len, user_len);
	target_len = at_most(obs->target_len, TT_PATH_MAX - 1);
	if (target_len &&
	    bpf_probe_read_user(s->room + ((base_len + user_len) & ROOM_MASK), target_len, obs->target))
		target_len = 0;
	__builtin_memset(&s->file, 0, sizeof(s->file));
	s->file.hdr.flags = flags;
	s->file.base_len = base_len;
	s->file.user_len = user_len;
	s->file.target_len = target_len;
	send_file(sub, s, &s->op, now);
	return 0;
}

#endif
