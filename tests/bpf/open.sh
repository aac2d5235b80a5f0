#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Opens and readlinks: each call, each way to succeed and to fail, one row for each fact and none besides.
scenario() {
	cd "$W/scene" || exit 1
	for call in open openat openat2 creat; do
		step "$call" "$S/open_one" $call "$W/scene/file"
	done
	step handle "$S/open_one" handle "$W/scene/dir/inner"
	step write "$S/open_one" openat "$W/scene/file" w
	step read-write "$S/open_one" openat2 "$W/scene/file" rw
	step create "$S/open_one" openat "$W/scene/new" wc
	step creat-new "$S/open_one" creat "$W/scene/new2"
	step create-exists "$S/open_one" open "$W/scene/file" wc
	step path-only "$S/open_one" openat "$W/scene/file" p
	step directory "$S/open_one" open "$W/scene/dir" d
	step char "$S/open_one" open /dev/null
	step cwd "$S/open_one" -C "$W/scene/dir" open ../file
	step cwd-at "$S/open_one" -C "$W/scene/dir" openat inner
	step dirfd "$S/open_one" openat inner r "$W/scene/dir"
	step in-root "$S/open_one" -R openat2 /inner r "$W/scene/dir"
	step in-root-missing "$S/open_one" -R openat2 /etc/none r "$W/scene/dir"
	step dirfd2 "$S/open_one" openat2 ./inner r "$W/scene/dir"
	step dot "$S/open_one" -C "$W/scene/dir" open . d

	step link "$S/open_one" open "$W/scene/link"
	step link-relative "$S/open_one" openat link r "$W/scene"
	step link-nofollow "$S/open_one" openat "$W/scene/link" pl
	step link-above "$S/open_one" open "$W/scene/linkdir/inner"
	step dangling "$S/open_one" open "$W/scene/dangling"
	step hardlink "$S/open_one" open "$W/scene/hard"

	step enoent "$S/open_one" open "$W/scene/none"
	step enoent-openat2 "$S/open_one" openat2 "$W/scene/none" w
	step enoent-cwd "$S/open_one" -C "$W/scene/dir" open none/below
	step enoent-dirfd "$S/open_one" openat ../none r "$W/scene/dir"
	step eacces "$S/open_one" -u 65534 open "$W/scene/secret" w
	step enotdir "$S/open_one" open "$W/scene/file/below"
	step eloop "$S/open_one" open "$W/scene/loop"
	step nofollow "$S/open_one" open "$W/scene/link" l
	step eexist "$S/open_one" openat "$W/scene/file" wcx
	step toolong "$S/open_one" open "$W/scene/$(printf '%0300d' 0)"
	step pathtoolong "$S/open_one" open "/$(printf '%05000d' 0)"
	step efault "$S/open_one" -f openat x
	step empty "$S/open_one" openat ''
	step readlink "$S/readlink_one" readlink "$W/scene/link"
	step readlinkat "$S/readlink_one" readlinkat link "$W/scene"
	step readlink-none "$S/readlink_one" readlink none
	step readlink-file "$S/readlink_one" readlink "$W/scene/file"

	step many "$S/open_many" "$W/scene/many" 1 1000
	step many-missing "$S/open_many" "$W/scene/dir" 1 1000
	step some "$S/open_many" "$W/scene/many" 3 5
}
. tests/bpf/lib.sh

mkdir -p "$W/scene/dir" "$W/scene/many"
echo x | tee "$W/scene/file" "$W/scene/dir/inner" "$W/scene/secret" "$W/scene/many/0" "$W/scene/many/1" \
	"$W/scene/many/2" >/dev/null
chmod 600 "$W/scene/secret"
ln -s file "$W/scene/link"
ln -s dir "$W/scene/linkdir"
ln -s nowhere "$W/scene/dangling"
ln -s loop "$W/scene/loop"
ln "$W/scene/file" "$W/scene/hard"
watch

F="W/scene/file"
did "open" open "read 0 x1 $o $F"
did "openat" openat "read 0 x1 $o $F"
did "openat2" openat2 "read 0 x1 $o $F"
did "creat of an existing file is a write" creat "write 0 x1 $o $F"
did "open_by_handle_at, whose mount was opened before" handle "read 0 x1 $o W/scene/dir type=directory
read 0 x1 fd W/scene/dir/inner"
did "for writing" write "write 0 x1 $o $F"
did "for both is a write" read-write "write 0 x1 $o $F"
did "creating" create "create 0 x1 $o W/scene/new"
did "creating by creat" creat-new "create 0 x1 $o W/scene/new2"
did "O_CREAT of what exists is a write" create-exists "write 0 x1 $o $F"
did "O_PATH is neither" path-only "open 0 x1 $o $F"
did "a directory" directory "read 0 x1 $o W/scene/dir type=directory"
did "a device" char "read 0 x1 $o /dev/null type=char"
did "from the working directory, upwards" cwd "read 0 x1 $o $F"
did "from the working directory by openat" cwd-at "read 0 x1 $o W/scene/dir/inner"
did "from a directory" dirfd "open 0 x1 $o W/scene/dir type=directory
read 0 x1 $o W/scene/dir/inner"
did "in a root of one call's own: the file's path" in-root "open 0 x1 $o W/scene/dir type=directory
read 0 x1 $o W/scene/dir/inner"
did "in a root of one call's own, missing: not the host's name" in-root-missing "open 0 x1 $o W/scene/dir type=directory
read -2 x1 user .../etc/none cut"
did "from a directory by openat2" dirfd2 "open 0 x1 $o W/scene/dir type=directory
read 0 x1 $o W/scene/dir/inner"
for name in open write create path-only; do
	IFS=: read -r major minor <<<"$(fact $name dev)"
	same "device and inode ($name)" "$((major << 20 | minor)) $(fact $name ino)" \
		"$(sql "SELECT dev, ino FROM file_access WHERE process_id = '$(process $name)'
			AND path LIKE '$W%'")"
