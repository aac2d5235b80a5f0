#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A flood: one tracked process opens 10,000 distinct files a second while it forks a hundred children a second. Each
# fork and exit is kept, and opens made = counts of the rows + what the ledger says was lost. Prints what the
# daemon cost meanwhile. 3 s; TT_SCALE=10 is the 30 s of the claim.
. tests/bpf/daemon.bash
provoked=1

agent flood open_many
agent rest open_counted
n=$(times_scale 30000)
[ "$n" -ge 6000 ] || n=6000 # fewer leave too little in memory to tell whether it is given back
"$S/open_many" -c "$W/files" "$n" 1 >/dev/null
daemon_start
echo "# idle: RssAnon $(rss_anon "$daemon") kB; rings and maps $(maps_kb "$daemon") kB"

# Watched until the flood's memory is measured: once nothing is watched it is given back at once.
"$W/bin/rest$$" "$W/rest" "$W/none" 1000 &
rest=$!
before=$(cpu_ms "$daemon")
"$W/bin/flood$$" -r 10000 -f 100 "$W/files" "$n" 1 >"$W/out" &
flood=$!
while kill -0 $flood 2>/dev/null; do
	rss_anon "$daemon"
	maps=$(maps_kb "$daemon")
	sleep 0.2
done >"$W/rss"
wait $flood
echo "# flood: RssAnon at most $(sort -n "$W/rss" | tail -n 1) kB, rings and maps ${maps:-?} kB, CPU $(($(cpu_ms "$daemon") - before)) ms in \
$(fact "$W/out" seconds) s; unaggregated $(daemon_status unaggregated)"
within 30 sql_is 1 'SELECT count(*) FROM session WHERE ended_ns IS NOT NULL'
grown=$(rss_anon "$daemon")
kill $rest && wait $rest 2>/dev/null
shrunk() {
	[ "$(rss_anon "$daemon")" -lt "$grown" ]
}
check 'memory is given back once nothing is watched' within 15 shrunk
echo "# after: RssAnon $(rss_anon "$daemon") kB of $grown kB, database $(stat -c %s "$W/db") bytes"
daemon_stop

root=$(sql "SELECT root_process_id FROM session WHERE agent = 'flood$$'")
children=$(fact "$W/out" children)
lost=$(sql "SELECT coalesce(sum(count), 0) FROM loss WHERE kind = 'file_access'")
echo "# lost: $(sql 'SELECT sensor, kind, sum(count) FROM loss GROUP BY sensor, kind' | tr '\n' ' ')"
check 'the flood was one: at least 5,000 files a second' \
	awk -v n="$n" -v s="$(fact "$W/out" seconds)" -v slow="${TT_SLOW:-1}" 'BEGIN { exit n / s < 5000 / slow }'
same 'opens made = counts of the rows + lost' "$(fact "$W/out" opened)" \
	"$(sql "SELECT sum(count) + $lost FROM file_access WHERE process_id = '$root' AND path LIKE '$W/files/%'")"
same 'each row is a file of its own, opened once' "$((n - lost)) $((n - lost)) 1" \
	"$(sql "SELECT count(*), count(DISTINCT path), max(count) FROM file_access WHERE path LIKE '$W/files/%'")"
same 'each child has its fork and its exit' "$children $children" \
	"$(sql "SELECT count(*), sum(exit_status = 0) FROM process WHERE parent_process_id = '$root'")"
same 'no fork, exec or exit was lost' '' "$(sql "SELECT sensor, kind, count FROM loss WHERE sensor = 'process'")"
finish
