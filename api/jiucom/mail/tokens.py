"""What must not lie in the outbox: tokens are made when their mail is sent, and it goes where its account is at home."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from jiucom.auth.mailed_tokens import make_code, make_reset
from jiucom.db import WriteSession

_RECIPIENT = """
SELECT id, email, nickname, email_verified_at IS NOT NULL FROM users
WHERE living_email = %s AND status = 'ACTIVE' FOR SHARE
"""


class _Account(Struct, frozen=True):
    id: int
    email: str
    nickname: str
    verified: bool


async def with_token(
    tx: WriteSession, template: str, recipient: str, variables: Mapping[str, Any]
) -> tuple[str, Mapping[str, Any]] | None:
    """Where the mail goes, and the variables with what the template needs besides; None when it has nobody to go to.

    A token goes to the account's own address: what the database takes for the same may be another mailbox.
    """
    if template not in ("email-verification", "password-reset"):
        return recipient, variables
    account = await tx.fetch_one(_RECIPIENT, (recipient,), _Account)
    if account is None:
        return None
    if template == "password-reset":
        token = await make_reset(tx, account.id, account.email)
        return account.email, {**variables, "nickname": account.nickname, "token": token}
    if account.verified:
        return None
    code = await make_code(tx, account.id, account.email)
    return account.email, {**variables, "nickname": account.nickname, "code": code}
