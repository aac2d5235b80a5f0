#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The gate on costs (tests/bench/cost.sh) lets through what it should and nothing else, on figures made up here: no kernel is booted.
set -u

W=$(mktemp -d) || exit 1
trap 'rm -rf "$W"' EXIT
export B=$W TT_COST_BASELINE=$W/baseline.tsv TT_COST_KERNEL=6.1
unset UPDATE TT_COST_SENSORS
failed=0 cases=0

# Lines as measure.sh prints them, of three runs: STATE OPERATION INSTRUCTIONS...
lines() {
	local state=$1 operation=$2 run=0 n

	shift 2
	for n; do
		printf 'rawtp\t%s\t1.%d\t%s\tinsns\t%s\n' "$state" $((run++)) "$operation" "$n"
	done
}

figures() { # NULL OPEN: what these operations take when tracked
	lines base null 340 341 341
	lines base open 10500 10510 10500
	lines idle null 450 451 451
	lines tracked null "$1" "$1" "$1"
	lines tracked open "$2" "$2" 900000
}

gate() { # FILE
	tests/bench/cost.sh "$1" >"$W/said" 2>&1
}

expect() { # WORDS STATUS PATTERN
	cases=$((cases + 1))
	if [ "$status" = "$2" ] && grep -qE "$3" "$W/said"; then
		echo "ok - $1"
	else
		failed=1
		echo "not ok - $1 (status $status)"
		sed 's/^/#   /' "$W/said"
	fi
}

echo '# kept' >"$W/baseline.tsv"
figures 450 13000 >"$W/measured"
gate "$W/measured"; status=$?
expect 'without a baseline only the limits count' 0 'no baseline for kernel 6.1'

UPDATE=1 gate "$W/measured"; status=$?
expect 'the baseline is written when asked for' 0 'ok: 3 costs'
cp "$W/baseline.tsv" "$W/said"
expect 'it has the median, which one disturbed run does not move, and a tolerance' 0 '^6.1	rawtp	tracked	open	2500	45$'
expect 'its comment is kept' 0 '^# kept$'

figures 450 13000 >"$W/measured"
gate "$W/measured"; status=$?
expect 'the same again passes' 0 'check-cost: ok'

figures 450 13045 >"$W/measured"
gate "$W/measured"; status=$?
expect 'what the tolerance allows passes' 0 'check-cost: ok'

figures 450 13046 >"$W/measured"
gate "$W/measured"; status=$?
expect 'one instruction more fails, and is named' 1 '^FAIL rawtp tracked open: 2546 more than without: the baseline is 2500$'
expect 'and it says how to change the baseline' 1 'make check-cost UPDATE=1'
cp "$W/baseline.tsv" "$W/before"

figures 450 12000 >"$W/measured"
gate "$W/measured"; status=$?
expect 'less passes' 0 'check-cost: ok'

figures 450 13000 | sed 's/idle\t\(.*\)\t45./idle\t\1\t600/' >"$W/measured"
UPDATE=1 gate "$W/measured"; status=$?
expect 'what is over a limit fails, also as a baseline' 1 '^FAIL rawtp idle null: 259 more than without: the limit is \+150$'
cp "$W/before" "$W/baseline.tsv"

{ lines base fork 1000000 1000000 1000000; lines untracked fork 1200000 1200000 1200000; } | sed 's/^rawtp/trampoline/' >"$W/measured"
TT_COST_KERNEL=none gate "$W/measured"; status=$?
expect 'a limit that is marked as not reached yet is shown and fails nothing' 0 "1.02 x: OVER, env probes"

figures 450 13000 | grep -v 'tracked.*null' >"$W/measured"
gate "$W/measured"; status=$?
expect 'what is not measured any more fails' 1 '^FAIL rawtp tracked null: not measured, and in the baseline$'

{ figures 450 13000; lines untracked open 10500 10500 10500; } >"$W/measured"
gate "$W/measured"; status=$?
expect 'what is not in the baseline fails' 1 '^FAIL rawtp untracked open: 0 more than without: not in the baseline$'

: >"$W/measured"
gate "$W/measured"; status=$?
expect 'nothing measured fails' 1 'nothing was measured'

echo "1..$cases"
exit $failed
