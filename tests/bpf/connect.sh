#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Connects and datagrams: each family, each outcome, each call that names a destination.
#
# In a network namespace of its own, where SYNs are repeated once: a listener whose backlog is full answers none.
scenario() {
	. "$W/ports"
	step tcp4 "$S/connect_one" tcp 127.0.0.1 "$tcp4"
	step tcp6 "$S/connect_one" tcp ::1 "$tcp6"
	step mapped "$S/connect_one" tcp ::ffff:127.0.0.1 "$tcp4"
	step again "$S/connect_one" -r 5 tcp 127.0.0.1 "$tcp4"
	step refused4 "$S/connect_one" tcp 127.0.0.1 9
	step refused6 "$S/connect_one" tcp ::1 9
	step timeout "$S/connect_one" tcp 127.0.0.1 "$full"
	step unreachable "$S/connect_one" tcp 203.0.113.1 443
	step nonblocking "$S/connect_one" -n tcp 127.0.0.1 "$tcp4"
	step nonblocking-refused "$S/connect_one" -n tcp 127.0.0.1 9
	step asked-again "$S/connect_one" -c tcp 127.0.0.1 "$tcp4"
	step asked-again-refused "$S/connect_one" -c -r 2 tcp 127.0.0.1 9
	step nonblocking-timeout "$S/connect_one" -n -t 1 tcp 127.0.0.1 "$full"
	step aborted "$S/connect_one" -a tcp 127.0.0.1 "$full"

	step udp4 "$S/connect_one" udp 127.0.0.1 "$udp4"
	step udp6 "$S/connect_one" udp ::1 "$udp6"
	step udp-unreachable "$S/connect_one" udp 203.0.113.1 53
	step send "$S/connect_one" send 127.0.0.1 "$udp4"
	step send6 "$S/connect_one" send ::1 "$udp6"
	step send-unreachable "$S/connect_one" send 203.0.113.1 53
	step sendmsg "$S/connect_one" sendmsg 127.0.0.1 "$udp4"
	step sendmmsg "$S/connect_one" sendmmsg 127.0.0.1 "$udp4"
	step several "$S/connect_one" -m 3 sendmmsg 127.0.0.1 20000
	step too-many "$S/connect_one" -m 40 sendmmsg 127.0.0.1 20000

	step unix "$S/connect_one" unix "$W/socket"
	step abstract "$S/connect_one" unix "@telltale-$$"
	step unix-missing "$S/connect_one" unix "$W/none"
	step unix-refused "$S/connect_one" unix "$W/left"
	step unix-dgram "$S/connect_one" unixdgram "$W/dgram"
	step unix-send "$S/connect_one" send "$W/dgram"
	step unix-whole "$S/connect_one" -r 3 unixwhole "$W/none"
	step unix-twice "$S/connect_one" -r 2 unix "$W/socket"
}
if [ -z "${TT_OWN_NETWORK:-}" ]; then
	TT_OWN_NETWORK=1 exec unshare --net "$BASH" "$0" "$@"
fi
. tests/bpf/lib.sh

ip link set lo up
sysctl -qw net.ipv4.tcp_syn_retries=1

# Listeners end with their standard input, which is ours.
mkfifo "$W/alive"
exec 7<>"$W/alive"
listeners=()
trap 'kill "${listeners[@]}" 2>/dev/null; rm -rf "$W"' EXIT
listen() { # NAME KIND ADDRESS
	"$S/listen" "$2" "$3" <&7 >"$W/$1.port" &
	listeners+=($!)
	for ((i = 0; i < 500; i++)); do
		[ -s "$W/$1.port" ] && break
		kill -0 $! 2>/dev/null || break
		sleep 0.01
	done
	echo "$1=$(sed -n 's/^port=//p' "$W/$1.port")" >>"$W/ports"
}
listen tcp4 tcp 127.0.0.1
listen tcp6 tcp ::1
listen full full 127.0.0.1
listen udp4 udp 127.0.0.1
listen udp6 udp ::1
listen unix_ unix "$W/socket"
listen dgram unixdgram "$W/dgram"
listen left unix "$W/left"
kill "${listeners[-1]}" && wait "${listeners[-1]}" 2>/dev/null
. "$W/ports"

# Of one call's messages rawtp looks at so many, and counts the rest; each passes a trampoline.
by_trampoline && looked_at=40 LOSSES='' || looked_at=32 LOSSES="net connection 8"
watch

