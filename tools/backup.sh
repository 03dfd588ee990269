#!/bin/bash
# What the tests of shipping need: age, rsync and an SSH server, from the distribution.
set -euo pipefail
missing=()
for program in age rsync sshd; do PATH=$PATH:/usr/sbin command -v "$program" > /dev/null || missing+=("${program/sshd/openssh-server}"); done
[ ${#missing[@]} -eq 0 ] && exit
sudo=$([ "$(id -u)" -eq 0 ] || echo sudo)
$sudo apt-get -qq update
DEBIAN_FRONTEND=noninteractive $sudo apt-get -qq install --no-install-recommends "${missing[@]}"
