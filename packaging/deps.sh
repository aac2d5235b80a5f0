#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs what building and testing need, and nothing that is already there.
#
#   packaging/deps.sh build|test|fuzz|format|cross|vm...   install what these groups lack
#   packaging/deps.sh --bpftool                            print a bpftool that works
#   packaging/deps.sh --libraries                          print Debian's names of all libraries that are linked
#
# A line of the table is one need: how to tell that it is met (cmd: a command, pc: a pkg-config module,
# h: a header, fn: a function below), then its package with apt, dnf, pacman and zypper ("-": part of
# another one). A group ending in "?" is optional: tests that need it are skipped without it.
# Only the distribution's own packages are used. Without root it says what to run, and fails.
set -u

table() {
	cat <<-'EOF'
	build   cmd:cc            gcc              gcc                     gcc        gcc
	build   fn:libc_headers   libc6-dev        glibc-devel             glibc      glibc-devel
	build   cmd:make          make             make                    make       make
	build   cmd:pkg-config    pkg-config       pkgconf-pkg-config      pkgconf    pkgconf-pkg-config
	build   cmd:clang         clang            clang                   clang      clang
	build   fn:bpftool        bpftool          bpftool                 bpf        bpftool
	build   pc:libbpf         libbpf-dev       pkgconfig(libbpf)       libbpf     pkgconfig(libbpf)
	build   pc:libelf         libelf-dev       pkgconfig(libelf)       libelf     pkgconfig(libelf)
	build   pc:zlib           zlib1g-dev       pkgconfig(zlib)         zlib       pkgconfig(zlib)
	build   pc:sqlite3        libsqlite3-dev   pkgconfig(sqlite3)      sqlite     pkgconfig(sqlite3)
	build   pc:yaml-0.1       libyaml-dev      pkgconfig(yaml-0.1)     libyaml    pkgconfig(yaml-0.1)
	build   pc:jansson        libjansson-dev   pkgconfig(jansson)      jansson    pkgconfig(jansson)
	build   pc:libcap         libcap-dev       pkgconfig(libcap)       libcap     pkgconfig(libcap)
	build   pc:libxxhash      libxxhash-dev    pkgconfig(libxxhash)    xxhash     pkgconfig(libxxhash)
	build   pc:nettle         nettle-dev       pkgconfig(nettle)       nettle     pkgconfig(nettle)
	build   pc:libpsl         libpsl-dev       pkgconfig(libpsl)       libpsl     pkgconfig(libpsl)
	build   h:uthash.h        uthash-dev       uthash-devel            uthash     uthash-devel
	test    pc:cmocka         libcmocka-dev    pkgconfig(cmocka)       cmocka     pkgconfig(cmocka)
	test    cmd:git           git              git                     git        git
	test    cmd:sqlite3       sqlite3          sqlite                  sqlite     sqlite3
	test?   fn:static_libc    libc6-dev        glibc-static            -          glibc-devel-static
	test?   cmd:musl-gcc      musl-tools       musl-gcc                musl       musl-devel
	test?   cmd:sudo          sudo             sudo                    sudo       sudo
	fuzz    fn:libfuzzer      libfuzzer        compiler-rt             compiler-rt -
	cross   cmd:aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu gcc-aarch64-linux-gnu aarch64-linux-gnu-gcc cross-aarch64-gcc13
	cross?  cmd:ld.lld        lld              lld                     lld        lld
	vm      cmd:qemu-system-x86_64    qemu-system-x86 qemu-system-x86-core  qemu-system-x86     qemu-x86
	vm      cmd:cpio          cpio             cpio                    cpio       cpio
	vm?     cmd:qemu-system-aarch64   qemu-system-arm qemu-system-aarch64-core qemu-system-aarch64 qemu-arm
	format  cmd:clang-format  clang-format     clang-tools-extra       -          clang
	EOF
}

say() {
	printf 'telltale: %s\n' "$*" >&2
}

# Debian keeps it out of a user's PATH; Ubuntu's command is a wrapper that fails unless the tools of
# the very kernel that runs are installed, though any version's bpftool does.
find_bpftool() {
	for tool in bpftool /usr/sbin/bpftool /sbin/bpftool /usr/lib/linux-tools/*/bpftool /usr/lib/linux-tools-*/bpftool; do
		"$tool" version >/dev/null 2>&1 && command -v "$tool" && return 0
	done
	return 1
}

compiles() {
	printf '%s\n' "$1" | "${CC:-cc}" -E -x c - >/dev/null 2>&1
}

