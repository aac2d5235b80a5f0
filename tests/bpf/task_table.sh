#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Kernels without task storage: what depends on it, once more with the table in its place, wherever there is storage too.
# And a table that is full costs what does not fit, and says so.
. tests/bpf/common.bash

make_scratch
trap 'rm -rf "$W"' EXIT

# Tests with a daemon of their own take it from the variable, the others have this configuration.
export TELLTALE_CONFIG_DIR=$W/config TT_TASK_STORAGE=off
cp -r config "$TELLTALE_CONFIG_DIR"
printf 'sensor:\n  task_storage: off\n' >"$TELLTALE_CONFIG_DIR/telltale.yaml"

for test in attach exec forks process race; do
	if "tests/bpf/$test.sh" >"$W/$test.log" 2>&1; then
		ok "$test"
	else
		not_ok "$test"
		grep -v '^ok' "$W/$test.log" | tail -n 20 | sed 's/^/#   /'
		# what that test says of its losses is this one's (finish() in common.bash)
		n=$(sed -n 's/^# missed runs: //p' "$W/$test.log")
		missed_runs=$((missed_runs + ${n:-0}))
		[ -n "$n" ] && ! grep -q '^# also lost:' "$W/$test.log" || also_lost+=" $test"
	fi
done

provoked="sensor = 'process' AND kind = 'task'"
# One thread has room: the command, which forks.
printf 'sensor:\n  task_storage: off\n  maps: {tasks: 1}\n' >"$TELLTALE_CONFIG_DIR/telltale.yaml"
"$TELLTALE" run --db "$W/db" --json -- bash -c 'cat /dev/null & wait; cat /dev/null; :' >"$W/record.json" 2>"$W/stderr"
same "the command's status is its own" 0 $?
same "children without room are counted" '0 process task 2' \
	"$(sql 'SELECT min(complete), (SELECT group_concat(sensor || " " || kind || " " || count) FROM loss) FROM session')"

finish
