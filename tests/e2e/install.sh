#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Does `make install` put everything in place, does that run from there, and does uninstall take it away again?
set -u

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
failed=0

check() { # WORDS COMMAND...
	local words=$1

	shift
	if "$@"; then
		echo "ok - $words"
	else
		echo "not ok - $words"
		failed=1
	fi
}
installed() {
	make --no-print-directory B="$B" DESTDIR="$root" PREFIX=/usr "$1" || exit 1
}
# shellcheck disable=SC2317 # called by check
empty() {
	[ -z "$(find "$root" -type f)" ]
}

installed install
check "program runs from where it is installed" "$root/usr/bin/telltale" --version
check "agent definitions are there" test -e "$root/usr/share/telltale/agents.d"
check "risk weights are there" test -e "$root/usr/share/telltale/risk.yaml"
check "unit starts the installed program" \
	grep -qx 'ExecStart=/usr/bin/telltale daemon' "$root/usr/lib/systemd/system/telltale.service"
for page in docs/man/*.[1-8]; do
	check "${page##*/} is there" test -e "$root/usr/share/man/man${page##*.}/${page##*/}"
done

echo "# an administrator's line" >>"$root/etc/telltale/telltale.yaml"
installed install
check "changed configuration is kept" grep -q administrator "$root/etc/telltale/telltale.yaml"
check "new configuration lies beside it" cmp -s config/telltale.yaml "$root/etc/telltale/telltale.yaml.new"
installed uninstall
check "changed configuration outlives the program" test -e "$root/etc/telltale/telltale.yaml"
rm "$root/etc/telltale/telltale.yaml"

installed install
installed uninstall
check "nothing is left" empty
exit $failed
