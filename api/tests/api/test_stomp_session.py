"""A STOMP session alone: for any input it sends frames and never raises."""

import random
import re
from collections.abc import AsyncIterator, Callable

import pytest

from jiucom.auth.logins import Logins
from jiucom.domains.notifications.pushes import StoredPushes
from jiucom.realtime import outbox
from jiucom.realtime.frames import MAX_FRAME, MAX_FRAMES, Frame, Parser, encode
from jiucom.realtime.outbox import Outbox, OutboxClosedError
from jiucom.realtime.session import USER_DESTINATION, Session
from jiucom.state import AppState
from testing.clients import User

pytestmark = pytest.mark.anyio

# Limit of the reason in a WebSocket's close frame (bytes).
REASON = 123
ROUNDS = 3000


class Nobody:
    """Where sessions stand to be delivered to; here nothing is."""

    def add(self, user_id: int, session: Session) -> None: ...
    def remove(self, user_id: int, session: Session) -> None: ...


@pytest.fixture
async def opened(state: AppState) -> AsyncIterator[Callable[[], Session]]:
    """`opened()`: a new session."""
    sessions: list[Session] = []

    def open_session() -> Session:
        logins = Logins(state.db, state.tokens, state.accounts)
        sessions.append(Session(logins, Nobody(), StoredPushes(state.db), Outbox()))
        return sessions[-1]

    yield open_session
    for session in sessions:
        session.end()


def connecting(user: User, heart_beat: str = "0,0") -> bytes:
    headers = {"accept-version": "1.2", "heart-beat": heart_beat, "Authorization": f"Bearer {user.token}"}
    return encode(Frame("CONNECT", headers)).encode()


async def said(session: Session) -> tuple[list[Frame], OutboxClosedError | None]:
    """The frames of the session, and how it ended."""
    texts: list[str] = []
    try:
        while batch := await session.outbox.take(0):
            texts += batch
    except OutboxClosedError as end:
        return _frames(texts), end
    return _frames(texts), None


def _frames(texts: list[str]) -> list[Frame]:
    parser = Parser()
    return [frame for text in texts for frame in parser.feed(text.encode())]


async def test_any_input_is_answered_by_known_frames(opened: Callable[[], Session], user: User) -> None:
    """Frames of clients, and random variations of them."""
    chance = random.Random(20260228)
    ends: set[str] = set()
    for number in range(ROUNDS):
        session = opened()
        sent = _mutated(chance, _conversation(chance, user), number % 5)
        for piece in _cut(chance, sent):
            await session.receive(piece)
        frames, end = await said(session)
        assert {frame.command for frame in frames} <= {"CONNECTED", "RECEIPT", "ERROR"}, sent
        assert all(frame.command != "ERROR" for frame in frames[:-1]), sent
        if end is not None:
            assert len(end.reason.encode()) <= REASON, sent
            ends.add(end.reason)
        session.end()
    # Chance has been everywhere.
    assert {"", "malformed", "version", "JIUCOM-400", "JIUCOM-A001", "JIUCOM-A002", "JIUCOM-A004"} <= ends


def _conversation(chance: random.Random, user: User) -> bytes:
    frames = [
        Frame("SUBSCRIBE", {"id": "0", "destination": USER_DESTINATION, "receipt": "a:b\\c\n"}),
        Frame("SUBSCRIBE", {"id": "1", "destination": f"/queue/notifications/{user.id}", "ack": "client"}),
        Frame("SEND", {"destination": "/topic/x", "content-length": "4"}, b"a\0bc"),
        Frame("ACK", {"id": "1", "transaction": "t"}),
        Frame("UNSUBSCRIBE", {"id": "0", "receipt": "u"}),
        Frame("DISCONNECT", {"receipt": "bye"}),
    ]
    chosen = chance.choices(frames, k=chance.randint(0, 4))
    return connecting(user, "10000,10000") + b"\n".join(encode(frame).encode() for frame in chosen)


