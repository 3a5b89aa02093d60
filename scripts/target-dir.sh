#!/usr/bin/env bash
# Prints the folder that cargo builds into: target, unless CARGO_TARGET_DIR or cargo's own settings name another one.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo metadata --locked --no-deps --format-version 1 | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p' | grep .
