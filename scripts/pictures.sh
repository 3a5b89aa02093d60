#!/usr/bin/env bash
# Makes the documents' pictures (docs/pictures) from the real window, on a display of its own:
#
#   scripts/pictures.sh [WHAT]    WHAT: the window's tests, already built, or a folder of their shots; else cargo builds them
#
# The tests draw what they drive when SIGNET_SHOTS names a folder. Needs what those tests need (docs/developers.md),
# ImageMagick for the pictures and pngquant for their size. Look at each picture before you commit it.
set -euo pipefail
cd "$(dirname "$0")/.."
BYTES_MAX=150000

# picture=shot of the test, in the order of the traders' guide
PICTURES=(
  enrol=enrol desk=armed step-up=step-up-touch blotter=blotter-trades
  list=list-quoted package=package-quoted best-execution=best-execution risk=risk
)
TESTS=(
  a_new_trader_enrols_in_the_window_and_trades
  a_trader_connects_asks_sees_quotes_takes_one_and_finds_it_after_a_restart
  a_choice_is_explained_printed_and_exported_with_keys_alone
  a_list_is_pasted_corrected_sent_and_taken_within_its_limits
  a_butterfly_is_made_with_the_keyboard_and_filled_with_every_leg
)

fail() { printf 'pictures: %s\n' "$*" >&2; exit 1; }
for tool in Xvfb WebKitWebDriver import pngquant; do
  command -v "$tool" >/dev/null || fail "$tool is missing (packages xvfb, webkit2gtk-driver, imagemagick, pngquant)"
done

made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
shots=$made
export SIGNET_SHOTS=$shots
if [ -d "${1:-}" ]; then
  shots=$1
elif [ -n "${1:-}" ]; then
  "$1" --test-threads=1 "${TESTS[@]}"
else
  cargo test --locked --workspace --features practice,e2e --test window -- --test-threads=1 "${TESTS[@]}"
fi

for pair in "${PICTURES[@]}"; do
  picture=docs/pictures/${pair%%=*}.png
  shot=$shots/${pair#*=}.png
  [ -s "$shot" ] || fail "no test drew ${pair#*=}"
  pngquant --force --strip --speed 1 --quality 70-95 --output "$picture" 128 "$shot"
  bytes=$(stat -c %s "$picture")
  [ "$bytes" -le "$BYTES_MAX" ] || fail "$picture has $bytes bytes, at most $BYTES_MAX"
  printf '%7d  %s\n' "$bytes" "$picture"
done
