#!/usr/bin/env bash
# Builds the desk for Windows, runs under wine what can run there, and type-checks for macOS.
# Installs what is missing on Debian 12. docs/platforms.md says what this proves and what it does not.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD

windows=x86_64-pc-windows-gnu
macos=aarch64-apple-darwin
work=$root/target/cross
# Below, programs are named where cargo puts them unless it is told otherwise.
export CARGO_TARGET_DIR=$root/target

need() { printf 'cross: %s\n' "$*" >&2; exit 1; }
say() { printf '\n== %s\n' "$*"; }
# The flags of scripts/cross/windows.sh name it, and compilers read them word by word.
[[ $root != *[[:space:]]* ]] || need "the folder of the sources must have no spaces in its name: $root"

# --- what is needed ------------------------------------------------------------------------------

for tool in cargo rustup; do
  command -v "$tool" >/dev/null || need "Rust is missing. Install it with rustup, then run this again."
done
command -v npm >/dev/null || need "Node.js 20 or newer with npm is missing. Install it, then run this again."

packages=(build-essential cmake pkg-config gcc-mingw-w64-x86-64-posix g++-mingw-w64-x86-64-posix wine wine64)
missing=()
command -v dpkg-query >/dev/null || need "this is not a Debian system; it needs: ${packages[*]}"
for p in "${packages[@]}"; do
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || missing+=("$p")
done
if [ ${#missing[@]} -gt 0 ]; then
  if [ "$(id -u)" = 0 ]; then as_root=(); elif command -v sudo >/dev/null; then as_root=(sudo); else
    need "please install, as root: apt-get install ${missing[*]}"
  fi
  echo "cross: installing ${missing[*]}"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null ||
    need "apt-get could not install: ${missing[*]}"
fi
for target in "$windows" "$macos"; do
  rustup target list --installed | grep -qx "$target" || rustup target add "$target"
done
scripts/ui.sh
mkdir -p "$work"

# --- Windows: the tools --------------------------------------------------------------------------

# shellcheck source=scripts/cross/windows.sh
. scripts/cross/windows.sh

# A wine of its own, with the one DLL that Debian's lacks, and silent.
export WINEPREFIX=$work/wine WINEPATH=$work/dll WINEDEBUG=-all WINEDLLOVERRIDES='mscoree,mshtml='
export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER=wine
unset DISPLAY WAYLAND_DISPLAY
# wineserver does not make the folder of its prefix itself.
mkdir -p "$work/dll" "$WINEPREFIX"
x86_64-w64-mingw32-gcc-posix -shared -s -O1 -o "$work/dll/bcryptprimitives.dll" scripts/wine/bcryptprimitives.c -ladvapi32
trap 'wineserver -k >/dev/null 2>&1 || true' EXIT
wineserver -p # stays for the whole run: one that is just leaving takes the next program with it

# --- the steps, each a row of the table ------------------------------------------------------------

rows=()
failed=0
row() { rows+=("$(printf '%-36s %-28s %s' "$1" "$2" "$3")"); }

# step LOG WHAT HOW COMMAND...: runs the command with its output in LOG; shows the end of it on failure.
step() {
  local log=$work/$1.log what=$2 how=$3; shift 3
  say "$what: $how"
  if "$@" >"$log" 2>&1; then return 0; fi
  failed=1
  grep -vE 'cargo:warning|^\s*Compiling' "$log" | tail -n 40
  return 1
}

# tests CRATE...: their tests, under wine; a row for each suite.
tests() {
  local log=$work/tests.log
  step tests "$*" "tests under wine" cargo test --locked --target "$windows" --no-fail-fast --lib --bins --tests "${@/#/--package=}" || true
  while IFS='|' read -r suite outcome; do row "$suite" "ran under wine" "$outcome"; done < <(awk '
    /^ +Running / { suite = $0; sub(/.*deps./, "", suite); sub(/-[0-9a-f]+\.exe.*/, "", suite)
                    kind = ($2 == "unittests") ? "unit tests" : $2; open = 1 }
    /^test result:/ && open { open = 0; if ($4 + $6 + $8) print suite ", " kind "|" $4 " passed, " $6 " failed, " $8 " ignored" }
    END { if (open) print suite ", " kind "|FAILED: it ended without a result" }' "$log")
}

# check WHAT LOG HOW ARGUMENTS...
check() {
  local what=$1 log=$2 how=$3 outcome; shift 3
  step "$log" "$what" "type-check for $macos" cargo check --locked --target "$macos" "$@" && outcome=ok || outcome=FAILED
  row "$what" "type-checked, $how" "$outcome"
}

# --- Windows ---------------------------------------------------------------------------------------

exe=target/$windows/debug/signet-desk.exe
if step desk-windows signet-desk.exe "build for $windows" \
  cargo build --locked --target "$windows" -p signet-desk --features custom-protocol; then
  row signet-desk.exe "built" "$(du -m "$exe" | cut -f1) MB with debug information"
  # The loader of Windows' web view belongs next to the program; cargo put it there.
  if version=$(timeout 120 wine "$exe" --version 2>/dev/null | tr -d '\r') && [ "$version" = "signet-desk $(cargo pkgid -p signet-desk | sed 's/.*[#@]//')" ]; then
    row "signet-desk.exe --version" "ran under wine" "ok: $version"
  else
    failed=1
    row "signet-desk.exe --version" "ran under wine" "FAILED: ${version:-no output}"
  fi
else
  row signet-desk.exe "built" FAILED
fi

# signet-practice is the whole road: a desk without a window, the gateway and dealers on another FIX
# engine, over real sockets and mutual TLS.
tests signet-rfq signet-journal signet-fix signet-identity signet-net signet-keystore signet-stepup signet-vkey signet-desk-core signet-gateway signet-practice
# The dialog of Windows needs its library, which wine lacks: looked at, not run.
if step check-webauthn "signet-stepup, webauthn.dll" "type-check for $windows" \
  cargo check --locked --target "$windows" -p signet-stepup --features client,hid; then
  row "signet-stepup, webauthn.dll" "type-checked" ok
else
  row "signet-stepup, webauthn.dll" "type-checked" FAILED
fi

# --- macOS -----------------------------------------------------------------------------------------

# No C is compiled: Apple's SDK may not be copied here. What has C in it is checked with an
# empty stand-in for the compiler; the Rust is looked at all the same.
check signet-rfq check-rfq "no C in it" -p signet-rfq
stand_in=$root/scripts/cross/no-c.sh
export CC_aarch64_apple_darwin=$stand_in CXX_aarch64_apple_darwin=$stand_in AR_aarch64_apple_darwin=$stand_in
export RANLIB_aarch64_apple_darwin=$stand_in CMAKE_aarch64_apple_darwin=$stand_in SDKROOT=/none
check "crates/, gateway" check-crates "C left out" -p signet-journal -p signet-fix -p signet-identity -p signet-net -p signet-keystore -p signet-desk-core -p signet-gateway
check "signet-stepup, keys; signet-vkey" check-stepup "C left out" -p signet-stepup -p signet-vkey --features signet-stepup/ctap,signet-stepup/hid,signet-stepup/pcsc
check signet-desk check-desk "C left out" -p signet-desk --features custom-protocol

# --- what happened ---------------------------------------------------------------------------------

say "what was built, what ran, what was only type-checked"
for line in "${rows[@]}"; do
  case $line in *"webauthn.dll"*) on=Windows ;; *"type-checked"*) on=macOS ;; *) on=Windows ;; esac
  printf '%-8s %s\n' "$on" "$line"
done
[ "$failed" = 0 ] || { echo; echo "cross: something failed; the logs are in target/cross" >&2; }
exit "$failed"
