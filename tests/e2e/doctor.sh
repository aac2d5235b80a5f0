#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# telltale doctor: exit status, and what it says where something is wrong or not allowed.
set -u

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0

check() { # WORDS COMMAND...: the command succeeds
	local words=$1
	shift
	if "$@" >/dev/null 2>&1; then
		echo "ok - $words"
	else
		echo "not ok - $words"
		failed=1
	fi
}

# The status that the check $1 has in the report $2.
status_of() { sed -n "s/.*\"check\":\"$1\",\"status\":\"\([a-z]*\)\".*/\1/p" "$2"; }
is() { [ "$(status_of "$2" "$1")" = "$3" ]; }

"$TELLTALE" doctor --json >"$dir/plain" 2>"$dir/err"
plain=$?
check "nothing on stderr" test ! -s "$dir/err"
check "one object a line" test "$(grep -c '^{.*}$' "$dir/plain")" = "$(wc -l <"$dir/plain")"
check "configuration of this tree loads" is "$dir/plain" config ok
check "agents are defined" is "$dir/plain" agents ok
check "C libraries are found" is "$dir/plain" c-libraries ok

printf 'store:\n  pathh: /x\n' >"$dir/bad.yaml"
"$TELLTALE" doctor --json --config "$dir/bad.yaml" >"$dir/out"
check "wrong configuration: exit status 1" test $? = 1
check "wrong configuration: said" grep -q "bad.yaml:2: unknown key 'pathh'" "$dir/out"

echo "no database" >"$dir/bad.db"
"$TELLTALE" doctor --json --db "$dir/bad.db" >"$dir/out"
check "corrupt database: exit status 1" test $? = 1
check "corrupt database: said" is "$dir/out" database fail
check "corrupt database: left alone" test "$(cat "$dir/bad.db")" = "no database"

"$TELLTALE" doctor --json --db "$dir/none/x.db" >"$dir/out"
check "no directory for the database: said" is "$dir/out" directory warn
check "no directory for the database: none made" test ! -e "$dir/none"

"$TELLTALE" doctor --no-such-option >/dev/null 2>&1
check "wrong usage: exit status 2" test $? = 2

if [ "$(id -u)" != 0 ]; then
	check "not root: kernel checks are skipped" is "$dir/plain" tp-btf skip
	check "not root: said what to do" grep -q 'sudo telltale doctor' "$dir/plain"
	exit $failed
fi

check "BTF raw tracepoints work" is "$dir/plain" tp-btf ok
check "rawtp sensor loads" is "$dir/plain" rawtp ok
check "uprobes work" is "$dir/plain" uprobe ok
if ! grep -q '"status":"fail"' "$dir/plain"; then
	check "no failure: exit status 0" test "$plain" = 0
fi

if command -v setpriv >/dev/null; then
	setpriv --bounding-set=-all --inh-caps=-all "$TELLTALE" doctor --json --db "$dir/x.db" >"$dir/out"
	check "root without capabilities: exit status 1" test $? = 1
	check "root without capabilities: said" is "$dir/out" privileges fail
else
	echo "ok - root without capabilities # SKIP no setpriv"
fi
if unshare -pf --mount-proc true 2>/dev/null; then
	unshare -pf --mount-proc "$TELLTALE" doctor --json --db "$dir/x.db" >"$dir/out"
	check "other pid namespace: exit status 1" test $? = 1
	check "other pid namespace: said" is "$dir/out" pid-namespace fail
else
	echo "ok - other pid namespace # SKIP none can be made"
fi
exit $failed