connected "TCP over IPv4" tcp4 "inet tcp established 0 x1 127.0.0.1:$tcp4 socket"
connected "TCP over IPv6" tcp6 "inet6 tcp established 0 x1 ::1:$tcp6 socket"
connected "IPv4 in IPv6 is IPv4" mapped "inet tcp established 0 x1 127.0.0.1:$tcp4 socket"
connected "five attempts are one row" again "inet tcp established 0 x5 127.0.0.1:$tcp4 socket"
connected "refused" refused4 "inet tcp refused -111 x1 127.0.0.1:9 socket"
connected "refused over IPv6" refused6 "inet6 tcp refused -111 x1 ::1:9 socket"
connected "timed out" timeout "inet tcp timeout -110 x1 127.0.0.1:$full socket"
connected "no route" unreachable "inet tcp failed -101 x1 203.0.113.1:443 user"
connected "non-blocking, established later" nonblocking "inet tcp established 0 x1 127.0.0.1:$tcp4 socket"
connected "non-blocking, refused" nonblocking-refused "inet tcp refused -111 x1 127.0.0.1:9 socket"
connected "non-blocking, asked for by another connect" asked-again "inet tcp established 0 x1 127.0.0.1:$tcp4 socket"
connected "non-blocking, refused, asked for by another connect" asked-again-refused "inet tcp refused -111 x2 127.0.0.1:9 socket"
connected "non-blocking, timed out" nonblocking-timeout "inet tcp timeout -110 x1 127.0.0.1:$full socket"
connected "closed before an answer" aborted "inet tcp aborted 0 x1 127.0.0.1:$full socket"
for name in tcp4 tcp6 nonblocking; do
	[ $name = tcp6 ] && address=::1 || address=127.0.0.1
	same "the near end ($name)" "$address $(fact $name local_port)" \
		"$(sql "SELECT local_address, local_port FROM connection WHERE process_id = '$(process $name)'")"
done
same "the near end of a refused one is gone before the answer: unknown" '1' \
	"$(sql "SELECT local_address IS NULL AND local_port IS NULL FROM connection WHERE process_id = '$(process refused4)'")"
same "a timeout's duration" 1 "$(sql "SELECT duration_ns BETWEEN 1000000000 AND 20000000000
	FROM connection WHERE process_id = '$(process timeout)'")"
same "the subjects agree: $(fact timeout result) $(fact nonblocking-refused outcome) $(fact nonblocking-timeout outcome)" \
	"-110 -111 -110" "$(fact timeout result) $(fact nonblocking-refused outcome) $(fact nonblocking-timeout outcome)"

connected "UDP connect" udp4 "inet udp connected 0 x1 127.0.0.1:$udp4 socket"
connected "UDP connect over IPv6" udp6 "inet6 udp connected 0 x1 ::1:$udp6 socket"
connected "UDP connect without a route" udp-unreachable "inet udp failed -101 x1 203.0.113.1:53 user"
connected "sendto" send "inet udp sent 0 x1 127.0.0.1:$udp4 user"
connected "sendto over IPv6" send6 "inet6 udp sent 0 x1 ::1:$udp6 user"
connected "sendto without a route" send-unreachable "inet udp failed -101 x1 203.0.113.1:53 user"
connected "sendmsg" sendmsg "inet udp sent 0 x1 127.0.0.1:$udp4 user"
connected "sendmmsg, twice the same" sendmmsg "inet udp sent 0 x2 127.0.0.1:$udp4 user"
connected "sendmmsg to several" several "$(for ((i = 0; i < 3; i++)); do echo "inet udp sent 0 x1 127.0.0.1:$((20000 + i)) user"; done)"
connected "sendmmsg to many" too-many \
	"$(for ((i = 0; i < looked_at; i++)); do echo "inet udp sent 0 x1 127.0.0.1:$((20000 + i)) user"; done)"

connected "UNIX" unix "unix unix connected 0 x1 W/socket socket"
connected "UNIX, abstract, nobody there" abstract "unix unix refused -111 x1 @telltale-$(sql "SELECT pid FROM process p JOIN session USING (session_id) WHERE p.process_id = root_process_id") user"
connected "UNIX, missing" unix-missing "unix unix failed -2 x1 W/none user"
connected "UNIX, nobody listens" unix-refused "unix unix refused -111 x1 W/left user"
connected "UNIX datagrams" unix-dgram "unix unix connected 0 x1 W/dgram socket"
connected "UNIX, sent" unix-send "unix unix sent 0 x1 W/dgram user"
connected "UNIX, rubbish behind the name" unix-whole "unix unix failed -2 x3 W/none user"
connected "UNIX, twice" unix-twice "unix unix connected 0 x2 W/socket socket"
did "connecting opens nothing" tcp4 ""
same "nobody else connected" "" "$(sql "SELECT exe, address FROM connection JOIN process USING (process_id) WHERE exe NOT LIKE '%/connect_one'")"
finish
