#!/bin/sh
# What Molecule's hosts are made of and asked with, from this machine's own package sources: mmdebstrap, ssh, curl. Installs what
# is missing; takes no time when nothing is.
set -eu

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

missing=""
command -v mmdebstrap > /dev/null || missing="$missing mmdebstrap debian-archive-keyring"
command -v ssh > /dev/null || missing="$missing openssh-client"
command -v curl > /dev/null || missing="$missing curl"
if [ -n "$missing" ]; then
    as_root apt-get update -q
    # shellcheck disable=SC2086 # the words are the arguments
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing
fi
