#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Environment look-ups of an agent that ran before telltale: what it looked up before is missing, and its coverage says
# so; what it looks up from then on is seen.
. tests/bpf/daemon.bash

if ! [ -x "$S/env_ways-static" ]; then
	echo "skip: no static C library here to build env_ways-static with"
	exit 77
fi
# Static: its getenv is in its own file, which nobody else's telltale probes.
agent runner env_ways-static
TT_SET=there "$W/bin/runner$$" until TT_SET "$W/stop" >"$W/out" &
runner=$!
own+=("$runner")
within 10 test -e "$W/stop.begun" || not_ok "the agent starts"
daemon_start
check "look-ups are seen from then on" within 10 sql_is 1 "SELECT count(*) FROM env_lookup
	WHERE name = 'TT_SET' AND source = 'getenv' AND count > 100"
: >"$W/stop"
wait "$runner"
check "the agent's end is seen" within 10 sql_is 1 "SELECT count(*) FROM process WHERE pid = $runner AND ended_ns > 0"
seen=$(sql "SELECT count FROM env_lookup WHERE name = 'TT_SET' AND source = 'getenv'")
same "it found the variable" there "$(fact "$W/out" value)"
check "... more often than is known" test "$seen" -lt "$(fact "$W/out" times)"
same "... and why" 'partial was running before telltale watched it' "$(sql "SELECT
	json_extract(coverage, '\$.env.state') || ' ' || json_extract(coverage, '\$.env.why') FROM process WHERE pid = $runner")"
same "what it was handed over is known by name" 'TT_SET|' \
	"$(sql "SELECT name || '|' || coalesce(value, '') FROM env_lookup WHERE source = 'exec' AND name = 'TT_SET'")"
daemon_stop
finish
