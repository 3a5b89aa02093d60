#!/usr/bin/env bash
# Disaster recovery as docs/runbook.md has it, with a gateway of its own in a temporary folder: backup, loss, restore, locks
# applied again, and what a start says when files are of different moments. rehearse.sh [BINARY]; without it cargo builds it.
set -euo pipefail
cd "$(dirname "$0")/.."
program=${1:-}
if [ -z "$program" ]; then
  cargo build --locked --quiet -p signet-gateway --bin signet-gateway
  program=$(scripts/target-dir.sh)/debug/signet-gateway
fi
program=$(realpath "$program")

fail() { printf 'rehearse: %s\n' "$*" >&2; exit 1; }
work=$(mktemp -d)
running=''
cleanup() {
  [ -z "$running" ] || { kill "$running" 2>/dev/null; wait "$running" 2>/dev/null; } || true
  rm -rf "$work"
}
trap cleanup EXIT
state=$work/state
gateway() { "$program" "$@" --config "$work/etc/gateway.toml"; }
start() {
  "$program" run --config "$work/etc/gateway.toml" >"$work/run.log" 2>&1 &
  running=$!
  for _ in $(seq 150); do
    [ ! -S "$state/control.sock" ] || return 0
    kill -0 "$running" 2>/dev/null || { wait "$running" || true; running=''; return 1; }
    sleep 0.2
  done
  fail "the gateway neither starts nor ends: $(tail -n 1 "$work/run.log")"
}
stop() { kill "$running"; wait "$running" || true; running=''; }
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
step() { printf 'rehearse: %s\n' "$*"; }

cat >"$work/answers.toml" <<ANSWERS
firm = "Example Bank"
trust_domain = "bank.example"
hosts = ["localhost"]
countries = ["GB"]
networks = ["127.0.0.0/8"]
admin = "sylvia"
console_host = "console.bank.example"
state_dir = "$state"
[listen]
desks = "127.0.0.1:$(free_port)"
enrolment = "127.0.0.1:$(free_port)"
admin = "127.0.0.1:$(free_port)"
console = "127.0.0.1:$(free_port)"
[[dealer]]
comp_id = "NORTHBANK"
name = "Northbank"
host = "127.0.0.1"
port = $(free_port)
server_name = "localhost"
ANSWERS
gateway init --yes --answers "$work/answers.toml" --account "$(id -un)" >"$work/init.log" 2>&1 || fail "$(tail -n 2 "$work/init.log")"

start || fail "no first start: $(tail -n 1 "$work/run.log")"
gateway user add --id alice --comp-id ALICE1 --name "Alice Smith" --out "$work" >/dev/null
gateway registry backup --out "$work/registry.backup" 2>/dev/null
stop
cp -a "$state" "$work/snapshot"
step "a registry's backup beside a running gateway, and a snapshot of the stopped one"

start || fail "no second start"
gateway lock user alice >/dev/null
stop
rm -rf "$state"
step "somebody is locked; then the machine is lost"

cp -a "$work/snapshot" "$state"
if gateway registry restore --from "$work/registry.backup" 2>/dev/null; then fail "a registry with data was replaced without --replace"; fi
gateway registry restore --from "$work/registry.backup" --replace >/dev/null
[[ $(gateway user show alice) != *locked* ]] || fail "the backup has a lock that was made after it"
gateway lock user alice >/dev/null
gateway check-config >/dev/null
gateway files check >/dev/null
start || fail "no start from the backup: $(tail -n 1 "$work/run.log")"
[[ $(gateway user show alice) == *locked* ]] || fail "the lock that was applied again is not there"
[[ $(gateway events --limit 50) == *registry.restored* ]] || fail "no event registry.restored"
gateway journal verify >/dev/null
stop
step "restored; the lock is applied again before the start; journal and evidence are whole"

mv "$state/evidence.checkpoint" "$work/"
! start || fail "files of different moments are taken"
grep -q 'journal.rewritten' "$work/run.log" || fail "the start does not say journal.rewritten"
printf '\n[checkpoint]\non_rewritten = "accept"\n' >>"$work/etc/gateway.toml"
start || fail "on_rewritten = accept does not start"
[[ $(gateway events --limit 50) == *journal.rewritten* ]] || fail "no event journal.rewritten"
stop
step "files of different moments: refused, then accepted for one start, with an event"

python3 - "$state/policies.history" <<'PY'
import sys
text = bytearray(open(sys.argv[1], "rb").read())
text[len(text) // 2] ^= 1
open(sys.argv[1], "wb").write(text)
PY
! start || fail "a damaged file is taken"
! gateway files check >/dev/null 2>&1 || fail "files check finds nothing"
gateway files salvage "$state/policies.history" >/dev/null
[ -f "$state/policies.history.damaged" ] || fail "the damaged file is not kept"
start || fail "no start after salvaging"
stop
step "a damaged file: refused by name, found, salvaged, and the gateway starts"
