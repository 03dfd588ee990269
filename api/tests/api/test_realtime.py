"""STOMP over WebSocket: a server process with real clients, and the file's application as another replica that announces."""

import asyncio
import json
import time
from collections.abc import AsyncIterator

import httpx
import pytest
import stompman
from stompman.connection_ws import WebSocketConnection
from websockets.exceptions import InvalidStatus

from jiucom.domains.notifications.announce import announce
from jiucom.settings import Settings
from jiucom.state import AppState
from testing.clients import User
from testing.replica import Replica, replica
from testing.stomp import USER_QUEUE, stomp
from testing.waiting import eventually

pytestmark = pytest.mark.anyio

# Shortened for these tests (ms).
HEARTBEAT = 400


@pytest.fixture(scope="module")
async def server(database: Settings) -> AsyncIterator[Replica]:
    async with replica(database, heartbeat=HEARTBEAT) as running:
        yield running


async def tell(state: AppState, user: User, message: str = "내용") -> None:
    async with state.db.transaction() as tx:
        await announce(tx, user.id, "COMMENT_REPLY", "제목", message, "/posts/12")


async def test_a_client_receives_notifications_of_another_replica(server: Replica, state: AppState, user: User) -> None:
    heard: asyncio.Queue[stompman.MessageFrame] = asyncio.Queue()
    parameters = stompman.ConnectionParameters(
        host="127.0.0.1",
        port=server.port,
        login="",
        passcode="",
        ws_uri_path="api/v1/ws/websocket",
        connect_headers={"Authorization": f"Bearer {user.token}"},
    )
    async with stompman.Client([parameters], connection_class=WebSocketConnection) as client:
        subscriptions = [
            await client.subscribe(
                destination,
                heard.put,
                on_suppressed_exception=lambda error, _: pytest.fail(str(error)),
                receipt_timeout=3,
            )
            for destination in (USER_QUEUE, f"/queue/notifications/{user.id}")
        ]
        await tell(state, user)
        async with asyncio.timeout(5):
            frames = [await heard.get(), await heard.get()]
        # The client leaves when nothing is subscribed any more.
        for subscription in subscriptions:
            await subscription.unsubscribe()
    assert {frame.headers["destination"] for frame in frames} == {USER_QUEUE, f"/queue/notifications/{user.id}"}
    pushed = json.loads(frames[0].body)
    (stored,) = (await user.client.get("/notifications")).json()["data"]["content"]
    assert pushed == stored


async def test_a_notification_of_the_same_replica_arrives_once(server: Replica, user: User, admin: User) -> None:
    """A comment, posted to the replica that holds the author's connection."""
    async with stomp(server.url) as mine, httpx.AsyncClient(base_url=server.url) as http:
        await mine.connect(user.token)
        await mine.subscribe()
        post = await http.post(
            "/posts", json={"title": "제목", "content": "내용", "boardType": "FREE"}, headers=bearer(user)
        )
        url = f"/posts/{post.json()['data']['id']}/comments"
        for content in ("첫째", "둘째"):
            assert (await http.post(url, json={"content": content}, headers=bearer(admin))).status_code == 201
        pushed = [json.loads((await mine.receive()).body) for _ in range(2)]
        assert [each["type"] for each in pushed] == ["COMMENT_REPLY"] * 2
        assert pushed[0]["id"] < pushed[1]["id"]


def bearer(user: User) -> dict[str, str]:
    return {"Authorization": f"Bearer {user.token}"}


async def test_notifications_reach_only_their_recipient(
    server: Replica, state: AppState, user: User, admin: User
) -> None:
    async with stomp(server.url) as mine, stomp(server.url) as others:
        for each, owner in ((mine, user), (others, admin)):
            assert (await each.connect(owner.token)).command == "CONNECTED"
            await each.subscribe()
        await tell(state, user, "나에게")
        await tell(state, admin, "관리자에게")
        assert json.loads((await mine.receive()).body)["message"] == "나에게"
        assert json.loads((await others.receive()).body)["message"] == "관리자에게"


