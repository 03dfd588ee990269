"""Builds: lists, one build, its owner's changes, sharing, and compatibility."""

from typing import Annotated

from msgspec import Meta

from jiucom.domains.builds import service
from jiucom.domains.builds.schemas import (
    BuildCheck,
    BuildCreate,
    BuildDetail,
    BuildItem,
    BuildQuery,
    BuildShare,
    BuildUpdate,
    Compatibility,
)
from jiucom.errors import ErrorCode
from jiucom.state import Context
from jiucom.web import Id, Page, PageQuery, endpoint

_TAG = "Build"
_SEEN = [ErrorCode.BUILD_NOT_FOUND]
_OWN = [ErrorCode.BUILD_NOT_FOUND, ErrorCode.FORBIDDEN]


@endpoint("GET", "/builds", tag=_TAG, replica=True)
async def list_builds(ctx: Context, query: BuildQuery) -> Page[BuildItem]:
    """공개 견적 목록

    정렬: latest(기본), popular, price_asc, price_desc.
    """
    return await service.list_public(ctx.app, query)


@endpoint("GET", "/builds/popular", tag=_TAG, replica=True)
async def popular_builds(ctx: Context, query: PageQuery) -> Page[BuildItem]:
    """인기 견적 목록"""
    return await service.list_popular(ctx.app, query)


@endpoint("GET", "/builds/templates", tag=_TAG, replica=True)
async def build_templates(ctx: Context, query: PageQuery) -> Page[BuildItem]:
    """추천 견적 목록"""
    return await service.list_templates(ctx.app, query)


@endpoint("GET", "/builds/my", tag=_TAG, auth="user")
async def my_builds(ctx: Context, query: PageQuery) -> Page[BuildItem]:
    """내 견적 목록

    비공개 견적도 들어 있다.
    """
    return await service.list_own(ctx.app, ctx.user, query)


@endpoint("POST", "/builds/check", tag=_TAG, errors=[ErrorCode.PART_NOT_FOUND], replica=True)
async def check_parts(ctx: Context, body: BuildCheck) -> Compatibility:
    """호환성 검사

    저장하지 않고 검사한다.
    """
    return await service.check(ctx.app, body)


@endpoint("GET", "/builds/shared/{token}", tag=_TAG, errors=_SEEN)
async def shared_build(ctx: Context, token: Annotated[str, Meta(max_length=64)]) -> BuildDetail:
    """공유된 견적 상세

    비공개 견적도 공유 주소로 볼 수 있다.
    """
    return await service.get_shared(ctx.app, ctx.principal, token)


@endpoint("GET", "/builds/{buildId}", tag=_TAG, errors=_SEEN)
async def get_build(ctx: Context, build_id: Id) -> BuildDetail:
    """견적 상세

    비공개 견적은 주인만 볼 수 있다. 주인이 보는 것은 조회수에 넣지 않는다.
    """
    return await service.get(ctx.app, ctx.principal, build_id)


@endpoint("GET", "/builds/{buildId}/compatibility", tag=_TAG, errors=_SEEN)
async def build_compatibility(ctx: Context, build_id: Id) -> Compatibility:
    """견적의 호환성"""
    return await service.get_compatibility(ctx.app, ctx.principal, build_id)


@endpoint("POST", "/builds", tag=_TAG, auth="user", status=201, errors=[ErrorCode.PART_NOT_FOUND])
async def create_build(ctx: Context, body: BuildCreate) -> BuildDetail:
    """견적 저장

    가격은 저장할 때의 최저가다. 같은 부품은 수량을 더해 한 줄이 된다. 호환되지 않아도 저장된다.
    """
    return await service.create(ctx.app, ctx.user, body)


@endpoint("PUT", "/builds/{buildId}", tag=_TAG, auth="user", errors=[*_OWN, ErrorCode.PART_NOT_FOUND])
async def update_build(ctx: Context, build_id: Id, body: BuildUpdate) -> BuildDetail:
    """견적 수정

    보내지 않은 항목은 그대로 둔다. parts는 전체를 바꾸며, 그대로인 줄은 가격도 그대로다.
    """
    return await service.update(ctx.app, ctx.user, build_id, body)


@endpoint("DELETE", "/builds/{buildId}", tag=_TAG, auth="user", errors=_OWN)
async def delete_build(ctx: Context, build_id: Id) -> None:
    """견적 삭제"""
    await service.delete(ctx.app, ctx.user, build_id)


@endpoint(
    "POST",
    "/builds/{buildId}/clone",
    tag=_TAG,
    auth="user",
    status=201,
    errors=[ErrorCode.BUILD_NOT_FOUND, ErrorCode.PART_NOT_FOUND],
)
async def clone_build(ctx: Context, build_id: Id) -> BuildDetail:
    """견적 복사

    비공개 견적으로, 지금 가격으로 복사한다.
    """
    return await service.clone(ctx.app, ctx.user, build_id)


@endpoint("POST", "/builds/{buildId}/share", tag=_TAG, auth="user", status=201, errors=_OWN)
async def share_build(ctx: Context, build_id: Id) -> BuildShare:
    """견적 공유

    거두기 전에는 같은 주소를 돌려준다.
    """
    return await service.share(ctx.app, ctx.user, build_id)


@endpoint("DELETE", "/builds/{buildId}/share", tag=_TAG, auth="user", errors=_OWN)
async def unshare_build(ctx: Context, build_id: Id) -> None:
    """견적 공유 거두기"""
    await service.unshare(ctx.app, ctx.user, build_id)
