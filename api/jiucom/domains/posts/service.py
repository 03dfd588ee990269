"""Posts: lists, search, views, changes, moderation."""

from typing import TypeVar

import msgspec

from jiucom import audit
from jiucom.auth.principal import Principal
from jiucom.cache import keys
from jiucom.db import ReadSession, WriteSession
from jiucom.domains.posts import queries
from jiucom.domains.posts.schemas import (
    BoardType,
    Post,
    PostCreate,
    PostDetail,
    PostItem,
    PostQuery,
    PostSearchQuery,
    PostUpdate,
)
from jiucom.encoding import Json, encode
from jiucom.errors import ApiError, ErrorCode, found
from jiucom.rules.search_terms import plan
from jiucom.state import AppState
from jiucom.web import Page, PageQuery

P = TypeVar("P", bound=Post)


async def list_posts(app: AppState, query: PostQuery) -> Json[Page[PostItem]]:
    """One page of a board, or of all. Searches are not cached."""

    async def load() -> Page[PostItem]:
        meant = plan(query.keyword or "")
        filters = ("posts", query.board_type, meant)
        async with app.db.search() if meant.terms else app.db.read() as session:
            indexed = await queries.indexed(session, app.totals, meant)
            content = await queries.page(session, query, meant, indexed=indexed)
            total = Page.end(content, query)
            if total is None:
                total = await app.totals.of(filters, lambda: queries.count(session, query, meant, indexed=indexed))
        return Page.of(content, query, total)

    if query.keyword is not None:
        return Json(encode(await load()))
    return await app.cache.fetch(keys.POST_LIST, (query.board_type or "ALL", query.page, query.size), load)


async def search(app: AppState, query: PostSearchQuery) -> Json[Page[PostItem]]:
    """One page of the posts of all boards that a keyword finds."""
    return await list_posts(app, PostQuery(keyword=query.keyword, page=query.page, size=query.size))


async def list_own(app: AppState, author: Principal, query: PageQuery) -> Page[PostItem]:
    """One page of the author's posts."""
    async with app.db.read() as session:
        content = await queries.page_of_author(session, author.user_id, query)
        return Page.of(content, query, await queries.count_of_author(session, author.user_id))


async def get(app: AppState, post_id: int) -> Json[PostDetail]:
    """A post, with the view counted. Raises PO001."""

    async def write(more: int) -> int:
        return await app.db.write(lambda session: queries.count_views(session, post_id, more), one_statement=True)

    views = await app.views.count(("posts", post_id), write)
    if not views:
        raise ApiError(ErrorCode.POST_NOT_FOUND)

    async def load() -> Post:
        async with app.db.read() as session:
            return found(await queries.by_id(session, post_id), ErrorCode.POST_NOT_FOUND)

    cached = await app.cache.fetch(keys.POST_DETAIL, (post_id,), load)
    # The number of views is not cached: it is added in front of the cached JSON.
    return Json(b'{"viewCount":%d,%b' % (views, cached.raw[1:]))


async def create(app: AppState, author: Principal, post: PostCreate) -> PostDetail:
    """A new post. Raises A002 on boards for administrators only."""
    _check_board(author, post.board_type)

    async def work(session: WriteSession) -> PostDetail:
        post_id = await queries.insert(session, author.user_id, post)
        await app.cache.invalidate(session, keys.POSTS)
        return found(await queries.detail(session, post_id), ErrorCode.POST_NOT_FOUND)

    return await app.db.write(work)


async def update(app: AppState, author: Principal, post_id: int, changes: PostUpdate) -> PostDetail:
    """The changed post. Raises PO001, PO002, and A002 as `create` does."""
    _check_board(author, changes.board_type)

    async def work(session: WriteSession) -> PostDetail:
        if not await queries.update(session, post_id, author, changes):
            raise await _not_own_error(session, post_id, author)
        await app.cache.invalidate(session, keys.post(post_id), keys.POSTS)
        return found(await queries.detail(session, post_id), ErrorCode.POST_NOT_FOUND)

    return await app.db.write(work)


async def delete(app: AppState, author: Principal, post_id: int) -> None:
    """Delete the author's post. Raises PO001, PO002."""

    async def work(session: WriteSession) -> None:
        if not await queries.delete(session, post_id, author.user_id):
            raise await _not_own_error(session, post_id, author)
        await app.cache.invalidate(session, keys.post(post_id), keys.POSTS)

    await app.db.write(work)


async def moderate(app: AppState, admin: Principal, post_id: int, address: str) -> None:
    """Delete any post, with an audit record. Raises PO001."""

    async def work(session: WriteSession) -> None:
        before = found(await queries.detail(session, post_id), ErrorCode.POST_NOT_FOUND)
        if not await queries.delete(session, post_id, None):
            raise ApiError(ErrorCode.POST_NOT_FOUND)
        state = msgspec.to_builtins(before)
        await audit.record(session, admin.user_id, "POST_DELETED", "POST", post_id, state, None, address)
        await app.cache.invalidate(session, keys.post(post_id), keys.POSTS)

    await app.db.write(work)


def _check_board(author: Principal, board: BoardType | None) -> None:
    if board is not None and board.official and not author.is_admin:
        raise _officials_only()


async def _not_own_error(session: ReadSession, post_id: int, author: Principal) -> ApiError:
    post = await queries.by_id(session, post_id)
    if post is None:
        return ApiError(ErrorCode.POST_NOT_FOUND)
    return _officials_only() if post.author_id == author.user_id else ApiError(ErrorCode.POST_NOT_AUTHOR)


def _officials_only() -> ApiError:
    return ApiError(ErrorCode.FORBIDDEN, "관리자만 글을 쓸 수 있는 게시판입니다.")
