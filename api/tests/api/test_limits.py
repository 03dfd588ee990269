"""Rate limits (contract 8.10; fault 11)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from jiucom.cache.redis import RedisUnavailableError
from jiucom.errors import ApiError
from jiucom.limits import UPLOAD, RateLimiter
from jiucom.settings import Settings
from jiucom.state import AppState
from testing.accounts import said
from testing.clients import User, client_of, started, state_of
from testing.servers import docker
from testing.waiting import eventually

pytestmark = pytest.mark.anyio


@pytest.fixture
async def limited(
    database: Settings, application: object, state: AppState, changed: Callable[..., Settings]
) -> AsyncIterator[tuple[Any, AppState]]:
    """An application with the deployed limits, before anyone was counted."""
    keys = await state.redis.execute("KEYS", "{limit:*")
    if keys:
        await state.redis.pipeline([("DEL", key) for key in keys])
    async with started(changed(rate_limit_login=10, rate_limit_write=120, rate_limit_upload=20)) as app:
        yield app, state_of(app)


def _refused(state: AppState, name: str) -> float:
    return float(state.metrics.rate_limited.labels(name)._value.get())


async def _answers(state: AppState) -> bool:
    with contextlib.suppress(RedisUnavailableError):
        return bool(await state.redis.execute("PING"))
    return False


async def _login(client: httpx.AsyncClient, email: str) -> httpx.Response:
    return await client.post("/auth/login", json={"email": email, "password": "wrong-password"})


async def test_logins_of_an_address(limited: tuple[Any, AppState]) -> None:
    app, state = limited
    async with client_of(app) as client:
        answers = [await _login(client, f"guess-{n}@example.com") for n in range(11)]
        assert [answer.status_code for answer in answers] == [401] * 10 + [429]
        refused = answers[-1]
        assert said(refused) == (429, "JIUCOM-429")
        assert 1 <= int(refused.headers["Retry-After"]) <= 60
        assert refused.headers["X-RateLimit-Limit"] == "10"
        assert refused.headers["X-RateLimit-Remaining"] == "0"
        assert 1 <= int(refused.headers["X-RateLimit-Reset"]) <= 60
        # Who is refused a login sees how many are left.
        assert [answer.headers["X-RateLimit-Remaining"] for answer in answers[:3]] == ["9", "8", "7"]
        # Reading goes on.
        assert (await client.get("/parts")).status_code == 200
        assert "X-RateLimit-Limit" not in (await client.get("/parts")).headers
    assert _refused(state, "login") == 1


async def test_logins_to_an_account_from_many_addresses(limited: tuple[Any, AppState]) -> None:
    app, _ = limited
    statuses = []
    for n in range(11):
        transport = httpx.ASGITransport(app, client=(f"203.0.113.{n}", 40000))
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver/api/v1") as client:
            spelling = ("victim@example.com", "Victim@example.com", "ｖictim@example.com")[n % 3]
            statuses.append((await _login(client, spelling)).status_code)
    assert statuses == [401] * 10 + [429]


async def test_addresses_of_one_network_are_one(limited: tuple[Any, AppState]) -> None:
    """A customer has 2^64 addresses of IPv6."""
    app, _ = limited
    statuses = []
    for n in range(11):
        transport = httpx.ASGITransport(app, client=(f"2001:db8::{n:x}", 40000))
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver/api/v1") as client:
            statuses.append((await _login(client, f"six-{n}@example.com")).status_code)
    assert statuses == [401] * 10 + [429]


async def test_forwarded_addresses_of_strangers_do_not_count(limited: tuple[Any, AppState]) -> None:
    """Fault 11: the caller controls the header."""
    app, _ = limited
    statuses = []
    for n in range(11):
        transport = httpx.ASGITransport(app, client=("198.51.100.7", 40000))
        headers = {"X-Forwarded-For": f"192.0.2.{n}", "X-Real-IP": f"192.0.2.{n}"}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://testserver/api/v1", headers=headers
        ) as client:
            statuses.append((await _login(client, f"forwarded-{n}@example.com")).status_code)
    assert statuses == [401] * 10 + [429]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/auth/signup", {"email": "n{}@example.com", "password": "short-password", "nickname": "게이머김"}),
        ("/auth/password/reset-request", {"email": "n{}@example.com"}),
        ("/auth/password/reset", {"token": "n{}", "newPassword": "another-horse-9"}),
    ],
)
async def test_signup_and_reset_are_limited(limited: tuple[Any, AppState], path: str, body: dict[str, str]) -> None:
    app, _ = limited
    async with client_of(app) as client:
        answers = [
            await client.post(path, json={key: value.format(n) for key, value in body.items()}) for n in range(11)
        ]
    assert [answer.status_code == 429 for answer in answers] == [False] * 10 + [True]


async def test_writes_of_a_user(limited: tuple[Any, AppState], user: User) -> None:
    """At the same time: counting is atomic, and no more than the limit pass."""
    app, state = limited
    async with client_of(app, user.token) as mine:
        answers = await asyncio.gather(*(mine.post("/favorites/parts/3") for _ in range(130)))
        assert sorted(answer.status_code for answer in answers) == [201] * 120 + [429] * 10
        assert (await mine.get("/favorites")).status_code == 200
        assert (await mine.delete("/favorites/parts/3")).status_code == 429
    async with client_of(app) as client:
        # Nobody's address is another matter.
        assert (await client.post("/auth/logout")).status_code == 401
    assert _refused(state, "write") == 11


async def test_window_ends(limited: tuple[Any, AppState]) -> None:
    app, state = limited
    async with client_of(app) as client:
        for n in range(11):
            await _login(client, f"window-{n}@example.com")
        keys = await state.redis.execute("KEYS", "{limit:login:address:*")
        # Every counter ends by itself: nobody is shut out for good.
        assert 0 < await state.redis.execute("PTTL", keys[0]) <= 60_000
        await state.redis.execute("PEXPIRE", keys[0], 1)
        await asyncio.sleep(0.01)
        assert (await _login(client, "window-again@example.com")).status_code == 401


async def test_without_redis_nobody_is_refused(
    limited: tuple[Any, AppState], redis_server: tuple[str, int], state: AppState
) -> None:
    app, own = limited
    await asyncio.to_thread(docker, "pause", redis_server[0])
    try:
        async with client_of(app) as client:
            statuses = [(await _login(client, "anyone@example.com")).status_code for _ in range(12)]
    finally:
        await asyncio.to_thread(docker, "unpause", redis_server[0])
        # For who comes next: circuits close by themselves.
        await eventually(lambda: _answers(state), 5)
    assert statuses == [401] * 12
    assert own.metrics.rate_unchecked.labels("login")._value.get() == 12


async def test_settings_say_how_many(changed: Callable[..., Settings], state: AppState) -> None:
    limiter = RateLimiter(changed(rate_limit_upload=2), state.redis, state.metrics)
    caller: dict[str, Any] = {"user_id": 10**12, "address": "127.0.0.1", "body": None}
    await state.redis.execute("DEL", f"{{limit:upload:caller:user-{10**12}}}")
    assert (await limiter.check(UPLOAD, **caller))["X-RateLimit-Remaining"] == "1"
    assert (await limiter.check(UPLOAD, **caller))["X-RateLimit-Remaining"] == "0"
    with pytest.raises(ApiError, match="JIUCOM-429"):
        await limiter.check(UPLOAD, **caller)
