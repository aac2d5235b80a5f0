#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Measures what one sensor costs the processes that it watches or leaves alone, against the same without it.
#
#   tests/bench/measure.sh [-c] [-r ROUNDS] [-n TIMES] SENSOR [NAME=COMMAND...]
#
# SENSOR is rawtp, trampoline, opensnoop, bpftrace, strace or auditd. Without commands the operations of micro are
# measured, else each command's time, CPU time and what telltale's daemon spent meanwhile. A round does all in each state
# TIMES times: `base` without the sensor, before the others or after them as chance has it, and
#
#   idle        the daemon runs, nothing is tracked
#   untracked   it tracks another command, which sleeps
#   tracked     it tracks this one (other sensors: they follow this one)
#
# Standard output, for report.awk: SENSOR, state, round, operation, unit, value; tab-separated. -c: CPU time instead of time, for QEMU
# where the clock counts instructions, and the lower quartile instead of the median: what is added is the same, and
# free of ticks. Exits 77 and says why if the sensor cannot be had. Needs root.
set -u

cd "$(dirname "$0")/../.." || exit 1
whole=("$PWD/tests/bench/measure.sh" "$@")
B=${B:-build} rounds=1 times=1 micro=() column=2 unit=ns
while getopts cr:n: option; do
	case $option in
	c) micro=(-c -n 41 -t 80000 -f 800) column=3 unit=insns ;;
	r) rounds=$OPTARG ;;
	n) times=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || { echo 'usage: measure.sh [-c] [-r ROUNDS] [-n TIMES] SENSOR [NAME=COMMAND...]' >&2; exit 2; }
sensor=$1
shift
TELLTALE=$(realpath "$B/telltale") BENCH=$(realpath "$B/tests/bench")
unset SUDO_UID SUDO_GID SUDO_USER SUDO_COMMAND

fail() {
	echo "measure.sh: $sensor: $*" >&2
	exit 1
}

absent() {
	echo "$*" >&2
	exit 77
}

[ "$(id -u)" = 0 ] || absent 'needs root'
W=$(realpath "$(mktemp -d)") || exit 1
daemon=0 peer=0 rule=() never=''
# Where audit was on once, each process that starts pays for it with every system call until the machine starts anew, unless
# a rule says never: base must not. Where somebody has rules, they stay as they are.
audit_ignores_us() {
	[ "$(auditctl -l 2>/dev/null)" = 'No rules' ] && auditctl -a task,never >/dev/null && never=1
}

audit_sees_us() {
	[ -z "$never" ] || auditctl -d task,never >/dev/null
	never=''
}

