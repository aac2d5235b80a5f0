#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Execs: what runs and with which arguments, odd ones, failed ones, by other threads and of files without a name.
scenario() {
	for kind in none empty newline utf8 many 4096 4097 10000 longer; do
		step "argv-$kind" "$S/argv_weird" $kind /bin/true
	done
	step script "$W/script" one 'two words'
	step script-env "$W/script-env" one
	step script-nested "$W/script-nested" one
	for kind in none directory text data; do
		step "fail-$kind" "$S/exec_odd" fail "$W/$kind"
	done
	step fail-often "$S/exec_odd" fail "$W/none" 10
	step fail-script "$S/exec_odd" fail "$W/no-interpreter"
	step fail-user setpriv --reuid=65534 --clear-groups "$S/exec_odd" fail "$W/secret"
	step thread "$S/exec_thread" "$S/open_one" open "$W/data"
	step deleted "$S/exec_odd" deleted "$W/copy" "$W/data"
	step memfd "$S/exec_odd" memfd "$W/data"
	step at "$S/exec_odd" at "$W" script
	step long "$S/exec_odd" long "$W/long"
	step chain bash -c "exec env bash -c 'exec $S/open_one open $W/data'"
	step link "$W/link" open "$W/data"
}
. tests/bpf/lib.sh

printf '#!/bin/sh -e\n:\n' >"$W/script"
printf '#!/usr/bin/env sh\n:\n' >"$W/script-env"
printf '#!%s\n:\n' "$W/script" >"$W/script-nested"
printf '#!/nowhere/sh\n' >"$W/no-interpreter"
echo text >"$W/text"
echo data | tee "$W/data" >"$W/secret"
mkdir "$W/directory" "$W/long"
chmod 755 "$W/script" "$W/script-env" "$W/script-nested" "$W/text" "$W/no-interpreter"
chmod 700 "$W/secret"
ln -s "$S/open_one" "$W/link"
true=$(realpath /bin/true) sh=$(realpath /bin/sh) env=$(realpath /usr/bin/env) bash=$(realpath "$BASH")
watch

argv() { # WORDS KIND ARGV
	executed "$1" "argv-$2" "0 0 $S/argv_weird [\"$S/argv_weird\",\"$2\",\"/bin/true\"]
1 0 $true $3"
}
a() { # TIMES
	printf "%0$1d" 0 | tr 0 A
}
argv "an empty argv is one empty string" none '[""]'
argv "empty arguments" empty '["","",""]'
argv "newlines, tabs, escapes" newline '["weird","one\\ntwo","\\ttab","\\u001b[31mred\\u001b[0m","\\r"]'
argv "invalid UTF-8" utf8 '["weird","��","�","ok�ok","���"]'
argv "4,096 bytes of arguments fit" 4096 "[\"weird\",\"$(a 4089)\"]"
same "one more is cut, and said so" '["weird","","<truncated>"]' \
	"$(sql "SELECT replace(argv, '$(a 4090)', '') FROM process WHERE process_id = '$(process argv-4097)'")"
for kind in 4097 10000 longer many; do
	got=$(sql "SELECT argv FROM process WHERE process_id = '$(process argv-$kind)'")
	case $got in
	'["weird","A'*'"<truncated>"]' | '["weird","argument","argument",'*'"<truncated>"]') ok "cut and marked: $kind (${#got} characters)" ;;
	*) not_ok "cut and marked: $kind: $got" ;;
	esac
done

