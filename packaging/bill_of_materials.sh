#!/usr/bin/env bash
# Writes the CycloneDX bills of materials of a program: bill_of_materials.sh NAME OUT [windows]
# NAME-VERSION-linux.crates.cdx.json (with windows: NAME-VERSION-windows.crates.cdx.json): the crates that are linked. For the
# desk also ...page.cdx.json: the packages of its page. No two builds share a file: that of the page has another time and number
# each time, and provenance.py names its checksum. That of the crates has the commit's time (SOURCE_DATE_EPOCH).
set -euo pipefail
cd "$(dirname "$0")/.."
name=$1 out=$2
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
case "${3:-}" in
  '') file=$name-$version-linux.crates.cdx target=x86_64-unknown-linux-gnu ;;
  windows) file=$name-$version-windows.crates.cdx target=x86_64-pc-windows-gnu ;;
  *) echo "usage: packaging/bill_of_materials.sh NAME OUT [windows]" >&2; exit 2 ;;
esac
features=()
manifest=Cargo.toml
[ "$name" = signet-desk ] || manifest=gateway/Cargo.toml
[ "$name" != signet-desk ] || features=(--features custom-protocol)
# It writes beside the manifest of each crate of the workspace, and only one is wanted. Also after a failure: what is left
# counts as a change of the tree (provenance.py).
trap 'git ls-files -z --others --exclude-standard "*.crates.cdx.json" | xargs -0 -r rm --' EXIT
cargo cyclonedx --quiet --format json --spec-version 1.5 --no-build-deps --target "$target" \
  --override-filename "$file" --manifest-path "$manifest" "${features[@]}"
# The names of our own crates hold the folder that they were built in, which is another one on each machine.
python3 - "$(dirname "$manifest")/$file.json" "$out/$file.json" <<'PY'
import pathlib, sys
source, out = map(pathlib.Path, sys.argv[1:])
out.write_text(source.read_text().replace(pathlib.Path.cwd().as_uri(), "file:///signet"))
PY
rm "$(dirname "$manifest")/$file.json"
if [ "$name" = signet-desk ]; then
  (cd ui && npm sbom --sbom-format cyclonedx --omit dev) >"$out/${file/%.crates.cdx/.page.cdx}.json"
fi
