#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Stand-in clients: what telltale calls the host that each of them reaches, and how many bytes went there, against what the server saw.
# Called by `make check-clients`; needs root. What is not installed is named and left out.
#
# In a network and a mount namespace of its own: names, servers and proxies are server.py's, certificates are made anew.
# The table is left in BUILD/clients.md, what clients said in BUILD/log/clients/.
if [ -z "${TT_OWN_NETWORK:-}" ]; then
	[ "$(id -u)" = 0 ] || { echo "skip: needs root"; exit 77; }
	TT_OWN_NETWORK=1 exec unshare --net --mount "$BASH" "$0" "$@"
fi
set -u
cd "$(dirname "$0")/../.." || exit 1
B=$(realpath "${B:-build}")
export TELLTALE=${TELLTALE:-$B/telltale} TELLTALE_CONFIG_DIR=${TELLTALE_CONFIG_DIR:-$PWD/config}
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
. tests/bpf/common.bash
make_scratch
children=()
# shellcheck disable=SC2317 # called by trap
leave() {
	kill "${children[@]}" 2>/dev/null
	wait
	rm -rf "$W"
}
trap leave EXIT
die() {
	echo "not ok - $1"
	exit 1
}

# ---- what clients are built
built=$B/tests/clients
mkdir -p "$built" "$W/said" "$W/docs"
if command -v musl-gcc >/dev/null; then
	musl-gcc -O1 -static -o "$built/musl" tests/clients/client.c || die "the client for musl builds"
fi
if command -v go >/dev/null; then
	export GOCACHE=$built/go-cache GOFLAGS=-mod=mod GO111MODULE=off
	CGO_ENABLED=0 go build -o "$built/go-static" tests/clients/client.go || die "the Go client builds"
	CGO_ENABLED=1 go build -o "$built/go-cgo" tests/clients/client.go || die "the Go client builds with the C resolver"
fi
if command -v javac >/dev/null; then
	javac -d "$built" tests/clients/Client.java || die "the Java client builds"
fi

# ---- the network
ip link set lo up
ip address add 198.51.100.10/32 dev lo
ip address add 198.51.100.20/32 dev lo
ip address add 2001:db8::10/128 dev lo nodad
sysctl -qw net.ipv4.tcp_fastopen=3
printf 'proxy_dns\n[ProxyList]\nsocks5 198.51.100.20 1080\n' >"$W/proxychains.conf"
echo 'nameserver 127.0.0.1' >"$W/resolv.conf"
echo "127.0.0.1 localhost $(hostname)" >"$W/hosts" # libldap asks who it is
echo 'hosts: files dns' >"$W/nsswitch.conf"
for file in resolv.conf hosts nsswitch.conf; do
	[ ! -e /etc/$file ] || mount --bind "$W/$file" "$(realpath /etc/$file)" || die "/etc/$file is ours"
done
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=stand-in -addext 'subjectAltName=DNS:*.example.com,DNS:proxy.example.net' \
	-keyout "$W/key.pem" -out "$W/certificate.pem" 2>"$W/openssl" || die "a certificate is made: $(cat "$W/openssl")"
if command -v keytool >/dev/null; then
	keytool -importcert -noprompt -file "$W/certificate.pem" -keystore "$W/trust" -storepass stand-in 2>"$W/keytool" ||
		die "Java trusts it: $(cat "$W/keytool")"
fi
(
	export HOME=$W GIT_CONFIG_GLOBAL=/dev/null
	git init -q -b main "$W/repo" && cd "$W/repo" && seq 20000 >file && git add file &&
		git -c user.name=a -c user.email=a@example.com commit -qm first && git clone -q --bare . "$W/repo.git" &&
		git -C "$W/repo.git" update-server-info
) || die "there is something to clone"
mkfifo "$W/alive"
exec 7<>"$W/alive"
/usr/bin/python3 -B tests/clients/server.py "$W" <&7 &
children+=($!)
if command -v gtlsserver >/dev/null; then
	for address in 198.51.100.10 2001:db8::10; do
		gtlsserver -q -d "$W/docs" "$address" 443 "$W/key.pem" "$W/certificate.pem" >"$W/said/gtlsserver" 2>&1 </dev/null &
		children+=($!)
	done
	echo ok >"$W/docs/index.html"
fi
for ((i = 0; i < 500; i++)); do
	[ -e "$W/ready" ] && break
	sleep 0.02
done
[ -e "$W/ready" ] || die "the server starts"

# ---- the run
"$TELLTALE" run "${sensor[@]}" --db "$W/db" -- /usr/bin/python3 -B tests/clients/matrix.py run "$W" "$built" >"$W/out" 2>"$W/record"
status=$?
[ $status = 0 ] || { cat "$W/record"; die "the run ends well (exit status $status)"; }
mkdir -p "$B/log/clients" && cp "$W"/said/* "$W"/cells "$W"/served "$W"/db* "$B/log/clients/"
/usr/bin/python3 -B tests/clients/matrix.py check "$W" "$built" "$B/clients.md"
status=$?
echo "the table: ${B#"$PWD/"}/clients.md"
exit $status
