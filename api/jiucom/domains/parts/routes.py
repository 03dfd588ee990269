"""Parts: list, search, rankings, categories, detail."""

from jiucom.domains.parts import service
from jiucom.domains.parts.schemas import (
    PartCategory,
    PartDetail,
    PartItem,
    PartQuery,
    PartSearchQuery,
    RankedPart,
    TopQuery,
)
from jiucom.errors import ErrorCode
from jiucom.state import Context
from jiucom.web import Id, Json, Page, endpoint

_TAG = "Part"


@endpoint("GET", "/parts", tag=_TAG, aliases=("/part",), replica=True)
async def list_parts(ctx: Context, query: PartQuery) -> Page[PartItem]:
    """부품 목록

    주어진 조건만 적용한다. 정렬: popular(기본), price_asc, price_desc, name_asc, name_desc, latest.
    검색어가 있고 정렬이 없으면 관련도순. 한 글자만 검색하면 그 글자로 시작하는 이름만 찾는다.
    """
    return await service.list_parts(ctx.app, query)


@endpoint("GET", "/parts/categories", tag=_TAG)
async def categories(ctx: Context) -> list[PartCategory]:
    """부품 카테고리 목록"""
    return list(PartCategory)


@endpoint("GET", "/parts/search", tag=_TAG, replica=True)
async def search_parts(ctx: Context, query: PartSearchQuery) -> Page[PartItem]:
    """부품 검색

    목록과 같으며 검색어가 필요하다. 한 글자만 검색하면 그 글자로 시작하는 이름만 찾는다.
    """
    return await service.list_parts(ctx.app, query)


@endpoint("GET", "/parts/popular", tag=_TAG, replica=True)
async def list_popular(ctx: Context, query: TopQuery) -> list[PartItem]:
    """인기 부품"""
    return await service.list_popular(ctx.app, query)


@endpoint("GET", "/parts/ranking", tag=_TAG, replica=True)
async def list_ranking(ctx: Context, query: TopQuery) -> list[RankedPart]:
    """인기 순위

    순위와 함께 찜한 사용자 수, 리뷰 수, 평균 평점.
    """
    return await service.list_ranking(ctx.app, query)


@endpoint("GET", "/parts/{partId}", tag=_TAG, aliases=("/part/{partId}",), errors=[ErrorCode.PART_NOT_FOUND])
async def get_part(ctx: Context, part_id: Id) -> Json[PartDetail]:
    """부품 상세와 판매처별 가격"""
    return await service.get(ctx.app, part_id)
