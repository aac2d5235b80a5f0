# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Live tests: what subjects did, against every row that telltale made of it.
#
# A test defines scenario(), which runs under `telltale run` and does everything there is to see, and reads this
# file; what follows asks the database. Loading the programs takes seconds: so one run for many subjects, each of which is
# a process with rows of its own. In a scenario `step NAME COMMAND...` runs one; outside, NAME stands for its process.
#
# What a process did is compared as a whole, so a row too many fails like one that is missing. Two kinds of rows are
# left out: what the dynamic loader opens (ld.so.cache, libc), which `the_loader_is_seen` checks once, and each
# successful exec's own file access, which `execs` shows.
# shellcheck source=tests/bpf/common.bash

. tests/bpf/common.bash
export TELLTALE_CONFIG_DIR=${TELLTALE_CONFIG_DIR:-$PWD/config}

if [ "${1:-}" = scenario ]; then
	W=$2
	PATH=/usr/bin:/bin # so that everybody searches it alike
	# Kept open for the steps: a redirection by name in the child would be an open of the child's.
	exec 9</dev/null
	step() {
		local name=$1

		shift
		exec 8>"$W/out/$name"
		"$@" <&9 >&8 8>&- 9<&- &
		echo $! >"$W/out/$name.pid"
		{ wait $!; } 2>/dev/null # the shell's word about a signal
		echo $? >"$W/out/$name.status"
		exec 8>&-
	}
	scenario
	exit 0
fi

make_scratch
mkdir "$W/out"
trap 'rm -rf "$W"' EXIT

# `telltale run` of the scenario. LOSSES: what has to be in the ledger after it, "SENSOR KIND COUNT,..."; else nothing.
watch() {
	local status

	"$TELLTALE" run "${sensor[@]}" --db "$W/db" --json "$@" -- bash "$0" scenario "$W" >"$W/record.json" 2>"$W/stderr"
	status=$?
	if [ $status != 0 ] || [ -s "$W/stderr" ]; then
		cat "$W/stderr"
		not_ok "the run ends well and says nothing (exit status $status)"
	fi
	local is=1 words="nothing was lost" loss

	loss="SELECT group_concat(sensor || ' ' || kind || ' ' || count) FROM loss WHERE NOT ($excused)"
	[ -z "${LOSSES:-}" ] || is=0 words="what is lost is counted" provoked="instr('$LOSSES', sensor || ' ' || kind) > 0"
	[ -z "${TT_NAMES_LOST:-}" ] || is=-
	same "$words" "$is ${LOSSES:-}" "$(sql "SELECT $whole, ($loss) FROM session")"
}

fact() { # NAME KEY: what the subject said
	sed -n "s/^$2=//p" "$W/out/$1"
}

status() {
	cat "$W/out/$1.status"
}

# The process of a step (its newest: pids may come again), or of a pid.
process() {
	local pid=$1

	[ -e "$W/out/$1.pid" ] && pid=$(cat "$W/out/$1.pid")
	sql "SELECT process_id FROM process WHERE pid = $pid ORDER BY started_ns DESC LIMIT 1"
}

# Bytes that a line cannot hold; the scene's own directory is W.
shown() {
	sed "s#$W#W#g"
}

# SQL for a column's text on one line.
esc() {
	echo "replace(replace($1, '\\', '\\\\'), char(10), '\\n')"
}

# One line a row, in order of time: op result xCOUNT source path [type=T unless regular or none] [real=] [target=] [cut]
# shellcheck disable=SC2016
files() { # NAME
	sql "SELECT op, result, 'x' || count, path_source, $(esc path)
		|| CASE WHEN coalesce(file_type, 'regular') = 'regular' THEN '' ELSE ' type=' || file_type END
		|| coalesce(' real=' || $(esc real_path), '') || coalesce(' target=' || $(esc target), '')
		|| CASE truncated WHEN 0 THEN '' ELSE ' cut' END
	FROM file_access WHERE process_id = '$(process "$1")' AND NOT (op = 'exec' AND result = 0)
		AND NOT (op IN ('read', 'mmap') AND (path = '/etc/ld.so.cache' OR path LIKE '%/libc.so.6') AND result = 0)
	ORDER BY row_id" | shown
}

execs() { # NAME: exe result argv
	sql "SELECT seq, result, exe, $(esc "coalesce(argv, 'NULL')") FROM process_exec
		WHERE process_id = '$(process "$1")' ORDER BY seq" | shown
}

# family protocol state result xCOUNT address:port|path source; an attempt that took long on a busy machine has a row of its own,
# which counts with its like
connections() { # NAME
	sql "SELECT family, protocol, state, result, 'x' || sum(count),
		CASE family WHEN 'unix' THEN $(esc "coalesce(unix_path, 'NULL')") ELSE address || ':' || port END,
		address_source FROM connection WHERE process_id = '$(process "$1")'
		GROUP BY family, protocol, state, result, address, port, unix_path, address_source ORDER BY min(row_id)" | shown
}

did() { # WORDS NAME EXPECTED: everything that it did with files
	same "$1" "$3" "$(files "$2")"
}

connected() { # WORDS NAME EXPECTED
	same "$1" "$3" "$(connections "$2")"
}

executed() { # WORDS NAME EXPECTED
	same "$1" "$3" "$(execs "$2")"
}
