#!/usr/bin/env bash
# Installs, upgrades and removes the Windows installers silently under wine: install_check_windows.sh [FOLDER]
#
# FOLDER (default target/package) holds signet-desk-VERSION-setup.exe and .msi. Signs copies with a certificate made for
# this run and verifies the signatures with osslsigncode. wine shows that files, registry and exit statuses are right;
# it has no SmartScreen, no WebView2 and no rights of files. The prefix is made for this run.
set -euo pipefail
cd "$(dirname "$0")/.."
fail() { printf 'install: %s\n' "$*" >&2; exit 1; }
ok() { printf 'install: %s\n' "$*"; }
for tool in wine osslsigncode openssl msibuild; do
  command -v "$tool" >/dev/null || fail "$tool is missing: apt-get install wine wine64 osslsigncode openssl msitools"
done
from=${1:-target/package}
[ -d "$from" ] || fail "there is no $from; make package-windows makes the installers"
from=$(realpath "$from")
setup=$(find "$from" -name 'signet-desk-*-setup.exe' | sort -V | tail -n 1)
msi=$(find "$from" -name 'signet-desk-*.msi' | sort -V | tail -n 1)
if [ ! -f "$setup" ] || [ ! -f "$msi" ]; then fail "no installers in $from; make package-windows makes them"; fi
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
  for file in signet-desk.exe WebView2Loader.dll LICENSE.txt update-task.xml; do
    [ -f "$folder/$file" ] || fail "$1 did not install $file"
  done
  wine "$folder/signet-desk.exe" --version 2>/dev/null | grep -q "signet-desk $version" || fail "$1: the program does not say its version"
  [ "$(command_of_links)" = 1 ] || fail "$1: signet:// is not registered"
}
removed() {
  [ ! -e "$folder/signet-desk.exe" ] || fail "$1 left the program"
  [ "$(command_of_links)" = 0 ] || fail "$1 left the links"
}

# What a trader may have: the folders that `signet-desk erase` deletes.
data="$WINEPREFIX/drive_c/users/$(id -un)/AppData/Roaming/desk.signet"
local_data="$WINEPREFIX/drive_c/users/$(id -un)/AppData/Local/desk.signet"
own_something() { mkdir -p "$data" && echo mine >"$data/history"; }
gone() { for _ in $(seq 120); do [ -e "$1" ] || return 0; sleep 0.5; done; return 1; }
# It goes on in a copy of itself, which cannot be waited for.
uninstall() {
  wine "$folder/uninstall.exe" /S "$@" || fail "removal failed"
  gone "$folder" || fail "the uninstaller left $(ls -A "$folder")"
}
# How many of our products Windows lists.
products() {
  wine reg query 'HKLM\Software\Microsoft\Windows\CurrentVersion\Uninstall' /s /reg:64 2>/dev/null | tr -d '\r' | grep -c 'DisplayName.*Signet Desk' || true
}
windows_path() { wine winepath -w "$1" | tr -d '\r'; }