met() {
	case $1 in
	cmd:*) command -v "${1#cmd:}" >/dev/null ;;
	pc:*) pkg-config --exists "${1#pc:}" 2>/dev/null ;;
	h:*) compiles "#include <${1#h:}>" ;;
	fn:libc_headers) compiles '#include <stdio.h>' ;;
	fn:bpftool) find_bpftool >/dev/null ;;
	fn:static_libc) [ -e "$("${CC:-cc}" -print-file-name=libc.a 2>/dev/null)" ] ;;
	fn:libfuzzer) echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' |
		clang -x c -fsanitize=fuzzer,address,undefined -o /dev/null - 2>/dev/null ;;
	*) say "deps.sh: unknown need '$1'"; return 1 ;;
	esac
}

manager() {
	for m in apt-get dnf pacman zypper; do
		command -v $m >/dev/null && echo $m && return
	done
}

# Package names that depend on the release.
resolve() {
	case $1:$2 in
	apt-get:bpftool)
		if [ -n "$(apt-cache madison bpftool 2>/dev/null)" ]; then
			echo bpftool
		else
			echo linux-tools-common linux-tools-generic
		fi ;;
	apt-get:libfuzzer) clang -dumpversion | sed 's/^\([0-9]*\).*/libclang-rt-\1-dev/' ;;
	*) echo "$2" ;;
	esac
}

command_for() {
	case $1 in
	apt-get) echo "apt-get install -y --no-install-recommends" ;;
	dnf) echo "dnf install -y" ;;
	pacman) echo "pacman -S --needed --noconfirm" ;;
	zypper) echo "zypper --non-interactive install --no-recommends" ;;
	esac
}

# Packages of unmet needs in $1 (a group, with its "?").
missing() {
	table | while read -r group need apt dnf pacman zypper; do
		if [ "$group" != "$1" ] || met "$need"; then
			continue
		fi
		case $mgr in
		apt-get) package=$apt ;;
		dnf) package=$dnf ;;
		pacman) package=$pacman ;;
		zypper) package=$zypper ;;
		*) package=$need ;;
		esac
		[ "$package" = - ] || resolve "$mgr" "$package"
	done | sort -u | tr '\n' ' '
}

refresh() {
	case $mgr in
	apt-get) apt-get update -q >/dev/null ;;
	# Without a package list nothing can be installed; with one, -Sy alone would be half an upgrade.
	pacman) [ -n "$(ls /var/lib/pacman/sync 2>/dev/null)" ] || pacman -Sy >/dev/null ;;
	esac
}

# Package managers talk a lot; what they said is shown if they failed.
install_packages() {
	log=$(mktemp) || return 1
	say "installing with $mgr: $*"
	# shellcheck disable=SC2046 # one word each
	DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 $(command_for "$mgr") "$@" >"$log" 2>&1
	status=$?
	[ "$status" = 0 ] || tail -n 20 "$log" >&2
	rm -f "$log"
	return "$status"
}

# pkgconfig(x) as it must be typed.
quoted() {
	printf '%s' "$1" | sed "s/[^ ]*([^ ]*/'&'/g"
}

want() {
	need=$(missing "$1")
	[ -n "$need" ] || return 0
	if [ -z "$mgr" ]; then
		say "missing: $need(no apt, dnf, pacman or zypper here: install them by hand)"
		return 1
	fi
	if [ "$(id -u)" != 0 ]; then
		say "missing: $need- run: sudo $(command_for "$mgr") $(quoted "$need")"
		return 1
	fi
	# The release decides the name of some packages, so ask again once the lists are there.
	refresh
	need=$(missing "$1")
	case $1 in
	*\?) # a name that this release does not know must not cost the others
		for package in $need; do install_packages "$package"; done ;;
	*)
		# shellcheck disable=SC2086 # a list
		install_packages $need || return 1 ;;
	esac
	need=$(missing "$1")
	[ -z "$need" ] || { say "still missing: $need"; return 1; }
}

mgr=$(manager)
[ $# -gt 0 ] || { say "usage: deps.sh build|test|fuzz|format|cross|vm... | --bpftool | --libraries"; exit 2; }
if [ "$1" = --bpftool ]; then
	find_bpftool || { say "no working bpftool"; exit 1; }
	exit 0
fi
if [ "$1" = --libraries ]; then
	table | awk '$2 ~ /^(pc|h):/ { print $3 } END { print "libc6-dev" }'
	exit 0
fi
for group; do
	case $group in
	build | test | fuzz | format | cross | vm) ;;
	*) say "deps.sh: unknown group '$group'"; exit 2 ;;
	esac
	want "$group" || exit 1
	want "$group?" || say "going on without it: tests that need it are skipped"
done
