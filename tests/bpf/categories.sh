#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a connection's host is for: its category follows its name, and an address that matters shows under every name. Whom an
# agent talks to in place of its vendor.
#
# In a network namespace of its own: the name server is at 127.0.0.1:53, and everybody at an address of its loopback.
scenario() {
	step none "$S/named" carry write 1 1
	step tls "$S/named" tls write api.anthropic.com
	step http "$S/named" http write openrouter.ai
	step unknown "$S/named" tls write www.example.com
	step behind "$S/named" connect write www.example.com
	step behind-known "$S/named" connect write eu.api.openai.com
	step dns "$S/named" dns write api.deepseek.com 10.1.2.3
	step dns-unknown "$S/named" dns write git.example.com 10.1.2.3
	step lying "$S/named" dns write api.mistral.ai 169.254.169.254

	step own env ANTHROPIC_BASE_URL=https://eu.api.anthropic.com HTTPS_PROXY=http://proxy.example.com \
		"$W/own/claude" connect write api.anthropic.com
	step tool env ANTHROPIC_BASE_URL=https://llm.example.com "$S/named" tls write x.openrouter.ai
	step given env OPENAI_BASE_URL=http://user:secret@LLM.example.com:4000/v1 "$W/given/codex" tls write api.openai.com
	step reached "$W/reached/gemini" tls write openrouter.ai
}
if [ -z "${TT_OWN_NETWORK:-}" ]; then
	TT_OWN_NETWORK=1 exec unshare --net "$BASH" "$0" "$@"
fi
. tests/bpf/lib.sh

ip link set lo up
for address in 10.1.2.3 169.254.169.254; do
	ip address add "$address/32" dev lo
done
for agent in own/claude given/codex reached/gemini; do
	mkdir -p "$W/${agent%/*}"
	cp "$S/named" "$W/$agent"
done
watch

category() { # STEP
	sql "SELECT coalesce(hostname, '-'), coalesce(category, '-') FROM connection
		WHERE process_id = '$(process "$1")' AND protocol = 'tcp' AND direction = 'out'"
}
same "without a name" "- loopback" "$(category none)"
same "by a hello" "api.anthropic.com model-api" "$(category tls)"
same "by a request" "openrouter.ai gateway" "$(category http)"
same "of a name that says nothing" "www.example.com loopback" "$(category unknown)"
same "of such a name behind a proxy" "www.example.com -" "$(category behind)"
same "behind a proxy" "eu.api.openai.com model-api" "$(category behind-known)"
same "by an answer" "api.deepseek.com model-api" "$(category dns)"
same "by an answer that says nothing" "git.example.com private-network" "$(category dns-unknown)"
same "of a name that lies" "api.mistral.ai metadata-service" "$(category lying)"

gateway() { # AGENT
	sql "SELECT coalesce(gateway, '-'), coalesce(gateway_source, '-') FROM session WHERE agent = '$1'"
}
same "a tool's gateway is a connection's category" "x.openrouter.ai gateway" "$(category tool)"
same "and not its agent's, who goes to its vendor through a proxy" "- -" "$(gateway claude-code)"
same "a base URL of somebody else's" "llm.example.com OPENAI_BASE_URL" "$(gateway codex)"
same "a gateway that an agent talks to" "openrouter.ai connection" "$(gateway gemini-cli)"
show() { # AGENT
	"$TELLTALE" show --db "$W/db" "${@:2}" "$(sql "SELECT session_id FROM session WHERE agent = '$1'")"
}
same "it is shown" "gateway llm.example.com by OPENAI_BASE_URL" "$(show codex | awk '$1 == "gateway" { $1 = $1; print }')"
same "where there is one" 0 "$(show claude-code | grep -c '^ *gateway ')"
same "and in JSON" 1 "$(show codex --json | grep -c '"gateway":"llm.example.com","gateway_source":"OPENAI_BASE_URL"')"
finish
