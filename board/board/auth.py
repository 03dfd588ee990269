"""One administrator, known by a signed cookie or by HTTP basic authentication."""

import base64
import hashlib
import hmac
import os
import secrets
import time
from pathlib import Path

from starlette.requests import HTTPConnection

from .settings import Settings

COOKIE = "grafana_session"
LIFETIME = 7 * 24 * 3600
_WINDOW, _ATTEMPTS = 300, 5  # Grafana's own brute-force rule


class Auth:
    """Checks passwords and cookies. The key is kept with the data, so that a login outlives a restart."""

    def __init__(self, settings: Settings) -> None:
        self._account = f"{settings.admin_user}\0{settings.admin_password}".encode()
        # With the account in the key, changing the password ends every session.
        self._key = hmac.digest(_stored_key(settings.data / "board.key"), self._account, "sha256")
        self._failures: list[float] = []

    def attempt(self, user: str, password: str) -> bool:
        """Say whether the password is right; after five wrong ones nobody gets in for five minutes."""
        now = time.monotonic()
        self._failures = [moment for moment in self._failures if now - moment < _WINDOW]
        if len(self._failures) >= _ATTEMPTS:
            return False
        right = hmac.compare_digest(f"{user}\0{password}".encode(errors="replace"), self._account)
        self._failures += [] if right else [now]
        return right

    def cookie(self) -> str:
        """Make a session's cookie: the moment it ends, signed."""
        ends = str(int(time.time()) + LIFETIME)
        return f"{ends}.{self._sign(ends)}"

    def knows(self, connection: HTTPConnection) -> bool:
        """Say whether the administrator is asking."""
        ends, _, signature = connection.cookies.get(COOKIE, "").partition(".")
        if hmac.compare_digest(signature.encode(), self._sign(ends).encode()) and int(ends) > time.time():
            return True
        scheme, _, value = connection.headers.get("authorization", "").partition(" ")
        try:
            user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
        except ValueError:  # neither base64 nor UTF-8
            return False
        return scheme.lower() == "basic" and self.attempt(user, password)

    def _sign(self, text: str) -> str:
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()


def _stored_key(file: Path) -> bytes:
    """Read the key, or make it when this is the first start."""
    if not file.exists():
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(secrets.token_bytes(32))
    return file.read_bytes()
