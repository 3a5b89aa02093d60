#!/bin/sh
# Verifies the export of a Signet desk's own history with OpenSSL 3 and the standard tools; nothing of Signet is needed.
#   sh verify.sh FILE [KEY [CA [CHECKPOINT]]]
#     KEY         the key of the history, as the desk's firm wrote it down at an earlier export; - where it is not known
#     CA          the authority of the gateway's certificate, PEM; with it every signed message is printed; - for none
#     CHECKPOINT  an earlier checkpoint of the history, from whoever has kept it: the records up to there must be the same
# Exit code 0 when everything holds; every fault is named. Take this script from a release, not from whoever gave the file.
# It takes about ten starts of OpenSSL for each record, so a large export is better checked with: signet-desk history verify
#
# Whoever wrote the file may be a forger. The form of every line is checked before a shell looks at its fields, the form of
# every record before a field is taken from it, and numbers have at most 18 digits, so that no arithmetic overflows. What a
# line c, s or k says is taken from the records, which the key of the history signed, and not from that line.
set -u
LC_ALL=C; export LC_ALL
file=${1:?name the export}
want=${2:-}; [ "$want" != - ] || want=
ca=${3:-}; [ "$ca" != - ] || ca=
earlier=${4:-}
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
faults=0
say() { printf '%s\n' "$*"; }
fault() { faults=$((faults + 1)); say "FAULT: $*"; }
stop() { say "FAULT: $*"; say "NOT VERIFIED: the file cannot be read further"; exit 1; }
unb64() { printf '%s' "$1" | openssl base64 -d -A; }
hex() { od -An -v -tx1 | tr -d ' \n'; }
hash() { openssl dgst -sha256 -binary; }
# Nothing that a terminal would obey.
plain() { tr -c '\040-\176' '?'; }

# Numbers without zeros before them; base64 in its one spelling.
number='(0|[1-9][0-9]{0,17})'
b64='(([A-Za-z0-9+/]{4})+|([A-Za-z0-9+/]{4})*([A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=))'
digest='[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]='
vkey='[]!#-*,-[^-~]{1,200}[+][0-9a-f]{8}[+]A[Q-Za-f][A-Za-z0-9+/]{42}'
lines="signet-desk-history 1|key $vkey|checkpoint $b64|base $b64|h $number $digest|r $number $digest $b64"
lines="$lines|c $number $b64 $b64|s $number (own|peer) $number $b64|k $number $b64|end $number"

