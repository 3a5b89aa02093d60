#!/usr/bin/env bash
# Builds the installers of this platform: a release build, without practice, e2e or bench.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --locked --release -p signet-gateway
ui/node_modules/.bin/tauri build --features custom-protocol
if grep -qa 'Practice venue' target/release/signet-desk; then
  echo "package: the practice venue is in the release build" >&2; exit 1
fi
ls -l target/release/bundle/*/* target/release/signet-gateway
