#!/usr/bin/env bash
# Installs, tampers with, upgrades and removes the signed packages in a clean root: install_check.sh [FOLDER]
#
# FOLDER (default target/package) holds the .deb and .rpm of `make package`; they are signed here with a key made for
# this run, so that the key of the firm is not needed. Checks with the stock tools only: apt, dpkg, rpm, gpg. Needs root,
# for the clean root (mmdebstrap), and Debian's packages for what the desk depends on.
set -euo pipefail
cd "$(dirname "$0")/.."
fail() { printf 'install: %s\n' "$*" >&2; exit 1; }
ok() { printf 'install: %s\n' "$*"; }
[ "$(id -u)" = 0 ] || fail "needs root; run it with sudo"
for tool in mmdebstrap gpg reprepro createrepo_c rpmsign systemd-analyze; do
  command -v "$tool" >/dev/null || fail "$tool is missing: apt-get install mmdebstrap gnupg reprepro createrepo-c rpm systemd"
done
from=${1:-target/package}
# A folder may hold several versions.
newest=$({ find "$from" -maxdepth 1 -name 'signet-gateway_*.deb' 2>/dev/null || true; } | sort -V | tail -n 1)
[ -f "$newest" ] || fail "there is no package of the gateway in $from; make package builds it"
version=$(dpkg-deb -f "$newest" Version)
work=$(mktemp -d)
root=$work/root
# Ours, and the one that mmdebstrap may leave.
trap 'while mountpoint -q "$root/proc"; do umount "$root/proc" || break; done; rm -rf --one-file-system "$work"' EXIT
export GNUPGHOME=$work/gnupg
mkdir -m 700 "$GNUPGHOME"

new_key() {
  gpg --batch --quiet --passphrase '' --quick-gen-key "$1" ed25519 sign 1d 2>/dev/null
  gpg --list-keys --with-colons "=$1" | sed -n 's/^fpr:*\([0-9A-F]*\):/\1/p' | head -n 1
}
inside() { chroot "$root" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive sh -c "$1"; }
# unit NAME MOST: the service NAME as it was installed has no fault, and is exposed by at most MOST tenths of 10. Its timer
# has no fault either. Nothing is started: systemd need not run here.
unit() {
  local said units=("$1.service")
  [ ! -f "$root/usr/lib/systemd/system/$1.timer" ] || units+=("$1.timer")
  # What systemd would ignore is a fault, too: it is said, and changes no exit status.
  if ! said=$(systemd-analyze verify --root="$root" --man=no --recursive-errors=no "${units[@]}" 2>&1) || [ -n "$said" ]; then
    fail "units: $said"
  fi
  said=$(systemd-analyze security --offline=true --root="$root" --threshold="$2" --no-pager "$1.service" 2>&1) ||
    fail "$1.service is exposed more than $2 of 100: $(tail -n 1 <<<"$said")"
  ok "unit: ${said##*→ }"
}
# What was fetched before is of no help.
update() { rm -f "$root"/var/lib/apt/lists/*srv_signet*; inside "apt-get update -qq -o Dir::Etc::sourceparts=/etc/apt/signet.d -o Dir::Etc::sourcelist=/dev/null -o APT::Get::List-Cleanup=0" 2>&1; }
# The repository of FOLDER, signed with KEY, as the machine sees it.
serve() {
  SIGNET_SIGN_KEY=$2 SIGNET_REPOSITORY_URL=file:/srv/signet packaging/sign.sh "$1" >"$work/sign.log" 2>&1 ||
    { cat "$work/sign.log" >&2; fail "$1 cannot be signed"; }
  rm -rf "$root/srv/signet"
  mkdir -p "$root/srv"
  cp -r "$1/repository" "$root/srv/signet"
}
# An update that must not be believed. It changes what lies in /srv/signet.
refused() {
  local said
  if said=$(update) && said=$(inside "apt-get install -y -qq --no-install-recommends signet-gateway=9.9.9" 2>&1); then
    fail "$1 was installed"
  fi
  ok "refused: $1 ($(grep -m 1 -oE 'BADSIG|NO_PUBKEY|not signed|Hash Sum mismatch|unexpected size|not found|Size mismatch|invalid signature' <<<"$said" || echo 'see the text below'; true))"
  [ "$(inside 'signet-gateway --version')" = "signet-gateway $version" ] || fail "$1 changed the program"
}
# A higher version of the packages, of the same files.
next_version() {
  mkdir -p "$work/next"
  rm -rf "$work/next"/*
  for deb in "$work"/first/*.deb; do
    rm -rf "$work/open"
    dpkg-deb -R "$deb" "$work/open"
    sed -i "s/^Version: .*/Version: $1/" "$work/open/DEBIAN/control"
    dpkg-deb --root-owner-group -Zgzip --build "$work/open" "$work/next/$(basename "$deb" | sed "s/_[^_]*_/_$1_/")" >/dev/null
  done
}

