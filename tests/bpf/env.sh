#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Environment look-ups: each way to look a variable up, counted exactly; and each way to go unseen, which is proven
# by what the subject says that it read, and has to be said by `coverage` with its reason.

# More programs with look-ups of their own than any run probes (agent/sensor/uprobe.c: PROBED_FILES_MAX).
CROWD=70

built() { # NAME PROGRAM...: a step, unless variants.sh left its program out
	[ ! -x "$2" ] || step "$@"
}
# A step at whose start telltale sleeps, so that no probe can be in its way before SIGN is there, or it has ended.
before_probes() { # NAME SIGN COMMAND...
	local state='' sign=$2 ended=$W/out/$1.status waker

	kill -STOP $PPID
	until [ "$state" = T ]; do
		read -r _ _ state _ <"/proc/$PPID/stat"
	done
	{
		until [ -e "$sign" ] || [ -e "$ended" ]; do sleep 0.05; done
		kill -CONT $PPID
	} &
	waker=$!
	step "$1" "${@:3}"
	wait $waker
}
scenario() {
	export TT_SET=there

	step getenv "$S/env_lookup" getenv TT_SET
	step thousand "$S/env_lookup" getenv TT_UNSET 1000
	step secure "$S/env_lookup" secure_getenv TT_SET 1000
	step both "$S/env_ways" both TT_SET
	step set-uid "$W/set-uid" both TT_SET
	step threads "$S/env_ways" threads TT_SET 4 1000
	step length-127 "$S/env_ways" length 127
	step length-128 "$S/env_ways" length 128
	step length-500 "$S/env_ways" length 500
	step empty "$S/env_ways" length 0
	step absent "$S/env_ways" absent "$W/absent"
	built musl "$S/env_lookup-musl" getenv TT_SET 1000

	step walker "$S/env_lookup" environ TT_SET
	step python /usr/bin/python3 -c 'import os; print("value=" + os.environ["TT_SET"])'
	built stripped "$W/stripped" getenv TT_SET
	built musl-stripped "$W/musl-stripped" getenv TT_SET
	before_probes other-libc "$W/root/TT_LATER_LIBC.begun" env LD_LIBRARY_PATH="$W/lib" "$S/env_ways" late TT_SET TT_LATER_LIBC "$W/root/TT_LATER_LIBC"
	before_probes other-root "$W/root/TT_LATER_ROOT.begun" "$CHROOT" "$W/root" /env_ways late TT_SET TT_LATER_ROOT /TT_LATER_ROOT
	[ ! -x "$W/late" ] || before_probes late "$W/root/TT_LATER_STATIC.begun" "$W/late" late TT_SET TT_LATER_STATIC "$W/root/TT_LATER_STATIC"
	built again "$W/late" threads TT_SET 1 1000
	[ ! -x "$W/short" ] || before_probes short '' "$W/short" getenv TT_SET
	for ((i = 0; i < CROWD; i++)); do
		built "crowd-$i" "$W/crowd/$i" getenv TT_SET
	done
}
# The library sets a PATH of its own.
CHROOT=$(PATH=$PATH:/usr/sbin:/sbin command -v chroot)
. tests/bpf/lib.sh

has() { # SUBJECT: was it built? variants.sh leaves out what this machine cannot build
	[ -x "$S/$1" ]
}

# Copies: a file that no other run can have probed.
copy() { # SUBJECT AS
	cp "$S/$1" "$W/$2" 2>/dev/null
}

copy env_ways set-uid && chown 65534 "$W/set-uid" && chmod 4755 "$W/set-uid"
if has env_lookup-static; then
	copy env_ways-static late
	copy env_lookup-static short
	copy env_lookup-stripped stripped
	mkdir "$W/crowd"
	for ((i = 0; i < CROWD; i++)); do
		copy env_lookup-static "crowd/$i"
	done
fi
has env_lookup-musl-stripped && copy env_lookup-musl-stripped musl-stripped
mkdir "$W/lib" "$W/root"
libc=$(ldd "$S/env_ways" | sed -n 's/.*libc\.so\.6 => \([^ ]*\) .*/\1/p')
loader=$(ldd "$S/env_ways" | sed -n 's/^[[:space:]]*\(\/[^ ]*ld-linux[^ ]*\) .*/\1/p')
cp -L "$libc" "$W/lib/"
mkdir -p "$W/root${loader%/*}" "$W/root${libc%/*}"
cp -L "$loader" "$W/root$loader"
cp -L "$libc" "$W/root$libc"
copy env_ways root/env_ways

