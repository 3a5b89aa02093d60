#!/usr/bin/env bash
# From a clean root with nothing but the gateway's package to a filled trade; counts what an administrator types, and the
# time: first-trade.sh [PACKAGE.deb]
#
# In a root of its own (mmdebstrap: Debian's essential packages and those that the package depends on), which shares the
# network's loopback and nothing else. Outside it, as in life: two simulated dealers, which make their own keys, and the
# trader's desk, without a window. Needs root, for the root and its account. Not more than 12 commands and 5 minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
repo=$PWD
COMMANDS_MAX=12
SECONDS_MAX=300

fail() { printf 'first-trade: %s\n' "$*" >&2; exit 1; }
[ "$(id -u)" = 0 ] || fail "needs root; run it with sudo"
command -v mmdebstrap >/dev/null || fail "mmdebstrap is missing: apt-get install mmdebstrap"
package=${1:-$({ find target/package -name 'signet-gateway_*.deb' 2>/dev/null || true; } | sort -V | tail -n 1)}
[ -f "$package" ] || fail "there is no package; make package-gateway builds it"

work=$(mktemp -d)
root=$work/root
gateway='' dealers=''
cleanup() {
  for pid in $gateway $dealers; do kill "$pid" 2>/dev/null || true; done
  [ -z "$gateway" ] || wait "$gateway" 2>/dev/null || true
  # Ours, and the one that mmdebstrap may leave.
  while mountpoint -q "$root/proc"; do umount "$root/proc" || break; done
  rm -rf --one-file-system "$work"
}
trap cleanup EXIT

# What is not the administrator's work: the clean machine, the dealers, the trader's laptop.
echo "first-trade: building the dealers and the desk"
cargo build --locked --quiet -p signet-dealer --bin signet-dealer
dealer=$(scripts/target-dir.sh)/debug/signet-dealer
desk=$(cargo test --locked --quiet -p signet-practice --test first_trade --no-run --message-format=json |
  sed -n 's/.*"executable":"\([^"]*first_trade[^"]*\)".*/\1/p' | tail -n 1)
[ -x "$desk" ] || fail "the desk was not built"
echo "first-trade: making a clean root"
mmdebstrap --quiet --variant=essential --include=systemd-standalone-sysusers,systemd-standalone-tmpfiles,ca-certificates,libstdc++6 \
  bookworm "$root" >"$work/root.log" 2>&1 || { cat "$work/root.log" >&2; fail "no clean root"; }
mount -t proc proc "$root/proc"
echo "127.0.0.1 localhost" >"$root/etc/hosts"
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
mkdir -p "$work/dealers/state" "$root/root/dealers"
python3 - "$repo/tests/dealer/dealers.toml" "$work/dealers/settings.toml" "$(free_port)" "$(free_port)" <<'PY'
import re, sys
source, out, *ports = sys.argv[1:]
head, *blocks = open(source).read().split("[[dealer]]")
chosen = [b for b in blocks if re.search(r'id = "(NORTHBANK|HARBOUR)"', b)]
text = 'gateway = "SIGNET"\n'
for block, port in zip(chosen, ports):
    block = block.replace("127.0.0.1:0", f"127.0.0.1:{port}")
    text += "[[dealer]]" + re.sub(r"(?m)^(signs|wants_signed|partial_fill_probability) = .*\n", "", block)
open(out, "w").write(text)
PY
port_of() { sed -n "/id = \"$1\"/,/listen/s/listen = \"127.0.0.1:\(.*\)\"/\1/p" "$work/dealers/settings.toml"; }
for id in NORTHBANK HARBOUR; do
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$id" \
    -keyout "$work/dealers/$id-key.pem" -out "$root/root/dealers/$id.csr" 2>/dev/null
  chmod 600 "$work/dealers/$id-key.pem"
done
cp "$package" "$root/root/signet-gateway.deb"

began=$(date +%s%N)
typed=0
shell=(chroot "$root" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 sh -c)
inside() { "${shell[@]}" "cd /root; $1"; }
# Runs what an administrator types; what it prints goes into the file, too.
type_in() { typed=$((typed + 1)); printf '\n%2d  # %s\n' "$typed" "$1"; inside "$1" | tee "$2"; }

