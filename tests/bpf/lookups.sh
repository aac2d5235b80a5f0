#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Names that no packet shows: of /etc/hosts, by getaddrinfo, in the orders in which programs ask, connect and give back.
#
# In namespaces of its own: /etc/hosts is the test's, and nobody else is asked.
ways='early late thread twice fork'
built() { # NAME PROGRAM...: a step, unless variants.sh left its program out
	[ ! -x "$2" ] || step "$@"
}
scenario() {
	built met "$S/lookup-static" number 127.0.1.9 # a program's own file is probed when it is met
	sleep 1
	for way in $ways; do
		step "glibc-$way" "$S/lookup" "$way" "$way.example.com"
		built "musl-$way" "$S/lookup-musl" "$way" "$way.example.com"
		built "static-$way" "$S/lookup-static" "$way" "$way.example.com"
	done
	step number "$S/lookup" number 127.0.1.9
	step file "$S/lookup" file 127.0.1.9
	! /usr/bin/python3 -c 'import socket' 2>/dev/null ||
		step python /usr/bin/python3 -c 'import socket; socket.socket().connect_ex(("early.example.com", 9))'
	built curl /usr/bin/curl -s http://early.example.com:9/
	built node "$(command -v node)" -e 'require("net").connect(9, "early.example.com").on("error", () => {})'
}
if [ -z "${TT_OWN_NETWORK:-}" ]; then
	TT_OWN_NETWORK=1 exec unshare --net --mount "$BASH" "$0" "$@"
fi
. tests/bpf/lib.sh

ip link set lo up
n=0
for way in $ways; do
	n=$((n + 1))
	echo "127.0.1.$n $way.example.com $way"
done >"$W/hosts"
echo "127.0.1.9 file.example.com" >>"$W/hosts"
mount --bind "$W/hosts" /etc/hosts
echo "hosts: files" >"$W/nsswitch.conf"
[ ! -e /etc/nsswitch.conf ] || mount --bind "$W/nsswitch.conf" /etc/nsswitch.conf
watch

name() { # PROCESS
	sql "SELECT hostname, hostname_source, hostname_confidence, state FROM connection
		WHERE process_id = '$1' AND port = 9"
}
asked() { # PROCESS: musl asks a name server as well
	sql "SELECT name, source, answers, result, count FROM name_lookup WHERE process_id = '$1' AND source = 'getaddrinfo' ORDER BY row_id"
}
n=0
for way in $ways; do
	n=$((n + 1))
	for libc in glibc musl static; do
		step=$libc-$way
		[ -e "$W/out/$step" ] || continue
		who=$(process "$step") connecting=$who sure=high nobody=
		[ "$way" = fork ] && connecting=$(process "$(fact "$step" child)") sure=medium
		[ "$way" = twice ] && nobody="nobody.invalid getaddrinfo   1"$'\n'
		same "$step" "$way.example.com getaddrinfo $sure refused" "$(name "$connecting")"
		same "what it asked, $step" "${nobody}$way.example.com getaddrinfo [\"127.0.1.$n\"] 0 1" "$(asked "$who")"
	done
done
for step in python curl node; do
	[ -s "$W/out/$step.pid" ] || continue
	same "$step" "early.example.com getaddrinfo high refused" "$(name "$(process $step)")"
done
same "of those who read /etc/hosts" "file.example.com hosts low refused" "$(name "$(process file)")"
same "nobody was asked" "" "$(asked "$(process file)")"
same "an address is no name" "" "$(asked "$(process number)")"
finish
