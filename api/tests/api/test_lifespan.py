"""Shutdown closes everything, also after errors."""

import asyncio
from typing import Any

import pytest

from jiucom.auth.accounts import Accounts
from jiucom.mail import Outbox
from jiucom.realtime.endpoint import Realtime
from jiucom.settings import Settings
from testing.accounts import login, signup
from testing.clients import client_of, started, state_of

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("broken", ["outbox", "realtime", "accounts"])
async def test_a_worker_that_fails_to_stop_does_not_keep_others_running(
    database: Settings, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    stopped: list[object] = []

    async def fail(worker: object) -> None:
        stopped.append(worker)
        raise ZeroDivisionError

    kind: Any = {"outbox": Outbox, "realtime": Realtime, "accounts": Accounts}[broken]
    stop = kind.stop
    monkeypatch.setattr(kind, "stop", fail)
    before = asyncio.all_tasks()
    with pytest.raises(ZeroDivisionError):
        async with started(database) as app:
            state = state_of(app)
    (worker,) = stopped
    await stop(worker)
    assert asyncio.all_tasks() <= before
    with pytest.raises(AssertionError, match="not running"):
        async with state.db.read():
            pass


async def test_background_work_ends_before_the_pool(database: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A login while its old hash is being replaced."""
    begun, ended = asyncio.Event(), asyncio.Event()
    async with started(database) as app, client_of(app) as client:
        state = state_of(app)
        account = await signup(client)

        async def hang(_: str) -> str:
            begun.set()
            try:
                await asyncio.sleep(60)
            finally:
                async with state.db.read():
                    ended.set()
            return ""

        async with state.db.transaction() as tx:
            old = "$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy"
            await tx.execute("UPDATE users SET password = %s WHERE email = %s", (old, account.email))
        monkeypatch.setattr(state.passwords, "verify", lambda *_: asyncio.sleep(0, True))
        monkeypatch.setattr(state.passwords, "hash", hang)
        assert (await login(client, account.email)).status_code == 200
        await begun.wait()
    assert ended.is_set()
