#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What goes wrong on real machines: each fault with its exit status and its one line, which says what, where and
# what to do. A command that cannot be traced is not started. Nothing that was recorded is ever lost.
# shellcheck source=tests/e2e/lib.sh
# shellcheck disable=SC2016,SC2317 # conditions are evaluated by ok and until_true

cd "$(dirname "$0")/../.." || exit 1
. tests/e2e/lib.sh
make_config "$tmp/config"
export TELLTALE_CONFIG_DIR=$tmp/config

# The command that must not run leaves a mark.
refused() { # NAME PATTERN [OPTION...]
	local words=$1 pattern=$2
	shift 2
	rm -f "$tmp/ran"
	t run "$@" -- touch "$tmp/ran"
	ok "run, $words" one_line_error 1 "$pattern"
	ok "run, $words: the command was not started" test ! -e "$tmp/ran"
}

both() { # NAME PATTERN DB: run and daemon
	refused "$1" "$2" --db "$3"
	t daemon --config "$tmp/config/telltale.yaml" --db "$3"
	ok "daemon, $1" one_line_error 1 "$2"
}

# ---- configuration
printf 'store:\n  pathh: /x\n' >"$tmp/bad.yaml"
if [ "$(id -u)" != 0 ]; then
	t daemon --config "$tmp/bad.yaml"
	ok "daemon, broken configuration" one_line_error 1 "bad\.yaml:2: unknown key 'pathh'"
	t daemon --config "$tmp/config/telltale.yaml"
	ok "daemon, not root" is 1 'not root: .*sudo' err
	PATH=/none t run -- /bin/true
	ok "run, not root" one_line_error 1 'run telltale as root, or start its daemon'
	echo "skip: the rest needs root"
	[ "$failed" = 0 ] && exit 77
	exit 1
fi
refused "broken configuration" "bad\.yaml:2: unknown key 'pathh'" --config "$tmp/bad.yaml"
t daemon --config "$tmp/bad.yaml"
ok "daemon, broken configuration" one_line_error 1 "bad\.yaml:2: unknown key 'pathh'"
cp -r "$tmp/config" "$tmp/broken"
printf 'id: x\nname: [\n' >"$tmp/broken/agents.d/x.yaml"
TELLTALE_CONFIG_DIR=$tmp/broken refused "broken agents.d" 'agents\.d/x\.yaml:[0-9]+: ' --db "$db"
TELLTALE_CONFIG_DIR=$tmp/broken t daemon
ok "daemon, broken agents.d" one_line_error 1 'agents\.d/x\.yaml:[0-9]+: '

# ---- the database
t run --db "$db" -- true
ok "a first session, to be kept" holds "$db" "SELECT count(*) = 1 FROM session"
kept() { # DB: the first session is there still
	holds "$1" "SELECT count(*) >= 1 FROM session"
}

both "database in a directory that is not there" "cannot write database in .*/none/: it does not exist; check the name" "$tmp/none/t.db"
ok "which is not made" test ! -e "$tmp/none"
both "database that is a directory" "$tmp/bin: it is a directory; name a file" "$tmp/bin"
ln -s "$db" "$tmp/link.db"
both "database that is a link" "link\.db: it is a symbolic link; name the file itself" "$tmp/link.db"
head -c 100000 /dev/urandom >"$tmp/corrupt.db"
cp "$tmp/corrupt.db" "$tmp/corrupt.copy"
both "database that is none" "corrupt\.db: not a database, or corrupt; it was left as it is; .*\.recover" "$tmp/corrupt.db"
ok "which is left as it is" cmp -s "$tmp/corrupt.db" "$tmp/corrupt.copy"
cp "$db" "$tmp/damaged.db"
python3 - "$tmp/damaged.db" <<'PYTHON'
import sys

with open(sys.argv[1], "r+b") as file:  # some pages in the middle
    file.seek(3 * 4096)
    file.write(b"\xa5" * 4096 * 6)
