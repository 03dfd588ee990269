"""The backlog: work left by requests is done in batches, each exactly once."""

import asyncio
import math
import secrets
from collections.abc import AsyncIterator, Iterator, Sequence
from functools import partial
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from jiucom.db import WriteSession
from jiucom.domains.notifications.announce import Announced
from jiucom.domains.prices import alerts
from jiucom.domains.sellers import settling
from jiucom.domains.users import renames
from jiucom.jobs import backlog
from jiucom.jobs.backlog import Backlog, Task
from jiucom.mail import outbox
from jiucom.settings import Settings
from jiucom.state import AppState
from testing import stock
from testing.clients import client_of, started, state_of
from testing.statements import Statement, recorded, requested
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
async def application(database: Settings) -> AsyncIterator[Starlette]:
    """The application of the file's tests, which works off no backlog by itself."""
    async with started(database) as app:
        await state_of(app).backlog.stop()
        await state_of(app).outbox.stop()
        yield app


@pytest.fixture
async def state(application: Starlette) -> AsyncIterator[AppState]:
    """The AppState, without tasks of other tests."""
    yield state_of(application)
    await execute(state_of(application), "DELETE FROM backlog")


@pytest.fixture
def statements() -> Iterator[list[Statement]]:
    """The statements that are run from now on."""
    with recorded() as known:
        yield known


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


async def make_user(state: AppState, role: str) -> int:
    """The id of a new user."""
    sql = "INSERT INTO users (email, nickname, role) VALUES (%s, %s, %s)"
    return await insert(state, sql, *[secrets.token_hex(6)] * 2, role)


async def make_seller(state: AppState) -> tuple[int, int]:
    """The ids of a new seller and of their shop."""
    user = await make_user(state, "SELLER")
    sql = "INSERT INTO sellers (user_id, name, site_url, status) VALUES (%s, %s, 'https://x.kr', 'ACTIVE')"
    return user, await insert(state, sql, user, secrets.token_hex(6))


async def told(state: AppState, part: int) -> list[int]:
    """The users who have a notification of the part's price."""
    link = f"/parts/{part}"
    return [user for (user,) in await rows(state, "SELECT user_id FROM notifications WHERE link_url = %s", link)]


async def test_a_change_costs_the_same_for_one_and_for_many_alerts(
    application: Starlette, state: AppState, statements: list[Statement]
) -> None:
    (user, _), costs = await make_seller(state), []
    async with client_of(application, state.tokens.access(user, "SELLER")) as client:
        for many in (1, MANY):
            part = await watched(state, many)
            # Caches the account of the token.
            await client.get("/users/me")
            before = len(statements)
            answer = await client.post("/sellers/products", json={"partId": part, "price": 800})
            assert answer.status_code == 201
            costs.append(requested(statements[before:]))
            assert await told(state, part) == []
            while await state.backlog.work():
                pass
            assert len(await told(state, part)) == many
    assert costs[0] == costs[1]
    assert not any("notifications" in sql for sql in costs[1])


async def test_each_alert_is_told_once_with_a_mail_and_a_push(state: AppState, statements: list[Statement]) -> None:
    part = await watched(state, MANY)
    pushed: list[int] = []

    async def listen(event: Announced) -> None:
        pushed.extend(user for user, told in event.notifications if told.link_url == f"/parts/{part}")

    state.db.events.subscribe(Announced, listen)
    # Twice, as by two changes; and by two replicas.
    async with state.db.transaction() as tx:
        await tx.execute("UPDATE parts SET lowest_price = 800 WHERE id = %s", (part,))
        await backlog.add(tx, alerts.KIND, (part, 800), (part, 850))
    before = len(statements)
    other = Backlog(state.db, {alerts.KIND: alerts.trigger})

    async def work(each: Backlog) -> None:
        while await each.work():
            pass

    await asyncio.gather(work(state.backlog), work(other))
    told_to = await told(state, part)
    assert (len(told_to), len(set(told_to))) == (MANY, MANY)
    assert sorted(pushed) == sorted(told_to)
    assert len(await rows(state, "SELECT 1 FROM mail_outbox WHERE variables->'$.partId' = %s AND bulk", part)) == MANY
    # Some statements per batch, not per alert.
    assert sum("notifications" in each.sql for each in statements[before:]) < 4 * (MANY / alerts._BATCH + 3)


async def test_a_batch_that_dies_is_done_again(state: AppState) -> None:
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


