#!/usr/bin/env bash
# Unit, property, whole-system, interoperability and window tests.
set -euo pipefail
cd "$(dirname "$0")/.."
# Tests run in the folders of their crates, and look for what the scripts below unpacked.
if [ -n "${CARGO_TARGET_DIR:-}" ]; then
  mkdir -p "$CARGO_TARGET_DIR"
  CARGO_TARGET_DIR=$(realpath "$CARGO_TARGET_DIR")
  export CARGO_TARGET_DIR
fi
# What tests start and nobody installs: here, since a download is slower than a test is patient.
# unpacked NAME SCRIPT
unpacked() {
  local without=SIGNET_WITHOUT_$1
  [ "${!without:-}" = 1 ] || scripts/"$2" || { echo "test: $without=1 leaves the tests that need it out" >&2; exit 1; }
}
unpacked SIEM siem-deps.sh
unpacked BROWSER browser-deps.sh

(cd ui && npm test --silent)

# The desk turns on every way to reach a security key, so those of signet-stepup are tested here, too.
# Every call has the same packages and features, or cargo would build them once more.
tests() { cargo test --locked --workspace --features practice,e2e --no-fail-fast "$@"; }
tests --no-run

# What computes runs beside what waits for processes, networks and clocks, and gives way to it.
# Windows come last, with the machine to themselves: a person's time is real there.
computes=(schedules)
windows=(window)
all=$(cargo metadata --locked --no-deps --format-version 1 | python3 -c '
import json, sys
for package in json.load(sys.stdin)["packages"]:
    for target in package["targets"]:
        if target["kind"] == ["test"] and target["test"]:
            print(target["name"])' | sort -u)
log=$(mktemp)
trap 'rm -f "$log"' EXIT
failed=0
named() { printf -- '--test\n%s\n' "$@"; }
mapfile -t waits < <(comm -23 <(echo "$all") <(printf '%s\n' "${computes[@]}" "${windows[@]}" | sort) | xargs printf -- '--test\n%s\n')
# Nothing sees a failure in there.
[ ${#waits[@]} -gt 0 ] || { echo "test: the whole tests could not be listed" >&2; exit 1; }
mapfile -t computes < <(named "${computes[@]}")
mapfile -t windows < <(named "${windows[@]}")

nice -n 10 bash -c "$(declare -f tests); tests \"\$@\"" tests --lib "${computes[@]}" -- --test-threads=2 >"$log" 2>&1 &
beside=$!
# Four at a time on two cores.
tests --bins "${waits[@]}" -- --test-threads=4 || failed=1
wait "$beside" || failed=1
# A browser or node that had the same output may have made it one that does not wait, and cat fails then.
python3 -c 'import os, sys; os.set_blocking(1, True); sys.stdout.write(open(sys.argv[1], errors="replace").read())' "$log"
tests "${windows[@]}" -- --test-threads=4 || failed=1
tests --doc || failed=1
for name in SIGNET_WITHOUT_{POSTGRES,SMALL_DISK,NAMESPACES,SOFTHSM,TPM,READERS,SIEM,BROWSER}; do
  if [ "${!name:-}" = 1 ]; then echo "test: $name=1: the tests that need it were left out" >&2; fi
done
exit "$failed"
