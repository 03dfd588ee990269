"""Single-use tokens sent by mail: codes that verify an address, and tokens for password resets.

They are made when their mail is sent, and only their hash is stored. Of each kind only the newest one of a user works.
"""

import hashlib
import secrets

from jiucom.db import ReadSession, WriteSession

VERIFICATION = "EMAIL_VERIFICATION"
RESET = "PASSWORD_RESET"

# Minutes.
LIFETIMES = {VERIFICATION: 10, RESET: 30}

# Without characters that look alike. 40 bits, and five attempts.
_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_CODE_LENGTH = 8
_ATTEMPTS = 5

_INSERT = """
INSERT INTO account_tokens (user_id, purpose, email, token_hash, expires_at)
VALUES (%s, %s, %s, %s, UTC_TIMESTAMP(6) + INTERVAL %s MINUTE)
"""

_GOOD = "used_at IS NULL AND expires_at > UTC_TIMESTAMP(6)"

_ATTEMPT = f"UPDATE account_tokens SET attempts = attempts + 1 WHERE user_id = %s AND purpose = %s AND {_GOOD}"  # noqa: S608

_CODE_OWNER = f"""
SELECT user_id FROM account_tokens
WHERE user_id = %s AND purpose = %s AND email = %s AND token_hash = %s AND attempts <= %s AND {_GOOD}
"""  # noqa: S608

_OWNER = f"""
SELECT account_tokens.user_id FROM account_tokens JOIN users ON users.id = account_tokens.user_id
WHERE token_hash = %s AND purpose = %s AND users.living_email = account_tokens.email AND users.status = 'ACTIVE' AND {_GOOD}
"""  # noqa: S608

_MADE_WITHIN = """
SELECT 1 FROM account_tokens
WHERE user_id = %s AND purpose = %s AND created_at > UTC_TIMESTAMP(6) - INTERVAL %s MINUTE LIMIT 1
"""

_SPEND = "UPDATE account_tokens SET used_at = UTC_TIMESTAMP(6) WHERE user_id = %s AND purpose = %s AND used_at IS NULL"


async def make_code(tx: WriteSession, user_id: int, email: str) -> str:
    """A code that verifies this address of this user."""
    code = "".join(secrets.choice(_ALPHABET) for _ in range(_CODE_LENGTH))
    await _store(tx, user_id, VERIFICATION, email, _code_hash(user_id, code))
    return code


async def make_reset(tx: WriteSession, user_id: int, email: str) -> str:
    """A token that lets its bearer set the user's password."""
    token = secrets.token_urlsafe(32)
    await _store(tx, user_id, RESET, email, _hash(token))
    return token


async def made_within(session: ReadSession, user_id: int, purpose: str, minutes: int) -> bool:
    """Whether a token of this kind was made for the user within so many minutes, used or not."""
    return await session.fetch_value(_MADE_WITHIN, (user_id, purpose, minutes)) is not None


async def use_code(tx: WriteSession, user_id: int, email: str, code: str) -> bool:
    """Whether the code is right. A wrong one counts as an attempt: commit that too."""
    await tx.execute(_ATTEMPT, (user_id, VERIFICATION))
    wanted = (user_id, VERIFICATION, email, _code_hash(user_id, code.upper()), _ATTEMPTS)
    if await tx.fetch_value(_CODE_OWNER, wanted) is None:
        return False
    await tx.execute(_SPEND, (user_id, VERIFICATION))
    return True


async def reset_owner(session: ReadSession, token: str) -> int | None:
    """The user whose password the token may set."""
    owner = await session.fetch_value(_OWNER, (_hash(token), RESET))
    return None if owner is None else int(owner)


async def use_reset(tx: WriteSession, user_id: int) -> None:
    """Spend the user's reset tokens, all of them. The caller has locked the user, and checked the token after that."""
    await tx.execute(_SPEND, (user_id, RESET))


async def _store(tx: WriteSession, user_id: int, purpose: str, email: str, fingerprint: str) -> None:
    await tx.execute(_SPEND, (user_id, purpose))
    await tx.insert(_INSERT, (user_id, purpose, email, fingerprint, LIFETIMES[purpose]))


def _code_hash(user_id: int, code: str) -> str:
    return _hash(f"{user_id}:{code}")


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
