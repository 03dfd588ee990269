"""What must not lie in the outbox: tokens are made when their mail is sent."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from jiucom.auth.mailed_tokens import make_code, make_reset
from jiucom.db import WriteSession

_RECIPIENT = """
SELECT id, nickname, email_verified_at IS NOT NULL FROM users
WHERE living_email = %s AND status = 'ACTIVE' FOR SHARE
"""


class _Account(Struct, frozen=True):
    id: int
    nickname: str
    verified: bool


async def with_token(
    tx: WriteSession, template: str, recipient: str, variables: Mapping[str, Any]
) -> Mapping[str, Any] | None:
    """The variables with what the template needs besides; None when the mail has nobody to go to any more."""
    if template not in ("email-verification", "password-reset"):
        return variables
    account = await tx.fetch_one(_RECIPIENT, (recipient,), _Account)
    if account is None:
        return None
    if template == "password-reset":
        token = await make_reset(tx, account.id, recipient)
        return {**variables, "nickname": account.nickname, "token": token}
    if account.verified:
        return None
    return {**variables, "nickname": account.nickname, "code": await make_code(tx, account.id, recipient)}
