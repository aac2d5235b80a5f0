#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Other mount namespaces and roots: by which name a file is found from outside, or why by none; the namespace and the container of
# who accessed it. The container is made by hand: an overlay, a bind mount, a tmpfs, namespaces of its own, pivot_root.
#
# Nothing is mounted where this script is: what it removes at its end is its own.
scenario() {
	PATH+=:/usr/sbin:/sbin
	step private unshare --mount --propagation private sh "$W/private.sh"
	step chroot chroot "$W/jail" /bin/sh /inside.sh
	step chroot-alone "$S/open_one" -r "$W/jail" open /alone
	[ ! -e "$W/overlays" ] || step container sh "$W/container.sh"
}
. tests/bpf/lib.sh

# A root directory of copies, at DIRECTORY.
furnish() { # DIRECTORY PROGRAM...
	local to=$1 program

	shift
	mkdir -p "$to/bin" "$to/subjects"
	for program in sh sleep "$@"; do
		cp -L "$(command -v "$program")" "$to/bin/"
	done
	cp "$S/open_one" "$S/open_renamed" "$S/exec_odd" "$to/subjects/"
	ldd "$to"/bin/* "$to"/subjects/* | grep -o '/[^ ]* (0x' | sort -u | while read -r program _; do
		cp -L --parents "$program" "$to"
	done
}

put() { # FILE...: what they contain is their names
	local file

	for file; do
		mkdir -p "$W/$(dirname "$file")"
		echo "$file" >"$W/$file"
	done
}

put scene/bound plain jail/jailed jail/alone volume/.ssh/id_rsa
put lower/lower lower/both lower/changed lower/jail/in-jail lower2/second upper/upper upper/both
mkdir "$W/over" "$W/tmp" "$W/work" "$W/root" "$W/lower/old" "$W/lower/volume" "$W/lower/tmp" "$W/lower/proc" "$W/lower/gone"
ln -s lower "$W/lower/link"
furnish "$W/jail"
furnish "$W/lower" readlink umount chroot
furnish "$W/lower/jail"

# Each lives until what it did has been looked at, as an agent's shell does: of those that it runs that is not asked.
cat >"$W/private.sh" <<END
mount --bind $W/scene $W/over
mount -t tmpfs tmpfs $W/tmp
echo x >$W/tmp/in
$S/open_one open $W/over/bound
$S/open_one open $W/tmp/in
$S/open_one open $W/plain
readlink /proc/self/ns/mnt
sleep 1
END
cat >"$W/jail/inside.sh" <<END
/subjects/open_one open /jailed
/subjects/open_one open /none
sleep 1
END
overlay="-t overlay -o lowerdir=$W/lower2:$W/lower,upperdir=$W/upper,workdir=$W/work overlay $W/root"
id=$(printf '%032x%032x' 12648430 $$)
cgroup=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
cgroup=${cgroup:+$cgroup/docker-$id.scope}
[ -n "$cgroup" ] && mkdir "$cgroup" 2>/dev/null || cgroup=
trap 'rm -rf --one-file-system "$W"; [ -z "$cgroup" ] || rmdir "$cgroup"' EXIT
cat >"$W/container.sh" <<END
[ -z "$cgroup" ] || echo \$\$ >$cgroup/cgroup.procs
exec unshare --mount --propagation private --pid --fork --kill-child sh $W/contain.sh
END
cat >"$W/contain.sh" <<END
mount $overlay
cd $W/root
mount --bind $W/volume volume
mount -t tmpfs tmpfs tmp
mkdir tmp/gone
mount -t proc proc proc
pivot_root . old
cd /
exec chroot . /bin/sh /inside.sh
END
cat >"$W/upper/inside.sh" <<'END'
umount -l /old
readlink /proc/self/ns/mnt
echo x >/tmp/in
for file in /lower /both /second /upper /volume/.ssh/id_rsa /tmp/in /link; do
	/subjects/open_one open $file
done
/subjects/open_one open /new wc
/subjects/open_one open /changed rw
/subjects/open_renamed unlinked /gone
/subjects/open_renamed unlinked /tmp/gone
/subjects/exec_odd memfd /lower
chroot /jail /bin/sh -c '/subjects/open_one open /in-jail; sleep 1'
END
why=$(unshare --mount --propagation private sh -c "mount $overlay" 2>&1) && touch "$W/overlays"
watch

# Rows of one path that were accessed with success: of CONDITION, which names it.
row() { # COLUMNS CONDITION
	sql "SELECT DISTINCT $1 FROM file_access f JOIN process p USING (process_id) WHERE result = 0 AND op <> 'exec' AND $2" | shown
}

# It is known outside as FILE, which is the very file.
leads_to() { # WORDS PATH FILE
	same "$1" "W/$3" "$(row "coalesce(host_path, 'NULL')" "path = '$2'")"
	same "$1: that file" "$(stat -c %i "$W/$3")" "$(row ino "path = '$2'")"
}

has_none() { # WORDS CONDITION
	same "$1" NULL "$(row "coalesce(host_path, 'NULL')" "$2")"
}

namespace() { # STEP
	sed -n 's/^mnt:\[\(.*\)\]$/\1/p' "$W/out/$1"
}

leads_to "a bind mount" "$W/over/bound" scene/bound
has_none "a tmpfs of its own is nowhere outside" "path = '$W/tmp/in'"
has_none "the same name leads to the same file" "path = '$W/plain'"
same "its mount namespace" "$(namespace private)" "$(row mount_ns "path = '$W/over/bound'")"
leads_to "chroot" /jailed jail/jailed
same "what is not there has no name" "-2 user NULL" \
	"$(sql "SELECT result, path_source, coalesce(host_path, 'NULL') FROM file_access WHERE path = '/none'")"
# Whoever changes its root and executes nothing is looked at once: before, as a rule; after that, where telltale was slow.
case $(sql "SELECT coalesce(host_path, 'NULL') FROM file_access WHERE path = '/alone'" | shown) in
NULL) ok "what is opened without an exec in that root has no name" ;;
W/jail/alone) ok "what is opened without an exec in that root, and was met late, has its name" ;;
*) not_ok "what is opened without an exec in that root has no name, or its own" ;;
esac
same "the programs" "W/jail/bin/sh
W/jail/subjects/open_one" "$(sql "SELECT DISTINCT host_exe FROM process WHERE host_exe LIKE '$W/jail/%' AND exe NOT LIKE '%/sleep'
	ORDER BY 1" | shown)"
same "as files, too" "W/jail/subjects/open_one" "$(sql "SELECT DISTINCT host_path FROM file_access WHERE op = 'exec'
	AND path = '/subjects/open_one' AND host_path LIKE '$W/jail/%'" | shown)"
same "outside has no other names" 0 "$(sql "SELECT count(*) FROM file_access f JOIN process p USING (process_id)
	WHERE mount_ns = $(stat -Lc %i /proc/self/ns/mnt) AND host_path IS NOT NULL AND host_path NOT LIKE '$W/jail/%'")"

if [ ! -e "$W/overlays" ]; then
	echo "ok - a container # SKIP skip-ok: no overlay can be mounted here: $why"
	finish
fi
leads_to "a lower layer" /lower lower/lower
leads_to "the layer above it" /second lower2/second
leads_to "the upper layer" /upper upper/upper
leads_to "the upper layer before the lower" /both upper/both
leads_to "a new file" /new upper/new
same "a file that is copied up" "W/upper/changed" "$(row "host_path" "path = '/changed' AND op = 'write'")"
leads_to "a volume" /volume/.ssh/id_rsa volume/.ssh/id_rsa
same "through a link: the file's name" "/lower W/lower/lower" "$(row "real_path, host_path" "path = '/link'")"
has_none "a tmpfs inside" "path = '/tmp/in'"
has_none "a deleted file, read by descriptor" "real_path = '/gone/before/file'"
has_none "and one in the tmpfs" "real_path = '/tmp/gone/before/file'"
same "a memfd" "NULL NULL" "$(sql "SELECT DISTINCT coalesce(host_path, 'NULL'), coalesce(host_exe, 'NULL') FROM file_access
	JOIN process USING (process_id) WHERE op = 'exec' AND path LIKE '%anonymous%'")"
leads_to "chroot in the container" /in-jail lower/jail/in-jail
same "its mount namespace" "$(namespace container)" "$(row mount_ns "path = '/upper'")"
same "its program" "/subjects/open_one W/lower/subjects/open_one" "$(row "exe, host_exe" "path = '/upper'")"
if [ -n "$cgroup" ]; then
	same "the container's id" "$id" "$(row container_id "path = '/upper'")"
else
	echo "ok - the container's id # SKIP skip-ok: no cgroup of its own can be made here"
fi
finish
