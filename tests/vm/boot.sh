#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Boots a kernel in QEMU, by software emulation, and runs one command there as root:
#
#   tests/vm/boot.sh [OPTION]... KERNEL -- COMMAND...
#
#   KERNEL          a name of tests/vm/kernels, a kernel's file, or a directory with one below it
#   -B BUILD        the build directory (build)
#   -s SECONDS      at most so long (300); more is a failure, status 124
#   -a FILE         put this in as well, under the same path; may be repeated
#   -i IMAGE        the guest's files as rootfs.sh made them, instead of anew
#   -r ARCH         the kernel's architecture (this machine's)
#   -n CPUS         processors (2)
#   --icount        one processor, whose clock counts instructions: what takes time is the same each time
#   --append WORDS  for the kernel's command line
#
# COMMAND runs in /telltale, which has tests/, config/ and build/. What it prints is printed here, line by line, and its
# exit status is this one's. A kernel that panics or never gets to the command is status 125, and shows its last words.
# Nothing in the guest outlives it.
set -u

ROOT=$(realpath "$(dirname "$0")/../..")
B=$ROOT/build seconds=300 image='' arch=$(uname -m) cpus=2 clock=() append=() add=()
# What costs an emulator more than half of its time, as it translates code anew for each address that it has; counting
# instructions is done on a machine as it is.
cpu='' hurry=(norandmaps mitigations=off) accel=${TT_VM_ACCEL:-tcg}

fail() {
	echo "boot.sh: $*" >&2
	exit 125
}

while [ $# -gt 0 ]; do
	case $1 in
	-B) B=$2; shift ;;
	-s) seconds=$2; shift ;;
	-a) add+=("$2"); shift ;;
	-i) image=$2; shift ;;
	-r) arch=$2; shift ;;
	-n) cpus=$2; shift ;;
	--icount) cpus=1 clock=(-icount 'shift=0,sleep=off') cpu=max hurry=() ;;
	--append) append+=("$2"); shift ;;
	--) break ;;
	-*) fail "unknown option '$1'" ;;
	*) kernel=$1 ;;
	esac
	shift
done
[ "${1:-}" = -- ] && [ $# -gt 1 ] && [ -n "${kernel:-}" ] || fail 'usage: boot.sh [OPTION]... KERNEL -- COMMAND...'
shift

case $arch in
x86_64) machine=() console=ttyS0 append+=(syscall.x32=y) ;;
aarch64) machine=(-M virt -cpu 'max,pauth-impdef=on') console=ttyAMA0 ;;
*) fail "no guest of architecture '$arch' is known" ;;
esac
qemu=qemu-system-$arch
command -v "$qemu" >/dev/null || fail "needs $qemu: packaging/deps.sh vm"

if [ -d "$kernel" ]; then
	kernel=$(find "$kernel/" -name 'vmlinuz*' | sort | tail -n 1)
elif [ ! -e "$kernel" ]; then
	kernel=$("$ROOT/tests/vm/fetch.sh" "$kernel") || exit 125
fi
[ -f "$kernel" ] || fail "no kernel found"

# With one thread for each processor QEMU 7.2 now and then breaks cmpxchg16b, with which kernels since 6.12 allocate memory. They
# can do without, but since 6.18 what BPF allocates they cannot (mm/slub.c:kmalloc_nolock): one thread for all, then. These preempt
# BPF programs too (bpf/lib/compat.bpf.h), and would do so at each thousandth of what a machine does between two ticks: with
# a clock that counts instructions they do it as rarely as on a machine. Its seconds are the guest's own.
if [ "$arch" = x86_64 ]; then
	at=$(od -An -tu2 -j $((0x20e)) -N 2 "$kernel") # Documentation/arch/x86/boot.rst: kernel_version
	version=$(tail -c +$((at + 0x201)) "$kernel" | head -c 5 | tr -d '\0')
	if [[ $version =~ ^([7-9]|[1-9][0-9]|6\.(1[89]|[2-9][0-9]))\. ]]; then
		cpu=${cpu:-qemu64,cx16=on} accel+=,thread=single clock=(-icount 'shift=0,sleep=off')
	fi
	machine=(-cpu "${cpu:-qemu64,cx16=off}")
fi

W=$(mktemp -d) || exit 125
trap 'rm -rf "$W"' EXIT
if [ -z "$image" ]; then
	image=$W/image
	"$ROOT/tests/vm/rootfs.sh" -r "$arch" "$B" "${add[@]}" >"$image" || fail "no image for the guest"
fi

# The command travels in an archive of its own behind the image: the kernel unpacks one after the other.
mkdir "$W/own"
printf '%q ' "$@" >"$W/own/command"
{ cat "$image" && (cd "$W/own" && echo command | cpio -o -H newc -R 0:0 --quiet); } >"$W/initrd" || exit 125

boot() {
	{
		# A kernel that panics restarts, and -no-reboot ends the emulation. The shell's word about a signal is not for the reader.
		timeout --foreground -k 5 "$seconds" "$qemu" "${machine[@]}" -accel "$accel" "${clock[@]}" -smp "$cpus" -m 2048 -nodefaults \
			-display none -monitor none -no-reboot -serial stdio -kernel "$kernel" -initrd "$W/initrd" \
			-append "console=$console panic=-1 quiet lsm=lockdown,capability,landlock,bpf ${hurry[*]} ${append[*]}" </dev/null 2>"$W/stderr"
		echo $? >"$W/qemu"
	} | {
		began='' status='' last=()
		while IFS= read -r line || [ -n "$line" ]; do
			line=${line%$'\r'}
			case $line in
			*'telltale-vm: begin')
				began=1
				continue ;;
			*'telltale-vm: exit '*)
				status=${line##*telltale-vm: exit }
				line=${line%telltale-vm: exit *}
				[ -z "$line" ] || printf '%s\n' "$line"
				break ;;
			esac
			if [ -n "$began" ]; then
				printf '%s\n' "$line"
			else
				last+=("$line")
			fi
		done
		cat >/dev/null
		[ -n "$began" ] || printf '%s\n' "${last[@]}" | tail -n 40 >"$W/last"
		echo "$status" >"$W/status"
	}
}

# Emulated machines sometimes die while their kernel still sets itself up, before anything of ours is in them.
for try in 1 2 3; do
	rm -f "$W/last"
	boot
	[ -e "$W/last" ] && [ "$(cat "$W/qemu")" != 124 ] || break
	echo "boot.sh: the machine did not get to the command (try $try)" >&2
done
[ ! -e "$W/last" ] || cat "$W/last"
status=$(cat "$W/status")
case $status in
'')
	cat "$W/stderr" >&2
	if [ "$(cat "$W/qemu")" = 124 ]; then
		echo "boot.sh: stopped: took longer than $seconds s" >&2
		exit 124
	fi
	fail "the kernel ended without the command's exit status" ;;
*) exit "$status" ;;
esac
