# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What lib.sh and daemon.bash share: counted cases, how they are compared, and questions to the database $W/db.
set -u

# shellcheck disable=SC2034 # used by those who read this
S=$B/tests/subjects
# Which sensor every telltale of the tests gets: TT_SENSOR, or its own choice.
# shellcheck disable=SC2034
sensor=(${TT_SENSOR:+"--sensor=$TT_SENSOR"})
by_trampoline() {
	[ "${TT_SENSOR:-}" = trampoline ]
}
# How it knows which file was opened (path_source): a trampoline is handed it, rawtp looks it up by the descriptor.
# shellcheck disable=SC2034
by_trampoline && o=file || o=fd
# Where uprobes may not sleep (before 6.0) the name in a look-up is lost, and counted, when its page is not in memory: with
# TT_NAMES_LOST such losses are no fault, and a session of them is not complete.
# shellcheck disable=SC2034
[ -n "${TT_NAMES_LOST:-}" ] && excused="sensor = 'env' AND kind = 'env_lookup'" whole="'-'" || excused=0 whole='min(complete)'
# What sudo leaves behind would make `run` start its command as the invoking user.
unset SUDO_UID SUDO_GID SUDO_USER SUDO_COMMAND
failed=0 cases=0

# The directory W. Physical: what the kernel calls it.
make_scratch() {
	W=$(realpath "$(mktemp -d)")
	chmod 755 "$W"
}

ok() {
	cases=$((cases + 1))
	echo "ok - $1"
}

not_ok() {
	cases=$((cases + 1)) failed=1
	echo "not ok - $1"
}

# Prints where they differ.
same() { # WORDS EXPECTED GOT
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1"
		diff <(echo "$2") <(echo "$3") | head -n 40 | sed 's/^/#   /'
	fi
}

sql() {
	sqlite3 -readonly -separator ' ' -cmd '.timeout 10000' "$W/db" "$1" 2>&1
}

finish() {
	echo "1..$cases"
	exit $failed
}
