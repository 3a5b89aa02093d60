#!/usr/bin/env bash
# Installs the front end's packages when the lock file changed and builds the page when a source did. What is in the files
# counts, and not their times: an unpacked archive is older than the page that an earlier version left here.
set -euo pipefail
cd "$(dirname "$0")/../ui"
if ! cmp -s package-lock.json node_modules/.signet-packages; then
  # With NODE_ENV=production npm would leave out what builds the page.
  npm ci --include=dev --no-audit --no-fund --loglevel=error || {
    echo "signet: npm could not install ui/package-lock.json (its words are above). Is its registry reached from here? Behind a proxy: npm config set https-proxy http://HOST:PORT" >&2
    exit 1
  }
  cp package-lock.json node_modules/.signet-packages
fi
page=$(find src isolation index.html vite.config.ts svelte.config.js tsconfig.json package.json package-lock.json -type f -exec cksum {} + | LC_ALL=C sort)
if [ ! -f dist/index.html ] || [ "$(cat node_modules/.signet-page 2>/dev/null)" != "$page" ]; then
  # A build that breaks off leaves half a page.
  rm -f node_modules/.signet-page
  npm run --silent build
  printf '%s\n' "$page" >node_modules/.signet-page
fi
