#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The daemon's life, seen from outside: start, what status says, a second one, sessions, retention, idleness, end.
# shellcheck source=tests/e2e/lib.sh
# shellcheck disable=SC2016,SC2317 # conditions are evaluated by ok and until_true

cd "$(dirname "$0")/../.." || exit 1
. tests/e2e/lib.sh
make_config "$tmp/config" "retention:
  age: off
  size: 1MiB"
config=$tmp/config
export TELLTALE_CONFIG_DIR=$config
daemon_db=$config/daemon.db
socket=$config/run/control.sock

# ---- without root: the configuration
check_config() { # FILE
	t daemon --check-config --config "$1"
}
check_config config/telltale.yaml
ok "--check-config takes the shipped configuration" is 0 '[0-9]+ agents, .*categories, .*weights|agents.*categories.*weights' out
check_config "$config/telltale.yaml"
ok "and a good one" is 0 . out
printf 'store:\n  pathh: /x\n' >"$tmp/bad.yaml"
check_config "$tmp/bad.yaml"
ok "a wrong key, with its line" one_line_error 1 "bad\.yaml:2: unknown key 'pathh'"
printf 'agents:\n  dir: %s/bad.d\n' "$tmp" >"$tmp/bad-agents.yaml"
check_config "$tmp/bad-agents.yaml"
ok "definitions that are not there" one_line_error 1 'bad\.d: .*No such file'
mkdir "$tmp/bad.d"
printf 'id: x\nname: [\n' >"$tmp/bad.d/x.yaml"
check_config "$tmp/bad-agents.yaml"
ok "or broken" one_line_error 1 'bad\.d/x\.yaml:[0-9]+: '
check_config "$tmp/none.yaml"
ok "no configuration where one was named" one_line_error 1 'none\.yaml: .*No such file'
t status --config "$config/telltale.yaml"
ok "status without a daemon" one_line_error 1 'no daemon is running .*systemctl start telltale.*telltale run'
t status --json --config "$config/telltale.yaml"
ok "also with --json" one_line_error 1 'no daemon is running'

needs_root

start_daemon() { # sets $daemon
	"$TELLTALE" daemon --config "$config/telltale.yaml" >"$tmp/daemon.out" 2>"$tmp/daemon.err" </dev/null &
	daemon=$!
	children+=("$daemon")
	until_true eval 'grep -q "watching with" "$tmp/daemon.err" || ended "$daemon"'
	if ended "$daemon"; then
		sed 's/^/#  /' "$tmp/daemon.err"
		echo "not ok - the daemon starts"
		exit 1
	fi
}

stop_daemon() { # SIGNAL; sets status
	kill "-$1" "$daemon"
	until_true ended "$daemon"
	wait "$daemon" 2>/dev/null
	status=$?
	cp "$tmp/daemon.err" "$tmp/err"
	cp "$tmp/daemon.out" "$tmp/out"
}

s() { # ARG...: telltale status
	t status --config "$config/telltale.yaml" "$@"
}

agent() { # runs the stand-in for a moment
	"$standin" "$tmp" http://localhost:1 -p 'say hello' >/dev/null
}

answers() { # SQL: the daemon's database answers 1
	[ "$(value "$daemon_db" "$1")" = 1 ]
}

# ---- start and status
start_daemon
s
ok "status says that it runs, how and since when" is 0 "running, pid $daemon, version [0-9]" out '^backend +(rawtp|trampoline) ' out 'hooks +in +' out 'env probes' out '0 sessions' out 'nothing lost' out "database +$daemon_db" out 'exporters' out
s --json
status_json() { # PYTHON-EXPRESSION over status
	python3 -c 'import json, sys; status = json.loads(sys.stdin.read()); sys.exit(not eval(sys.argv[1]))' "$1" <"$tmp/out"
}
ok "status --json" status_json "status['pid'] == $daemon and status['sessions'] == 0 and not status['database']['failing'] and all(h['attached'] for h in status['hooks'] if 'backend' not in h.get('why', ''))"
t daemon --config "$config/telltale.yaml"
ok "a second daemon is refused" one_line_error 1 'another|locked'
t daemon --config "$config/telltale.yaml" --db "$tmp/other.db"
ok "also with another database" one_line_error 1 "$socket.*another daemon"
s
ok "and the first goes on" is 0 "pid $daemon" out

