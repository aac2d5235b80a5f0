#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A daemon that watches the whole host records the agent's tree and nothing of anybody else, whatever they do: before,
# while and after an agent runs, under an agent's name that is no program, as an interpreter of an agent or of something else.
. tests/bpf/daemon.bash

agent seen fork_exec_loop
printf '%s\n' 'runtimes:' "  - {name: runs$$, kind: other}" >"$W/config/agents.d/00-runtimes.yaml"
cp "$S/threads_fork" "$W/bin/runs$$"
echo x | tee "$W/files/theirs" "$W/files/ours" >/dev/null
mkdir "$W/seen$$"
cp "$S/open_one" "$W/seen$$/open_one" # a directory called as the agent is no agent

export S W me=$$
# Everything that would leave a row, by many processes, one of which holds still until the end.
others() {
	"$S/open_one" open "$W/files/theirs"
	"$S/open_one" openat2 "$W/none"
	"$S/readlink_one" readlink /proc/self/exe
	"$S/connect_one" tcp 127.0.0.1 9
	"$S/connect_one" send 127.0.0.1 9
	"$S/fork_read" "$W/files/theirs" 20
	"$S/threads_fork" 8 20 "$W/files/theirs"
	"$S/fork_exec_loop" 10 /bin/true
	"$S/exec_odd" fail "$W/none"
	"$S/exec_odd" memfd "$W/files/theirs"
	"$S/exec_thread" "$S/open_one" open "$W/files/theirs"
	"$S/clone_odd" sibling "$W/files/theirs"
	"$W/seen$me/open_one" open "$W/files/theirs"
	"$W/bin/seen-not-$me" # no such file
	# an interpreter that hosts no agent: pending for a moment, with threads and children, then ignored
	"$W/bin/runs$me" 4 10 "$W/files/theirs"
	bash -c "exec -a seen$me $S/open_one open $W/files/theirs" # only called so
	return 0
} >/dev/null 2>&1
the_agent() {
	"$W/bin/seen$$" 3 "$S/open_one" open "$W/files/ours" >"$W/agent.out"
}

daemon_start
others
the_agent
others &
for _ in 1 2 3; do
	the_agent
done
wait $!
# from an ignored process: seen from its exec on
bash -c "exec $W/bin/seen$$ 3 $S/open_one open $W/files/ours" >/dev/null
others
# The last thing there is to be seen: what came before it has been dealt with when it is there.
the_agent
check "each run of the agent is a session, over and stored" \
	within 10 sql_is "6 6 4" "SELECT count(*), count(ended_ns), min(process_count) FROM session"
status=$(daemon_status sessions)
daemon_stop

same "the sessions are the agent's, and complete" "seen$$ 1" "$(sql "SELECT DISTINCT agent, complete FROM session")"
same "the processes are the agent and its children" "6 $W/bin/seen$$
18 $S/open_one" "$(sql "SELECT count(*), exe FROM process GROUP BY exe ORDER BY 1")"
same "what the children opened is there" "18 18" "$(sql "SELECT count(*), sum(count) FROM file_access WHERE path = '$W/files/ours'")"
same "what others opened is not" "" "$(sql "SELECT DISTINCT path FROM file_access WHERE path LIKE '%theirs' OR path LIKE '%none'")"
same "nor anything else of theirs" "exec $W/bin/seen$$
exec $S/open_one
mmap /etc/ld.so.cache
mmap libc.so.6
read /etc/ld.so.cache
read libc.so.6
read $W/files/ours" "$(sql "SELECT DISTINCT op, CASE WHEN path LIKE '%/libc.so.6' THEN 'libc.so.6' ELSE path END p
	FROM file_access ORDER BY op, p LIKE '%/subjects/%', p LIKE '%ours', p" )"
same "nor where they connected to" 0 "$(sql 'SELECT count(*) FROM connection')"
same "nor their environment" "$W/bin/seen$$ exec" "$(sql "SELECT DISTINCT exe, source FROM env_lookup JOIN process USING (process_id)")"
same "every row belongs to a process of a session" 0 "$(sql "SELECT count(*) FROM file_access f WHERE NOT EXISTS
	(SELECT 1 FROM process p JOIN session s USING (session_id) WHERE p.process_id = f.process_id)")"
same "nothing was lost" "" "$(sql 'SELECT sensor, kind, count FROM loss')"
same "in the end nobody was watched" 0 "$status"

# Whoever sees nothing may have looked at nothing: the same, watched on purpose.
export -f others
"$TELLTALE" run "${sensor[@]}" --db "$W/control" -- bash -c others >/dev/null 2>&1
drop_db
mv "$W/control" "$W/db"
same "others would have been recorded" "226 2 2" "$(sql "SELECT (SELECT sum(count) FROM file_access WHERE path LIKE '%/theirs'),
	(SELECT count(*) FROM file_access WHERE path LIKE '%/none'), (SELECT count(*) FROM connection)")"
finish
