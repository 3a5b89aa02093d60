#!/usr/bin/env bash
# Says in which of GitHub's environments a run of package.yml builds: `release`, which has the keys, for a protected tag of the
# version in Cargo.toml on a commit of main; `unsigned` for everything else, such as a run that somebody starts by hand.
#
#   release_ref.sh EVENT REF PROTECTED    prints environment=NAME; why is on the standard error
#   release_ref.sh --self-test
#
# This file is as much within reach of whoever pushes a branch as the workflow: what keeps them from the keys are the rules of
# the environment (docs/packages.md). It keeps everybody else from signing by mistake.
set -euo pipefail
cd "$(dirname "$0")/.."

# decide EVENT REF PROTECTED VERSION ON_MAIN
decide() {
  local why
  if [ "$1" != push ]; then
    why="only a tag that was pushed is signed; this run began with: $1"
  elif [ -z "$4" ] || [ "$2" != "refs/tags/v$4" ]; then
    why="only the tag v$4 of the version in Cargo.toml is signed, not $2"
  elif [ "$3" != true ]; then
    why="no rule protects $2, so anybody who can push could move it"
  elif [ "$5" != yes ]; then
    why="$2 is on a commit that is not on main"
  else
    echo environment=release
    return
  fi
  echo "release_ref: nothing is signed: $why" >&2
  echo environment=unsigned
}

self_test() {
  local event ref protected version on_main want found
  while read -r event ref protected version on_main want; do
    found=$(decide "$event" "$ref" "$protected" "$version" "$on_main" 2>/dev/null)
    [ "$found" = "environment=$want" ] ||
      { echo "release_ref: $event $ref $protected $version $on_main: $found, not $want" >&2; exit 1; }
  done <<'TABLE'
push refs/tags/v0.2.0 true 0.2.0 yes release
workflow_dispatch refs/tags/v0.2.0 true 0.2.0 yes unsigned
workflow_dispatch refs/heads/main true 0.2.0 yes unsigned
pull_request refs/pull/7/merge false 0.2.0 no unsigned
push refs/heads/main true 0.2.0 yes unsigned
push refs/heads/v0.2.0 true 0.2.0 yes unsigned
push refs/tags/v0.2.0 false 0.2.0 yes unsigned
push refs/tags/v0.2.0 1 0.2.0 yes unsigned
push refs/tags/v0.2.0 true 0.2.0 no unsigned
push refs/tags/v0.2.1 true 0.2.0 yes unsigned
push refs/tags/v0.2.0-rc.1 true 0.2.0 yes unsigned
push refs/tags/0.2.0 true 0.2.0 yes unsigned
TABLE
  # Of a Cargo.toml that has none.
  [ "$(decide push refs/tags/v true '' yes 2>/dev/null)" = environment=unsigned ] ||
    { echo "release_ref: a tag without a version is signed" >&2; exit 1; }
  # Each job that reads a key does so in an environment, and only in the one of releases.
  awk '
    FNR == 1 || /^  [a-z-]+:$/ { job = $1; environment = 0; only = 0 }
    /^    environment:/ { environment = 1 }
    /needs\.ref\.outputs\.environment == .release./ { only = 1 }
    /secrets\./ && !(environment && only) { print "release_ref: " FILENAME ": " job " reads a key whatever began the run"; bad = 1 }
    END { exit bad }' .github/workflows/*.yml >&2
}

if [ "${1:-}" = --self-test ]; then
  self_test
  exit
fi
[ $# = 3 ] || { echo "usage: scripts/release_ref.sh EVENT REF PROTECTED" >&2; exit 2; }
on_main=no
! git merge-base --is-ancestor HEAD refs/remotes/origin/main 2>/dev/null || on_main=yes
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
decide "$1" "$2" "$3" "$version" "$on_main"
