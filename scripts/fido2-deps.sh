#!/usr/bin/env bash
# Installs Yubico's python-fido2 into target/interop/fido2: a Python environment of its own that also
# sees the system's packages, for python3-pyscard. Runs again in no time.
set -euo pipefail
cd "$(dirname "$0")/.."
pins=$PWD/tests/interop/fido2-requirements.txt
out=${CARGO_TARGET_DIR:-$PWD/target}/interop

fail() { printf 'signet: %s\n' "$*" >&2; exit 1; }

# The system's own Python: another one would not see the system's packages.
python=/usr/bin/python3
[ -x "$python" ] || python=python3

mkdir -p "$out"
exec 9>"$out/fido2.lock" # two tests may want it at once
flock 9

if ! cmp -s "$pins" "$out/fido2.installed"; then
  "$python" -c 'import venv, ensurepip' 2>/dev/null || fail "Python 3 with venv is missing (Debian: apt-get install python3-venv)."
  rm -rf "$out/fido2"
  "$python" -m venv --system-site-packages "$out/fido2"
  "$out/fido2/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: -r "$pins" >&2 ||
    fail "pip could not install tests/interop/fido2-requirements.txt; is the package index reachable?"
  cp "$pins" "$out/fido2.installed"
fi