async def test_a_rolled_back_notification_is_not_pushed(server: Replica, state: AppState, user: User) -> None:
    async with stomp(server.url) as mine:
        await mine.connect(user.token)
        await mine.subscribe()
        with pytest.raises(ZeroDivisionError):
            await _tell_and_fail(state, user)
        await tell(state, user, "있는 일")
        assert json.loads((await mine.receive()).body)["message"] == "있는 일"


async def _tell_and_fail(state: AppState, user: User) -> None:
    async with state.db.transaction() as tx:
        await announce(tx, user.id, "SYSTEM", "없던 일", "", None)
        raise ZeroDivisionError


@pytest.mark.parametrize("path", ["/ws", "/ws/websocket"])
@pytest.mark.parametrize(
    ("offered", "accepted"),
    [((), None), (("v10.stomp", "v11.stomp"), "v11.stomp"), (("v11.stomp", "v12.stomp"), "v12.stomp")],
)
async def test_paths_and_subprotocols(
    server: Replica, user: User, path: str, offered: tuple[str, ...], accepted: str | None
) -> None:
    async with stomp(server.url, path, *offered) as mine:
        assert mine.socket.subprotocol == accepted
        assert (await mine.connect(user.token)).command == "CONNECTED"


async def test_no_websocket_elsewhere(server: Replica) -> None:
    for path in ("/parts", "/wsx", "/ws/a/b/c"):
        with pytest.raises(InvalidStatus):
            async with stomp(server.url, path):
                pass


@pytest.mark.parametrize(("offered", "version"), [("1.0,1.1", "1.1"), ("1.2,1.1,1.0", "1.2"), ("1.1,1.2", "1.2")])
async def test_connected_frame(server: Replica, user: User, offered: str, version: str) -> None:
    async with stomp(server.url) as mine:
        answer = await mine.connect(user.token, accept_version=offered)
    assert (answer.command, answer.headers["version"]) == ("CONNECTED", version)
    assert (answer.headers["user-name"], answer.headers["heart-beat"]) == (str(user.id), f"{HEARTBEAT},{HEARTBEAT}")


async def test_no_common_stomp_version(server: Replica, user: User) -> None:
    async with stomp(server.url) as mine:
        answer = await mine.connect(user.token, accept_version="1.0")
        assert (answer.command, answer.headers["version"]) == ("ERROR", "1.1,1.2")
        assert await mine.closed() == 1008


@pytest.mark.parametrize("token", ["", "broken"])
async def test_connect_needs_a_valid_token(server: Replica, token: str) -> None:
    async with stomp(server.url) as mine:
        await mine.send("CONNECT", accept_version="1.2", **({"Authorization": f"Bearer {token}"} if token else {}))
        answer = await mine.receive()
        assert (answer.command, answer.headers["message"]) == ("ERROR", "JIUCOM-A004" if token else "JIUCOM-A001")
        assert await mine.closed() == 1008


async def test_a_refresh_token_is_no_access_token(server: Replica, state: AppState, user: User) -> None:
    now = int(time.time())
    async with stomp(server.url) as mine:
        answer = await mine.connect(state.tokens.refresh(user.id, "f" * 32, "j" * 32, now, now + 60))
        assert answer.headers["message"] == "JIUCOM-A004"


@pytest.mark.parametrize(
    ("command", "headers", "code"),
    [
        ("SUBSCRIBE", {"id": "0", "destination": "/queue/notifications/1"}, "JIUCOM-A002"),
        ("SUBSCRIBE", {"id": "0", "destination": "/topic/all"}, "JIUCOM-A002"),
        ("SUBSCRIBE", {"destination": USER_QUEUE}, "JIUCOM-400"),
        ("SEND", {"destination": USER_QUEUE}, "JIUCOM-A002"),
        ("CONNECT", {"accept_version": "1.2"}, "JIUCOM-400"),
        ("NONSENSE", {}, "JIUCOM-400"),
    ],
)
async def test_unsupported_frames_are_refused(
    server: Replica, user: User, command: str, headers: dict[str, str], code: str
) -> None:
    async with stomp(server.url) as mine:
        await mine.connect(user.token)
        await mine.send(command, receipt="r1", **headers)
        answer = await mine.receive()
        assert (answer.command, answer.headers["message"]) == ("ERROR", code)
        assert answer.headers["receipt-id"] == "r1"
        assert await mine.closed() == 1008


