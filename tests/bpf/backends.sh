#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The same session, recorded by either sensor, is the same record: every view, but for times, numbers that the kernel
# hands out, and how a file or an address was come by, which is what the two differ in.
if [ "${1:-}" = session ]; then
	W=$2 S=$3
	cd "$W/scene" || exit 1
	export TT_BASE=http://127.0.0.1:1/v1 TZ=Asia/Tokyo
	"$S/open_one" openat file
	"$S/open_one" openat2 ./link
	"$S/open_one" creat new
	"$S/open_one" open dir/none w
	"$S/open_one" open file/below
	"$S/open_one" openat inner r dir
	"$S/open_one" handle dir/inner
	"$S/open_one" -R openat2 /inner r dir
	"$S/open_many" many 3 100
	"$S/open_renamed" move
	"$S/readlink_one" readlink link
	"$S/readlink_one" readlinkat link .
	"$S/readlink_one" readlink file
	for call in fstatat statx faccessat faccessat2; do
		"$S/look_one" -c 2 $call .netrc
		"$S/look_one" $call .netrc '' dir
		"$S/look_one" -C /usr/share $call zoneinfo/None
		"$S/look_one" $call NULL
	done
	"$S/look_one" -c 2 list .husky
	"$S/look_one" renameat2 .netrc id_rsa '' dir
	"$S/look_one" renameat2 none .netrc
	"$S/look_one" linkat file hard
	"$S/look_one" symlinkat file soft
	"$S/look_one" fchmodat hard
	"$S/look_one" fchmod hard
	"$S/look_one" truncate hard
	"$S/look_one" ftruncate hard
	"$S/look_one" -c 2 unlinkat hard
	"$S/look_one" rmdirat dir
	"$S/env_lookup" TT_BASE HOME NONE
	"$S/connect_one" tcp 127.0.0.1 9
	"$S/named" tls writev tls.example.com
	"$S/named" http sendmsg http.example.com
	"$S/named" dns sendmmsg dns.example.com 127.0.0.7
	"$S/named" carry write 1000 100000
	"$S/connect_one" udp 127.0.0.1 20000
	"$S/connect_one" send 127.0.0.1 20001
	"$S/connect_one" sendmsg 127.0.0.1 20002
	"$S/connect_one" -m 3 sendmmsg 127.0.0.1 20010
	"$S/connect_one" send ::1 20003
	"$S/entrance" tcp4 connect accept cs=1000 fork sr=500 sr=500 ss=70000 cr=70000 cc sc
	"$S/entrance" udp4 connect cs=100 cs=50 sf=100 sf=50
	"$S/entrance" udp6 socket ct=7 ct=8 sp=7 sf=7 sf=8
	"$S/entrance" unixdgram="$W/scene/datagrams" connect cs=30 sr=30
	"$S/entrance" tcp6 connect accept4 cs=10 crst sc
	"$S/entrance" tcp4 again threads=5
	"$S/entrance" tcp4 connect cs=10 accept give sr=10 ss=7 sc
	"$S/entrance" unix="$W/scene/door" connect accept cs=10 sr=10 cc sc
	"$S/connect_one" unix "$W/scene/none"
	"$S/connect_one" unixdgram "$W/scene/file"
	"$W/scene/file"
	"$W/scene/dir/none"
	cat file link /nowhere
	exit 0
fi
. tests/bpf/common.bash
export TELLTALE_CONFIG_DIR=${TELLTALE_CONFIG_DIR:-$PWD/config}

make_scratch
trap 'rm -rf "$W"' EXIT

record() { # SENSOR
	rm -rf "$W/scene"
	mkdir -p "$W/scene/dir" "$W/scene/many" "$W/scene/move" "$W/scene/.husky"
	echo x >"$W/scene/.netrc"
	echo x >"$W/scene/file"
	echo x >"$W/scene/dir/inner"
	ln -s file "$W/scene/link"
	touch "$W"/scene/many/{0,1,2}
	"$TELLTALE" run --sensor="$1" --db "$W/$1.db" --json -- bash "$PWD/tests/bpf/backends.sh" session "$W" "$S" \
		</dev/null >"$W/$1.out" 2>"$W/$1.err"
}

if ! record trampoline; then
	why=$(grep -m 1 'cannot start the trampoline' "$W/trampoline.err")
	[ -n "$why" ] || { cat "$W/trampoline.err"; not_ok "the session is recorded by trampolines"; finish; }
	echo "skip-ok: $why"
	exit 77
fi
record rawtp || { cat "$W/rawtp.err"; not_ok "the session is recorded by rawtp"; finish; }

view() { # SENSOR NAME COLUMNS [WHERE]
	sqlite3 -readonly "$W/$1.db" "SELECT $3 FROM $2 v ${4:-}" | sort
}

compare() { # NAME COLUMNS [WHERE]
	local rows

	rows=$(view rawtp "$@")
	if [ -z "$rows" ]; then
		not_ok "$1: rawtp has rows to compare"
	else
		same "$1: $(echo "$rows" | wc -l) rows" "$rows" "$(view trampoline "$@")"
	fi
}

# Kernels before 6.0 miss a name on a page that is not there, and that is counted: a chance, which one sensor may have. What
# rests on names is then no matter of the sensors.
chance=$(for sensor in rawtp trampoline; do sqlite3 -readonly "$W/$sensor.db" "SELECT '$sensor', sensor, kind, count FROM loss WHERE $excused"; done)
named=yes
[ -z "$chance" ] || { named='' && echo "# names are not compared, since some were missed: ${chance//$'\n'/, }"; }

of='JOIN process p USING (process_id)'
compare session "agent, agent_name, cwd, command${named:+, complete}"
compare process "exe, argv, cwd, script, role, exit_status"
compare process_exec 'v.exe, v.argv, seq, result' "$of"
compare file_access 'p.exe, p.argv, path, op, category, result, count, truncated, real_path, target, file_type' "$of"
compare connection 'p.exe, p.argv, direction, family, protocol, local_address, address, iif(port > 32767, 0, port), unix_path, hostname, hostname_source, category, state, result, count, bytes_sent, bytes_received' "$of"
compare risk_record "exe, files_read, credential_files${named:+, score, level, timezone_lookups}"
if [ -n "$named" ]; then
	compare env_lookup 'p.exe, name, source, category, present, count, value' "$of"
	compare timezone_lookup 'p.exe, how, zone, count, result' "$of"
	compare name_lookup 'p.argv, name, type, source, answers, result, count' "$of"
fi
for sensor in rawtp trampoline; do
	same "$sensor: nothing was lost" '' "$(sqlite3 -readonly "$W/$sensor.db" "SELECT sensor, kind, count FROM loss WHERE NOT ($excused)")"
done
finish
