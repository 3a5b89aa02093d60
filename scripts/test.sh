#!/usr/bin/env bash
# Unit, property, whole-system, interoperability and window tests.
set -euo pipefail
cd "$(dirname "$0")/.."
(cd ui && npm test --silent)
# The desk turns on every way to reach a security key, so those of signet-stepup are tested here, too.
# Four at a time on two cores: many tests wait for processes, networks and clocks.
cargo test --locked --workspace --features practice,e2e --no-fail-fast -- --test-threads=4
