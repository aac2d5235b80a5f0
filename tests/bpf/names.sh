#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Who is talked to, and how much: names in what is sent, names that were asked for, bytes; by every call that sends.
#
# In a network namespace of its own: the name server is at 127.0.0.1:53.
ways='write writev send sendto sendmsg sendmmsg split'
sizes='0,0 1,0 0,1 1000,70000 300000,5 100000,1000000'
scenario() {
	for way in $ways; do
		step "tls-$way" "$S/named" tls "$way" "tls-$way.example.com"
		step "http-$way" "$S/named" http "$way" "http-$way.example.com"
		step "connect-$way" "$S/named" connect "$way" "connect-$way.example.com"
		[ "$way" = split ] || step "dns-$way" "$S/named" dns "$way" "dns-$way.example.com" 127.0.0.7
		for size in $sizes; do
			step "carry-$way-$size" "$S/named" carry "$way" "${size%,*}" "${size#*,}"
		done
	done
	step several bash -c "for i in 1 2 3; do '$S/named' tls write one.example.com; done"
}
if [ -z "${TT_OWN_NETWORK:-}" ]; then
	TT_OWN_NETWORK=1 exec unshare --net "$BASH" "$0" "$@"
fi
. tests/bpf/lib.sh

ip link set lo up
watch

name() { # STEP [PROTOCOL]
	sql "SELECT hostname, hostname_source, hostname_confidence, state FROM connection
		WHERE process_id = '$(process "$1")' AND protocol = '${2:-tcp}' AND direction = 'out'"
}
for way in $ways; do
	same "TLS by $way" "tls-$way.example.com sni high established" "$(name "tls-$way")"
	same "HTTP by $way" "http-$way.example.com http-host high established" "$(name "http-$way")"
	same "a proxy by $way" "connect-$way.example.com http-connect high established" "$(name "connect-$way")"
	[ "$way" = split ] && continue
	same "a name server by $way" "dns-$way.example.com dns high established" "$(name "dns-$way")"
	same "what it was asked by $way" "dns-$way.example.com A dns [\"127.0.0.7\"] 0 1" \
		"$(sql "SELECT name, type, source, answers, result, count FROM name_lookup
			WHERE process_id = '$(process "dns-$way")'")"
done
for way in $ways; do
	for size in $sizes; do
		step=carry-$way-$size
		same "bytes by $way: $size" "$(fact "$step" sent) $(fact "$step" received) 1" \
			"$(sql "SELECT bytes_sent, bytes_received, count FROM connection
				WHERE process_id = '$(process "$step")' AND direction = 'out'")"
	done
done
same "how long" 1 "$(sql "SELECT duration_ns BETWEEN 1 AND 20000000000 FROM connection
	WHERE process_id = '$(process "carry-write-1000,70000")' AND direction = 'out'")"
same "each process its own" "one.example.com 1 one.example.com 1 one.example.com 1" \
	"$(sql "SELECT hostname, count FROM connection WHERE hostname = 'one.example.com'" | tr '\n' ' ' | sed 's/ $//')"
finish
