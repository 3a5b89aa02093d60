#!/usr/bin/env bash
# Finds Chromium, its WebDriver and the tools for its client certificates (NSS) for the tests of the gateway's web
# console, and unpacks from Debian into target/browser what is not installed. Nothing is installed. Writes four programs
# there: `chromium`, `chromedriver`, `certutil` and `pk12util`. Runs again in no time.
set -euo pipefail
cd "$(dirname "$0")/.."
out=${CARGO_TARGET_DIR:-$PWD/target}/browser
packages=()
[ -x /usr/lib/chromium/chromium ] && [ -x /usr/bin/chromedriver ] || packages+=(chromium chromium-driver)
[ -x /usr/bin/certutil ] && [ -x /usr/bin/pk12util ] || packages+=(libnss3-tools)

fail() { printf 'signet: %s\n' "$*" >&2; exit 1; }

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

# programs [LIBRARIES]: each from the system, or from what was unpacked
programs() {
  local path
  for path in /usr/lib/chromium/chromium /usr/bin/chromedriver /usr/bin/certutil /usr/bin/pk12util; do
    if [ -x "$path" ]; then program "${path##*/}" "$path"; else program "${path##*/}" "$out/root$path" "${1:-}"; fi
  done
}

if [ ${#packages[@]} = 0 ]; then
  programs
  exit
fi
[ "$(cat "$out/installed" 2>/dev/null)" != "${packages[*]}" ] || [ ! -d "$out/root" ] || exit 0

command -v apt-get >/dev/null || fail "not a Debian system: the tests of the console need apt-get, or Chromium, chromedriver, certutil and pk12util in /usr."

# The packages, and those of their libraries that this machine lacks.
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
  fetch || fail "apt-get could not download: ${packages[*]} and what they need. Its lists may be old (as root: apt-get update); Ubuntu has no package of Chromium."
}
for deb in "$out"/debs/*.deb; do dpkg-deb -x "$deb" "$out/root"; done
rm -rf "$out/debs"

libraries=$(find "$out/root/usr/lib" -maxdepth 1 -type d -name '*-linux-*' | paste -sd:)
programs "$libraries"
"$out/chromium" --version >&2 9>&- || fail "Chromium was unpacked into $out, but does not start"
printf '%s' "${packages[*]}" >"$out/installed"
