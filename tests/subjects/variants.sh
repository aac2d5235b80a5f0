#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds the subjects that need another C library, a static one or none for 32 bits: what this machine has no compiler or
# library for is left out, and said. variants.sh DIRECTORY
# The compilers are CC (cc), MUSL_CC (musl-gcc; empty: none) and ARM_CC (none: who has no use for it does not hear of it).
set -u

here=$(dirname "$0") directory=$1
while read -r name source compiler flags; do
	out=$directory/$name
	rm -f "$out"
	case $compiler in
	cc) command=${CC:-cc} ;;
	musl-gcc) command=${MUSL_CC-musl-gcc} ;;
	arm) command=${ARM_CC:-} && [ -n "$command" ] || continue ;;
	esac
	# shellcheck disable=SC2086 # words
	if command -v "${command%% *}" >/dev/null &&
		$command -std=gnu17 -D_GNU_SOURCE -O1 -g $flags -o "$out" "$here/$source" 2>"$out.log"; then
		rm -f "$out.log"
		printf '  %-8s%s\n' SUBJECT "$out"
	else
		rm -f "$out"
		printf '  %-8s%s\n' SKIP "$out: no $compiler $flags here"
	fi
done <<-'EOF'
	env_lookup-static        env_lookup.c cc        -static
	env_lookup-stripped      env_lookup.c cc        -static -s
	env_lookup-musl          env_lookup.c musl-gcc
	env_lookup-musl-static   env_lookup.c musl-gcc  -static
	env_lookup-musl-stripped env_lookup.c musl-gcc  -static -s
	env_ways-static          env_ways.c   cc        -static -pthread
	lookup-musl              lookup.c     musl-gcc  -pthread
	lookup-static            lookup.c     musl-gcc  -static -pthread
	env_go                   env_go.c     cc        -static
	env_go-stripped          env_go.c     cc        -static -s
	env_go-stack             env_go.c     cc        -static -s -DON_STACK
	compat-arm               compat_arm.c arm       -nostdlib -static -ffreestanding
EOF
