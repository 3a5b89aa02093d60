#!/usr/bin/env bash
# Builds the gateway's .deb, and its .rpm where rpmbuild is: build.sh BINARY OUT
#
# With dpkg-deb and rpmbuild, which every Debian has or can install, and not with cargo-deb and cargo-generate-rpm: two more
# programs to build and trust would make the same archives from the same list. Files are staged once for both. The same
# binary and commit give the same bytes: owners, order and times are fixed (SOURCE_DATE_EPOCH, by default the commit's).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
repo=$(cd "$here/../.." && pwd)
binary=$(realpath "$1")
mkdir -p "$2"
out=$(realpath "$2")
export LC_ALL=C TZ=UTC
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$repo" log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$repo/Cargo.toml" | head -n 1)
arch=$(dpkg --print-architecture)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
put() { install -D -m "$1" "$2" "$root/$3"; }

put 755 "$binary" usr/bin/signet-gateway
strip --strip-unneeded "$root/usr/bin/signet-gateway"
for unit in signet-gateway.service signet-gateway-renew.service signet-gateway-renew.timer; do
  put 644 "$here/$unit" usr/lib/systemd/system/$unit
done
put 644 "$here/sysusers.conf" usr/lib/sysusers.d/signet-gateway.conf
put 644 "$here/tmpfiles.conf" usr/lib/tmpfiles.d/signet-gateway.conf

"$binary" pages --out "$work/pages"
for page in "$work"/pages/*.1; do
  gzip -9n "$page"
  put 644 "$page.gz" "usr/share/man/man1/$(basename "$page").gz"
done
put 644 "$work/pages/signet-gateway.bash" usr/share/bash-completion/completions/signet-gateway
put 644 "$work/pages/_signet-gateway" usr/share/zsh/vendor-completions/_signet-gateway
put 644 "$work/pages/signet-gateway.fish" usr/share/fish/vendor_completions.d/signet-gateway.fish

doc=usr/share/doc/signet-gateway
for example in "$repo"/gateway/*.example.* "$repo"/gateway/risk-score.toml "$here"/answers.example.toml; do
  put 644 "$example" "$doc/examples/$(basename "$example")"
done
for page in admins entitlements events evidence risk siem signals protocol metrics; do
  put 644 "$repo/docs/$page.md" "$doc/$page.md"
done
put 644 "$repo/LICENSE" "$doc/copyright"
put 644 "$repo/NOTICE" "$doc/NOTICE"
find "$root" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +

echo "package: systemd-analyze security, of 10 (lower exposes less):"
if command -v systemd-analyze >/dev/null; then
  for unit in signet-gateway signet-gateway-renew; do
    systemd-analyze security --offline=true --no-pager "$root/usr/lib/systemd/system/$unit.service" |
      grep 'Overall exposure' || true
  done
else
  echo "package: systemd-analyze is not here"
fi

# The .deb.
deb=$work/deb
cp -a "$root" "$deb"
mkdir "$deb/DEBIAN"
cat >"$deb/DEBIAN/control" <<CONTROL
Package: signet-gateway
Version: $version
Architecture: $arch
Maintainer: Signet maintainers <maintainers@signet.invalid>
Installed-Size: $(du -sk --apparent-size "$root" | cut -f 1)
Depends: libc6 (>= 2.34), libgcc-s1, libstdc++6 (>= 11), systemd | systemd-standalone-sysusers, systemd | systemd-standalone-tmpfiles, ca-certificates
Section: net
Priority: optional
Description: enforcement point between traders' desks and dealers (FIX RFQ)
 Signet Gateway admits traders' desks by certificate, risk and security key, asks
 the firm's policies about each request for quote and each trade, and routes them
 to dealers over FIXS. Nothing is started at installation; signet-gateway init
 makes the first configuration.
CONTROL
install -m 755 "$here/postinst" "$here/prerm" "$here/postrm" "$deb/DEBIAN/"
(cd "$root" && find . -type f -printf '%P\0' | sort -z | xargs -0 md5sum) >"$deb/DEBIAN/md5sums"
find "$deb" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
dpkg-deb --root-owner-group -Zxz --build "$deb" "$out/signet-gateway_${version}_$arch.deb" >/dev/null

# The .rpm.
if command -v rpmbuild >/dev/null; then
  rpmbuild -bb --quiet --define "_topdir $work/rpm" --define "_buildhost reproducible" \
    --define "use_source_date_epoch_as_buildtime 1" --define "clamp_mtime_to_source_date_epoch 1" \
    --define "signet_version $version" --define "signet_root $root" --define "_rpmdir $out" \
    --define "_build_name_fmt %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm" \
    --define "__os_install_post %{nil}" "$here/signet-gateway.spec"
else
  echo "package: rpmbuild is not here, so there is no .rpm (Debian: apt-get install rpm)"
fi

ls -l "$root/usr/bin/signet-gateway" "$out"/signet-gateway[_-]*
# What administrators wait for when they copy it around; the gateway's .deb stays under 25 MB.
size=$(stat -c %s "$out/signet-gateway_${version}_$arch.deb")
[ "$size" -lt 25000000 ] || { echo "package: the .deb has $size bytes, more than 25 MB" >&2; exit 1; }
