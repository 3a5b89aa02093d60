#!/usr/bin/env bash
# Changes the pure code in small ways and runs its own tests on each. Prints what no test noticed;
# fails when more survive than docs/mutants.md lists. Takes an hour or two; not in CI.
set -euo pipefail
cd "$(dirname "$0")/.."
tools=$(scripts/tools.sh cargo-mutants)
export PATH="$tools:$PATH"
out=${SIGNET_MUTANTS_DIR:-target/mutants}
mkdir -p "$out"
status=0

run() { # NAME, cargo-mutants arguments...
  local name=$1; shift
  printf '\n== %s\n' "$name"
  # Exit code 2: mutants survived; those are compared below. Anything else is a failure of the run.
  cargo mutants --output "$out/$name" --jobs "${SIGNET_MUTANTS_JOBS:-1}" --no-shuffle --colors never "$@" || [ $? = 2 ] || exit 1
  local missed="$out/$name/mutants.out/missed.txt"
  # Places move; what is replaced in which function does not.
  sed -E 's/^([^:]+):[0-9]+:[0-9]+: /\1: /' "$missed" | sort -u >"$out/$name.missed"
  if ! comm -23 "$out/$name.missed" <(known "$name") | tee "$out/$name.new" | grep . >/dev/null; then
    echo "   no new survivor; $(wc -l <"$missed") known of $(wc -l <"$out/$name/mutants.out/caught.txt") caught"
  else
    cat "$out/$name.new"
    status=1
  fi
}

# The survivors of a section of docs/mutants.md: lines that begin with a dash and a backquoted mutant.
known() {
  # shellcheck disable=SC2016 # the backquotes are of Markdown
  sed -n "/^## $1\$/,/^## /p" docs/mutants.md | sed -nE 's/^- `([^`]+)`.*/\1/p' | sort -u
}

run signet-rfq -p signet-rfq --features toml -- --lib
run signet-policy -p signet-policy --features entitle -- --lib
run signet-router -p signet-router -- --lib
run signet-stepup-pending -p signet-stepup --features pending,rp -f 'crates/signet-stepup/src/pending/*.rs' -- --lib pending
run signet-stepup-rules -p signet-stepup --features rp -f crates/signet-stepup/src/rules.rs -- --lib rules
exit $status
