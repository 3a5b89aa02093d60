#!/usr/bin/env bash
# Builds the checkers that are written in Rust, once a machine, each at a pinned version with its own
# lock file. They lie beside no project and no cargo home, so a new clone or an empty cargo home finds
# them. Prints the folder with the programs.
#
#   scripts/tools.sh NAME...    for example: scripts/tools.sh cargo-deny
set -euo pipefail

declare -A versions=(
  [cargo-auditable]=0.7.7
  [cargo-cyclonedx]=0.5.9
  [cargo-deny]=0.20.2
  [cargo-mutants]=27.1.0
  [mdbook]=0.5.4
)
root=${SIGNET_TOOLS_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/signet-tools}

for name in "$@"; do
  version=${versions[$name]:?"scripts/tools.sh knows no $name"}
  have=$("$root/bin/$name" --version 2>/dev/null | grep -oE '[0-9]+\.[0-9]+\.[0-9]+' | head -n 1 || true)
  if [ "$have" != "$version" ]; then
    echo "signet: building $name $version, once on this machine" >&2
    cargo install --quiet --locked --force --root "$root" --version "=$version" "$name" >&2
  fi
done
echo "$root/bin"
