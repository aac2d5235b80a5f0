#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Somebody executes a runtime with a large environment as often as can be, while agents run: nothing of what the agents
# are may get lost of it. (Their environments may, and that is counted.)
. tests/bpf/daemon.bash

n=$(times_scale 20)
times=$(times_scale 2000)
agent steady fork_exec_loop
printf '%s\n' 'runtimes:' "  - {name: node$$, kind: node}" >"$W/config/agents.d/00-runtimes.yaml"
cp /bin/true "$W/bin/node$$"
daemon_start

storms=
for _ in 1 2; do
	LARGE=$(printf '%0100000d' 0) "$S/fork_exec_loop" "$times" "$W/bin/node$$" "$W/none" >/dev/null &
	storms="$storms $!"
done
for ((i = 0; i < n; i++)); do
	"$W/bin/steady$$" 3 "$S/open_one" open /etc/hostname >/dev/null
done
alive=0
for storm in $storms; do
	kill -0 "$storm" 2>/dev/null && alive=1
done
same "the storm goes on until the last agent has ended" 1 $alive
for storm in $storms; do
	wait "$storm"
done
check "each agent is a session that ended" within 20 sql_is "$n $n" "SELECT count(*), count(ended_ns) FROM session"
daemon_stop
same "with each child, exec and end" "$((4 * n)) $((4 * n)) $((4 * n))" "$(sql "SELECT count(*), count(ended_ns),
	(SELECT count(*) FROM process_exec) FROM process")"
same "no fork, exec or end was lost, of anybody" '' "$(sql "SELECT kind, count FROM loss WHERE kind IN ('fork', 'exec', 'exit')")"
same "and the storm left no row" 0 "$(sql "SELECT count(*) FROM process WHERE exe LIKE '%/node$$'")"
finish
