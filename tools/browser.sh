#!/bin/sh
# What tests in a browser need and pip cannot bring, from this machine's own package sources: Chromium, Korean letters, and the
# pages' notification clients. Installs what is missing; takes no time when nothing is.
set -eu
cd "$(dirname "$0")/.."

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

missing=""
command -v chromium > /dev/null || missing="$missing chromium"
[ -d /usr/share/fonts/truetype/nanum ] || missing="$missing fonts-nanum"
if [ -n "$missing" ]; then
    as_root apt-get update -q
    # shellcheck disable=SC2086
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing
fi

tools/npm.sh
