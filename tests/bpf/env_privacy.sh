#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Values: of the environment that is handed over at exec the names are kept, of values only those that are evidence.
# A canary is put wherever a secret may be (environment, options, URLs, prompts), in an agent and in what it runs; then
# the database's files are searched for it byte by byte.
. tests/bpf/daemon.bash

CANARY=kqzv7canary41wxj
agent keeper env_lookup 'prompt_args: [-p, --prompt]'
agent asker env_lookup 'prompt_args: ["*"]'
for tool in curl git psql mysql gh; do
	cp "$(type -P true)" "$W/bin/$tool"
done
# What a developer exports, and what an agent runs.
cat >"$W/scenario" <<-'END'
	export AN_API_KEY=$CANARY AWS_SECRET_ACCESS_KEY=$CANARY PLAIN=$CANARY LANGUAGE_NOTE=$CANARY
	export HTTPS_PROXY="http://user:$CANARY@proxy.example:3128/$CANARY" NO_PROXY="$CANARY"
	export ANTHROPIC_BASE_URL="https://$CANARY@api.example/$CANARY?key=$CANARY"
	export TZ=Asia/Shanghai LC_TIME=de_DE.UTF-8 LANG=C.UTF-8
	"$KEEPER" getenv AN_API_KEY 1 -p "$CANARY, please"
	"$KEEPER" getenv AN_API_KEY 1 --prompt="$CANARY, please"
	"$KEEPER" getenv AN_API_KEY 1 --api-key "$CANARY" --token=$CANARY
	"$ASKER" getenv AN_API_KEY 1 "$CANARY, please"
	"$BIN/curl" -u "user:$CANARY" -H "Authorization: Bearer $CANARY" "https://user:$CANARY@host.example/?token=$CANARY"
	"$BIN/git" -c "http.extraHeader=Authorization: Basic $CANARY" clone "https://oauth2:$CANARY@git.example/x"
	"$BIN/psql" "postgres://user:$CANARY@db.example/x" --password "$CANARY"
	"$BIN/mysql" "--password=$CANARY"
	"$BIN/gh" auth login --with-token "$CANARY"
	/usr/bin/env "API_TOKEN=$CANARY" true
END
export CANARY KEEPER=$W/bin/keeper$$ ASKER=$W/bin/asker$$ BIN=$W/bin
PATH=$W/bin:$PATH "$TELLTALE" run "${sensor[@]}" --db "$W/db" --json -- sh "$W/scenario" >"$W/record" 2>"$W/stderr"

handed() { # name value
	sql "SELECT DISTINCT name, coalesce(value, '-') FROM env_lookup WHERE source = 'exec' AND name IN ($1) ORDER BY name"
}

same "the agents read the secret" 4 "$(grep -c "^value=$CANARY" "$W/record")"
same "names are kept, and nothing of their values" 'AN_API_KEY -
AWS_SECRET_ACCESS_KEY -
LANGUAGE_NOTE -
NO_PROXY -
PLAIN -' "$(handed "'AN_API_KEY', 'AWS_SECRET_ACCESS_KEY', 'PLAIN', 'LANGUAGE_NOTE', 'NO_PROXY'")"
same "of a proxy and a base URL the host" 'ANTHROPIC_BASE_URL api.example
HTTPS_PROXY proxy.example' "$(handed "'ANTHROPIC_BASE_URL', 'HTTPS_PROXY'" | sed 's/:[0-9]*$//')"
same "the evidence is kept" 'LANG C.UTF-8
LC_TIME de_DE.UTF-8
TZ Asia/Shanghai' "$(handed "'LANG', 'LC_TIME', 'TZ'")"
check "prompts are replaced by their length" test "$(sql "SELECT count(*) FROM process WHERE argv LIKE '%<prompt: %'")" = 3
for tool in curl git psql mysql gh; do
	same "$tool was seen" 1 "$(sql "SELECT count(*) FROM process WHERE exe = '$W/bin/$tool'")"
	same "... and its secrets were not kept" '' "$(sql "SELECT argv FROM process
		WHERE exe = '$W/bin/$tool' AND argv LIKE '%$CANARY%'")"
done
check "there is a database" test -s "$W/db"
same "the canary is nowhere in the database's files" '' "$(grep -alF "$CANARY" "$W"/db*)"
same "nor in the record" 0 "$(grep -v ^value= "$W/record" | grep -cF "$CANARY")"
same "nor in what was said" 0 "$(grep -cF "$CANARY" "$W/stderr")"
finish
