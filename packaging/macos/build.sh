#!/usr/bin/env bash
# Builds the desk for macOS: .app, .dmg and .pkg, signed and notarised where the firm's identities are named.
# Runs on a Mac only; build.sh OUT
#
# APPLE_SIGNING_IDENTITY    "Developer ID Application: ..." in this user's keychain
# APPLE_INSTALLER_IDENTITY  "Developer ID Installer: ..."
# APPLE_NOTARY_PROFILE      a profile of `xcrun notarytool store-credentials`
# APPLE_NOTARY_KEYCHAIN     the keychain that has the profile, where that is not the default one
set -euo pipefail
cd "$(dirname "$0")/../.."
[ "$(uname)" = Darwin ] || { echo "package: this runs on a Mac" >&2; exit 1; }
mkdir -p "$1"
out=$(cd "$1" && pwd)
commit=$(git rev-parse HEAD)
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
export CARGO_TARGET_DIR=$PWD/target/ship MACOSX_DEPLOYMENT_TARGET=12.0
for target in aarch64-apple-darwin x86_64-apple-darwin; do
  rustup target add "$target"
  cargo build --locked --release --target "$target" -p signet-desk --bin signet-desk --features custom-protocol
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
made=$work/made
mkdir "$made"
app="$work/Signet Desk.app"
mkdir -p "$app/Contents/MacOS" "$app/Contents/Resources"
lipo -create -output "$app/Contents/MacOS/signet-desk" "$CARGO_TARGET_DIR"/{aarch64,x86_64}-apple-darwin/release/signet-desk
cp icons/icon.icns "$app/Contents/Resources/"
cp LICENSE NOTICE "$app/Contents/Resources/"
sed "s/@VERSION@/$version/" packaging/macos/Info.plist >"$app/Contents/Info.plist"
plutil -lint "$app/Contents/Info.plist" packaging/macos/desk.signet.update.plist
# What root runs for updates (postinstall says why it is another file), with a signature of its own: that of the app's program
# also covers the app.
scripts=$work/scripts
mkdir "$scripts"
cp "$app/Contents/MacOS/signet-desk" "$scripts/signet-desk"

if [ -n "${APPLE_SIGNING_IDENTITY:-}" ]; then
  codesign --force --options runtime --timestamp --identifier desk.signet.update --sign "$APPLE_SIGNING_IDENTITY" "$scripts/signet-desk"
  codesign --verify --strict "$scripts/signet-desk"
  # The hardened runtime, without an exception from it.
  codesign --force --options runtime --timestamp --sign "$APPLE_SIGNING_IDENTITY" "$app"
  codesign --verify --deep --strict "$app"
else
  echo "package: APPLE_SIGNING_IDENTITY is not set: the app is not signed"
fi
dmg=$made/signet-desk-$version.dmg
hdiutil create -quiet -ov -volname "Signet Desk" -srcfolder "$app" -format UDZO "$dmg"
pkg=$made/signet-desk-$version.pkg
signing=()
[ -z "${APPLE_INSTALLER_IDENTITY:-}" ] || signing=(--sign "$APPLE_INSTALLER_IDENTITY")
# Not where a user moved an app of this name to, and also over a newer one, which the script asks about: the desk's update
# goes back.
mkdir "$work/apps"
cp -R "$app" "$work/apps/"
pkgbuild --analyze --root "$work/apps" "$work/parts.plist"
plutil -replace 0.BundleIsRelocatable -bool NO "$work/parts.plist"
plutil -replace 0.BundleIsVersionChecked -bool NO "$work/parts.plist"
sed "s/@VERSION@/$version/" packaging/macos/preinstall >"$scripts/preinstall"
cp packaging/macos/postinstall packaging/macos/desk.signet.update.plist "$scripts/"
chmod 755 "$scripts"/p*install "$scripts/signet-desk"
pkgbuild --root "$work/apps" --component-plist "$work/parts.plist" --scripts "$scripts" \
  --install-location /Applications --identifier desk.signet --version "$version" \
  ${signing[@]+"${signing[@]}"} "$pkg"
if [ -n "${APPLE_NOTARY_PROFILE:-}" ]; then
  for file in "$dmg" "$pkg"; do
    xcrun notarytool submit --wait --keychain-profile "$APPLE_NOTARY_PROFILE" ${APPLE_NOTARY_KEYCHAIN:+--keychain "$APPLE_NOTARY_KEYCHAIN"} "$file"
    xcrun stapler staple "$file"
  done
  spctl --assess --type install "$pkg"
else
  echo "package: APPLE_NOTARY_PROFILE is not set: nothing is notarised"
fi
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) \
  python3 packaging/provenance.py "$made" "signet-desk-$version-macos" "$commit" packaging/macos/build.sh
mv "$made"/* "$out/"
ls -l "$out"
