#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A process's environment, or memory, opened below /proc: by whom, and whose, under each of its names.

scenario() {
	# what is looked into: one of ours, and one that nobody watches
	sleep 300 9<&- &
	echo $! >"$W/out/target.pid"
	local ours=$! other
	other=$(<"$W/other")
	exec 7</proc/$ours # for a name that goes by a descriptor

	step self cat /proc/self/environ
	step thread-self cat /proc/thread-self/environ
	step by-number bash -c 'exec cat /proc/$$/environ'
	step by-task bash -c 'exec cat /proc/$$/task/$$/environ'
	step around cat /proc/self/../self/./environ
	step relative bash -c 'cd /proc/self && exec cat environ'

	step ours cat /proc/$ours/environ /proc/$ours/environ /proc//$ours//environ
	step ours-task cat /proc/$ours/task/$ours/environ
	for ((i = 0; i < 500; i++)); do
		[ -L "$W/link" ] && break
		sleep 0.02
	done
	step ours-link cat "$W/link"
	step ours-descriptor bash -c 'exec cat /proc/self/fd/7/environ'
	step others cat "/proc/$other/environ"
	step refused "$SETPRIV" --reuid 65534 cat /proc/$ours/environ 2>/dev/null
	step absent cat /proc/4194305/environ 2>/dev/null
	step bound "$UNSHARE" -m bash -c "mount --bind /proc/$ours '$W/mount' && exec cat '$W/mount/environ'"
	# where the file system and the numbers are others, they have to be there still when it is asked
	step mounted "$UNSHARE" -m bash -c "mount -t proc proc '$W/mount' && read <'$W/mount/$ours/environ'; sleep ${TT_SLOW:-1}"
	# shellcheck disable=SC2016
	step contained "$UNSHARE" -pf --mount-proc bash -c 'sleep 300 & read </proc/self/environ; read </proc/$!/environ; kill $!; sleep $0' "${TT_SLOW:-1}"
	step no-proc cat "$W/1/environ"

	step mem-self cat /proc/self/mem 2>/dev/null
	step mem cat "/proc/$other/mem" 2>/dev/null
	kill $ours
	{ wait $ours; } 2>/dev/null
}
SETPRIV=$(type -P setpriv) UNSHARE=$(type -P unshare)
. tests/bpf/lib.sh

# Nothing here, but its name: a file of another kind.
mkdir "$W/1" "$W/mount"
: >"$W/1/environ"
sleep 300 &
other=$!
echo $other >"$W/other"
trap 'kill $other; rm -rf "$W"' EXIT
SLEEP=$(realpath "$(type -P sleep)")
# The link leads to a process that is only there when the scenario runs.
(
	for ((i = 0; i < 1000; i++)); do
		[ -s "$W/out/target.pid" ] && break
		sleep 0.05
	done
	ln -s "/proc/$(<"$W/out/target.pid")/environ" "$W/link.new" && mv "$W/link.new" "$W/link"
) &

# shellcheck disable=SC2119
watch

# what op result xCOUNT, and whose: self, target, or its pid and program
whose="CASE a.of_process_id WHEN a.process_id THEN 'self' WHEN '$(process target)' THEN 'target'
	ELSE coalesce(a.of_process_id, '') END || CASE WHEN a.of_pid = $other THEN 'other' WHEN a.of_pid IS NULL THEN 'unknown' ELSE '' END
	|| CASE a.of_exe WHEN '$SLEEP' THEN ' sleep' ELSE '' END"
# Trampolines have a row for each spelling of a name whose end is another, of which there are two.
accessed() { # NAME
	sql "SELECT a.what, a.op, a.result, 'x' || sum(a.count), $whose, coalesce(f.category, '-')
		FROM process_access a JOIN file_access f USING (row_id) WHERE a.process_id = '$(process "$1")' GROUP BY 1, 2, 3, 5, 6
		ORDER BY min(row_id)"
}
looked() { # NAME
	sql "SELECT name, source, 'x' || sum(count), CASE of_process_id WHEN process_id THEN 'self' WHEN '$(process target)' THEN 'target' ELSE coalesce(of_exe, '-') END
		FROM env_lookup WHERE process_id = '$(process "$1")' AND source = 'environ' GROUP BY 1, 2, 4 ORDER BY min(row_id)"
}
saw() { # WORDS NAME ACCESS LOOKUP
	same "$1" "$3" "$(accessed "$2")"
	same "... as a look-up" "$4" "$(looked "$2")"
}

for name in self thread-self by-number by-task around relative; do
	saw "its own, $name" $name 'environ read 0 x1 self -' '* environ x1 self'
done
saw "of a process that is recorded" ours 'environ read 0 x3 target sleep process-environ' '* environ x3 target'
saw "... by its thread" ours-task 'environ read 0 x1 target sleep process-environ' '* environ x1 target'
saw "... through a link" ours-link 'environ read 0 x1 target sleep process-environ' '* environ x1 target'
saw "... through a descriptor" ours-descriptor 'environ read 0 x1 target sleep process-environ' '* environ x1 target'
saw "of one that is not" others 'environ read 0 x1 other sleep process-environ' "* environ x1 $SLEEP"
saw "refused: tried, but no look-up" refused "environ read -13 x1 target sleep process-environ" ""
saw "of a process that there is not" absent "environ read -2 x1  process-environ" ""
saw "where its directory is bound elsewhere: of somebody" bound 'environ read 0 x1 unknown process-environ' '* environ x1 -'
saw "where proc is mounted elsewhere" mounted 'environ read 0 x1 target sleep process-environ' '* environ x1 target'
saw "a file of that name" no-proc "" ""
container=$(sql "SELECT process_id FROM process WHERE ppid = $(cat "$W/out/contained.pid")")
same "in a container: its own, and of another, which has other numbers here" 'environ self -
environ unknown process-environ' "$(sql "SELECT a.what, $whose, coalesce(f.category, '-') FROM process_access a JOIN file_access f USING (row_id)
	WHERE a.process_id = '$container' ORDER BY row_id")"

same "memory: its own" 'mem read 0 x1 self -' "$(accessed mem-self)"
same "... another's" 'mem read 0 x1 other sleep process-memory' "$(accessed mem)"
same "... which is no look-up" "" "$(looked mem)"
same "look-ups are counted in the risk record" 3 "$(sql "SELECT env_lookups - (SELECT sum(count) FROM env_lookup e
	WHERE e.process_id = r.process_id AND e.source NOT IN ('exec', 'environ')) FROM risk_record r WHERE process_id = '$(process ours)'")"
finish
