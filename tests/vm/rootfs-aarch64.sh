#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Prints a directory with the programs and libraries that an arm64 guest's tests use: Debian's packages, unpacked once
# and kept. rootfs.sh calls it.
set -u

ROOT=$(realpath "$(dirname "$0")/../..")
G=${TT_VM_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/telltale}/rootfs-aarch64
# The shared libraries are those that the cross-built programs were linked with, so their packages are the same.
PACKAGES='bash coreutils dash diffutils findutils grep hostname iproute2 libc-bin mawk mount perl-base procps python3 sed
	sqlite3 strace tzdata util-linux libbpf1 libelf1 libjansson4 libcap2 libnettle8 libpsl5 libsqlite3-0 libxxhash0 libyaml-0-2 libcmocka0 libgcc-s1'

mkdir -p "$(dirname "$G")" || exit 1
# shellcheck disable=SC2086 # words
"$ROOT/packaging/sysroot.sh" arm64 "$G" $PACKAGES || exit 1

# What installing would have linked, and what no test reads.
ln -sfn mawk "$G/usr/bin/awk"
rm -rf "$G"/usr/lib/aarch64-linux-gnu/{gconv,perl-base/unicore} "$G"/usr/lib/python3*/{ensurepip,idlelib,lib2to3,pydoc_data,tkinter,turtledemo} "$G"/usr/share/{bash-completion,bug,lintian,zoneinfo/right,zoneinfo/posix,perl}
echo "$G"
