"""Numbers of SQL statements per request: each is a round trip."""

from collections.abc import Awaitable, Callable, Iterator

import httpx
import pytest

from jiucom.db.session import StatementSession
from jiucom.db.shape import shape
from jiucom.errors import ApiError
from jiucom.settings import Settings
from jiucom.state import AppState
from testing.clients import User, client_of, started, state_of
from testing.statements import Statement, recorded

pytestmark = pytest.mark.anyio

# Statements on other tables may come from background workers.
Statements = Callable[[str], list[Statement]]


@pytest.fixture
def statements() -> Iterator[Statements]:
    """The statements so far that name a table."""
    with recorded() as known:
        # Numbers of the metrics are counted by whichever application starts.
        counts = "SELECT (SELECT COUNT(*) FROM users"
        yield lambda table: [each for each in known if table in each.sql and not each.sql.startswith(counts)]


async def test_a_page_and_its_total_are_one(seeded_client: httpx.AsyncClient, statements: Statements) -> None:
    page = (await seeded_client.get("/parts?category=CPU&sort=price_asc&size=2")).json()["data"]
    assert (len(page["content"]), page["totalElements"], page["totalPages"]) == (2, 5, 3)
    assert len(statements("parts")) == 1
    none = (await seeded_client.get("/parts?category=CPU&minPrice=2000000000")).json()["data"]
    assert (none["content"], none["totalElements"]) == ([], 0)
    assert len(statements("parts")) == 2


async def test_a_page_of_a_search_and_its_total_are_one(
    seeded_client: httpx.AsyncClient, statements: Statements
) -> None:
    page = (await seeded_client.get("/parts?keyword=rtx&size=5")).json()["data"]
    assert (len(page["content"]), page["totalElements"]) == (4, 4)
    assert len(statements("parts")) == 1
    page = (await seeded_client.get("/parts?keyword=rtx&size=3")).json()["data"]
    assert (len(page["content"]), page["totalElements"], page["last"]) == (3, 4, False)
    page = (await seeded_client.get("/parts?keyword=rtx&size=3&page=1")).json()["data"]
    assert (len(page["content"]), page["totalElements"], page["last"]) == (1, 4, True)
    assert len(statements("parts")) == 3


async def test_a_page_behind_the_last_has_a_total(seeded_client: httpx.AsyncClient) -> None:
    page = (await seeded_client.get("/parts?category=CPU&page=9&size=2")).json()["data"]
    assert (page["content"], page["totalElements"], page["totalPages"], page["last"]) == ([], 5, 3, True)


async def test_counting_a_view_is_one_statement_without_a_transaction(user: User, statements: Statements) -> None:
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


async def test_the_statements_of_a_comment(
    changed: Callable[..., Settings], make_user: Callable[..., Awaitable[User]], statements: Statements
) -> None:
    """Beside these only BEGIN and COMMIT. Rows of the cache outbox are deleted later, for many writes at once."""
    author, reader = await make_user(), await make_user()
    body = {"boardType": "FREE", "title": "제목", "content": "본문"}
    post = (await author.client.post("/posts", json=body)).json()["data"]["id"]
    async with started(changed()) as app, client_of(app, reader.token) as client:
        state = state_of(app)
        for worker in (state.outbox, state.cache, state.accounts, state.realtime):
            await worker.stop()
        await client.get("/users/me")
        before = len(statements(""))
        for _ in range(2):
            assert (await client.post(f"/posts/{post}/comments", json={"content": "댓글"})).status_code == 201
        names = [shape(sql)[0] for _, sql in statements("")[before:]]
        # Those of the file's other application.
        workers = (
            "SELECT backlog",
            "SELECT mail_outbox",
            "SELECT job_runs",
            "SELECT cache_outbox",
            "SELECT notifications",
            "DELETE JSON_TABLE",
        )
        assert [name for name in names if name not in workers] == 2 * [
            "UPDATE posts",
            "INSERT comments",
            "SELECT comments",
            "INSERT notifications",
            "INSERT cache_outbox",
        ]
        assert len(state.cache._done) == 2
        await state.cache.tidy()
        async with state.db.read() as session:
            assert await session.fetch_rows("SELECT 1 FROM cache_outbox WHERE scope LIKE %s", (f"post:{post} %",)) == ()
