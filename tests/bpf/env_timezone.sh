#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Time zones: each way to learn one, by real programs too, with the zone as the process learnt it.
scenario() {
	unset TZ TZDIR
	step localtime /bin/date
	TZ=Asia/Shanghai step tz /bin/date
	TZ=:Asia/Kolkata step colon /bin/date
	TZ=:/usr/share/zoneinfo/Africa/Nairobi step path /bin/date
	TZ=Europe/Paris TZDIR=$W/zoneinfo step tzdir /bin/date
	TZ=CST-8 step rule /bin/date
	TZ=America/Nowhere step missing /bin/date
	TZ=Asia/Shanghai step unheeded "$S/env_lookup" getenv TT_NONE
	step readlink "$S/readlink_one" readlink /etc/localtime
	step open "$S/open_one" open /usr/share/zoneinfo/Pacific/Auckland
	step python /usr/bin/python3 -c 'import time; time.localtime()'
	step zoneinfo /usr/bin/python3 -c 'import zoneinfo; zoneinfo.ZoneInfo("Asia/Tokyo")'
	[ -z "$PERL" ] || step perl "$PERL" -e 'my @now = localtime'
	[ -z "$NODE" ] || step node "$NODE" -e 'console.log(Intl.DateTimeFormat().resolvedOptions().timeZone)'
	[ -z "$NODE" ] || TZ=Asia/Shanghai step node-tz "$NODE" -e 'console.log(Intl.DateTimeFormat().resolvedOptions().timeZone)'
}
# The library sets a PATH of its own.
NODE=$(command -v node) PERL=$(command -v perl)
. tests/bpf/lib.sh

mkdir -p "$W/zoneinfo/Europe"
cp /usr/share/zoneinfo/Europe/Paris "$W/zoneinfo/Europe/"

# What /etc/localtime leads to, as the rows call it.
HERE=$(readlink -f /etc/localtime | sed 's#.*/zoneinfo/##')

# how zone result; how often a C library asks for TZ is its own business
zones() { # NAME
	sql "SELECT DISTINCT how, coalesce(zone, '-'), result FROM timezone_lookup WHERE process_id = '$(process "$1")'
		ORDER BY first_ns, row_id"
}

learnt() { # WORDS NAME EXPECTED: all that it did about time zones
	same "$1" "$3" "$(zones "$2")"
}

among() { # WORDS NAME LINE...: at least this
	local words=$1 name=$2 line

	shift 2
	for line; do
		same "$words: $line" "$line" "$(zones "$name" | grep -Fx -- "$line")"
	done
}

if ! [ -L /etc/localtime ] || ! [ -e /usr/share/zoneinfo/Asia/Shanghai ]; then
	echo "skip: no time zone database here (package tzdata), or /etc/localtime is no link into it"
	exit 77
fi
# shellcheck disable=SC2119
watch
learnt "TZ unset: /etc/localtime" localtime "TZ - 0
localtime $HERE 0"
learnt "TZ is a zone" tz 'TZ - 0
zoneinfo Asia/Shanghai 0'
same "... and the program learnt it" CST "$(awk '{ print $(NF - 1) }' "$W/out/tz")"
learnt "TZ with a colon" colon 'TZ - 0
zoneinfo Asia/Kolkata 0'
learnt "TZ is a path" path 'TZ - 0
zoneinfo Africa/Nairobi 0'
learnt "TZDIR" tzdir 'TZ - 0
zoneinfo Europe/Paris 0'
same "... was asked for" 1 "$(sql "SELECT count(*) FROM env_lookup
	WHERE process_id = '$(process tzdir)' AND name = 'TZDIR' AND source <> 'exec' AND category = 'timezone'")"
among "TZ is a rule" rule 'TZ - 0'
same "... and no zone is made up" 0 "$(sql "SELECT count(zone) FROM timezone_lookup WHERE process_id = '$(process rule)'")"
learnt "TZ is no zone" missing 'TZ - 0
zoneinfo - -2'
learnt "TZ is there and nobody asks" unheeded ''
learnt "the link is read" readlink "readlink $HERE 0"
learnt "a zone's file is opened" open 'zoneinfo Pacific/Auckland 0'
learnt "python's time" python "TZ - 0
localtime $HERE 0"
among "python's zoneinfo" zoneinfo 'zoneinfo Asia/Tokyo 0'
[ -z "$PERL" ] || learnt "perl" perl "TZ - 0
localtime $HERE 0"
if [ -n "$NODE" ]; then
	among "node, TZ unset" node 'TZ - 0' "localtime $HERE 0" "readlink $HERE 0"
	same "... and says what it learnt" "$HERE" "$(sed 's#^UTC$#Etc/UTC#' "$W/out/node")"
	# a runtime: what it was handed over is recorded, with the value
	among "node, TZ set" node-tz 'TZ (exec) Asia/Shanghai 0' 'TZ - 0' 'zoneinfo Asia/Shanghai 0'
	same "... and says what it learnt" Asia/Shanghai "$(cat "$W/out/node-tz")"
fi

# ---- handed over: the command itself, whatever it is
TZ=:/usr/share/zoneinfo/Asia/Urumqi "$TELLTALE" run "${sensor[@]}" --db "$W/handed.db" --json -- "$S/env_ways" length 3 >/dev/null 2>&1
same "TZ handed over and not looked at" 'TZ (exec)|Asia/Urumqi|:/usr/share/zoneinfo/Asia/Urumqi' \
	"$(sqlite3 -readonly "$W/handed.db" "SELECT how, zone, value FROM timezone_lookup JOIN env_lookup USING (row_id)")"
finish
