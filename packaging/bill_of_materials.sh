#!/usr/bin/env bash
# Writes the CycloneDX bills of materials of a program: bill_of_materials.sh NAME OUT
# NAME.crates.cdx.json: the crates that are linked. For the desk also NAME.page.cdx.json: the packages of its page.
set -euo pipefail
cd "$(dirname "$0")/.."
name=$1 out=$2
features=()
manifest=Cargo.toml
[ "$name" = signet-desk ] || manifest=gateway/Cargo.toml
[ "$name" != signet-desk ] || features=(--features custom-protocol)
# It writes beside the manifest of each crate of the workspace, and only one is wanted.
cargo cyclonedx --quiet --format json --spec-version 1.5 --no-build-deps --target x86_64-unknown-linux-gnu \
  --override-filename "$name.crates.cdx" --manifest-path "$manifest" "${features[@]}"
mv "$(dirname "$manifest")/$name.crates.cdx.json" "$out/"
git ls-files --others --exclude-standard '*.crates.cdx.json' | xargs -r rm --
if [ "$name" = signet-desk ]; then
  (cd ui && npm sbom --sbom-format cyclonedx --omit dev) >"$out/$name.page.cdx.json"
fi
