"""Likes: toggle and state."""

from jiucom.domains.likes import service
from jiucom.domains.likes.schemas import Like, TargetType
from jiucom.errors import ErrorCode
from jiucom.state import Context
from jiucom.web import Id, endpoint

_TAG = "Like"
_PATH = "/likes/{targetType}/{targetId}"


@endpoint("POST", _PATH, tag=_TAG, auth="user", errors=[ErrorCode.LIKE_TARGET_NOT_FOUND])
async def toggle_like(ctx: Context, target_type: TargetType, target_id: Id) -> Like:
    """좋아요 누르기, 다시 누르면 취소"""
    return await service.toggle(ctx.app, ctx.user, target_type, target_id)


@endpoint("GET", _PATH, tag=_TAG, errors=[ErrorCode.LIKE_TARGET_NOT_FOUND])
async def get_like(ctx: Context, target_type: TargetType, target_id: Id) -> Like:
    """좋아요 상태

    로그인하지 않았으면 liked는 언제나 false다.
    """
    return await service.get(ctx.app, ctx.principal, target_type, target_id)
