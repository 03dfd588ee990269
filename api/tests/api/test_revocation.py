"""Ended logins stay ended when Redis is away: they are stored in the database."""

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest

from jiucom.auth import accounts
from jiucom.auth.accounts import Accounts
from jiucom.db.session import ReadSession
from jiucom.settings import Settings
from jiucom.state import AppState
from testing import servers
from testing.accounts import Account, bearer, login, profile, refresh, signup
from testing.clients import User, client_of, started, state_of
from testing.relay import relay
from testing.replica import replica
from testing.stomp import stomp
from testing.waiting import eventually

pytestmark = pytest.mark.anyio


@pytest.fixture
async def own_redis(changed: Callable[..., Settings], database: Settings) -> AsyncIterator[tuple[str, Settings]]:
    """A Redis to stop and pause: its container, and settings with it."""
    with servers.redis() as (container, port):
        yield container, changed(redis_port=port)


async def test_with_redis_stopped_and_flushed(own_redis: tuple[str, Settings]) -> None:
    container, settings = own_redis
    async with (
        replica(settings) as one,
        replica(settings) as two,
        httpx.AsyncClient(base_url=one.url) as here,
        httpx.AsyncClient(base_url=two.url) as there,
        stomp(two.url) as listening,
        stomp(two.url) as busy,
    ):
        account = await signup(here)
        kept = (await login(here, account.email)).json()["data"]
        for tokens in (account.tokens, kept):
            assert (await profile(there, tokens)).status_code == 200
        await listening.connect(account.tokens["accessToken"], heart_beat="0,0")
        other = await signup(there)
        await busy.connect(other.tokens["accessToken"], heart_beat="0,0")
        await asyncio.to_thread(servers.docker, "stop", "--time", "0", container)
        coming_and_going = asyncio.create_task(_come_and_go(there, other))

        assert (await here.post("/auth/logout", headers=bearer(account.tokens))).status_code == 200
        ended = time.monotonic()

        async def refused() -> bool:
            return {(await profile(client, account.tokens)).status_code for client in (here, there)} == {401}

        assert (await profile(here, account.tokens)).status_code == 401
        await eventually(refused, 5.5)
        error = await listening.receive(11 - (time.monotonic() - ended))
        assert error.headers["message"] == "JIUCOM-A004"
        assert not coming_and_going.done()
        coming_and_going.cancel()

        await asyncio.to_thread(servers.docker, "start", container)
        await eventually(lambda: _answers(container), 10)
        # Remove all that Redis had stored.
        servers.docker("exec", container, "redis-cli", "FLUSHALL")
        assert await refused()
        assert (await refresh(there, account.tokens["refreshToken"])).status_code == 401
        for client in (here, there):
            assert (await profile(client, kept)).status_code == 200


async def _come_and_go(client: httpx.AsyncClient, account: Account) -> None:
    """Constant changes of one user must not delay the checks of others."""
    while True:
        tokens = (await login(client, account.email)).json()["data"]
        await client.post("/auth/logout", headers=bearer(tokens))
        await asyncio.sleep(1)


async def _answers(container: str) -> bool:
    try:
        return await asyncio.to_thread(servers.docker, "exec", container, "redis-cli", "PING") == "PONG"
    except subprocess.CalledProcessError:
        return False


async def test_an_announcement_that_is_cancelled_is_made_up_for(
    redis_server: tuple[str, int], changed: Callable[..., Settings], database: Settings
) -> None:
    async with relay(redis_server[1]) as way:
        near, far = changed(), changed(redis_port=way.port)
        async with started(far) as one, started(near) as two, client_of(one) as here, client_of(two) as there:
            account = await signup(here)
            await eventually(lambda: state_of(two).accounts.listening)
            assert (await profile(there, account.tokens)).status_code == 200
            user = (await profile(here, account.tokens)).json()["data"]["id"]
            app = state_of(one)
            heard: list[int] = []
            app.accounts.on_change(heard.append)

            async def suspend() -> None:
                async with app.db.transaction() as tx:
                    await tx.execute("UPDATE users SET status = 'SUSPENDED' WHERE id = %s", (user,))
                    app.accounts.changed(tx, user)

            way.freeze()
            suspending = asyncio.create_task(suspend())
            await eventually(lambda: heard)
            suspending.cancel()
            await asyncio.wait({suspending})
            await way.cut()
            way.thaw()

            async def refused() -> bool:
                return (await profile(there, account.tokens)).status_code == 401

            await eventually(refused, 4.5)


async def test_listening_goes_on_after_a_failure(
    changed: Callable[..., Settings], database: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    async with started(changed()) as app:
        state = state_of(app)
        await eventually(lambda: state.accounts.listening)
        heard: list[int] = []

        def fail_once(user_id: int) -> None:
            heard.append(user_id)
            if len(heard) == 1:
                raise ZeroDivisionError

        state.accounts.on_change(fail_once)
        await state.redis.execute("PUBLISH", "jiucom:accounts-changed", 1)
        await eventually(lambda: "ZeroDivisionError" in caplog.text)

        async def again() -> bool:
            await state.redis.execute("PUBLISH", "jiucom:accounts-changed", 2)
            return 2 in heard

        await eventually(again)


async def test_changes_that_redis_missed_are_announced_later(own_redis: tuple[str, Settings]) -> None:
    """It falls silent for a moment: the other replica takes its answers for good, and would for a minute."""
    container, settings = own_redis
    async with started(settings) as one, started(settings) as two, client_of(one) as here, client_of(two) as there:
        account = await signup(here)
        await eventually(lambda: state_of(two).accounts.listening)
        assert (await profile(there, account.tokens)).status_code == 200
        await asyncio.to_thread(servers.docker, "pause", container)
        try:
            assert (await here.post("/auth/logout", headers=bearer(account.tokens))).status_code == 200
        finally:
            await asyncio.to_thread(servers.docker, "unpause", container)

        async def refused() -> bool:
            return (await profile(there, account.tokens)).status_code == 401

        await eventually(refused, 5)


async def test_many_accounts_push_out_the_oldest_only(
    state: AppState, make_user: Callable[..., Awaitable[User]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not all of them at once, which would then all be read again."""
    monkeypatch.setattr(accounts, "_CAPACITY", 3)
    known = Accounts(state.db, state.redis, 3600)
    asked: list[Any] = []
    run = ReadSession._run

    async def note(session: ReadSession, sql: str, args: Any) -> Any:
        if "role, status" in sql:
            asked.append(args[0])
        return await run(session, sql, args)

    monkeypatch.setattr(ReadSession, "_run", note)
    one, two, three, four = [(await make_user()).id for _ in range(4)]
    for user in (one, two, three, four, two, three, four, one, three, four):
        assert await known.get(user) is not None
    assert asked == [one, two, three, four, one]