# Records as a desk writes them, byte by byte: one form for each kind.
text='"([^"\\]|\\["\\bfnrt]|\\u00(0[0-7bef]|1[0-9a-f]))*"'
time='(0|-?[1-9][0-9]{0,17})'
bool='(true|false)'
head="[{]\"v\":1,\"n\":$number,\"before\":\"$digest\",\"at_ms\":$time,\"run_us\":$number,\"offset_ms\":(null|$time),\"what\":[{]\"kind\":"
form() { printf '%s%s%s\n' "$head" "$1" '[}][}]' >>"$tmp/forms"; }
form "\"started\",\"desk\":$text,\"version\":$text,\"torn_bytes\":$number"
form "\"key\",\"statement\":$text,\"signature\":\"[A-Za-z0-9+/]{85}[AQgw]==\",\"chain\":\\[\"$b64\"(,$text){0,9}\\]"
form "\"up\",\"again\":$bool,\"venue\":$text,\"peer\":$text,\"own\":$text,\"direct\":$bool,\"tls\":$text,\"own_certificate\":\"$b64?\",\"peer_certificate\":\"$b64?\""
form "\"(down|stopped)\""
form "\"sent\",\"msg\":$text,\"frame\":\"$b64\""
form "\"received\",\"msg\":$text,\"signed\":$bool,\"frame\":\"$b64\""
form "\"refused\",\"msg\":$text,\"why\":$text,\"frame\":$text"
form "\"not-sent\",\"msg\":$text,\"id\":$text,\"code\":$text"
form "\"shown\",\"rfq\":$text,\"accept\":$text,\"screen\":$text"
form "\"note\",\"rfq\":$text,\"text\":$text"
form "\"reason\",\"rfq\":$text,\"accept\":$text,\"text\":$text"
form "\"(lost|quotes-left-out)\",\"records\":$number,\"from_ms\":$time,\"to_ms\":$time"
form "\"removed\",\"before\":$number,\"root\":$text,\"keep_days\":[0-9]{1,9}"
form "\"aside\",\"folder\":$text,\"why\":$text"
# The one member of this name: a quote within a text has a backslash before it, so a text cannot look like a member.
member() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" "$tmp/record"; }
value() { sed -n "s/.*\"$1\":\(-\{0,1\}[0-9a-z]\{1,\}\)[,}].*/\1/p" "$tmp/record"; }
utf8() { ! grep -q '[^ -~]' "$1" || iconv -f UTF-8 -t UTF-16LE <"$1" >/dev/null 2>&1; }
without() { [ "$(tr -d "$1" <"$2" | wc -c)" -eq "$(wc -c <"$2")" ]; }
whole() { without '\000-\037' "$tmp/record" && grep -qxEf "$tmp/forms" "$tmp/record" && utf8 "$tmp/record"; }
at_s() { say "$(($(value at_ms) / 1000))"; }

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
  [ -f "$tmp/root" ] || hash </dev/null >"$tmp/root"
  openssl base64 -A <"$tmp/root"
}
# The root at the size of the earlier checkpoint.
look_back() { [ "$next" != "$early_size" ] || early_root=$(root); }
base() {
  unb64 "$1" >"$tmp/base"
  last=$(head -c 32 "$tmp/base" | openssl base64 -A); next=0; at=41
  # 56 bits of a size are enough, and leave room for arithmetic.
  { [ "$(wc -c <"$tmp/base")" -ge 40 ] && [ "$(head -c 33 "$tmp/base" | tail -c 1 | hex)" = 00 ]; } || stop "the base: cannot be read"
  for byte in $(head -c 40 "$tmp/base" | tail -c 7 | od -An -v -tu1); do next=$((next * 256 + byte)); done
  first=$next
  for height in $(seq 55 -1 0); do
    [ $((next >> height & 1)) -eq 0 ] || { tail -c "+$at" "$tmp/base" | head -c 32 >"$tmp/peak$height"; at=$((at + 32)); }
  done
  [ "$(wc -c <"$tmp/base")" -eq $((at - 1)) ] || stop "the base: cannot be read"
  base_root=$(root); look_back
}