# Of what was looked up by a call: name source xCOUNT. What loader, C library and shell ask for by themselves is left out.
OURS="(name = '' OR name LIKE 'TT\_%' ESCAPE '\' OR name LIKE 'nnn%')"
looked() { # NAME
	sql "SELECT '[' || name || ']', source, 'x' || count FROM env_lookup
		WHERE process_id = '$(process "$1")' AND source <> 'exec' AND $OURS ORDER BY name, source"
}

env_coverage() { # NAME
	sql "SELECT json_extract(coverage, '\$.env.state'), coalesce(json_extract(coverage, '\$.env.why'), '')
		FROM process WHERE process_id = '$(process "$1")'" | sed 's/ *$//; s/[0-9.]* ms after/N ms after/'
}

# Look-ups whose names could not be read, which kernels without sleepable uprobes lose: counted, as those of this process.
counted_lost() { # NAME ROWS
	[ -n "${TT_NAMES_LOST:-}" ] && [ "$(awk '{ n += substr($3, 2) } END { print n + 0 }' <<<"$2")" -le "$(sql "
		SELECT coalesce(sum(count), 0) FROM loss WHERE process_id = '$(process "$1")' AND $excused")" ]
}

called() { # WORDS NAME ROWS [COVERAGE]
	local got expected=$3 gone

	got=$(looked "$2")
	gone=$(comm -23 <(sort <<<"$expected") <(sort <<<"$got"))
	if [ -n "$gone" ] && counted_lost "$2" "$gone"; then
		echo "# lost, and counted: $gone"
		expected=$(comm -12 <(sort <<<"$expected") <(sort <<<"$got"))
	fi
	same "$1" "$expected" "$got"
	same "... and that is all there was" "${4:-seen}" "$(env_coverage "$2")"
}

# It read the variable, no row says so, and coverage does.
missed() { # WORDS NAME KEY COVERAGE
	same "$1: it read the variable" there "$(fact "$2" "$3")"
	same "... of which nothing is known" "" "$(looked "$2" | grep -F '[TT_SET]')"
	same "... and why" "$4" "$(env_coverage "$2")"
}

without() { # SUBJECT WHAT
	echo "ok - $2 # SKIP no $1 here: its compiler or library is missing"
	cases=$((cases + 1))
}

# The same test by a run of its own: what the command is gets its probes before it starts.
alone() { # NAME COMMAND...
	local name=$1

	shift
	"$TELLTALE" run "${sensor[@]}" --db "$W/$name.db" --json -- "$@" >"$W/out/$name" 2>"$W/$name.stderr"
	ask "$name" "SELECT '[' || name || ']', source, 'x' || sum(count) FROM env_lookup
		WHERE source <> 'exec' AND $OURS GROUP BY name, source ORDER BY 1, 2"
}

ask() { # NAME QUERY: of such a run's database
	sqlite3 -readonly -separator ' ' "$W/$1.db" "$2"
}

# Lets those go on that look up TT_LATER_... until that is known.
let_go() {
	local name

	for name in TT_LATER_LIBC TT_LATER_ROOT TT_LATER_STATIC; do
		for ((i = 0; i < 200 * ${TT_SLOW:-1}; i++)); do
			[ "$(sql "SELECT count(*) > 0 FROM env_lookup WHERE name = '$name' AND source <> 'exec'")" = 1 ] && break
			sleep 0.05
		done
		: >"$W/root/$name"
	done
}
let_go &
letting_go=$!

# ---- untracked: probed like the others, and of no interest
"$S/env_ways" until TT_UNTRACKED "$W/stop" >"$W/untracked" &
# shellcheck disable=SC2119
watch
: >"$W/stop"
wait $!
kill $letting_go 2>/dev/null # without static programs it waits for the third in vain
same "somebody else's look-ups went through a probe" 1 "$(sed -n 's/^probed=//p' "$W/untracked")"
same "... and left nothing" 0 "$(sql "SELECT count(*) FROM env_lookup WHERE name = 'TT_UNTRACKED'")"

# ---- seen
EARLY='[TT_SUBJECT_EARLY] getenv x1'
MAY="partial may also read the environment block without a call (it uses environ)"
called "getenv" getenv "[TT_SET] getenv x1
$EARLY" "$MAY"
called "a thousand times, unset" thousand "$EARLY
[TT_UNSET] getenv x1000" "$MAY"
called "secure_getenv calls getenv and counts once" secure "[TT_SET] secure_getenv x1000
$EARLY" "$MAY"
called "both, one after the other" both '[TT_SET] getenv x1
[TT_SET] secure_getenv x1'
if [ "$(fact set-uid secure)" = 1 ]; then
	called "both, where secure_getenv does not ask getenv" set-uid '[TT_SET] getenv x1
[TT_SET] secure_getenv x1'
else
	without "set-uid file system" "secure_getenv in a set-uid program"
