#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Where a process listens, what comes in there, and connections that it has from somebody else: whose they are, and the bytes of
# each while it was.
scenario() {
	step plain "$S/entrance" tcp4 connect accept cs=1000 sr=1000 ss=70000 cr=70000 cc se sc
	step over6 "$S/entrance" tcp6 connect accept4 ss=5 cr=5 cc sc
	step again "$S/entrance" tcp4 again again
	step nobody "$S/entrance" tcp4 try
	step unused "$S/entrance" tcp4 connect accept sc cc
	step left "$S/entrance" tcp4 connect cs=10 cc accept sr=10 se ss=3 sc
	step reset "$S/entrance" tcp4 connect cs=10 crst accept sc
	step resets "$S/entrance" tcp4 connect accept ss=10 cs=7 sr=7 crst sc
	step half "$S/entrance" tcp4 connect accept ss=100 sshut cr=100 ce cs=50 sr=50 cc se sc
	step several "$S/entrance" tcp4 connect accept cs=1 cc se sc connect accept cs=2 cc se sc connect accept cs=4 cc se sc
	step threads "$S/entrance" tcp4 threads=20
	step peek "$S/entrance" tcp4 connect accept cs=30 fork sp=30 sr=30 cc sc

	step fork "$S/entrance" tcp4 connect accept fork cs=1000 sr=1000 ss=300 cr=300 cc sc
	step fork-late "$S/entrance" tcp4 connect accept cs=10 sr=4 ss=20 cr=20 fork sr=6 cs=100 sr=100 ss=200 cr=200 cshut se sshut ce cc sc
	step fork-shut "$S/entrance" tcp4 connect accept cs=10 cshut fork sr=10 se ss=20 cr=20 cc sc
	step given "$S/entrance" tcp4 connect cs=10 accept give sr=10 ss=7 sc
	step turns "$S/entrance" tcp4 connect accept turns=3 sr=6
	step many-turns "$S/entrance" tcp4 connect accept turns=40 sr=80

	step unix "$S/entrance" "unix=$W/door" connect accept cs=10 sr=10 cc sc connect accept ss=7 cr=7 cc sc
	step abstract "$S/entrance" "unix=@telltale-door" connect accept cc sc
	[ ! -e /proc/sys/net/mptcp ] || step mptcp "$S/entrance" mptcp connect accept cs=10 sr=10 ss=20 cr=20 cc se sc

	step udp "$S/entrance" udp4 connect cs=100 cs=50 sf=100 sf=50 cc sc
	step udp6 "$S/entrance" udp6 socket ct=7 ct=8 sp=7 sf=7 sf=8
	step unixdgram "$S/entrance" "unixdgram=$W/datagrams" connect cs=30 cs=12 sr=30 sr=12
	step pair "$S/entrance" tcp4 connect accept give ss=1
	# connections that were there before: 6 and 5 were made, 4 was accepted
	step old "$S/entrance" has=6 cs=100 cr=50
	step old-read "$S/entrance" has=5 cr=20
	step old-in "$S/entrance" has=4 cs=7
}
if [ -z "${TT_OWN_NETWORK:-}" ]; then
	TT_OWN_NETWORK=1 exec unshare --net "$BASH" "$0" "$@"
fi
. tests/bpf/lib.sh

ip link set lo up
touch "$W/staying"
trap 'rm -rf "$W"' EXIT # those who stay end with it

# Who is at the other end, and is not watched; its port is in $W/NAME.
peer() { # NAME STEP...
	"$S/entrance" tcp4 "${@:2}" "stay=$W/staying" >"$W/$1.said" &
	for ((i = 0; i < 500; i++)); do
		[ ! -s "$W/$1.said" ] || break
		sleep 0.01
	done
	sed -n 's/^port=//p' "$W/$1.said" >"$W/$1"
}

peer port accept sr=1234 ss=20
# 11 bytes were sent and 5 read before, 50 wait
peer six accept ss=55 sr=111
exec 6<>"/dev/tcp/127.0.0.1/$(cat "$W/six")"
printf '%11s' '' >&6
head -c 5 <&6 >/dev/null
peer five accept ss=20
exec 5<>"/dev/tcp/127.0.0.1/$(cat "$W/five")"
cat >"$W/telltale" <<-END
	#!/bin/bash
	exec 3>&1 >/dev/null
	exec "$S/entrance" tcp4 connect accept cs=3 sr=3 ss=2 run /bin/sh -c 'exec "\$@" >&3 3>&-' - "$TELLTALE" "\$@"
END
chmod +x "$W/telltale"
TELLTALE=$W/telltale watch

# direction family protocol state xCOUNT sent received [path], in order
ends() { # NAME
	sql "SELECT direction, family, protocol, state, 'x' || count, coalesce(bytes_sent, '-'), coalesce(bytes_received, '-')
		|| coalesce(' ' || $(esc unix_path), '') FROM connection WHERE process_id = '$(process "$1")'
		ORDER BY direction, state, row_id" | shown
}
had() { # WORDS NAME EXPECTED
	same "$1" "$3" "$(ends "$2")"
}
listens='listen inet tcp listening x1 - -'
child() { # NAME
	fact "$1" child
}

