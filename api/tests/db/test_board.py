"""Keywords on a board: words of nearly every post are found without reading every post."""

from collections.abc import Callable
from typing import Any

import pytest

from bench import board
from jiucom.clock import Clock
from jiucom.db import ReadSession, migrate
from jiucom.db.totals import Totals
from jiucom.domains.posts import queries
from jiucom.domains.posts.schemas import BoardType, PostQuery
from jiucom.rules.search_terms import plan
from jiucom.settings import Settings

from .conftest import connected

pytestmark = pytest.mark.anyio

POSTS = 2_000


@pytest.fixture(scope="module")
async def large(make_database: Callable[[], Any]) -> Any:
    """The settings of a schema with many posts."""
    settings = await make_database()
    await migrate.upgrade(settings)
    async with connected(settings, root=True) as cursor:
        await board.fill(cursor, POSTS)
    return settings


@pytest.mark.parametrize(
    "query",
    [
        PostQuery(keyword=board.COMMON),
        PostQuery(keyword=board.USUAL, page=2),
        PostQuery(keyword=f"{board.USUAL} 견적", board_type=BoardType.QNA),
        PostQuery(keyword=board.RARE),
    ],
    ids=lambda query: query.keyword,
)
async def test_both_ways_lead_to_the_same_posts(large: Settings, query: PostQuery) -> None:
    meant = plan(query.keyword or "")
    assert meant.complete
    async with connected(large) as cursor:
        session = ReadSession(cursor.connection, Clock("Asia/Seoul"), 0)
        found = [
            (
                await queries.page(session, query, meant, indexed=indexed),
                await queries.count(session, query, meant, indexed=indexed),
            )
            for indexed in (True, False)
        ]
    assert found[0] == found[1]
    assert found[0][0]


async def test_the_newest_posts_with_a_frequent_word_are_found_quickly(
    large: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "_COMMON", POSTS // 2)
    async with connected(large, root=True) as cursor:
        session, totals = ReadSession(cursor.connection, Clock("Asia/Seoul"), 0), Totals()
        reads = []
        for keyword in (board.COMMON, board.RARE):
            meant = plan(keyword)
            indexed = await queries.indexed(session, totals, meant)
            await cursor.execute("FLUSH LOCAL STATUS")
            assert await queries.page(session, PostQuery(keyword=keyword), meant, indexed=indexed)
            status = await session.fetch_rows("SHOW SESSION STATUS LIKE 'Handler_read%%'")
            reads.append((indexed, sum(int(value) for _, value in status)))
        assert [indexed for indexed, _ in reads] == [False, True]
    # Rows of the page, of its authors, and a few on the way: not every post.
    assert max(read for _, read in reads) < POSTS // 10


async def test_a_word_with_a_synonym_of_one_character_stays_with_the_index(large: Settings) -> None:
    """ "ram" is also 램, which the index does not know: another way would find more."""
    assert not plan("ram").complete
    async with connected(large) as cursor:
        session = ReadSession(cursor.connection, Clock("Asia/Seoul"), 0)
        assert await queries.indexed(session, Totals(), plan("ram"))
