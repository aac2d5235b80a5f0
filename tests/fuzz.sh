#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs each fuzz target for a bounded time. tests/fuzz.sh BUILD SECONDS
#
# tests/fuzz/corpus/NAME/, where there is one, is where a run starts from; what it finds of interest lies in
# BUILD/corpus/NAME/, and an input that breaks something in BUILD/crash/.
set -u

cd "$(dirname "$0")/.." || exit 1
B=$1 seconds=$2 failed=0
mkdir -p "$B/crash"
for source in tests/fuzz/*.c; do
	[ -e "$source" ] || continue
	name=$(basename "$source" .c)
	found=$B/corpus/$name kept=tests/fuzz/corpus/$name log=$B/fuzz-$name.log
	mkdir -p "$found"
	dirs=("$found")
	[ ! -d "$kept" ] || dirs+=("$kept")
	if "$B/tests/fuzz/$name" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=1024 -max_len=65536 -print_final_stats=1 \
		-artifact_prefix="$B/crash/$name-" "${dirs[@]}" >"$log" 2>&1; then
		printf '  FUZZ    %s: %s inputs\n' "$name" "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")"
	else
		printf '  FAIL    fuzz/%s: %s\n' "$name" "$log"
		tail -n 15 "$log" | sed 's/^/          /'
		failed=1
	fi
done
exit $failed
