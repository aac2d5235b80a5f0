#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The live tests in every kernel of tests/vm/kernels, with every sensor, in emulated machines. tests/vm/check.sh BUILD
#
# Each pair of kernel and sensor is a cell: one boot, TT_VM_JOBS (2) of them at a time. Ends with a table of the tests, and the
# reason of each skip and failure. What the guests said is in BUILD/log/vm. Without QEMU, a kernel, or the network to fetch
# one, says so and skips; with CI=true that is a failure. Another architecture's programs are those in BUILD/arm64.
#
# TT_VM_KERNELS, TT_VM_SENSORS: which of them, "6.1 7.x". TT_VM_SCALE (0.05), TT_ONLY: what TT_SCALE and it are to
# tests/run.sh; TT_ONLY='*' is all of them also where only some run by themselves. TT_VM_SHORT=1: what .ci/run has time for.
# TT_VM_TIMEOUT: a boot's, 1800 s.
set -u

HERE=$(realpath "$(dirname "$0")")
B=$(realpath "$1")
LOG=$B/log/vm
# Of a foreign machine, which is emulated more slowly still, what differs between architectures: calls, their arguments, layouts.
declare -A only=([x86_64]='*' [aarch64]='bpf/@(compat|connect|env_running|exec|open|path|process)*')
# What .ci/run has time for: of each kernel and sensor what depends on them most. Where both work, `backends` says of each that it
# records what the other does.
short() { # KERNEL SENSOR
	case $1-$2 in
	arm64-*) echo 'bpf/@(backends|connect|exec|open)*' ;;
	7.*-rawtp) echo 'bpf/@(backends|open)*' ;;
	7.* | 6.1-trampoline) echo 'bpf/@(connect|open|uring)*' ;;
	6.12-trampoline) echo 'bpf/@(names|open|path)*' ;;
	*-rawtp) echo 'bpf/@(backends|compat|open|process|uprobe)*' ;;
	*) echo 'bpf/@(connect|names|open|path|uring)*' ;;
	esac
}
# What the sensor is no part of runs with the first one only: probes in libraries, what becomes of the database, and what has both.
ONCE='uprobe|backends.sh|env.sh|env_privacy.sh|env_running.sh|env_runtimes.sh|env_timezone.sh|killed.sh|store.sh'
declare -A state seconds tries
cells=() tests=() reasons=()
passed=0 failed=0 skipped=0

skip() { # WORDS
	if [ "${CI:-}" = true ]; then
		fail "$1"
	else
		skipped=$((skipped + 1)) reasons+=("skip  $1")
	fi
}

fail() { # WORDS
	failed=$((failed + 1)) reasons+=("FAIL  $1")
}

machine() { # ARCHITECTURE, as Debian calls it
	case $1 in
	amd64) echo x86_64 ;;
	arm64) echo aarch64 ;;
	esac
}

# The kernel's file, or why there is none.
kernel_of() { # NAME ARCH
	for command in "qemu-system-$2" cpio; do
		command -v "$command" >/dev/null || { echo "no $command here: packaging/deps.sh vm"; return 1; }
	done
	"$HERE/fetch.sh" "$1" 2>"$LOG/fetch" || { tail -n 1 "$LOG/fetch"; return 1; }
}

# The image and its cells' logs.
plan() { # NAME ARCH BUILD SENSOR...
	local name=$1 arch=$2 build=$3 kernel sensor omit='' which

	if ! [ -x "$build/telltale" ]; then
		skip "$name: nothing is built for $arch in $build"
		return
	fi
	if ! kernel=$(kernel_of "$name" "$arch"); then
		skip "$name: $kernel"
		return
	fi
	if ! [ -e "$LOG/image-$arch" ] && ! "$HERE/rootfs.sh" -r "$arch" "$build" >"$LOG/image-$arch"; then
		rm -f "$LOG/image-$arch"
		fail "$name: no image for the guest"
		return
	fi
	for sensor in "${@:4}"; do
		[[ " ${TT_VM_SENSORS:-$sensor} " == *" $sensor "* ]] || continue
		which=${TT_ONLY:-${TT_VM_SHORT:+$(short "$name" "$sensor")}}
		cells+=("$name-$sensor")
		printf '%s\n' "$kernel" "$arch" "$sensor" "$omit" "${which:-${only[$arch]}}" >"$LOG/$name-$sensor.cell"
		omit=$ONCE
	done
}

