"""Search: everything at once, and suggestions."""

from jiucom.domains.search import service
from jiucom.domains.search.schemas import Hits, SearchQuery, Suggestions, SuggestQuery
from jiucom.state import Context
from jiucom.web import endpoint

_TAG = "Search"


@endpoint("GET", "/search", tag=_TAG, replica=True)
async def search(ctx: Context, query: SearchQuery) -> Hits:
    """통합 검색

    부품(관련도순), 게시글(최신순), 공개 견적(관련도순)을 각각 size개까지. page를 주면 page와 관계없이 각각 50개까지이며, 쪽
    나누기는 클라이언트가 한다. 모든 단어가 들어 있는 것을 찾으며, 한 글자만 검색하면 그 글자로 시작하는 이름만 찾는다.
    """
    return await service.search(ctx.app, query)


@endpoint("GET", "/search/suggest", tag=_TAG, replica=True)
async def suggest(ctx: Context, query: SuggestQuery) -> Suggestions:
    """검색어 제안

    부품 이름과 게시글 제목 중 검색어로 시작하는 것, 각각 5개까지.
    """
    return await service.suggest(ctx.app, query.keyword)
