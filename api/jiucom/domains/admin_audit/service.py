"""Reads the audit log."""

from jiucom.domains.admin_audit import queries
from jiucom.domains.admin_audit.schemas import AuditEntry, AuditQuery
from jiucom.state import AppState
from jiucom.web import Page


async def list_entries(app: AppState, query: AuditQuery) -> Page[AuditEntry]:
    """One page of the log."""
    async with app.db.read() as session:
        content, total = await queries.page(session, query)
    return Page.of(content, query, total)