had "both ends" plain "in inet tcp established x1 70000 1000
$listens
out inet tcp established x1 1000 70000"
had "over IPv6, by accept4" over6 "in inet6 tcp established x1 5 0
listen inet6 tcp listening x1 - -
out inet6 tcp established x1 0 5"
had "listening again is the same place" again "listen inet tcp listening x3 - -"
had "nobody to accept" nobody "$listens"
same "the subject agrees" -11 "$(fact nobody tried)"
had "accepted, and closed at once" unused "in inet tcp established x1 0 0
$listens
out inet tcp established x1 0 0"
had "the other end had closed before" left "in inet tcp established x1 3 10
$listens
out inet tcp established x1 10 0"
had "the other end had reset it before" reset "in inet tcp established x1 0 10
$listens
out inet tcp established x1 10 0"
had "the other end resets it" resets "in inet tcp established x1 10 7
$listens
out inet tcp established x1 7 10"
had "one way is shut down before the other" half "in inet tcp established x1 100 50
$listens
out inet tcp established x1 50 100"
had "three connections are one row" several "in inet tcp established x3 0 7
$listens
out inet tcp established x3 7 0"
had "twenty threads accept" threads "in inet tcp established x20 0 210
$listens
out inet tcp established x20 210 0"
same "the places of both ends" "127.0.0.1 $(fact plain port) 127.0.0.1 1 1 0|127.0.0.1 $(fact plain port)   1 1" \
	"$(sql "SELECT group_concat(local_address || ' ' || local_port || ' ' || coalesce(address, '') || ' ' || coalesce(port > 0, '') || ' '
		|| (hostname IS NULL) || ' ' || (duration_ns IS NULL), '|') FROM (SELECT * FROM connection
		WHERE process_id = '$(process plain)' AND direction <> 'out' ORDER BY direction)")"
same "the two ends are each other's" 1 "$(sql "SELECT a.local_port = b.port AND a.port = b.local_port FROM connection a, connection b
	WHERE a.process_id = '$(process plain)' AND b.process_id = a.process_id AND a.direction = 'in' AND b.direction = 'out'")"
same "how long" 1 "$(sql "SELECT min(duration_ns BETWEEN 1 AND 20000000000) FROM connection
	WHERE process_id = '$(process half)' AND direction <> 'listen'")"

had "a child has both ends: its parent carried nothing" fork "in inet tcp established x1 0 0
$listens
out inet tcp established x1 0 0"
had "the child all" "$(child fork)" "in inet tcp inherited x1 300 1000
out inet tcp inherited x1 1000 300"
had "a child goes on: its parent has what was before" fork-late "in inet tcp established x1 20 4
$listens
out inet tcp established x1 10 20"
had "the child what came then, and what had not been read" "$(child fork-late)" "in inet tcp inherited x1 200 106
out inet tcp inherited x1 100 200"
had "a child goes on once one way is shut down" fork-shut "in inet tcp established x1 0 0
$listens
out inet tcp established x1 10 0"
had "the child has the rest" "$(child fork-shut)" "in inet tcp inherited x1 20 10
out inet tcp inherited x1 0 20"
had "looking at what is there takes nothing" peek "in inet tcp established x1 0 0
$listens
out inet tcp established x1 30 0"
had "reading it does" "$(child peek)" "in inet tcp inherited x1 0 30"
had "given over a UNIX socket" given "in inet tcp established x1 0 0
$listens
out inet tcp established x1 10 7"
had "who it was given to" "$(child given)" "in inet tcp inherited x1 7 10"
had "taking turns" turns "in inet tcp established x1 0 6
$listens
out inet tcp established x1 0 0
out inet tcp inherited x3 3 0"
had "each its own" "$(child turns)" "out inet tcp inherited x3 3 0"
same "without end: it stays whose it was, and no byte is lost" "80 16" "$(sql "SELECT sum(bytes_sent), sum(count) - 1 FROM connection
	WHERE process_id IN ('$(process many-turns)', '$(process "$(child many-turns)")') AND direction = 'out'")"

had "UNIX" unix "in unix unix connected x2 7 10 W/door
listen unix unix listening x1 - - W/door
out unix unix connected x2 10 7 W/door"
had "UNIX, abstract" abstract "in unix unix connected x1 - - @telltale-door
listen unix unix listening x1 - - @telltale-door
out unix unix connected x1 - - @telltale-door"
[ ! -e "$W/out/mptcp" ] || had "MPTCP is TCP" mptcp "in inet tcp established x1 20 10
$listens
out inet tcp established x1 10 20"

had "UDP" udp "in inet udp received x2 0 150
out inet udp connected x1 150 0"
had "UDP, to an address" udp6 "in inet6 udp received x2 0 15
out inet6 udp sent x2 15 0"
had "UNIX datagrams" unixdgram "in unix unix received x2 0 42 W/datagrams
out unix unix connected x1 42 0 W/datagrams"
had "a pair of sockets that nobody else can reach has no row" pair "in inet tcp established x1 0 0
$listens
out inet tcp established x1 0 1"

had "made before it was watched" old "out inet tcp inherited x1 100 50"
had "and read from first" old-read "out inet tcp inherited x1 0 20"
had "accepted before it was watched" old-in "in inet tcp inherited x1 7 0"

# The run ends before its connection does, which a child keeps.
drop_db
"$TELLTALE" run "${sensor[@]}" --db "$W/db" -- "$S/entrance" to="$(cat "$W/port")" cs=1234 cr=20 "stay=$W/staying" \
	>"$W/out/open" 2>/dev/null
same "open still: what it has carried so far" "out established 1234 20 1" \
	"$(sql 'SELECT direction, state, bytes_sent, bytes_received, duration_ns > 0 FROM connection')"
finish
