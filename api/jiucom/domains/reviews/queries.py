"""Statements about reviews. Reviews of deleted parts are not visible, but their authors can delete them."""

from jiucom.db import ReadSession, WriteSession
from jiucom.domains.authors import NICKNAME
from jiucom.domains.reviews.schemas import Review, ReviewCreate, ReviewQuery, ReviewUpdate
from jiucom.web import PageQuery

_COLUMNS = f"""
    reviews.id, reviews.part_id, parts.name, reviews.user_id, {NICKNAME}, reviews.rating, reviews.content,
    reviews.like_count, reviews.created_at, reviews.updated_at
"""

_JOINED = "reviews JOIN parts ON parts.id = reviews.part_id JOIN users ON users.id = reviews.user_id"

VISIBLE = "reviews.is_deleted = FALSE AND parts.is_deleted = FALSE"

_OF_PART = "AND reviews.part_id = %s"

_NEWEST = "ORDER BY reviews.created_at DESC, reviews.id DESC LIMIT %s OFFSET %s"

_PAGE = f"SELECT {_COLUMNS} FROM {_JOINED} WHERE {VISIBLE} {_NEWEST}"  # noqa: S608
_PAGE_OF_PART = f"SELECT {_COLUMNS} FROM {_JOINED} WHERE {VISIBLE} {_OF_PART} {_NEWEST}"  # noqa: S608
_COUNT = f"SELECT COUNT(*) FROM reviews JOIN parts ON parts.id = reviews.part_id WHERE {VISIBLE}"  # noqa: S608
_BY_ID = f"SELECT {_COLUMNS} FROM {_JOINED} WHERE reviews.id = %s AND {VISIBLE}"  # noqa: S608
_AUTHOR = "SELECT user_id FROM reviews WHERE id = %s AND is_deleted = FALSE"

# Those of deleted parts too.
_OWN = "reviews.user_id = %s AND reviews.is_deleted = FALSE"
_PAGE_OF_AUTHOR = f"SELECT {_COLUMNS} FROM {_JOINED} WHERE {_OWN} {_NEWEST}"  # noqa: S608
_COUNT_OF_AUTHOR = f"SELECT COUNT(*) FROM reviews WHERE {_OWN}"  # noqa: S608

_INSERT = """
INSERT INTO reviews (user_id, part_id, rating, content)
SELECT %s, parts.id, %s, %s FROM parts WHERE parts.id = %s AND parts.is_deleted = FALSE
"""

_UPDATE = """
UPDATE reviews SET rating = COALESCE(%s, rating), content = COALESCE(%s, content), updated_at = UTC_TIMESTAMP(6)
WHERE id = %s AND user_id = %s AND is_deleted = FALSE
"""

_DELETE = """
UPDATE reviews SET is_deleted = TRUE, deleted_at = UTC_TIMESTAMP(6)
WHERE id = %s AND user_id = COALESCE(%s, user_id) AND is_deleted = FALSE
"""


async def page(session: ReadSession, query: ReviewQuery) -> list[Review]:
    """The rows of one page, newest first."""
    if query.part_id is None:
        return await session.fetch_all(_PAGE, (query.size, query.offset), Review)
    return await session.fetch_all(_PAGE_OF_PART, (query.part_id, query.size, query.offset), Review)


async def count(session: ReadSession, part_id: int | None) -> int:
    """How many reviews the part has, or (None) all parts."""
    if part_id is None:
        return int(await session.fetch_value(_COUNT))
    return int(await session.fetch_value(f"{_COUNT} {_OF_PART}", (part_id,)))


async def page_of_author(session: ReadSession, author_id: int, query: PageQuery) -> list[Review]:
    """One page of an author's reviews, newest first."""
    return await session.fetch_all(_PAGE_OF_AUTHOR, (author_id, query.size, query.offset), Review)


async def count_of_author(session: ReadSession, author_id: int) -> int:
    """How many reviews an author has."""
    return int(await session.fetch_value(_COUNT_OF_AUTHOR, (author_id,)))


async def by_id(session: ReadSession, review_id: int) -> Review | None:
    """A review that is not deleted, of a part that is not."""
    return await session.fetch_one(_BY_ID, (review_id,), Review)


async def author(session: ReadSession, review_id: int) -> int | None:
    """The author of a review that is not deleted."""
    found = await session.fetch_value(_AUTHOR, (review_id,))
    return None if found is None else int(found)


async def insert(session: WriteSession, author_id: int, review: ReviewCreate) -> int:
    """A new review; its id, 0 when there is no such part. Raises DuplicateKeyError for a second one."""
    return await session.insert(_INSERT, (author_id, review.rating, review.content, review.part_id))


async def update(session: WriteSession, review_id: int, author_id: int, changes: ReviewUpdate) -> bool:
    """Change the author's review; False when there is none."""
    return bool(await session.execute(_UPDATE, (changes.rating, changes.content, review_id, author_id)))


async def delete(session: WriteSession, review_id: int, author_id: int | None) -> bool:
    """Delete the author's review, or (None) anyone's; False when there is none."""
    return bool(await session.execute(_DELETE, (review_id, author_id)))
