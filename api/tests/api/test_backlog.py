"""The backlog: work left by requests is done in batches, each exactly once."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from starlette.applications import Starlette

from jiucom.db import WriteSession
from jiucom.db.session import ReadSession
from jiucom.domains.notifications.announce import Announced
from jiucom.domains.prices import alerts
from jiucom.domains.users import renames
from jiucom.jobs import backlog
from jiucom.jobs.backlog import Backlog, Task
from jiucom.mail import outbox
from jiucom.settings import Settings
from jiucom.state import AppState
from testing.clients import client_of, started, state_of
from testing.database import apart
from testing.waiting import eventually

from .tables import execute, insert, rows

pytestmark = pytest.mark.anyio

# More than two batches.
MANY = 450

USERS = """
INSERT INTO users (email, nickname, email_verified_at)
SELECT CONCAT(%s, n, '@example.com'), CONCAT(%s, n), UTC_TIMESTAMP(6)
FROM JSON_TABLE(%s, '$[*]' COLUMNS (n INT PATH '$')) AS numbers
"""
ALERTS = "INSERT INTO price_alerts (user_id, part_id, target_price) SELECT id, %s, %s FROM users WHERE email LIKE %s"


@pytest.fixture(scope="module")
async def application(settings: Settings, mysql_server: tuple[int, str]) -> AsyncIterator[Starlette]:
    """An application with a schema of its own, which works off no backlog by itself."""
    async with apart(mysql_server, settings, f"{settings.db_name}_b") as (_, own), started(own) as app:
        await state_of(app).backlog.stop()
        await state_of(app).outbox.stop()
        yield app


@pytest.fixture
async def state(application: Starlette) -> AsyncIterator[AppState]:
    """The AppState, without tasks of other tests."""
    yield state_of(application)
    await execute(state_of(application), "DELETE FROM backlog")


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that are run from now on."""
    run, known = ReadSession._run, []

    async def note(session: ReadSession, sql: str, args: Any) -> Any:
        known.append(" ".join(sql.split()))
        return await run(session, sql, args)

    monkeypatch.setattr(ReadSession, "_run", note)
    return known


def requested(statements: list[str]) -> list[str]:
    """Without those of workers, also of the session's other application."""
    workers = (
        "FROM backlog WHERE next_at",
        "mail_outbox",
        "job_runs",
        "DELETE cache_outbox",
        "SELECT id, scope",
        "FROM notifications WHERE id >",
        "SELECT (SELECT COUNT",
    )
    return [sql for sql in statements if not any(words in sql for words in workers)]


async def people(state: AppState, count: int) -> str:
    """New users with verified addresses; the prefix of the addresses."""
    unique = secrets.token_hex(4)
    await execute(state, USERS, unique, unique, str(list(range(count))))
    return unique


async def watched(state: AppState, count: int, target: int = 900) -> int:
    """A part for 1,000 that so many people want for `target`."""
    part = await insert(
        state,
        "INSERT INTO parts (name, category, manufacturer, lowest_price) VALUES (%s, 'ETC', '시험', 1000)",
        secrets.token_hex(8),
    )
    await execute(state, ALERTS, part, target, f"{await people(state, count)}%")
    return part


async def seller_of(state: AppState) -> str:
    """The token of a seller with a shop."""
    user = await insert(
        state, "INSERT INTO users (email, nickname, role) VALUES (%s, %s, 'SELLER')", *[secrets.token_hex(6)] * 2
    )
    sql = "INSERT INTO sellers (user_id, name, site_url, status) VALUES (%s, %s, 'https://x.kr', 'ACTIVE')"
    await insert(state, sql, user, secrets.token_hex(6))
    return state.tokens.access(user, "SELLER")


async def told(state: AppState, part: int) -> list[int]:
    """The users who have a notification of the part's price."""
    link = f"/parts/{part}"
    return [user for (user,) in await rows(state, "SELECT user_id FROM notifications WHERE link_url = %s", link)]


async def test_a_change_costs_the_same_for_one_and_for_many_alerts(
    application: Starlette, state: AppState, taken: list[str]
) -> None:
    token, costs = await seller_of(state), []
    async with client_of(application, token) as client:
        for many in (1, MANY):
            part = await watched(state, many)
            # Caches the account of the token.
            await client.get("/users/me")
            before = len(taken)
            answer = await client.post("/sellers/products", json={"partId": part, "price": 800})
            assert answer.status_code == 201
            costs.append(requested(taken[before:]))
            assert await told(state, part) == []
            while await state.backlog.work():
                pass
            assert len(await told(state, part)) == many
    assert costs[0] == costs[1]
    assert not any("notifications" in sql for sql in costs[1])