async def test_a_task_that_fails_does_not_stop_the_others(state: AppState, caplog: pytest.LogCaptureFixture) -> None:
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


async def test_work_on_a_task_begins_at_once(state: AppState) -> None:
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
    application: Starlette, state: AppState, statements: list[Statement]
) -> None:
    costs, names = [], []
    for many in (3, MANY):
        author, other = [await make_user(state, "USER") for _ in range(2)]
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
            before = len(statements)
            assert (await client.patch("/users/me", json={"nickname": name})).status_code == 200
            costs.append(requested(statements[before:]))
            while await state.backlog.work():
                pass
            assert await shown() == {name}
    assert costs[0] == costs[1]


async def test_a_later_name_takes_the_place_of_an_earlier_one(state: AppState) -> None:
    """Five changes in a row cost one pass over the posts."""
    author = await make_user(state, "USER")
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
    author = await make_user(state, "USER")
    await execute(state, POSTS, author, "[1]")
    async with state.db.transaction() as tx:
        await backlog.add(tx, renames.KIND, (author, None))
    state.redis._cache.closed_until = float("inf")
    try:
        assert await state.backlog.work()
    finally:
        state.redis._cache.closed_until = 0.0
    assert await rows(state, "SELECT subject_id FROM backlog") == [(author,)]


# As many offers as an upload may have.
LARGEST = 20_000
PRICES = "SELECT lowest_price, COUNT(*) FROM parts WHERE manufacturer = %s GROUP BY lowest_price ORDER BY lowest_price"


async def stocked(state: AppState, count: int) -> tuple[int, str]:
    """A seller with so many parts for 700 each, whose list price is 1,000; the manufacturer of the parts."""
    user, shop = await make_seller(state)
    made_by = secrets.token_hex(6)
    await stock.fill(partial(execute, state), shop, count, made_by)
    return user, made_by


async def close(client: httpx.AsyncClient, admin: httpx.AsyncClient, user: int, how: str) -> None:
    """The shop of the user, whose client is `client`."""
    if how == "withdrawn":
        answer = await client.delete("/users/me")
    else:
        value = {"status": "SUSPENDED", "role": "USER"}[how]
        answer = await admin.put(f"/admin/users/{user}/{how}", json={how: value})
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(("how", "many"), [("status", LARGEST), ("role", MANY), ("withdrawn", MANY)])
async def test_closing_a_shop_costs_the_same_for_few_and_for_many_offers(
    application: Starlette, state: AppState, statements: list[Statement], how: str, many: int
) -> None:
    token, costs = state.tokens.access(await make_user(state, "ADMIN"), "ADMIN"), []
    for count in (1, many):
        user, made_by = await stocked(state, count)
        own = client_of(application, state.tokens.access(user, "SELLER"))
        async with own as client, client_of(application, token) as admin:
            # Caches the accounts of the tokens.
            await asyncio.gather(client.get("/users/me"), admin.get("/users/me"))
            before = len(statements)
            await close(client, admin, user, how)
        costs.append(requested(statements[before:]))
        assert await rows(state, PRICES, made_by) == [(700, count)]
        batches = 0
        while await state.backlog.work():
            batches += 1
        assert await rows(state, PRICES, made_by) == [(1000, count)]
        assert batches >= count / settling._BATCH
    assert costs[0] == costs[1]
    assert not any("price_entries" in sql for sql in costs[1])


async def test_a_shop_that_opens_again_is_settled_once(application: Starlette, state: AppState) -> None:
    """The task of the opening replaces the unfinished task of the closing."""
    user, made_by = await stocked(state, MANY)
    token = state.tokens.access(await make_user(state, "ADMIN"), "ADMIN")
    async with client_of(application, token) as admin:
        await close(admin, admin, user, "status")
        assert await state.backlog.work()
        assert await rows(state, PRICES, made_by) == [(700, MANY - settling._BATCH), (1000, settling._BATCH)]
        await admin.put(f"/admin/users/{user}/status", json={"status": "ACTIVE"})
    await execute(
        state, "UPDATE backlog SET next_at = UTC_TIMESTAMP(6) - INTERVAL id SECOND WHERE kind = %s", settling.KIND
    )
    batches = 0
    while await state.backlog.work():
        batches += 1
    assert await rows(state, PRICES, made_by) == [(700, MANY)]
    assert batches == math.ceil(MANY / settling._BATCH)


async def test_password_mails_go_before_mails_of_alerts(state: AppState) -> None:
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
