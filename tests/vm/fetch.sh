#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Fetches a kernel of tests/vm/kernels, and prints its file. tests/vm/fetch.sh NAME
#
# Debian's packages, from the mirror that this system's apt uses (TT_VM_MIRROR names another), checked by apt with the Debian
# archive's keys, through lists of its own: the system's package state is neither used nor changed, and no privilege is
# needed. Only the kernel itself is kept, in TT_VM_CACHE (XDG_CACHE_HOME/telltale): removing that fetches the newest again.
# Whatever is missing here is named; the status is 77 then.
set -u

HERE=$(realpath "$(dirname "$0")")
CACHE=${TT_VM_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/telltale}
KEYS=/usr/share/keyrings/debian-archive-keyring.gpg

cannot() {
	echo "fetch.sh: $*" >&2
	exit 77
}

[ $# = 1 ] || { echo 'usage: fetch.sh NAME' >&2; exit 2; }
read -r name suite package arch _ < <(awk -v name="$1" '$1 == name' "$HERE/kernels")
[ -n "${arch:-}" ] || { echo "fetch.sh: no kernel '$1' in tests/vm/kernels" >&2; exit 2; }

kernel=$CACHE/kernels/$name/vmlinuz
if [ -e "$kernel" ]; then
	echo "$kernel"
	exit 0
fi

for command in apt-get apt-cache dpkg-deb; do
	command -v $command >/dev/null || cannot "kernel $name: no $command here"
done
[ -e "$KEYS" ] || cannot "kernel $name: no $KEYS here (package debian-archive-keyring)"
# shellcheck disable=SC2016 # apt's words
mirror=${TT_VM_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' 2>/dev/null | grep '/debian/*$' | head -n 1)}
[ -n "$mirror" ] || cannot "kernel $name: apt's sources name no Debian mirror: set TT_VM_MIRROR"

mkdir -p "$CACHE/kernels/$name" || exit 1
W=$(mktemp -d "$CACHE/fetch.XXXXXX") || exit 1
trap 'rm -rf "$W"' EXIT
mkdir -p "$W"/{lists,cache}/partial
: >"$W/status"
echo "deb [signed-by=$KEYS] $mirror $suite main" >"$W/sources.list"
# Its directories are ours, so there is no other user to become.
options=(-q -o "Dir::Etc::sourcelist=$W/sources.list" -o Dir::Etc::sourceparts=- -o "Dir::State=$W"
	-o "Dir::State::lists=$W/lists" -o "Dir::State::status=$W/status" -o "Dir::Cache=$W/cache" -o Acquire::Languages=none
	-o "APT::Architecture=$arch" -o "APT::Architectures=$arch" -o APT::Sandbox::User=root -o Acquire::Retries=2
	-o APT::Update::Error-Mode=any)

apt_get() {
	apt-get "${options[@]}" "$@" >"$W/log" 2>&1 && return
	cannot "kernel $name: apt-get $1: $(grep -m 1 '^E:' "$W/log")"
}

echo "fetching kernel $name: $package of $suite" >&2
apt_get update
# The package is a name for the newest; which holds the kernel is the last one that it leads to.
while next=$(apt-cache "${options[@]}" show "$package" 2>/dev/null | sed -n '/^$/q; s/^Depends: //p' | tr -s ', ' '\n' |
	grep -m 1 -E '^linux-(image|binary)-'); do
	package=$next
done
(cd "$W" && apt_get download "$package") || exit
dpkg-deb --fsys-tarfile "$W/$package"_*.deb |
	tar -x -C "$W" --wildcards --transform 's#.*/#kernel-#' './boot/vmlinuz*' './usr/lib/modules/*/vmlinuz' 2>/dev/null
mv "$W"/kernel-vmlinuz* "$kernel" 2>/dev/null || cannot "kernel $name: none in package $package"
echo "$kernel"
