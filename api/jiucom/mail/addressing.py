"""Decided when a mail is sent: whether it may be sent, to which address, and its secrets, which are not stored in the outbox."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from jiucom.auth import mailed_tokens
from jiucom.db import WriteSession

# Minutes between two mails of these templates to one user: anyone can request a reset for any account, and a verification code
# for any address.
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
    """The address to send to, and the variables with the secrets of the template; None when the mail must not be sent.

    The address is the account's own: one that the database's collation takes for equal may be another mailbox. Only codes
    and resets are sent to unverified addresses. `again`: an earlier attempt made a token, which does not count for PAUSE.
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
