#!/usr/bin/env bash
# Everything a reviewer should not have to say.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo fmt --all -- --check
cargo clippy --locked --workspace --all-targets -- -D warnings
cargo clippy --locked -p signet-desk --all-targets --features practice,e2e -- -D warnings
cargo clippy --locked -p signet-fix --no-default-features -- -D warnings
cargo clippy --locked -p signet-stepup --all-targets --features ctap,hid,pcsc -- -D warnings
RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps --quiet
(cd ui && npm run --silent check)
# Licences, advisories, sources: when the tool is on the machine.
if command -v cargo-deny >/dev/null; then cargo deny --offline check licenses bans sources 2>/dev/null || cargo deny check licenses bans sources; else
  echo "lint: cargo-deny is not installed; licences and advisories were not checked (cargo install cargo-deny)"
fi
# Demonstration parts, the virtual security key's firmware among them, stay out of what ships.
for shipped in "signet-desk --features custom-protocol" "signet-gateway"; do
  # shellcheck disable=SC2086 # a package and its features
  parts=$(cargo tree --locked -e normal,build --target all --prefix none -p $shipped) || { echo "lint: cargo tree failed for $shipped"; exit 1; }
  if grep -E '^(signet-(vkey|softkey|test-mmdb|practice|devca|dealer|bench)|fido-authenticator|trussed[a-z-]*|ctap-types|littlefs2[a-z-]*) ' <<<"$parts"; then
    echo "lint: parts of the demonstration are in $shipped"; exit 1
  fi
done
# Nothing of this workplace, no secret, may be in the tree.
if git grep -nE -e '-----BEGIN (EC |RSA |)PRIVATE KEY' -- ':!*.md' ':!scripts/lint.sh' | grep -v 'tests/\|src/'; then
  echo "lint: a private key is in the tree"; exit 1
fi