mkdir "$work/first"
cp "$from"/signet-*_"$version"_*.deb "$work/first/"
find "$from" -maxdepth 1 -name "signet-*-$version-*.rpm" -exec cp {} "$work/first/" \;
has_desk=$(find "$work/first" -name 'signet-desk_*.deb')
ours=$(new_key "Signet check <check@signet.invalid>")
theirs=$(new_key "Somebody else <else@signet.invalid>")

ok "making a clean root"
mmdebstrap --quiet --variant=apt --include=ca-certificates bookworm "$root" >"$work/root.log" 2>&1 ||
  { cat "$work/root.log" >&2; fail "no clean root"; }
mkdir -p "$root/etc/apt/keyrings" "$root/etc/apt/signet.d"
# systemd-tmpfiles reaches files through it.
mountpoint -q "$root/proc" || mount -t proc proc "$root/proc"
# The programs read neither a login nor a display here.
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"

serve "$work/first" "$ours"
cp "$root/srv/signet/signet.asc" "$root/etc/apt/keyrings/"
cp "$root/srv/signet/signet.sources" "$root/etc/apt/signet.d/"
cp "$root/srv/signet/signet.sources" "$root/etc/apt/sources.list.d/"
inside "apt-get update -qq" >/dev/null 2>&1 || fail "apt does not believe the repositories"
packages="signet-gateway ${has_desk:+signet-desk}"
inside "apt-get install -y -qq --no-install-recommends $packages" >"$work/apt.log" 2>&1 || { tail -n 60 "$work/apt.log" >&2; fail "apt-get install failed"; }
for name in $packages; do
  [ "$(inside "$name --version")" = "$name $version" ] || fail "$name does not say its version"
  inside "$name --help" >/dev/null || fail "$name --help failed"
  [ -f "$root/usr/share/man/man1/$name.1.gz" ] || fail "$name has no man page"
done
ok "installed from the signed repository: $packages $version"
unit signet-gateway 20
unit signet-gateway-renew 10
# What it reads of the system and what a later line or another setting takes away without a word (packaging/gateway), and
# that of /proc it has the processes only.
said=$(systemd-analyze security --offline=true --root="$root" --no-pager signet-gateway.service)
for need in '@clock is included' 'has access to other users' 'full access to process tree' 'no access to non-process /proc'; do
  grep -q "$need" <<<"$said" || fail "systemd-analyze does not say of signet-gateway.service: $need"
done
# No systemd runs here, as in an image that computers are made of.
timer=$root/etc/systemd/system/timers.target.wants/signet-desk-update.timer
if [ -n "$has_desk" ] && [ ! -L "$timer" ]; then fail "the timer of updates is not enabled"; fi
grep -q '^Valid-Until: ' "$root/srv/signet/apt/dists/stable/InRelease" || fail "the repository is good for ever"
grep -qx 'gpgkey=file:///.*' "$root/srv/signet/signet.repo" || fail "dnf takes the key from a server"
# Root, and started by it: a package manager, which the unit does not hem in.
[ -z "$has_desk" ] || unit signet-desk-update 70
inside "signet-gateway check-config" >/dev/null 2>&1 && fail "a gateway without settings passes its check"
[ -z "$(ls -A "$root/etc/signet" 2>/dev/null)" ] || fail "the package configures something"

