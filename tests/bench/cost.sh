#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `make check-cost`: counts the instructions that each sensor adds to each operation, in a kernel whose clock counts them
# (QEMU -icount), and fails where they are more than tests/bench/baseline.tsv and its tolerance allow, or than limits.tsv,
# but for limits that are marked there as not reached yet.
#
#   tests/bench/cost.sh [MEASURED]     MEASURED: lines of measure.sh that are there already
#
#   UPDATE=1               write what was measured into the baseline: a higher figure is a decision, say why in the commit
#   TT_COST_KERNEL=6.1     another of tests/vm/kernels, or a kernel's file or directory
#   TT_COST_SENSORS        "rawtp trampoline"
#   TT_COST_BASELINE       another file
#
# Without QEMU or kernel it says so and is skipped; with CI=true that is a failure. Results are in BUILD/bench: cost-KERNEL.md
# and .tsv (MEASURED).
set -u

cd "$(dirname "$0")/../.." || exit 1
B=$(realpath "${B:-build}") || exit 1
baseline=${TT_COST_BASELINE:-tests/bench/baseline.tsv}
sensors=${TT_COST_SENSORS:-rawtp trampoline} kernel=${TT_COST_KERNEL:-6.1}
name=$(basename "$kernel")
OUT=$B/bench
mkdir -p "$OUT" || exit 1
W=$(mktemp -d) || exit 1
trap 'rm -rf "$W"' EXIT

skip() {
	echo "check-cost: skipped: $*"
	[ "${CI:-}" != true ]
	exit
}

# How much more than the baseline is nothing to worry about, in instructions: what fork allocates differs from run to run,
# a connection's timers and a missing file's name do a little; the others repeat to a few. On top of it comes a hundredth.
tolerance() {
	awk -F'\t' -v OFS='\t' 'BEGIN { base["fork"] = 25000; base["connect"] = 300; base["enoent"] = 100 }
		{ x = $5 < 0 ? -$5 : $5; print $0, int(($4 in base ? base[$4] : 20) + x / 100) }'
}

# One boot a sensor, two at a time where there are two processors: what they count does not depend on it.
count() { # SENSOR
	# shellcheck disable=SC2016 # for the guest's shell
	tests/vm/boot.sh --icount -s 1200 -i "$W/image" "$kernel_file" -- bash -c \
		'tests/bench/measure.sh -c -n 3 "$1" 2>/tmp/stderr; status=$?; cat /tmp/stderr; exit $status' count "$1" >"$W/$1.out" 2>&1
	echo $? >"$W/$1.status"
}

measure() {
	local sensor

	kernel_file=$kernel
	if [ ! -e "$kernel" ]; then
		kernel_file=$(tests/vm/fetch.sh "$kernel" 2>"$W/why") || skip "$(tail -n 1 "$W/why")"
	fi
	type -P "qemu-system-$(uname -m)" >/dev/null || skip "needs qemu-system-$(uname -m): packaging/deps.sh vm"
	tests/vm/rootfs.sh "$B" >"$W/image" || exit 1
	: >"$measured"
	[ ! -t 2 ] || echo "check-cost: counting in kernel $name: a minute or two a sensor" >&2
	for sensor in $sensors; do
		count "$sensor" &
		[ "$(jobs -pr | wc -l)" -lt "$(nproc)" ] || wait -n
	done
	wait
	for sensor in $sensors; do
		case $(cat "$W/$sensor.status") in
		0) awk -F'\t' 'NF == 6' "$W/$sensor.out" >>"$measured" ;;
		77) echo "check-cost: $sensor cannot be had in $name: $(awk -F'\t' 'NF != 6' "$W/$sensor.out" | tail -n 1)" ;;
		*)
			tail -n 20 "$W/$sensor.out"
			echo "check-cost: measuring $sensor failed"
			exit 1 ;;
		esac
	done
}

# Prints what is wrong, a line each.
judge() { # BASELINE COSTS
	awk -F'\t' '
		/^#/ { next }
		FILENAME == ARGV[1] { allowed[$2, $3, $4] = $5 + $6; was[$2, $3, $4] = $5; next }
		{ what = $1 " " $2 " " $3; seen[$1, $2, $3] = 1 }
		$5 ~ /OVER$/ { sub(/: OVER/, "", $5); print what ": " $4 " more than without: the limit is " $5 }
		!(($1, $2, $3) in was) { print what ": " $4 " more than without: not in the baseline"; next }
		$4 > allowed[$1, $2, $3] { print what ": " $4 " more than without: the baseline is " was[$1, $2, $3] }
		END {
			for (key in was) {
				split(key, part, SUBSEP)
				if (!(key in seen))
					print part[1] " " part[2] " " part[3] ": not measured, and in the baseline"
			}
		}' "$1" "$2" | sort
}

measured=$OUT/cost-$name.tsv
if [ $# = 1 ]; then
	measured=$1
else
	measure
fi
awk -F'\t' -f tests/bench/report.awk tests/bench/limits.tsv "$measured" | tee "$OUT/cost-$name.md"
awk -F'\t' -v tsv=1 -f tests/bench/report.awk tests/bench/limits.tsv "$measured" >"$W/costs"
[ -s "$W/costs" ] || { echo 'check-cost: nothing was measured'; exit 1; }

if [ -n "${UPDATE:-}" ]; then
	{
		sed -n '/^#/p' "$baseline"
		awk -F'\t' -v name="$name" '!/^#/ && $1 != name' "$baseline"
		awk -F'\t' -v OFS='\t' -v name="$name" '{ print name, $1, $2, $3, $4 }' "$W/costs" | tolerance
	} >"$W/baseline" && cat "$W/baseline" >"$baseline"
fi
awk -F'\t' -v name="$name" -v sensors=" $sensors " '$1 == name && index(sensors, " " $2 " ")' "$baseline" >"$W/kernel"
if [ ! -s "$W/kernel" ]; then
	echo "check-cost: no baseline for kernel $name: compared with the limits only"
	judge /dev/null "$W/costs" | grep 'the limit is' >"$W/wrong"
else
	judge "$W/kernel" "$W/costs" >"$W/wrong"
fi
if [ -s "$W/wrong" ]; then
	sed 's/^/FAIL /' "$W/wrong"
	echo "check-cost: failed (in ${SECONDS} s); if the baseline is to change, and only then: make check-cost UPDATE=1"
	exit 1
fi
echo "check-cost: ok: $(wc -l <"$W/costs") costs on kernel $name (in ${SECONDS} s)"
