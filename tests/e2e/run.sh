#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# telltale run leaves the command in the caller's hands: each property is taken once without telltale and once
# with it, and must be the same. Then what telltale says, of whom, to whom, and where the record goes.
# shellcheck source=tests/e2e/lib.sh

cd "$(dirname "$0")/../.." || exit 1
. tests/e2e/lib.sh
needs_root
make_config "$tmp/config"
export TELLTALE_CONFIG_DIR=$tmp/config

# The same command without and with telltale: standard output, standard error and exit status.
# --json keeps standard error the command's own; what telltale prints on standard output is cut off.
untouched() { # NAME COMMAND...
	local words=$1 bare
	shift
	"$@" >"$tmp/out" 2>"$tmp/err"
	bare=$?
	mv "$tmp/out" "$tmp/bare.out"
	mv "$tmp/err" "$tmp/bare.err"
	"$TELLTALE" run --json --db "$db" -- "$@" >"$tmp/out" 2>"$tmp/err"
	status=$?
	sed '$d' "$tmp/out" >"$tmp/with.out"
	ok "$words" eval 'same "$tmp/bare.out" "$tmp/with.out" && same "$tmp/bare.err" "$tmp/err" && [ "$status" = '$bare' ]'
}

# How a command ended, told apart as only its parent can: "exit 3", "signal 11".
how() { # COMMAND...
	python3 - "$@" <<-'PYTHON'
		import os, sys

		pid = os.fork()
		if pid == 0:
		    os.execvp(sys.argv[1], sys.argv[1:])
		status = os.waitpid(pid, 0)[1]
		print(f"signal {os.WTERMSIG(status)}{' core' if os.WCOREDUMP(status) else ''}"
		      if os.WIFSIGNALED(status) else f"exit {os.WEXITSTATUS(status)}")
	PYTHON
}

ends() { # HOW SCRIPT
	local got

	got=$(how "$TELLTALE" run --db "$db" -- sh -c "$2" 2>"$tmp/err")
	[ "$got" = "$1" ] || { echo "#  $got instead of $1"; return 1; }
}

# ---- how it ends
for code in 0 1 42 126 127 255; do
	ok "exit $code" ends "exit $code" "exit $code"
done
ok "ended by SIGTERM" ends "signal 15" 'kill -TERM $$'
ok "ended by SIGINT" ends "signal 2" 'kill -INT $$'
ok "ended by SIGSEGV, no core of ours" ends "signal 11" 'ulimit -c 0; kill -SEGV $$'
ok "ended by SIGKILL" ends "signal 9" 'kill -KILL $$'
t run --db "$db" -- "$tmp/none"
ok "a command that is not there" one_line_error 127 'telltale: .*/none: No such file'
t run --db "$db" -- telltale-no-such-command
ok "nor in PATH" one_line_error 127 'telltale-no-such-command: command not found'
touch "$tmp/plain"
t run --db "$db" -- "$tmp/plain"
ok "a command that is no program" one_line_error 126 'plain: Permission denied'
printf '#!/no/such/interpreter\n' >"$tmp/script"
chmod 755 "$tmp/script"
t run --db "$db" -- "$tmp/script"
ok "a script without its interpreter" one_line_error 127 'script: its interpreter was not found'
t run --db "$db"
ok "no command" one_line_error 2 'COMMAND.* is missing'
t run --db "$db" --nonsense -- true
ok "an option that is none" one_line_error 2 "unknown option '--nonsense'"