next_version 9.9.9
serve "$work/next" "$theirs"
refused "a repository that another key signed"
serve "$work/next" "$ours"
deb=$(find "$root/srv/signet/apt/pool" -name 'signet-gateway_*.deb')
printf X | dd of="$deb" bs=1 seek=100000 conv=notrunc status=none
refused "a package with one byte changed"
serve "$work/next" "$ours"
truncate -s -1000 "$(find "$root/srv/signet/apt/pool" -name 'signet-gateway_*.deb')"
refused "a package that was half copied"
serve "$work/next" "$ours"
sed -i 's/9\.9\.9/9.9.8/' "$root"/srv/signet/apt/dists/stable/main/binary-*/Packages
gzip -9nf --keep "$root"/srv/signet/apt/dists/stable/main/binary-*/Packages
refused "a list of packages that was changed"
serve "$work/next" "$ours"
rm "$root"/srv/signet/apt/dists/stable/InRelease "$root"/srv/signet/apt/dists/stable/Release.gpg
refused "a repository without a signature"

# What a person may have made is not touched by an upgrade, nor by removal.
mkdir -p "$root/etc/signet"
echo mine >"$root/etc/signet/kept"
serve "$work/next" "$ours"
update >/dev/null || fail "apt does not believe the repository"
inside "apt-get install -y -qq --no-install-recommends $packages" >"$work/apt.log" 2>&1 || { tail -n 20 "$work/apt.log" >&2; fail "the upgrade failed"; }
[ "$(inside "dpkg-query -W -f '\${Version}' signet-gateway")" = 9.9.9 ] || fail "not upgraded"
ok "upgraded to a newer version"
serve "$work/first" "$ours"
update >/dev/null || true
inside "apt-get dist-upgrade -y -qq" >/dev/null 2>&1 || true
[ "$(inside "dpkg-query -W -f '\${Version}' signet-gateway")" = 9.9.9 ] || fail "an older version was installed over a newer one"
ok "refused: an older version over a newer one"

inside "apt-get purge -y -qq $packages" >"$work/apt.log" 2>&1 || { tail -n 20 "$work/apt.log" >&2; fail "removal failed"; }
for name in $packages; do
  left=$(find "$root/usr" "$root/etc/systemd" -name "*$name*" | head -n 3)
  [ -z "$left" ] || fail "$name left behind: $left"
done
if [ ! -f "$root/etc/signet/kept" ] || [ ! -d "$root/var/lib/signet" ]; then fail "removal took what a person made"; fi
ok "removed; settings, keys and evidence are left"

# The .rpm: its signature with rpm's own tool, and the files of the .deb.
for rpm in "$work"/first/*.rpm; do
  [ -f "$rpm" ] || continue
  db=$work/rpmdb
  rm -rf "$db"
  rpmkeys --dbpath "$db" -K "$rpm" >/dev/null 2>&1 && fail "an .rpm passes without the key"
  rpmkeys --dbpath "$db" --import "$root/srv/signet/signet.asc"
  rpmkeys --dbpath "$db" -K "$rpm" >/dev/null || fail "rpm does not believe $(basename "$rpm")"
  cp "$rpm" "$work/bad.rpm"
  printf X | dd of="$work/bad.rpm" bs=1 seek=100000 conv=notrunc status=none
  rpmkeys --dbpath "$db" -K "$work/bad.rpm" >/dev/null 2>&1 && fail "an .rpm with one byte changed passes"
  name=$(rpm -qp --qf '%{NAME}' "$rpm" 2>/dev/null)
  diff <(rpm -qp --qf '[%{FILEMODES:perms} %{FILENAMES}\n]' "$rpm" 2>/dev/null | sed -n 's/^[^d][^ ]* //p' | sort) <(dpkg-deb --fsys-tarfile "$(find "$work/first" -maxdepth 1 -name "${name}_*.deb")" | tar -t | sed 's/^\.//' | grep -v '/$' | sort) >/dev/null ||
    fail "the files of $name's .rpm and .deb differ"
  grep -q '^libc\.so\.6(GLIBC_' <<<"$(rpm -qpR "$rpm" 2>/dev/null)" || fail "$name's .rpm does not say which libc it needs"
  ok "signed and whole: $(basename "$rpm")"
done
gpg --batch --quiet --verify "$work/first/SHA256SUMS.asc" "$work/first/SHA256SUMS" 2>/dev/null || fail "the checksums are not signed"
(cd "$work/first" && sha256sum --quiet -c SHA256SUMS) || fail "a checksum is wrong"
ok "checksums signed and right"
