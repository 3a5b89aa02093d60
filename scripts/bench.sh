#!/usr/bin/env bash
# Prints the numbers of docs/benchmarks.md. Release builds; nothing is asserted, machines differ.
# SIGNET_BENCH_SECONDS (default 20) is the length of each step in the window. SIGNET_BENCH_MEMORY_SECONDS
# (default 0: left out; 3600 is an hour) is the length of the run that looks at memory each minute.
# SIGNET_BENCH_LATENCY_SECONDS (default 8) is the length of each step from desk to dealer, SIGNET_BENCH_LATENCY_ROWS
# which of its rows (default all): gateway,idle5000,dealers12 or others; a wrong name lists them.
# ROAM_ROUNDS (default 100) is how many changes of networks of each kind: 100 take about an hour, ten take six
# minutes and the storms. QuickFIX has at most 30 of them, because it is not back for seconds or for half a minute.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${SIGNET_BENCH_ROUNDS:-3000}
repeats=${SIGNET_BENCH_REPEATS:-5}
seconds=${SIGNET_BENCH_SECONDS:-20}
memory=${SIGNET_BENCH_MEMORY_SECONDS:-0}
# Below, programs are named where cargo puts them unless it is told otherwise.
export CARGO_TARGET_DIR=$PWD/target

scripts/deps.sh valgrind
cargo build --locked --release -p signet-bench -p signet-gateway -p signet-roam
cargo build --release --manifest-path tests/bench/openssl/Cargo.toml --target-dir target/openssl
cargo build --locked --release -p signet-desk --features bench --bin signet-desk --example empty-window
display() { if [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; then "$@"; else xvfb-run -a -s "-screen 0 1280x800x24" "$@"; fi; }

echo "== FIX round trip, QuoteRequest to Quote, loopback, TLS with client certificates, microseconds"
echo "   the same QuickFIX OpenSSL acceptor in another process; $repeats interleaved repeats of $rounds round trips"
certs=$(mktemp -d); trap 'rm -rf "$certs"; kill $(jobs -p) 2>/dev/null || true' EXIT
target/release/roundtrip certs "$certs"
ours=(); theirs=()
for _ in $(seq "$repeats"); do
  for who in ours theirs; do
    port=$((20000 + RANDOM % 20000))
    target/openssl/release/openssl-peer acceptor "$port" "$certs" >/dev/null & acceptor=$!
    sleep 1
    if [ "$who" = ours ]; then ours+=("$(target/release/roundtrip initiator "$port" "$certs" "$rounds")")
    else theirs+=("$(target/openssl/release/openssl-peer initiator "$port" "$certs" "$rounds" | grep -aE '^[0-9.]+ [0-9.]+$')"); fi
    kill "$acceptor" 2>/dev/null; wait "$acceptor" 2>/dev/null || true
  done
done
printf '%s\n' "${ours[@]}" >"$certs/ours"; printf '%s\n' "${theirs[@]}" >"$certs/theirs"
median() { sort -n -k"$2" "$1" | awk -v c="$2" '{v[NR]=$c} END {print v[int((NR+1)/2)]}'; }
o=$(median "$certs/ours" 1); t=$(median "$certs/theirs" 1)
echo "   Signet over rustls:          p50 $o   p99 $(median "$certs/ours" 2)"
echo "   QuickFIX's OpenSSL sockets:  p50 $t   p99 $(median "$certs/theirs" 2)"
awk -v o="$o" -v t="$t" 'BEGIN {printf "   ratio of p50 (ours / theirs): %.2f\n", o/t}'

echo "== FIX round trip over QUIC beside FIXS, both ends ours, loopback, microseconds; medians of 7 interleaved repeats"
target/release/transports

echo "== the desk's engine room, no window"
target/release/link

echo "== type-ahead over 20,000 instruments: from a key to the list, no window"
target/release/search

echo "== quote to paint in the real window, 24 RFQs of 8 dealers, $seconds s a step"
display env SIGNET_BENCH_RATES="${SIGNET_BENCH_RATES:-100,1000,5000}" SIGNET_BENCH_SECONDS="$seconds" NO_AT_BRIDGE=1 RUST_LOG=error \
  target/release/signet-desk

crowd=(SIGNET_BENCH_RFQS=200 SIGNET_BENCH_DEALERS=20 SIGNET_BENCH_INSTRUMENTS=20000 NO_AT_BRIDGE=1 RUST_LOG=error)
echo "== the same under load, 200 RFQs of 20 dealers and 20,000 instruments, and a trader at the keyboard"
display env "${crowd[@]}" SIGNET_BENCH_RATES=5000 SIGNET_BENCH_SECONDS="$seconds" SIGNET_BENCH_KEYS="${SIGNET_BENCH_KEYS:-20}" \
  target/release/signet-desk

if [ "$memory" -gt 0 ]; then
  echo "== memory under that load, over $memory s"
  display env "${crowd[@]}" SIGNET_BENCH_RATES=5000 SIGNET_BENCH_SECONDS="$memory" target/release/signet-desk
fi

echo "== memory at rest, proportional set size of all processes, beside an empty window of Tauri"
display python3 tests/bench/empty/rest.py target/release/signet-desk target/release/examples/empty-window

echo "== cold start to first paint"
for _ in 1 2 3; do
  log=$(mktemp); start=$(date +%s%3N)
  display env NO_AT_BRIDGE=1 RUST_LOG=info timeout -k 2 8 target/release/signet-desk --config "$certs/none.toml" >"$log" 2>&1 || true
  painted=$(sed -n 's/.*at_ms=\([0-9]*\).*/\1/p' "$log" | head -1)
  echo "   first paint after $((painted - start)) ms"
  rm -f "$log"
done

echo "== identity: signatures and handshakes by key holder, and how fast a locked user is off"
target/release/identity

echo "== message signatures (tags 93/89): what each message costs, beside the bare cryptography in the same run"
target/release/signatures

echo "== step-up: what a touch costs beside the person"
target/release/stepup

echo "== touches of six seconds while dealers quote again every three; two minutes"
cargo test --locked -q -p signet-practice --test venue -- --ignored --nocapture of_a_hundred | grep -E "^ +[0-9D]" || true

echo "== evidence: append with group commit beside SQLite WAL, and verifying"
target/release/journal

echo "== what one decision costs: entitlements (the example's policies) and risk"
target/release/decision

echo "== instructions of one operation of the gateway, beside the committed baseline"
target/release/instructions

echo "== from desk to dealer: straight, through a relay, through the gateway with everything on, and under loads beside it"
target/release/latency ${SIGNET_BENCH_LATENCY_ROWS:+--only "$SIGNET_BENCH_LATENCY_ROWS"}

echo "== events to the SIEM: into the spool, and to a syslog receiver over TLS"
target/release/siem

echo "== the gateway, per idle desk"
target/release/idle 1000 5000

echo "== changing networks at 41 ms round trip, beside QuickFIX's own OpenSSL initiator; desks that come back at once"
target/release/roam bench "${ROAM_ROUNDS:-100}"
