#!/usr/bin/env bash
# Builds the gateway's packages twice from the last commit, in folders, time zones, languages, masks and numbers of jobs
# that differ, and names every difference: reproducible.sh [FOLDER]
#
# FOLDER (default: a temporary one, which is removed) keeps both clones and the report. Two release builds from nothing:
# an hour on two cores, and 12 GB. By hand and before a release; no test runs it. What is not committed is not in it.
# Exit status: 0 the packages have the same bytes, 1 they differ, or a build failed.
set -euo pipefail
cd "$(dirname "$0")/.."
fail() { printf 'reproducible: %s\n' "$*" >&2; exit 1; }
say() { printf 'reproducible: %s\n' "$*"; }
for tool in dpkg-deb cmp readelf; do
  command -v "$tool" >/dev/null || fail "$tool is missing: apt-get install dpkg diffutils binutils"
done
work=${1:-}
if [ -z "$work" ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
fi
mkdir -p "$work"
work=$(realpath "$work")
[ -z "$(git status --porcelain)" ] || say "note: what is not committed is not compared"
# Of the commit, as package.sh takes it; not one that somebody set.
unset SOURCE_DATE_EPOCH CARGO_TARGET_DIR RUSTFLAGS CFLAGS CXXFLAGS SIGNET_SIGN_KEY

# build NAME FOLDER MASK SETTING...
build() {
  local name=$1 folder=$2 mask=$3
  shift 3
  rm -rf "$folder"
  git clone --quiet --no-local . "$folder"
  say "$name build: $(git -C "$folder" rev-parse --short HEAD) in $folder, umask $mask, $*"
  (umask "$mask" && cd "$folder" && env "$@" scripts/package.sh gateway) >"$work/$name.log" 2>&1 ||
    { tail -n 30 "$work/$name.log" >&2; fail "the $name build failed; the log is $work/$name.log"; }
}
first=$work/one
second=$work/a/folder/with-a-longer-name
build first "$first" 022 TZ=UTC LC_ALL=C CARGO_BUILD_JOBS=2
build second "$second" 077 TZ=Asia/Kolkata LC_ALL=C.UTF-8 CARGO_BUILD_JOBS=1

# differ A B: names what differs in two packages.
differ() {
  local one=$work/open-one two=$work/open-two path
  if command -v diffoscope >/dev/null; then
    diffoscope --text "$work/$(basename "$1").diff" "$1" "$2" >/dev/null || true
    say "diffoscope: $work/$(basename "$1").diff"
  else
    say "diffoscope is not here (apt-get install diffoscope); with plain tools:"
  fi
  case "$1" in *.deb) ;; *) return 0 ;; esac
  rm -rf "$one" "$two"
  # Owner, mode, size, time, name and target of each entry.
  diff -U 0 <(dpkg-deb -c "$1") <(dpkg-deb -c "$2") | tail -n +3 |
    sed -n 's/^[-+]/reproducible:   entry: &/p' || true
  dpkg-deb -R "$1" "$one"
  dpkg-deb -R "$2" "$two"
  while IFS= read -r path; do
    if [ ! -f "$one/$path" ] || [ ! -f "$two/$path" ]; then
      say "  only in one: $path"
    elif ! cmp -s "$one/$path" "$two/$path"; then
      say "  differs: $path, $(cmp -l "$one/$path" "$two/$path" 2>/dev/null | wc -l) bytes of $(stat -c %s "$one/$path")"
      ! readelf -h "$one/$path" >/dev/null 2>&1 || sections "$one/$path" "$two/$path"
    fi
  done < <( (cd "$one" && find . -type f; cd "$two" && find . -type f) | sort -u)
}
# sections A B: the sections of two programs that differ.
sections() {
  local name
  while IFS= read -r name; do
    cmp -s <(readelf -x "$name" "$1" 2>/dev/null) <(readelf -x "$name" "$2" 2>/dev/null) || say "    section $name"
  done < <(readelf -SW "$1" | sed -n 's/^ *\[ *[0-9]*\] \([.][^ ]*\).*/\1/p')
}

different=0 compared=0
while IFS= read -r package; do
  other=$second/target/package/$(basename "$package")
  [ -f "$other" ] || fail "the second build made no $(basename "$package")"
  compared=$((compared + 1))
  if cmp -s "$package" "$other"; then
    say "same bytes: $(basename "$package") $(sha256sum <"$package" | cut -c 1-16)"
  else
    different=1
    say "differs: $(basename "$package")"
    differ "$package" "$other"
  fi
done < <(find "$first/target/package" -maxdepth 1 \( -name '*.deb' -o -name '*.rpm' -o -name '*.cdx.json' \) | sort)
[ "$compared" -gt 0 ] || fail "the first build made no package"
exit "$different"
