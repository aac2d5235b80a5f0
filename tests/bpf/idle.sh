#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A daemon that watches nobody sleeps: not one wake-up, before the first session and after one, also with the C libraries'
# probes still in.
. tests/bpf/daemon.bash

agent idle open_one
pause=$(times_scale 4)
[ "$pause" -ge 2 ] || pause=2
env_libc=sessions settings </dev/null

wakeups() { # how often the daemon slept and woke
	awk '/^(non)?voluntary_ctxt_switches/ { n += $2 } END { print n }' "/proc/$daemon/status"
}

# What it has to do once, such as looking for what retention no longer keeps, is due a second after its start.
asleep() {
	local before

	before=$(wakeups)
	sleep 1.2
	[ "$(wakeups)" = "$before" ]
}

sleeps() { # WORDS
	local before ran

	within 30 asleep || not_ok "$1: it comes to rest"
	before=$(wakeups) ran=$(cpu_ms "$daemon")
	sleep "$pause"
	same "$1: no wake-up and no time in $pause s" '0 0' \
		"$(($(wakeups) - before)) $(($(cpu_ms "$daemon") - ran))"
}

daemon_start
sleeps 'before any session'
"$W/bin/idle$$" >/dev/null 2>&1
within 30 sql_is 1 'SELECT count(*) FROM session WHERE ended_ns IS NOT NULL' || not_ok 'a session is recorded'
sleeps 'after a session'
"$W/bin/idle$$" >/dev/null 2>&1
within 30 sql_is 2 'SELECT count(*) FROM session WHERE ended_ns IS NOT NULL' || not_ok 'the next one is seen all the same'
ok 'a candidate wakes it'
daemon_stop
finish
