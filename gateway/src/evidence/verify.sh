#!/bin/sh
# Verifies one RFQ's bundle of Signet with OpenSSL 3 and the standard tools; nothing of Signet is needed.
#   sh verify.sh [FOLDER [KEY]]   KEY: the gateway's key as the second party has it (signet-gateway journal key)
# Exit code 0 when everything holds; every fault is named. Take this script from a release, not from the bundle.
#
# Whoever made the bundle may be a forger, with the gateway's keys or without. The form of every line is checked before a
# shell looks at its fields; files have the names that a bundle gives them; numbers have at most 18 digits, so that no
# arithmetic overflows. Whose a message is, and what its signature is over, is taken from the record, not from the index.
set -u
LC_ALL=C; export LC_ALL
cd -- "${1:-.}" || exit 2
want=${2:-}
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
faults=0
say() { printf '%s\n' "$*"; }
# Nothing that a terminal would obey.
plain() { printf '%s' "$*" | tr -c '\040-\176' '?'; }
fault() { faults=$((faults + 1)); say "FAULT: $(plain "$*")"; }
sha() { openssl dgst -sha256 -r <"$1" | cut -c1-64; }
b64sha() { openssl dgst -sha256 -binary | openssl base64 -A; }
hex() { od -An -v -tx1 | tr -d ' \n'; }
size_of() { wc -c <"$1" | tr -d ' '; }
byte() { od -An -tu1 -j "$2" -N 1 <"$1" | tr -d ' \n'; }
tab=$(printf '\t')
digits='(0|[1-9][0-9]{0,17})'
file='records/[0-9]{12,18}[.]'
index="rfq${tab}[ -~]{1,200}${tab}[ -~]{1,64}|leaf${tab}$digits${tab}${file}record${tab}${file}proof"
index="$index|message${tab}${file}record${tab}$digits${tab}${file}signature${tab}certificates/[0-9a-f]{64}[.]pem"
index="$index${tab}roots/(desks|dealers)[.]pem${tab}(-|lists/[0-9a-f]{64}[.]pem)"
index="$index|policy${tab}${file}record${tab}policies/[0-9a-f]{64}[.](cedar|toml)${tab}[0-9a-f]{64}"
index="$index|touch${tab}touches/[0-9]{6,18}${tab}(sha256)?"

# The gateway's key, and what it signed: the list of files, and the checkpoint.
for f in manifest.json manifest.sig key.pem key.vkey checkpoint.txt index.txt; do
  [ -f "$f" ] || { fault "$f: is missing"; }
done
[ "$faults" -eq 0 ] || { say "NOT VERIFIED"; exit 1; }
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
if [ "$size" = 0 ] || ! say "$size" | grep -qxE "$digits" || [ "$(say "$size" | wc -l)" -ne 1 ]; then
  fault "checkpoint.txt: has no size"; size=1
fi

