"""Refuse a bundle that is damaged, incomplete or not signed: python3 tools/verify_bundle.py DIRECTORY SIGNERS

Needs no environment: bootstrap.sh runs it before it takes anything from the bundle.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "collections"))
from ansible_collections.jiucom.platform.plugins.module_utils import bundles

if __name__ == "__main__":
    sys.exit("\n".join(bundles.faults(*sys.argv[1:3])) or None)
