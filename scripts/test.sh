#!/usr/bin/env bash
# Unit, property, whole-system, interoperability and window tests.
set -euo pipefail
cd "$(dirname "$0")/.."
(cd ui && npm test --silent)
# The desk turns on every way to reach a security key, so those of signet-stepup are tested here, too.
cargo test --locked --workspace --features practice,e2e --no-fail-fast -- --test-threads=2
