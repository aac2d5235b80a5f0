#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Does `make install` put everything in place, does that run from there, and does uninstall take it away again?
# shellcheck source=tests/e2e/lib.sh

cd "$(dirname "$0")/../.." || exit 1
. tests/e2e/lib.sh
root=$tmp/root

installed() {
	make --no-print-directory B="$B" DESTDIR="$root" PREFIX=/usr "$1" || exit 1
}
# shellcheck disable=SC2317 # called by ok
empty() {
	[ -z "$(find "$root" -type f)" ]
}

installed install
ok "program runs from where it is installed" "$root/usr/bin/telltale" --version
ok "agent definitions are there" test -e "$root/usr/share/telltale/agents.d"
ok "risk weights are there" test -e "$root/usr/share/telltale/risk.yaml"
ok "unit starts the installed program" \
	grep -qx 'ExecStart=/usr/bin/telltale daemon' "$root/usr/lib/systemd/system/telltale.service"
for page in docs/man/*.[1-8]; do
	ok "${page##*/} is there" test -e "$root/usr/share/man/man${page##*.}/${page##*/}"
done

echo "# an administrator's line" >>"$root/etc/telltale/telltale.yaml"
installed install
ok "changed configuration is kept" grep -q administrator "$root/etc/telltale/telltale.yaml"
ok "new configuration lies beside it" cmp -s config/telltale.yaml "$root/etc/telltale/telltale.yaml.new"
installed uninstall
ok "changed configuration outlives the program" test -e "$root/etc/telltale/telltale.yaml"
rm "$root/etc/telltale/telltale.yaml"

installed install
installed uninstall
ok "nothing is left" empty
exit $failed
