#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What `sudo make demo` shows: a coding agent, watched. tests/demo.sh BUILD
#
# Traces the stand-in agent of tests/subjects/agents/ (native; nothing to install), with a made-up home,
# credential file and model server on loopback; or, with AGENT='COMMAND ...' in the environment, that
# command, as whoever called sudo. The risk record comes from `telltale run`; then the timeline.
set -u

cd "$(dirname "$0")/.." || exit 1
B=$(realpath "$1")
scratch=$B/demo
db=$B/demo.db

user() { # passwd field of whoever called sudo
	getent passwd "${SUDO_UID:-$(id -u)}" | cut -d: -f"$1"
}

# What root made for somebody is theirs, and readable without root afterwards.
# shellcheck disable=SC2317 # called by trap
leave() {
	if [ "$(id -u)" = 0 ] && [ -n "${SUDO_UID:-}" ]; then
		chown -R "$SUDO_UID:${SUDO_GID:-}" "$B"
	fi
}

# A home with nothing in it but a key that opens no door.
make_home() {
	rm -rf "$scratch"
	mkdir -p "$scratch/home/.ssh" "$scratch/config"
	echo "made up by make demo: opens nothing" >"$scratch/home/.ssh/id_ed25519"
	chmod 600 "$scratch/home/.ssh/id_ed25519"
	cp -r config/. "$scratch/config"
	mkdir -p "$scratch/config/agents.d"
	cp tests/fixtures/agents.d/standin.yaml "$scratch/config/agents.d/"
	[ -z "${SUDO_UID:-}" ] || chown -R "$SUDO_UID:${SUDO_GID:-}" "$scratch/home"
}

# Sets $url. The server ends with this script, which holds open the pipe that the server reads.
start_server() {
	local port

	mkfifo "$scratch/hold"
	"$B/tests/subjects/listen" tcp 127.0.0.1 <"$scratch/hold" >"$scratch/port" &
	exec 9>"$scratch/hold"
	for _ in $(seq 100); do
		port=$(sed -n 's/^port=//p' "$scratch/port" 2>/dev/null)
		[ -z "$port" ] || break
		sleep 0.05
	done
	[ -n "$port" ] || { echo "demo: the model server did not start" >&2; exit 1; }
	url=http://localhost:$port
}

if [ "$(id -u)" != 0 ]; then
	echo "demo: tracing needs root: sudo make demo" >&2
	exit 1
fi
trap leave EXIT
rm -f "$db" "$db"-wal "$db"-shm "$db".lock

if [ -n "${AGENT:-}" ]; then
	# The user's login shell finds the command where the user would, and takes the words apart; telltale
	# runs it as that user.
	shell=$(user 7)
	echo "telltale run -- ${AGENT}"
	env HOME="$(user 6)" USER="$(user 1)" LOGNAME="$(user 1)" \
		"$B/telltale" run --db "$db" -- "${shell:-/bin/sh}" -lc "$AGENT"
	status=$?
else
	make_home
	start_server
	agent=$B/tests/subjects/agents/standin
	export TELLTALE_CONFIG_DIR=$scratch/config ANTHROPIC_BASE_URL=$url
	echo "telltale run -- standin $scratch/home $url -p 'say hello'"
	"$B/telltale" run --db "$db" -- "$agent" "$scratch/home" "$url" -p 'say hello' 9>&-
	status=$?
fi
echo
echo "telltale timeline"
"$B/telltale" timeline --no-pager --db "$db" || exit 1
echo
echo "The database is $db: build/telltale show, tree, query, ... --db $db ask it more (docs/index.md)."
exit $status
