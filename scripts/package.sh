#!/usr/bin/env bash
# Builds the installers of this platform: a release build, without practice, e2e or bench.
#
#   scripts/package.sh [gateway]    `gateway`: that one only
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --locked --release -p signet-gateway --bin signet-gateway
packaging/gateway/build.sh target/release/signet-gateway target/package
[ "${1:-}" != gateway ] || exit 0
# Not among the page's packages: its lock file would have to name every platform's binary.
tauri=target/tauri-cli/node_modules/.bin/tauri
[ -x "$tauri" ] || npm install --no-save --no-audit --no-fund --loglevel=error --prefix target/tauri-cli @tauri-apps/cli@2.12.5
"$tauri" build --features custom-protocol
if grep -qaE 'Practice venue|Signet virtual keys' target/release/signet-desk; then
  echo "package: the practice venue is in the release build" >&2; exit 1
fi
ls -l target/release/bundle/*/*.{deb,rpm} target/package/*
