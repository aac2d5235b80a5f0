#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds env_lookup with each C library and linkage that this machine has compilers for.
# variants.sh SOURCE DIRECTORY -> DIRECTORY/env_lookup-{static,musl,musl-static}; says what is left out.
set -u

source=$1 directory=$2
while read -r name compiler flags; do
	out=$directory/env_lookup-$name
	rm -f "$out"
	# shellcheck disable=SC2086 # words
	if command -v "$compiler" >/dev/null && "$compiler" -std=gnu17 -D_GNU_SOURCE -O1 -g $flags -o "$out" "$source" 2>"$out.log"; then
		rm -f "$out.log"
		printf '  %-8s%s\n' SUBJECT "$out"
	else
		rm -f "$out"
		printf '  %-8s%s\n' SKIP "$out: no $compiler $flags here"
	fi
done <<-'EOF'
	static      cc        -static
	musl        musl-gcc
	musl-static musl-gcc  -static
EOF
