#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The guest's files, as an archive that a kernel boots from (initramfs), on standard output:
#
#   tests/vm/rootfs.sh [-r ARCH] BUILD [FILE...] >IMAGE
#
# They are this machine's own programs that the tests use, the libraries that these load, and of the repository
# tests/, config/ and what is built in BUILD. Each FILE goes in as well. Everything is where it is here, but for
# /telltale. Another architecture's come from rootfs-ARCH.sh, which prints a directory with its programs and libraries.
set -u

ROOT=$(realpath "$(dirname "$0")/../..")
arch=$(uname -m)
if [ "${1:-}" = -r ]; then
	arch=$2
	shift 2
fi
[ $# -ge 1 ] || { echo 'usage: rootfs.sh [-r ARCH] BUILD [FILE...] >IMAGE' >&2; exit 2; }
B=$(realpath "$1")
shift

# What the tests call; what is not here is done without, as the tests do.
PROGRAMS='
	awk base64 basename bash cat chgrp chmod chown chroot cksum cmp comm cp cut date dd df diff dirname dmesg du echo env expr
	false find getconf grep head hostname id install ip kill ldd ln ls md5sum mkdir mkfifo mknod mktemp mount mountpoint mv
	nice nohup nproc nsenter od paste perl pgrep prlimit printenv printf ps pwd python3 readlink realpath rm rmdir sed
	seq setpriv setsid sh sha256sum shuf sleep sort split sqlite3 stat strace strip stty sync sysctl tac tail taskset tee test time
	timeout touch tr true truncate tty umount uname uniq unshare wc which xargs yes'
ZONES='Africa Asia Etc Europe Pacific UTC'

die() {
	echo "rootfs.sh: $*" >&2
	exit 1
}

[ -x "$B/telltale" ] || die "nothing is built in $B: make test-programs"
W=$(mktemp -d) || exit 1
trap 'rm -rf "$W"' EXIT
G=$W/root
mkdir -p "$G"/{dev,proc,sys,tmp,run,root,etc,var/lib/telltale,usr/share,telltale} || exit 1

# What the modules of Python's that the tests import consist of: the whole would be half of the image.
python_files() {
	python3 -c '
import sys, os, time, zoneinfo
zoneinfo.ZoneInfo("Asia/Tokyo")
for module in list(sys.modules.values()):
    for name in ("__file__", "__cached__"):
        file = getattr(module, name, None)
        if file and os.path.exists(file):
            print(file)' 2>/dev/null
}

# Links of whole directories (/bin -> usr/bin), and the files.
own_files() {
	local name file

	for name in bin sbin lib lib32 lib64 libx32; do
		[ -L "/$name" ] || continue
		mkdir -p "$G/$(realpath "/$name")"
		cp -P "/$name" "$G/"
	done
	PATH=/usr/bin:/usr/sbin:/bin:/sbin:$PATH
	for name in $PROGRAMS; do
		file=$(type -P "$name") && echo "$file"
	done
	python_files
	printf '%s\n' /etc/ld.so.cache /etc/nsswitch.conf /lib/ld-musl-*.so.1 "$@"
	# loaded by name when a thread ends itself
	"${CC:-cc}" -print-file-name=libgcc_s.so.1
}

# The libraries of the programs named on standard input. Not all of these are dynamic programs.
libraries() {
	xargs ldd 2>/dev/null | sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p; s/^[[:space:]]*\(\/[^ ]*\) (.*/\1/p'
}

# The same names, and behind each link what it leads to: tests ask what a file is really called.
with_targets() {
	local file target

	while read -r file; do
		[ -e "$file" ] || continue
		while [ -L "$file" ]; do
			echo "$file"
			target=$(readlink "$file")
			[ "${target#/}" != "$target" ] || target=${file%/*}/$target
			file=$(realpath -s "$target")
		done
		realpath "$file"
	done
}

built() {
	(cd "$B" && find telltale tests \( -path tests/unit -o -path tests/fuzz \) -prune -o -type f ! -name '*.[do]' -print)
}

mkdir -p "$G/telltale/build"
(cd "$B" && built | cpio -pdm --quiet "$G/telltale/build") || die "copying $B failed"
cp -r "$ROOT/tests" "$ROOT/config" "$G/telltale/"
cp "$ROOT/tests/vm/init" "$G/init"

if [ "$arch" = "$(uname -m)" ]; then
	own_files "$@" >"$W/files"
	{ cat "$W/files"; built | sed "s#^#$B/#"; } | libraries >"$W/libraries"
	sort -u "$W/files" "$W/libraries" | with_targets | sort -u | xargs cp -P --parents -t "$G/" || die "copying programs failed"
	mkdir -p "$G/usr/share/zoneinfo"
	for name in $ZONES; do
		[ ! -e "/usr/share/zoneinfo/$name" ] || cp -a "/usr/share/zoneinfo/$name" "$G/usr/share/zoneinfo/"
	done
else
	cp -a "$("$ROOT/tests/vm/rootfs-$arch.sh")/." "$G/" || die "no programs for $arch"
fi

printf '%s\n' root:x:0:0:root:/root:/bin/bash nobody:x:65534:65534:nobody:/nonexistent:/bin/false >"$G/etc/passwd"
printf '%s\n' root:x:0: nogroup:x:65534: >"$G/etc/group"
printf '%s\n' '127.0.0.1 localhost telltale-vm' '::1 localhost' >"$G/etc/hosts"
echo telltale-vm >"$G/etc/hostname"
ln -s /usr/share/zoneinfo/Etc/UTC "$G/etc/localtime"
(cd "$G" && find . -mindepth 1 | cpio -o -H newc -R 0:0 --quiet)
