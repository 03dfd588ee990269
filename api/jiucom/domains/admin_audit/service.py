"""Reads the audit log."""

from jiucom.db import Database
from jiucom.domains.admin_audit import queries
from jiucom.domains.admin_audit.schemas import AuditEntry, AuditQuery
from jiucom.web import Page


async def page(db: Database, query: AuditQuery) -> Page[AuditEntry]:
    """One page of the log."""
    async with db.read() as session:
        content, total = await queries.page(session, query)
    return Page.of(content, query, total)
