#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# io_uring: what passes a trampoline whoever does it - the caller itself at once, a worker, or the ring's own thread - is a
# row of the caller's, once; what rawtp does not see, because it is no system call, its `coverage` says.
scenario() {
	. "$W/ports"
	cd "$W/scene" || exit 1
	step idle "$S/uring"
	for way in inline worker thread; do
		case $way in
		inline) how= ;;
		worker) how=-a ;;
		thread) how=-s ;;
		esac
		for call in openat openat2; do
			# shellcheck disable=SC2086 # none or one
			{
				step $way-$call "$S/uring" $how -r 3 $call "$W/scene/file"
				step $way-$call-write "$S/uring" $how -r 3 $call file w
				step $way-$call-create "$S/uring" $how -r 3 $call "new-$way-$call" wc
				step $way-$call-at "$S/uring" $how -r 3 $call inner r dir
				step $way-$call-missing "$S/uring" $how -r 3 $call none
				step $way-$call-missing-at "$S/uring" $how -r 3 $call none w dir
			}
		done
		# shellcheck disable=SC2086
		{
			step $way-tcp "$S/uring" $how -r 3 connect tcp 127.0.0.1 "$tcp"
			step $way-refused "$S/uring" $how -r 3 connect tcp 127.0.0.1 9
			step $way-unreachable "$S/uring" $how -r 3 connect tcp 203.0.113.1 443
			step $way-accept "$S/uring" $how accept 1000
			step $way-udp "$S/uring" $how -r 3 connect udp 127.0.0.1 20000
			step $way-unix "$S/uring" $how -r 3 connect "$W/socket"
			step $way-unix-missing "$S/uring" $how -r 3 connect "$W/none"
			step $way-unix-busy "$S/uring" $how -b 200 connect "$W/busy-$way"
		}
	done
	# The one port there is has been used when it is wanted again.
	ports() {
		echo "$1 $1" >/proc/sys/net/ipv4/ip_local_port_range
	}
	ports 50000
	step inline-no-port "$S/uring" -r 3 connect tcp 127.0.0.1 "$tcp"
	ports 50001
	step worker-no-port "$S/uring" -a -r 3 connect tcp 127.0.0.1 "$tcp"
	ports 50002
	step thread-no-port "$S/uring" -s -r 3 connect tcp 127.0.0.1 "$tcp"
	ports 50003
	step call-no-port "$S/connect_one" -r 3 tcp 127.0.0.1 "$tcp"
}
if [ -z "${TT_OWN_NETWORK:-}" ]; then
	if [ "$(cat /proc/sys/kernel/io_uring_disabled 2>/dev/null || echo 0)" = 2 ] || ! "$B/tests/subjects/uring" | grep -qx ring=0; then
		echo "skip-ok: io_uring is switched off here"
		exit 77
	fi
	TT_OWN_NETWORK=1 exec unshare --net "$BASH" "$0" "$@"
fi
. tests/bpf/lib.sh

ip link set lo up
sysctl -qw net.ipv4.tcp_tw_reuse=0
mkdir -p "$W/scene/dir"
echo x | tee "$W/scene/file" "$W/scene/dir/inner" >/dev/null

# Listeners end with their standard input, which is ours.
mkfifo "$W/alive"
exec 7<>"$W/alive"
listeners=()
trap 'kill "${listeners[@]}" 2>/dev/null; rm -rf "$W"' EXIT
for what in 'tcp 127.0.0.1' "unix $W/socket"; do
	# shellcheck disable=SC2086 # two words
	"$S/listen" $what <&7 >"$W/${what%% *}.said" &
	listeners+=($!)
	for ((i = 0; i < 500; i++)); do
		[ ! -s "$W/${what%% *}.said" ] || break
		sleep 0.01
	done
done
sed -n 's/^port=/tcp=/p' "$W/tcp.said" >"$W/ports"
. "$W/ports"
watch

# What a way's step did with files: by a trampoline this, by rawtp only what system calls did.
through() { # WORDS NAME BY-CALLS BY-RING
	by_trampoline && did "$1" "$2" "${3:+$3${4:+$'\n'}}$4" || did "$1: not seen" "$2" "$3"
}
directory="open 0 x1 $o W/scene/dir type=directory"
for way in inline worker thread; do
	for call in openat openat2; do
		name=$way-$call
		through "$call, $way" $name '' "read 0 x3 $o W/scene/file"
		through "$call, $way, for writing, from the working directory" $name-write '' "write 0 x3 $o W/scene/file"
		through "$call, $way, creating, then writing" $name-create '' "create 0 x1 $o W/scene/new-$name
