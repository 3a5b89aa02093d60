#!/usr/bin/env bash
# Builds the installers of this platform: a release build, without practice, e2e or bench; checks what was built; and
# signs it where a key is named.
#
#   scripts/package.sh [desk|gateway|windows]    without a word: desk and gateway; windows: the desk's NSIS and MSI
#                                                installers, cross-built on Debian
#
# SIGNET_SIGN_KEY   fingerprint of an OpenPGP key of this user's GnuPG, which may lie on a smart card: signs the
#                   checksums, each .rpm, and the apt and dnf repositories. Without it all is unsigned, and said so.
# Results are in target/package: .deb, .rpm, bills of materials, provenance, checksums, and repository/.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
what=${1:-both}
case "$what" in
  desk) names=(signet-desk) ;;
  gateway) names=(signet-gateway) ;;
  windows) names=() ;;
  both) names=(signet-gateway signet-desk) ;;
  *) echo "usage: scripts/package.sh [desk|gateway|windows]" >&2; exit 2 ;;
esac
fail() { printf 'package: %s\n' "$*" >&2; exit 1; }
cargo_home=${CARGO_HOME:-$HOME/.cargo}
# Compilers read their flags word by word, and these flags name folders.
[[ $root$cargo_home != *[[:space:]]* ]] || fail "the folders of the sources and of cargo must have no spaces in their names: $root, $cargo_home"
[ "$(uname -sm)" = "Linux x86_64" ] || fail "packages are built on Linux on x86_64, and this is $(uname -sm); on a Mac: make package-macos"
# Said now, and not after a build of half an hour.
if [ "$what" = windows ]; then
  for tool in makensis wixl x86_64-w64-mingw32-gcc-posix x86_64-w64-mingw32-g++-posix; do
    command -v "$tool" >/dev/null || fail "$tool is missing: apt-get install nsis wixl gcc-mingw-w64-x86-64-posix g++-mingw-w64-x86-64-posix"
  done
  [ -d "$(rustc --print sysroot)/lib/rustlib/x86_64-pc-windows-gnu" ] || fail "Rust's library for Windows is missing: rustup target add x86_64-pc-windows-gnu"
fi
out=$root/target/package
mkdir -p "$out"
commit=$(git rev-parse HEAD) || fail "packages name the commit that they are built from, so build them in a clone of the repository"
# What this run makes, apart from what others left in $out.
made=$root/target/ship/made

# The list of crates goes into each program (cargo audit bin reads it); no path of this machine does. A folder of its
# own: other builds have other flags.
tools=$(scripts/tools.sh cargo-auditable cargo-cyclonedx)
PATH="$tools:$PATH"
export CARGO_TARGET_DIR=$root/target/ship
sysroot=$(rustc --print sysroot)
export RUSTFLAGS="--remap-path-prefix=$cargo_home=/cargo --remap-path-prefix=$root=/signet --remap-path-prefix=$sysroot=/rust"
hardened="-fstack-protector-strong -fcf-protection -D_FORTIFY_SOURCE=2 -ffile-prefix-map=$cargo_home=/cargo -ffile-prefix-map=$root=/signet"
export CFLAGS="$hardened" CXXFLAGS="$hardened"
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH

version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
# finished NAME: says how the packages in $made were built, and hands them out.
finished() {
  local file
  python3 packaging/provenance.py "$made" "$1" "$commit" "scripts/package.sh $what"
  # A folder may hold several versions: a file that names none would be replaced by that of the next one.
  for file in "$made"/*; do
    [[ $(basename "$file") = *"$version"* ]] || fail "$(basename "$file") does not name version $version"
  done
  mv "$made"/* "$out/"
}

began=$SECONDS
for name in "${names[@]}"; do
  rm -rf "$made"
  mkdir -p "$made"
  features=()
  [ "$name" != signet-desk ] || features=(--features custom-protocol)
  cargo auditable build --locked --release -p "$name" --bin "$name" "${features[@]}"
  python3 scripts/release_checks.py "$name" "$CARGO_TARGET_DIR/release/$name"
  "packaging/${name#signet-}/build.sh" "$CARGO_TARGET_DIR/release/$name" "$made"
  packaging/bill_of_materials.sh "$name" "$made"
  finished "$name-$version-linux"
done
if [ "$what" = windows ]; then
  rm -rf "$made"
  mkdir -p "$made"
  # shellcheck source=scripts/cross/windows.sh
  . scripts/cross/windows.sh
  # The hardening flags are those of ELF.
  export CFLAGS="-ffile-prefix-map=$cargo_home=/cargo" CXXFLAGS="-ffile-prefix-map=$cargo_home=/cargo"
  cargo auditable build --locked --release --target x86_64-pc-windows-gnu -p signet-desk --bin signet-desk --features custom-protocol
  packaging/windows/build.sh "$CARGO_TARGET_DIR/x86_64-pc-windows-gnu/release/signet-desk.exe" "$made"
  packaging/bill_of_materials.sh signet-desk "$made" windows
  finished "signet-desk-$version-windows"
fi
packaging/sign.sh "$out"
echo "package: $((SECONDS - began)) s; what was made is in target/package"
ls -l "$out"
