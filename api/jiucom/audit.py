"""The audit log: which administrator did what, with the state before and after."""

from collections.abc import Mapping
from typing import Any

from jiucom.db import WriteSession
from jiucom.encoding import json_text

_INSERT = """
INSERT INTO audit_log (actor_id, action, target_type, target_id, before_state, after_state, address)
VALUES (%s, %s, %s, %s, %s, %s, %s)
"""

# The personal data in recorded states of posts, comments, reviews and shops.
_WORDS = "'$.title', '$.content', '$.authorNickname', '$.rejectionReason'"

_FORGET = {
    kind: f"""
    UPDATE audit_log JOIN {table} ON {table}.id = audit_log.target_id
    SET before_state = JSON_REMOVE(before_state, {_WORDS}), after_state = JSON_REMOVE(after_state, {_WORDS})
    WHERE audit_log.target_type = '{kind}' AND {table}.user_id = %s
    """  # noqa: S608
    for kind, table in {"POST": "posts", "COMMENT": "comments", "REVIEW": "reviews", "SELLER": "sellers"}.items()
}


async def record(
    tx: WriteSession,
    actor_id: int | None,
    action: str,
    target_type: str,
    target_id: int | None,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    address: str | None,
) -> None:
    """Write one row in the transaction that makes the change, so that neither exists without the other.

    `action` is like `USER_STATUS_CHANGED` (50 characters), `target_type` like `USER` (30). `before` and `after` hold
    only what the action is about, and no secret. `actor_id` and `address` are None for the command line.
    """
    await tx.insert(_INSERT, (actor_id, action, target_type, target_id, _json(before), _json(after), address))


async def forget(tx: WriteSession, user_id: int) -> None:
    """Remove the name and texts of a withdrawing user from records about their posts, comments, reviews and shop."""
    for statement in _FORGET.values():
        await tx.execute(statement, (user_id,))


def _json(state: Mapping[str, Any] | None) -> str | None:
    return None if state is None else json_text(dict(state))
