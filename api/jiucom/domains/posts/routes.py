"""Posts: boards, search, one post, and its author's changes."""

from jiucom.domains.posts import service
from jiucom.domains.posts.schemas import PostCreate, PostDetail, PostItem, PostQuery, PostSearchQuery, PostUpdate
from jiucom.errors import ErrorCode
from jiucom.state import Context
from jiucom.web import Id, Json, Page, endpoint

_TAG = "Post"
_OWN = [ErrorCode.POST_NOT_FOUND, ErrorCode.POST_NOT_AUTHOR]


@endpoint("GET", "/posts", tag=_TAG, replica=True)
async def list_posts(ctx: Context, query: PostQuery) -> Json[Page[PostItem]]:
    """게시글 목록

    최신순. 검색어의 모든 단어가 제목이나 본문에 있는 글만 남긴다. 한 글자만 검색하면 그 글자로 시작하는 제목만 찾는다.
    """
    return await service.list_posts(ctx.app, query)


@endpoint("GET", "/posts/search", tag=_TAG, replica=True)
async def search_posts(ctx: Context, query: PostSearchQuery) -> Json[Page[PostItem]]:
    """게시글 검색

    모든 게시판. 한 글자만 검색하면 그 글자로 시작하는 제목만 찾는다.
    """
    return await service.search(ctx.app, query)


@endpoint("GET", "/posts/{postId}", tag=_TAG, errors=[ErrorCode.POST_NOT_FOUND])
async def get_post(ctx: Context, post_id: Id) -> Json[PostDetail]:
    """게시글 상세

    조회수는 부를 때마다 1 오르고, 응답에 이미 들어 있다.
    """
    return await service.get(ctx.app, post_id)


@endpoint("POST", "/posts", tag=_TAG, auth="user", status=201, errors=[ErrorCode.FORBIDDEN])
async def create_post(ctx: Context, body: PostCreate) -> PostDetail:
    """게시글 작성

    NEWS 게시판은 관리자만 쓸 수 있다.
    """
    return await service.create(ctx.app, ctx.user, body)


@endpoint("PUT", "/posts/{postId}", tag=_TAG, auth="user", errors=_OWN)
async def update_post(ctx: Context, post_id: Id, body: PostUpdate) -> PostDetail:
    """게시글 수정

    보내지 않은 항목은 그대로 둔다.
    """
    return await service.update(ctx.app, ctx.user, post_id, body)


@endpoint("DELETE", "/posts/{postId}", tag=_TAG, auth="user", errors=_OWN)
async def delete_post(ctx: Context, post_id: Id) -> None:
    """게시글 삭제"""
    await service.delete(ctx.app, ctx.user, post_id)


@endpoint("DELETE", "/admin/posts/{postId}", tag="Admin", auth="admin", errors=[ErrorCode.POST_NOT_FOUND])
async def moderate_post(ctx: Context, post_id: Id) -> None:
    """게시글 삭제 (관리자)

    감사 기록에 남는다.
    """
    await service.moderate(ctx.app, ctx.user, post_id, ctx.client_address)
