#!/usr/bin/env bash
# Makes the documents into a book, target/book/index.html. MDBOOK names a program to use; without it mdBook is built, once
# a machine, which takes minutes: so `make test` does not run this. What it could find wrong, scripts/docs.py finds.
set -euo pipefail
cd "$(dirname "$0")/.."
mdbook=${MDBOOK:-$(scripts/tools.sh mdbook)/mdbook}

# A copy, in which links to files beside the book have their words only: they lead nowhere from the book's pages.
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
cp -R book.toml docs "$stage/"
find "$stage/docs" -maxdepth 1 -name '*.md' -exec sed -i -E 's/\[([^]]*)\]\(\.\.\/[^)]*\)/\1/g' {} +
"$mdbook" build --dest-dir "$PWD/target/book" "$stage"
echo "target/book/index.html"
