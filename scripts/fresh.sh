#!/usr/bin/env bash
# Proves a command as the first one ever run on a machine: a new clone of HEAD and an empty cargo
# home and npm cache, so that nothing another command downloaded or built can help.
#
#   scripts/fresh.sh run    `make run` until the desk is online and one RFQ is filled
#   scripts/fresh.sh test   `make test`
#
# SIGNET_FRESH_DIR names the folder to work in (default: a temporary one, removed at the end).
set -euo pipefail
cd "$(dirname "$0")/.."
what=${1:?"usage: scripts/fresh.sh run|test"}

# rustup's programs may lie in the cargo home that is being hidden.
PATH="$(dirname "$(command -v cargo)"):$PATH"
RUSTUP_HOME=${RUSTUP_HOME:-$HOME/.rustup}
export PATH RUSTUP_HOME

dir=${SIGNET_FRESH_DIR:-}
if [ -z "$dir" ]; then
  dir=$(mktemp -d)
  trap 'rm -rf "$dir"' EXIT
fi
git clone --quiet --no-local . "$dir/signet"
mkdir -p "$dir/cargo" "$dir/npm" "$dir/home"
# How this machine reaches the package registry is part of the machine, not of what was downloaded.
for config in "${CARGO_HOME:-$HOME/.cargo}"/config.toml "${CARGO_HOME:-$HOME/.cargo}"/credentials.toml; do
  if [ -f "$config" ]; then cp "$config" "$dir/cargo/"; fi
done
export CARGO_HOME="$dir/cargo" npm_config_cache="$dir/npm" XDG_DATA_HOME="$dir/home"
unset CARGO_TARGET_DIR
# Nothing is built a second time here, and no debugger looks: what serves a developer's next build
# more than doubles what lies on the disk.
export CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=0
cd "$dir/signet"

case "$what" in
  run)
    log="$dir/run.log"
    # The desk ends by itself; the limit is for a desk that never does.
    if ! SIGNET_PRACTICE_CHECK=1 timeout --kill-after=30 3000 make run >"$log" 2>&1; then
      tail -n 60 "$log"
      echo "fresh: make run failed as the first command"
      exit 1
    fi
    for said in 'the desk is online$' 'filled: '; do
      grep -E "^practice check: $said" "$log" || { tail -n 60 "$log"; echo "fresh: make run does not say: $said"; exit 1; }
    done
    ;;
  test)
    make test
    ;;
  *)
    echo "usage: scripts/fresh.sh run|test" >&2
    exit 2
    ;;
esac
echo "fresh: make $what works as the first command"
