"""The filter that makes nginx's file of users."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any


def password_file(users: Mapping[str, Any]) -> str:
    """Return a line `user:{SSHA}...` for each user, salted SHA-1 as nginx reads it.

    nginx checks the hash at every request, so a slow one would slow the gateway down: the passwords have to be long and
    random. The salt follows from the password, so that the same users give the same file.
    """
    lines = []
    for user, password in users.items():
        secret = str(password).encode()
        salt = hmac.digest(secret, f"jiucom admin {user}".encode(), "sha256")[:8]
        digest = hashlib.sha1(secret + salt).digest()  # noqa: S324 - nginx's format
        lines.append(f"{user}:{{SSHA}}{base64.b64encode(digest + salt).decode()}\n")
    return "".join(lines)


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        """Name the filter."""
        return {"password_file": password_file}
