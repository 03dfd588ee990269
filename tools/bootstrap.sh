#!/bin/sh
# Makes the control node's environment in .venv from lock files, checked by hash. Run by make whenever one of them is newer.
#   tools/bootstrap.sh control   what deploying needs: ansible-core, and the collections of requirements.yml
#   tools/bootstrap.sh ready     what tests need, on top of it
# PYTHON=python3.13 chooses another Python. On Debian and Ubuntu the parts of Python that are packaged apart are installed.
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
pip() { .venv/bin/python -m pip "$@" --quiet --disable-pip-version-check --require-hashes; }

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null || {
    echo "$python is $("$python" --version 2>&1 || true), and Python 3.11 or newer is needed: PYTHON=python3.11 make ..." >&2
    exit 1
}
if ! "$python" -c 'import ensurepip, venv' 2> /dev/null; then
    as_root apt-get update -q && as_root apt-get install -y -q --no-install-recommends python3-venv
fi
# Made anew where its Python was removed or upgraded.
.venv/bin/python -m pip --version > /dev/null 2>&1 || "$python" -m venv --clear .venv

if [ "$1" = control ]; then
    pip install --requirement control.lock
    download=$(mktemp -d)
    trap 'rm -rf "$download"' EXIT
    pip download --no-deps --only-binary :all: --requirement collections.lock --dest "$download"
    .venv/bin/python tools/unpack_collections.py "$download"/ansible-*.whl
else
    pip install --requirement requirements.lock
fi
touch ".venv/$1"
