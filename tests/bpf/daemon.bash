# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Live tests with a daemon of their own: it knows only the agents that the test defines, by names that nobody else uses
# (the shell's pid is in them), and has its own database and control socket. Also what `run` needs for tests with
# small rings and maps. Everything ends with the test.
#
# TT_SCALE multiplies what a test does: 1 is short, 10 is what the project claims. TT_SLOW is how many times slower than a real
# machine this one is (an emulated one): what is waited for may take as many times longer.
# shellcheck source=tests/bpf/common.bash

. tests/bpf/common.bash
make_scratch
mkdir -p "$W/config/agents.d" "$W/bin" "$W/files"
cp -r config/categories.d config/risk.yaml "$W/config/"
export TELLTALE_CONFIG_DIR=$W/config
daemon=

cleanup() {
	local pid

	# only children that still run: other numbers may be others' by now
	for pid in $(jobs -pr); do
		kill -9 "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	rm -rf "$W"
}
trap cleanup EXIT

check() { # WORDS COMMAND...
	local words=$1

	shift
	if "$@"; then ok "$words"; else not_ok "$words"; fi
}

times_scale() { # N
	awk -v n="$1" -v s="${TT_SCALE:-1}" 'BEGIN { n = int(n * s); print n < 1 ? 1 : n }'
}

# Waits until COMMAND succeeds.
within() { # SECONDS COMMAND...
	local deadline=$((SECONDS + $1 * ${TT_SLOW:-1}))

	shift
	until "$@"; do
		[ $SECONDS -lt $deadline ] || return 1
		sleep 0.05
	done
}

sql_is() { # EXPECTED QUERY
	[ "$(sql "$2")" = "$1" ]
}

# An agent NAME$$, which is a copy of a subject. Further lines go into its definition.
agent() { # NAME SUBJECT [LINE...]
	local id=$1$$

	cp "$S/$2" "$W/bin/$id"
	printf '%s\n' "id: $id" "name: Test agent" "binaries: [$id]" "${@:3}" >"$W/config/agents.d/$id.yaml"
}

# telltale.yaml. Lines for its section `sensor` come from standard input.
settings() {
	{
		printf 'control:\n  socket: %s/socket\nenv:\n  libc: %s\n' "$W" "${env_libc:-off}"
		echo 'sensor:'
		echo '  candidate_min: off'
		echo "  task_storage: ${TT_TASK_STORAGE:-auto}" # task_table.sh
		cat
	} >"$W/config/telltale.yaml"
}
settings </dev/null

said() { # PATTERN
	grep -q "$1" "$W/daemon.err"
}

daemon_start() {
	: >"$W/daemon.err"
	"$TELLTALE" daemon "${sensor[@]}" --db "$W/db" 2>>"$W/daemon.err" &
	daemon=$!
	within 30 said 'watching with' && return
	not_ok 'the daemon starts'
	cat "$W/daemon.err"
	exit 1
}

daemon_stop() {
	local status

	kill -TERM "$daemon"
	wait "$daemon"
	status=$?
	daemon=
	[ $status = 0 ] && [ "$(grep -cvE 'watching with|stopping' "$W/daemon.err")" = 0 ] && return
	not_ok "the daemon ends well and says nothing else (exit status $status)"
	cat "$W/daemon.err"
}

daemon_status() { # JQ-like key of `telltale status --json`: a number
	"$TELLTALE" status --json | grep -o "\"$1\":[0-9]*" | head -n 1 | cut -d: -f2
}

# Kilobytes of memory of its own.
rss_anon() { # PID
	awk '/^RssAnon/ { print $2 }' "/proc/$1/status"
}

# Kilobytes of rings and maps in the kernel.
maps_kb() { # PID
	cat "/proc/$1/fdinfo/"* 2>/dev/null | awk '/^map_type/ { map = 1 } /^memlock/ && map { sum += $2; map = 0 } END { print int(sum / 1024) }'
}

# CPU time so far in milliseconds.
cpu_ms() { # PID
	awk '{ print ($14 + $15) * 10 }' "/proc/$1/stat"
}

fact() { # FILE KEY: what a subject printed
	sed -n "s/^$2=//p" "$1"
}
