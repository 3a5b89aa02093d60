#!/usr/bin/env bash
# Finds Chromium and its WebDriver for the tests of the gateway's web console, and unpacks them from Debian into
# target/browser where they are not installed. Nothing is installed. Writes two programs there: `chromium` and
# `chromedriver`. Ends with 3 where there is neither Chromium nor apt-get. Runs again in no time.
set -euo pipefail
cd "$(dirname "$0")/.."
out=${CARGO_TARGET_DIR:-$PWD/target}/browser
packages=(chromium chromium-driver)

fail() { printf 'signet: %s\n' "$*" >&2; exit "${code:-1}"; }

# program NAME PATH [LIBRARIES]
program() {
  {
    echo '#!/bin/sh'
    # shellcheck disable=SC2016 # what the new program expands
    [ -z "${3:-}" ] || printf 'export LD_LIBRARY_PATH="%s${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"\n' "$3"
    # shellcheck disable=SC2016
    printf 'exec "%s" "$@"\n' "$2"
  } >"$out/$1.new"
  chmod +x "$out/$1.new"
  mv "$out/$1.new" "$out/$1"
}

mkdir -p "$out"
exec 9>"$out/lock" # two tests may want it at once
flock 9

if [ -x /usr/lib/chromium/chromium ] && [ -x /usr/bin/chromedriver ]; then
  program chromium /usr/lib/chromium/chromium
  program chromedriver /usr/bin/chromedriver
  exit
fi
[ "$(cat "$out/installed" 2>/dev/null)" != "${packages[*]}" ] || [ ! -x "$out/root/usr/lib/chromium/chromium" ] || exit 0

code=3
command -v apt-get >/dev/null || fail "not a Debian system: the tests of the console need apt-get, or Chromium with chromedriver in /usr."
code=1

# The two packages, and those of their libraries that this machine lacks.
missing() { apt-get install -s -qq --no-install-recommends "${packages[@]}" 2>/dev/null | sed -n 's/^Inst \([^ ]*\) .*/\1/p'; }
fetch() {
  local names
  mapfile -t names < <(missing)
  [ ${#names[@]} -ge ${#packages[@]} ] && (cd "$out/debs" && apt-get download -qq "${names[@]}" >&2)
}
rm -rf "$out/root" "$out/debs"
mkdir -p "$out/root" "$out/debs"
fetch || {
  # The lists may be missing or old.
  [ "$(id -u)" = 0 ] && apt-get update -qq >&2
  fetch || fail "apt-get could not download: ${packages[*]} and what they need"
}
for deb in "$out"/debs/*.deb; do dpkg-deb -x "$deb" "$out/root"; done
rm -rf "$out/debs"

libraries=$(find "$out/root/usr/lib" -maxdepth 1 -type d -name '*-linux-*' | paste -sd:)
program chromium "$out/root/usr/lib/chromium/chromium" "$libraries"
program chromedriver "$out/root/usr/bin/chromedriver" "$libraries"
"$out/chromium" --version >&2 9>&- || fail "Chromium was unpacked into $out, but does not start"
printf '%s' "${packages[*]}" >"$out/installed"
