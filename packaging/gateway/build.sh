#!/usr/bin/env bash
# Builds the gateway's .deb, and its .rpm where rpmbuild is: build.sh BINARY OUT
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
binary=$(realpath "$1")
# shellcheck source=packaging/linux.sh
. "$here/../linux.sh"
begin signet-gateway "$2"

put_program "$binary"
for unit in signet-gateway.service signet-gateway-renew.service signet-gateway-renew.timer; do
  put 644 "$here/$unit" usr/lib/systemd/system/$unit
done
put 644 "$here/sysusers.conf" usr/lib/sysusers.d/signet-gateway.conf
put 644 "$here/tmpfiles.conf" usr/lib/tmpfiles.d/signet-gateway.conf
"$binary" pages --out "$work/pages"
put_pages "$work/pages"

doc=usr/share/doc/signet-gateway
for example in "$repo"/gateway/*.example.* "$repo"/gateway/risk-score.toml "$here"/answers.example.toml; do
  put 644 "$example" "$doc/examples/$(basename "$example")"
done
for page in admins entitlements events evidence risk siem signals protocol metrics; do
  put 644 "$repo/docs/$page.md" "$doc/$page.md"
done
put 644 "$repo/LICENSE" "$doc/copyright"
put 644 "$repo/NOTICE" "$doc/NOTICE"

echo "package: systemd-analyze security, of 10 (lower exposes less):"
if command -v systemd-analyze >/dev/null; then
  for unit in signet-gateway signet-gateway-renew; do
    systemd-analyze security --offline=true --no-pager "$root/usr/lib/systemd/system/$unit.service" |
      grep 'Overall exposure' || true
  done
else
  echo "package: systemd-analyze is not here"
fi

needed=$(libraries)
make_deb "$here" "$needed, systemd | systemd-standalone-sysusers, systemd | systemd-standalone-tmpfiles, ca-certificates" \
  "Section: net" \
  "enforcement point between traders' desks and dealers (FIX RFQ)
 Signet Gateway admits traders' desks by certificate, risk and security key, asks
 the firm's policies about each request for quote and each trade, and routes them
 to dealers over FIXS. Nothing is started at installation; signet-gateway init
 makes the first configuration."
make_rpm "$here/signet-gateway.spec"
at_most 25000000
