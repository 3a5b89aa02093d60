#!/usr/bin/env bash
# Builds the gateway's container image from its .deb, without Docker and without an image of a registry: oci.sh [DEB] [OUT]
# OUT (default target/package) gets signet-gateway-VERSION.oci.tar, an OCI image layout (podman load, skopeo, docker load).
# Debian 12 with mmdebstrap and buildah; needs root, for the files' owners.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
repo=$(cd "$here/../.." && pwd)
fail() { printf 'oci: %s\n' "$*" >&2; exit 1; }
for tool in mmdebstrap buildah; do
  command -v "$tool" >/dev/null || fail "$tool is missing: apt-get install mmdebstrap buildah"
done
[ "$(id -u)" = 0 ] || fail "needs root; run it with sudo"
deb=${1:-$({ find "$repo/target/package" -name 'signet-gateway_*.deb' 2>/dev/null || true; } | sort -V | tail -n 1)}
[ -f "$deb" ] || fail "there is no package; make package-gateway builds it"
out=${2:-$repo/target/package}
version=$(dpkg-deb -f "$deb" Version)
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$repo" log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$here/Containerfile" "$work/"
# dpkg in the root needs the package at the place that apt outside of it names: mmdebstrap's hook puts it there. What the hook
# leaves is removed after it, with the logs.
cp "$deb" "$work/signet-gateway.deb"
# mmdebstrap names the root as $1. Licences stay: they are handed out with what they cover.
# shellcheck disable=SC2016
mmdebstrap --quiet --variant=essential --include=systemd-standalone-sysusers,systemd-standalone-tmpfiles,ca-certificates \
  --include="$work/signet-gateway.deb" --hook-dir=/usr/share/mmdebstrap/hooks/file-mirror-automount \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
  --customize-hook='rm -rf "${1:?}"/var/cache/* "${1:?}"/var/log/*' --customize-hook="rm -rf \"\${1:?}\"'$work'" bookworm "$work/rootfs.tar" >"$work/log" 2>&1 ||
  { cat "$work/log" >&2; fail "no root file system"; }
buildah --storage-driver vfs --root "$work/storage" --runroot "$work/run" build --quiet --isolation chroot \
  --timestamp "$SOURCE_DATE_EPOCH" --tag "signet-gateway:$version" "$work" >/dev/null
buildah --storage-driver vfs --root "$work/storage" --runroot "$work/run" push --quiet "signet-gateway:$version" \
  "oci-archive:$out/signet-gateway-$version.oci.tar:signet-gateway:$version"
ls -l "$out/signet-gateway-$version.oci.tar"
