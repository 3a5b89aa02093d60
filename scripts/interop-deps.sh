#!/usr/bin/env bash
# Installs the counterparties of the interoperability tests into target/interop: a Python environment
# and a Node prefix of their own, pinned versions, nothing on the system. Runs again in no time.
# `interop-deps.sh python` installs the Python environment alone.
set -euo pipefail
cd "$(dirname "$0")/.."
pins=$PWD/tests/interop
out=${CARGO_TARGET_DIR:-$PWD/target}/interop

fail() { printf 'signet: %s\n' "$*" >&2; exit 1; }
# Whether what is installed is what the pins ask for.
current() { [ -f "$out/$1.installed" ] && cat "${@:2}" | cmp -s - "$out/$1.installed"; }

mkdir -p "$out"
exec 9>"$out/lock" # two tests may want it at once
flock 9

if ! current python "$pins/requirements.txt"; then
  python3 -c 'import venv, ensurepip' 2>/dev/null || fail "Python 3 with venv is missing (Debian: apt-get install python3-venv)."
  rm -rf "$out/python"
  python3 -m venv "$out/python"
  "$out/python/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: -r "$pins/requirements.txt" >&2 ||
    fail "pip could not install tests/interop/requirements.txt; is the package index reachable?"
  cat "$pins/requirements.txt" >"$out/python.installed"
fi

if [ "${1:-all}" != python ] && ! current node "$pins/package.json" "$pins/package-lock.json"; then
  command -v npm >/dev/null || fail "Node.js 20 or newer with npm is missing."
  rm -rf "$out/node"
  mkdir -p "$out/node"
  cp "$pins/package.json" "$pins/package-lock.json" "$pins/.npmrc" "$out/node/"
  (cd "$out/node" && npm ci --ignore-scripts --silent >&2) ||
    fail "npm could not install tests/interop/package-lock.json; is the registry reachable?"
  cat "$pins/package.json" "$pins/package-lock.json" >"$out/node.installed"
fi
