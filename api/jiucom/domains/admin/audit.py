"""The audit log: who did what as an administrator, with the state before and after."""

from collections.abc import Mapping
from typing import Any

from jiucom.db import WriteSession
from jiucom.encoding import encode

_INSERT = """
INSERT INTO audit_log (actor_id, action, target_type, target_id, before_state, after_state, address)
VALUES (%s, %s, %s, %s, %s, %s, %s)
"""


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


def _json(state: Mapping[str, Any] | None) -> str | None:
    return None if state is None else encode(dict(state)).decode()
