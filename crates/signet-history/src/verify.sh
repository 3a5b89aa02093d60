#!/bin/sh
# Verifies the export of a Signet desk's own history with OpenSSL 3 and the standard tools; nothing of Signet is needed.
#   sh verify.sh FILE [KEY [CA [CHECKPOINT]]]
#     KEY         the key of the history, as the desk's firm wrote it down at an earlier export; - where it is not known
#     CA          the authority of the gateway's certificate, PEM; with it every signed message is printed; - for none
#     CHECKPOINT  an earlier checkpoint of the history, from whoever has kept it: the records up to there must be the same
# Exit code 0 when everything holds; every fault is named. Take this script from a release, not from whoever gave the file.
# It takes about ten starts of OpenSSL for each record, so a large export is better checked with: signet-desk history verify
set -u
LC_ALL=C; export LC_ALL
file=${1:?name the export}
want=${2:-}; [ "$want" != - ] || want=
ca=${3:-}; [ "$ca" != - ] || ca=
earlier=${4:-}
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
faults=0
fault() { faults=$((faults + 1)); echo "FAULT: $*"; }
unb64() { printf '%s' "$1" | openssl base64 -d -A; }
hash() { openssl dgst -sha256 -binary; }
pub() { openssl x509 -inform DER -in "$1" -noout -pubkey >"$tmp/pub" 2>/dev/null; }
good() { openssl dgst -sha256 -verify "$tmp/pub" -signature "$1" "$2" >/dev/null 2>&1; }
at_s() { sed -n 's/.*"at_ms":\([0-9]*\)[0-9][0-9][0-9],.*/\1/p' "$tmp/record"; }
member() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" "$tmp/record"; }

# A tree that grows at its right end: one file for each complete subtree, by its height.
push() {
  height=0
  while [ -f "$tmp/peak$height" ]; do
    { printf '\001'; cat "$tmp/peak$height" "$1"; } | hash >"$tmp/up"
    rm "$tmp/peak$height"; mv "$tmp/up" "$1"; height=$((height + 1))
  done
  mv "$1" "$tmp/peak$height"
}
root() {
  rm -f "$tmp/root"
  for height in $(seq 0 62); do
    [ -f "$tmp/peak$height" ] || continue
    if [ -f "$tmp/root" ]; then { printf '\001'; cat "$tmp/peak$height" "$tmp/root"; } | hash >"$tmp/up"; else cp "$tmp/peak$height" "$tmp/up"; fi
    mv "$tmp/up" "$tmp/root"
  done
  openssl base64 -A <"$tmp/root" 2>/dev/null
}
base() {
  unb64 "$1" >"$tmp/base"
  last=$(head -c 32 "$tmp/base" | openssl base64 -A); next=0; at=41
  for byte in $(head -c 40 "$tmp/base" | tail -c 8 | od -An -tu1); do next=$((next * 256 + byte)); done
  first=$next
  for height in $(seq 62 -1 0); do
    [ $((next >> height & 1)) -eq 0 ] || { tail -c "+$at" "$tmp/base" | head -c 32 >"$tmp/peak$height"; at=$((at + 32)); }
  done
}