PYTHON
cp "$tmp/damaged.db" "$tmp/damaged.copy"
both "database with damaged pages" "damaged\.db: not a database, or corrupt" "$tmp/damaged.db"
ok "which is left as it is" cmp -s "$tmp/damaged.db" "$tmp/damaged.copy"
cp "$db" "$tmp/newer.db"
version=$(value "$db" 'PRAGMA user_version')
sqlite3 "$tmp/newer.db" "PRAGMA user_version = $((version + 7))"
both "database from a newer version" "newer\.db.*(newer|version)" "$tmp/newer.db"
ok "which is left as it is" test "$(value "$tmp/newer.db" 'PRAGMA user_version')" = $((version + 7))
sqlite3 "$tmp/other.db" 'CREATE TABLE theirs (x)'
both "another program's database" "other\.db" "$tmp/other.db"
ok "which is left as it is" test "$(value "$tmp/other.db" "SELECT group_concat(name) FROM sqlite_schema")" = theirs

# Somebody else's transaction, held open.
python3 -c 'import signal, sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
signal.pause()' "$db" >"$tmp/locker" &
locker=$!
children+=("$locker")
until_true grep -q locked "$tmp/locker"
both "database locked by another writer" "t\.db: locked by another program; end what writes to it .* try again" "$db"
kill "$locker"
until_true ended "$locker"
t run --db "$db" -- true
ok "and when it is free it is written" is 0

mounts() { # SCRIPT: in a mount namespace of its own, with $tmp/mnt to mount on
	mkdir -p "$tmp/mnt"
	unshare -m --propagation private bash -c "set -u; . tests/e2e/lib.sh; tmp=$tmp; db=$db; $(declare -f refused both); export TELLTALE_CONFIG_DIR=$tmp/config; trap - EXIT; $1; exit \$failed" || failed=1
}
if unshare -m true 2>/dev/null; then
	mounts 'mount -t tmpfs -o size=2M none $tmp/mnt; cp "$db" $tmp/mnt/t.db; mount -o remount,ro $tmp/mnt
		both "read-only file system" "mnt/t\.db: the file system is read-only; choose another place with --db" $tmp/mnt/t.db
		t sessions --db $tmp/mnt/t.db; ok "which can be read" is 0 command out'
	mounts 'mount -t tmpfs -o size=256k none $tmp/mnt; dd if=/dev/zero of=$tmp/mnt/fill bs=4k 2>/dev/null
		both "full disk" "mnt/t\.db: the disk is full; free some space or lower the retention limits" $tmp/mnt/t.db
		ok "no half database is left" eval "[ ! -s $tmp/mnt/t.db ]"'
	mounts 'mount -t tmpfs -o ro none $tmp/mnt; export HOME=$tmp/mnt
		refused "state directory that cannot be made" "cannot make $tmp/mnt/\.local: Read-only file system; name another place with --db FILE"'

	# A disk that fills while the session runs: 6 MiB, of which the test takes what is left and gives it back.
	mounts 'mount -t tmpfs -o size=6M none $tmp/mnt; cp "$db" $tmp/mnt/t.db
		cp -r $tmp/config $tmp/small; mkfifo $tmp/go $tmp/gone; mkdir $tmp/many
		"$SUBJECTS/open_many" -c $tmp/many 3000 1 >/dev/null
		cat >$tmp/command <<-"SCRIPT"
			dd if=/dev/zero of="$1/mnt/fill" bs=4k 2>/dev/null
			"$2/open_many" "$1/many" 3000 1
			echo full >"$1/full"
			read -r x <"$1/go"
			cat /etc/hostname >/dev/null
		SCRIPT
		"$TELLTALE" run --db $tmp/mnt/t.db -- sh $tmp/command $tmp "$SUBJECTS" >$tmp/out 2>$tmp/err & run=$!
		until_true test -s $tmp/full
		ok "a disk that fills: said once, records are kept in memory" until_true grep -q "the disk is full.*; records are kept in memory meanwhile" $tmp/err
		t sessions --db $tmp/mnt/t.db; cp $tmp/out $tmp/sessions
		ok "commands keep working on that database" is 0 "command" sessions
		rm $tmp/mnt/fill; echo go >$tmp/go
		until_true ended $run; wait $run; status=$?
		ok "with room again the run ends well" is 0
		ok "and what was in memory is written, or counted as lost" holds $tmp/mnt/t.db "SELECT (SELECT count(DISTINCT path) FROM file_access WHERE path LIKE '"'%/many/%'"' AND op = '"'read'"') + (SELECT coalesce(sum(count), 0) FROM loss) >= 3000"
		echo "# rows $(value $tmp/mnt/t.db "SELECT count(DISTINCT path) FROM file_access WHERE path LIKE '"'%/many/%'"'"), lost $(value $tmp/mnt/t.db "SELECT coalesce(sum(count), 0) FROM loss")"
		ok "complete only if nothing was lost" holds $tmp/mnt/t.db "SELECT complete = ((SELECT coalesce(sum(count), 0) FROM loss) = 0) FROM session ORDER BY started_ns DESC LIMIT 1"
		ok "what was there before is there" holds $tmp/mnt/t.db "SELECT count(*) >= 2 FROM session"'

	# A disk that stays full to the end.
	mounts 'mount -t tmpfs -o size=6M none $tmp/mnt; cp "$db" $tmp/mnt/t.db
		t run --db $tmp/mnt/t.db -- sh -c "dd if=/dev/zero of=$tmp/mnt/fill bs=4k 2>/dev/null; cat /etc/hostname; exit 9"
		ok "a disk that stays full: the command ends as it would" is 9 "the disk is full" err
		t sessions --db $tmp/mnt/t.db
		ok "and what was there before is there" is 0 "command" out
		rm $tmp/mnt/fill; t run --db $tmp/mnt/t.db -- true
		ok "with room again it is written again" is 0'

	# ---- the kernel
	mounts 'mount -t tmpfs -o mode=755 none /sys/kernel/btf
		refused "no BTF" "BTF|btf" --db "$db"
		t doctor --json; ok "doctor, no BTF" is 1 "\"check\":\"btf\",\"status\":\"fail\"" out
		t doctor; ok "doctor says what to do" is 1 "fail +btf" out "CONFIG_DEBUG_INFO_BTF" out'
	mounts 'umount -R /sys/kernel/tracing /sys/kernel/debug 2>/dev/null
		t run --db "$db" -- true; ok "no tracefs: works all the same" is 0
		t doctor --json; ok "doctor, no tracefs" is $status "\"check\":\"tracefs\",\"status\":\"ok\"" out'
	mounts 'mount -t tmpfs none /sys/kernel/security 2>/dev/null || { echo "ok - lockdown # SKIP no /sys/kernel/security"; exit 0; }
		echo "none integrity [confidentiality]" >/sys/kernel/security/lockdown
		t doctor --json; ok "doctor, lockdown (its file only: the kernel itself is not locked)" is 1 "\"check\":\"lockdown\",\"status\":\"fail\"" out'
