"""What is decided when a mail is sent: whether it may go, to which address, and what must not lie in the outbox."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from jiucom.auth import mailed_tokens
from jiucom.db import WriteSession

# Templates of which a user gets one in this time, however often it is asked for (minutes). Anybody may ask for a reset of
# anybody's password, and for a code to an address that is not theirs.
PAUSE = 5
_PURPOSES = {"email-verification": mailed_tokens.VERIFICATION, "password-reset": mailed_tokens.RESET}

_RECIPIENT = """
SELECT id, email, nickname, email_verified_at IS NOT NULL FROM users
WHERE living_email = %s AND status = 'ACTIVE' FOR UPDATE
"""


class _Account(Struct, frozen=True):
    id: int
    email: str
    nickname: str
    verified: bool


async def addressed(
    tx: WriteSession, template: str, recipient: str, variables: Mapping[str, Any], *, again: bool
) -> tuple[str, Mapping[str, Any]] | None:
    """Where the mail goes, and the variables with what the template needs besides; None when it must not be sent.

    It goes to the account's own address: what the database takes for the same may be another mailbox. Only what proves
    an address goes to one that is not verified. `again`: it was tried before, so what it made then is no reason to wait.
    """
    account = await tx.fetch_one(_RECIPIENT, (recipient,), _Account)
    if account is None:
        return None
    purpose = _PURPOSES.get(template)
    if purpose is None:
        return (account.email, variables) if account.verified else None
    if purpose == mailed_tokens.VERIFICATION and account.verified:
        return None
    if not again and await mailed_tokens.made_within(tx, account.id, purpose, PAUSE):
        return None
    if purpose == mailed_tokens.VERIFICATION:
        return account.email, {**variables, "code": await mailed_tokens.make_code(tx, account.id, account.email)}
    named = {"nickname": account.nickname} if account.verified else {}
    return account.email, {
        **variables,
        **named,
        "token": await mailed_tokens.make_reset(tx, account.id, account.email),
    }
