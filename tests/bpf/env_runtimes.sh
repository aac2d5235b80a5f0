#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Environment look-ups in each language's runtime: what is seen of them, exactly, or that it is not seen, which is proven
# by what the program says that it read, and then what it was handed at exec.

# shellcheck disable=SC2016 # not the shell's
GO_SOURCE='package main

import (
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
)

//go:noinline
func deep(n int) {
	var pad [128]byte
	pad[n] = 1
	if n == 0 {
		os.Getenv("TT_DEEP")
	} else {
		deep(n - 1)
	}
}

func main() {
	for i := 0; i < 1000; i++ {
		os.Getenv("TT_GETENV")
	}
	os.LookupEnv("TT_LOOKUP")
	syscall.Getenv("TT_SYSCALL")
	os.ExpandEnv("$TT_EXPAND ${TT_EXPAND}")
	// on stacks of each size: a function that finds too little is begun twice
	var wait sync.WaitGroup
	for i := 0; i < 97; i++ {
		wait.Add(1)
		go func(n int) { deep(n); wait.Done() }(i)
	}
	wait.Wait()
	os.Environ()
	exec.Command("true").Run()
	fmt.Println("value=" + os.Getenv("TT_SET"))
}
'
JAVA_SOURCE='public class TtEnv { public static void main(String[] a) { System.out.println("value=" + System.getenv("TT_SET")); } }'
DENO_SOURCE='for (let i = 0; i < 100; i++) Deno.env.get("TT_DENO"); Deno.env.has("TT_HAS"); console.log("value=" + Deno.env.get("TT_SET"))'

built() { # NAME PROGRAM ARG...: a step, unless the program could not be built, or is not here
	[ -z "$(type -P "$2")" ] || step "$@"
}
scenario() {
	export TT_SET=there HOME=$W DENO_DIR=$W/deno DENO_NO_UPDATE_CHECK=1 PATH=$PATH:$TT_MORE_PATH

	{
		sleep $((2 * ${TT_SLOW:-1}))
		: >"$W/let-go"
	} 9<&- &
	built static-stripped "$W/stripped" until TT_SET "$W/let-go"
	built musl-stripped "$S/env_lookup-musl-stripped" getenv TT_SET
	built python python3 -c 'import os; print("value=" + os.environ["TT_SET"])'
	# shellcheck disable=SC2016
	built perl perl -e 'print "value=$ENV{TT_SET}\n"'
	built deno deno eval "$DENO_SOURCE"
	built bun bun -e 'console.log("value=" + process.env.TT_SET)'
	built bun-built "$W/bun-built"
	[ ! -e "$W/TtEnv.class" ] || step java java -Xshare:auto -cp "$W" TtEnv
}
# Where other tools of this machine are.
export TT_MORE_PATH=${TT_MORE_PATH:-$PATH}
. tests/bpf/lib.sh

without() { # SUBJECT WHAT WHY
	echo "ok - $2 # SKIP no $1 here: $3"
	cases=$((cases + 1))
}
OTHERS="skip-ok: no test of ours may install as much as that"

# Small: only large programs are candidates, whose environment comes with their exec.
cp "$S/env_ways-static" "$W/stripped" 2>/dev/null && strip "$W/stripped"

# ---- what needs a compiler of its own
build_go() { # NAME FLAG...
	CGO_ENABLED=0 GOCACHE=$W/cache GOFLAGS=-mod=mod GOTOOLCHAIN=local go build -o "$W/$1" "${@:2}" "$W/go.go"
}
if command -v go >/dev/null; then
	printf '%s' "$GO_SOURCE" >"$W/go.go"
	build_go go && build_go go-stripped -ldflags '-s -w'
fi
if command -v javac >/dev/null; then
	printf '%s' "$JAVA_SOURCE" >"$W/TtEnv.java"
	javac -d "$W" "$W/TtEnv.java"
fi
if command -v bun >/dev/null; then
	echo 'console.log("value=" + process.env.TT_SET)' >"$W/bun.js"
	(cd "$W" && HOME=$W bun build --compile bun.js --outfile bun-built >/dev/null 2>&1)
fi

# shellcheck disable=SC2119
watch