# The place of a record: numbers follow one another.
place() {
  [ -z "$need" ] || fault "record $need: nothing shows its signature"
  need=
  [ "$1" -eq "$next" ] 2>/dev/null || fault "record $next: record $1 stands in its place, or it is missing"
  next=$(($1 + 1)); unb64 "$2" >"$tmp/leaf"; push "$tmp/leaf"
  [ "$next" != "$early_size" ] || early_root=$(root)
}
record() {
  before=$last; last=$2; place "$1" "$2"
  unb64 "$3" >"$tmp/record"
  [ "$({ printf '\000'; cat "$tmp/record"; } | hash | openssl base64 -A)" = "$2" ] || fault "record $1: was changed"
  [ "$(sed -n 's/^{"v":1,"n":\([0-9]*\),.*/\1/p' "$tmp/record")" = "$1" ] || fault "record $1: is another record"
  [ "$(member before)" = "$before" ] || fault "record $1: does not follow the record before it"
  case $(member kind) in
    up) direct=$(sed -n 's/.*"direct":\(true\|false\).*/\1/p' "$tmp/record") ;;
    received) ! grep -q '"signed":true' "$tmp/record" || need=$1 ;;
    sent) [ "$direct" = true ] || need=$1 ;;
    lost) echo "NOTE: record $1 says that records could not be written" ;;
    removed) removed=$((removed + 1)) ;;
  esac
}
# The certificates of a connection, which its record has.
ends() {
  { grep -qF "\"$2\"" "$tmp/record" && grep -qF "\"$3\"" "$tmp/record"; } || fault "record $1: has other certificates"
  unb64 "$2" >"$tmp/own.der"; unb64 "$3" >"$tmp/peer.der"
  [ -n "$ca" ] || return
  # As of the time of the connection, which is the laptop's.
  at=$(at_s)
  { openssl x509 -inform DER -in "$tmp/peer.der" -out "$tmp/peer.pem" 2>/dev/null &&
    openssl verify -attime "$at" -partial_chain -trusted "$ca" "$tmp/peer.pem" >/dev/null 2>&1; } ||
    fault "record $1: the authority that was given did not issue the certificate of the other end, or it was not valid then"
  echo "Connection, record $1: to $(openssl x509 -inform DER -in "$tmp/peer.der" -noout -subject -serial | tr '\n' ' ')"
}
# A message: the signature covers it up to tag 93.
message() {
  need=; unb64 "$(member frame)" >"$tmp/frame"; unb64 "$4" >"$tmp/signature"
  head -c "$3" "$tmp/frame" >"$tmp/covered"
  { [ "$(tail -c "+$(($3 + 1))" "$tmp/frame" | head -c 3)" = "93=" ] && pub "$tmp/$2.der" && good "$tmp/signature" "$tmp/covered"; } ||
    fault "record $1: the signature of its message does not fit the certificate of the connection"
  messages=$((messages + 1))
  [ -n "$ca" ] || return
  by=desk; [ "$2" = own ] || by="other end"
  # The separator as a stroke, and nothing that a terminal would obey.
  echo "Record $1, $(at_s) s since 1970, signed by the $by: $(tr '\001' '|' <"$tmp/frame" | tr -c '\040-\176' '?')"
}
# The desk's own key signed the key of the history.
certified() {
  printf '%b' "$(member statement)" >"$tmp/statement"; unb64 "$2" >"$tmp/signature"
  unb64 "$(sed -n 's/.*"chain":\["\([^"]*\)".*/\1/p' "$tmp/record")" >"$tmp/leaf.der"
  print=$(openssl dgst -sha256 -r <"$tmp/leaf.der" | cut -c1-64)
  printf 'signet desk history key 1\nkey %s\ncertificate %s\n' "$key" "$print" | cmp -s - "$tmp/statement" ||
    fault "record $1: is about another key"
  { pub "$tmp/leaf.der" && good "$tmp/signature" "$tmp/statement"; } || fault "record $1: the desk's key did not certify the key of this history"
  keys=$((keys + 1)); echo "Certified by: $(openssl x509 -inform DER -in "$tmp/leaf.der" -noout -subject -serial | tr '\n' ' ')"
}

[ "$(head -n 1 "$file")" = "signet-desk-history 1" ] || { echo "NOT VERIFIED: this is not the export of a desk's history"; exit 1; }
# The text of a signed note that the key of the history signed; into $tmp/text.
signed() {
  awk '/^$/ { exit } { print }' "$1" >"$tmp/text"
  tail -n 1 "$1" | sed 's/.* //' | openssl base64 -d -A 2>/dev/null | tail -c 64 >"$tmp/sig"
  openssl pkeyutl -verify -pubin -inkey "$tmp/key.pem" -rawin -in "$tmp/text" -sigfile "$tmp/sig" >/dev/null 2>&1
}

early_size=; early_root=; [ -z "$earlier" ] || early_size=$(sed -n 2p "$earlier")
next=0; first=0; last=; key=; need=; direct=false; ended=; records=0; messages=0; keys=0; removed=0; outside=0
while read -r what a b c d; do
  case $what in
    signet-desk-history) ;;
    key) key=$a ;;
    checkpoint) unb64 "$a" >"$tmp/note" ;;
    base) base "$a" ;;
    h) last=$b; place "$a" "$b"; outside=$((outside + 1)) ;;
    r) records=$((records + 1)); record "$a" "$b" "$c" ;;
    c) ends "$a" "$b" "$c" ;;
    s) message "$a" "$b" "$c" "$d" ;;
    k) certified "$a" "$b" ;;
    end) ended=$a ;;
    *) fault "a line that this script does not know: $what" ;;
  esac
done <"$file"
[ "$ended" = "$next" ] || fault "record $next: the end of the file is missing"
[ -z "$need" ] || fault "record $need: nothing shows its signature"
[ -z "$want" ] || [ "$want" = "$key" ] || fault "the key is not the one that was given"
[ "$keys" -gt 0 ] || fault "no record shows that the desk's key certified the key of this history"
[ "$first" -eq 0 ] || [ "$removed" -gt 0 ] || fault "records before the first are missing, and nothing says why"
touch "$tmp/note"
{ printf '\060\052\060\005\006\003\053\145\160\003\041\000'; unb64 "${key#*+*+}" | tail -c 32; } |
  openssl pkey -pubin -inform DER -out "$tmp/key.pem" 2>/dev/null || fault "the key cannot be read"
if [ -n "$earlier" ]; then
  { signed "$earlier" && [ "$(sed -n 1p "$tmp/text")" = "${key%%+*}" ]; } ||
    fault "the earlier checkpoint: the key of the history did not sign it"
  [ "$(sed -n 3p "$tmp/text")" = "$early_root" ] ||
    fault "the records up to number $early_size are not those of the earlier checkpoint: the history was written again, or begins later"
fi
signed "$tmp/note" ||
  fault "the checkpoint: the key of the history did not sign it"
[ "$(sed -n 1p "$tmp/text")" = "${key%%+*}" ] || fault "the checkpoint: is of another history"
[ "$(sed -n 2p "$tmp/text")" = "$next" ] || fault "record $next: the checkpoint is over $(sed -n 2p "$tmp/text") records"
[ "$(sed -n 3p "$tmp/text")" = "$(root)" ] || fault "the signed root is another: records were changed"
[ "$faults" -eq 0 ] || { echo "NOT VERIFIED: $faults faults"; exit 1; }
name=${key%%+*}
echo "OK: history of ${name%/history}: $records records, $outside left out, $messages signed messages, the first is number $first"
[ -n "$want" ] || echo "Compare the key with the one of an earlier export: $key"
