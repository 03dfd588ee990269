"""Favourites, under the paths of both generations of clients."""

from jiucom.domains.favorites import service
from jiucom.domains.favorites.schemas import Favorite, PartChoice
from jiucom.errors import ErrorCode
from jiucom.state import Context
from jiucom.web import Id, Page, PageQuery, endpoint

_TAG = "Favorite"


@endpoint("GET", "/favorites", tag=_TAG, auth="user")
async def list_favorites(ctx: Context, query: PageQuery) -> list[Favorite] | Page[Favorite]:
    """관심 부품 목록

    최신순. page나 size를 보내면 한 페이지를, 보내지 않으면 배열을 보낸다.
    """
    if any(ctx.request.query_params.get(name) for name in ("page", "size")):
        return await service.list_page(ctx.app, ctx.user, query)
    return await service.list_all(ctx.app, ctx.user)


@endpoint("POST", "/favorites/parts/{partId}", tag=_TAG, auth="user", status=201, errors=[ErrorCode.PART_NOT_FOUND])
async def add_favorite(ctx: Context, part_id: Id) -> None:
    """관심 부품 등록"""
    await service.create(ctx.app, ctx.user, part_id)


@endpoint("DELETE", "/favorites/parts/{partId}", tag=_TAG, auth="user", errors=[ErrorCode.RESOURCE_NOT_FOUND])
async def remove_favorite(ctx: Context, part_id: Id) -> None:
    """관심 부품 해제"""
    await service.delete(ctx.app, ctx.user, part_id)


@endpoint("POST", "/favorites", tag=_TAG, auth="user", status=201, errors=[ErrorCode.PART_NOT_FOUND])
async def add_favorite_by_query(ctx: Context, query: PartChoice) -> None:
    """관심 부품 등록 (partId)"""
    await service.create(ctx.app, ctx.user, query.part_id)


@endpoint("DELETE", "/favorites", tag=_TAG, auth="user", errors=[ErrorCode.RESOURCE_NOT_FOUND])
async def remove_favorite_by_query(ctx: Context, query: PartChoice) -> None:
    """관심 부품 해제 (partId)"""
    await service.delete(ctx.app, ctx.user, query.part_id)
