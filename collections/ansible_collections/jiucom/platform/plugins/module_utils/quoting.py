"""Texts in double quotes, for programs that read commands or options from a file or from standard input."""

from __future__ import annotations


def quoted(text: str) -> str:
    """Quote a text as MySQL's option files and redis-cli read it: backslashes and double quotes are escaped."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
