# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the end-to-end scripts share: source it from the root of the tree. Makes a scratch directory $tmp that
# other users may enter, runs telltale, and judges what it said. Not a test.
set -u

B=${B:-build}
TELLTALE=${TELLTALE:-$PWD/$B/telltale}
SUBJECTS=${SUBJECTS:-$PWD/$B/tests/subjects}
tmp=$(mktemp -d) || exit 1
chmod 755 "$tmp"
db=$tmp/t.db
failed=0 status=0
children=()

# Ends what the test started and still runs, and nothing else.
# shellcheck disable=SC2317 # called by trap
leave() {
	local pid

	for pid in "${children[@]}"; do
		kill -KILL "$pid" 2>/dev/null
	done
	wait 2>/dev/null
	rm -rf "$tmp"
}
trap leave EXIT

unset NO_COLOR SUDO_UID SUDO_GID SUDO_USER XDG_STATE_HOME
export HOME=$tmp/home PAGER=false LC_ALL=C.UTF-8
mkdir -p "$HOME"

needs_root() {
	[ "$(id -u)" = 0 ] || { echo "skip: needs root"; exit 77; }
}

# A configuration whose only agent is this test's own stand-in, with a name that nobody else runs: $standin. Its
# daemon has its own socket and database. What follows is more of telltale.yaml.
make_config() { # DIRECTORY [YAML]
	local dir=$1

	mkdir -p "$dir/agents.d" "$dir/run"
	cp -r config/categories.d config/risk.yaml "$dir/"
	name=standin$$
	standin=$tmp/bin/$name
	mkdir -p "$tmp/bin"
	cp "$SUBJECTS/agents/standin" "$standin"
	printf 'id: %s\nname: Stand-in\nbinaries: [%s]\nprompt_args: [-p]\n' "$name" "$name" >"$dir/agents.d/standin.yaml"
	printf 'store:\n  path: %s/daemon.db\ncontrol:\n  socket: %s/run/control.sock\n%s\n' "$dir" "$dir" "${2:-}" \
		>"$dir/telltale.yaml"
	chmod -R go-w "$dir"
}

t() { # ARG...: runs telltale; sets status, leaves $tmp/out and $tmp/err
	"$TELLTALE" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	status=$?
}

ok() { # NAME COMMAND...
	local words=$1
	shift
	if "$@"; then
		echo "ok - $words"
	else
		echo "not ok - $words"
		failed=1
		[ ! -e "$tmp/out" ] || sed 's/^/#  out: /' "$tmp/out" | cut -c 1-300 | head -n 20
		[ ! -e "$tmp/err" ] || sed 's/^/#  err: /' "$tmp/err" | cut -c 1-300 | head -n 8
		echo "#  exit status $status"
	fi
}

is() { # STATUS [PATTERN FILE]...: exit status, and lines that must be in $tmp/FILE
	local want=$1
	shift
	[ "$status" = "$want" ] || { echo "#  exit status is not $want"; return 1; }
	while [ $# -gt 1 ]; do
		grep -qE -- "$1" "$tmp/$2" || { echo "#  not in $2: $1"; return 1; }
		shift 2
	done
}

one_line_error() { # STATUS PATTERN
	is "$1" "$2" err && [ "$(wc -l <"$tmp/err")" = 1 ] && [ ! -s "$tmp/out" ]
}

same() { # FILE FILE
	diff -u "$1" "$2" | sed 's/^/#  /' && cmp -s "$1" "$2"
}

# One value out of a database: the only row and column of the answer.
value() { # DB SQL
	sqlite3 -readonly "$1" "$2" 2>&1
}

holds() { # DB SQL: the answer is 1
	local got

	got=$(value "$1" "$2")
	[ "$got" = 1 ] || { echo "#  got '$got': $2"; return 1; }
}

# Waits until COMMAND succeeds, at most 20 s.
until_true() { # COMMAND...
	local deadline=$((SECONDS + 20))

	until "$@" 2>/dev/null; do
		[ "$SECONDS" -lt "$deadline" ] || { echo "#  never: $*"; return 1; }
		sleep 0.02
	done
}

# True when the process is no more, or only its parent's to wait for.
ended() { # PID
	! grep -qs '^State:[[:space:]]*[^ZX]' "/proc/$1/status"
}
