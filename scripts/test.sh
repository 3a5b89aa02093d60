#!/usr/bin/env bash
# Unit, property, whole-system, interoperability and window tests.
set -euo pipefail
cd "$(dirname "$0")/.."
(cd ui && npm test --silent)
cargo test --locked --workspace --features practice,e2e --no-fail-fast -- --test-threads=2
cargo test --locked -p signet-stepup --features ctap,hid,pcsc
