#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The investigation commands on a made-up database (tests/fixtures/makedb.c): what they print, where, and
# how they exit. Needs no root and traces nothing.
# shellcheck source=tests/e2e/lib.sh

cd "$(dirname "$0")/../.." || exit 1
. tests/e2e/lib.sh
export XDG_STATE_HOME=$tmp/state TZ=XXX-8 LC_ALL=C
S1=1111111111111111

# All of the output is JSON, one object a line, and FILTER holds of all lines together.
json() { # STATUS PYTHON-EXPRESSION over `rows`
	[ "$status" = "$1" ] && python3 - "$tmp/out" "$2" <<-'PYTHON'
		import json, sys

		def unique(pairs):
		    assert len(dict(pairs)) == len(pairs), "a key twice"
		    return dict(pairs)

		rows = [json.loads(line, object_pairs_hook=unique) for line in open(sys.argv[1], encoding="utf-8")]
		if not eval(sys.argv[2]):
		    print("#  not so: " + sys.argv[2])
		    sys.exit(1)
	PYTHON
}

no_control_characters() {
	! LC_ALL=C grep -q '[^ -~]' <(tr -d '\n' <"$tmp/out")
}

fits_a_screen() {
	is 0 && [ "$(wc -l <"$tmp/out")" -le 24 ] && ! grep -qE '.{100}' "$tmp/out"
}

if ! "$B/tests/fixtures/makedb" "$db"; then
	echo "not ok - makedb"
	exit 1
fi

# ---- the program itself
t --help
ok "help fits a screen" fits_a_screen
t --version
ok "version" is 0 '^telltale [0-9]+\.[0-9]' out
t
ok "no command is wrong usage" one_line_error 2 'which command'
t sesions
ok "a typing error gets a suggestion" one_line_error 2 "unknown command 'sesions'; did you mean 'sessions'"
t show --jsn
ok "so does one in an option" one_line_error 2 "unknown option '--jsn'; did you mean '--json'"
for command in run daemon status doctor sessions show tree timeline query export agents; do
	t "$command" --help
	ok "$command has a help" is 0 "telltale.*$command" out
	ok "$command has a man page" test -s "docs/man/telltale-$command.1"
done

# ---- which database
t sessions
ok "no database at all" one_line_error 1 'nothing recorded yet.*telltale run'
t sessions --db "$tmp/none.db"
ok "a database that is not there" one_line_error 1 'none\.db'
ok "and is not created" test ! -e "$tmp/none.db"
echo "not a database, but long enough to look at" >"$tmp/text.db"
t sessions --db "$tmp/text.db"
ok "a file that is no database" one_line_error 1 'text\.db'
mkdir -p "$XDG_STATE_HOME/telltale" && cp "$db" "$XDG_STATE_HOME/telltale/telltale.db"
t sessions
ok "one's own database is found" is 0 $S1 out

# ---- sessions
t sessions --db "$db"
ok "sessions lists them, newest first" is 0 'STARTED' out "$S1.*2026-11-03 14:05:06 \+08:00.*gemini-cli.*0\.38\.1.*medium 42\.5.*LOSSES" out
t sessions --db "$db" --json
ok "sessions as JSON" json 0 'len(rows) == 3 and rows[1]["session_id"] == "'$S1'" and rows[1]["started"] == "2026-11-03T06:05:06.000000000Z" and rows[0]["ended"] is None and rows[1]["launched_by"]["kind"] == "terminal"'
t sessions --db "$db" --json --until @1793650000
ok "--until" json 0 '[r["agent"] for r in rows] == ["opencode"]'
t sessions --db "$db" --json --since 2026-11-03T06:05:10Z --agent gemini-cli
ok "--since takes what was still running, --agent one agent" json 0 '[r["agent"] for r in rows] == ["gemini-cli"]'
t sessions --db "$db" --json -n 1
ok "-n" json 0 'len(rows) == 1'
t sessions --db "$db" --since @1893456000 --agent codex
ok "a session that runs is in every --since" is 0 codex out
t sessions --db "$db" --since 2h --json
ok "a time that is none" one_line_error 2 "'2h' is not a time"
t sessions --db "$db" --agent nobody
ok "an empty answer says so on stderr" one_line_error 0 'no sessions match'
t sessions --db "$db" --exit-code
ok "--exit-code" is 3
t sessions --db "$db" --exit-code --agent opencode
ok "--exit-code without risk" is 0
t sessions --db "$db" --color always
ok "--color always" is 0 $'\033\\[' out
t sessions --db "$db"
ok "no colour where nobody looks" no_control_characters