fi
called "four threads" threads '[TT_SET] getenv x4000'
n127=$(printf 'n%.0s' {1..127})
called "a name as long as fits" length-127 "[$n127] getenv x1"
called "a longer one is cut, and shows it" length-128 "[$n127...] getenv x1"
called "a much longer one" length-500 "[$n127...] getenv x1"
called "an empty one" empty '[] getenv x1'
if [ "$(stat -f -c %T "$W")" = tmpfs ]; then # whose pages are in memory, though not yet in the process's
	echo "ok - pages that are not in memory # SKIP skip-ok: a tmpfs keeps them there"
	cases=$((cases + 1))
else
	same "pages that are not in memory" 0 "$(fact absent in_memory)"
fi
called "... are read nevertheless" absent '[TT_ABSENT] getenv x1
[TT_STRADDLE] getenv x1'
if has env_lookup-musl; then
	called "musl" musl "[TT_SET] getenv x1000
$EARLY" "$MAY"
else
	without env_lookup-musl musl
fi
if has env_go; then
	same "Go" '[TT_SET] go x1000' "$(alone go "$S/env_go" TT_SET 1000)"
	same "Go, an empty name" '[] go x3' "$(alone go-empty "$S/env_go" '' 3)"
else
	without env_go Go
fi
same "uv_os_getenv calls getenv and counts once" '[TT_SET] uv_os_getenv x1000' \
	"$(alone uv "$S/env_uv" TT_SET 1000 | grep -F TT_SET)"
if command -v node >/dev/null; then
	same "node" '[TT_NODE] uv_os_getenv x1000' \
		"$(alone node node -e 'for (let i = 0; i < 1000; i++) process.env.TT_NODE' | grep -F TT_NODE)"
else
	without node "node's process.env"
fi

# ---- not seen
missed "a walk through the environment block" walker value "$MAY"
missed "python's copy of the block" python value \
	"blind its runtime copies the environment block and looks names up there"
missed "another C library than the host's" other-libc early "partial probed only N ms after it started"
same "... but what came later is seen" '[TT_LATER_LIBC] getenv' "$(looked other-libc | sed 's/ x[0-9]*$//')"
missed "the C library of another root" other-root early "partial probed only N ms after it started"
same "... but what came later is seen" '[TT_LATER_ROOT] getenv' "$(looked other-root | sed 's/ x[0-9]*$//')"
if has env_lookup-static; then
	missed "a static program without symbols" stripped value \
		"blind the statically linked program has no getenv symbol to probe"
	missed "a static program that is met for the first time" late early \
		"partial probed only N ms after it started"
	same "... but what came later is seen" '[TT_LATER_STATIC] getenv' "$(looked late | sed 's/ x[0-9]*$//')"
	called "the second time it is known" again '[TT_SET] getenv x1000'
	missed "a static program that was gone before" short value "blind it had ended before it was probed"
	missed "one program too many" "crowd-$((CROWD - 1))" value \
		"blind the statically linked program is not probed: too many files are"
else
	without env_lookup-static "static programs"
fi
if has env_lookup-musl-stripped; then
	missed "a static program for musl" musl-stripped value \
		"blind the statically linked program has no getenv symbol to probe"
else
	without env_lookup-musl-stripped "a static program for musl"
fi

# ---- a name that nobody can read: a call that was lost, not a row without a name
same "a name at an address where nothing is" '' "$(alone fault "$S/env_ways" fault)"
same "... was looked up and made the subject trip" "signal=$(kill -l SEGV)" "$(grep ^signal= "$W/out/fault")"
provoked="sensor = 'env' AND kind = 'env_lookup'"
same "... and is one loss, of that process" 'env env_lookup 1 1' \
	"$(ask fault 'SELECT sensor, kind, count, process_id = (SELECT process_id FROM process) FROM loss')"
same "... for which the record is not complete" 0 "$(ask fault 'SELECT complete FROM session')"

# ---- switched off
printf 'env:\n  libc: off\n' >"$W/off.yaml"
TT_SET=there "$TELLTALE" run "${sensor[@]}" --config "$W/off.yaml" --db "$W/off.db" --json -- "$S/env_ways" threads TT_SET 1 1 \
	>"$W/out/off" 2>&1
same "with env.libc: off it read the variable" value=there "$(grep ^value= "$W/out/off")"
same "... nothing is known" 0 "$(ask off "SELECT count(*) FROM env_lookup WHERE source <> 'exec'")"
same "... and why" "blind|probes of C libraries are switched off (env.libc: off)" \
	"$(ask off "SELECT json_extract(coverage, '\$.env.state') || '|' || json_extract(coverage, '\$.env.why') FROM process")"
finish
