"""Entries of the audit log."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from jiucom.web import Id, PageQuery, Schema

_State = Annotated[msgspec.Raw, Meta(extra_json_schema={"type": ["object", "null"], "examples": [{"role": "USER"}]})]


class AuditQuery(PageQuery, frozen=True, kw_only=True):
    """Filters of the log."""

    actor_id: Id | None = None
    action: Annotated[str, Meta(max_length=50, examples=["USER_ROLE_CHANGED"])] | None = None
    target_type: Annotated[str, Meta(max_length=30, examples=["USER"])] | None = None
    target_id: Id | None = None


class AuditEntry(Schema, frozen=True):
    """A recorded action: its actor, its target, and the state before and after. `actor_id` is null for the command line."""

    id: int
    actor_id: int | None
    actor_nickname: str | None
    action: Annotated[str, Meta(examples=["USER_ROLE_CHANGED"])]
    target_type: Annotated[str, Meta(examples=["USER"])]
    target_id: int | None
    before: _State | None
    after: _State | None
    address: Annotated[str, Meta(examples=["203.0.113.7"])] | None
    created_at: datetime
