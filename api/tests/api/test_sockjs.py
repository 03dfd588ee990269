"""SockJS: paths and frames, over WebSocket and HTTP. tests/gateway uses a client of another project."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from starlette.types import Message
from websockets.asyncio.client import connect

from jiucom.domains.notifications.announce import announce
from jiucom.realtime import sockjs
from jiucom.realtime.frames import Frame, Parser, encode
from jiucom.settings import Settings
from jiucom.state import AppState
from testing.clients import User
from testing.replica import Replica, replica
from testing.stomp import USER_QUEUE
from testing.waiting import eventually

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def server(database: Settings) -> AsyncIterator[Replica]:
    async with replica(database) as running:
        yield running


@pytest.fixture(scope="module")
async def neighbour(database: Settings) -> AsyncIterator[Replica]:
    async with replica(database) as running:
        yield running


def connecting(token: str) -> str:
    return encode(Frame("CONNECT", {"accept-version": "1.2", "Authorization": f"Bearer {token}"}))


def subscribing() -> str:
    return encode(Frame("SUBSCRIBE", {"id": "0", "destination": USER_QUEUE, "receipt": "r"}))


def frames(message: str) -> list[Frame]:
    """The STOMP frames of an array frame."""
    assert message[0] == "a", message
    return [frame for text in json.loads(message[1:]) for frame in Parser().feed(text.encode())]


class Stream:
    """An xhr_streaming response, line by line."""

    def __init__(self, response: httpx.Response) -> None:
        self._lines = response.aiter_lines()
        self._frames: list[Frame] = []

    async def line(self) -> str:
        return await anext(self._lines)

    async def frame(self) -> Frame:
        while not self._frames:
            self._frames = frames(await self.line())
        return self._frames.pop(0)


@asynccontextmanager
async def streaming(server: Replica, session: str) -> AsyncIterator[Stream]:
    async with (
        httpx.AsyncClient(timeout=10) as client,
        client.stream("POST", f"{server.url}/ws/0/{session}/xhr_streaming") as response,
    ):
        assert response.status_code == 200
        stream = Stream(response)
        assert await stream.line() == "h" * 2048
        yield stream


async def send(server: Replica, session: str, *texts: str) -> int:
    async with httpx.AsyncClient() as client:
        return (await client.post(f"{server.url}/ws/0/{session}/xhr_send", json=list(texts))).status_code


async def tell(state: AppState, user: User) -> None:
    async with state.db.transaction() as tx:
        await announce(tx, user.id, "SYSTEM", "제목", "내용", None)


async def test_welcome_and_info(client: httpx.AsyncClient) -> None:
    assert (await client.get("/ws")).text == "Welcome to SockJS!\n"
    response = await client.get("/ws/info", params={"t": "1"})
    info = response.json()
    assert (info["websocket"], info["origins"], info["cookie_needed"]) == (True, ["*:*"], False)
    assert 0 <= info["entropy"] < 2**32
    assert "no-store" in response.headers["cache-control"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/ws/info", 405),
        ("GET", "/ws/0/abc/xhr_streaming", 405),
        ("GET", "/ws/0/abc/xhr_send", 405),
        ("GET", "/ws/0/abc/jsonp", 404),
        ("POST", "/ws/0/a.b/xhr_streaming", 404),
        ("GET", "/wsx", 404),
    ],
)
async def test_wrong_paths(client: httpx.AsyncClient, method: str, path: str, status: int) -> None:
    response = await client.request(method, path)
    assert (response.status_code, response.json()["success"]) == (status, False)


async def test_websocket(server: Replica, state: AppState, user: User) -> None:
    async with connect(server.url.replace("http", "ws", 1) + "/ws/000/abcdefgh/websocket") as socket:
        assert await socket.recv() == "o"
        await socket.send(json.dumps([connecting(user.token), subscribing()]))
        found: list[Frame] = []
        while len(found) < 2:
            found += frames(str(await socket.recv()))
        assert [frame.command for frame in found] == ["CONNECTED", "RECEIPT"]
        await tell(state, user)
        (pushed,) = frames(str(await socket.recv()))
        assert json.loads(pushed.body)["title"] == "제목"
        await socket.send(json.dumps([encode(Frame("DISCONNECT"))]))
        assert await socket.recv() == 'c[1000,""]'


async def test_websocket_with_broken_json(server: Replica) -> None:
    async with connect(server.url.replace("http", "ws", 1) + "/ws/000/abcdefgh/websocket") as socket:
        assert await socket.recv() == "o"
        await socket.send("[")
        assert await socket.recv() == 'c[1007,"broken JSON"]'


async def test_xhr_streaming(server: Replica, state: AppState, user: User) -> None:
    async with streaming(server, "stream-1") as stream:
        assert await stream.line() == "o"
        assert await send(server, "stream-1", connecting(user.token)) == 204
        assert (await stream.frame()).command == "CONNECTED"
        assert await send(server, "stream-1", subscribing()) == 204
        assert (await stream.frame()).command == "RECEIPT"
        await tell(state, user)
        assert json.loads((await stream.frame()).body)["title"] == "제목"


async def test_a_replica_that_does_not_know_the_session_says_so(server: Replica, neighbour: Replica) -> None:
    """The gateway brings all requests of a session to one replica; where that has gone, the client begins anew."""
    async with streaming(server, "stream-2") as stream:
        assert await stream.line() == "o"
        assert await send(neighbour, "stream-2", "x") == 404
        async with httpx.AsyncClient() as client:
            assert (await client.post(f"{neighbour.url}/ws/0/stream-2/xhr")).text == "o\n"


async def test_the_session_survives_a_new_request(server: Replica, state: AppState, user: User) -> None:
    async with streaming(server, "stream-3") as stream:
        assert await stream.line() == "o"
        await send(server, "stream-3", connecting(user.token), subscribing())
        assert [(await stream.frame()).command for _ in range(2)] == ["CONNECTED", "RECEIPT"]
    await tell(state, user)
    async with streaming(server, "stream-3") as stream:
        assert (await stream.frame()).command == "MESSAGE"


async def test_one_reader_at_a_time(server: Replica) -> None:
    async with streaming(server, "stream-4") as first:
        assert await first.line() == "o"
        async with streaming(server, "stream-4") as second:
            assert await second.line() == 'c[2010,"Another connection still open"]'


async def test_polling(server: Replica, user: User) -> None:
    async with httpx.AsyncClient(base_url=f"{server.url}/ws/0/poll-1") as client:
        assert (await client.post("/xhr")).text == "o\n"
        assert (await client.post("/xhr_send", json=[connecting(user.token)])).status_code == 204
        (answer,) = frames((await client.post("/xhr")).text)
        assert answer.command == "CONNECTED"


async def test_an_error_ends_the_stream(server: Replica) -> None:
    async with streaming(server, "stream-5") as stream:
        assert await stream.line() == "o"
        assert await send(server, "stream-5", connecting("broken")) == 204
        assert (await stream.frame()).headers["message"] == "JIUCOM-A004"
        assert await stream.line() == 'c[1008,"JIUCOM-A004"]'
    assert await send(server, "stream-5", subscribing()) == 404


async def test_streams_end_when_the_server_stops(database: Settings, user: User) -> None:
    async with replica(database) as mortal, streaming(mortal, "stream-7") as stream:
        assert await stream.line() == "o"
        await send(mortal, "stream-7", connecting(user.token))
        assert (await stream.frame()).command == "CONNECTED"
        started = time.monotonic()
        stopping = asyncio.get_running_loop().run_in_executor(None, mortal.stop)
        assert await stream.line() == 'c[1001,"going away"]'
        await stopping
        assert time.monotonic() - started < 5


async def test_wrong_sends(server: Replica) -> None:
    assert await send(server, "nobody-there", "x") == 404
    async with streaming(server, "stream-8"), httpx.AsyncClient() as client:
        for body in ("", "{}", "[1]", "["):
            response = await client.post(f"{server.url}/ws/0/stream-8/xhr_send", content=body)
            assert (response.status_code, response.json()["code"]) == (400, "JIUCOM-400")


async def test_a_session_whose_client_disappears_is_closed(server: Replica, user: User) -> None:
    async def open_now() -> bool:
        return await server.gauge("jiucom_websockets_open") == 0

    async with streaming(server, "stream-6") as stream:
        assert await stream.line() == "o"
        await send(server, "stream-6", connecting(user.token))
        assert not await open_now()
    await eventually(open_now, 12)


@pytest.mark.parametrize("error", [OSError, RuntimeError, asyncio.CancelledError])
async def test_a_session_whose_first_response_fails_is_closed(
    state: AppState, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    monkeypatch.setattr(sockjs, "DISCONNECT_DELAY", 0.01)
    before = open_sessions(state)
    path = "/api/v1/ws/0/unlucky/xhr_streaming"

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_: Message) -> None:
        assert open_sessions(state) == before + 1
        raise error

    with contextlib.suppress(error):
        scope = {"type": "http", "method": "POST", "path": path, "jiucom.client": "192.0.2.1"}
        await state.realtime(scope, receive, send)
    await eventually(lambda: open_sessions(state) == before)


def open_sessions(state: AppState) -> float:
    value = state.metrics.registry.get_sample_value("jiucom_websockets_open")
    assert value is not None
    return value
