#!/usr/bin/env bash
# Unpacks rsyslog and syslog-ng of Debian into target/siem, for the tests that hand them events. Nothing is
# installed: the two packages exclude each other, and neither should become this machine's logger. The Python
# packages that decode OTLP go there too, and rotel, a collector of OTLP (target/siem/rotel-agent). Runs again in
# no time.
set -euo pipefail
cd "$(dirname "$0")/.."
out=${CARGO_TARGET_DIR:-$PWD/target}/siem
packages=(rsyslog rsyslog-openssl libestr0 libfastjson4 liblognorm5 syslog-ng-core libivykis0 libnet1 libwrap0 libpcre3)
pins=$PWD/tests/interop/siem-requirements.txt

fail() { printf 'signet: %s\n' "$*" >&2; exit 1; }

# Into the present folder; the lists of packages may be missing or old.
download() {
  apt-get download -qq "$@" >&2 && return
  [ "$(id -u)" = 0 ] && apt-get update -qq >&2
  apt-get download -qq "$@" >&2
}

mkdir -p "$out"
exec 9>"$out/lock" # two tests may want it at once
flock 9

if [ "$(cat "$out/daemons.installed" 2>/dev/null)" != "${packages[*]}" ]; then
  command -v apt-get >/dev/null || fail "not a Debian system: the tests with rsyslog and syslog-ng need apt-get."
  rm -rf "$out/root" "$out/debs"
  mkdir -p "$out/root" "$out/debs"
  (cd "$out/debs" && download "${packages[@]}") ||
    fail "apt-get could not download: ${packages[*]}. Its lists may be old (as root: apt-get update); the names are those of Debian 12."
  for deb in "$out"/debs/*.deb; do dpkg-deb -x "$deb" "$out/root"; done
  rm -rf "$out/debs"
  printf '%s' "${packages[*]}" >"$out/daemons.installed"
fi

if ! cmp -s "$pins" "$out/python.installed"; then
  python3 -c 'import venv, ensurepip' 2>/dev/null || fail "Python 3 with venv is missing (Debian: apt-get install python3-venv)."
  rm -rf "$out/python"
  python3 -m venv "$out/python"
  "$out/python/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: --require-hashes -r "$pins" >&2 ||
    fail "pip could not install tests/interop/siem-requirements.txt; is the package index reachable, and is python3 one of 3.10 to 3.13?"
  version=$("$out/python/bin/python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  agent=python/lib/python$version/site-packages/rotel/rotel-agent
  # A wheel need not say that a file is a program.
  chmod +x "$out/$agent"
  # It is linked to Python's library, which Debian's python3 does without.
  if ! "$out/$agent" --help >/dev/null 2>&1; then
    mkdir -p "$out/python/debs" "$out/python/root"
    (cd "$out/python/debs" && download "libpython$version") || fail "apt-get could not download: libpython$version. Its lists may be old (as root: apt-get update)."
    for deb in "$out"/python/debs/*.deb; do dpkg-deb -x "$deb" "$out/python/root"; done
    said=$(LD_LIBRARY_PATH=$(echo "$out"/python/root/usr/lib/*-linux-gnu) "$out/$agent" --help 2>&1) ||
      fail "rotel-agent does not start: $said"
  fi
  ln -sfn "$agent" "$out/rotel-agent"
  cp "$pins" "$out/python.installed"
fi
