# SPDX-License-Identifier: Apache-2.0
# bash completion for telltale. Options are read off `telltale COMMAND --help`: nothing to keep in step.

_telltale_options() {
	telltale "$1" --help 2>/dev/null | grep -oE -- '^  (-[a-zA-Z], )?--[a-z-]+' | grep -oE -- '--[a-z-]+'
}

_telltale() {
	local commands='run daemon status doctor sessions show tree timeline query export agents help'
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]}

	COMPREPLY=()
	if [ "$COMP_CWORD" = 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W "$commands --help --version" -- "$word")
		return
	fi
	if [ "$command" = run ] && [[ " ${COMP_WORDS[*]:2:COMP_CWORD-2} " == *' -- '* ]]; then
		mapfile -t COMPREPLY < <(compgen -A command -A file -- "$word")
		return
	fi
	case $before in
	--db | --config | --check) mapfile -t COMPREPLY < <(compgen -A file -- "$word") ;;
	--color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$word") ;;
	--sensor) mapfile -t COMPREPLY < <(compgen -W 'auto trampoline rawtp' -- "$word") ;;
	--format | -f) mapfile -t COMPREPLY < <(compgen -W 'jsonl' -- "$word") ;;
	--saved)
		mapfile -t COMPREPLY < <(compgen -W "$(telltale query --list 2>/dev/null |
			awk 'NR > 1 { print $1 }')" -- "$word") ;;
	--agent)
		mapfile -t COMPREPLY < <(compgen -W "$(telltale agents 2>/dev/null |
			awk 'NR > 1 { print $1 }')" -- "$word") ;;
	help) mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$word") ;;
	*)
		if [[ $word == -* ]]; then
			mapfile -t COMPREPLY < <(compgen -W "$(_telltale_options "$command")" -- "$word")
		elif [[ $command =~ ^(show|tree|timeline)$ ]]; then
			mapfile -t COMPREPLY < <(compgen -W "$(telltale sessions -n 50 2>/dev/null |
				awk 'NR > 1 { print $1 }')" -- "$word")
		fi ;;
	esac
}

complete -F _telltale telltale