# The place of a record: numbers follow one another.
place() {
  [ "$1" -eq "$next" ] || fault "record $next: record $1 stands in its place, or it is missing"
  next=$(($1 + 1)); unb64 "$2" >"$tmp/leaf"; push "$tmp/leaf"; look_back
}
record() {
  before=$last; last=$2; place "$1" "$2"
  unb64 "$3" >"$tmp/record"
  [ "$({ printf '\000'; cat "$tmp/record"; } | hash | openssl base64 -A)" = "$2" ] || { fault "record $1: was changed"; return; }
  whole || { fault "record $1: cannot be read"; return; }
  [ "$(value n)" = "$1" ] || fault "record $1: is another record"
  [ "$(member before)" = "$before" ] || fault "record $1: does not follow the record before it"
  case $(member kind) in
    started) [ "$(member desk)" = "$desk" ] || fault "record $1: is of the history of another desk" ;;
    key) certified "$1" ;;
    up) ends "$1" ;;
    sent) if [ "$direct" = true ]; then message "$1" own; else message "$1" own must; fi ;;
    received) [ "$(value signed)" != true ] || message "$1" peer must ;;
    lost) say "NOTE: record $1 says that records could not be written" ;;
    quotes-left-out) say "NOTE: record $1 says that quotes were not written" ;;
    removed) removes "$(value before)" "$(member root)" ;;
  esac
}
# Why records before the first are missing: the removal of these very records, or of more.
removes() {
  [ "$1" -gt "$first" ] || { [ "$1" -eq "$first" ] && [ "$2" = "$base_root" ]; } || return
  removed=yes
}
# The public key of a certificate, if the certificate is in DER and the key on P-256; no file otherwise.
pub() {
  rm -f "$tmp/$1.pub"
  openssl x509 -inform DER -in "$tmp/$1.der" -outform DER 2>/dev/null | cmp -s - "$tmp/$1.der" || return
  openssl x509 -inform DER -in "$tmp/$1.der" -noout -pubkey >"$tmp/pub" 2>/dev/null
  spki=$(openssl pkey -pubin -in "$tmp/pub" -outform DER 2>/dev/null | hex)
  case $spki in 3059301306072a8648ce3d020106082a8648ce3d03010703420004*) [ ${#spki} -ne 182 ] || mv "$tmp/pub" "$tmp/$1.pub" ;; esac
}
# Whether the key of certificate $1 made the signature $2 (r and s, base64) over file $3.
good() {
  [ -s "$tmp/$1.pub" ] || return
  rs=$(unb64 "$2" | hex)
  printf 'asn1=SEQUENCE:rs\n[rs]\nr=INTEGER:0x%s\ns=INTEGER:0x%s\n' \
    "$(printf '%s' "$rs" | cut -c1-64)" "$(printf '%s' "$rs" | cut -c65-128)" >"$tmp/rs"
  openssl asn1parse -genconf "$tmp/rs" -noout -out "$tmp/signature" 2>/dev/null &&
    openssl dgst -sha256 -verify "$tmp/$1.pub" -signature "$tmp/signature" "$3" >/dev/null 2>&1
}
# The certificates of a connection.
ends() {
  direct=$(value direct); connected=yes
  for end in own peer; do unb64 "$(member "${end}_certificate")" >"$tmp/$end.der"; pub "$end"; done
  [ -n "$ca" ] || return
  # As of the time of the connection, which is the laptop's.
  { openssl x509 -inform DER -in "$tmp/peer.der" -out "$tmp/peer.pem" 2>/dev/null &&
    openssl verify -attime "$(at_s)" -partial_chain -trusted "$ca" "$tmp/peer.pem" >/dev/null 2>&1; } ||
    fault "record $1: the authority that was given did not issue the certificate of the other end, or it was not valid then"
  say "Connection, record $1: to $(openssl x509 -inform DER -in "$tmp/peer.der" -noout -subject -serial 2>/dev/null | tr '\n' ' ' | plain)"
}
# How many bytes of a frame are signed, and with what: the fields 93 and 89, once, last before 10; nothing if it is not so.
# A message is fields TAG=VALUE that each end with SOH; before data stands its length.
parts() {
  [ "$(wc -c <"$1")" -le 65536 ] && [ "$(tail -c 1 "$1" | hex)" = 01 ] || return
  tr '\n\000\001' '??\n' <"$1" | awk '
    BEGIN { data["96"] = 95; data["89"] = 93; data["355"] = 354; data["91"] = 90 }
    {
      at = index($0, "="); tag = substr($0, 1, at - 1); said = substr($0, at + 1)
      if (tag !~ /^[1-9][0-9]*$/ || length(tag) > 9 || said == "") bad = 1
      if (tag in data && (tag1 != data[tag] || said1 != length(said) "")) bad = 1
      if (tag == 93 || tag == 89) count++
      tag3 = tag2; said3 = said2; begins3 = begins2
      tag2 = tag1; said2 = said1; begins2 = begins1
      tag1 = tag; said1 = said; begins1 = pos + 0
      pos += length($0) + 1
    }
    END {
      placed = count == 2 && tag3 == 93 && tag2 == 89 && tag1 == 10 && NR > 3 && NR <= 4096
      if (!bad && placed && said3 == "88" && length(said2) == 88 && said2 ~ /^[A-Za-z0-9+\/]*[AQgw]==$/) print begins3, said2
    }'
}
# A message, which its kind says who signed: the desk what was sent, the other end what was received.
message() {
  [ -n "$connected" ] || fault "record $1: no record before it tells of the connection that it travelled on"
  unb64 "$(member frame)" >"$tmp/frame"
  found=$(parts "$tmp/frame")
  if [ -z "$found" ]; then [ -z "${3:-}" ] || fault "record $1: its message is not signed"; return; fi
  head -c "${found% *}" "$tmp/frame" >"$tmp/covered"
  good "$2" "${found#* }" "$tmp/covered" || fault "record $1: the signature of its message does not fit the certificate of the connection"
  messages=$((messages + 1))
  [ -n "$ca" ] || return
  by=desk; [ "$2" = own ] || by="other end"
  # The separator as a stroke.
  say "Record $1, $(at_s) s since 1970, signed by the $by: $(tr '\001' '|' <"$tmp/frame" | plain)"
}
# The desk's own key signed the key of the history.
certified() {
  unb64 "$(sed -n 's/.*"chain":\["\([^"]*\)".*/\1/p' "$tmp/record")" >"$tmp/leaf.der"; pub leaf
  print=$(openssl dgst -sha256 -r <"$tmp/leaf.der" | cut -c1-64)
  printf 'signet desk history key 1\nkey %s\ncertificate %s\n' "$key" "$print" >"$tmp/statement"
  # As JSON has it: the key holds nothing that JSON writes otherwise.
  [ "$(member statement)" = "signet desk history key 1\\nkey $key\\ncertificate $print\\n" ] || fault "record $1: is about another key"
  good leaf "$(member signature)" "$tmp/statement" || fault "record $1: the desk's key did not certify the key of this history"
  keys=$((keys + 1)); say "Certified by: $(openssl x509 -inform DER -in "$tmp/leaf.der" -noout -subject -serial 2>/dev/null | tr '\n' ' ' | plain)"
}

# The text of a checkpoint (a signed note) that the key of the history signed; into $tmp/text.
signed() {
  : >"$tmp/text"; : >"$tmp/signatures"
  { [ "$(wc -c <"$1")" -le 16384 ] && without '\000-\011\013-\037\177' "$1" && [ -z "$(tail -c 1 "$1")" ]; } || return
  awk -v text="$tmp/text" -v others="$tmp/signatures" '
    /^$/ && !after { after = 1; next }
    { print >(after ? others : text) }' "$1"
  grep -qvE "^— [^ ]+ $b64\$" "$tmp/signatures" && return 1
  sed -n 2p "$tmp/text" | grep -qxE "$number" && sed -n 3p "$tmp/text" | grep -qxE "$digest" || return
  { [ "$(sed -n 1p "$tmp/text")" = "$name" ] && [ "$(wc -l <"$tmp/text")" -le 19 ] && ! grep -qvxE '[ -~]+' "$tmp/text"; } || return
  : >"$tmp/sigs"
  while IFS=' ' read -r _ who bytes; do [ "$who" != "$name" ] || say "$bytes" >>"$tmp/sigs"; done <"$tmp/signatures"
  [ "$(wc -l <"$tmp/sigs")" -eq 1 ] || return
  unb64 "$(cat "$tmp/sigs")" >"$tmp/sig68"
  [ "$(wc -c <"$tmp/sig68")" -eq 68 ] && [ "$(head -c 4 "$tmp/sig68" | hex)" = "$key_id" ] || return
  tail -c 64 "$tmp/sig68" >"$tmp/sig"
  openssl pkeyutl -verify -pubin -inkey "$tmp/key.pem" -rawin -in "$tmp/text" -sigfile "$tmp/sig" >/dev/null 2>&1
}
# The key: name+id+key, where the id is of the other two.
own_key() {
  key=$1; name=${key%%+*}; desk=${name%/history}; key_id=${key#*+}; key_id=${key_id%%+*}
  unb64 "${key#*+*+}" | tail -c 32 >"$tmp/key"
  [ "$({ printf '%s\n\001' "$name"; cat "$tmp/key"; } | hash | head -c 4 | hex)" = "$key_id" ] || fault "the key cannot be read"
  { printf '\060\052\060\005\006\003\053\145\160\003\041\000'; cat "$tmp/key"; } |
    openssl pkey -pubin -inform DER -out "$tmp/key.pem" 2>/dev/null || fault "the key cannot be read"
}

cat <"$file" >"$tmp/file" || exit 2
[ "$(head -n 1 "$tmp/file")" = "signet-desk-history 1" ] || stop "this is not the export of a desk's history"
[ "$(tr -d '\n -~' <"$tmp/file" | wc -c)" -eq 0 ] || stop "the file has other characters than an export has"
bad=$(grep -nvxE "$lines" "$tmp/file" | head -n 1 | cut -d: -f1)
[ -z "$bad" ] || stop "line $bad: is not a line of an export, or one that this script does not know"

early_size=; early_root=; [ -z "$earlier" ] || early_size=$(sed -n 2p "$earlier")
next=0; first=0; last=; key=; name=; desk=; key_id=; base_root=; direct=false; connected=; ended=; line=0
records=0; messages=0; keys=0; removed=; outside=0
while IFS=' ' read -r what a b c; do
  line=$((line + 1))
  [ -z "$ended" ] || fault "line $line: comes after the end"
  case $line:$what in
    1:signet-desk-history) ;;
    2:key) own_key "$a" ;;
    3:checkpoint) unb64 "$a" >"$tmp/note" ;;
    4:base) base "$a" ;;
    [1-4]:* | *:signet-desk-history | *:key | *:checkpoint | *:base) stop "line $line: stands in another's place" ;;
    *:h) last=$b; place "$a" "$b"; outside=$((outside + 1)) ;;
    *:r) records=$((records + 1)); record "$a" "$b" "$c" ;;
    # For other programs: the records say the same.
    *:[csk]) ;;
    *:end) ended=$a ;;
  esac
