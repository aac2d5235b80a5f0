#compdef telltale
# SPDX-License-Identifier: Apache-2.0
# zsh completion for telltale. Options are read off `telltale COMMAND --help`: nothing to keep in step.

local -a commands options

commands=(
	'run:trace one command and print its risk record'
	'daemon:watch the whole host for coding agents'
	'status:is it running, what does it see, what was lost'
	'doctor:can it work on this host, and what to do if not'
	'sessions:list recorded runs of coding agents'
	'show:the risk record of a session'
	'tree:its processes and what each did'
	'timeline:everything in order of time'
	'query:read-only SQL over the records'
	'export:records as JSON lines'
	'agents:which coding agents are recognised'
)

if (( CURRENT == 2 )); then
	_describe command commands
elif [[ $words[2] == run && ${words[(i)--]} -lt $CURRENT ]]; then
	shift $(( ${words[(i)--]} )) words
	(( CURRENT = $#words ))
	_normal
elif [[ $PREFIX == -* ]]; then
	options=(${(f)"$(telltale $words[2] --help 2>/dev/null |
		sed -nE 's/^  (-[a-zA-Z], )?(--[a-z-]+)[^ ]*( [A-Z]+)? +(.*)/\2:\4/p')"})
	_describe option options
elif [[ $words[2] == (show|tree|timeline) ]]; then
	options=(${(f)"$(telltale sessions -n 50 2>/dev/null | awk 'NR > 1 { print $1 }')"})
	_describe session options
else
	_files
fi
