#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Each ring and map made small and filled on purpose: what is stored plus what is lost is what was done, kind by kind.
#
# What was done is known twice: from the subject's own count, and from a run with room for everything.
. tests/bpf/daemon.bash
# Its own connects make this one interrupt itself, on any kernel.
provoked=1 misses="kind = 'missed_runs' AND sensor <> 'so_tcp_state'"

env_libc=sessions
rounds=$(times_scale 1000) threads=3
children=$(times_scale 1000)
mkdir -p "$W/scene"/{0,1,2}
echo x | tee "$W/scene/file" "$W/scene"/{0,1,2}/file >/dev/null
ln -s file "$W/scene/link"

# `run` of COMMAND with telltale.yaml's section `sensor` from standard input; its database is then asked.
traced() { # COMMAND...
	drop_db
	settings
	"$TELLTALE" run "${sensor[@]}" --db "$W/db" -- "$@" >"$W/out" 2>"$W/record" || not_ok "$* succeeds under run"
}

# What a column of losses says.
lost() { # KIND...
	local kinds

	kinds=$(printf "'%s'," "$@")
	sql "SELECT coalesce(sum(count), 0) FROM loss WHERE kind IN (${kinds%,})"
}

# Every kind of operation, stored and lost together.
done_in_all() {
	echo "files $(($(sql "SELECT coalesce(sum(count), 0) FROM file_access WHERE NOT (op = 'exec' AND result = 0)") + \
		$(lost file_access)))"
	echo "look-ups $(($(sql "SELECT coalesce(sum(count), 0) FROM env_lookup WHERE source <> 'exec'") + $(lost env_lookup)))"
	echo "connections $(($(sql 'SELECT coalesce(sum(count), 0) FROM connection') + $(lost connection connection_outcome)))"
}

# What must never be there, however small the room.
sane() { # WORDS
	same "$1: every loss is of a kind that this test knows, and the record says that it is not whole" \
		"$(sql 'SELECT count(*) = 0 FROM loss') " "$(sql 'SELECT min(complete) FROM session') $(sql "SELECT DISTINCT kind
		FROM loss WHERE kind NOT IN ('file_access', 'env_lookup', 'connection', 'connection_outcome', 'connection_bytes', 'name',
		'fork', 'exec', 'exit', 'exec_environment', 'exec_environment_cut', 'missed_runs')")"
	echo "#   lost: $(sql 'SELECT kind, sum(count) FROM loss GROUP BY kind' | tr '\n' ';')"
}

# Entries of a nearly full table leave it when they are idle, and come again: 62 names in turn, each every 5 s, in a
# table of 64. Runs beside the others, because it takes its time.
settings <<<'  maps:
    aggregation: 64'
cp "$W/config/telltale.yaml" "$W/aging.yaml"
"$TELLTALE" run "${sensor[@]}" --config "$W/aging.yaml" --db "$W/aging.db" -- \
	"$S/open_counted" -n 62 -s 14 "$W/aging" "$W/scene/age" 80 2>"$W/aging.record" &
aging=$!

mix=("$S/mix" -t "$threads" "$W/scene" "$rounds")
traced "${mix[@]}" <<-END
	  poll: 10ms
END
sane 'with room'
# The kernel leaves out a run of a program that interrupts itself, as TCP's changes of state in softirq do at this rate.
same 'with room nothing is lost' '' "$(sql "SELECT * FROM loss WHERE sensor <> 'so_tcp_state' AND NOT ($excused)")"
reference=$(done_in_all)
n=$((rounds * threads))
same 'and everything is there: opens, look-ups, connects and datagrams' "$n $n $n $((n * 2)) $((n * 2))" "$(sql "SELECT
	(SELECT sum(count) FROM file_access WHERE path LIKE '$W/scene/none%' AND result = -2),
	(SELECT sum(count) FROM file_access WHERE op = 'readlink' AND path LIKE '$W/scene/%'),
	(SELECT sum(count) FROM env_lookup WHERE name LIKE 'TT\_MIX\_%' ESCAPE '\\'),
	(SELECT sum(count) FROM connection WHERE protocol = 'udp'),
	(SELECT sum(count) FROM connection WHERE protocol = 'tcp' AND direction = 'out')")"
same 'each open of a renamed directory is counted' "$n" "$(sql "SELECT sum(count) FROM file_access
	WHERE op = 'read' AND path GLOB '$W/scene/[012]*/file'")"

small() { # WORDS SETTINGS
	traced "${mix[@]}" <<<"$2"
	same "$1: stored and lost are what was done" "$reference" "$(done_in_all)"
	sane "$1"
}

