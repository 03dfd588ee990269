#!/bin/sh
# Makes the control node's environment in .venv from lock files, checked by hash. Run by make whenever one of them is newer.
#   tools/bootstrap.sh control   what deploying needs: ansible-core, and the collections of requirements.yml
#   tools/bootstrap.sh ready     what tests need, on top of it
# PYTHON=python3.13 chooses another Python. On Debian and Ubuntu the parts of Python that are packaged apart are installed.
# BUNDLE=/path takes everything from a bundle for closed networks (docs/en/closed-networks.md), and asks nothing else.
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
pip() {
    .venv/bin/python -m pip "$@" --quiet --disable-pip-version-check --require-hashes \
        ${BUNDLE:+--no-index --find-links "$wheels" --find-links "$collections"}
}

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null || {
    echo "$python is $("$python" --version 2>&1 || true), and Python 3.11 or newer is needed: PYTHON=python3.11 make ..." >&2
    exit 1
}
if [ -n "${BUNDLE:-}" ]; then
    "$python" tools/verify_bundle.py "$BUNDLE" "${BUNDLE_SIGNERS:-$HOME/.ssh/allowed_signers}"
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    wheels=$(echo "$BUNDLE"/wheels/control-*-"$version-$(uname -m)")
    collections=$(echo "$BUNDLE"/wheels/collections-*)
    [ -d "$wheels" ] || {
        echo "$BUNDLE has no environment for Python $version on $(uname -m), only" "$BUNDLE"/wheels/control-* >&2
        exit 1
    }
    # The bundle has pip itself: Debian's Python may come without.
    .venv/bin/python -m pip --version > /dev/null 2>&1 || {
        "$python" -m venv --clear --without-pip .venv
        .venv/bin/python "$(echo "$collections"/pip-*.whl)/pip" install --quiet --no-index --find-links "$collections" pip
    }
elif ! "$python" -c 'import ensurepip, venv' 2> /dev/null; then
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