# ---- what it is given
properties() {
	cat <<-'SCRIPT'
		pwd
		grep -E '^(Umask|Uid|Gid|Groups|Sig(Blk|Ign)|Cap|NoNewPrivs|Seccomp|Cpus_allowed|Mems_allowed)' /proc/self/status
		cd /proc/self && cat limits oom_score_adj timerslack_ns cgroup coredump_filter personality
		cut -d ' ' -f 5,6,7,18,19,41 /proc/self/stat | sed 's/^/group session tty priority nice policy: /'
		for name in root ns/*; do readlink "/proc/self/$name"; done
	SCRIPT
}
env_i=(env -i PATH="$PATH" LC_ALL=C.UTF-8 HOME="$HOME" TELLTALE_CONFIG_DIR="$tmp/config" EMPTY= "SPACE D= x " "LINES=a
b" TZ=Asia/Shanghai HTTPS_PROXY=http://user:secret@proxy.example:8080 LD_BIND_NOW=1)
"${env_i[@]}" env -0 >"$tmp/bare.out"
"${env_i[@]}" "$TELLTALE" run --db "$db" -- env -0 >"$tmp/out" 2>"$tmp/err"
status=$?
ok "the environment, byte for byte and in its order" cmp "$tmp/bare.out" "$tmp/out"
ok "the secret of a proxy is not kept" eval '! grep -aq secret "$db" "$db"-wal'
(
	umask 0137
	ulimit -n 234 -c 0
	trap '' USR1 PIPE
	cd /usr/share || exit
	exec 7</etc/hostname 8>>"$tmp/appended"
	renice -n 3 "$BASHPID" >/dev/null
	untouched "ids, signals, limits, priority, directory, namespaces" sh -c "$(properties)"
	untouched "descriptors" python3 -c 'import os
for fd in sorted(os.listdir("/proc/self/fd"), key=int): print(fd, os.path.exists(f"/proc/self/fd/{fd}") and os.readlink(f"/proc/self/fd/{fd}"))'
	exit "$failed"
) || failed=1
# shellcheck disable=SC2016
closed='exec 9>"$0"; for fd in 0 1 2; do [ -e /proc/$$/fd/$fd ] && readlink /proc/$$/fd/$fd >&9; done; echo . >&9'
sh -c "$closed" "$tmp/bare.out" <&- >&- 2>&-
"$TELLTALE" run --db "$db" -- sh -c "$closed" "$tmp/with.out" <&- >&- 2>&-
status=$?
ok "closed descriptors stay closed" same "$tmp/bare.out" "$tmp/with.out"
untouched "arguments, whatever they are" printf '<%s>\n' '' ' ' -- --json '--db=x' $'\n' $'\xff' '*' "'"
untouched "standard input" sh -c 'wc -c' <Makefile
printf 'one\ntwo\n' | { "$TELLTALE" run --db "$db" -- head -c 4 >"$tmp/out" 2>"$tmp/err"; cat >"$tmp/rest"; }
printf 'two\n' >"$tmp/want"
ok "nothing of standard input is taken away" same "$tmp/want" "$tmp/rest"
untouched "both outputs" sh -c 'echo out; echo err >&2; exit 7'

"$TELLTALE" run --db "$db" -- head -c 50000000 /dev/zero 2>"$tmp/err" | wc -c >"$tmp/out"
ok "50 MB through a pipe" grep -qx ' *50000000' "$tmp/out"
{
	"$TELLTALE" run --db "$db" -- yes 2>"$tmp/err"
	echo $? >"$tmp/out"
} | head -n 1 >/dev/null
ok "a reader who leaves ends the command by SIGPIPE, and us" grep -qx 141 "$tmp/out"

# ---- signals
# Starts telltale in the background, waits until its command has written its pid to $tmp/pid.
start_run() { # [OPTION...] -- COMMAND...
	rm -f "$tmp/pid"
	"$TELLTALE" run --db "$db" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null &
	telltale=$!
	children+=("$telltale")
	until_true test -s "$tmp/pid"
	command=$(cat "$tmp/pid")
	children+=("$command")
}

await_run() {
	until_true ended "$telltale"
	wait "$telltale"
	status=$?
}

mkfifo "$tmp/fifo"
# shellcheck disable=SC2016 # for the inner shell; opening the fifo waits, and a trap ends the waiting
waits='trap "echo got TERM; exit 9" TERM; trap "echo got USR1" USR1; echo $$ >"$0"; while :; do read -r x <"$1"; done'
start_run -- sh -c "$waits" "$tmp/pid" "$tmp/fifo"
kill -USR1 "$telltale"
until_true grep -q USR1 "$tmp/out"
kill -TERM "$telltale"
await_run
ok "a signal to telltale alone is the command's" is 9 'got USR1' out 'got TERM' out
ok "once" test "$(grep -c got "$tmp/out")" = 2

start_run -- sh -c "$waits" "$tmp/pid" "$tmp/fifo"
kill -KILL "$telltale"
until_true ended "$telltale"
ok "kill -9 of telltale leaves the command running" kill -0 "$command"
kill -KILL "$command"
until_true ended "$command"
t sessions --db "$db" --json
ok "and a database that can be read" is 0 session_id out
t run --db "$db" -- true
ok "and written" is 0
ok "where the session that lost its watcher is closed" holds "$db" "SELECT count(*) = 0 FROM session WHERE ended_ns IS NULL"

# Keys reach the command through the terminal and nobody twice; the terminal comes back as it was.
cat >"$tmp/terminal.py" <<'PYTHON'
import os, pty, re, select, signal, sys, time

def run(script, steps, options=()):
    """steps: (text to wait for, keys to send then)"""
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(sys.argv[1], [sys.argv[1], "run", "--db", sys.argv[2], *options, "--", "sh", "-c", script])
    text, deadline = "", time.monotonic() + 20
    for wanted, keys in steps + [(None, None)]:
        while wanted is None or wanted not in text:
            if not select.select([fd], [], [], max(0, deadline - time.monotonic()))[0]:
                os.kill(pid, signal.SIGKILL)
                sys.exit(f"never saw {wanted!r} in {text!r}")
            try:
                data = os.read(fd, 65536)
            except OSError:
                data = b""
            if not data:
                break
            text += data.decode(errors="replace")
        if keys:
            os.write(fd, keys.encode())
    return text, os.waitpid(pid, 0)[1]

def check(words, truth, text, status):
    print(("ok - " if truth else "not ok - ") + words)
    if not truth:
        print("#  status %#x, %r" % (status, text[-1500:]))

text, status = run('trap "printf g%s\\\\n ot; exit 42" INT; echo ready; while :; do sleep 0.05; done', [("ready", "\x03")])
check("Ctrl-C reaches the command, once, and not telltale",
      text.count("got") == 1 and os.WIFEXITED(status) and os.WEXITSTATUS(status) == 42 and "risk" in text, text, status)
text, status = run("echo ready; exec sleep 100", [("ready", "\x03")])
check("a command that Ctrl-C ends: telltale prints the record and ends the same way",
      os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGINT and "risk" in text, text, status)
text, status = run('trap "stty size; exit 0" WINCH; tty; stty -a | head -n 1; read -r x; echo "<$x>"',
                   [("speed", "a line\n")])
check("the terminal is the command's to read and to ask", "<a line>" in text and "/dev/pts/" in text and status == 0,
      text, status)
text, status = run('echo ready; sleep 100 & i=0; until [ "$(cat /proc/$!/comm)" = sleep ] || [ $((i += 1)) = 1000 ]; do :; done; exit 0', [])
m = re.search(r"still running: (\d+) \S*sleep", text)
check("at a terminal too, what still runs is named", bool(m) and status == 0, text, status)
PYTHON
python3 "$tmp/terminal.py" "$TELLTALE" "$db" >"$tmp/cases" 2>"$tmp/err" || { echo "not ok - terminal"; sed 's/^/#  /' "$tmp/err"; failed=1; }
cat "$tmp/cases"
grep -q '^not ok' "$tmp/cases" && failed=1

# Ctrl-Z: the job that the shell sees stops with the command, and goes on with it.
start_run -- sh -c "$waits" "$tmp/pid" "$tmp/fifo"
state() { # PID LETTER
	grep -q "^State:[[:space:]]*$2" "/proc/$1/status"
}
kill -STOP "$command"
ok "a command that stops stops telltale" until_true state "$telltale" T
kill -CONT "$telltale"
ok "which goes on with it" until_true eval '! state "$telltale" T && ! state "$command" T'
kill -TERM "$telltale"
await_run
ok "and ends with it" is 9

# ---- the record
t run --json --db "$db" -- sh -c 'echo hello; cat /etc/hostname >/dev/null; exit 3'
json() { # PYTHON-EXPRESSION over record; $tmp/out: the command's "hello", then one document
	python3 - "$tmp/out" "$1" <<-'PYTHON'
		import json, sys

		hello, document, rest = open(sys.argv[1], encoding="utf-8").read().split("\n")
		record = json.loads(document)
		truth = hello == "hello" and rest == "" and eval(sys.argv[2])
		if not truth:
		    print("#  not so: " + sys.argv[2])
		sys.exit(not truth)
	PYTHON
}
ok "--json: one document after the command's output" json 'record["exit_status"] == 3 and record["agent"] == "(command)" and record["complete"] == 1 and any(f["path"] == "/etc/hostname" for f in record["files"])'
ok "and nothing on standard error" test ! -s "$tmp/err"
t run --agent mine --db "$db" -- true
ok "--agent names a command that is no agent" is 0 '^mine' err
ok "the record goes to standard error" test ! -s "$tmp/out"
t run --db "$db" -- "$standin" "$tmp" http://localhost:1 -p 'say hello'
ok "an agent is recognised" is 0 '^Stand-in' err
ok "its prompt is not shown" eval '! grep -q "say hello" "$tmp/err"'
session_count="SELECT count(*) FROM session"
n=$(value "$db" "$session_count")
t run --db "$db" -- sh -c "'$standin' '$tmp' http://localhost:1; exit 4"
ok "the session is the agent found in the tree" holds "$db" "SELECT agent = '$name' AND count(*) = 1 AND exit_status IN (0, 4) FROM session WHERE rowid IS NOT NULL AND started_ns = (SELECT max(started_ns) FROM session)"
ok "and there is one" test "$(value "$db" "$session_count")" = $((n + 1))

# ---- descendants that live on
rm -f "$tmp/pid"
# shellcheck disable=SC2016
t run --db "$db" -- sh -c 'sleep 1000 >/dev/null 2>&1 & until grep -q sleep /proc/$!/comm; do :; done; echo $! >"$0"; exit 5' "$tmp/pid"
sleeper=$(cat "$tmp/pid")
children+=("$sleeper")
ok "what still runs is named" is 5 "still running: $sleeper .*sleep" err 'not recorded; --wait' err
ok "and goes on" kill -0 "$sleeper"
kill "$sleeper"
# shellcheck disable=SC2016
start_run --wait -- sh -c '{ read -r x <"$1"; cat /etc/hostname; } >/dev/null 2>&1 & echo $$ >"$0"; exit 6' "$tmp/pid" "$tmp/fifo"
until_true ended "$command"
echo go >"$tmp/fifo"
await_run
ok "--wait waits for them, exits as the command did" is 6
ok "and has what they did" holds "$db" "SELECT count(*) > 0 FROM file_access f JOIN process p USING (process_id) WHERE f.path = '/etc/hostname' AND p.exe LIKE '%/cat' AND p.session_id = (SELECT session_id FROM session ORDER BY started_ns DESC LIMIT 1)"
# shellcheck disable=SC2016
start_run --wait -- sh -c 'sleep 1000 >/dev/null 2>&1 & echo $! >"$0"; exit 6' "$tmp/pid"
until_true grep -q 'waiting for what it started' "$tmp/err"
kill -INT "$telltale"
await_run
ok "an interrupt ends the waiting" is 6 "still running: $command" err
kill "$command"

# ---- run inside run
t run --db "$db" -- "$TELLTALE" run --db "$tmp/inner.db" -- cat /etc/hostname
ok "run inside run" is 0 '\(command\)' err
for each in "$db" "$tmp/inner.db"; do
	ok "recorded by ${each##*/}" holds "$each" "SELECT count(*) > 0 FROM file_access f JOIN process p USING (process_id) WHERE f.path = '/etc/hostname' AND p.exe LIKE '%/cat' AND p.session_id IN (SELECT session_id FROM session ORDER BY started_ns DESC LIMIT 1)"