# ---- show
t show --db "$db" 11
ok "show prints the record" is 0 'Gemini CLI 0\.38\.1' out 'risk medium, 42\.5' out 'INCOMPLETE' out 'blind +env in rg\[4253\]: statically linked' out 'file: 12 ring_full' out 'Asia/Shanghai' out
ok "names from observed processes are escaped" is 0 'cre\\ndentials\\x1b\[31m\\xff' out
ok "and nothing else is sent to the terminal" no_control_characters
t show --db "$db" a000000000000004
ok "show takes a process" is 0 'Gemini CLI' out
t show --db "$db"
ok "show without ID takes the latest" is 0 'Codex' out 'still running' out
t show --db "$db" $S1 --json
ok "show --json is one document" json 0 'len(rows) == 1 and rows[0]["agent"] == "gemini-cli" and rows[0]["complete"] == 0 and len(rows[0]["processes"]) == 5 and rows[0]["losses"][0]["count"] == 12 and rows[0]["child_sessions"][0]["agent"] == "codex" and rows[0]["credential_files"][0]["bytes"] is None and {t["zone"] for t in rows[0]["timezone_lookups"]} >= {"Asia/Shanghai"}'
t show --db "$db" 99
ok "an id that is not there" one_line_error 1 "begins with '99'"
t show --db "$db" zz
ok "an id that is none" one_line_error 1 "begins with 'zz'"
t show --db "$db" 11 22
ok "too many ids" one_line_error 2 "unexpected '22'"

# ---- tree
t tree --db "$db" 11
ok "tree has the agent inside" is 0 '4242 +agent .*node ' out '4252 +tool .*\|  \|- cat' out '4300 +agent +running .*\[codex 0\.44\.0, session 2222222222222222\]' out
t tree --db "$db" 11 --json
ok "tree --json" json 0 '[r["depth"] for r in rows] == [0, 1, 1, 2, 2, 1] and rows[0]["parent_process_id"] is None and rows[4]["exit_status"] is None'
t tree --db "$db" 11 -n 2
ok "what is left out is said" is 0 'and 4 more' out

# ---- timeline
t timeline --db "$db" 11
ok "timeline" is 0 'Seconds since 2026-11-03 14:05:06 \+08:00' out '0\.004000 +node\[4242\] +read +/etc/localtime +timezone +x12' out '2\.012000.*cre\\ndentials' out '0\.003000.*getenv +TZ +timezone +.*zone Asia/Shanghai' out '0\.200000.*tcp +127\.0\.0\.1:8080.*refused' out '5\.000000.*codex\[4300\] +start' out
ok "timeline escapes" no_control_characters
t timeline --db "$db" --json
ok "timeline --json is in order" json 0 '[r["at_ns"] for r in rows] == sorted(r["at_ns"] for r in rows) and {r["kind"] for r in rows} == {"process", "exec", "file", "env", "connection"}'
t timeline --db "$db" 11 --json --category credential --failed
ok "timeline filters" json 0 'len(rows) == 1 and rows[0]["result"] == -2 and rows[0]["count"] == 4'
t timeline --db "$db" a000000000000004 --json
ok "timeline of a process" json 0 '{r["pid"] for r in rows} == {4252}'
t timeline --db "$db" 33 --category credential
ok "an empty timeline says so" one_line_error 0 'nothing recorded that matches'

# ---- query
t query --db "$db" "SELECT agent, score FROM session WHERE session_id = ?1" $S1
ok "query" is 0 'agent +score' out 'gemini-cli +42\.5' out
t query --db "$db" --json "SELECT started_ns, NULL AS empty FROM session WHERE agent = 'codex'"
ok "query --json is what SQL said" json 0 'rows == [{"started_ns": 1793685911000000000, "empty": None}]'
t query --db "$db" --csv "SELECT '=1+1' AS a, 'say \"x\"' AS b, NULL AS c, 1 AS d"
ok "query --csv" is 0 '^"a","b","c","d"$' out "^\"'=1\\+1\",\"say \"\"x\"\"\",,1\$" out
for sql in "DELETE FROM session" "CREATE TABLE x (y)" "ATTACH '$tmp/other.db' AS o" "PRAGMA journal_mode = DELETE" "SELECT load_extension('x')"; do
	t query --db "$db" "$sql"
	ok "query refuses: ${sql%% *}" one_line_error 1 '.'
