#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Looking without opening, and changing: each call, with and without success, one row for each fact and none besides.
looks=(fstatat statx faccessat faccessat2)
[ "$(uname -m)" != x86_64 ] || looks+=(stat lstat access)

scenario() {
	local call H

	H=$(cat "$W/home")
	cd "$W/scene" || exit 1
	for call in "${looks[@]}"; do
		step "$call" "$S/look_one" -c 3 "$call" "$W/scene/.netrc"
		step "$call-none" "$S/look_one" "$call" "$W/scene/id_rsa"
		step "$call-plain" "$S/look_one" "$call" "$W/scene/plain"
		step "$call-null" "$S/look_one" "$call" NULL
		step "$call-fault" "$S/look_one" -f "$call" x
	done
	step relative "$S/look_one" -C "$W/scene/dir" statx ../.netrc
	step dirfd "$S/look_one" fstatat .netrc '' "$W/scene"
	step dirfd-plain "$S/look_one" fstatat plain '' "$W/scene"
	step below "$S/look_one" -C /usr/share fstatat zoneinfo/Nowhere/None
	step inside "$S/look_one" -C /usr/share/zoneinfo statx Nowhere
	step inside-dirfd "$S/look_one" statx Nowhere '' /usr/share/zoneinfo
	step directory "$S/look_one" statx /usr/share/zoneinfo
	step extension "$S/look_one" statx my.passwords.kdbx
	step dots "$S/look_one" statx ".//./.netrc/./"
	step routine "$S/look_one" statx /etc/ld.so.preload
	step toolong "$S/look_one" statx "/$(printf '%05000d' 0)/.netrc"
	step empty "$S/look_one" fstatat-empty '' '' "$W/scene/.netrc"
	step fstat "$S/look_one" fstat "$W/scene/.netrc"
	step many "$S/look_many" "$W/scene/none-" 3000
	step list "$S/look_one" -c 3 list "$W/scene/.husky"
	step list-plain "$S/look_one" list "$W/scene/dir"
	step list-file "$S/look_one" list "$W/scene/.husky/pre-commit"

	step startup "$S/look_one" -C "$H" renameat2 rc.new .bashrc
	step hook "$S/look_one" renameat2 new .git/hooks/post-checkout "$W/scene/dir" "$W/scene"
	step settings "$S/look_one" renameat2 "$W/scene/settings.new" "$W/scene/.claude/settings.json"
	step away "$S/look_one" -C "$W/scene" renameat2 .netrc2/.netrc .netrc2/gone
	step rename-none "$S/look_one" renameat2 none .netrc "$W/scene/dir" "$W/scene/dir"
	step rename-fault "$S/look_one" -f renameat2 x "$W/scene/.netrc"
	step link "$S/look_one" linkat plain hard
	step link-exists "$S/look_one" linkat plain hard
	step symlink "$S/look_one" symlinkat ../.netrc soft '' "$W/scene/dir"
	step symlink-secret "$S/look_one" symlinkat /etc/shadow soft2
	step chmod "$S/look_one" fchmodat plain
	step chmod-none "$S/look_one" fchmodat none
	step fchmod "$S/look_one" fchmod plain
	step truncate "$S/look_one" truncate "$W/scene/plain"
	step truncate-directory "$S/look_one" truncate dir
	step ftruncate "$S/look_one" ftruncate plain
	step unlink "$S/look_one" unlinkat hard
	step unlink-none "$S/look_one" -c 2 unlinkat hard
	step unlink-fault "$S/look_one" -f unlinkat x
	step rmdir "$S/look_one" rmdirat empty
	step rmdir-full "$S/look_one" rmdirat dir
	[ "$(uname -m)" = x86_64 ] || return
	step old-rename "$S/look_one" rename dir/a dir/b
	step old-renameat "$S/look_one" renameat dir/b dir/c
	step old-link "$S/look_one" link dir/c dir/d
	step old-symlink "$S/look_one" symlink c dir/e
	step old-chmod "$S/look_one" chmod dir/c
	step old-unlink "$S/look_one" unlink dir/d
	step old-rmdir "$S/look_one" rmdir empty2
	step old-list "$S/look_one" list32 .husky
}
. tests/bpf/lib.sh

mkdir -p "$W"/scene/{dir,empty,empty2,.husky,.git/hooks,.claude,.netrc2} /home
H=$(mktemp -d /home/looks.XXXXXX)
trap 'rm -rf "$W" "$H"' EXIT
echo "$H" >"$W/home"
echo x | tee "$W"/scene/{.netrc,plain,settings.new,.husky/pre-commit,dir/{new,a},.netrc2/.netrc} "$H/rc.new" >/dev/null
watch

for call in "${looks[@]}"; do
	did "$call" $call "stat 0 x3 user W/scene/.netrc"
	did "$call: not there" $call-none "stat -2 x1 user W/scene/id_rsa"
	did "$call: of no category" $call-plain ''
	did "$call: no name" $call-null ''
	did "$call: a name that cannot be read" $call-fault ''
