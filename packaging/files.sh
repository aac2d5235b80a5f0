#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The part of `make install` and `make uninstall` that is more than copying.
# files.sh install|uninstall DESTDIR BINDIR DATADIR LIBDIR SYSCONFDIR
#
# An administrator's telltale.yaml is never overwritten (the new one lies beside it as telltale.yaml.new)
# nor removed when it was changed. The database is left alone. With DESTDIR, nothing but files is made.
set -eu

action=$1 root=$2 bindir=$3 datadir=$4 libdir=$5 sysconfdir=$6
cd "$(dirname "$0")/.."
yaml=$root$sysconfdir/telltale/telltale.yaml

# What to install as what. Paths that do not exist here are left out.
copies() {
	cat <<-EOF
	packaging/systemd/telltale.sysusers	$libdir/sysusers.d/telltale.conf
	packaging/completion/telltale.bash	$datadir/bash-completion/completions/telltale
	packaging/completion/_telltale	$datadir/zsh/site-functions/_telltale
	packaging/completion/telltale.zsh	$datadir/zsh/site-functions/_telltale
	packaging/completion/telltale.fish	$datadir/fish/vendor_completions.d/telltale.fish
	EOF
}
unit=$root$libdir/systemd/system/telltale.service

install_all() {
	copies | while read -r from to; do
		[ ! -e "$from" ] || install -D -m 644 "$from" "$root$to"
	done
	mkdir -p "$(dirname "$unit")"
	sed "s|@BINDIR@|$bindir|" packaging/systemd/telltale.service >"$unit"
	chmod 644 "$unit"

	if [ -e config/telltale.yaml ]; then
		if [ ! -e "$yaml" ]; then
			install -D -m 644 config/telltale.yaml "$yaml"
		elif ! cmp -s config/telltale.yaml "$yaml"; then
			install -m 644 config/telltale.yaml "$yaml.new"
			echo "telltale: kept $yaml; the new one is $yaml.new" >&2
		fi
	fi
	[ -z "$root" ] || return 0
	if [ "$(id -u)" = 0 ] && ! getent group telltale >/dev/null; then
		groupadd --system telltale
	fi
	echo "installed; to watch this host: systemctl daemon-reload && systemctl enable --now telltale"
}

uninstall_all() {
	copies | while read -r _ to; do
		rm -f "$root$to"
	done
	rm -f "$unit" "$yaml.new"
	if [ -e "$yaml" ] && cmp -s config/telltale.yaml "$yaml"; then
		rm -f "$yaml"
		rmdir "$(dirname "$yaml")" 2>/dev/null || :
	elif [ -e "$yaml" ]; then
		echo "telltale: left $yaml, which was changed" >&2
	fi
}

case $action in
install) install_all ;;
uninstall) uninstall_all ;;
*) echo "files.sh: install or uninstall" >&2; exit 2 ;;
esac