done <"$tmp/file"
[ "$line" -ge 4 ] || stop "the file ends early"
[ "$ended" = "$next" ] || fault "record $next: the end of the file is missing"
[ -z "$want" ] || [ "$want" = "$key" ] || fault "the key is not the one that was given"
[ "$keys" -gt 0 ] || fault "no record shows that the desk's key certified the key of this history"
[ "$first" -eq 0 ] || [ -n "$removed" ] || fault "records before the first are missing, and nothing says why"
if [ -n "$earlier" ]; then
  signed "$earlier" || fault "the earlier checkpoint: the key of the history did not sign it"
  [ "$(sed -n 3p "$tmp/text")" = "$early_root" ] ||
    fault "the records up to that of the earlier checkpoint are not those: the history was written again, or begins later"
fi
signed "$tmp/note" ||
  fault "the checkpoint: the key of the history did not sign it"
[ "$(sed -n 2p "$tmp/text")" = "$next" ] || fault "record $next: the checkpoint is over another number of records"
[ "$(sed -n 3p "$tmp/text")" = "$(root)" ] || fault "the signed root is another: records were changed"
[ "$faults" -eq 0 ] || { say "NOT VERIFIED: $faults faults"; exit 1; }
say "OK: history of $desk: $records records, $outside left out, $messages signed messages, the first is number $first"
# Whoever has the laptop can cut off the end, sign what is left and go on from there: then everything fits.
if [ -n "$earlier" ]; then
  say "The earlier checkpoint is over the first $early_size of $next records; an end that was cut off after them would not be seen."
else
  say "Without an earlier checkpoint an end that was cut off would not be seen."
fi
[ -n "$want" ] || say "Compare the key with the one of an earlier export: $key"
