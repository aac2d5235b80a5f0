#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# kill -9 of telltale at a random moment of a busy session: the database is whole and holds all but the last second,
# the command goes on unharmed, and the next start closes the session as one whose end is not known.
#
# The subject opens a numbered name every 10 ms: what is missing is counted off. Another one opens a thousand a second, so
# that a transaction is often under way.
. tests/bpf/daemon.bash
provoked=1

agent kill open_counted
n=$(times_scale 3)
seconds=$((20 * ${TT_SLOW:-1})) # longer than it is waited for
worst=0

counter() { # FILE: opens done
	od -An -td8 -j8 -N8 "$1" 2>/dev/null | tr -d ' '
}

busy() { # AT LEAST: opens done by the numbered one
	local opened

	opened=$(counter "$W/counters")
	[ "${opened:-0}" -ge "$1" ]
}

# Something of it is in the database: a slow machine takes its time to get there.
stored() {
	sql_is 1 "SELECT count(*) > 0 FROM file_access WHERE path LIKE '$W/files/n%'"
}

# Kills telltale, whose pid is given, after a while of its session; judges what it leaves.
kill_amid() { # WORDS PID
	local words=$1 telltale=$2 made newest missing

	within 20 stored && within 20 busy $((100 + RANDOM % 150)) || not_ok "$words: the subject does its work"
	kill -9 "$telltale"
	made=$(counter "$W/counters")
	wait "$telltale" 2>/dev/null

	newest=$(sql "SELECT max(CAST(substr(path, length('$W/files/n') + 1) AS INTEGER)) + 1 FROM file_access
		WHERE path LIKE '$W/files/n%'")
	missing=$((made - ${newest:-0}))
	[ "$missing" -gt "$worst" ] && worst=$missing
	same "$words: the database is whole" ok "$(sql 'PRAGMA integrity_check')"
	check "$words: all but the last second is there ($made opens made, the last $missing not stored)" \
		[ "$missing" -le $((100 * ${TT_SLOW:-1})) ]
	same "$words: without a gap" "$newest" \
		"$(sql "SELECT sum(count) FROM file_access WHERE path LIKE '$W/files/n%'")"
	check "$words: the command goes on" within 10 busy $((made + 20))
	xargs kill <"$W/pids"

	# any start takes care of what was left open
	"$TELLTALE" run "${sensor[@]}" --db "$W/db" -- true 2>/dev/null || not_ok "$words: telltale starts again"
	same "$words: the session is closed, and not whole" '0 1 1' "$(sql "SELECT s.complete, s.ended_ns >= max(f.last_ns),
		(SELECT count(*) FROM loss WHERE kind = 'unclean_stop' AND session_id = s.session_id)
		FROM session s JOIN process p USING (session_id) JOIN file_access f USING (process_id)
		WHERE f.path LIKE '$W/files/n%'")"
	drop_db
	rm -f "$W/counters" "$W/pids"
}

started() {
	[ -s "$W/pids" ]
}

# shellcheck disable=SC2016
work='"$1" -s "$2" "$0/other" "$0/files/o" 1 & echo $$ $! >"$0/pids"; exec "$1" -s "$2" "$0/counters" "$0/files/n" 10'
for ((i = 1; i <= n; i++)); do
	"$TELLTALE" run "${sensor[@]}" --db "$W/db" -- sh -c "$work" "$W" "$W/bin/kill$$" $seconds 2>/dev/null &
	telltale=$!
	within 20 started
	kill_amid "run, $i" $telltale

	daemon_start
	sh -c "$work" "$W" "$W/bin/kill$$" $seconds &
	within 20 started
	kill_amid "daemon, $i" "$daemon"
	daemon=
done
echo "# at most $((worst * 10)) ms of $((2 * n)) kills"
finish
