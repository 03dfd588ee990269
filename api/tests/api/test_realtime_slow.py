"""A client that never reads is disconnected, uses little memory, and does not delay others."""

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from jiucom.domains.notifications.announce import announce
from jiucom.realtime.frames import Frame, encode
from jiucom.settings import Settings
from jiucom.state import AppState
from testing.clients import User
from testing.replica import Replica, replica
from testing.stomp import USER_QUEUE, stomp
from testing.waiting import eventually

pytestmark = pytest.mark.anyio

SUBSCRIPTIONS = 8
NOTIFICATIONS = 800
BATCH = 10


@pytest.fixture
async def server(database: Settings) -> AsyncIterator[Replica]:
    # Reading the table takes memory for recent rows, independent of clients.
    async with replica(database, look=1000) as running:
        yield running


def deaf(server: Replica, token: str) -> socket.socket:
    """A client that has subscribed as often as it may and will never read again."""
    connection = socket.create_connection(("127.0.0.1", server.port))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.sendall(
        b"GET /api/v1/ws/websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    # Data sent together with the upgrade request is lost.
    assert connection.recv(4096).startswith(b"HTTP/1.1 101")
    _send(connection, Frame("CONNECT", {"accept-version": "1.2", "Authorization": f"Bearer {token}"}))
    for number in range(SUBSCRIPTIONS):
        _send(connection, Frame("SUBSCRIBE", {"id": str(number), "destination": USER_QUEUE}))
    return connection


def _send(connection: socket.socket, frame: Frame) -> None:
    payload = encode(frame).encode()
    # Masked with zeros: as it stands.
    connection.sendall(bytes([0x81, 0x80 | 126]) + len(payload).to_bytes(2) + bytes(4) + payload)


def resident(server: Replica) -> int:
    """Bytes of memory that the server holds."""
    pages = Path(f"/proc/{server.process.pid}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


async def test_a_client_that_never_reads_is_disconnected(
    server: Replica, state: AppState, user: User, admin: User
) -> None:
    async with stomp(server.url) as good:
        await good.connect(admin.token)
        await good.subscribe()
        connection = deaf(server, user.token)
        await eventually(lambda: _open(server, 2))
        # Warm-up: memory that the interpreter keeps is allocated.
        await _tell(state, admin, 50)
        for _ in range(50):
            await good.receive()
        before = resident(server)
        flood = asyncio.create_task(_flood(state, user, admin))
        heard = [json.loads((await good.receive()).body)["message"] for _ in range(NOTIFICATIONS)]
        await flood
        # Long before now nothing more went into its buffers.
        await eventually(lambda: _open(server, 1), seconds=10)
        assert resident(server) - before < 1024 * 1024
        assert heard == [f"{number}" for number in range(NOTIFICATIONS)]
    connection.close()


async def _open(server: Replica, wanted: int) -> bool:
    return await server.gauge("jiucom_websockets_open") == wanted


async def _flood(state: AppState, deaf_user: User, other: User) -> None:
    """Long notifications for the client that does not read, short ones for the other."""
    for start in range(0, NOTIFICATIONS, BATCH):
        async with state.db.transaction() as tx:
            for number in range(start, start + BATCH):
                await announce(tx, deaf_user.id, "SYSTEM", "제목", "긴" * 500, None)
                await announce(tx, other.id, "SYSTEM", "제목", f"{number}", None)


async def _tell(state: AppState, user: User, count: int) -> None:
    for number in range(count):
        async with state.db.transaction() as tx:
            await announce(tx, user.id, "SYSTEM", "제목", f"{number}", None)
