#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An agent that forks and executes a thousand times, one after the other: each process, exec and exit is there, and
# telltale's memory stays bounded. Prints what it cost. TT_SCALE=10: ten thousand.
. tests/bpf/daemon.bash

agent loop fork_exec_loop
n=$(times_scale 1000)
daemon_start
before=$(cpu_ms "$daemon") start=$(date +%s%N)
"$W/bin/loop$$" "$n" /bin/true >"$W/out" &
loop=$!
while kill -0 $loop 2>/dev/null; do
	rss_anon "$daemon"
	sleep 0.1
done >"$W/rss"
wait $loop
ms=$((($(date +%s%N) - start) / 1000000))
within 20 sql_is 1 'SELECT count(*) FROM session WHERE ended_ns IS NOT NULL'
echo "# RssAnon at most $(sort -n "$W/rss" | tail -n 1) kB; $n in $ms ms: CPU of telltale $(($(cpu_ms "$daemon") - before)) ms"
daemon_stop

root=$(sql 'SELECT root_process_id FROM session')
same 'the subject did it' "$n 0" "$(fact "$W/out" children) $(fact "$W/out" failed)"
same 'each child has its process, below the root, and its exit' "$n $n" \
	"$(sql "SELECT count(*), sum(exit_status = 0 AND ended_ns > started_ns) FROM process WHERE parent_process_id = '$root'")"
same 'each child has its exec' "$n $n" "$(sql "SELECT count(*), count(DISTINCT process_id) FROM process_exec
	WHERE process_id <> '$root' AND exe LIKE '%/true' AND result = 0")"
same 'there are no others' "$((n + 1)) $((n + 1))" \
	"$(sql 'SELECT (SELECT count(*) FROM process), (SELECT process_count FROM session)')"
same 'nothing was lost' '1|' "$(sql 'SELECT complete FROM session')|$(sql 'SELECT sensor, kind, count FROM loss')"
check 'memory is bounded' [ "$(sort -n "$W/rss" | tail -n 1)" -lt 65536 ]
finish
