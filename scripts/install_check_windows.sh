#!/usr/bin/env bash
# Installs, upgrades and removes the Windows installers silently under wine: install_check_windows.sh [FOLDER]
#
# FOLDER (default target/package) holds signet-desk-VERSION-setup.exe and .msi. Signs copies with a certificate made for
# this run and verifies the signatures with osslsigncode. wine shows that files, registry and exit statuses are right;
# it has no SmartScreen and no WebView2. The prefix is made for this run.
set -euo pipefail
cd "$(dirname "$0")/.."
fail() { printf 'install: %s\n' "$*" >&2; exit 1; }
ok() { printf 'install: %s\n' "$*"; }
for tool in wine osslsigncode openssl; do
  command -v "$tool" >/dev/null || fail "$tool is missing: apt-get install wine wine64 osslsigncode openssl"
done
from=$(realpath "${1:-target/package}")
setup=$(find "$from" -name 'signet-desk-*-setup.exe' | head -n 1)
msi=$(find "$from" -name 'signet-desk-*.msi' | head -n 1)
if [ ! -f "$setup" ] || [ ! -f "$msi" ]; then fail "no installers in $from"; fi
work=$(mktemp -d)
export WINEPREFIX=$work/wine WINEDEBUG=-all WINEDLLOVERRIDES='mscoree,mshtml='
unset DISPLAY WAYLAND_DISPLAY
mkdir -p "$WINEPREFIX"
trap 'wineserver -k >/dev/null 2>&1 || true; rm -rf "$work"' EXIT
wineboot --init >/dev/null 2>&1 || true
folder="$WINEPREFIX/drive_c/Program Files/Signet Desk"
registry() { wine reg query "$1" /v "$2" /reg:64 2>/dev/null | tr -d '\r' | sed -n "s/^ *$2 *REG_[A-Z]* *//p"; }
command_of_links() { wine reg query 'HKLM\Software\Classes\signet\shell\open\command' /ve /reg:64 2>/dev/null | tr -d '\r' | grep -c 'signet-desk.exe' || true; }
version=$(basename "$setup" | sed 's/signet-desk-\(.*\)-setup.exe/\1/')

installed() {
  for file in signet-desk.exe WebView2Loader.dll LICENSE.txt; do
    [ -f "$folder/$file" ] || fail "$1 did not install $file"
  done
  wine "$folder/signet-desk.exe" --version 2>/dev/null | grep -q "signet-desk $version" || fail "$1: the program does not say its version"
  [ "$(command_of_links)" = 1 ] || fail "$1: signet:// is not registered"
}
removed() {
  [ ! -e "$folder/signet-desk.exe" ] || fail "$1 left the program"
  [ "$(command_of_links)" = 0 ] || fail "$1 left the links"
}

wine "$setup" /S || fail "the installer failed"
installed "the installer"
[ "$(registry 'HKLM\Software\Microsoft\Windows\CurrentVersion\Uninstall\SignetDesk' DisplayVersion)" = "$version" ] || fail "no version in the registry"
wine "$setup" /S || fail "a second installation failed"
installed "a second installation"
# A newer one is there: not put back.
wine reg add 'HKLM\Software\Microsoft\Windows\CurrentVersion\Uninstall\SignetDesk' /v DisplayVersion /d 99.0.0 /f /reg:64 >/dev/null 2>&1
if wine "$setup" /S; then fail "an older version was installed over a newer one"; fi
ok "refused: an older version over a newer one"
# It goes on in a copy of itself, which cannot be waited for.
wine "$folder/uninstall.exe" /S || fail "removal failed"
for _ in $(seq 120); do [ -e "$folder" ] || break; sleep 0.5; done
removed "the uninstaller"
ok "installed and removed silently: $(basename "$setup")"

wine msiexec /i "$(wine winepath -w "$msi" | tr -d '\r')" /qn || fail "msiexec /i failed"
installed "the MSI"
wine msiexec /x "$(wine winepath -w "$msi" | tr -d '\r')" /qn || fail "msiexec /x failed"
removed "msiexec /x"
ok "installed and removed silently: $(basename "$msi")"

openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj "/CN=Signet check" -addext "extendedKeyUsage=codeSigning" \
  -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null
for file in "$setup" "$msi"; do
  signed=$work/$(basename "$file")
  osslsigncode sign -certs "$work/cert.pem" -key "$work/key.pem" -h sha256 -in "$file" -out "$signed" >/dev/null || fail "$(basename "$file") cannot be signed"
  osslsigncode verify -CAfile "$work/cert.pem" -in "$signed" >/dev/null 2>&1 || fail "the signature of $(basename "$file") does not verify"
  cp "$signed" "$work/bad"
  printf X | dd of="$work/bad" bs=1 seek=20000 conv=notrunc status=none
  osslsigncode verify -CAfile "$work/cert.pem" -in "$work/bad" >/dev/null 2>&1 && fail "a changed $(basename "$file") verifies"
  ok "signed with a test certificate, verified, and refused with one byte changed: $(basename "$file")"
done
