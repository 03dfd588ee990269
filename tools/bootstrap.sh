#!/bin/sh
# Makes the control node's environment in .venv: what requirements.lock says, checked by hash. Run by make, whenever the lock
# is newer than the environment. On Debian and Ubuntu the parts of Python that are packaged apart are installed.
set -eu
cd "$(dirname "$0")/.."

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "python3 is $(python3 --version 2>&1): Python 3.11 or newer is needed" >&2
    exit 1
}
if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    as_root apt-get update -q && as_root apt-get install -y -q --no-install-recommends python3-venv
fi

[ -x .venv/bin/python ] || python3 -m venv .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
touch .venv/ready
