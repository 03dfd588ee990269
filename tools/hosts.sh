#!/bin/sh
# What Molecule's hosts are made with, from this machine's own package sources: mmdebstrap, ssh, curl, and Docker. Installs what is
# missing and says so; takes no time when nothing is.
set -eu
cd "$(dirname "$0")/.."

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

mkdir -p .cache/molecule
missing=""
command -v mmdebstrap > /dev/null || missing="$missing mmdebstrap debian-archive-keyring"
command -v ssh > /dev/null || missing="$missing openssh-client"
command -v curl > /dev/null || missing="$missing curl"
command -v flock > /dev/null || missing="$missing util-linux"
if [ -n "$missing" ]; then
    echo "installing$missing"
    as_root apt-get update -q
    # shellcheck disable=SC2086 # the words are the arguments
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing
fi

docker info > /dev/null 2>&1 || {
    echo "installing Docker"
    make images
}
