"""Unmistakable values for secrets, and how they would show in a text."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote


def canary(name: str) -> str:
    """Make a value that readers take, and that base64 and URLs write differently."""
    return f"Kanarie+{name.replace('_', '/')}={secrets.token_hex(12)}"


def forms(value: str) -> dict[str, str]:
    """Return what to look for: the value as it is, in a URL, and in base64 wherever in a longer text it stands."""
    found = {"plain": value, "url": quote(value, safe="")}
    for offset in range(3):
        # The letters at the ends hold bits of what stands beside them.
        whole = base64.b64encode(b"\0" * offset + value.encode() + b"\0" * 3).decode()
        first, last = -(-offset * 8 // 6), (offset + len(value.encode())) * 8 // 6
        found[f"base64 at {offset}"] = whole[first:last]
    return found


def leaves(values: Mapping[str, Any]) -> dict[str, str]:
    """Return the texts of secrets by name, also those inside a mapping."""
    found: dict[str, str] = {}
    for name, value in values.items():
        found |= {f"{name}.{key}": text for key, text in value.items()} if isinstance(value, Mapping) else {name: value}
    return found


def shown(values: Mapping[str, Any], text: str) -> list[str]:
    """Name the secrets that a text shows, with the form."""
    return [
        f"{name} ({form})"
        for name, value in leaves(values).items()
        for form, word in forms(value).items()
        if word in text
    ]