def _mutated(chance: random.Random, text: bytes, times: int) -> bytes:
    for _ in range(times):
        at = chance.randrange(len(text) + 1)
        to = min(len(text), at + chance.randint(0, 8))
        match chance.randrange(5):
            case 0:
                text = text[:at] + text[to:]
            case 1:
                text = text[:at] + chance.randbytes(to - at) + text[to:]
            case 2:
                text = text[:at] + chance.choice([b"\0", b"\n", b"\r", b"\n\n", b":", b"\\", b"\xff"]) + text[at:]
            case 3:
                text = text[:at] + text[at:to] * chance.randint(1, 400) + text[to:]
            case _:
                numbers = list(re.finditer(rb"\d+", text))
                number = chance.choice(numbers)
                other = chance.choice([b"", b"-1", b"1e9", "٣".encode(), b"9" * 7, b"9" * 400, b"9" * 5000])
                text = text[: number.start()] + other + text[number.end() :]
    return text


def _cut(chance: random.Random, text: bytes) -> list[bytes]:
    at = sorted(chance.randrange(len(text) + 1) for _ in range(chance.randint(0, 3)))
    return [text[start:end] for start, end in zip([0, *at], [*at, len(text)], strict=True)]


@pytest.mark.parametrize("heart_beat", ["9" * 400 + ",0", "0," + "9" * 400, "9" * 5000 + ",0", "-1,0", "1", "1,2,3"])
async def test_malformed_heart_beats_are_refused(opened: Callable[[], Session], user: User, heart_beat: str) -> None:
    session = opened()
    await session.receive(connecting(user, heart_beat))
    (frame,), end = await said(session)
    assert (frame.command, frame.headers["message"]) == ("ERROR", "JIUCOM-400")
    assert end is not None


@pytest.mark.parametrize("length", ["9" * 5000, "-1", "٣", str(MAX_FRAME + 1), "1 "])
async def test_malformed_content_lengths_are_refused(opened: Callable[[], Session], length: str) -> None:
    session = opened()
    await session.receive(f"SEND\ncontent-length:{length}\n\nx\0".encode())
    (frame,), _ = await said(session)
    assert frame.headers["message"] == "malformed"


async def test_frames_at_once(opened: Callable[[], Session], user: User) -> None:
    """More than clients need, and few enough not to delay others."""
    acknowledged, busy = b"ACK\n\n\0" * (MAX_FRAMES - 1), b"ACK\n\n\0" * (MAX_FRAMES + 1)
    session = opened()
    await session.receive(connecting(user) + acknowledged)
    assert [frame.command for frame in (await said(session))[0]] == ["CONNECTED"]
    await session.receive(busy)
    (frame,), _ = await said(session)
    assert (frame.headers["message"], frame.body) == ("malformed", b"too many frames at once")


async def test_input_after_disconnect_is_not_buffered(opened: Callable[[], Session], user: User) -> None:
    session = opened()
    await session.receive(connecting(user) + encode(Frame("DISCONNECT")).encode())
    for _ in range(10):
        await session.receive(b"A" * MAX_FRAME)
    assert session._parser._buffer == b""
    frames, end = await said(session)
    assert ([frame.command for frame in frames], end and end.reason) == (["CONNECTED"], "")


async def test_a_receipt_beyond_the_queue_ends_the_session(
    opened: Callable[[], Session], user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = opened()
    await session.receive(connecting(user))
    await said(session)
    monkeypatch.setattr(outbox, "MAX_WAITING", 0)
    await session.receive(
        encode(Frame("SUBSCRIBE", {"id": "0", "destination": USER_DESTINATION, "receipt": "r"})).encode()
    )
    frames, end = await said(session)
    assert ([frame.headers["message"] for frame in frames], end and end.reason) == (["slow"], "slow")


async def test_a_connected_frame_beyond_the_queue_ends_the_session(
    opened: Callable[[], Session], user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "MAX_WAITING", 0)
    session = opened()
    await session.receive(connecting(user))
    frames, _ = await said(session)
    assert [frame.headers["message"] for frame in frames] == ["slow"]
