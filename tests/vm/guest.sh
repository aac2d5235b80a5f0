#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# In the guest: the live tests with one sensor, one after the other. tests/vm/guest.sh SENSOR [OMIT]
#
# Prints a line each, which check.sh reads: "= TEST pass|fail|skip SECONDS TRIES WORDS", and after a failure the test's whole log.
# OMIT: tests that are left out, "a|b". TT_ONLY and TT_SCALE are those of tests/run.sh.
#
# A kernel may interrupt or preempt a program of ours in the few instructions where nothing forbids it, and leaves out other runs of
# that program meanwhile. Telltale counts them and says that its record is not whole; the test, which wants it whole, fails. Such
# a test is tried again, TT_TRIES (3) times in all: only when it says that runs were missed, and that it lost nothing else (finish() in
# tests/bpf/common.bash). Each try that failed is in the log.
set -u

export TT_SENSOR=$1 TT_SLOW=10 TT_TIMEOUT=${TT_TIMEOUT:-600}

result() { # TEST STATE SECONDS TRIES WORDS...
	echo "= $*"
}

echo "kernel $(uname -r)"
start=$SECONDS
if ! build/telltale run --sensor="$TT_SENSOR" --db /tmp/try.db -- true >/tmp/try 2>&1; then
	cat /tmp/try
	result start fail $((SECONDS - start)) 1 "does not start: $(grep -m 1 . /tmp/try)"
	build/telltale doctor --verbose
	exit 0
fi
result start pass $((SECONDS - start)) 1

# A hook that the kernel refuses costs its own coverage only, so that no other test need notice. Known: 5.10 does not tell
# its programs what execveat's argument is.
[[ $(uname -r) == 5.10.* ]] && known=tr_execveat || known=none
refused=$(sqlite3 /tmp/try.db 'SELECT coverage FROM process' | grep -oE '\([a-z_0-9]+\): the kernel refused to load' |
	sort -u | grep -v "^($known)" | tr '\n' ' ')
[ -z "$refused" ] && result hooks pass 0 1 || result hooks fail 0 1 "$refused"
rm -f /tmp/try*

# No sleepable uprobes here: tests/bpf/common.bash says what that means.
build/telltale doctor | grep -qE '^ +ok +uprobe-sleepable' || export TT_NAMES_LOST=1

missed_only() { # LOG
	grep -q '^# missed runs: ' "$1" && ! grep -q '^# also lost:' "$1"
}

for program in build/tests/bpf/* tests/bpf/*.sh; do
	name=${program##*/}
	# shellcheck disable=SC2053 # a pattern
	[[ -x $program && $name != lib.sh && bpf/$name == ${TT_ONLY:-*} ]] || continue
	[[ ! $name =~ ^(${2:-})$ ]] || continue
	start=$SECONDS log=build/log/bpf/$name.log
	for ((try = 1; ; try++)); do
		TT_ONLY=bpf/$name tests/run.sh build bpf >/tmp/result 2>&1
		status=$?
		words=$(tail -n 1 /tmp/result)
		[ $status != 0 ] && [ $try -lt "${TT_TRIES:-3}" ] && missed_only "$log" || break
		echo "  try $try of $name: $words"
		sed 's/^/  /' "$log"
	done
	if [ $status != 0 ]; then
		result "$name" fail $((SECONDS - start)) $try "$words"
		sed 's/^/  /' "$log"
	elif [ "${words#0 passed}" != "$words" ]; then
		result "$name" skip $((SECONDS - start)) $try "$(grep -m 1 skip "$log")"
	else
		result "$name" pass $((SECONDS - start)) $try "$words"
	fi
done

# What the kernel itself found wrong meanwhile: a program of ours must never be able to.
if dmesg | grep -E 'BUG:|Oops|WARNING:|general protection|refcount_t|KASAN|lockdep'; then
	result kernel-log fail 0 1 "the kernel complains"
else
	result kernel-log pass 0 1
fi