# Writing the answers is one thing to type, too.
typed=$((typed + 1))
printf '%2d  # editor answers.toml\n' "$typed"
cat >"$root/root/answers.toml" <<ANSWERS
firm = "Example Bank"
trust_domain = "bank.example"
hosts = ["localhost"]
countries = ["GB"]
networks = ["127.0.0.0/8"]
admin = "sylvia"
console_host = "console.bank.example"
require = []                         # the trader's laptop is this machine, whose disk may not be encrypted

[listen]
desks = "127.0.0.1:$(free_port)"
enrolment = "127.0.0.1:$(free_port)"
admin = "127.0.0.1:$(free_port)"
console = "127.0.0.1:$(free_port)"

[[dealer]]
comp_id = "NORTHBANK"
name = "Northbank"
host = "127.0.0.1"
port = $(port_of NORTHBANK)
server_name = "localhost"
request = "dealers/NORTHBANK.csr"

[[dealer]]
comp_id = "HARBOUR"
name = "Harbour Securities"
host = "127.0.0.1"
port = $(port_of HARBOUR)
server_name = "localhost"
request = "dealers/HARBOUR.csr"

[[trader]]
id = "alice"
comp_id = "ALICE1"
name = "Alice Smith"
ANSWERS

type_in "dpkg -i signet-gateway.deb" "$work/dpkg.log"
[ -z "$(inside 'ls -A /etc/signet 2>/dev/null')" ] || fail "the package configures something"
type_in "signet-gateway init --yes --answers answers.toml" "$work/init.log"
# Anybody who follows what init prints: its three commands, in their order.
mapfile -t next < <(sed -n '/^Next:$/,$s/^  //p' "$work/init.log")
[ ${#next[@]} = 3 ] || fail "init printed ${#next[@]} commands"

# The dealers get their certificates, and the authority that they trust.
cp "$root"/etc/signet/dealers/*.pem "$root/etc/signet/gateways-ca.pem" "$work/dealers/"
"$dealer" --pki "$work/dealers" --state "$work/dealers/state" --settings "$work/dealers/settings.toml" \
  --trust-domain bank.example >"$work/dealers.log" 2>&1 &
dealers=$!

typed=$((typed + 1))
printf '\n%2d  # %s\n' "$typed" "${next[0]}"
# Without a function around it, so that the process is the gateway.
"${shell[@]}" "exec ${next[0]}" >"$work/gateway.log" 2>&1 &
gateway=$!
for _ in $(seq 150); do
  [ ! -S "$root/var/lib/signet/control.sock" ] || break
  kill -0 "$gateway" 2>/dev/null || { cat "$work/gateway.log" >&2; fail "the gateway ended"; }
  sleep 0.2
done
type_in "${next[1]}" "$work/user.log"
type_in "${next[2]}" "$work/doctor.log" || { cat "$work/gateway.log" >&2; fail "doctor found something wrong"; }

code=$(sed -n 's/^One-time code for alice: //p' "$work/user.log")
link=$(sed -n 's/^Link: //p' "$work/user.log")
echo
SIGNET_LINK=$link SIGNET_CODE=$code "$desk" --ignored --exact a_desk_trades_with_the_gateway_of_the_script --nocapture ||
  { tail -n 40 "$work/gateway.log" "$work/dealers.log" >&2; fail "no trade"; }
took=$((($(date +%s%N) - began) / 1000000))

# The event log and the account: what root must not own, it does not.
owners=$(find "$root/var/lib/signet" ! -user "$(stat -c %u "$root/var/lib/signet")" | head -n 1)
[ -z "$owners" ] || fail "$owners does not belong to the gateway's account"
printf '\nfirst-trade: %d commands typed, %d.%03d seconds to the filled trade\n' "$typed" $((took / 1000)) $((took % 1000))
[ "$typed" -le "$COMMANDS_MAX" ] || fail "more than $COMMANDS_MAX commands"
[ "$took" -le $((SECONDS_MAX * 1000)) ] || fail "more than $SECONDS_MAX seconds"
