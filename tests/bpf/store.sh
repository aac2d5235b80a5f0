#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A store that cannot be written for a while: what does not fit into memory meanwhile is counted, nothing else is lost,
# and telltale says once that it failed and once that it works again.
. tests/bpf/daemon.bash
provoked=1

agent full open_many
n=90000 children=90 # more rows than a batch may hold
"$S/open_many" -c "$W/files" $n 1 >/dev/null
daemon_start

# Another writer, who does not let go before its input ends.
mkfifo "$W/lock"
sqlite3 "$W/db" <"$W/lock" >"$W/locked" 2>&1 &
locker=$!
exec 7>"$W/lock"
echo "BEGIN IMMEDIATE; SELECT 'locked';" >&7
within 10 grep -q locked "$W/locked" || not_ok 'another writer has the lock'

"$W/bin/full$$" -f 1000 "$W/files" $n 1 >"$W/out" || not_ok 'the subject runs'
within 20 said 'kept in memory' || not_ok 'telltale says that its store fails'
echo "# RssAnon $(rss_anon "$daemon") kB with a full batch of $(daemon_status pending_rows) rows"
exec 7>&-
wait $locker
within 20 said 'can be written again' || not_ok 'telltale says that its store works again'
within 20 sql_is 1 'SELECT count(*) FROM session WHERE ended_ns IS NOT NULL'
same 'it says each once' '1 1' "$(grep -c 'kept in memory' "$W/daemon.err") $(grep -c 'written again' "$W/daemon.err")"
sed -i '/kept in memory\|written again/d' "$W/daemon.err"
daemon_stop

lost=$(sql "SELECT coalesce(sum(count), 0) FROM loss WHERE kind = 'file_access'")
echo "# lost: $(sql 'SELECT sensor, kind, sum(count) FROM loss GROUP BY sensor, kind' | tr '\n' ';')"
check 'the batch was full' [ "$lost" -gt 0 ]
same 'opens made = counts of the rows + lost' "$(fact "$W/out" opened)" \
	"$(sql "SELECT sum(count) + $lost FROM file_access WHERE path LIKE '$W/files/%'")"
same 'each child is there, or lost' "$children" \
	"$(sql "SELECT (SELECT count(*) FROM process) - 1
		+ (SELECT coalesce(sum(count), 0) FROM loss WHERE kind = 'fork')")"
same 'each exit is there, or lost' "$((children + 1))" \
	"$(sql "SELECT (SELECT count(*) FROM process WHERE exit_status = 0)
		+ (SELECT coalesce(sum(count), 0) FROM loss WHERE kind IN ('exit', 'fork'))")"
same 'the session says that it is not whole' 0 "$(sql 'SELECT complete FROM session')"
finish