cleanup() {
	local pid

	exec 9>&-
	[ ${#rule[@]} = 0 ] || auditctl -d "${rule[@]}" >/dev/null
	audit_sees_us
	for pid in $(jobs -pr); do
		kill "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	rm -rf "$W"
}
trap cleanup EXIT
mkdir "$W/files"
mkfifo "$W/hold" "$W/gate"

within() { # SECONDS COMMAND...
	local deadline=$((SECONDS + $1))

	shift
	until "$@"; do
		[ $SECONDS -lt $deadline ] || return 1
		sleep 0.02
	done
}

# ---- telltale: a daemon of its own, which knows one agent that nobody else is. Other people's large programs are none of its
# business either; in the guest there are no others.
AGENT=$W/telltale-bench-$$

telltale_scene() {
	mkdir -p "$W/config/agents.d"
	cp -r config/categories.d config/risk.yaml "$W/config/"
	printf '%s\n' "id: bench" "name: Bench" "binaries: [${AGENT##*/}]" >"$W/config/agents.d/bench.yaml"
	printf 'control:\n  socket: %s/socket\n' "$W" >"$W/config/telltale.yaml"
	[ $unit = insns ] || printf 'sensor:\n  candidate_min: off\n' >>"$W/config/telltale.yaml"
	cp "$BENCH/took" "$AGENT"
	export TELLTALE_CONFIG_DIR=$W/config
}

daemon_says() {
	grep -q "$1" "$W/daemon.err" || ! kill -0 "$daemon" 2>/dev/null
}

telltale_start() {
	rm -f "$W"/db*
	: >"$W/daemon.err"
	"$TELLTALE" daemon --sensor="$sensor" --db "$W/db" 2>"$W/daemon.err" &
	daemon=$!
	within 120 daemon_says 'watching with'
	grep -q 'watching with' "$W/daemon.err" || absent "$(tail -n 1 "$W/daemon.err")"
}

telltale_stop() {
	kill "$daemon"
	wait "$daemon"
	daemon=0
}

sessions_are() { # N
	"$TELLTALE" status --json | grep -q "\"sessions\":$1\b"
}

in_idle() {
	"$@"
}

in_untracked() {
	"$AGENT" /dev/null 0 cat "$W/hold" &
	local holder=$!

	exec 9>"$W/hold"
	within 30 sessions_are 1 || fail "the agent is not tracked"
	"$@" 9>&-
	exec 9>&-
	wait "$holder"
	within 30 sessions_are 0 || fail "the agent's session does not end"
}

in_tracked() {
	"$AGENT" /dev/null 0 "$@"
	within 30 sessions_are 0 || fail "the agent's session does not end"
}

# ---- others. Each is told the process to follow, which waits at a gate until it is being followed.
peer_saw_all_of_it() {
	[ -s "$W/peer" ] || fail 'it reported nothing'
}

at_gate() { # COMMAND...
	local pid

	# shellcheck disable=SC2016 # for the shell inside
	bash -c 'read -r _ <"$0"; exec "$@"' "$W/gate" "$@" &
	pid=$!
	"$sensor"_follow "$pid"
	echo >"$W/gate"
	wait "$pid"
	"$sensor"_leave
	peer_saw_all_of_it
	rm -f "$W/peer"
}

peer_leave() {
	kill -INT "$peer"
	wait "$peer"
}

# Its first line, the headings, comes once it is attached.
opensnoop_follow() {
	stdbuf -oL opensnoop -p "$1" >"$W/peer" 2>/dev/null &
	peer=$!
	within 30 test -s "$W/peer" || fail 'does not start'
}

opensnoop_leave() {
	peer_leave
}

bpftrace_follow() {
	# shellcheck disable=SC2016 # bpftrace's
	bpftrace -B line -e 'BEGIN { @watched['"$1"'] = 1; printf("attached\n"); }
		tracepoint:sched:sched_process_fork /@watched[args->parent_pid]/ { @watched[args->child_pid] = 1; }
		tracepoint:syscalls:sys_enter_openat /@watched[pid]/ { @name[tid] = args->filename; }
		tracepoint:syscalls:sys_exit_openat /@name[tid]/ {
			printf("%d %s %d %s\n", pid, comm, args->ret, str(@name[tid])); delete(@name[tid]); }
		END { clear(@watched); clear(@name); }' >"$W/peer" 2>/dev/null &
	peer=$!
	within 60 grep -q attached "$W/peer" || fail 'does not start'
}

bpftrace_leave() {
	peer_leave
}

auditd_follow() {
	rule=("always,exit" -F arch=b64 -S "open,openat,openat2,creat,execve,connect" -F "pid=$1" -k telltale-bench)
	auditctl -a "${rule[@]}" >/dev/null || fail 'the rule is refused'
	echo "${rule[@]}" >"$W/peer"
}

auditd_leave() {
	auditctl -d "${rule[@]}" >/dev/null
	rule=()
}

in_strace() {
	strace -f --seccomp-bpf -o "$W/peer" \
		-e trace=open,openat,openat2,creat,readlink,readlinkat,connect,execve,execveat "$@"
	peer_saw_all_of_it
	rm -f "$W/peer"
}

in_peer() {
	at_gate "$@"
}

# ---- one measurement: FUNCTION runs "$@" in its state
micro() { # STATE ROUND FUNCTION
	"$3" "$BENCH/micro" "${micro[@]}" "$W/files" >"$W/out" || fail "micro failed ($1)"
	awk -v OFS='\t' -v head="$sensor	$1	$2" -v c=$column -v unit=$unit '{ print head, $1, unit, $c }' "$W/out"
}

# A COMMAND with {took} in it says itself what is measured: the arguments behind.
timed() { # STATE ROUND FUNCTION NAME=COMMAND
	local took="$BENCH/took $W/took $daemon" command=${4#*=}

	rm -f "$W/took"
	case $command in
	*{took}*) command=${command//'{took}'/$took} ;;
	*) command="exec $took sh -c $(printf %q "$command")" ;;
	esac
	"$3" bash -c "$command" >/dev/null 2>&1 || fail "'$command' failed ($1)"
	awk -F'\t' -v OFS='\t' -v head="$sensor	$1	$2" -v name="${4%%=*}" -v state="$1" -v daemon=$daemon '
		{ print head, name, "wall ms", $2 / 1e6; print head, name, "cpu ms", $3 / 1e6 }
		daemon && state == "tracked" { print head, name, "daemon %", $4 / $2 * 100; print head, name, "daemon kB", $5 }' "$W/took"
}

state() { # STATE ROUND FUNCTION [NAME=COMMAND...]
	local time what

	for ((time = 0; time < times; time++)); do
		if [ $# = 3 ]; then
			micro "$1" "$2.$time" "$3"
		fi
		for what in "${@:4}"; do
			timed "$1" "$2.$time" "$3" "$what"
		done
	done
}

base() { # ROUND
	state base "$1" in_idle "${commands[@]}"
}

with_telltale() { # ROUND
	local states=(untracked tracked)

	[ $((RANDOM % 2)) = 0 ] || states=(tracked untracked)
	telltale_start
	for s in idle "${states[@]}"; do
		state "$s" "$1" "in_$s" "${commands[@]}"
	done
	telltale_stop
}

with_peer() { # ROUND
	[ "$sensor" != auditd ] || audit_sees_us
	state tracked "$1" "$run" "${commands[@]}"
	[ "$sensor" != auditd ] || audit_ignores_us
}

commands=("$@")
case $sensor in
rawtp | trampoline)
	"$TELLTALE" status >/dev/null 2>&1 && absent 'a telltale daemon is running: without it there is no base'
	telltale_scene
	with=with_telltale ;;
opensnoop | bpftrace | strace | auditd)
	type -P "$sensor" >/dev/null || absent 'not installed'
	case $sensor,$# in
	opensnoop,0 | auditd,0 | bpftrace,* | strace,*) ;;
	*) absent 'follows one process and not its children: only the operations' ;;
	esac
	with=with_peer run=in_peer
	[ "$sensor" != strace ] || run=in_strace ;;
*) fail 'no such sensor' ;;
esac
case $sensor in
bpftrace | opensnoop)
	# where it is not mounted, in a mount namespace of our own
	# shellcheck disable=SC2016 # for the shell inside
	[ -e /sys/kernel/tracing/events ] || exec unshare -m bash -c \
		'rm -rf "$0" && mount -t tracefs tracefs /sys/kernel/tracing && exec "$@"' "$W" "${whole[@]}" ;;
auditd)
	auditctl -s 2>/dev/null | grep -q '^pid [1-9]' || absent 'its daemon is not running' ;;
esac
audit_ignores_us
for ((round = 1; round <= rounds; round++)); do
	[ ! -t 2 ] || [ "$rounds" = 1 ] || printf '\r  %-12s round %d of %d ' "$sensor" $round "$rounds" >&2
	# instructions do not drift with time: before anything was loaded base is sure to be one
	if [ $unit = insns ] || [ $((RANDOM % 2)) = 0 ]; then
		base $round
		$with $round
	else
		$with $round
		base $round
	fi
done
[ ! -t 2 ] || printf '\r%60s\r' '' >&2
