"""Limits of `/ws`: one client cannot use up the turn of others or the limits of logins."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
from msgspec.structs import replace
from websockets.exceptions import ConnectionClosed, InvalidStatus

from jiucom.cache.redis import RedisClient
from jiucom.realtime.frames import Frame, encode
from jiucom.realtime.session import ALLOWANCE
from jiucom.settings import Settings
from testing import servers
from testing.clients import User, client_of, started, state_of
from testing.replica import Replica, replica
from testing.stomp import USER_QUEUE, Stomp, stomp
from testing.waiting import eventually

pytestmark = pytest.mark.anyio

PER_USER, PER_ADDRESS, TOTAL, REQUESTS = 3, 5, 8, 200

# Addresses of the documentation, which the replica believes its gateway (this machine): each test has new ones.
_addresses = (f"198.51.100.{n}" for n in itertools.count(1))


@pytest.fixture(scope="module")
async def server(database: Settings) -> AsyncIterator[Replica]:
    limits: dict[str, Any] = {
        "realtime_sessions_per_user": PER_USER,
        "realtime_sessions_per_address": PER_ADDRESS,
        "realtime_sessions": TOTAL,
        "rate_limit_realtime": REQUESTS,
    }
    async with replica(replace(database, **limits)) as running:
        yield running


@pytest.fixture
def address() -> str:
    return next(_addresses)


def from_(address: str) -> dict[str, str]:
    return {"X-Real-IP": address}


async def empty(server: Replica) -> bool:
    return await server.gauge("jiucom_websockets_open") == 0


@pytest.fixture(autouse=True)
async def _none_before(server: Replica) -> None:
    await eventually(lambda: empty(server), 12)


async def enter(stack: AsyncExitStack, server: Replica, address: str) -> Stomp:
    return await stack.enter_async_context(stomp(server.url, additional_headers=from_(address)))


async def refused(server: Replica, address: str) -> httpx.Headers:
    """The headers of the refusal that a WebSocket gets."""
    with pytest.raises(InvalidStatus) as caught:
        async with stomp(server.url, additional_headers=from_(address)):
            pass
    assert caught.value.response.status_code == 429
    return httpx.Headers(list(caught.value.response.headers.raw_items()))


async def test_sessions_of_an_address(server: Replica, address: str) -> None:
    async with AsyncExitStack() as others, AsyncExitStack() as stack:
        for _ in range(PER_ADDRESS):
            await enter(stack, server, address)
        assert (await refused(server, address))["Retry-After"] == "5"
        # Over HTTP it is the same.
        async with httpx.AsyncClient(headers=from_(address)) as client:
            for transport in ("xhr", "xhr_streaming"):
                answer = await client.post(f"{server.url}/ws/0/{transport}-1/{transport}")
                assert (answer.status_code, answer.json()["code"]) == (429, "JIUCOM-429")
        # Others are let in.
        await enter(others, server, next(_addresses))
        await stack.aclose()
        await eventually(lambda: lets_in(server, address))


async def lets_in(server: Replica, address: str) -> bool:
    try:
        async with stomp(server.url, additional_headers=from_(address)):
            return True
    except InvalidStatus:
        return False


async def test_a_network_of_ipv6_is_one_address(server: Replica) -> None:
    async with AsyncExitStack() as stack:
        for n in range(PER_ADDRESS):
            await enter(stack, server, f"2001:db8:0:1::{n:x}")
        await refused(server, "2001:db8:0:1:ffff::")
        await enter(stack, server, "2001:db8:0:2::")


async def test_sessions_of_a_process(server: Replica) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(TOTAL):
            await enter(stack, server, next(_addresses))
        await refused(server, next(_addresses))
    await eventually(lambda: lets_in(server, next(_addresses)))


async def test_sessions_of_a_user(server: Replica, user: User, admin: User) -> None:
    async with AsyncExitStack() as stack:
        mine = [await enter(stack, server, next(_addresses)) for _ in range(PER_USER + 1)]
        for each in mine[:-1]:
            assert (await each.connect(user.token)).command == "CONNECTED"
        error = await mine[-1].connect(user.token)
        assert (error.command, error.headers["message"]) == ("ERROR", "JIUCOM-429")
        assert await mine[-1].closed() == 1008
        # Earlier sessions stay, other users can connect, and a user who disconnected can connect again.
        await mine[0].subscribe()
        assert (await (await enter(stack, server, next(_addresses))).connect(admin.token)).command == "CONNECTED"
        await mine[0].socket.close()
        again = await enter(stack, server, next(_addresses))
        assert (await again.connect(user.token)).command == "CONNECTED"


async def test_ended_http_sessions_are_not_counted(server: Replica, address: str) -> None:
    async with httpx.AsyncClient(headers=from_(address)) as client:
        for n in range(PER_ADDRESS):
            assert (await client.post(f"{server.url}/ws/0/gone-{n}/xhr")).text == "o\n"
        assert (await client.post(f"{server.url}/ws/0/one-more/xhr")).status_code == 429

        async def again() -> bool:
            # Its requests are counted, too.
            await asyncio.sleep(0.5)
            return (await client.post(f"{server.url}/ws/0/later/xhr")).status_code == 200

        await eventually(again, 12)


async def test_requests_of_an_address(server: Replica, address: str) -> None:
    async with httpx.AsyncClient(base_url=server.url, headers=from_(address)) as client:
        answers = [await client.get("/ws/info") for _ in range(REQUESTS + 1)]
        assert {answer.status_code for answer in answers[:-1]} == {200}
        assert answers[-1].status_code == 429
        assert 0 < int(answers[-1].headers["Retry-After"]) <= 60
        for path in ("/ws/0/x/xhr_send", "/ws/0/x/xhr", "/ws/nothing"):
            assert (await client.post(path)).status_code == 429
        await refused(server, address)
        # Other paths have other limits.
        assert (await client.get("/parts/categories")).status_code == 200
        assert (await client.get("/ws/info", headers=from_(next(_addresses)))).status_code == 200


async def test_messages_of_a_session(server: Replica, address: str, user: User) -> None:
    async with stomp(server.url, additional_headers=from_(address)) as mine:
        await mine.connect(user.token)
        # The CONNECT cost a message and a frame, and the SUBSCRIBE will cost 11.
        for _ in range(ALLOWANCE - 2 - 11):
            await mine.socket.send("\n")
        await mine.subscribe()
        await mine.socket.send("\n")
        assert (await mine.receive()).headers["message"] == "JIUCOM-429"
        assert await mine.closed() == 1008


async def test_a_flood_of_messages_ends_the_session(server: Replica, address: str, user: User) -> None:
    async with stomp(server.url, additional_headers=from_(address)) as mine:
        await mine.connect(user.token)
        with pytest.raises(ConnectionClosed):
            await _flood(mine)


async def test_subscriptions_that_are_opened_and_closed(server: Replica, address: str, user: User) -> None:
    """Each reads the database."""
    async with stomp(server.url, additional_headers=from_(address)) as mine:
        await mine.connect(user.token)
        for _ in range(3):
            await mine.subscribe()
            await mine.send("UNSUBSCRIBE", id="0")
        both = encode(Frame("SUBSCRIBE", {"id": "0", "destination": USER_QUEUE, "seen": ""})) + encode(
            Frame("UNSUBSCRIBE", {"id": "0"})
        )
        await mine.socket.send(both * 40)
        assert (await mine.receive()).headers["message"] == "JIUCOM-429"


async def _flood(client: Stomp) -> None:
    while True:
        await client.socket.send("\n")


# Login limits


@pytest.fixture
async def own(changed: Callable[..., Settings], database: Settings) -> AsyncIterator[Settings]:
    """Settings with few logins, counted by a Redis of the test's own."""
    with servers.redis() as (_, port):
        yield changed(redis_port=port, rate_limit_login=5)