async def test_each_is_told_once_with_a_mail_and_a_push(state: AppState, taken: list[str]) -> None:
    part = await watched(state, MANY)
    pushed: list[int] = []

    async def listen(event: Announced) -> None:
        pushed.extend(user for user, told in event.notifications if told.link_url == f"/parts/{part}")

    state.db.events.subscribe(Announced, listen)
    # Twice, as by two changes; and by two replicas.
    async with state.db.transaction() as tx:
        await tx.execute("UPDATE parts SET lowest_price = 800 WHERE id = %s", (part,))
        await backlog.add(tx, alerts.KIND, (part, 800), (part, 850))
    before = len(taken)
    other = Backlog(state.db, state.backlog._steps)

    async def work(each: Backlog) -> None:
        while await each.work():
            pass

    await asyncio.gather(work(state.backlog), work(other))
    told_to = await told(state, part)
    assert (len(told_to), len(set(told_to))) == (MANY, MANY)
    assert sorted(pushed) == sorted(told_to)
    assert len(await rows(state, "SELECT 1 FROM mail_outbox WHERE variables->'$.partId' = %s AND bulk", part)) == MANY
    # Some statements per batch, not per alert.
    assert sum("notifications" in sql for sql in taken[before:]) < 4 * (MANY / alerts._BATCH + 3)


async def test_what_dies_in_between_is_done_by_another(state: AppState) -> None:
    """Half a batch is none: nothing is told twice, nothing is left out."""
    part = await watched(state, MANY)
    async with state.db.transaction() as tx:
        await tx.execute("UPDATE parts SET lowest_price = 800 WHERE id = %s", (part,))
        await backlog.add(tx, alerts.KIND, (part, 800))
    assert await state.backlog.work()
    done = len(await told(state, part))
    assert 0 < done < MANY

    async def dies(tx: WriteSession, task: Task) -> Sequence[Any] | None:
        await alerts.trigger(tx, task)
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await Backlog(state.db, {alerts.KIND: dies}).work()
    assert len(await told(state, part)) == done
    while await state.backlog.work():
        pass
    assert sorted(await told(state, part)) == sorted(set(await told(state, part)))
    assert len(await told(state, part)) == MANY


async def test_one_that_fails_does_not_stop_the_others(state: AppState, caplog: pytest.LogCaptureFixture) -> None:
    seen: list[int] = []

    async def step(tx: WriteSession, task: Task) -> Sequence[Any] | None:
        if task.subject_id == 1:
            raise ZeroDivisionError("no")
        seen.append(task.subject_id)
        return None

    async with state.db.transaction() as tx:
        await backlog.add(tx, "test", (1, None), (2, None), (3, None))
    other = Backlog(state.db, {"test": step})
    for _ in range(3):
        assert await other.work()
    assert sorted(seen) == [2, 3]
    assert "backlog: test 1 is postponed: ZeroDivisionError" in caplog.text
    assert not await other.work()
    await execute(state, "UPDATE backlog SET next_at = UTC_TIMESTAMP(6)")
    assert await rows(state, "SELECT subject_id FROM backlog") == [(1,)]


async def test_long_and_short_work_take_turns(state: AppState) -> None:
    turns: list[int] = []

    async def step(tx: WriteSession, task: Task) -> Sequence[Any] | None:
        turns.append(task.subject_id)
        count = (task.position or [0])[0] + 1
        return None if count == task.amount else [count]

    async with state.db.transaction() as tx:
        await backlog.add(tx, "test", (1, 9), (2, 2))
    other = Backlog(state.db, {"test": step})
    while await other.work():
        pass
    assert sorted(turns) == [1] * 9 + [2] * 2
    assert turns.index(2) <= 1
    assert turns[:5].count(2) == 2


async def test_it_begins_at_once(state: AppState) -> None:
    """Without waiting for the next look at the table."""
    worker = Backlog(state.db, {"test": _nothing})
    worker.start()
    try:
        await asyncio.sleep(0.1)
        async with state.db.transaction() as tx:
            await backlog.add(tx, "test", (1, None))

        async def empty() -> bool:
            return await rows(state, "SELECT 1 FROM backlog") == []

        await eventually(empty, 5)
    finally:
        await worker.stop()


