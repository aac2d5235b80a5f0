#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Agents that run when the daemon starts are found with their living descendants: one with 200 threads that fork all the
# time, one with a shell below it and another agent below that. What they do from then on is recorded; their coverage says
# that the beginning was missed. A descendant whose parent has ended cannot be linked, and is not recorded.
. tests/bpf/daemon.bash

agent threads threads_fork
agent outer fork_exec_loop
agent inner fork_exec_loop

for name in shell inner orphan; do
	mkfifo "$W/$name.go"
done
# Each says who it is, waits, and reads a file of its own.
# shellcheck disable=SC2016
acts='echo $$ >"$0/$1.pid"; read -r go <"$0/$1.go"; read -r x <"$0/files/$1"'
# The shell leaves an orphan and starts an agent, below which is another shell.
# shellcheck disable=SC2016
begins='(sh -c "$2" "$0" orphan & ); "$3" 1 /bin/sh -c "$2" "$0" inner >/dev/null & sh -c "$2" "$0" shell; wait'
for name in shell inner orphan; do echo x >"$W/files/$name"; done

# As many as leave a slow machine time to start a daemon meanwhile.
"$W/bin/threads$$" -s $((60 * ${TT_SLOW:-1})) -u "$W/enough" -n "$W/begun" $((200 / ${TT_SLOW:-1})) 1 "$W/files/n" >"$W/out" &
threads=$!
"$W/bin/outer$$" 1 /bin/sh -c "$begins" "$W" - "$acts" "$W/bin/inner$$" >/dev/null &
outer=$!
all_there() {
	[ -s "$W/shell.pid" ] && [ -s "$W/inner.pid" ] && [ -s "$W/orphan.pid" ] && [ -s "$W/begun" ]
}
within 10 all_there || not_ok 'the agents run'

daemon_start
from=$(od -An -td8 -N8 "$W/begun" | tr -d ' ')
for name in shell inner orphan; do echo >"$W/$name.go"; done
forked_on() {
	[ "$(od -An -td8 -N8 "$W/begun")" -gt $((from + 500)) ]
}
within 30 forked_on || not_ok 'the threads go on forking'
touch "$W/enough"
wait $threads || not_ok 'the threads end well'
wait $outer
within 15 sql_is 3 'SELECT count(*) FROM session WHERE ended_ns IS NOT NULL'
daemon_stop

check 'two trees are found' said 'agents found running: 2$'
same 'three sessions, one inside another' "inner$$ outer$$
outer$$ -
threads$$ -" "$(sql "SELECT s.agent, coalesce((SELECT p.agent FROM session p WHERE p.session_id = s.parent_session_id), '-')
	FROM session s ORDER BY s.agent")"
same 'roots are who they are' "$outer $threads" \
	"$(sql "SELECT p.pid FROM session s JOIN process p ON p.process_id = s.root_process_id
		WHERE s.agent IN ('outer$$', 'threads$$') ORDER BY s.agent" | tr '\n' ' ' | sed 's/ $//')"
for name in shell inner; do
	[ $name = shell ] && session=outer$$ || session=inner$$
	same "the $name is a descendant, and what it reads now is there" "$session 1" \
		"$(sql "SELECT s.agent, f.count FROM process p JOIN session s USING (session_id) JOIN file_access f USING (process_id)
			WHERE p.pid = $(cat "$W/$name.pid") AND f.path = '$W/files/$name'")"
done
same 'the orphan is not recorded' 0 "$(sql "SELECT (SELECT count(*) FROM process WHERE pid = $(cat "$W/orphan.pid"))
	+ (SELECT count(*) FROM file_access WHERE path = '$W/files/orphan')")"
same 'who ran before says so' 'partial partial partial' "$(sql "SELECT DISTINCT json_extract(coverage, '\$.process.state'),
	json_extract(coverage, '\$.file.state'), json_extract(coverage, '\$.net.state')
	FROM process WHERE pid IN ($outer, $threads, $(cat "$W/shell.pid"), $(cat "$W/inner.pid"))")"

root=$(sql "SELECT root_process_id FROM session WHERE agent = 'threads$$'")
all=$(od -An -td8 -N8 "$W/begun" | tr -d ' ')
echo "# $all children, $from of them begun before the daemon watched; $(sql "SELECT count(*) FROM file_access
	WHERE path GLOB '$W/files/n[0-9]*'") recorded"
check 'the threads forked before and after' [ $((from > 0 && all > from + 200)) = 1 ]
# every number that was begun later, once, by a child of the root's
same 'each child since then is there, below its parent, with what it opened' "$((all - from)) $((all - from)) 1" \
	"$(sql "SELECT count(*), count(DISTINCT f.path), max(f.count) FROM file_access f JOIN process p USING (process_id)
		WHERE p.parent_process_id = '$root' AND f.path GLOB '$W/files/n[0-9]*'
		AND CAST(substr(f.path, length('$W/files/n') + 1) AS INTEGER) >= $from")"
same 'nothing was lost' '' "$(sql 'SELECT sensor, kind, count FROM loss')"
finish