wine "$setup" /S || fail "the installer failed"
installed "the installer"
[ "$(registry 'HKLM\Software\Microsoft\Windows\CurrentVersion\Uninstall\SignetDesk' DisplayVersion)" = "$version" ] || fail "no version in the registry"
wine "$setup" /S || fail "a second installation failed"
installed "a second installation"
# The removal of either would take the program of the other.
if wine msiexec /i "$(windows_path "$msi")" /qn; then fail "the MSI was installed over the setup"; fi
[ "$(products)" = 1 ] || fail "the refused MSI left $(products) products"
installed "the setup after the refused MSI"
ok "refused: the MSI where the setup is"
# A newer one is there: not put back.
wine reg add 'HKLM\Software\Microsoft\Windows\CurrentVersion\Uninstall\SignetDesk' /v DisplayVersion /d 99.0.0 /f /reg:64 >/dev/null 2>&1
if wine "$setup" /S; then fail "an older version was installed over a newer one"; fi
ok "refused: an older version over a newer one"
wine "$setup" /S /BACK || fail "the installer does not go back"
installed "going back"
[ "$(registry 'HKLM\Software\Microsoft\Windows\CurrentVersion\Uninstall\SignetDesk' DisplayVersion)" = "$version" ] || fail "going back left the newer version in the registry"
ok "went back as the desk's update does: $(basename "$setup") /BACK"
marks="$WINEPREFIX/drive_c/ProgramData/Signet/desks"
[ -d "$marks" ] || fail "no folder for the marks of desks"
own_something
mkdir -p "$folder/update/packages"
touch "$marks/desk-0"
uninstall
removed "the uninstaller"
[ -f "$data/history" ] || fail "the uninstaller took what a trader had"
[ ! -e "$marks" ] || fail "the uninstaller left the marks of desks"
ok "installed and removed silently, and the trader's data kept: $(basename "$setup")"
mkdir -p "$local_data" "$work/elsewhere"
wine "$setup" /S || fail "the installer failed"
# A user's link in the folder of marks.
touch "$work/elsewhere/desk-1"
ln -s "$work/elsewhere" "$marks/linked"
uninstall /ERASE
removed "uninstall.exe /ERASE"
[ -f "$work/elsewhere/desk-1" ] || fail "the uninstaller followed a link out of the folder of marks"
rm -f "$marks/linked"
if [ -e "$data" ] || [ -e "$local_data" ]; then fail "uninstall.exe /ERASE left what a trader had"; fi
ok "removed with the trader's data: uninstall.exe /S /ERASE"
# Nothing is removed if they cannot be deleted. A program of wine stands in for a desk that refuses.
refusing() { cp "$WINEPREFIX/drive_c/windows/system32/taskkill.exe" "$folder/signet-desk.exe"; }
kept() {
  if [ ! -f "$folder/WebView2Loader.dll" ] || [ ! -f "$data/history" ]; then fail "$1 removed something although keys could not be deleted"; fi
}
own_something
wine "$setup" /S || fail "the installer failed"
refusing
log="$WINEPREFIX/drive_c/users/$(id -un)/AppData/Local/Temp/signet-setup.log"
# Not the text of an earlier refusal.
rm -f "$log"
wine "$folder/uninstall.exe" /S /ERASE || true
for _ in $(seq 120); do [ ! -f "$log" ] || break; sleep 0.5; done
[ -f "$log" ] || fail "uninstall.exe /ERASE does not say why it refused"
kept "uninstall.exe /ERASE"
uninstall
ok "refused: removal with keys that cannot be deleted"

wine msiexec /i "$(windows_path "$msi")" /qn || fail "msiexec /i failed"
installed "the MSI"
if wine "$setup" /S; then fail "the setup was installed over the MSI"; fi
ok "refused: the setup where the MSI is"
[ -d "$marks" ] || fail "no folder for the marks of desks"
own_something
wine msiexec /x "$(windows_path "$msi")" /qn || fail "msiexec /x failed"
removed "msiexec /x"
[ -f "$data/history" ] || fail "msiexec /x took what a trader had"
ok "installed and removed silently, and the trader's data kept: $(basename "$msi")"
wine msiexec /i "$(windows_path "$msi")" /qn || fail "msiexec /i failed"
wine msiexec /x "$(windows_path "$msi")" /qn ERASE=1 || fail "msiexec /x ERASE=1 failed"
removed "msiexec /x ERASE=1"
[ ! -e "$data" ] || fail "msiexec /x ERASE=1 left what a trader had"
ok "removed with the trader's data: msiexec /x ERASE=1"

wine msiexec /i "$(windows_path "$msi")" /qn || fail "msiexec /i failed"
own_something
refusing
if wine msiexec /x "$(windows_path "$msi")" /qn ERASE=1; then fail "msiexec /x ERASE=1 went through although keys could not be deleted"; fi
kept "msiexec /x ERASE=1"
wine msiexec /x "$(windows_path "$msi")" /qn || fail "msiexec /x failed"
ok "refused: msiexec /x with keys that cannot be deleted"

# The same package as another product of a newer version.
newer=$work/newer.msi
cp "$msi" "$newer"
set_property() { msibuild "$newer" -q "UPDATE \`Property\` SET \`Value\` = '$2' WHERE \`Property\` = '$1'"; }
set_property ProductVersion 99.0.0
set_property ProductCode "{11111111-2222-4333-8444-555555555555}"
msibuild "$newer" -s "Signet Desk" Signet "x64;1033" "{11111111-2222-4333-8444-555555555556}"
wine msiexec /i "$(windows_path "$newer")" /qn || fail "the newer MSI failed"
own_something
if wine msiexec /i "$(windows_path "$msi")" /qn ERASE=1; then fail "an older MSI was installed over a newer one"; fi
ok "refused: an older MSI over a newer one"
wine msiexec /i "$(windows_path "$msi")" /qn BACK=1 ERASE=1 || fail "the MSI does not go back"
installed "going back with the MSI"
[ -f "$data/history" ] || fail "a change of version took what a trader had"
[ "$(products)" = 1 ] || fail "going back left $(products) products"
wine msiexec /x "$(windows_path "$msi")" /qn || fail "msiexec /x failed"
removed "msiexec /x after going back"
ok "went back as the desk's update does: $(basename "$msi") BACK=1"

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
