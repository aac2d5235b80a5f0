#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# No window between exec and "user space noticed": a native agent, recognised by its exec, whose very first system
# call opens the zone file, and whose child by bare fork() reads a credential in its first. Each run is recorded,
# each open under the process that made it. TT_SCALE=10 does it a thousand times.
. tests/bpf/daemon.bash

agent race raw_first
daemon_start
n=$(times_scale 100)
zone=$(realpath /usr/share/zoneinfo/UTC) secret=$W/files/id_rsa
if [ ! -e "$zone" ]; then
	zone=$W/usr/share/zoneinfo/UTC
	mkdir -p "${zone%/*}"
	echo x >"$zone"
fi
echo x >"$secret"

for ((i = 0; i < n; i++)); do
	"$W/bin/race$$" "$zone" "$secret" &
	echo $!
	wait $! || echo "run $i failed"
done >"$W/pids"
within 15 sql_is "$n" 'SELECT count(*) FROM session WHERE ended_ns IS NOT NULL'
daemon_stop

same "$n runs are $n sessions, each with its root" "$(cat "$W/pids")" \
	"$(sql "SELECT p.pid FROM session s JOIN process p ON p.process_id = s.root_process_id
		WHERE s.agent = 'race$$' AND p.role = 'agent' ORDER BY s.started_ns")"
same 'each root opened the zone file once, and nothing else' "$n" \
	"$(sql "SELECT count(*) FROM session s JOIN file_access f ON f.process_id = s.root_process_id
		WHERE f.path = '$zone' AND f.op = 'read' AND f.result = 0 AND f.count = 1")"
same 'each child, of its own root, opened the credential once' "$n" \
	"$(sql "SELECT count(*) FROM session s JOIN process p ON p.parent_process_id = s.root_process_id
			AND p.session_id = s.session_id
		JOIN file_access f USING (process_id)
		WHERE f.path = '$secret' AND f.op = 'read' AND f.result = 0 AND f.count = 1")"
same 'there is nothing besides: two processes and three rows a run' "$((n * 2)) $((n * 3)) $n $((n * 2))" \
	"$(sql "SELECT (SELECT count(*) FROM process), (SELECT count(*) FROM file_access),
		(SELECT count(*) FROM process_exec), (SELECT count(*) FROM process WHERE exit_status = 0)")"
same 'the zone file is known as a look-up of the time zone' "$n" "$(sql 'SELECT sum(count) FROM timezone_lookup')"
same 'nothing was lost' '1|' "$(sql 'SELECT min(complete) FROM session')|$(sql 'SELECT sensor, kind, count FROM loss')"
finish