else
	echo "ok - faults of file systems and of the kernel # SKIP no mount namespace can be made"
fi

without() { # CAPABILITIES COMMAND...: root, but not that
	local capabilities=$1
	shift
	setpriv --bounding-set "$capabilities" --inh-caps "$capabilities" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	status=$?
}
rm -f "$tmp/ran"
without -bpf,-sys_admin "$TELLTALE" run --db "$db" -- touch "$tmp/ran"
ok "run, no CAP_BPF" one_line_error 1 'CAP_BPF|not permitted.*doctor|privilege'
ok "run, no CAP_BPF: the command was not started" test ! -e "$tmp/ran"
without -bpf,-sys_admin "$TELLTALE" daemon
ok "daemon, no CAP_BPF" one_line_error 1 'CAP_BPF|not permitted.*doctor|privilege'
without -bpf,-sys_admin "$TELLTALE" doctor
ok "doctor, no CAP_BPF" is 1 'fail +(privileges|capabilities) .*' out 'CAP_BPF|cap_bpf' out
nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
"${nobody[@]}" "$TELLTALE" daemon >"$tmp/out" 2>"$tmp/err"
status=$?
ok "daemon, not root" is 1 'not root: .*sudo' err
"${nobody[@]}" env PATH=/none HOME=/nonexistent "$TELLTALE" run --db "$tmp/nobody.db" -- /bin/true >"$tmp/out" 2>"$tmp/err"
status=$?
ok "run, not root" one_line_error 1 'sudo is not installed: run telltale as root, or start its daemon'
"${nobody[@]}" "$TELLTALE" doctor >"$tmp/out" 2>"$tmp/err"
status=$?
ok "doctor, not root" is "$status" 'sudo telltale doctor' out

ok "after all that the first database is whole" holds "$db" "SELECT integrity_check = 'ok' FROM pragma_integrity_check"
ok "and has its first session" kept "$db"
exit "$failed"