done
ok "and wrote nothing" test ! -e "$tmp/other.db"
t query --db "$db" "SELEC 1"
ok "bad SQL" one_line_error 1 'SELEC'
t query --db "$db" "SELECT 1 WHERE 0"
ok "no rows" one_line_error 0 'no rows'
t query --db "$db" "SELECT path FROM file_access" -n 2 --json
ok "query -n" json 0 'len(rows) == 2'
ok "and says that there is more" is 0 'there are more' err
t query --list
ok "query --list" is 0 '^timezone ' out '^losses ' out
t query --list --json
ok "query --list --json" json 0 'all(r["sql"].startswith("SELECT") for r in rows)'
names=$("$TELLTALE" query --list --json | sed 's/^{"name":"\([^"]*\)".*/\1/')
for name in $names; do
	t query --db "$db" --saved "$name"
	case $name in
	entrances) ok "saved query $name: nobody listened" one_line_error 0 'no rows' ;;
	*) ok "saved query $name" is 0 . out ;;
	esac
done
t query --db "$db" --saved timezone 22 --json
ok "a saved query takes a session" json 0 'len(rows) == 1 and rows[0]["zone"] == "Asia/Shanghai"'
t query --db "$db" --saved gateways --json
ok "gateways" json 0 '{(r["name"], r["host"]) for r in rows} == {("HTTPS_PROXY", "proxy.example"), ("GOOGLE_GEMINI_BASE_URL", None), ("OPENAI_BASE_URL", "gateway.example")}'
t query --db "$db" --saved timezon
ok "a saved query that is not there" one_line_error 2 "did you mean 'timezone'"

# ---- export
t export --db "$db" --format jsonl
ok "export has every kind of row" json 0 '{r["type"] for r in rows} == {"host", "session", "process", "process_exec", "file_access", "env_lookup", "timezone_lookup", "connection", "risk_record", "loss"}'
ok "rows that may grow have an id and a revision" json 0 'all(r["row_id"] > 0 and r["revision"] > 0 for r in rows if r["type"] in ("file_access", "env_lookup", "connection"))'
ok "and each row is there once" json 0 'len({(r["type"], r["row_id"]) for r in rows if "row_id" in r}) == sum("row_id" in r for r in rows)'
ok "NULL stays null" json 0 'all(r["bytes"] is None for r in rows if r["type"] == "file_access")'
ok "the names of observed files survive" json 0 'any(r.get("path", "").startswith("/home/dev/.aws/cre\ndentials\x1b[31m") for r in rows)'
t export --db "$db" --since 2026-11-03T06:05:11Z
ok "export --since" json 0 '{r["agent"] for r in rows if r["type"] == "session"} == {"gemini-cli", "codex"} and not any(r["type"] == "env_lookup" and r["name"] == "TZ" for r in rows)'
t export --db "$db" --format xml
ok "an unknown format" one_line_error 2 "format 'xml'"

# ---- agents
export TELLTALE_CONFIG_DIR=$PWD/config
t agents --json
ok "agents" json 0 '{"claude-code", "codex", "gemini-cli", "opencode"} <= {r["agent"] for r in rows}'
t agents --check config/agents.d
ok "agents --check takes what we ship" is 0 'all right' err
printf 'id: mine\nname: Mine\nbinarys: [mine]\n' >"$tmp/bad.yaml"
t agents --check "$tmp/bad.yaml"
ok "agents --check finds a wrong key and its line" one_line_error 1 'bad\.yaml:3: .*binarys'

# ---- a reader who is gone, a disk that is full
"$TELLTALE" export --db "$db" 2>"$tmp/err" | head -n 1 >"$tmp/out"
status=0
ok "a reader who leaves is no error" test ! -s "$tmp/err"
if [ -e /dev/full ]; then
	"$TELLTALE" sessions --db "$db" >/dev/full 2>"$tmp/err"
	status=$?
	: >"$tmp/out"
	ok "a full disk is one" one_line_error 1 'cannot write the output'
fi

exit $failed
