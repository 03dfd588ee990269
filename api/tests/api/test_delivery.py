"""Each notification is delivered once, whatever happens to Redis, to the sending replica and to the connection."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime

import httpx
import pytest

from jiucom.db import WriteSession
from jiucom.domains.notifications import queries
from jiucom.domains.notifications.announce import Notice, announce, announce_all
from jiucom.domains.notifications.schemas import Notification
from jiucom.realtime.push import EXACT, Seen
from jiucom.settings import Settings
from jiucom.state import AppState
from testing import servers
from testing.clients import User
from testing.replica import Replica, replica
from testing.stomp import USER_QUEUE, Stomp, stomp

pytestmark = pytest.mark.anyio

# How often the table is looked at here, and more than two looks take (s).
LOOK = 0.2
TWO_LOOKS = 1.5


@pytest.fixture(scope="module")
async def server(database: Settings) -> AsyncIterator[Replica]:
    async with replica(database, look=LOOK) as running:
        yield running


async def tell(state: AppState, user: User, text: str) -> int:
    """Notify; the notification's id."""
    async with state.db.transaction() as tx:
        await announce(tx, user.id, "SYSTEM", "제목", text, None)
        return await queries.newest(tx)


async def store(tx: WriteSession, user: User, text: str) -> int:
    """As `announce` does on a replica that ends right after the commit; the notification's id."""
    draft = Notification(0, "SYSTEM", "제목", text, None, None, False, datetime.now(UTC))
    return (await queries.insert(tx, user.id, draft, None)).id


async def subscribe(client: Stomp, id: str = "0", **headers: str) -> None:
    await client.send("SUBSCRIBE", id=id, destination=USER_QUEUE, **headers)


async def texts(client: Stomp, count: int, seconds: float = 5) -> list[str]:
    return [json.loads((await client.receive(seconds)).body)["message"] for _ in range(count)]


async def nothing_more(client: Stomp) -> None:
    with pytest.raises(TimeoutError):
        await client.receive(TWO_LOOKS)


# Missed notifications


async def test_missed_notifications_come_first_and_once(server: Replica, state: AppState, user: User) -> None:
    known = [await tell(state, user, f"옛 {number}") for number in range(3)]
    for number in range(4):
        await tell(state, user, f"놓친 {number}")
    async with stomp(server.url) as mine:
        await mine.connect(user.token)
        await subscribe(mine, seen=",".join(map(str, reversed(known))))
        await tell(state, user, "새 0")
        assert await texts(mine, 5) == ["놓친 0", "놓친 1", "놓친 2", "놓친 3", "새 0"]
        await nothing_more(mine)


async def test_an_empty_seen_header_brings_all_notifications(server: Replica, state: AppState, user: User) -> None:
    for number in range(3):
        await tell(state, user, f"{number}")
    async with stomp(server.url) as mine:
        await mine.connect(user.token)
        await subscribe(mine, seen="")
        assert await texts(mine, 3) == ["0", "1", "2"]
        await nothing_more(mine)


async def test_a_gap_between_those_that_it_has_is_filled(server: Replica, state: AppState, user: User) -> None:
    """Ids are given before the commit: a lower one may come later."""
    ids = [await tell(state, user, f"{number}") for number in range(6)]
    async with stomp(server.url) as mine:
        await mine.connect(user.token)
        await subscribe(mine, seen=f" {ids[4]} , {ids[1]},{ids[3]}")
        assert await texts(mine, 2) == ["2", "5"]
        await nothing_more(mine)


async def test_without_a_seen_header_only_new_notifications_come(server: Replica, state: AppState, user: User) -> None:
    await tell(state, user, "옛")
    async with stomp(server.url) as mine:
        await mine.connect(user.token)
        await subscribe(mine, receipt="r")
        assert (await mine.receive()).command == "RECEIPT"
        await tell(state, user, "새")
        assert await texts(mine, 1) == ["새"]
        await nothing_more(mine)


async def test_the_newest_hundred_of_many(server: Replica, state: AppState, user: User) -> None:
    async with state.db.transaction() as tx:
        notices = [Notice(user.id, "SYSTEM", "제목", f"{n}", None, f"missed:{user.id}:{n}") for n in range(EXACT + 20)]
        await announce_all(tx, notices)
    async with stomp(server.url) as mine:
        await mine.connect(user.token)
        await subscribe(mine, seen="", receipt="r")
        heard = await texts(mine, EXACT)
        assert heard == [f"{n}" for n in range(20, EXACT + 20)]
        assert (await mine.receive()).command == "RECEIPT"


async def test_subscriptions_of_one_session_are_each_told(server: Replica, state: AppState, user: User) -> None:
    first = await tell(state, user, "첫째")
    async with stomp(server.url) as mine:
        await mine.connect(user.token)
        await subscribe(mine, "a", seen=str(first))
        await subscribe(mine, "b", seen="")
        await tell(state, user, "둘째")
        found = [await mine.receive() for _ in range(3)]
        told = sorted((frame.headers["subscription"], json.loads(frame.body)["message"]) for frame in found)
        assert told == [("a", "둘째"), ("b", "둘째"), ("b", "첫째")]
        await nothing_more(mine)


