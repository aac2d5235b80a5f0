#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Processes: every child, however it was made, with its own rows, parent and end; one pid twice is two processes.
scenario() {
	step first "$S/raw_first" "$W/one" "$W/two"
	step fork "$S/fork_read" "$W/one" 3
	step threads "$S/threads_fork" 4 25 "$W/one"
	step vfork-exec "$S/fork_exec_loop" 3 "$S/open_one" open "$W/one"
	step just-fork "$S/fork_exec_loop" 20
	for kind in sibling vfork files leader orphan abort; do
		step $kind "$S/clone_odd" $kind "$W/one"
	done
	step reuse "$S/pid_reuse" "$W/one" "$W/two"
	step exit-3 sh -c 'exit 3'
	step exit-255 sh -c 'exit 255'
	step killed sh -c 'kill -KILL $$'
	step segv sh -c 'ulimit -c 0; kill -SEGV $$'
	step term sh -c 'kill -TERM $$; sleep 10'
}
. tests/bpf/lib.sh

echo 1 >"$W/one"
echo 2 >"$W/two"
watch

# What a child did, and who its parent is: "pid's files | parent".
child() { # PID PARENT: files, exit status, whether PARENT is its parent and by which pid, how many execs
	local id parent

	id=$(process "$1") parent=$(process "$2")
	files "$1"
	sql "SELECT exit_status, parent_process_id = '$parent', ppid, (SELECT count(*) FROM process_exec e
		WHERE e.process_id = p.process_id) FROM process p WHERE process_id = '$id'"
}
pid() {
	cat "$W/out/$1.pid"
}

did "the first system call after exec" first "read 0 x1 $o W/one"
same "the first system call after fork" "read 0 x1 $o W/two
0 1 $(pid first) 0" "$(child "$(sql "SELECT pid FROM process WHERE parent_process_id = '$(process first)'")" first)"
did "the parent of such children opened nothing" fork ""
for pid in $(fact fork child); do
	same "a child by fork alone" "read 0 x1 $o W/one
0 1 $(pid fork) 0" "$(child "$pid" fork)"
done
same "forked by threads: each once, under the process" "100 100 100 $S/threads_fork" \
	"$(sql "SELECT count(*), sum(f.count), count(DISTINCT p.process_id), p.exe FROM process p
	LEFT JOIN file_access f ON f.process_id = p.process_id AND f.path = '$W/one' AND f.op = 'read'
	WHERE parent_process_id = '$(process threads)'")"
did "the threads opened nothing" threads ""
same "by vfork and exec" "3 3 3 $S/open_one" "$(sql "SELECT count(*), count(e.seq), sum(f.count), p.exe FROM process p
	JOIN process_exec e USING (process_id) JOIN file_access f ON f.process_id = p.process_id AND f.path = '$W/one'
	WHERE parent_process_id = '$(process vfork-exec)'")"
same "by fork alone, doing nothing" "20 0 0" "$(sql "SELECT count(*), max(exit_status), (SELECT count(*) FROM file_access f
	JOIN process c USING (process_id) WHERE c.parent_process_id = '$(process just-fork)') FROM process
	WHERE parent_process_id = '$(process just-fork)'")"

root=$(sql "SELECT pid FROM process JOIN session ON root_process_id = process_id")
same "CLONE_PARENT: made by the subject, child of its parent" "read 0 x1 $o W/one
0 1 $root 0" "$(child "$(fact sibling child)" sibling)"
same "vfork: what it did before its end" "read 0 x1 $o W/one
5 1 $(pid vfork) 0" "$(child "$(fact vfork child)" vfork)"
same "a child that shares descriptors and directory" "read 0 x1 $o W/one
0 1 $(pid files) 0" "$(child "$(fact files child)" files)"
same "a thread that outlives the first one" "read 0 x1 $o W/one" "$(files leader | grep -v libgcc_s)" # pthread_exit loads it
same "an orphan keeps its parent" "read 0 x1 $o W/one
0 1 $(fact orphan child) 0" "$(child "$(fact orphan grandchild)" "$(fact orphan child)")"
did "before a signal" abort "read 0 x1 $o W/one"
for name in exit-3:3 exit-255:255 killed:137 segv:139 term:143 leader:6 abort:134 fork:0; do
	same "exit status: ${name%:*}" "${name#*:} ${name#*:}" \
		"$(status "${name%:*}") $(sql "SELECT exit_status FROM process WHERE process_id = '$(process "${name%:*}")'")"
done

same "the pid was taken again" 0 "$(fact reuse again)"
same "two processes with one pid" "W/one|W/two" "$(sql "SELECT group_concat(path, '|') FROM (SELECT f.path FROM process p
	JOIN file_access f USING (process_id) WHERE pid = $(fact reuse pid) AND f.op = 'read' AND f.count = 1
	ORDER BY p.started_ns)" | shown)"
same "and both are the subject's" "2 2" "$(sql "SELECT count(*), count(DISTINCT process_id) FROM process
	WHERE pid = $(fact reuse pid) AND parent_process_id = '$(process reuse)'")"

# root, steps, and children: 1 3 100 3 20, six kinds (the orphan has a parent in between), 2; the shell's forks for steps are the steps
same "as many processes as there were" "$((1 + 17 + 1 + 3 + 100 + 3 + 20 + 3 + 2 + 2))" \
	"$(sql "SELECT count(*) FROM process")"
same "the session counts the same" 1 "$(sql "SELECT process_count = (SELECT count(*) FROM process) FROM session")"
same "each has ended, after it began" 0 "$(sql "SELECT count(*) FROM process WHERE ended_ns IS NULL OR ended_ns <= started_ns")"
same "each but the first has a parent in the session" 1 "$(sql "SELECT count(*) FROM process p WHERE NOT EXISTS
	(SELECT 1 FROM process q WHERE q.process_id = p.parent_process_id)")"
finish
