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
[ -n "${TT_NAMES_LOST:-}" ] && excused="(sensor = 'env' AND kind = 'env_lookup' OR sensor = 'net' AND kind = 'name')" whole="max('-')" || excused=0 whole='min(complete)'
# What sudo leaves behind would make `run` start its command as the invoking user.
unset SUDO_UID SUDO_GID SUDO_USER SUDO_COMMAND
failed=0 cases=0
# SQL: losses that a test brings about on purpose, and missed runs.
provoked=0 misses="kind = 'missed_runs'"
missed_runs=0 also_lost=

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

# What the databases DB... say was lost, before they go. Runs that the kernel left out because it had interrupted the same program are
# a chance of the machine's, and counted as nobody's (docs/data-model.md): tests/vm/guest.sh tries a test again that failed
# where these were its only losses.
note_losses() { # DB...
	local db

	for db; do
		[ -s "$db" ] || continue
		missed_runs=$((missed_runs + $(sqlite3 -readonly -cmd '.timeout 10000' "$db" "SELECT coalesce(sum(count), 0) FROM loss
			WHERE $misses" 2>/dev/null || echo 0)))
		also_lost+=$(sqlite3 -readonly -cmd '.timeout 10000' "$db" "SELECT DISTINCT ' ' || sensor || ':' || kind FROM loss
			WHERE kind <> 'missed_runs' AND NOT ($excused) AND NOT ($provoked)" 2>&1 | tr -d '\n')
	done
}

# Away with the database, for the next one.
drop_db() {
	note_losses "$W/db"
	rm -f "$W"/db*
}

finish() {
	note_losses "$W"/*db
	[ $missed_runs = 0 ] || echo "# missed runs: $missed_runs"
	[ -z "$also_lost" ] || echo "# also lost:$also_lost"
	echo "1..$cases"
	exit $failed
}