executed "a script" script "0 0 $sh [\"/bin/sh\",\"-e\",\"W/script\",\"one\",\"two words\"]"
did "its interpreter opens it" script "read 0 x1 $o W/script"
executed "a script by env" script-env "0 0 $env [\"/usr/bin/env\",\"sh\",\"W/script-env\",\"one\"]
1 0 /usr/bin/$(basename "$sh") [\"sh\",\"W/script-env\",\"one\"]"
executed "a script of a script" script-nested "0 0 $sh [\"/bin/sh\",\"-e\",\"W/script\",\"W/script-nested\",\"one\"]"

failing() { # WORDS NAME FILE RESULT [COUNT]
	executed "$1" "$2" "0 0 $S/exec_odd $(sql "SELECT argv FROM process WHERE process_id = '$(process "$2")'" | shown)
1 $4 $3 NULL"
	did "$1, as a file access" "$2" "exec $4 x${5:-1} user $3"
	same "$1: the subject says so" "$4" "$(fact "$2" result)"
}
failing "a missing program" fail-none W/none -2
failing "a directory" fail-directory W/directory -13
failing "not executable" fail-data W/data -13
failing "no program" fail-text W/text -8
failing "a script without interpreter" fail-script W/no-interpreter -2
failing "ten times the same" fail-often W/none -2 10
did "not allowed" fail-user "$(files fail-user | grep -v '^exec')
exec -13 x1 user W/secret"

executed "by another thread: the process's" thread "0 0 $S/exec_thread [\"$S/exec_thread\",\"$S/open_one\",\"open\",\"W/data\"]
1 0 $S/open_one [\"$S/open_one\",\"open\",\"W/data\"]"
did "by another thread: what it does then" thread "read 0 x1 $o W/data"
same "by another thread: one process" "1 $S/open_one 0" \
	"$(sql "SELECT count(*), exe, exit_status FROM process WHERE pid = $(cat "$W/out/thread.pid")")"

executed "a file that is gone" deleted "0 0 $S/exec_odd [\"$S/exec_odd\",\"deleted\",\"W/copy\",\"W/data\"]
1 0 W/copy [\"W/copy\",\"gone\",\"W/copy\",\"W/data\"]"
executed "an anonymous file" memfd "0 0 $S/exec_odd [\"$S/exec_odd\",\"memfd\",\"W/data\"]
1 0 /memfd:anonymous [\"anonymous\",\"open\",\"W/data\"]"
did "what it does then" memfd "read 0 x1 $o /proc/self/exe real=$S/exec_odd
read 0 x1 $o W/data"
executed "by execveat" at "0 0 $S/exec_odd [\"$S/exec_odd\",\"at\",\"W\",\"script\"]
1 0 $sh [\"/bin/sh\",\"-e\",\"/dev/fd/3/script\"]"
same "names as long as names can be: recorded, with fewer arguments" "1 0 4095 1 1" "$(sql "SELECT seq, result,
	length(exe), length(argv) < 4000, argv LIKE '%\"<truncated>\"]' FROM process_exec
	WHERE process_id = '$(process long)' AND exe LIKE '%/nothing'")"
executed "one after the other" chain "0 0 $bash [\"bash\",\"-c\",\"exec env bash -c 'exec $S/open_one open W/data'\"]
1 0 $env [\"env\",\"bash\",\"-c\",\"exec $S/open_one open W/data\"]
2 0 $bash [\"bash\",\"-c\",\"exec $S/open_one open W/data\"]
3 0 $S/open_one [\"$S/open_one\",\"open\",\"W/data\"]"
executed "through a link: the file" link "0 0 $S/open_one [\"W/link\",\"open\",\"W/data\"]"
same "one process a pid, and its exe is the last one's" 0 "$(sql "SELECT count(*) FROM process p JOIN process_exec e
	USING (process_id) WHERE e.result = 0 AND e.exe <> p.exe AND e.seq = (SELECT max(seq) FROM process_exec x
	WHERE x.process_id = p.process_id AND x.result = 0)")"
same "each exec is a file access of its own" '' "$(sql "SELECT e.exe FROM process_exec e WHERE result = 0 AND NOT EXISTS
	(SELECT 1 FROM file_access f WHERE f.process_id = e.process_id AND f.op = 'exec' AND f.result = 0 AND f.path = e.exe
	AND f.path_source = 'file')")"
finish
