#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A directory with another architecture's programs and libraries: Debian packages, with what they depend on, unpacked.
#
#   packaging/sysroot.sh ARCH DIRECTORY PACKAGE...     ARCH as Debian calls it: arm64
#
# Nothing is installed: apt works on lists and a status of its own, from the sources of this machine's release, and
# checks their signatures as always. What was unpacked once stays until it is to be something else. Needs no root.
set -u

[ $# -ge 3 ] || { echo 'usage: sysroot.sh ARCH DIRECTORY PACKAGE...' >&2; exit 2; }
arch=$1 directory=$2
shift 2
stamp="$arch $*"
[ "$(cat "$directory/.packages" 2>/dev/null)" != "$stamp" ] || exit 0

die() {
	echo "sysroot.sh: $*" >&2
	exit 1
}

command -v apt-get dpkg-deb >/dev/null || die 'needs apt and dpkg'
sources=$(apt-get indextargets --format 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(REPO_URI) $(RELEASE) $(COMPONENT)' \
	'Created-By: Packages' 'Origin: Debian' | sort -u)
[ -n "$sources" ] || die "no Debian sources are known here: apt-get update"

if [ -e "$directory" ] && [ ! -e "$directory/.packages" ]; then
	die "$directory exists and was not made here"
fi
rm -rf "$directory"
apt=$directory/.apt
mkdir -p "$directory" && touch "$directory/.packages" || exit 1
mkdir -p "$apt"/{lists/partial,archives/partial} "$directory"/usr/{bin,sbin,lib} || exit 1
for name in bin sbin lib; do
	ln -s usr/$name "$directory/$name"
done
printf '%s\n' "$sources" >"$apt/sources.list"
: >"$apt/status"
cat >"$apt/conf" <<-EOF
	APT::Architecture "$arch";
	APT::Architectures { "$arch"; };
	APT::Install-Recommends "false";
	APT::Sandbox::User "";
	Acquire::Languages "none";
	Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
	Debug::NoLocking "true";
	Dir::State "$(realpath "$apt")";
	Dir::State::status "$(realpath "$apt")/status";
	Dir::Cache "$(realpath "$apt")";
	Dir::Etc::sourcelist "$(realpath "$apt")/sources.list";
	Dir::Etc::sourceparts "/dev/null";
EOF

quietly() {
	"$@" >"$apt/log" 2>&1 || { tail -n 20 "$apt/log" >&2; die "failed: $*"; }
}

export APT_CONFIG=$apt/conf
quietly apt-get update
quietly apt-get install -y --download-only "$@"
for package in "$apt"/archives/*.deb; do
	# links of directories (/lib -> usr/lib) stay
	dpkg-deb --fsys-tarfile "$package" | tar -x -C "$directory" --keep-directory-symlink --no-same-owner \
		--exclude='./usr/share/doc' --exclude='./usr/share/man' --exclude='./usr/share/locale' --exclude='./dev' ||
		die "cannot unpack $package"
done
# the linker follows links as if this were not a root
find "$directory" -type l -lname '/*' | while read -r link; do
	ln -sfnr "$directory$(readlink "$link")" "$link"
done
rm -rf "$apt"
echo "$stamp" >"$directory/.packages"
