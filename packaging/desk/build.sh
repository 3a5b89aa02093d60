#!/usr/bin/env bash
# Builds the desk's .deb, and its .rpm where rpmbuild is: build.sh BINARY OUT
#
# Not with Tauri's bundler: it fixes neither times nor order, ships no man page, no completions and no rules for
# security keys, and would be a second way to make what linux.sh makes for the gateway.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
binary=$(realpath "$1")
# shellcheck source=packaging/linux.sh
. "$here/../linux.sh"
begin signet-desk "$2"

put_program "$binary"
put 644 "$here/signet-desk.desktop" usr/share/applications/signet-desk.desktop
for size in 32 64 128; do
  put 644 "$repo/icons/${size}x$size.png" "usr/share/icons/hicolor/${size}x$size/apps/signet-desk.png"
done
put 644 "$repo/icons/128x128@2x.png" usr/share/icons/hicolor/256x256/apps/signet-desk.png
for unit in signet-desk-update.service signet-desk-update.timer; do
  put 644 "$here/$unit" "usr/lib/systemd/system/$unit"
done
put 644 "$here/tmpfiles.conf" usr/lib/tmpfiles.d/signet-desk.conf
put 755 "$repo/packaging/release_list.py" usr/share/doc/signet-desk/examples/release_list.py
put 644 "$here/70-signet-security-keys.rules" usr/lib/udev/rules.d/70-signet-security-keys.rules
# Written by hand, as the program has no generator: each must know every word of --help.
words=$("$binary" --help | grep -oE -- '--[a-z]+|^ +signet-desk [a-z]+( [a-z]+)?' | sed 's/.*signet-desk //' | tr ' ' '\n' | sort -u)
for page in "$here"/pages/*; do
  for word in $words; do
    sed 's/\\f.//g; s/\\//g' "$page" | grep -qwe "${word#--}" || { echo "package: $(basename "$page") does not know $word" >&2; exit 1; }
  done
done
cp -r "$here/pages" "$work/pages"
put_pages "$work/pages"

doc=usr/share/doc/signet-desk
put 644 "$repo/src-tauri/desk.example.toml" "$doc/examples/desk.toml"
put 644 "$repo/packaging/desk/policy/managed.example.toml" "$doc/examples/managed.toml"
put 644 "$repo/docs/traders.md" "$doc/traders.md"
put 644 "$repo/docs/managed.md" "$doc/managed.md"
put 644 "$repo/docs/updates.md" "$doc/updates.md"
put 644 "$repo/LICENSE" "$doc/copyright"
put 644 "$repo/NOTICE" "$doc/NOTICE"

needed=$(libraries)
# The tray's library is opened when the program runs, and may be missing.
make_deb "$here" "$needed" \
  "Recommends: libayatana-appindicator3-1, gnome-keyring | kwalletmanager
Suggests: pcscd, libtss2-tcti-device0
Section: net" \
  "request quotes and trade over FIXS from any network
 Signet Desk asks dealers for prices and trades on them over FIX with mutual TLS.
 The trader's key lies in the keychain of the desktop or in a PKCS#11 token, and
 a FIDO2 security key is touched where risk or the trade asks for it. There is no
 IP allow-list and no VPN."
make_rpm "$here/signet-desk.spec"
at_most 15000000