looked() { # NAME: of the program's own names
	sql "SELECT name, source, 'x' || count FROM env_lookup WHERE process_id = '$(process "$1")' AND source <> 'exec'
		AND (name IN ('*', '') OR name LIKE 'TT\_%' ESCAPE '\') AND name <> 'TT_SUBJECT_EARLY' ORDER BY name, source"
}
env_coverage() { # NAME
	sql "SELECT json_extract(coverage, '\$.env.state'), coalesce(json_extract(coverage, '\$.env.why'), '')
		FROM process WHERE process_id = '$(process "$1")'" | sed 's/ *$//'
}
# Programs that nobody prepared are met late: by a run of its own, whose command they are, they are probed before.
alone() { # WORDS NAME EXPECTED COVERAGE COMMAND...
	TT_SET=there "$TELLTALE" run "${sensor[@]}" --db "$W/$2.db" --json -- "${@:5}" >"$W/out/$2.alone" 2>"$W/$2.stderr"
	same "$1" "$3" "$(sqlite3 -readonly -separator ' ' "$W/$2.db" "SELECT name, source, 'x' || sum(count) FROM env_lookup
		JOIN process USING (process_id) WHERE source <> 'exec' AND (name = '*' OR name LIKE 'TT\_%' ESCAPE '\')
		AND name <> 'TT_SUBJECT_EARLY' AND exe NOT LIKE '%/true' GROUP BY name, source ORDER BY name, source")"
	same "... and coverage says so" "$4" "$(sqlite3 -readonly -separator ' ' "$W/$2.db" "SELECT
		json_extract(coverage, '\$.env.state') || coalesce(' ' || json_extract(coverage, '\$.env.why'), '')
		FROM process ORDER BY started_ns LIMIT 1")"
	same "... and nothing was lost" "" "$(sqlite3 -readonly "$W/$2.db" "SELECT sensor, kind, count FROM loss WHERE NOT ($excused)")"
}
handed() { # NAME
	sql "SELECT name || coalesce(' ' || value, '') FROM env_lookup
		WHERE process_id = '$(process "$1")' AND source = 'exec' AND name = 'TT_SET'"
}
blind() { # WORDS NAME COVERAGE
	same "$1: it read the variable" there "$(fact "$2" value)"
	same "... which nobody saw" "" "$(looked "$2")"
	same "... and why" "$3" "$(env_coverage "$2")"
}
copies() { # WORDS NAME
	blind "$1" "$2" "blind its runtime copies the environment block and looks names up there"
	same "... but it had been handed over, by name" TT_SET "$(handed "$2")"
}
MAY="partial may also read the environment block without a call (it uses environ)"

# ---- Go: by symbol, by its table of functions, and with arguments on the stack; each function is begun twice
if [ -x "$S/env_go" ]; then
	for kind in symbols:env_go table:env_go-stripped stack:env_go-stack; do
		alone "Go by ${kind%:*}" "go-${kind%:*}" '* go x10
TT_SET go x1000' seen "$S/${kind#*:}" TT_SET 1000 10
	done
else
	without env_go Go "the compiler or the static library is missing"
fi
ALL_GO='* go x2
TT_DEEP go x97
TT_EXPAND go x2
TT_GETENV go x1000
TT_LOOKUP go x1
TT_SET go x1
TT_SYSCALL go x1'
for kind in go go-stripped; do
	if [ -x "$W/$kind" ]; then
		alone "a real Go program: $kind" "real-$kind" "$ALL_GO" seen "$W/$kind"
		same "... which read it" value=there "$(grep -ao '^value=there' "$W/out/real-$kind.alone")"
	else
		without go "a real Go program: $kind" "$OTHERS"
	fi
done

# ---- static
if [ -x "$W/stripped" ]; then
	blind "a static program without symbols" static-stripped "blind the statically linked program has no getenv symbol to probe"
	same "... but it had been handed over, by name" TT_SET "$(handed static-stripped)"
else
	without env_ways-static "static programs" "the static library is missing"
fi

# ---- musl
if [ -x "$S/env_lookup-musl-static" ]; then
	alone "a static program for musl" musl-static-alone "TT_SET getenv x1000" seen "$S/env_lookup-musl-static" getenv TT_SET 1000
	blind "a stripped one" musl-stripped "blind the statically linked program has no getenv symbol to probe"
else
	without musl-gcc "static programs for musl" "its compiler is missing"
fi

# ---- Rust's standard library calls getenv for each name
if command -v deno >/dev/null; then
	same "Deno" 'TT_DENO getenv x100
TT_HAS getenv x1
TT_SET getenv x1' "$(looked deno)"
	same "... and coverage says so" "$MAY" "$(env_coverage deno)"
else
	without deno Deno "$OTHERS"
fi

# ---- those that copy
copies Python python
if command -v bun >/dev/null; then
	copies Bun bun
	copies "a program built by Bun" bun-built
else
	without bun Bun "$OTHERS"
fi
if [ -e "$W/TtEnv.class" ]; then
	copies Java java
else
	without javac Java "$OTHERS"
fi
if [ -e "$W/out/perl.status" ]; then
	same "Perl: it read the variable" there "$(fact perl value)"
	same "... which nobody saw" "" "$(looked perl)"
	same "... and coverage says so" "$MAY" "$(env_coverage perl)"
else
	without perl Perl "it is not installed"
fi
finish