done

# ---- other users: one that the password database knows in our own mount namespace only
if ! unshare -m true 2>/dev/null; then
	echo "ok - other users # SKIP no mount namespace can be made"
	exit "$failed"
fi
dev=$tmp/dev
mkdir -p "$dev"
chown 54321:54321 "$dev"
chmod 700 "$dev"
{ cat /etc/passwd; echo "ttdev:*:54321:54321::$dev:/bin/sh"; } >"$tmp/passwd"
{ cat /etc/group; echo "ttdev:*:54321:"; echo "telltale:*:54322:"; } >"$tmp/group"
printf 'Defaults env_keep += TELLTALE_CONFIG_DIR\nttdev ALL=(ALL) NOPASSWD: ALL\n' >"$tmp/sudoers"
chmod 440 "$tmp/sudoers"

# shellcheck disable=SC2016 # for the inner shell
apart=(unshare -m --propagation private sh -c '
	mount --bind "$0/passwd" /etc/passwd && mount --bind "$0/group" /etc/group || exit 99
	[ ! -e /etc/sudoers ] || mount --bind "$0/sudoers" /etc/sudoers || exit 99
	exec "$@"' "$tmp")
apart() { # COMMAND...
	"${apart[@]}" "$@"
}

as_dev() { # GROUPS COMMAND...
	local groups=$1
	shift
	apart setpriv --reuid 54321 --regid 54321 --groups "$groups" \
		env HOME="$dev" USER=ttdev LOGNAME=ttdev "$@"
}

# shellcheck disable=SC2016
who='id -u; id -G; echo "$HOME $USER $LOGNAME $SHELL ${SUDO_UID-none}"; grep -E "^Cap(Inh|Prm|Eff)" /proc/self/status; cat /etc/hostname >&2'
apart env SUDO_UID=54321 SUDO_GID=54321 SUDO_USER=ttdev USER=root SHELL=/bin/bash \
	"$TELLTALE" run -- sh -c "$who; exit 5" >"$tmp/out" 2>"$tmp/err"
status=$?
printf '54321\n54321\n%s ttdev ttdev /bin/sh none\n' "$dev" >"$tmp/want"
printf 'Cap%s:\t0000000000000000\n' Inh Prm Eff >>"$tmp/want"
ok "under sudo the command is the user's who called it" same "$tmp/want" "$tmp/out"
ok "which is said, and that sudo has changed the environment" is 5 'telltale: sudo has changed the environment' err 'ttdev \(uid 54321\)' err
state=$dev/.local/state/telltale
ok "the database is in the user's state directory" holds "$state/telltale.db" "SELECT count(*) FROM session WHERE uid = 54321 AND user = 'ttdev'"
ok "and the user's own" test "$(stat -c '%u:%g %a' "$state/telltale.db")" = "54321:54321 600"
ok "like the directories to it" test "$(find "$dev" ! -user 54321 | wc -l)" = 0
as_dev 54321 "$TELLTALE" show >"$tmp/out" 2>"$tmp/err"
status=$?
ok "the user may read it" is 0 '^\(command\)' out
apart env SUDO_UID=54321x SUDO_GID=54321 SUDO_USER=ttdev "$TELLTALE" run -- true >"$tmp/out" 2>"$tmp/err"
status=$?
ok "malformed SUDO_ variables" one_line_error 1 'SUDO_\* variables are malformed'
apart env SUDO_UID=54321 SUDO_GID=54321 SUDO_USER=root "$TELLTALE" run -- true >"$tmp/out" 2>"$tmp/err"
status=$?
ok "or such that contradict the password database" one_line_error 1 'SUDO_\* variables are malformed'

as_dev 54321 env PATH=/none "$TELLTALE" run -- /bin/true >"$tmp/out" 2>"$tmp/err"
status=$?
ok "a user without daemon and sudo" one_line_error 1 'sudo is not installed: run telltale as root, or start its daemon'
if command -v sudo >/dev/null; then
	as_dev 54321 TZ=Asia/Shanghai "$TELLTALE" run -- sh -c 'id -u; echo "$TZ"; exit 7' >"$tmp/out" 2>"$tmp/err"
	status=$?
	printf '54321\nAsia/Shanghai\n' >"$tmp/want"
	ok "a user with sudo and without daemon" is 7 '^\(command\)' err 'exit 7' err
	ok "keeps what sudo would have dropped" same "$tmp/want" "$tmp/out"
	ok "and the database" test "$(find "$dev" ! -user 54321 | wc -l)" = 0
else
	echo "ok - a user with sudo and without daemon # SKIP no sudo"
fi

# not through the function: $! would be the shell's that runs it
"${apart[@]}" "$TELLTALE" daemon >"$tmp/daemon.log" 2>&1 &
daemon=$!
children+=("$daemon")
until_true test -S "$tmp/config/run/control.sock"
as_dev 54322 TZ=Asia/Shanghai "$TELLTALE" run -- sh -c 'id -u; cat /etc/hostname >&2; exit 8' >"$tmp/out" 2>"$tmp/err"
status=$?
ok "a user of group telltale, through the daemon" is 8 "recorded as session [0-9a-f]{16} in $tmp/config/daemon.db, which only root may read: sudo telltale show" err '^54321$' out
id=$(sed -n 's/.*recorded as session \([0-9a-f]*\).*/\1/p' "$tmp/err")
ok "where it is, and is the user's" holds "$tmp/config/daemon.db" "SELECT count(*) = 1 FROM session s JOIN process p USING (session_id) JOIN file_access f USING (process_id) WHERE s.session_id = '$id' AND s.uid = 54321 AND f.path = '/etc/hostname'"
as_dev 54321 env PATH=/none "$TELLTALE" run -- /bin/true >"$tmp/out" 2>"$tmp/err"
status=$?
ok "a user outside that group, without sudo" one_line_error 1 "group telltale"
kill -TERM "$daemon"
wait "$daemon"
status=$?
ok "the daemon ends when it is told to" test "$status" = 0

exit "$failed"