async def _nothing(tx: WriteSession, task: Task) -> None:
    return None


POSTS = """
INSERT INTO posts (user_id, board_type, title, content, created_at)
SELECT %s, 'FREE', 't', 'c', UTC_TIMESTAMP(6) - INTERVAL n DIV 3 SECOND
FROM JSON_TABLE(%s, '$[*]' COLUMNS (n INT PATH '$')) AS numbers
"""
COMMENTS = "INSERT INTO comments (post_id, user_id, content) SELECT id, %s, 'c' FROM posts WHERE user_id = %s"


async def test_a_new_name_costs_the_same_for_few_and_for_many_posts(
    application: Starlette, state: AppState, taken: list[str]
) -> None:
    costs, names = [], []
    for many in (3, MANY):
        author, other = [
            await insert(state, "INSERT INTO users (email, nickname) VALUES (%s, %s)", *[secrets.token_hex(6)] * 2)
            for _ in range(2)
        ]
        await execute(state, POSTS, author, str(list(range(many))))
        await execute(state, POSTS, other, str(list(range(many))))
        await execute(state, COMMENTS, author, other)
        async with client_of(application, state.tokens.access(author, "USER")) as client:
            posts = [post for (post,) in await rows(state, "SELECT id FROM posts WHERE user_id = %s", author)]
            talks = [post for (post,) in await rows(state, "SELECT id FROM posts WHERE user_id = %s", other)]
            oldest, newest, talk = posts[0], posts[-1], talks[0]

            async def shown(ends: tuple[int, ...] = (oldest, newest), talk: int = talk) -> set[str]:
                found = {(await client.get(f"/posts/{post}")).json()["data"]["authorNickname"] for post in ends}
                comments = (await client.get(f"/posts/{talk}/comments")).json()["data"]["comments"]
                return found | {comment["authorNickname"] for comment in comments}

            assert len(await shown()) == 1
            await client.get("/users/me")
            name = f"새이름{secrets.token_hex(4)}"
            names.append(name)
            before = len(taken)
            assert (await client.patch("/users/me", json={"nickname": name})).status_code == 200
            costs.append(requested(taken[before:]))
            while await state.backlog.work():
                pass
            assert await shown() == {name}
    assert costs[0] == costs[1]


async def test_a_later_name_takes_the_place_of_an_earlier_one(state: AppState) -> None:
    """Five changes in a row cost one pass over the posts."""
    author = await insert(state, "INSERT INTO users (email, nickname) VALUES (%s, %s)", *[secrets.token_hex(6)] * 2)
    await execute(state, POSTS, author, str(list(range(3 * renames._BATCH))))
    for _ in range(5):
        async with state.db.transaction() as tx:
            await backlog.add(tx, renames.KIND, (author, None))
    await execute(state, "UPDATE backlog SET next_at = next_at - INTERVAL id SECOND")
    batches = 0
    while await state.backlog.work():
        batches += 1
    assert batches <= 3 + 2 + 1


async def test_without_redis_a_new_name_waits(state: AppState) -> None:
    author = await insert(state, "INSERT INTO users (email, nickname) VALUES (%s, %s)", *[secrets.token_hex(6)] * 2)
    await execute(state, POSTS, author, "[1]")
    async with state.db.transaction() as tx:
        await backlog.add(tx, renames.KIND, (author, None))
    state.redis._cache.closed_until = float("inf")
    try:
        assert await state.backlog.work()
    finally:
        state.redis._cache.closed_until = 0.0
    assert await rows(state, "SELECT subject_id FROM backlog") == [(author,)]


async def test_mails_that_somebody_waits_for_go_before_those_of_alerts(state: AppState) -> None:
    """And those of alerts go on, however many others there are."""
    await execute(state, "DELETE FROM mail_outbox")
    told = [outbox.Draft("a@example.com", "price-alert", {}) for _ in range(30)]
    waited_for = [outbox.Draft("b@example.com", "password-reset", {}) for _ in range(6)]
    async with state.db.transaction() as tx:
        await outbox.enqueue_all(tx, told)
    async with state.db.transaction() as tx:
        await outbox.enqueue_all(tx, waited_for)
    claimed = [[mail.template for mail in await state.db.write(outbox._claim)] for _ in range(3)]
    assert claimed == [
        ["password-reset"] * 4 + ["price-alert"],
        ["password-reset"] * 2 + ["price-alert"] * 3,
        ["price-alert"] * 5,
    ]
    await execute(state, "DELETE FROM mail_outbox")