done
same "a failed open has neither" '1' "$(sql "SELECT dev IS NULL AND ino IS NULL FROM file_access
	WHERE process_id = '$(process enoent)' AND path LIKE '$W%'")"

did "a link is called as the caller called it" link "read 0 x1 $o W/scene/link real=$F"
did "a link from a directory" link-relative "open 0 x1 $o W/scene type=directory
read 0 x1 $o W/scene/link real=$F"
did "the link itself" link-nofollow "open 0 x1 $o W/scene/link type=symlink"
did "below a link the kernel's name is kept" link-above "read 0 x1 $o W/scene/dir/inner"
did "a hard link has the name that was used" hardlink "read 0 x1 $o W/scene/hard"

did "ENOENT" enoent "read -2 x1 user W/scene/none"
did "ENOENT by openat2, for writing" enoent-openat2 "write -2 x1 user W/scene/none"
did "ENOENT from the working directory" enoent-cwd "read -2 x1 user W/scene/dir/none/below"
did "ENOENT from a directory: what \`..\` means is the kernel's to say" enoent-dirfd "open 0 x1 $o W/scene/dir type=directory
read -2 x1 user W/scene/dir/../none"
did "ENOENT behind a link" dangling "read -2 x1 user W/scene/dangling"
did "EACCES as another user" eacces "write -13 x1 user W/scene/secret"
did "ENOTDIR" enotdir "read -20 x1 user $F/below"
did "ELOOP" eloop "read -40 x1 user W/scene/loop"
did "O_NOFOLLOW" nofollow "read -40 x1 user W/scene/link"
did "EEXIST" eexist "create -17 x1 user $F"
did "ENAMETOOLONG, a name" toolong "read -36 x1 user W/scene/$(printf '%0300d' 0)"
if by_trampoline; then
	for name in pathtoolong efault empty; do
		did "$name: refused before it comes to a trampoline" $name ""
	done
else
	did "ENAMETOOLONG, a path: what fits, and a mark" pathtoolong \
		"read -36 x1 user /$(printf '%04094d' 0) cut"
	did "EFAULT: no name, and a mark" efault "read -14 x1 user .../ cut"
	did "an empty name" empty "read -2 x1 user W/scene"
fi

did "readlink, and what it said" readlink "readlink 0 x1 user W/scene/link target=file"
did "readlinkat, and what it said" readlinkat "open 0 x1 $o W/scene type=directory
readlink 0 x1 user W/scene/link target=file"
did "readlink of nothing" readlink-none "readlink -2 x1 user W/scene/none"
did "readlink of what is no link" readlink-file "readlink -22 x1 user $F"

did "1,000 opens are one row" many "open 0 x1 $o W/scene/many type=directory
read 0 x1000 $o W/scene/many/0"
did "1,000 attempts are one row" many-missing "open 0 x1 $o W/scene/dir type=directory
read -2 x1000 user W/scene/dir/0"
did "three files in turn are three rows" some "open 0 x1 $o W/scene/many type=directory
read 0 x5 $o W/scene/many/0
read 0 x5 $o W/scene/many/1
read 0 x5 $o W/scene/many/2"
same "first and last time enclose the opens" 1 "$(sql "SELECT p.started_ns < first_ns AND first_ns < last_ns AND last_ns < p.ended_ns
	FROM file_access JOIN process p USING (process_id) WHERE process_id = '$(process many)' AND count = 1000")"
same "every file access of every subject says what kind of file it was" '' \
	"$(sql "SELECT path FROM file_access WHERE result = 0 AND path_source = '$o' AND file_type IS NULL")"
same "the loader is seen" "/etc/ld.so.cache libc.so.6" \
	"$(sql "SELECT group_concat(CASE WHEN path LIKE '%/libc.so.6' THEN 'libc.so.6' ELSE path END, ' ')
	FROM (SELECT path FROM file_access WHERE process_id = '$(process open)' AND path NOT LIKE '$W%' AND op = 'read'
	ORDER BY row_id)")"
finish