# Every file is there, unchanged, and there are no others.
sed -n 's/^    "\([^"]*\)": "\([0-9a-f]\{64\}\)",\{0,1\}$/\2 \1/p' manifest.json >"$tmp/files"
[ -s "$tmp/files" ] || fault "manifest.json: names no files"
while read -r digest path; do
  case $path in /*|*..*|*[!A-Za-z0-9._/-]*) fault "$path: is outside the bundle"; continue ;; esac
  if [ ! -f "$path" ]; then fault "$path: is missing"
  elif [ "$(sha "$path")" != "$digest" ]; then fault "$path: was changed"; fi
  say "$path" >>"$tmp/named"
done <"$tmp/files"
[ -z "$(find . ! -type d ! -type f)" ] || fault "something is in the bundle that is neither a file nor a folder"
[ -z "$(find . -name '*[!A-Za-z0-9._-]*')" ] || fault "a file has a name that no file of a bundle has"
find . -type f | sed 's|^\./||' >"$tmp/there"
while read -r path; do
  case $path in manifest.json|manifest.sig) continue ;; esac
  grep -qxFe "$path" "$tmp/named" 2>/dev/null || fault "$path: is not in manifest.json"
done <"$tmp/there"

# Every record is in the tree that the checkpoint is over (RFC 9162, 2.1.3.2).
included() {
  { printf '\000'; cat "$2"; } | openssl dgst -sha256 -binary >"$tmp/node"
  number=$1; last=$((size - 1))
  [ "$number" -le "$last" ] || return 1
  while read -r sibling; do
    [ "$last" -gt 0 ] || return 1
    printf '%s' "$sibling" | openssl base64 -d -A >"$tmp/sibling"
    [ "$(size_of "$tmp/sibling")" -eq 32 ] || return 1
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

# Whether the key in $tmp/pub made the signature of a frame: the last fields of the frame are `93=88`, `89=` with r and s in
# base64, and the checksum, and the signature is over everything before them.
frame_is_signed() {
  covered=$(($(size_of "$1") - 105))
  [ "$covered" -gt 0 ] || return
  tail -c 106 "$1" | tr '\n\001' '?|' >"$tmp/tail"
  grep -qE '^[|]93=88[|]89=[A-Za-z0-9+/]{85}[AQgw]==[|]10=[0-9]{3}[|]$' "$tmp/tail" || return
  rs=$(cut -c11-98 "$tmp/tail" | tr -d '\n' | openssl base64 -d -A | hex)
  printf 'asn1=SEQUENCE:rs\n[rs]\nr=INTEGER:0x%s\ns=INTEGER:0x%s\n' \
    "$(printf '%s' "$rs" | cut -c1-64)" "$(printf '%s' "$rs" | cut -c65-128)" >"$tmp/rs"
  head -c "$covered" "$1" >"$tmp/covered"
  openssl asn1parse -genconf "$tmp/rs" -noout -out "$tmp/rs.der" >/dev/null 2>&1 &&
    openssl dgst -sha256 -verify "$tmp/pub" -signature "$tmp/rs.der" "$tmp/covered" >/dev/null 2>&1
}

# A message: its record says when, whose and with which certificate. A record with microseconds begins with `f` and three
# digits instead of `F`; the rest is the same, and is read from a copy in the form without them.
message() {
  record=$1; certificate=$2; list=$3; form=$1
  if [ "$(byte "$record" 0)" = 102 ]; then
    case $(head -c 4 "$record" | tail -c 3 | tr '\000-\037\177-\377' '?') in
      [0-9][0-9][0-9]) form=$tmp/form; { printf F; tail -c +5 "$record"; } >"$form" ;;
    esac
  fi
  { [ "$(size_of "$form")" -gt 43 ] && [ "$(byte "$form" 0)" = 70 ]; } || { fault "$record: is not a message"; return; }
  ms=0; for i in 8 7 6 5 4 3 2 1; do ms=$((ms * 256 + $(byte "$form" "$i"))); done
  case $(byte "$form" 9) in 68) party=desk ;; 76) party=dealer ;; *) fault "$record: is nobody's"; return ;; esac
  length=$(byte "$form" 42); id=$(tail -c +44 "$form" | head -c "$length" | tr '\000-\037\177-\377' '?')
  case $id in ''|*[!A-Za-z0-9._-]*) fault "$record: is nobody's"; return ;; esac
  [ "$(head -c 42 "$form" | tail -c 32 | openssl base64 -A)" = \
    "$(openssl x509 -in "$certificate" -outform DER 2>/dev/null | b64sha)" ] || fault "$certificate: is not the certificate of $record"
  openssl x509 -in "$certificate" -noout -ext subjectAltName 2>/dev/null | tr ',' '\n' |
    grep -qE "^ *URI:spiffe://[^/]*/$party/$(say "$id" | sed 's/[.]/[.]/g')(/.*)?\$" || fault "$certificate: is not for $party $id"
  openssl x509 -in "$certificate" -noout -pubkey >"$tmp/pub" 2>/dev/null
  tail -c +$((44 + length)) "$form" >"$tmp/frame"
  frame_is_signed "$tmp/frame" || fault "$record: $party $id did not sign this message"
  set -- -attime $((ms / 1000)) -CAfile "roots/${party}s.pem"
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
# What a line speaks of has its place in the log.
in_log() { grep -qxF "$1" "$tmp/leaves" || fault "$1: no line shows that it is in the log"; }

# The index, its leaves first: other lines speak of them.
lines=0; records=0; messages=0; touches=0; rfq=; desk=
[ "$(tr -d '\n\t -~' <index.txt | wc -c)" -eq 0 ] || fault "index.txt: has other characters than an index has"
bad=$(grep -nvxE "$index" index.txt | head -n 1 | cut -d: -f1)
if [ -n "$bad" ] || [ "$(sed 1d index.txt | grep -c '^rfq')" -ne 0 ] || ! sed -n 1p index.txt | grep -q '^rfq'; then
  fault "index.txt: line ${bad:-1} is not a line of an index, or one that this script does not know"
  say "NOT VERIFIED: $faults faults"; exit 1
fi
sed -n "s/^leaf${tab}[0-9]*${tab}\([^${tab}]*\)${tab}.*/\1/p" index.txt >"$tmp/leaves"
while IFS=$tab read -r what a b c d _ list; do
  case $what in
    rfq) rfq=$a; desk=$b ;;
    leaf) records=$((records + 1)); included "$a" "$b" "$c" || fault "$b: is not record $a of the log" ;;
    message) messages=$((messages + 1)); in_log "$a"; message "$a" "$d" "$list" ;;
    policy) in_log "$a"; { [ "$(sha "$b")" = "$c" ] && grep -qF "$c" "$a"; } || fault "$b: is not what decision $a followed" ;;
    touch) touches=$((touches + 1)); touch_of "$a" "$b" ;;
  esac
  lines=$((lines + 1))
done <index.txt
# A shell that gave up in the middle has not seen the rest.
{ [ "$lines" -eq "$(wc -l <index.txt)" ] && [ -z "$(tail -c 1 index.txt)" ]; } || fault "index.txt: was not read to its end"
[ "$records" -gt 0 ] || fault "index.txt: names no record"
[ "$faults" -eq 0 ] || { say "NOT VERIFIED: $faults faults"; exit 1; }
say "OK: RFQ $rfq of $desk: $records records, $messages signed messages, $touches touches; log $(plain "$origin"), checkpoint over $size"
[ -n "$want" ] || say "Compare the key with the one that the second party has: $(plain "$vkey")"