write 0 x2 $o W/scene/new-$name"
		through "$call, $way, from a directory" $name-at "$directory" "read 0 x3 $o W/scene/dir/inner"
		through "$call, $way, missing" $name-missing '' "read -2 x3 user W/scene/none"
		through "$call, $way, missing, from a directory" $name-missing-at "$directory" "write -2 x3 user W/scene/dir/none"
	done
done
# Who did it: the caller alone; a worker besides; the ring's thread, and whether it needs a worker is its own affair.
same "the ways are different ways" "1 1 1 1 1" "$(fact inline-openat threads) $(fact inline-openat2-at threads) \
$(($(fact worker-openat threads) > 1)) $(($(fact worker-openat2 threads) > 1)) $(($(fact thread-openat threads) > 1))"

seen() { # WORDS NAME EXPECTED: connects that only a trampoline sees
	by_trampoline && connected "$1" "$2" "$3" || connected "$1: not seen" "$2" ''
}
for way in inline worker thread; do
	# its states are tracepoints: both see them
	connected "TCP, $way" $way-tcp "inet tcp established 0 x3 127.0.0.1:$tcp socket"
	connected "TCP refused, $way" $way-refused "inet tcp refused -111 x3 127.0.0.1:9 socket"
	seen "TCP without a route, $way" $way-unreachable "inet tcp failed -101 x3 203.0.113.1:443 user"
	by_trampoline && came_in=$'\n''in inet tcp established 1000 0' || came_in=
	same "what comes in is $(by_trampoline && echo seen || echo not seen), $way" "out inet tcp established 0 1000$came_in" \
		"$(sql "SELECT direction, family, protocol, state, bytes_sent, bytes_received FROM connection
			WHERE process_id = '$(process $way-accept)' AND direction <> 'listen' ORDER BY direction DESC")"
	seen "UDP, $way" $way-udp "inet udp connected 0 x3 127.0.0.1:20000 socket"
	seen "UNIX, $way" $way-unix "unix unix connected 0 x3 W/socket socket"
	seen "UNIX, missing, $way" $way-unix-missing "unix unix failed -2 x3 W/none user"
	# by the ring where that is seen; before it by a call, which is accepted
	by_trampoline && times=x3 || times=x2
	connected "UNIX, there is no place at first, $way: no attempt that failed" $way-unix-busy \
		"unix unix listening 0 x1 W/busy-$way socket
unix unix connected 0 $times W/busy-$way socket"
	by_trampoline && given_up=$'\n'"inet tcp failed -99 x2 127.0.0.1:$tcp user" || given_up=
	connected "TCP without a port, $way" $way-no-port "inet tcp established 0 x1 127.0.0.1:$tcp socket$given_up"
	same "the subjects agree ($way)" "0 -111 -101 0 0 -2 0" "$(for name in tcp refused unreachable udp unix unix-missing unix-busy; do
		fact $way-$name result | sort -u; done | tr '\n' ' ' | sed 's/ $//')"
done
connected "TCP without a port, by a system call" call-no-port "inet tcp established 0 x1 127.0.0.1:$tcp socket
inet tcp failed -99 x2 127.0.0.1:$tcp user"

# of files: this kernel's other reasons are not this test's
by_trampoline && file='- -' net='partial uses io_uring: what is sent through it is not seen' ||
	file='partial uses io_uring: operations through it are not seen' net=$file
for name in idle inline-openat inline-accept worker-udp thread-unix; do
	same "what its coverage says ($name)" "$file
$net" "$(sql "SELECT iif(ours, json_extract(coverage, '\$.file.state'), '-'), iif(ours, json_extract(coverage, '\$.file.why'), '-')
		FROM (SELECT coverage, coalesce(json_extract(coverage, '\$.file.why') LIKE '%io_uring%', 0) AS ours
		FROM process WHERE process_id = '$(process $name)')
		UNION ALL SELECT json_extract(coverage, '\$.net.state'), json_extract(coverage, '\$.net.why')
		FROM process WHERE process_id = '$(process $name)'")"
done
same "workers are no processes" "$(($(find "$W/out" -name '*.pid' | wc -l) + 1))" "$(sql 'SELECT count(*) FROM process')"
same "and nobody else's rows" '' "$(sql "SELECT exe, path FROM file_access JOIN process USING (process_id)
	WHERE path LIKE '$W/scene/%' AND exe NOT LIKE '%/uring'")"
finish
