#!/usr/bin/env bash
# Everything a reviewer should not have to say. A tool that is missing is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() { printf 'lint: %s\n' "$*" >&2; exit 1; }
for tool in shellcheck python3 npm git; do
  command -v "$tool" >/dev/null || fail "$tool is missing; make deps installs it"
done

# An archive that was unpacked, also one inside another repository: every check of files would find none, and pass.
if ! up=$(git rev-parse --show-cdup) || [ -n "$up" ]; then
  fail "the names of the files come from git, and $PWD is not the top of a clone that this user may read. In an unpacked archive: git init && git add -A"
fi

# What needs no build comes first.
python3 scripts/secrets.py --self-test
python3 scripts/secrets.py
python3 scripts/docs.py --self-test
python3 scripts/docs.py
scripts/release_ref.sh --self-test
python3 scripts/arrows.py
python3 scripts/sizes.py
# The scripts of packages have no ending.
git ls-files -z '*.sh' .ci/run 'packaging/*/p*inst' 'packaging/*/p*rm' 'packaging/macos/p*install' | xargs -0 shellcheck -x
while read -r mode _ _ path; do
  if [ "$mode" != 100755 ] && [ "$(head -c 2 "$path" | tr -d '\0')" = '#!' ]; then fail "$path is not executable (git add --chmod=+x)"; fi
done < <(git ls-files -s -- scripts packaging/*.sh packaging/*/*.sh .ci)
(cd ui && npm run --silent lint)
cargo fmt --all -- --check

cargo clippy --locked --workspace --all-targets -- -D warnings
# The whole workspace again: with other packages chosen, cargo would check what all of them share once more.
cargo clippy --locked --workspace --all-targets --features practice,e2e -- -D warnings
cargo clippy --locked -p signet-fix --no-default-features -- -D warnings
cargo clippy --locked -p signet-identity --no-default-features -- -D warnings
RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps --quiet
(cd ui && npm run --silent check)

# Licences, bans and sources. Advisories need RUSTSEC's database, a git repository: they are checked
# where a copy of it is (CARGO_DENY_ADVISORIES=1), and it is said where they are not.
tools=$(scripts/tools.sh cargo-deny)
"$tools/cargo-deny" --locked check --hide-inclusion-graph licenses bans sources
if [ -n "${CARGO_DENY_ADVISORIES:-}" ]; then
  "$tools/cargo-deny" --locked check advisories
else
  echo "lint: advisories were not checked; CARGO_DENY_ADVISORIES=1 checks them where RUSTSEC's database can be fetched"
fi

# Demonstration parts, the virtual security key's firmware among them, stay out of what ships.
for shipped in "signet-desk --features custom-protocol" "signet-gateway"; do
  # shellcheck disable=SC2086 # a package and its features
  parts=$(cargo tree --locked -e normal,build --target all --prefix none -p $shipped) || fail "cargo tree failed for $shipped"
  if grep -E '^(signet-(console-tests|vkey|softkey|test-mmdb|practice|devca|dealer|bench|hostile)|fido-authenticator|trussed[a-z-]*|ctap-types|littlefs2[a-z-]*) ' <<<"$parts"; then
    fail "parts of the demonstration are in $shipped"
  fi
done

# A server has no desktop keychain.
parts=$(cargo tree --locked -e normal,build --target all --prefix none -p signet-gateway) || fail "cargo tree failed for signet-gateway"
keychain='keyring-core|secret-service|zbus[a-z-]*|windows-native-keyring-store|apple-native-keyring-store'
if found=$(grep -oE "^($keychain) " <<<"$parts" | sort -u | tr -d '\n'); then
  fail "signet-gateway links $found"
fi
