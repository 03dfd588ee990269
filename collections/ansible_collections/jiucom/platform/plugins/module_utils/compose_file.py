"""compose.yaml as text: hosts need not have a reader of YAML."""

from __future__ import annotations

import re


def block(text: str, name: str) -> str:
    """Return a service's lines of a compose.yaml; empty where it is not there."""
    found = re.search(rf"^  {re.escape(name)}:\n(?:    .*\n|\n)+", text.partition("\nservices:\n")[2], re.MULTILINE)
    return found[0].rstrip("\n") + "\n" if found else ""
