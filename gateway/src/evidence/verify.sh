#!/bin/sh
# Verifies one RFQ's bundle of Signet with OpenSSL 3 and the standard tools; nothing of Signet is needed.
#   sh verify.sh [FOLDER [KEY]]   KEY: the gateway's key as the second party has it (signet-gateway journal key)
# Exit code 0 when everything holds; every fault is named. Take this script from a release, not from the bundle.
set -u
LC_ALL=C; export LC_ALL
cd "${1:-.}" || exit 2
want=${2:-}
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
faults=0
fault() { faults=$((faults + 1)); echo "FAULT: $*"; }
sha() { openssl dgst -sha256 -r <"$1" | cut -c1-64; }
b64sha() { openssl dgst -sha256 -binary | openssl base64 -A; }
byte() { od -An -tu1 -j "$2" -N 1 <"$1" | tr -d ' \n'; }
tab=$(printf '\t')

# The gateway's key, and what it signed: the list of files, and the checkpoint.
for f in manifest.json manifest.sig key.pem key.vkey checkpoint.txt index.txt; do
  [ -f "$f" ] || { fault "$f: is missing"; }
done
[ "$faults" -eq 0 ] || { echo "NOT VERIFIED"; exit 1; }
vkey=$(cat key.vkey)
own=$({ printf '\001'; openssl pkey -pubin -in key.pem -outform DER 2>/dev/null | tail -c 32; } | openssl base64 -A)
[ "${vkey#*+*+}" = "$own" ] || fault "key.pem, key.vkey: they are not the same key"
[ -z "$want" ] || [ "$want" = "$vkey" ] || fault "key.vkey: is not the key that the second party has"
signed() { openssl pkeyutl -verify -pubin -inkey key.pem -rawin -in "$1" -sigfile "$2" >"$tmp/out" 2>&1; }
signed manifest.json manifest.sig || fault "manifest.json: the gateway did not sign it (or manifest.sig, key.pem was changed)"
awk '/^$/ { exit } { print }' checkpoint.txt >"$tmp/text"
tail -n 1 checkpoint.txt | sed 's/.* //' | openssl base64 -d -A 2>/dev/null | tail -c 64 >"$tmp/sig"
signed "$tmp/text" "$tmp/sig" || fault "checkpoint.txt: the gateway did not sign it"
origin=$(sed -n 1p "$tmp/text"); size=$(sed -n 2p "$tmp/text"); root=$(sed -n 3p "$tmp/text")
[ "${vkey%%+*}" = "$origin" ] || fault "checkpoint.txt: is of another log than key.vkey"
case $size in ''|*[!0-9]*|0) fault "checkpoint.txt: has no size"; size=1 ;; esac