# ---- at rest it sleeps; first its start has to be over
wakeups() {
	local n total=0

	while read -r n; do
		total=$((total + n))
	done < <(sed -n 's/^\(non\)\{0,1\}voluntary_ctxt_switches:[[:space:]]*//p' /proc/"$daemon"/task/*/status)
	echo $total
}
quiet() {
	local before
	before=$(wakeups)
	sleep 1
	[ "$(wakeups)" = "$before" ]
}
until_true quiet
before=$(wakeups)
sleep 5
after=$(wakeups)
echo "# wake-ups within 5 s at rest: $((after - before))"
ok "at rest it does not wake up within 5 s" test "$before" = "$after"

# ---- sessions
agent
ok "a stand-in agent is recognised, and its end is seen" until_true answers "SELECT count(*) = 1 FROM session WHERE agent = '$name' AND ended_ns IS NOT NULL"
ok "with its files" answers "SELECT count(*) > 0 FROM file_access f JOIN process USING (process_id) JOIN session USING (session_id) WHERE agent = '$name' AND path LIKE '%/zoneinfo/Asia/Shanghai'"
ok "and its children" answers "SELECT count(*) >= 2 FROM process WHERE role = 'tool'"
cat /etc/hostname >/dev/null
ok "others are not recorded" answers "SELECT count(*) = 0 FROM process p JOIN session s USING (session_id) WHERE s.agent <> '$name'"
# Probes on C libraries stay for a minute: that takes a look twice a second, not a hundred times.
nearly_quiet() {
	local before

	before=$(wakeups)
	sleep 1
	[ $(($(wakeups) - before)) -le 10 ]
}
ok "after it, it is nearly at rest" until_true nearly_quiet
mkfifo "$tmp/fifo"
# A living session: an agent that waits.
cp "$(command -v cat)" "$standin"
"$standin" "$tmp/fifo" >/dev/null &
waiting=$!
children+=("$waiting")
ok "a session that runs is in status" until_true eval 's --json; status_json "status[\"sessions\"] == 1 and status[\"processes\"] == 1"'
ok "its row is there within a second or so" until_true answers "SELECT count(*) = 1 FROM session WHERE ended_ns IS NULL"
stop_daemon KILL
ok "kill -9 leaves a database with the session open" holds "$daemon_db" "SELECT count(*) = 1 FROM session WHERE ended_ns IS NULL"

kill "$waiting"
until_true ended "$waiting"
start_daemon
ok "a stale session is closed at the next start" until_true holds "$daemon_db" "SELECT count(*) = 0 FROM session WHERE ended_ns IS NULL"
"$standin" "$tmp/fifo" >/dev/null &
waiting=$!
children+=("$waiting")
until_true answers "SELECT count(*) = 1 FROM session WHERE ended_ns IS NULL"
stop_daemon TERM
ok "SIGTERM ends it well" is 0 'stopping' err
ok "and quietly on standard output" test ! -s "$tmp/out"
ok "everything is committed" test ! -s "$daemon_db-wal"
ok "the socket is gone" test ! -e "$socket"
start_daemon
ok "an agent that runs already is found at the start" until_true eval 'grep -q "agents found running: 1" "$tmp/daemon.err"'
kill "$waiting"
ok "and its end is seen" until_true answers "SELECT count(*) = 0 FROM session WHERE ended_ns IS NULL"

# ---- retention: 1 MiB, of which each of these sessions takes a good part
cp "$SUBJECTS/open_many" "$standin"
mkdir "$tmp/many"
"$SUBJECTS/open_many" -c "$tmp/many" 4000 1 >/dev/null
for i in 1 2 3; do
	"$standin" "$tmp/many" 4000 1 >/dev/null
	until_true answers "SELECT count(*) = 0 FROM session WHERE ended_ns IS NULL"
done
newest=$(value "$daemon_db" "SELECT session_id FROM session ORDER BY started_ns DESC LIMIT 1")
stop_daemon TERM
bytes=$(stat -c %s "$daemon_db")
ok "the database has grown beyond its limit" test "$bytes" -gt 1048576
start_daemon
ok "retention brings it below" until_true eval '[ "$(stat -c %s "$daemon_db")" -le 1048576 ]'
ok "what was deleted is counted" answers "SELECT count(*) > 0 FROM loss WHERE sensor = 'store' OR kind LIKE '%retention%'"
t sessions --db "$daemon_db"
ok "commands go on working" is 0 "$name" out
stop_daemon INT
ok "SIGINT ends it well too" is 0 'stopping' err

# ---- its diagnostics go to a reader that has gone
"$TELLTALE" daemon --config "$tmp/config/telltale.yaml" </dev/null >/dev/null 2> >(exec true) &
daemon=$!
until_true test -S "$socket"
kill -TERM "$daemon"
wait "$daemon"
status=$?
ok "nobody reads what it says: it ends well all the same" is 0
echo "# newest session $newest; $bytes bytes before, $(stat -c %s "$daemon_db") after"

exit "$failed"
