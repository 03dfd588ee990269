"""Statements that read the audit log."""

from jiucom.db import ReadSession
from jiucom.db.sql import given, where
from jiucom.domains.admin_audit.schemas import AuditEntry, AuditQuery
from jiucom.domains.authors import NICKNAME

_COLUMNS = f"""
SELECT audit_log.id, audit_log.actor_id, IF(users.id IS NULL, NULL, {NICKNAME}), audit_log.action,
    audit_log.target_type, audit_log.target_id, audit_log.before_state, audit_log.after_state, audit_log.address,
    audit_log.created_at
FROM audit_log LEFT JOIN users ON users.id = audit_log.actor_id
"""  # noqa: S608

_FILTERS = ("actor_id", "action", "target_type", "target_id")


async def page(session: ReadSession, query: AuditQuery) -> tuple[list[AuditEntry], int]:
    """One page of the log, newest first, and how many rows the query finds."""
    found = where(*(given(f"audit_log.{name} = %s", getattr(query, name)) for name in _FILTERS))
    content = await session.fetch_all(
        f"{_COLUMNS} WHERE {found.text} ORDER BY audit_log.created_at DESC, audit_log.id DESC LIMIT %s OFFSET %s",
        (*found.args, query.size, query.offset),
        AuditEntry,
    )
    total = await session.fetch_value(f"SELECT COUNT(*) FROM audit_log WHERE {found.text}", found.args)  # noqa: S608
    return content, int(total)
