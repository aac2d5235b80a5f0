#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Verdicts: a runtime is watched from its exec on, and what it runs decides. Whatever it does meanwhile - threads, forks,
# an exec by a thread that is not the leader - nothing is lost of a tracked one, and no row is left of an ignored one.
#
# The runtimes are copies of subjects whose first argument is both the script, for telltale, and what the subject takes
# it for. The script's directory says whether it belongs to an agent.
. tests/bpf/daemon.bash

n=$(times_scale 50)
mkdir -p "$W/mine" "$W/other"
echo "{\"name\": \"@test/v$$\", \"version\": \"1.2.3\"}" >"$W/mine/package.json"
echo '{"name": "something-else", "version": "1.2.3"}' >"$W/other/package.json"
echo x >"$W/files/secret"
# Of different contents: a copy of an agent's script is that agent.
for dir in mine other; do
	echo $dir | tee "$W/$dir/script" "$W/$dir/8" >/dev/null
	cp "$S/raw_first" "$W/$dir/next"
	echo $dir >>"$W/$dir/next"
done
printf '%s\n' "id: v$$" 'name: Test agent' "packages: [\"@test/v$$\"]" >"$W/config/agents.d/v.yaml"
echo runtimes: >"$W/config/agents.d/00-runtimes.yaml"
for subject in raw_first threads_fork exec_thread; do
	cp "$S/$subject" "$W/bin/$subject$$"
	echo "  - {name: $subject$$, kind: node}" >>"$W/config/agents.d/00-runtimes.yaml"
done
agent inner raw_first
daemon_start

# All that a database has of processes; rows of files by path.
seen() {
	sql "SELECT (SELECT count(*) FROM session), (SELECT count(*) FROM process), (SELECT count(*) FROM process_exec)"
	sql "SELECT replace(path, '$W/', ''), sum(count), count(DISTINCT process_id) FROM file_access
		WHERE op = 'read' AND path LIKE '$W/%' GROUP BY 1 ORDER BY 1"
}

# Runs COMMAND in a directory that makes it an agent, and in one that does not.
in_both() { # COMMAND...
	local dir

	for dir in other mine; do
		cd "$W/$dir" || exit 1
		"$@" >"$W/out" || not_ok "$* runs"
		cd - >/dev/null || exit 1
	done
}

# Takes what there is as the beginning.
anew() {
	daemon_stop
	same "$1" "$2" "$(seen)"
	same "$1: nothing was lost" '' "$(sql 'SELECT * FROM loss')"
	drop_db
	daemon_start
}

for ((i = 0; i < n; i++)); do
	in_both "$W/bin/raw_first$$" script "$W/files/secret"
done
anew "$n agents that act and fork before any verdict are there from their first call, $n others are not" \
	"$n $((2 * n)) $n
files/secret $n $n
mine/script $n $n"

in_both "$W/bin/threads_fork$$" 8 50 "$W/files/secret"
anew 'eight threads that fork at once: every child is there' \
	"1 401 1
files/secret 400 400"

in_both "$W/bin/threads_fork$$" -s 1 8 5 "$W/files/secret"
children=$(fact "$W/out" children)
anew 'threads that go on forking after the verdict: every child is there, and none of the ignored' \
	"1 $((children + 1)) 1
files/secret $children $children"

for ((i = 0; i < n; i++)); do
	in_both "$W/bin/exec_thread$$" ./next script "$W/files/secret"
done
anew 'a thread that is not the leader executes: the process goes on, with its verdict' \
	"$n $((2 * n)) $((2 * n))
files/secret $n $n
mine/script $n $n"

for ((i = 0; i < n; i++)); do
	(cd "$W/other" && "$W/bin/exec_thread$$" "$W/bin/inner$$" script "$W/files/secret" >/dev/null) || not_ok 'it runs'
done
anew 'an ignored one executes an agent: it is seen from there on' \
	"$n $((2 * n)) $n
files/secret $n $n
other/script $n $n"

# By itself it would be ignored: its script is not the agent's.
cp "$W/bin/raw_first$$" "$W/mine/"
for ((i = 0; i < n; i++)); do
	"$W/bin/exec_thread$$" "$W/mine/raw_first$$" "$W/other/script" "$W/files/secret" >/dev/null || not_ok 'it runs'
done
anew "an agent executes a runtime before any verdict: that is part of its session" \
	"$n $((2 * n)) $((2 * n))
files/secret $n $n
other/script $n $n"
finish
