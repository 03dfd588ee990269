"""Reviews: lists, changes, moderation."""

import msgspec

from jiucom import audit
from jiucom.auth.principal import Principal
from jiucom.db import DuplicateKeyError, ReadSession, WriteSession
from jiucom.domains.reviews import queries
from jiucom.domains.reviews.schemas import Review, ReviewCreate, ReviewQuery, ReviewUpdate
from jiucom.errors import ApiError, ErrorCode, found
from jiucom.state import AppState
from jiucom.web import Page, PageQuery


async def list_reviews(app: AppState, query: ReviewQuery) -> Page[Review]:
    """One page of reviews; an unknown part has none."""
    async with app.db.read() as session:
        content = await queries.page(session, query)
        total = await app.totals.of(("reviews", query.part_id), lambda: queries.count(session, query.part_id))
    return Page.of(content, query, total)


async def list_own(app: AppState, author: Principal, query: PageQuery) -> Page[Review]:
    """One page of the author's reviews."""
    async with app.db.read() as session:
        content = await queries.page_of_author(session, author.user_id, query)
        return Page.of(content, query, await queries.count_of_author(session, author.user_id))


async def get(app: AppState, review_id: int) -> Review:
    """A review. Raises R001."""
    async with app.db.read() as session:
        return found(await queries.by_id(session, review_id), ErrorCode.REVIEW_NOT_FOUND)


async def create(app: AppState, author: Principal, review: ReviewCreate) -> Review:
    """A new review. Raises P001, and R003 for a second one of the part."""

    async def work(session: WriteSession) -> Review:
        try:
            review_id = await queries.insert(session, author.user_id, review)
        except DuplicateKeyError:
            raise ApiError(ErrorCode.REVIEW_ALREADY_EXISTS) from None
        if not review_id:
            raise ApiError(ErrorCode.PART_NOT_FOUND)
        return found(await queries.by_id(session, review_id), ErrorCode.REVIEW_NOT_FOUND)

    return await app.db.write(work)


async def update(app: AppState, author: Principal, review_id: int, changes: ReviewUpdate) -> Review:
    """The changed review. Raises R001, R002."""

    async def work(session: WriteSession) -> Review:
        if not await queries.update(session, review_id, author.user_id, changes):
            raise await _not_own_error(session, review_id)
        return found(await queries.by_id(session, review_id), ErrorCode.REVIEW_NOT_FOUND)

    return await app.db.write(work)


async def delete(app: AppState, author: Principal, review_id: int) -> None:
    """Delete the author's review. Raises R001, R002."""

    async def work(session: WriteSession) -> None:
        if not await queries.delete(session, review_id, author.user_id):
            raise await _not_own_error(session, review_id)

    await app.db.write(work)


async def moderate(app: AppState, admin: Principal, review_id: int, address: str) -> None:
    """Delete any review, with an audit record. Raises R001."""

    async def work(session: WriteSession) -> None:
        before = found(await queries.by_id(session, review_id), ErrorCode.REVIEW_NOT_FOUND)
        if not await queries.delete(session, review_id, None):
            raise ApiError(ErrorCode.REVIEW_NOT_FOUND)
        state = msgspec.to_builtins(before)
        await audit.record(session, admin.user_id, "REVIEW_DELETED", "REVIEW", review_id, state, None, address)

    await app.db.write(work)


async def _not_own_error(session: ReadSession, review_id: int) -> ApiError:
    exists = await queries.author(session, review_id)
    return ApiError(ErrorCode.REVIEW_NOT_AUTHOR if exists else ErrorCode.REVIEW_NOT_FOUND)
