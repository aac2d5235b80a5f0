#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Names that resolvers on this machine are asked for: by every call that sends, in every language that they speak; and that
# nothing is taken from other sockets.
#
# In a mount namespace of its own, where the test makes the resolvers' sockets.
ways='write writev sendmsg send split'
asked() { # KIND
	case $1 in
	varlink) echo /run/systemd/resolve/io.systemd.Resolve ;;
	nscd) [ -d /var/run ] && echo /var/run/nscd/socket || echo /run/nscd/socket ;;
	*) echo /run/dbus/system_bus_socket ;;
	esac
}
scenario() {
	for way in $ways; do
		for kind in varlink nscd busctl_hostname dbus_send; do
			step "$kind-$way" "$S/resolve" "$way" "$(asked $kind)" tests/fuzz/corpus/resolver/$kind
		done
	done
	step monitor "$S/resolve" write /run/systemd/resolve/io.systemd.Resolve.Monitor tests/fuzz/corpus/resolver/varlink
	step session-bus "$S/resolve" write /run/user/bus tests/fuzz/corpus/resolver/dbus_send
	step elsewhere "$S/resolve" write "$W/run/nscd/socket" tests/fuzz/corpus/resolver/nscd
	step short "$S/resolve" write /run/nscd/sock tests/fuzz/corpus/resolver/nscd
	step other-words "$S/resolve" write /run/nscd/socket tests/fuzz/corpus/resolver/varlink
}
if [ -z "${TT_OWN_RUN:-}" ]; then
	TT_OWN_RUN=1 exec unshare --mount "$BASH" "$0" "$@"
fi
. tests/bpf/lib.sh

mount -t tmpfs run /run
mkdir -p /run/systemd/resolve /run/nscd /run/dbus /run/user "$W/run/nscd"
[ -L /var/run ] || [ ! -d /var/run ] || mount --bind /run /var/run
watch

questions() { # STEP
	sql "SELECT name, coalesce(type, '-'), source, answers IS NULL, count FROM name_lookup
		WHERE process_id = '$(process "$1")' ORDER BY row_id"
}
for way in $ways; do
	same "varlink by $way" "api.example.com A systemd-resolved 1 1"$'\n'"a\\195\\188.example HTTPS systemd-resolved 1 1" \
		"$(questions "varlink-$way")"
	same "nscd by $way" "$(printf '%s nscd 1 1\n' 'api.example.com -' 'h.example.com AAAA' 'a A')" \
		"$(questions "nscd-$way")"
	same "D-Bus by $way" "api.example.com A systemd-resolved 1 1" "$(questions "busctl_hostname-$way")"
	same "D-Bus, another client, by $way" "www.example.org - systemd-resolved 1 1" "$(questions "dbus_send-$way")"
done
for step in monitor session-bus elsewhere short other-words; do
	same "no question: $step" "" "$(questions $step)"
done
finish
