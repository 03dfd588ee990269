"""compose.yaml as text: hosts need not have a reader of YAML."""

from __future__ import annotations

import re
from collections.abc import Iterable


def block(text: str, name: str) -> str:
    """Return a service's lines of a compose.yaml; empty where it is not there."""
    found = re.search(rf"^  {re.escape(name)}:\n(?:    .*\n|\n)+", text.partition("\nservices:\n")[2], re.MULTILINE)
    return found[0].rstrip("\n") + "\n" if found else ""


def put_together(template: str, parts: Iterable[str]) -> str:
    """Return the file of a template with a line `@services@`, which the services' parts replace, indented."""
    lines = (part.splitlines(keepends=True) for part in parts)
    indented = ("".join(f"  {line}" if line.strip() else line for line in part) for part in lines)
    return template.replace("@services@\n", "\n".join(indented))