# Every file is there, unchanged, and there are no others.
sed -n 's/^    "\([^"]*\)": "\([0-9a-f]\{64\}\)",\{0,1\}$/\2 \1/p' manifest.json >"$tmp/files"
[ -s "$tmp/files" ] || fault "manifest.json: names no files"
while read -r digest path; do
  case $path in /*|*..*) fault "$path: is outside the bundle"; continue ;; esac
  if [ ! -f "$path" ]; then fault "$path: is missing"
  elif [ "$(sha "$path")" != "$digest" ]; then fault "$path: was changed"; fi
  echo "$path" >>"$tmp/named"
done <"$tmp/files"
find . -type f | sed 's|^\./||' >"$tmp/there"
while read -r path; do
  case $path in manifest.json|manifest.sig) continue ;; esac
  grep -qxF "$path" "$tmp/named" 2>/dev/null || fault "$path: is not in manifest.json"
done <"$tmp/there"

# Every record is in the tree that the checkpoint is over (RFC 9162, 2.1.3.2).
included() {
  { printf '\000'; cat "$2"; } | openssl dgst -sha256 -binary >"$tmp/node"
  number=$1; last=$((size - 1))
  [ "$number" -le "$last" ] || return 1
  while read -r sibling; do
    [ "$last" -gt 0 ] || return 1
    printf '%s' "$sibling" | openssl base64 -d -A >"$tmp/sibling"
    if [ $((number % 2)) -eq 1 ] || [ "$number" -eq "$last" ]; then
      { printf '\001'; cat "$tmp/sibling" "$tmp/node"; } | openssl dgst -sha256 -binary >"$tmp/up"
      while [ $((number % 2)) -eq 0 ] && [ "$number" -ne 0 ]; do number=$((number / 2)); last=$((last / 2)); done
    else
      { printf '\001'; cat "$tmp/node" "$tmp/sibling"; } | openssl dgst -sha256 -binary >"$tmp/up"
    fi
    mv "$tmp/up" "$tmp/node"
    number=$((number / 2)); last=$((last / 2))
  done <"$3"
  [ "$last" -eq 0 ] && [ "$(openssl base64 -A <"$tmp/node")" = "$root" ]
}

# A message: its record says when, whose and with which certificate; the signature covers it up to tag 93.
message() {
  record=$1; covered=$2; signature=$3; certificate=$4; roots=$5; list=$6
  ms=0; for i in 8 7 6 5 4 3 2 1; do ms=$((ms * 256 + $(byte "$record" "$i"))); done
  party=$([ "$(byte "$record" 9)" -eq 68 ] && echo desk || echo dealer)
  length=$(byte "$record" 42); id=$(tail -c +44 "$record" | head -c "$length")
  [ "$(head -c 42 "$record" | tail -c 32 | openssl base64 -A)" = \
    "$(openssl x509 -in "$certificate" -outform DER 2>/dev/null | b64sha)" ] || fault "$certificate: is not the certificate of $record"
  openssl x509 -in "$certificate" -noout -text 2>/dev/null | grep -q "spiffe://[^/]*/$party/$id\([/,]\|\$\)" ||
    fault "$certificate: is not for $party $id"
  openssl x509 -in "$certificate" -noout -pubkey >"$tmp/pub" 2>/dev/null
  tail -c +$((44 + length)) "$record" | head -c "$covered" >"$tmp/covered"
  openssl dgst -sha256 -verify "$tmp/pub" -signature "$signature" "$tmp/covered" >/dev/null 2>&1 ||
    fault "$record: $party $id did not sign this message"
  set -- -attime $((ms / 1000)) -CAfile "$roots"
  [ ! -f certificates/issuers.pem ] || set -- "$@" -untrusted certificates/issuers.pem
  [ "$list" = - ] || set -- "$@" -crl_check -CRLfile "$list"
  openssl verify "$@" "$certificate" >"$tmp/out" 2>&1 ||
    fault "$certificate: was not valid at the time of $record: $(sed -n 's/.*lookup: *//p' "$tmp/out" | head -n 1)"
}

# A touch: the key signed the connection, the challenge and the digest of the text that was approved.
touch_of() {
  openssl pkeyutl -verify -pubin -inkey "$1/key.pem" -rawin ${2:+-digest "$2"} -in "$1/signed" -sigfile "$1/signature" \
    >/dev/null 2>&1 || fault "$1: the security key did not sign it"
  [ "$(tail -c 32 "$1/signed" | openssl base64 -A)" = "$(b64sha <"$1/client.json")" ] ||
    fault "$1/client.json: is not what was signed"
  digest=$(b64sha <"$1/approval.txt" | tr '+/' '-_' | tr -d '=')
  grep -qF "\"txn\":\"$digest\"" "$1/client.json" || fault "$1/approval.txt: is not what was approved"
  grep -qxF "rfq=$rfq" "$1/approval.txt" || fault "$1/approval.txt: is about another RFQ"
}

records=0; messages=0; touches=0; rfq=; desk=
while IFS=$tab read -r what a b c d e f; do
  case $what in
    rfq) rfq=$a; desk=$b ;;
    leaf) records=$((records + 1)); included "$a" "$b" "$c" || fault "$b: is not record $a of the log" ;;
    message) messages=$((messages + 1)); message "$a" "$b" "$c" "$d" "$e" "$f" ;;
    policy) { [ "$(sha "$b")" = "$c" ] && grep -qF "$c" "$a"; } || fault "$b: is not what decision $a followed" ;;
    touch) touches=$((touches + 1)); touch_of "$a" "$b" ;;
    *) fault "index.txt: a line that this script does not know: $what" ;;
  esac
done <index.txt
[ "$records" -gt 0 ] || fault "index.txt: names no record"
[ "$faults" -eq 0 ] || { echo "NOT VERIFIED: $faults faults"; exit 1; }
echo "OK: RFQ $rfq of $desk: $records records, $messages signed messages, $touches touches; log $origin, checkpoint over $size"
[ -n "$want" ] || echo "Compare the key with the one that the second party has: $vkey"
