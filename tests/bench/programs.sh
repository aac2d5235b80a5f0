#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# How often each of telltale's programs ran while a command was traced, and for how long: what they cost without the noise of
# a clock around the whole.
#
#   tests/bench/programs.sh SENSOR COMMAND [ARG...]
#
# The kernel's account (kernel.bpf_stats_enabled) is of every run on the machine meanwhile, and has its own two looks at the
# clock in it. What it has not is the way into a program: measure.sh has that (null, getenv). Needs root.
set -u

cd "$(dirname "$0")/../.." || exit 1
B=${B:-build}
[ $# -gt 1 ] || { echo 'usage: programs.sh SENSOR COMMAND [ARG...]' >&2; exit 2; }
[ "$(id -u)" = 0 ] || { echo 'programs.sh: needs root' >&2; exit 1; }
BPFTOOL=$(packaging/deps.sh --bpftool) || exit 1
before=$(sysctl -n kernel.bpf_stats_enabled) || exit 1
W=$(mktemp -d) || exit 1
trap 'sysctl -qw kernel.bpf_stats_enabled=$before; rm -rf "$W"' EXIT
export TELLTALE_CONFIG_DIR=${TELLTALE_CONFIG_DIR:-$PWD/config}
unset SUDO_UID SUDO_GID SUDO_USER SUDO_COMMAND

cat >"$W/inner" <<-'EOT'
	account() {
		"$BPFTOOL" prog show | awk '
			/^[0-9]+:/ { name = $4 }
			name ~ /^(pr|rt|tr|so|up)_/ {
				for (i = 1; i < NF; i++) {
					if ($i == "run_time_ns") time = $(i + 1)
					if ($i == "run_cnt") print name, time, $(i + 1)
				}
			}'
	}
	account >"$W/before"
	"$TOOK" "$W/took" 0 "$@"
	status=$?
	account >"$W/after"
	exit $status
EOT
export BPFTOOL W TOOK=$B/tests/bench/took
sysctl -qw kernel.bpf_stats_enabled=1 || exit 1
"$B/telltale" run --sensor "$1" --db "$W/db" -- bash "$W/inner" "${@:2}" >"$W/output" 2>&1 || { cat "$W/output"; exit 1; }
awk -v OFS='\t' '
	FILENAME ~ /before$/ { time[$1] = $2; runs[$1] = $3; next }
	FILENAME ~ /took$/ { cpu = $3 / 1e6; next }
	{
		ms = ($2 - time[$1]) / 1e6
		n = $3 - runs[$1]
		if (n > 0)
			print $1, n, sprintf("%.2f ms", ms)
		sum += ms
	}
	END { printf "all\t\t%.1f ms, %.2f %% of the %.0f ms that the command took\n", sum, 100 * sum / cpu, cpu }
' "$W/before" "$W/took" "$W/after"
