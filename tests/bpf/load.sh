#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Load: 60,000 first sightings a second reach the database without loss; with more than can be kept nothing happens but
# counted loss: no fork, exec or exit is missed, and memory does not grow.
#
# Each 5,000 opens are a new process's, under a directory name of their own (open_many -p): the first of its process
# and of its path, all of them. First by one process at a time, evenly; then by two at once, as fast as they can. 6 s and
# some 10 s; TT_SCALE=10 is the minute of the claim. A machine that is busy with others is no judge of loss: it is
# judged when the daemon got a core in nine tenths of the time that it wanted one.
. tests/bpf/daemon.bash
provoked=1

files=5000
rate=60000
# Batch, queues of both rings, known keys, SQLite's cache: all at their limits at once.
rss_max=65536

agent even open_many
agent flood open_many
agent other open_many

directory() { # NAME
	mkdir -p "$W/files/project-$1/node_modules"
	"$S/open_many" -c "$W/files/project-$1/node_modules" $files 1 >"$W/out-$1"
	echo "$W/files/project-$1/node_modules"
}

# Samples the daemon's memory while JOBS run.
watch_memory() { # FILE PID...
	local out=$1

	shift
	while kill -0 "$@" 2>/dev/null; do
		rss_anon "$daemon"
		sleep 0.2
	done >"$out"
}

largest() { # FILE FIRST LAST: in these tenths of its lines
	awk -v a="$2" -v b="$3" '{ v[NR] = $1 }
		END { for (i = int(NR * a / 10) + 1; i <= NR * b / 10; i++) if (v[i] > m) m = v[i]; print m + 0 }' "$1"
}

# Milliseconds: on a core, and ready without one.
schedstat() {
	awk '{ printf "%d %d\n", $1 / 1000000, $2 / 1000000 }' "/proc/$daemon/schedstat"
}

ended() { # N
	sql_is "$1" 'SELECT count(*) FROM session WHERE ended_ns IS NOT NULL'
}

# What the database has of a session, against what its subjects said.
account() { # WORDS AGENT OUT
	local session done lost

	session=$(sql "SELECT session_id FROM session WHERE agent = '$2$$'")
	# each child gives the directory another name first, and in the end it gets its own back
	done=$(($(fact "$3" opened) + $(fact "$3" children) + 1))
	sql "SELECT sensor || ' ' || kind || ' ' || sum(count) FROM loss WHERE session_id = '$session' GROUP BY sensor, kind" |
		sed 's/^/# lost: /'
	lost=$(sql "SELECT coalesce(sum(count), 0) FROM loss WHERE session_id = '$session' AND kind = 'file_access'")
	same "$1: opens and renames made = rows + lost, each row a path of its own" "$done $((done - lost)) $((done - lost))" \
		"$(sql "SELECT sum(count) + $lost, count(*), count(DISTINCT path) FROM file_access
			WHERE op IN ('read', 'rename') AND path LIKE '$W/files/%' AND process_id IN (SELECT process_id FROM process WHERE session_id = '$session')")"
	same "$1: each process has its fork and its exit" "$(fact "$3" children) $(fact "$3" children)" \
		"$(sql "SELECT count(*), sum(exit_status = 0) FROM process
			WHERE session_id = '$session' AND parent_process_id IS NOT ''
			AND parent_process_id = (SELECT root_process_id FROM session WHERE session_id = '$session')")"
	[ "$lost" = 0 ]
}

daemon_start
even=$(directory even)
times=$(($(times_scale 360000) / files))
read -r ran waited <<<"$(schedstat)"
"$W/bin/even$$" -p -r $rate "$even" $files $times >"$W/even" &
watch_memory "$W/rss-even" $!
wait $!
within 60 ended 1 || not_ok 'the even load ends'
read -r ran_then waited_then <<<"$(schedstat)"
ran=$((ran_then - ran)) waited=$((waited_then - waited))
seconds=$(fact "$W/even" seconds)
echo "# even: $(fact "$W/even" opened) opens in $seconds s; CPU $ran ms, waited $waited ms for one; RssAnon at most \
$(largest "$W/rss-even" 0 10) kB; unaggregated $(daemon_status unaggregated)"
account even even "$W/even"
nothing_lost=$?
if awk -v n="$(fact "$W/even" opened)" -v s="$seconds" -v r=$rate 'BEGIN { exit n / s < r * 0.9 }' &&
	[ $((waited * 10)) -lt $((ran + waited)) ]; then
	check "even: nothing was lost at $rate a second" [ $nothing_lost = 0 ]
else
	echo "# even: the machine is busy with others: loss is not judged"
fi

flood=$(directory flood)
other=$(directory other)
times=$(($(times_scale 300000) / files))
read -r ran _ <<<"$(schedstat)"
"$W/bin/flood$$" -p "$flood" $files $times >"$W/flood" &
first=$!
"$W/bin/other$$" -p "$other" $files $times >"$W/other" &
second=$!
watch_memory "$W/rss-flood" $first $second
wait $first $second
within 120 ended 3 || not_ok 'the flood ends'
read -r ran_then _ <<<"$(schedstat)"
echo "# flood: $(fact "$W/flood" opened) opens in $(fact "$W/flood" seconds) s and $(fact "$W/other" opened) in \
$(fact "$W/other" seconds) s at once; CPU $((ran_then - ran)) ms; unaggregated $(daemon_status unaggregated)"
account 'flood, one' flood "$W/flood"
account 'flood, the other' other "$W/other"
same 'no fork, exec or exit was lost' '' "$(sql "SELECT sensor, kind, count FROM loss WHERE sensor = 'process'")"

early=$(largest "$W/rss-flood" 0 7) late=$(largest "$W/rss-flood" 7 10)
echo "# flood: RssAnon at most $early kB in its first seven tenths, $late kB later; rings and maps $(maps_kb "$daemon") kB"
check "flood: memory stays below $rss_max kB" [ "$early" -le $rss_max -a "$late" -le $rss_max ]
# A queue doubles when it has to take more than ever before, which may be late: 4 MiB, once. What leaked by the record would be
# many times that.
awk -v s="${TT_SCALE:-1}" 'BEGIN { exit s < 5 }' &&
	check 'flood: memory does not grow over time' [ $((late * 10)) -le $((early * 11 + 4096 * 10)) ]
small() {
	[ "$(rss_anon "$daemon")" -lt 20480 ]
}
check 'memory is given back afterwards: below 20 MiB' within 20 small
daemon_stop
finish
