#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Paths that are hard to name: deep, long, odd bytes, renamed and removed under way, mounts, another root.
DEPTH=256

scenario() {
	# /tmp/tmp.X and `leaf` count as well
	local above=${W//[!\/]/} deep

	deep=$((DEPTH - ${#above} - 2))
	step deepest "$S/open_deep" "$W/a" $deep 3
	step too-deep "$S/open_deep" "$W/b" $((deep + 1)) 3
	# 19 * 201 + 5 bytes below a directory whose name makes it exactly so long
	for length in 4095 4096 4097; do
		mkdir "$W/$(printf '%0*d' $((length - 3824 - ${#W} - 1)) $length)"
		step "long-$length" "$S/open_deep" "$W/$(printf '%0*d' $((length - 3824 - ${#W} - 1)) $length)" 19 200
	done
	step newline "$S/open_one" open "$W/scene"/$'new\nline'
	step no-utf8 "$S/open_one" open "$W/scene"/$'\xff\xfe\x80'
	step no-utf8-missing "$S/open_one" open "$W/scene"/$'\xc3(\nnone'
	for kind in above file replaced unlinked; do
		mkdir "$W/$kind"
		step $kind "$S/open_renamed" $kind "$W/$kind"
	done
	step bind "$S/open_one" -b "$W/scene:$W/over" open "$W/over/sub/file"
	step bind-file "$S/open_one" -b "$W/scene/sub/file:$W/over/covered" open "$W/over/covered"
	step bind-twice "$S/open_one" -b "$W/scene:$W/over" -b "$W/over/sub:$W/over/sub2" open "$W/over/sub2/file"
	step tmpfs "$S/open_one" -t "$W/over" openat "$W/over/new" wc
	step tmpfs-missing "$S/open_one" -t "$W/over" -C "$W/over" openat covered
	step chroot "$S/open_one" -r "$W/scene" open /sub/file
	step chroot-missing "$S/open_one" -r "$W/scene" open sub/none
	step detached "$S/open_one" -D "$W/scene/sub" open file
	step escaped "$S/open_one" -C "$W/scene" -r "$W/over" open /covered
	exec 5< <(echo)
	step pipe "$S/open_one" open /dev/fd/5
	exec 5<&-
}
. tests/bpf/lib.sh

mkdir -p "$W/a" "$W/b" "$W/scene/sub" "$W/scene/sub2" "$W/over"
echo x | tee "$W/scene"/$'new\nline' "$W/scene"/$'\xff\xfe\x80' "$W/scene/sub/file" "$W/over/covered" >/dev/null
watch

leaf() { # NAME: the open for reading, as "bytes components truncated path"
	sql "SELECT length(CAST(path AS BLOB)), length(path) - length(replace(path, '/', '')), truncated, path
		FROM file_access WHERE process_id = '$(process "$1")' AND op = 'read' AND path LIKE '%/leaf'"
}
for name in deepest long-4095 long-4096; do
	path=$(fact $name path)
	slashes=${path//[!\/]/}
	same "complete: $name" "$(fact $name bytes) ${#slashes} 0 $path" "$(leaf $name)"
done
path=$(fact deepest path)
slashes=${path//[!\/]/}
same "the deepest path has $DEPTH components" $DEPTH ${#slashes}
for name in too-deep long-4097; do
	path=$(fact $name path)
	got=$(leaf $name)
	tail=${got#* * * }
	tail=${tail#.../}
	same "cut, and said so: $name" "1" "$(cut -d' ' -f3 <<<"$got")"
	case $path in
	*"/${tail#/}") ok "the tail is kept: $name (${#tail} of ${#path} bytes)" ;;
	*) not_ok "the tail is kept: $name: ${tail:0:40}..." ;;
	esac
	# all but one component
	same "no more is lost than has to be: $name" "/${path#/*/}" "/${tail#/}"
done
same "each directory on the way is there" "$(($(fact deepest path | tr -dc / | wc -c) - $(tr -dc / <<<"$W/a" | wc -c)))" \
	"$(sql "SELECT count(*) FROM file_access WHERE process_id = '$(process deepest)' AND op = 'open' AND path LIKE '$W/a%'
		AND truncated = 0 AND count = 1")"

did "newline" newline "read 0 x1 $o W/scene/new\\nline"
did "invalid UTF-8" no-utf8 "read 0 x1 $o W/scene/"$'\xff\xfe\x80'
did "both, and not there" no-utf8-missing "read -2 x1 user W/scene/"$'\xc3(\\nnone'
same "bytes are kept as they were" "$(printf %s "$W/scene/"$'\xff\xfe\x80' | od -An -tx1 | tr -dc '0-9a-f' | tr a-f A-F)" \
	"$(sql "SELECT hex(path) FROM file_access WHERE process_id = '$(process no-utf8)' AND path LIKE '$W%'")"

before() { # KIND
	echo "open 0 x1 $o W/$1 type=directory
open 0 x1 $o W/$1/before type=directory
create 0 x1 $o W/$1/before/file
read 0 x2 $o W/$1/before/file"
}
did "a directory above renamed: the new path in a row of its own" above "$(before above)
rename 0 x1 user W/above/after target=W/above/before
read 0 x3 $o W/above/after/file"
did "the file renamed" file "$(before file)
rename 0 x1 user W/file/before/moved target=W/file/before/file
read 0 x3 $o W/file/before/moved"
did "the file replaced: one name, two files" replaced "$(before replaced)
create 0 x1 $o W/replaced/before/new
rename 0 x1 user W/replaced/before/file target=W/replaced/before/new
read 0 x3 $o W/replaced/before/file"
same "and two inodes" 2 "$(sql "SELECT count(DISTINCT ino) FROM file_access
	WHERE process_id = '$(process replaced)' AND op = 'read' AND path LIKE '%before/file'")"
did "the file removed" unlinked "$(before unlinked | sed 's/x2/x3/')
unlink 0 x1 user W/unlinked/before/file
read 0 x3 $o /proc/self/fd/5 real=W/unlinked/before/file"

did "below a bind mount" bind "read 0 x1 $o W/over/sub/file"
did "a file that is a mount" bind-file "read 0 x1 $o W/over/covered"
did "a mount in a mount" bind-twice "read 0 x1 $o W/over/sub2/file"
did "in a file system of its own" tmpfs "create 0 x1 $o W/over/new"
did "what a mount covers is not there" tmpfs-missing "read -2 x1 user W/over/covered"
did "from another root: as it is called there" chroot "read 0 x1 $o /sub/file"
did "not there, from another root" chroot-missing "read -2 x1 user /sub/none"
same "in a mount that is mounted nowhere: by its names in the file system" "read 0 x1 $o /scene/sub/file" \
	"$(files detached | sed 's# [^ ]*/scene/# /scene/#; s# W/# /#')"
did "another root again" escaped "read 0 x1 $o /covered"
did "a pipe has no name but the caller's" pipe "read 0 x1 $o /dev/fd/5 type=fifo"
same "mount namespaces differ" 1 "$(sql "SELECT a.mount_ns = b.mount_ns AND a.mount_ns > 0
	FROM process a, process b WHERE a.process_id = '$(process newline)' AND b.process_id = '$(process chroot)'")"
finish