async def test_nothing_before_connect(server: Replica) -> None:
    async with stomp(server.url) as mine:
        await mine.send("SUBSCRIBE", id="0", destination=USER_QUEUE)
        assert (await mine.receive()).headers["message"] == "JIUCOM-A001"
        assert await mine.closed() == 1008


@pytest.mark.parametrize(
    "raw",
    [
        "CONNECT\nno colon\n\n\0",
        "SUBSCRIBE\nid:\\q\n\n\0",
        "SEND\ncontent-length:9999999\n\n",
        "A" * 20_000,
        "CONNECT\0",
    ],
)
async def test_malformed_frames_are_refused(server: Replica, raw: str) -> None:
    async with stomp(server.url) as mine:
        await mine.socket.send(raw)
        assert (await mine.receive()).headers["message"] == "malformed"
        assert await mine.closed() == 1008


async def test_invalid_utf8_is_refused(server: Replica) -> None:
    async with stomp(server.url) as mine:
        await mine.socket.send(b"\xff\xfe")
        assert await mine.closed() == 1007


async def test_unsubscribe_and_disconnect(server: Replica, state: AppState, user: User) -> None:
    async with stomp(server.url) as mine:
        await mine.connect(user.token)
        await mine.subscribe()
        await mine.send("UNSUBSCRIBE", id="0", receipt="u")
        assert (await mine.receive()).headers["receipt-id"] == "u"
        await tell(state, user)
        await mine.send("DISCONNECT", receipt="bye")
        answer = await mine.receive()
        assert (answer.command, answer.headers["receipt-id"]) == ("RECEIPT", "bye")
        assert await mine.closed() == 1000


async def test_heartbeats_both_ways(server: Replica, user: User) -> None:
    async with stomp(server.url) as mine:
        await mine.connect(user.token, heart_beat=f"{HEARTBEAT},{HEARTBEAT}")
        for _ in range(4):
            async with asyncio.timeout(2 * HEARTBEAT / 1000):
                assert await mine.socket.recv() == "\n"
            await mine.socket.send("\n")
        # Now we fall silent.
        assert (await mine.receive()).headers["message"] == "silent"
        assert await mine.closed() == 1008


async def test_without_heartbeats_silence_is_fine(server: Replica, state: AppState, user: User) -> None:
    async with stomp(server.url) as mine:
        await mine.connect(user.token, heart_beat="0,0")
        await mine.subscribe()
        with pytest.raises(TimeoutError):
            await mine.receive(seconds=3 * HEARTBEAT / 1000)
        await tell(state, user)
        assert (await mine.receive()).command == "MESSAGE"


async def test_a_suspended_user_is_disconnected_within_a_second(
    server: Replica, state: AppState, user: User, admin: User
) -> None:
    async with stomp(server.url) as mine, stomp(server.url) as others:
        await mine.connect(user.token)
        await others.connect(admin.token)
        async with state.db.transaction() as tx:
            await tx.execute("UPDATE users SET status = 'SUSPENDED' WHERE id = %s", (user.id,))
            state.accounts.changed(tx, user.id)
        assert (await mine.receive(seconds=1)).headers["message"] == "JIUCOM-A004"
        assert await mine.closed() == 1008
        await others.subscribe()


async def test_the_gauge_counts_open_connections(server: Replica, user: User) -> None:
    async def open_now() -> float:
        return await server.gauge("jiucom_websockets_open")

    await eventually(lambda: _is(open_now, 0))
    async with stomp(server.url) as one, stomp(server.url):
        await one.connect(user.token)
        assert await open_now() == 2
    await eventually(lambda: _is(open_now, 0))


async def _is(gauge: object, wanted: float) -> bool:
    return await gauge() == wanted  # type: ignore[operator, no-any-return]


async def test_clients_are_disconnected_when_the_server_stops(database: Settings, user: User) -> None:
    async with replica(database) as mortal, stomp(mortal.url) as mine:
        await mine.connect(user.token)
        started = time.monotonic()
        stopping = asyncio.get_running_loop().run_in_executor(None, mortal.stop)
        assert await mine.closed() in (1001, 1012)
        await stopping
        assert time.monotonic() - started < 5