def calls(app: Any, command: str) -> float:
    found = state_of(app).metrics.registry.get_sample_value("jiucom_redis_calls_total", {"command": command})
    return found or 0.0


async def test_messages_to_unknown_sessions_cost_redis_nothing(own: Settings) -> None:
    async with started(own) as app, client_of(app) as client:
        before = {command: calls(app, command) for command in ("PUBLISH", "SUBSCRIBE", "EXISTS")}
        text = "x" * 60_000
        answers = await asyncio.gather(
            *(client.post(f"/ws/0/made-up-{n}/xhr_send", json=[text]) for n in range(50)),
            *(client.post(f"/ws/0/new-{n}/xhr") for n in range(50)),
        )
        assert {answer.status_code for answer in answers} == {404, 200}
        assert {command: calls(app, command) for command in before} == before
        codes = [(await client.post("/auth/login", json=NOBODY)).status_code for _ in range(6)]
        assert codes == [401] * 5 + [429]


NOBODY = {"email": "nobody@example.com", "password": "x"}


async def test_late_notifications_do_not_disturb_the_login_limit(
    own: Settings, user: User, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis answers messages late, and nothing else."""
    real = RedisClient._try

    async def late(self: RedisClient, lane: Any, commands: Any, name: str) -> Any:
        if commands[0][:2] == ("PUBLISH", "jiucom:pushes"):
            await asyncio.sleep(60)
        return await real(self, lane, commands, name)

    monkeypatch.setattr(RedisClient, "_try", late)
    async with started(own) as app, client_of(app, user.token) as author, client_of(app, admin.token) as commenter:
        post = (await author.post("/posts", json=POST)).json()["data"]["id"]
        for _ in range(3):
            answer = await commenter.post(f"/posts/{post}/comments", json={"content": "늦은"})
            assert answer.status_code == 201
        # At once: after a failure the circuit stays open for a second.
        async with client_of(app) as client:
            codes = [(await client.post("/auth/login", json=NOBODY)).status_code for _ in range(6)]
        assert codes == [401] * 5 + [429]


POST = {"title": "제목", "content": "내용", "boardType": "FREE"}
