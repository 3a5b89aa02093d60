#!/usr/bin/env bash
# Builds the installers for Windows: build.sh SIGNET-DESK.EXE OUT
#
# On Debian with nsis and wixl. WebView2Loader.dll comes from the crate that links it, in cargo's registry.
#
# SIGNET_SIGN_WINDOWS   a command that signs the file named as its last word, in place (Authenticode): osslsigncode with a
#                       key in an HSM, Azure Trusted Signing, or signtool. Without it nothing is signed, and said so.
# SIGNET_WEBVIEW2       Microsoft's bootstrapper (MicrosoftEdgeWebview2Setup.exe), to run where the runtime is missing.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
repo=$(cd "$here/../.." && pwd)
exe=$(realpath "$1")
mkdir -p "$2"
out=$(realpath "$2")
fail() { printf 'package: %s\n' "$*" >&2; exit 1; }
for tool in makensis wixl; do
  command -v "$tool" >/dev/null || fail "$tool is missing (Debian: apt-get install nsis wixl)"
done
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$repo/Cargo.toml" | head -n 1)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
files=$work/files
mkdir "$files"

sign() {
  if [ -n "${SIGNET_SIGN_WINDOWS:-}" ]; then
    # A command with its options, as the setting says it.
    # shellcheck disable=SC2086
    $SIGNET_SIGN_WINDOWS "$1" || fail "$(basename "$1") could not be signed"
  fi
}

cp "$exe" "$files/signet-desk.exe"
loader=$(cargo metadata --locked --format-version 1 --filter-platform x86_64-pc-windows-gnu --manifest-path "$repo/Cargo.toml" |
  python3 -c 'import json, pathlib, sys
for p in json.load(sys.stdin)["packages"]:
    if p["name"] == "webview2-com-sys":
        print(pathlib.Path(p["manifest_path"]).parent / "x64/WebView2Loader.dll")')
[ -f "$loader" ] || fail "webview2-com-sys has no x64/WebView2Loader.dll"
cp "$loader" "$files/"
# With the ends of lines that Notepad of older systems needs.
for text in LICENSE NOTICE; do sed 's/$/\r/' "$repo/$text" >"$files/$text.txt"; done
{ printf '\xff\xfe'; iconv -f UTF-8 -t UTF-16LE "$here/update-task.xml"; } >"$files/update-task.xml"
sign "$files/signet-desk.exe"

setup=$out/signet-desk-$version-setup.exe
more=()
[ -z "${SIGNET_WEBVIEW2:-}" ] || more=("-DWEBVIEW2=$(realpath "$SIGNET_WEBVIEW2")")
# It makes the uninstaller itself, so it also has that signed.
[ -z "${SIGNET_SIGN_WINDOWS:-}" ] || more+=("-DSIGN=$SIGNET_SIGN_WINDOWS")
makensis -V2 -DVERSION="$version" -DFILES="$files" -DOUT="$setup" "${more[@]}" "$here/signet-desk.nsi"
msi=$out/signet-desk-$version.msi
# wixl takes no absolute path of a file.
cp "$here/signet-desk.wxs" "$work/"
(cd "$work" && wixl --arch x64 -D VERSION="$version" -D FILES=files -o "$msi" signet-desk.wxs)
sign "$setup"
sign "$msi"
[ -n "${SIGNET_SIGN_WINDOWS:-}" ] || echo "package: SIGNET_SIGN_WINDOWS is not set: the installers are not signed"
ls -l "$setup" "$msi"