small 'a table of 64 things' '  maps:
    aggregation: 64'
small 'a ring of one page, read once a second' '  poll: 1s
  rings:
    activity: 4KiB'
small 'both' '  rings:
    activity: 4KiB
  maps:
    aggregation: 64'
small 'one thing and one socket' '  rings:
    activity: 64KiB
  maps:
    aggregation: 1
    sockets: 1'

# Forks, execs and exits in a ring of one page, which nobody reads meanwhile: telltale sleeps. A shell more is below it.
# shellcheck disable=SC2016
unread=(sh -c 'kill -STOP $PPID; "$@"; kill -CONT $PPID' -)
lifecycle='  poll: 100ms
  rings:
    lifecycle: 4KiB'
traced "${unread[@]}" "$S/fork_exec_loop" "$children" <<<"$lifecycle"
same 'forks and exits in a ring of one page: stored and lost are what was done' "$((children + 1)) $((children + 2))" \
	"$(($(sql "SELECT count(*) FROM process WHERE parent_process_id <> ''") + $(lost fork))) \
$(($(sql 'SELECT count(*) FROM process WHERE exit_status IS NOT NULL') + $(lost exit)))"
sane 'forks and exits'
check 'and it was too small' [ "$(lost fork)" -gt 0 ]
same 'no process stays open' 0 "$(sql 'SELECT count(*) FROM process WHERE ended_ns IS NULL')"
traced "${unread[@]}" "$S/fork_exec_loop" "$children" /bin/true <<<"$lifecycle"
same 'execs as well' "$((children + 2)) $((children + 2))" \
	"$(($(sql 'SELECT count(*) FROM process_exec WHERE result = 0') + $(lost exec))) \
$(($(sql 'SELECT count(*) FROM process WHERE exit_status IS NOT NULL') + $(lost exit)))"
sane 'execs'

# SIGKILL amid a flood: its last totals are told like any other's. Besides the names it opens what every program does.
killed_amid() {
	local process

	traced sh -c "$S/open_counted -n 3000 $W/killed $W/scene/kill 0 >/dev/null 2>&1 &
		sleep 0.5; kill -9 \$!; wait"
	process=$(sql 'SELECT process_id FROM process WHERE exit_status = 137')
	stored=$(sql "SELECT sum(count) FROM file_access WHERE process_id = '$process' AND op NOT IN ('exec', 'mmap')")
	besides=$(sql "SELECT coalesce(sum(count), 0) FROM file_access WHERE process_id = '$process' AND op NOT IN ('exec', 'mmap')
		AND path NOT LIKE '$W/scene/kill%'")
	gone=$(sql "SELECT coalesce(sum(count), 0) FROM loss
		WHERE process_id = '$process' AND kind = 'file_access'")
	read -r begun opened < <(od -An -td8 "$W/killed")
	echo "# killed after $opened opens: $stored stored, $gone lost"
}
killed_amid </dev/null
always=$besides
check 'killed amid its opens: all that it did is stored' grep -qx "$stored" <(seq $((opened + always)) $((begun + always)))
killed_amid <<<'  rings:
    activity: 4KiB'
check 'and with a ring of one page: stored and lost are what it did' \
	grep -qx $((stored + gone)) <(seq $((opened + always)) $((begun + always)))

# Five agents at once where there is room for two.
drop_db
settings <<<'  maps:
    slots: 2'
agent slot open_counted
daemon_start
for i in 1 2 3 4 5; do
	"$W/bin/slot$$" -s 2 "$W/slot.$i" "$W/scene/slot.$i." 10 &
	slots[i]=$!
done
wait "${slots[@]}"
within 15 sql_is 2 'SELECT count(*) FROM session WHERE ended_ns IS NOT NULL'
daemon_stop
same 'two of five agents are recorded, three are told' '2 3' \
	"$(sql 'SELECT count(*) FROM session') $(lost candidate)"

wait $aging || not_ok 'the names in turn are opened'
drop_db
mv "$W/aging.db" "$W/db"
same 'names that left the table and came again: each open is counted, and nothing lost' \
	"$(od -An -td8 -j8 "$W/aging" | tr -d ' ')|" "$(sql "SELECT sum(count) FROM file_access
		WHERE path LIKE '$W/scene/age%'")|$(sql "SELECT * FROM loss WHERE sensor <> 'so_tcp_state' AND NOT ($excused)")"
check 'and some did leave' [ "$(sql "SELECT count(*) > count(DISTINCT path) FROM file_access
	WHERE path LIKE '$W/scene/age%'")" = 1 ]
finish
