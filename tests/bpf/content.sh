#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What is read from files: each call that reads, every byte of it, in the row of the file's opens; and files that a process reads
# without having opened them.
scenario() {
	for call in read pread readv preadv preadv2 sendfile splice copy mmap rdwr failing threads closed received inherited; do
		step "$call" "$S/content" $call "$W/scene/file"
	done
	step empty "$S/content" read "$W/scene/empty"
	step link "$S/content" read "$W/scene/link"
	step proc "$S/content" read /proc/self/stat
	step device "$S/content" closed /dev/zero
	step given bash -c 'exec 9<"$1"; exec "$2" given' - "$W/scene/file" "$S/content"
	step strace strace -f -qq -s 0 -e trace=read,pread64 -o "$W/strace" grep -r needle "$W/tree"
}
. tests/bpf/lib.sh

size=12345
mkdir -p "$W/scene" "$W/tree"
head -c $size /dev/urandom >"$W/scene/file"
: >"$W/scene/empty"
ln -s file "$W/scene/link"
for i in 1 2 3 4 5 6 7 8 9; do
	head -c $((i * 40000)) /dev/zero | tr '\0' x >"$W/tree/$i"
done
watch

# op xCOUNT bytes path of what it did with the scene, in order of time
content() { # NAME
	sql "SELECT op, 'x' || count, coalesce(bytes, '-'), path || coalesce(' real=' || real_path, '') FROM file_access
		WHERE process_id = '$(process "$1")' AND path LIKE '$W/%' AND result = 0 AND op <> 'exec' ORDER BY row_id" | shown
}

holds() { # WORDS NAME EXPECTED
	same "$1" "$3" "$(content "$2")"
}

F=W/scene/file
for call in read pread readv preadv preadv2 sendfile splice threads; do
	same "$call gives the file" $size "$(fact $call bytes)"
	holds "$call: its bytes are the row's" $call "read x1 $size $F"
done
holds "copy_file_range" copy "$(printf '%s\n' "read x1 $size $F" "create x1 - $F.copy")"
holds "mmap: the length of the mappings" mmap "$(printf '%s\n' "read x1 - $F" "mmap x3 $((3 * size)) $F")"
holds "opened for writing too: a row of its own" rdwr "$(printf '%s\n' "write x1 - $F" "read x0 $size $F")"
holds "what gave nothing" failing "$(printf '%s\n' "read x1 - $F" "write x1 - $F")"
holds "never read" closed "read x1 - $F"
holds "nothing in it" empty "read x1 - W/scene/empty"
holds "through a link: the name that it was opened by" link "read x1 $size W/scene/link real=$F"
holds "a descriptor that was received" received "read x0 $size $F"
holds "one that was opened before the exec" given "read x1 $size $F"
holds "one that the parent opened: the parent" inherited "read x1 - $F"
holds "the child" "$(fact inherited child)" "read x0 $size $F"
same "a file of /proc" "read x1 $(fact proc bytes)" \
	"$(sql "SELECT op, 'x' || count, bytes FROM file_access WHERE process_id = '$(process proc)' AND path LIKE '/proc/%/stat'")"

# strace's own sum, by name. It says a descriptor; grep opens each file after the other, so that its next read is that file's.
same "grep -r: what strace sums" "$(stat -c '%s %n' "$W"/tree/* | shown)" \
	"$(sql "SELECT sum(bytes), path FROM file_access WHERE path LIKE '$W/tree/%' AND op = 'read' AND file_type = 'regular'
		GROUP BY path ORDER BY path" | shown)"
same "strace saw as many bytes" \
	"$(awk -F' = ' '/^[0-9]+ +(read|pread64)\(/ && $NF > 0 { n += $NF } END { print n }' "$W/strace")" \
	"$(sql "SELECT sum(bytes) FROM file_access WHERE op = 'read' AND process_id IN
		(SELECT process_id FROM process WHERE exe LIKE '%/grep')")"
finish