@pytest.mark.parametrize("seen", ["x", "-1", "1,,2", ",", "1.5", "9" * 19, ",".join(["1"] * (EXACT + 1)), "1;2", "٣"])
async def test_malformed_seen_headers_are_refused(server: Replica, user: User, seen: str) -> None:
    async with stomp(server.url) as mine:
        await mine.connect(user.token)
        await subscribe(mine, seen=seen)
        assert (await mine.receive()).headers["message"] == "JIUCOM-400"


async def test_others_notifications_stay_theirs(server: Replica, state: AppState, user: User, admin: User) -> None:
    await tell(state, admin, "관리자에게")
    await tell(state, user, "나에게")
    async with stomp(server.url) as mine:
        await mine.connect(user.token)
        await subscribe(mine, seen="")
        async with state.db.transaction() as tx:
            await store(tx, admin, "관리자에게 또")
        assert await texts(mine, 1) == ["나에게"]
        await nothing_more(mine)


# Without a message


@pytest.mark.parametrize("headers", [{}, {"seen": ""}])
async def test_notifications_that_were_not_announced_are_delivered(
    server: Replica, state: AppState, user: User, headers: dict[str, str]
) -> None:
    async with stomp(server.url) as mine:
        await mine.connect(user.token)
        await subscribe(mine, receipt="r", **headers)
        await mine.receive()
        async with state.db.transaction() as tx:
            await store(tx, user, "끝내 말하지 못한 것")
        await tell(state, user, "말한 것")
        assert sorted(await texts(mine, 2, TWO_LOOKS)) == ["끝내 말하지 못한 것", "말한 것"]
        await nothing_more(mine)


@pytest.mark.parametrize("headers", [{}, {"seen": ""}])
async def test_a_lower_id_that_is_committed_later(
    server: Replica, state: AppState, user: User, headers: dict[str, str]
) -> None:
    async with stomp(server.url) as mine:
        await mine.connect(user.token)
        await subscribe(mine, receipt="r", **headers)
        await mine.receive()
        async with state.db.transaction() as tx:
            first = await store(tx, user, "먼저 쓰인 것")
            # Another task: each has one connection.
            assert await asyncio.create_task(tell(state, user, "먼저 끝난 것")) > first
            assert await texts(mine, 1) == ["먼저 끝난 것"]
            # The table is looked at several times meanwhile.
            await asyncio.sleep(5 * LOOK)
        assert await texts(mine, 1, TWO_LOOKS) == ["먼저 쓰인 것"]
        await nothing_more(mine)


async def test_while_redis_is_away(changed: Callable[..., Settings], user: User, admin: User) -> None:
    """On the replica where it happens at once, elsewhere with the next look; nothing twice when it is back."""
    with servers.redis() as (container, port):
        settings = changed(redis_port=port)
        async with (
            replica(settings, look=LOOK) as here,
            replica(settings, look=LOOK) as there,
            stomp(here.url) as mine,
            stomp(there.url) as mine_too,
            httpx.AsyncClient(base_url=here.url, headers=bearer(user)) as author,
            httpx.AsyncClient(base_url=here.url, headers=bearer(admin)) as commenter,
        ):
            clients: Sequence[Stomp] = (mine, mine_too)
            for each in clients:
                await each.connect(user.token, heart_beat="0,0")
                await subscribe(each, receipt="r")
                await each.receive()
            post = (await author.post("/posts", json=POST)).json()["data"]["id"]

            async def comment(text: str) -> None:
                answer = await commenter.post(f"/posts/{post}/comments", json={"content": text})
                assert answer.status_code == 201

            await comment("처음")
            first = [await texts(each, 1) for each in clients]
            assert first[0] == first[1]
            servers.docker("stop", "--time", "0", container)
            for _ in range(3):
                await comment("없는 동안")
            assert len(await texts(mine, 3)) == 3
            assert len(await texts(mine_too, 3, TWO_LOOKS)) == 3
            servers.docker("start", container)
            await comment("다시")
            for each in clients:
                assert len(await texts(each, 1, TWO_LOOKS)) == 1
            for each in clients:
                await nothing_more(each)


POST = {"title": "제목", "content": "내용", "boardType": "FREE"}


def bearer(user: User) -> dict[str, str]:
    return {"Authorization": f"Bearer {user.token}"}


def test_seen_keeps_the_newest_ids_and_one_number_for_the_rest() -> None:
    seen = Seen(10, [12])
    assert [id in seen for id in (9, 10, 11, 12, 13)] == [True, True, False, True, False]
    assert [seen.lists(id) for id in (9, 10, 12)] == [False, False, True]
    for id in range(20, 20 + EXACT):
        seen.add(id)
    # The lowest have become one number.
    assert 11 in seen
    assert not seen.lists(12)
    assert all(seen.lists(id) for id in range(20, 20 + EXACT))
    # One that is committed late stays news among the newest.
    assert 20 + EXACT not in seen