run_cell() { # CELL
	local kernel arch sensor omit which start=$SECONDS TIMEFORMAT=%U

	{ read -r kernel && read -r arch && read -r sensor && read -r omit && read -r which; } <"$LOG/$1.cell"
	{ time "$HERE/boot.sh" -s "${TT_VM_TIMEOUT:-1800}" -i "$LOG/image-$arch" -r "$arch" "$kernel" -- \
		env TT_ONLY="$which" TT_SCALE="${TT_VM_SCALE:-0.05}" tests/vm/guest.sh "$sensor" "$omit" >"$LOG/$1.log" 2>&1; } 2>"$LOG/$1.time"
	echo "$?" >"$LOG/$1.status"
	echo "  $1: $(grep -c '^= .* pass ' "$LOG/$1.log") passed, $(grep -c '^= .* fail ' "$LOG/$1.log") failed, $((SECONDS - start)) s, \
$(cat "$LOG/$1.time") s of processor time"
}

# A cell's log into the table.
judge() { # CELL
	local cell=$1 name result time try words status

	while read -r _ name result time try words; do
		state[$cell/$name]=$result seconds[$cell/$name]=$time tries[$cell/$name]=$try
		[ "$try" = 1 ] || reasons+=("again $cell: $name: $try tries, for missed runs")
		[[ " ${tests[*]} " == *" $name "* ]] || tests+=("$name")
		case $result in
		pass) passed=$((passed + 1)) ;;
		fail)
			fail "$cell: $name: $words"
			# what the test itself said of it, so that a log which is gone need not be asked
			while IFS= read -r line; do
				reasons+=("      $line")
			done < <(grep -E "^ *(not ok|#   )" "$LOG/$cell.log" | head -n 40)
			;;
		# what the guest has no tool for is no fault here: the host runs those
		skip) skipped=$((skipped + 1)) reasons+=("skip  $cell: $name: $words") ;;
		esac
	done < <(grep '^= ' "$LOG/$cell.log")
	status=$(cat "$LOG/$cell.status")
	[ "$status" = 0 ] || fail "$cell: the machine ended with status $status: $(tail -n 1 "$LOG/$cell.log")"
}

table() {
	local name cell word again=

	printf '%-20s' kernel
	printf ' %-12s' "${cells[@]%-*}"
	printf '\n%-20s' sensor
	printf ' %-12s' "${cells[@]##*-}"
	echo
	for name in "${tests[@]}"; do
		printf '%-20s' "${name%.sh}"
		for cell in "${cells[@]}"; do
			word=${state[$cell/$name]:-}
			word=${word:+$word ${seconds[$cell/$name]} s}
			[ "${tries[$cell/$name]:-1}" = 1 ] || word+=" *" again=1
			[[ $word || ! $name =~ ^($ONCE)$ ]] || word='<'
			printf ' %-12s' "${word:--}"
		done
		echo
	done
	echo "< as with the kernel's first sensor: what this test is about is the same"
	[ -z "$again" ] || echo "* tried again: the kernel interrupted a program, and telltale counted the runs of it that were missed meanwhile"
}

rm -rf "$LOG"
mkdir -p "$LOG" || exit 1
while read -r name _ _ arch sensors; do
	[[ " ${TT_VM_KERNELS:-$name} " == *" $name "* ]] || continue
	build=$B/$arch
	arch=$(machine "$arch")
	[ "$arch" != "$(uname -m)" ] || build=$B
	# shellcheck disable=SC2086 # a list
	plan "$name" "$arch" "$build" $sensors
done < <(sed '/^#/d; /^$/d' "$HERE/kernels")

# Each boot is a process group, so that all of it ends with this.
set -m
trap 'for group in $(jobs -pr); do kill -- "-$group"; done; rm -f "$LOG"/image-* "$LOG"/*.cell "$LOG"/*.status "$LOG"/*.time "$LOG/fetch"' EXIT
for cell in "${cells[@]}"; do
	while [ "$(jobs -pr | wc -l)" -ge "${TT_VM_JOBS:-2}" ]; do
		wait -n
	done
	run_cell "$cell" &
done
wait
for cell in "${cells[@]}"; do
	judge "$cell"
done

if [ ${#cells[@]} = 0 ] && [ ${#reasons[@]} = 0 ]; then
	echo "check-vm: no kernel of that name with that sensor is in tests/vm/kernels" >&2
	exit 1
fi
[ ${#cells[@]} = 0 ] || table
[ ${#reasons[@]} = 0 ] || printf '%s\n' "${reasons[@]}"
echo "$passed passed, $failed failed, $skipped skipped in $SECONDS s"
[ "$failed" = 0 ]
