"""Accounts, for administrators."""

from jiucom.domains.admin_users import service
from jiucom.domains.admin_users.schemas import AdminUser, RoleChange, StatusChange, UserQuery
from jiucom.errors import ErrorCode
from jiucom.state import Context
from jiucom.web import Id, Page, endpoint

_TAG = "Admin"
_ERRORS = [ErrorCode.USER_NOT_FOUND, ErrorCode.CONFLICT]


@endpoint("GET", "/admin/users", tag=_TAG, auth="admin")
async def list_users(ctx: Context, query: UserQuery) -> Page[AdminUser]:
    """회원 목록"""
    return await service.list_users(ctx.app, query)


@endpoint("PUT", "/admin/users/{userId}/status", tag=_TAG, auth="admin", errors=_ERRORS)
async def set_status(ctx: Context, user_id: Id, body: StatusChange) -> AdminUser:
    """회원 상태 변경

    정지된 회원의 로그인은 곧바로 끝난다.
    """
    return await service.set_status(ctx.app, ctx.user, user_id, body.status, ctx.client_address)


@endpoint("PUT", "/admin/users/{userId}/role", tag=_TAG, auth="admin", errors=_ERRORS)
async def set_role(ctx: Context, user_id: Id, body: RoleChange) -> AdminUser:
    """회원 권한 변경"""
    return await service.set_role(ctx.app, ctx.user, user_id, body.role, ctx.client_address)
