#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# 32-bit callers (on x86-64 by int 0x80) and x32 ones are seen like any others.
case $(uname -m) in
x86_64) subject=compat connects='connect socketcall' x32=x32 ;;
aarch64) subject=compat-arm connects=connect x32= ;;
*) echo "skip: 32-bit calls of this machine are not decoded"; exit 77 ;;
esac
scenario() {
	local compat=$S/$subject

	for call in open openat; do
		step $call "$compat" $call "$W/file"
	done
	step missing "$compat" openat "$W/none"
	cd "$W" || exit 1
	step relative "$compat" open file
	step creat "$compat" creat "$W/new"
	step readlink "$compat" readlink "$W/link"
	step readlink-missing "$compat" readlink "$W/none"
	for call in $connects; do
		step "$call" "$compat" "$call" "$(cat "$W/port")"
	done
	step refused "$compat" "$call" 9
	[ -z "$x32" ] || step x32 "$compat" x32 "$W/file"
}
. tests/bpf/lib.sh
if [ ! -x "$S/$subject" ]; then
	echo "skip: $subject was not built: packaging/deps.sh cross"
	exit 77
fi

echo x >"$W/file"
ln -s file "$W/link"
if ! "$S/$subject" open "$W/file" >"$W/try" 2>&1 || grep -q 'result=-38' "$W/try"; then
	echo "skip: skip-ok: this kernel has no 32-bit calls"
	exit 77
fi
# Ends with its standard input, which is ours.
mkfifo "$W/alive"
exec 7<>"$W/alive"
"$S/listen" tcp 127.0.0.1 <&7 >"$W/listen" &
listener=$!
trap 'kill $listener; rm -rf "$W"' EXIT
for ((i = 0; i < 500; i++)); do
	port=$(sed -n 's/^port=//p' "$W/listen")
	[ -z "$port" ] || break
	sleep 0.01
done
echo "$port" >"$W/port"
watch

for call in open openat; do
	did "$call" $call "read 0 x1 $o W/file"
done
did "a failed one" missing "read -2 x1 user W/none"
did "from the working directory" relative "read 0 x1 $o W/file"
did "creat" creat "create 0 x1 $o W/new"
did "readlink" readlink "readlink 0 x1 user W/link target=file"
did "a failed readlink" readlink-missing "readlink -2 x1 user W/none"
for call in $connects; do
	connected "$call" $call "inet tcp established 0 x1 127.0.0.1:$port socket"
done
connected "refused" refused "inet tcp refused -111 x1 127.0.0.1:9 socket"
if [ -z "$x32" ]; then
	:
elif [ "$(fact x32 result)" = -38 ]; then
	# no function of the kernel's is called, so a trampoline has nothing to see
	did "x32, where there is none: a call that failed" x32 "$(by_trampoline || echo "read -38 x1 user W/file")"
else
	did "x32" x32 "read 0 x1 $o W/file"
fi
finish
