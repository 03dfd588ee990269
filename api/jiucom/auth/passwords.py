"""Password hashes: bcrypt, off the event loop, a bounded number at a time.

Old hashes (`$2a$10$`, perhaps behind Spring's `{bcrypt}`) verify and are renewed at login. New ones hash a digest of the
password, because bcrypt sees 72 bytes only and fifty Korean characters are 150. Both take the same time,
so that the time of an answer does not tell whether an account exists.
"""

import base64
import hashlib
import os

import anyio.to_thread
import bcrypt
from anyio import CapacityLimiter

COST = 10
_OLD = "{bcrypt}"
_NEW = "{bcrypt-sha256}"
_SEEN_BY_BCRYPT = 72

# The hash of discarded random bytes, compared when there is no account.
_DUMMY = "{bcrypt-sha256}$2b$10$xu9WCNo6edEM.Z6h6rnJG.LmkQTOItwr6oClWp8vKddk83VY5IJB."


class Passwords:
    """Hashes and verifies. One per process, which bounds the number of threads."""

    def __init__(self) -> None:
        # A thread per core: more would only take turns, and starve the event loop's own.
        self._limiter = CapacityLimiter(max(1, os.cpu_count() or 1))

    async def hash(self, password: str) -> str:
        """A new hash, salted."""
        return await anyio.to_thread.run_sync(_hash, password, limiter=self._limiter)

    async def verify(self, password: str, stored: str | None) -> bool:
        """Whether this is the password; never for None (no account, or one without a password). Takes the same time."""
        matches = await anyio.to_thread.run_sync(_matches, password, stored or _DUMMY, limiter=self._limiter)
        return matches and stored is not None


def outdated(stored: str) -> bool:
    """Whether the hash should be made anew when the password is next known."""
    return not stored.startswith(f"{_NEW}$2b${COST}$")


def _hash(password: str) -> str:
    return _NEW + bcrypt.hashpw(_digest(password), bcrypt.gensalt(COST)).decode()


def _matches(password: str, stored: str) -> bool:
    try:
        if stored.startswith(_NEW):
            return bcrypt.checkpw(_digest(password), stored.removeprefix(_NEW).encode())
        return bcrypt.checkpw(password.encode()[:_SEEN_BY_BCRYPT], stored.removeprefix(_OLD).encode())
    except ValueError:
        # Not a bcrypt hash: no password matches.
        return False


def _digest(password: str) -> bytes:
    """44 bytes without NUL, whatever the password's length."""
    return base64.b64encode(hashlib.sha256(password.encode()).digest())
