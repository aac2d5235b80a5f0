#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The newcomer's command: does `make demo` show what its stand-in agent did, each way, under the right names?
set -u

if [ "$(id -u)" != 0 ]; then
	echo "skip: needs root"
	exit 77
fi
out=$(mktemp)
trap 'rm -f "$out"' EXIT
db=$B/demo.db

tests/demo.sh "$B" >"$out" 2>&1
status=$?
if [ "$status" != 0 ] || [ ! -e "$db" ]; then
	cat "$out"
	echo "not ok - demo ends well (exit status $status)"
	exit 1
fi

failed=0
# One row that starts with 1 is what every question below must give.
expect() { # WORDS SQL
	local got

	got=$(sqlite3 -readonly "$db" "$2" 2>&1)
	if [ "$got" = 1 ]; then
		echo "ok - $1"
	else
		echo "not ok - $1 (got '$got')"
		failed=1
	fi
}

agent="process_id IN (SELECT process_id FROM process WHERE exe LIKE '%/tests/subjects/agents/standin')"

expect "session is the stand-in's, with its version" \
	"SELECT count(*) = 1 FROM session WHERE agent = 'standin' AND agent_version = '1.2.3'"
expect "nothing was lost" "SELECT min(complete) = 1 AND (SELECT count(*) FROM loss) = 0 FROM session"
expect "exit status is kept" "SELECT exit_status = 0 FROM session WHERE agent = 'standin'"
expect "prompt is not kept" "SELECT count(*) = 0 FROM process WHERE argv LIKE '%say hello%'"
expect "credential file is recorded, and recognised" \
	"SELECT count(*) = 1 FROM file_access WHERE $agent AND op = 'read' AND result = 0
	 AND path LIKE '%/demo/home/.ssh/id_ed25519' AND category = 'credential'"
expect "missing settings are recorded as looked for" \
	"SELECT count(*) = 1 FROM file_access WHERE $agent AND result = -2 AND path LIKE '%/.standin/settings.json'"
expect "TZ is looked up" "SELECT count(*) > 0 FROM env_lookup WHERE $agent AND name = 'TZ' AND source = 'getenv'"
expect "API base URL is looked up" \
	"SELECT count(*) > 0 FROM env_lookup WHERE $agent AND name = 'ANTHROPIC_BASE_URL' AND category = 'api-base-url'"
expect "proxy is looked up" \
	"SELECT count(*) > 0 FROM env_lookup WHERE $agent AND name = 'HTTPS_PROXY' AND category = 'proxy'"
for how in localtime readlink zoneinfo TZ; do
	expect "time zone is learned by $how" "SELECT count(*) > 0 FROM timezone_lookup WHERE $agent AND how = '$how'"
done
expect "zone of the zone file is named" "SELECT count(*) > 0 FROM timezone_lookup WHERE zone = 'Asia/Shanghai'"
for tool in git sh; do
	expect "$tool is its child, and a tool" \
		"SELECT count(*) = 1 FROM process WHERE role = 'tool' AND json_extract(argv, '\$[0]') = '$tool'
		 AND parent_process_id IN (SELECT process_id FROM process WHERE $agent)"
done
expect "connection to the model server is recorded" \
	"SELECT count(*) = 1 FROM connection WHERE $agent AND protocol = 'tcp' AND state = 'established'
	 AND address IN ('127.0.0.1', '::ffff:127.0.0.1')"
if grep -q 'telltale timeline' "$out" && grep -q 'id_ed25519' "$out"; then
	echo "ok - timeline names the credential file"
else
	cat "$out"
	echo "not ok - timeline names the credential file"
	failed=1
fi
expect "what every program does at its start is there" \
	"SELECT count(*) > 0 FROM file_access WHERE category = 'system-library'"
if ! grep -q 'ld.so.cache' "$out" && grep -q 'rows of what every program does .* only counted; --all shows them' "$out" &&
	"$TELLTALE" timeline --all --db "$db" | grep -q 'ld.so.cache'; then
	echo "ok - but only counted in the timeline, without --all"
else
	echo "not ok - but only counted in the timeline, without --all"
	failed=1
fi
exit $failed
