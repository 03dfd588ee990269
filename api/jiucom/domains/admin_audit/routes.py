"""The audit log."""

from jiucom.domains.admin_audit import service
from jiucom.domains.admin_audit.schemas import AuditEntry, AuditQuery
from jiucom.state import Context
from jiucom.web import Page, endpoint


@endpoint("GET", "/admin/audit", tag="Admin", auth="admin")
async def list_entries(ctx: Context, query: AuditQuery) -> Page[AuditEntry]:
    """관리자 작업 기록"""
    return await service.list_entries(ctx.app, query)