done
did "from the working directory, upwards" relative "stat 0 x1 user W/scene/dir/../.netrc"
did "from a directory" dirfd "open 0 x1 $o W/scene type=directory
stat 0 x1 user W/scene/.netrc"
did "from a directory, of no category" dirfd-plain "open 0 x1 $o W/scene type=directory"
did "where the category is the directory's" below "stat -2 x1 user /usr/share/zoneinfo/Nowhere/None"
did "where it is the working directory's" inside "stat -2 x1 user /usr/share/zoneinfo/Nowhere"
did "where it is that of the directory given" inside-dirfd "$(files inside-dirfd | head -n 1)
stat -2 x1 user /usr/share/zoneinfo/Nowhere"
did "a directory that all in it has one of" directory "stat $(fact directory result) x1 user /usr/share/zoneinfo"
did "by what follows the last dot" extension "stat -2 x1 user W/scene/my.passwords.kdbx"
did "dots and slashes" dots "stat -20 x1 user W/scene/.netrc"
did "what every program looks at" routine ''
did "beyond the kernel's limit" toolong ''
did "AT_EMPTY_PATH is the descriptor's" empty "open 0 x1 $o W/scene/.netrc"
did "and so is fstat" fstat "read 0 x1 $o W/scene/.netrc"
did "thousands of names that mean nothing" many ''
did "a listing, and not its end" list "read 0 x1 $o W/scene/.husky type=directory
list 0 x1 fd W/scene/.husky type=directory"
did "a listing, of no category" list-plain "read 0 x1 $o W/scene/dir type=directory"
did "a listing of what is none" list-file "read 0 x1 $o W/scene/.husky/pre-commit
list -20 x1 fd W/scene/.husky/pre-commit"

did "a start-up file replaced" startup "rename 0 x1 user $H/.bashrc target=$H/rc.new"
did "a git hook replaced" hook "open 0 x1 $o W/scene/dir type=directory
open 0 x1 $o W/scene type=directory
rename 0 x1 user W/scene/.git/hooks/post-checkout target=W/scene/dir/new"
did "an agent's settings replaced" settings "rename 0 x1 user W/scene/.claude/settings.json target=W/scene/settings.new"
did "a credential renamed away" away "rename 0 x1 user W/scene/.netrc2/gone target=W/scene/.netrc2/.netrc"
category() { # NAME OP
	sql "SELECT category FROM file_access WHERE process_id = '$(process "$1")' AND op = '$2'"
}
same "what each of them is" "shell-startup git-hooks agent-config credential" \
	"$(category startup rename) $(category hook rename) $(category settings rename) $(category away rename)"
did "a rename that fails" rename-none "open 0 x2 $o W/scene/dir type=directory
rename -2 x1 user W/scene/dir/.netrc target=W/scene/dir/none"
did "a rename without a name" rename-fault ''
did "a link" link "link 0 x1 user W/scene/hard target=W/scene/plain"
did "a link over what is there" link-exists "link -17 x1 user W/scene/hard target=W/scene/plain"
did "a symbolic link: what it says" symlink "open 0 x1 $o W/scene/dir type=directory
link 0 x1 user W/scene/dir/soft type=symlink target=../.netrc"
did "a symbolic link to a secret" symlink-secret "link 0 x1 user W/scene/soft2 type=symlink target=/etc/shadow"
same "is none" temp "$(category symlink-secret link)"
did "chmod" chmod "chmod 0 x1 user W/scene/plain"
did "chmod of nothing" chmod-none "chmod -2 x1 user W/scene/none"
did "fchmod: of the file" fchmod "read 0 x1 $o W/scene/plain
chmod 0 x1 fd W/scene/plain"
did "truncate" truncate "truncate 0 x1 user W/scene/plain"
did "truncate of a directory" truncate-directory "truncate -21 x1 user W/scene/dir"
did "ftruncate: of the file" ftruncate "write 0 x1 $o W/scene/plain
truncate 0 x1 fd W/scene/plain"
did "unlink" unlink "unlink 0 x1 user W/scene/hard"
did "unlink of nothing, twice" unlink-none "unlink -2 x2 user W/scene/hard"
did "unlink without a name" unlink-fault ''
did "rmdir" rmdir "unlink 0 x1 user W/scene/empty"
did "rmdir of what is not empty" rmdir-full "unlink -39 x1 user W/scene/dir"
if [ "$(uname -m)" = x86_64 ]; then
	did "rename(2)" old-rename "rename 0 x1 user W/scene/dir/b target=W/scene/dir/a"
	did "renameat(2)" old-renameat "rename 0 x1 user W/scene/dir/c target=W/scene/dir/b"
	did "link(2)" old-link "link 0 x1 user W/scene/dir/d target=W/scene/dir/c"
	did "symlink(2)" old-symlink "link 0 x1 user W/scene/dir/e type=symlink target=c"
	did "chmod(2)" old-chmod "chmod 0 x1 user W/scene/dir/c"
	did "unlink(2)" old-unlink "unlink 0 x1 user W/scene/dir/d"
	did "rmdir(2)" old-rmdir "unlink 0 x1 user W/scene/empty2"
	did "getdents(2)" old-list "read 0 x1 $o W/scene/.husky type=directory
list 0 x1 fd W/scene/.husky type=directory"
fi
same "a look is no credential touched, nor a time zone learned" "0 0" "$(sql "SELECT sum(credential_files), sum(timezone_lookups)
	FROM risk_record WHERE process_id IN ('$(process statx)', '$(process statx-none)', '$(process inside)')")"
finish
