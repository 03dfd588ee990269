#!/bin/sh
# The notification clients that web pages use, by their lock, and npm if it is missing: what tests run in node or in a browser.
# Takes no time when nothing is missing.
set -eu
cd "$(dirname "$0")/../tests/npm"

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

if ! command -v npm > /dev/null; then
    as_root apt-get update -q
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends npm
fi
[ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --ignore-scripts --no-audit --no-fund
