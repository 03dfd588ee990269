"""What requests cost in statements: each is a round trip, and half of what a cheap request takes."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from jiucom.db.session import ReadSession, StatementSession
from jiucom.domains.notifications.announce import Announced
from jiucom.errors import ApiError
from jiucom.state import AppState
from testing.clients import User
from testing.shop import Shop

pytestmark = pytest.mark.anyio

# Those of other tables may be of whoever works in the background.
Statements = Callable[[str], list[tuple[type, str]]]


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> Statements:
    """The statements so far that name a table, each with its kind of session."""
    run, known = ReadSession._run, []

    async def note(session: ReadSession, sql: str, args: Any) -> Any:
        known.append((type(session), " ".join(sql.split())))
        return await run(session, sql, args)

    monkeypatch.setattr(ReadSession, "_run", note)
    return lambda table: [(kind, sql) for kind, sql in known if table in sql]


async def test_a_page_and_its_total_are_one(seeded_client: httpx.AsyncClient, statements: Statements) -> None:
    page = (await seeded_client.get("/parts?category=CPU&sort=price_asc&size=2")).json()["data"]
    assert (len(page["content"]), page["totalElements"], page["totalPages"]) == (2, 5, 3)
    assert len(statements("parts")) == 1
    none = (await seeded_client.get("/parts?category=CPU&minPrice=2000000000")).json()["data"]
    assert (none["content"], none["totalElements"]) == ([], 0)
    assert len(statements("parts")) == 2


async def test_a_search_whose_hits_are_on_one_page_is_one(
    seeded_client: httpx.AsyncClient, statements: Statements
) -> None:
    page = (await seeded_client.get("/parts?keyword=rtx&size=5")).json()["data"]
    assert (len(page["content"]), page["totalElements"]) == (4, 4)
    assert len(statements("parts")) == 1
    page = (await seeded_client.get("/parts?keyword=rtx&size=3")).json()["data"]
    assert (len(page["content"]), page["totalElements"], page["last"]) == (3, 4, False)
    page = (await seeded_client.get("/parts?keyword=rtx&size=3&page=1")).json()["data"]
    assert (len(page["content"]), page["totalElements"], page["last"]) == (1, 4, True)
    assert len(statements("parts")) == 4


async def test_a_page_behind_the_last_has_a_total(seeded_client: httpx.AsyncClient) -> None:
    page = (await seeded_client.get("/parts?category=CPU&page=9&size=2")).json()["data"]
    assert (page["content"], page["totalElements"], page["totalPages"], page["last"]) == ([], 5, 3, True)


async def test_a_look_is_one_statement_without_a_transaction(user: User, statements: Statements) -> None:
    body = {"boardType": "FREE", "title": "제목", "content": "본문"}
    post = (await user.client.post("/posts", json=body)).json()["data"]["id"]
    await user.client.get(f"/posts/{post}")
    before = len(statements("posts"))
    assert (await user.client.get(f"/posts/{post}")).json()["data"]["viewCount"] == 2
    ((kind, sql),) = statements("posts")[before:]
    assert kind is StatementSession
    assert sql.startswith("UPDATE posts")


async def test_one_statement_commits_itself_and_a_second_is_refused(state: AppState, user: User) -> None:
    rename = "UPDATE users SET nickname = %s WHERE id = %s"
    async with state.db.statement() as session:
        await session.execute(rename, (f"하나{user.id}", user.id))
        async with state.db.read() as other:
            assert await other.fetch_value("SELECT nickname FROM users WHERE id = %s", (user.id,)) == f"하나{user.id}"
        with pytest.raises(RuntimeError):
            await session.execute(rename, (f"둘{user.id}", user.id))
        with pytest.raises(RuntimeError):
            await session.execute_many(rename, [(f"셋{user.id}", user.id)])


async def test_one_statement_that_fails_leaves_its_connection_as_it_was(state: AppState) -> None:
    for _ in range(state.settings.db_pool_size + 1):
        with pytest.raises(ApiError):
            async with state.db.statement() as session:
                await session.insert("INSERT INTO cache_outbox (scope) VALUES (%s)", ("x" * 70_000,))
    async with state.db.transaction() as session:
        assert await session.fetch_value("SELECT 1") == 1


async def test_many_alerts_are_told_in_as_many_statements_as_one(
    user: User, shop: Shop, state: AppState, statements: Statements
) -> None:
    counts, pushed = [], []

    async def listen(event: Announced) -> None:
        if event.user_id == user.id:
            pushed.append(event.notification.id)

    state.db.events.subscribe(Announced, listen)
    for many in (1, 30):
        part = await shop.part(lowest=1000)
        async with state.db.transaction() as tx:
            await tx.execute_many(
                "INSERT INTO price_alerts (user_id, part_id, target_price) VALUES (%s, %s, 900)",
                [(user.id, part)] * many,
            )
        before = len(statements("INTO notifications")), len(statements("INTO mail_outbox"))
        await shop.offer(part, 1, 800)
        after = len(statements("INTO notifications")), len(statements("INTO mail_outbox"))
        counts.append((after[0] - before[0], after[1] - before[1]))
    assert counts == [(1, 1), (1, 1)]
    rows = await shop.rows("SELECT id FROM notifications WHERE user_id = %s", user.id)
    assert sorted(pushed) == sorted(number for (number,) in rows)
    assert len(pushed) == 31
    assert len(await shop.rows("SELECT id FROM mail_outbox WHERE recipient = %s", user.email)) == 31
