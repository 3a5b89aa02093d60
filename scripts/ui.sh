#!/usr/bin/env bash
# Installs the front end's packages when the lock file changed and builds the page when a source did.
set -euo pipefail
cd "$(dirname "$0")/../ui"
if [ ! -f node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  npm ci --no-audit --no-fund --loglevel=error
  touch node_modules/.package-lock.json
fi
if [ ! -f dist/index.html ] || [ -n "$(find src isolation index.html vite.config.ts package.json -newer dist/index.html -print -quit)" ]; then
  npm run --silent build
fi
