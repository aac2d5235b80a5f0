#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs the tests and counts them. tests/run.sh BUILD unit|bpf|e2e...
#
# A test is a program: unit/ and bpf/ ones are built from one source file each, e2e/ ones are scripts
# (agents.sh excepted: `make check-agents`). Its standard output may hold lines "ok ...", "not ok ..." and
# "... # SKIP ...", one a case; without any, its exit status is its one case: 0 passed, 77 skipped.
# A test that dies or takes longer than its limit has failed; so has each case that a plan ("1..N") announced
# and that was never run.
#
# bpf/ needs root. An e2e script that does so exits 77 and says why. With CI=true a skip is a failure,
# unless the test said "skip-ok: why": what no package or privilege could mend, such as a kernel without
# the feature.
#
# For the tests: B (build directory), TELLTALE (the program), SUBJECTS (directory), TT_SCALE (1; smaller
# shortens long suites). TT_TIMEOUT overrides the limits; TT_ONLY=PATTERN runs what matches it.
# A log of each test lies in BUILD/log/.
set -u

cd "$(dirname "$0")/.." || exit 1
B=$(realpath "$1")
shift
export B TELLTALE=$B/telltale SUBJECTS=$B/tests/subjects TT_SCALE=${TT_SCALE:-1}
export CMOCKA_MESSAGE_OUTPUT=TAP
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
# The tests see what the programs that they start look up: without these a shell asks the user database, and with
# it a name service, over a socket.
export HOME=${HOME:-/} SHELL=${SHELL:-/bin/sh} USER=${USER:-$(id -un)} TERM=${TERM:-dumb}

declare -A limit=([unit]=60 [bpf]=300 [e2e]=600)
passed=0 failed=0 skipped=0
ran=()
[ "$(id -u)" = 0 ] && is_root=1 || is_root=

line() {
	printf '  %-8s%s\n' "$1" "$2"
}

count() { # FILE PATTERN
	grep -cE "$2" "$1"
}

# Counts the cases of one finished test from its log.
judge() {
	local name=$1 status=$2 log=$3 seconds=$4
	local planned skip ok bad excused words

	planned=$(awk -F'[.][.]' '/^1[.][.][0-9]+$/ { n += $2 } END { print n + 0 }' "$log")
	skip=$(count "$log" '^(not )?ok .*# SKIP')
	ok=$(($(count "$log" '^ok ') - $(count "$log" '^ok .*# SKIP')))
	bad=$(($(count "$log" '^not ok ') - $(count "$log" '^not ok .*# SKIP')))
	excused=$(count "$log" 'skip-ok:')
	if [ "$status" = 77 ] && [ "$bad" = 0 ]; then
		skip=$((skip + 1))
	elif [ $((ok + bad + skip)) -lt "$planned" ]; then
		bad=$((planned - ok - skip))
	elif [ "$status" != 0 ] && [ "$bad" = 0 ]; then
		bad=1
	elif [ "$status" = 0 ] && [ $((ok + bad + skip)) = 0 ]; then
		ok=1
	fi
	[ "$excused" -gt "$skip" ] && excused=$skip
	if [ "${CI:-}" = true ]; then
		bad=$((bad + skip - excused))
		skip=$excused
	fi

	words="$name  $ok passed"
	[ "$skip" = 0 ] || words+=", $skip skipped"
	[ "$bad" = 0 ] || words+=", $bad failed"
	[ "$seconds" -lt 5 ] || words+=" (${seconds} s)"
	if [ "$bad" != 0 ]; then
		line FAIL "$words"
		case $status in
		124 | 137) echo "          stopped: took longer than its limit" ;;
		1[2-9]?) echo "          died of signal $((status - 128))" ;;
		esac
		grep -vE '^(ok |# ok |1\.\.|TAP version|.*# SKIP)' "$log" | tail -n 20 | sed 's/^/          /'
		echo "          whole log: $log"
	elif [ "$skip" != 0 ]; then
		line SKIP "$words"
		grep -E 'skip' "$log" | grep -vE '# SKIP' | head -n 3 | sed 's/^/          /'
	else
		line PASS "$words"
	fi
	passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skip))
}

run() {
	local kind=$1 program=$2 name=$3 log=$B/log/$3.log status start

	# shellcheck disable=SC2053 # a pattern
	[[ $name == ${TT_ONLY:-*} ]] || return
	mkdir -p "$(dirname "$log")" || exit 1
	start=$SECONDS
	# The outer redirection is for the shell's own word about a signal.
	{ timeout -k 5 "${TT_TIMEOUT:-${limit[$kind]}}" "$program" >"$log" 2>&1 </dev/null; } 2>/dev/null
	status=$?
	ran+=("$name")
	judge "$name" "$status" "$log" $((SECONDS - start))
}

skip_all() { # KIND COUNT WHY
	[ "$2" != 0 ] || return
	if [ "${CI:-}" = true ]; then
		line FAIL "$1: $2 test programs not run: $3"
		failed=$((failed + $2))
	else
		line SKIP "$1: $2 test programs not run: $3"
		skipped=$((skipped + $2))
	fi
}

for kind; do
	case $kind in
	unit) sources=(tests/unit/*/*.c) ;;
	bpf) sources=(tests/bpf/*.c tests/bpf/*.sh) ;;
	e2e) sources=(tests/e2e/*.sh) ;;
	*) echo "run.sh: unknown kind of test '$kind'" >&2; exit 2 ;;
	esac
	programs=()
	for source in "${sources[@]}"; do
		case $source in
		*'*'* | tests/e2e/agents.sh | tests/e2e/lib.sh | tests/bpf/lib.sh) ;;
		*.c) programs+=("$B/${source%.c}") ;;
		*.sh) programs+=("$PWD/$source") ;;
		esac
	done
	if [ "$kind" = bpf ] && [ -z "$is_root" ]; then
		skip_all bpf ${#programs[@]} "needs root: sudo make check"
		continue
	fi
	for program in "${programs[@]}"; do
		name=${program#"$B/tests/"}
		run "$kind" "$program" "${name#"$PWD/tests/"}"
	done
done

# What root built for somebody stays theirs.
if [ -n "$is_root" ] && [ -n "${SUDO_UID:-}" ]; then
	chown -R "$SUDO_UID:${SUDO_GID:-}" "$B"
fi
if [ ${#ran[@]} = 0 ] && [ $((failed + skipped)) = 0 ]; then
	echo "no test was found" >&2
	exit 1
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
