#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# In the guest: the live tests with one sensor, one after the other. tests/vm/guest.sh SENSOR [OMIT]
#
# Prints a line each, which check.sh reads: "= TEST pass|fail|skip SECONDS WORDS", and after a failure the test's whole log.
# OMIT: tests that are left out, "a|b". TT_ONLY and TT_SCALE are those of tests/run.sh.
set -u

export TT_SENSOR=$1 TT_SLOW=10 TT_TIMEOUT=${TT_TIMEOUT:-600}

result() { # TEST STATE SECONDS WORDS...
	echo "= $*"
}

echo "kernel $(uname -r)"
start=$SECONDS
if ! build/telltale run --sensor="$TT_SENSOR" --db /tmp/try.db -- true >/tmp/try 2>&1; then
	cat /tmp/try
	result start fail $((SECONDS - start)) "does not start: $(grep -m 1 . /tmp/try)"
	build/telltale doctor --verbose
	exit 0
fi
result start pass $((SECONDS - start)) ""
rm -f /tmp/try*

# No sleepable uprobes here: tests/bpf/common.bash says what that means.
build/telltale doctor | grep -qE '^ +ok +uprobe-sleepable' || export TT_NAMES_LOST=1

for program in build/tests/bpf/* tests/bpf/*.sh; do
	name=${program##*/}
	# shellcheck disable=SC2053 # a pattern
	[[ -x $program && $name != lib.sh && bpf/$name == ${TT_ONLY:-*} ]] || continue
	[[ ! $name =~ ^(${2:-})$ ]] || continue
	start=$SECONDS
	TT_ONLY=bpf/$name tests/run.sh build bpf >/tmp/result 2>&1
	status=$?
	words=$(tail -n 1 /tmp/result)
	if [ $status != 0 ]; then
		result "$name" fail $((SECONDS - start)) "$words"
		sed 's/^/  /' "build/log/bpf/$name.log"
	elif [ "${words#0 passed}" != "$words" ]; then
		result "$name" skip $((SECONDS - start)) "$(grep -m 1 skip "build/log/bpf/$name.log")"
	else
		result "$name" pass $((SECONDS - start)) "$words"
	fi
done

# What the kernel itself found wrong meanwhile: a program of ours must never be able to.
if dmesg | grep -E 'BUG:|Oops|WARNING:|general protection|refcount_t|KASAN|lockdep'; then
	result kernel-log fail 0 "the kernel complains"
else
	result kernel-log pass 0 ""
fi
