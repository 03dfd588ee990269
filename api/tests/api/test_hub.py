"""Revocations reach open sessions, even if the check of another user hangs."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import pytest

from jiucom.auth.logins import Login
from jiucom.realtime import hub as hubs
from jiucom.realtime import session as sessions
from jiucom.realtime.frames import Frame, Parser, encode
from jiucom.realtime.hub import Hub
from jiucom.realtime.outbox import Outbox, OutboxClosedError
from jiucom.realtime.push import Push
from jiucom.realtime.session import Session
from testing.waiting import eventually

pytestmark = pytest.mark.anyio


class Accounts:
    """Tells of changes when the test says so."""

    def __init__(self) -> None:
        self.changed: Callable[[int], None] = lambda _: None

    def on_change(self, listener: Callable[[int], None]) -> None:
        self.changed = listener


class Connected:
    """A session that notes each check; a check waits for `answer`."""

    def __init__(self) -> None:
        self.checks = 0
        self.answer = asyncio.Event()
        self.answer.set()

    async def check(self) -> None:
        self.checks += 1
        await self.answer.wait()

    def deliver(self, push: Push) -> None: ...


HANGING, WELL = 1, 2


@pytest.fixture
async def accounts() -> Accounts:
    return Accounts()


@pytest.fixture
async def hub(accounts: Accounts, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hub]:
    monkeypatch.setattr(hubs, "_RECHECK", 0.05)
    monkeypatch.setattr(hubs, "_PATIENCE", 0.3)
    started = Hub(accounts, 8)  # type: ignore[arg-type]
    yield started
    await started.stop()


def connect(hub: Hub, user: int) -> Connected:
    session: Any = Connected()
    hub.add(user, session)
    return session  # type: ignore[no-any-return]


def checked(session: Connected, times: int) -> bool:
    return session.checks == times


async def test_a_change_is_checked_while_another_check_hangs(hub: Hub, accounts: Accounts) -> None:
    hanging, well = connect(hub, HANGING), connect(hub, WELL)
    hanging.answer.clear()
    accounts.changed(HANGING)
    await eventually(lambda: hanging.checks)
    for n in range(1, 4):
        accounts.changed(WELL)
        await eventually(partial(checked, well, n))
    assert hanging.checks == 1


async def test_each_round_checks_every_session(hub: Hub) -> None:
    many = {user: connect(hub, user) for user in range(1, 30)}
    for user in (1, 7, 29):
        many[user].answer.clear()
    hub.start()
    # Those that hang are given up, and tried again.
    await eventually(lambda: all(each.checks >= 2 for each in many.values()), 20)


async def test_a_change_during_a_check_is_checked_again(hub: Hub, accounts: Accounts) -> None:
    session = connect(hub, WELL)
    session.answer.clear()
    accounts.changed(WELL)
    await eventually(lambda: session.checks == 1)
    for _ in range(5):
        accounts.changed(WELL)
    session.answer.set()
    await eventually(lambda: session.checks == 2)
    await asyncio.sleep(0.1)
    assert session.checks == 2


async def test_a_failing_check_is_logged_and_others_go_on(
    hub: Hub, accounts: Accounts, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, well = connect(hub, HANGING), connect(hub, WELL)

    async def fail() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(broken, "check", fail)
    hub.start()
    await eventually(lambda: well.checks >= 2)
    assert "ZeroDivisionError" in caplog.text


# A frame of the client


class Slow:
    """A database that does not answer."""

    async def of_token(self, token: str) -> Login:
        await asyncio.sleep(60)
        raise AssertionError

    async def check(self, login: Login) -> Login:
        return login


async def test_a_new_connection_does_not_wait_forever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "_PATIENCE", 0.2)
    nothing: Any = None
    session = Session(Slow(), nothing, nothing, Outbox())
    frame = Frame("CONNECT", {"accept-version": "1.2", "Authorization": "Bearer x"})
    async with asyncio.timeout(8):
        await session.receive(encode(frame).encode())
    said: list[Frame] = []
    with contextlib.suppress(OutboxClosedError):
        while texts := await session.outbox.take(0):
            said += [frame for text in texts for frame in Parser().feed(text.encode())]
    assert [(each.command, each.headers["message"]) for each in said] == [("ERROR", "JIUCOM-504")]
    session.end()
