#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `make bench`: what telltale and its peers cost, in time, as tables; docs/performance.md explains them.
#
#   CMD='...'            measure this command alone, instead of the operations and commands below; where it has {took} in
#                        it, what follows that
#   TT_BENCH_ROUNDS=20   pairs of each operation; commands get half of them
#   TT_BENCH_SENSORS     which: "rawtp trampoline opensnoop bpftrace strace auditd"
#
# Results are in BUILD/bench: time.md, and the single measurements in time.tsv. Needs root.
set -u

cd "$(dirname "$0")/../.." || exit 1
export B=${B:-build}
rounds=${TT_BENCH_ROUNDS:-20} sensors=${TT_BENCH_SENSORS:-rawtp trampoline opensnoop bpftrace strace auditd}
command_rounds=$(((rounds + 1) / 2))
OUT=$B/bench TELLTALE=$(realpath "$B/telltale") TOOK=$(realpath "$B/tests/bench/took")
export TELLTALE_CONFIG_DIR=${TELLTALE_CONFIG_DIR:-$PWD/config}
unset SUDO_UID SUDO_GID SUDO_USER SUDO_COMMAND

[ "$(id -u)" = 0 ] || { echo 'bench: needs root' >&2; exit 1; }
mkdir -p "$OUT" || exit 1
W=$(realpath "$(mktemp -d)") || exit 1
trap 'rm -rf "$W"' EXIT
absent=() present=()

# ---- things to do: a repository of 1,000 files, of which 50 can be compiled
commands=()
scene() {
	local i

	mkdir "$W/tree" "$W/objects"
	for i in $(seq 1000); do
		[ $((i % 100)) != 1 ] || mkdir "$W/tree/part$((i / 100))"
		seq "$i" $((i + 500)) >"$W/tree/part$(((i - 1) / 100))/text$i"
	done
	for i in $(seq 50); do
		printf '#include <stdio.h>\nint f%d(void) { return printf("%%d", %d); }\n' "$i" "$i" >"$W/tree/part0/unit$i.c"
	done
	git -C "$W/tree" init -q
	git -C "$W/tree" add .
	git -C "$W/tree" -c user.name=bench -c user.email=bench@localhost commit -qm bench
	commands=(
		"git status=git -C $W/tree status"
		"grep -r, 1,050 files=grep -r nothing-like-this $W/tree || true"
		"compile 50 files=for f in $W/tree/part0/*.c; do ${CC:-cc} -c -o $W/objects/\${f##*/}.o \$f || exit; done"
	)
	if type -P node >/dev/null; then
		commands+=('node start=node -e 0')
	else
		absent+=('node: not installed')
	fi
}

# Appends what SENSOR costs to FILE. What cannot be had is said to be absent, once.
measure() { # FILE ROUNDS SENSOR [NAME=COMMAND...]
	local status

	tests/bench/measure.sh -r "$2" "${@:3}" >"$W/raw" 2> >(tee "$W/stderr" >&2)
	status=$?
	case $status in
	0) cat "$W/raw" >>"$1" ;;
	77) absent+=("$3: $(cat "$W/stderr")") ;;
	*) exit 1 ;;
	esac
	return $status
}

table() { # FILE
	awk -F'\t' -f tests/bench/report.awk tests/bench/limits.tsv "$1"
}

# `telltale run` of something short: whole, and what of it passes until the command runs.
run_row() { # SENSOR STATE ROUND OPERATION COMMAND...
	rm -f "$W/outer"
	"$TOOK" "$W/outer" 0 "${@:5}" >/dev/null 2>&1 || return
	awk -v OFS='\t' -v head="$1	$2	$3	$4	ms" '{ print head, $2 / 1e6 }' "$W/outer"
}

run_short() { # SENSOR
	local round what run=("$TELLTALE" run --sensor="$1" --db "$W/db" --)

	for ((round = 1; round <= rounds; round++)); do
		for what in true ls; do
			run_row "$1" base $round $what $what
			run_row "$1" run $round $what "${run[@]}" $what || return
		done
		rm -f "$W/inner"
		run_row "$1" run $round true "${run[@]}" "$TOOK" "$W/inner" 0 true >/dev/null
		paste "$W/outer" "$W/inner" | awk -v OFS='\t' -v head="$1	run	$round" '{
			print head, "start-up", "ms", ($6 - $1) / 1e6
			print head, "after the end", "ms", ($1 + $2 - $6 - $7) / 1e6 }'
	done
	# shellcheck disable=SC2016 # for the shell inside
	"${run[@]}" sh -c 'cat /proc/$PPID/fdinfo/*' 2>/dev/null |
		awk -v OFS='\t' -v head="$1	run	1" '/^map_type/ { map = 1 } /^memlock/ && map { kb += $2 / 1024; map = 0 }
			END { print head, "rings and maps", "kB", kb }'
}

report() {
	echo "Linux $(uname -r), $(nproc) processors ($(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)), pairs: $rounds of operations, $command_rounds of commands."
	if [ -s "$W/operations.tsv" ]; then
		printf '\n### Operations\n\n'
		table "$W/operations.tsv"
	fi
	if [ -s "$W/commands.tsv" ]; then
		printf '\n### Commands\n\n'
		table "$W/commands.tsv"
	fi
	if [ -s "$W/run.tsv" ]; then
		printf '\n### telltale run\n\n'
		table "$W/run.tsv"
	fi
	if [ -s "$W/user" ]; then
		printf '\n### The user side\n\n```\n'
		cat "$W/user"
		printf '```\n'
	fi
	printf '\nNot measured:\n\n'
	printf -- '- %s\n' "${absent[@]:-nothing}"
}

if [ -n "${CMD:-}" ]; then
	commands=("command=$CMD")
else
	scene
	for sensor in $sensors; do
		measure "$W/operations.tsv" "$rounds" "$sensor" && present+=("$sensor")
	done
	sensors=${present[*]}
fi
for sensor in $sensors; do
	measure "$W/commands.tsv" "$command_rounds" "$sensor" "${commands[@]}"
done
if [ -z "${CMD:-}" ]; then
	for sensor in $sensors; do
		case $sensor in
		rawtp | trampoline) run_short "$sensor" >>"$W/run.tsv" ;;
		esac
	done
	{
		echo 'store:'
		"$B/tests/bench/store" 100000 "$W/store.db"
		echo 'ingest:'
		"$B/tests/bench/ingest" 600000 10000 "$W/ingest.db"
		echo 'classify:'
		"$B/tests/bench/classify"
	} >"$W/user"
fi
cat "$W"/*.tsv >"$OUT/time.tsv"
report | tee "$OUT/time.md"
