"""Comments: threads, changes, moderation, notifications."""

from typing import TypeVar

import msgspec

from jiucom import audit
from jiucom.auth.principal import Principal
from jiucom.cache import Unstored, keys
from jiucom.db import ReadSession, WriteSession
from jiucom.domains.comments import queries, threads
from jiucom.domains.comments.schemas import Comment, CommentCreate, CommentPage, CommentQuery, CommentUpdate, Row
from jiucom.domains.notifications.announce import announce
from jiucom.encoding import Json, encode
from jiucom.errors import ApiError, ErrorCode, found
from jiucom.state import AppState

R = TypeVar("R", bound=Row)


async def list_threads(app: AppState, post_id: int, query: CommentQuery) -> Json[CommentPage]:
    """One page of the threads of a post; an unknown post has none. Its further replies are not cached."""

    async def load() -> CommentPage:
        async with app.db.read() as session:
            roots = await queries.page(session, post_id, query)
            replies, last = await queries.below(session, post_id, roots, query.replies_after)
            total = await app.totals.of(("comments", post_id), lambda: queries.count(session, post_id))
        return CommentPage.of(threads.build(roots, replies, complete=last is None), query, total, last)

    async def load_for_cache() -> CommentPage | Unstored:
        found = await load()
        if found.comments:
            return found
        # Post ids in the path are arbitrary: empty lists of unknown posts would fill Redis.
        async with app.db.read() as session:
            return found if await queries.post_exists(session, post_id) else Unstored(found)

    if query.replies_after:
        return Json(encode(await load()))
    return await app.cache.fetch(keys.COMMENT_LIST, (post_id, query.page, query.size), load_for_cache)


async def create(app: AppState, author: Principal, post_id: int, comment: CommentCreate) -> Comment:
    """A new comment. Notifies the author of the post, and of the comment it replies to. Raises PO001, C001."""

    async def work(session: WriteSession) -> Comment:
        # Also locks the post, so that it is not deleted meanwhile.
        if not await queries.count_comment(session, post_id):
            raise ApiError(ErrorCode.POST_NOT_FOUND)
        parent = None
        if comment.parent_id is not None:
            parent = await queries.by_id(session, comment.parent_id)
            if parent is None or parent.post_id != post_id:
                raise ApiError(ErrorCode.COMMENT_NOT_FOUND, "답글을 달 댓글을 찾을 수 없습니다.")
        comment_id = await queries.insert(session, post_id, author.user_id, comment.content, parent)
        written = found(await queries.written(session, comment_id), ErrorCode.COMMENT_NOT_FOUND)
        await _notify(session, written, parent)
        await app.cache.invalidate(session, keys.post(post_id), keys.POSTS)
        return threads.single(written)

    return await app.db.write(work)


async def update(app: AppState, author: Principal, comment_id: int, changes: CommentUpdate) -> Comment:
    """The changed comment. Raises C001, C002."""

    async def work(session: WriteSession) -> Comment:
        comment = await _own_comment(session, comment_id, author)
        if not await queries.update(session, comment_id, author.user_id, changes.content):
            raise ApiError(ErrorCode.COMMENT_NOT_FOUND)
        await app.cache.invalidate(session, keys.post(comment.post_id))
        return threads.single(found(await queries.by_id(session, comment_id), ErrorCode.COMMENT_NOT_FOUND))

    return await app.db.write(work)


async def delete(app: AppState, author: Principal, comment_id: int) -> None:
    """Delete the author's comment. Raises C001, C002."""

    async def work(session: WriteSession) -> None:
        comment = await _own_comment(session, comment_id, author)
        await _remove(app, session, comment, author.user_id)

    await app.db.write(work)


async def moderate(app: AppState, admin: Principal, comment_id: int, address: str) -> None:
    """Delete any comment, with an audit record. Raises C001."""

    async def work(session: WriteSession) -> None:
        comment = found(await queries.by_id(session, comment_id), ErrorCode.COMMENT_NOT_FOUND)
        await _remove(app, session, comment, None)
        state = msgspec.to_builtins(comment)
        await audit.record(session, admin.user_id, "COMMENT_DELETED", "COMMENT", comment_id, state, None, address)

    await app.db.write(work)


async def _remove(app: AppState, session: WriteSession, comment: Row, author_id: int | None) -> None:
    await queries.uncount_comment(session, comment.post_id)
    # A concurrent request may have deleted it: the decrease is then rolled back.
    if not await queries.delete(session, comment.id, author_id):
        raise ApiError(ErrorCode.COMMENT_NOT_FOUND)
    await app.cache.invalidate(session, keys.post(comment.post_id), keys.POSTS)


async def _notify(session: WriteSession, written: queries.Written, parent: Row | None) -> None:
    """Notify the authors of the post and of the parent comment: once each, never the commenter."""
    text = f"{written.author_nickname}님: {written.post_title}"
    link = f"/posts/{written.post_id}"
    notified = {written.author_id}
    if parent is not None and parent.author_id not in notified:
        notified.add(parent.author_id)
        await announce(session, parent.author_id, "COMMENT_REPLY", "내 댓글에 새 답글이 달렸습니다", text, link)
    if written.post_author_id not in notified:
        await announce(session, written.post_author_id, "COMMENT_REPLY", "내 글에 새 댓글이 달렸습니다", text, link)


async def _own_comment(session: ReadSession, comment_id: int, author: Principal) -> Row:
    comment = found(await queries.by_id(session, comment_id), ErrorCode.COMMENT_NOT_FOUND)
    if comment.author_id != author.user_id:
        raise ApiError(ErrorCode.COMMENT_NOT_AUTHOR)
    return comment
