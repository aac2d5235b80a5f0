# SPDX-License-Identifier: Apache-2.0
# fish completion for telltale. Options are read off `telltale COMMAND --help`: nothing to keep in step.

function __telltale_options
    set -l words (commandline -opc)
    telltale $words[2] --help 2>/dev/null |
        string replace -rf '^  (?:-[a-zA-Z], )?(--[a-z-]+)(?: [A-Z]+)? +(.*)' '$1\t$2'
end

complete -c telltale -f
complete -c telltale -n __fish_use_subcommand -a run -d 'trace one command and print its risk record'
complete -c telltale -n __fish_use_subcommand -a daemon -d 'watch the whole host for coding agents'
complete -c telltale -n __fish_use_subcommand -a status -d 'is it running, what does it see, what was lost'
complete -c telltale -n __fish_use_subcommand -a doctor -d 'can it work on this host, and what to do if not'
complete -c telltale -n __fish_use_subcommand -a sessions -d 'list recorded runs of coding agents'
complete -c telltale -n __fish_use_subcommand -a show -d 'the risk record of a session'
complete -c telltale -n __fish_use_subcommand -a tree -d 'its processes and what each did'
complete -c telltale -n __fish_use_subcommand -a timeline -d 'everything in order of time'
complete -c telltale -n __fish_use_subcommand -a query -d 'read-only SQL over the records'
complete -c telltale -n __fish_use_subcommand -a export -d 'records as JSON lines'
complete -c telltale -n __fish_use_subcommand -a agents -d 'which coding agents are recognised'
complete -c telltale -n 'not __fish_use_subcommand' -a '(__telltale_options)'
complete -c telltale -n '__fish_seen_subcommand_from show tree timeline' \
    -a '(telltale sessions -n 50 2>/dev/null | awk "NR > 1 { print \$1 }")'
