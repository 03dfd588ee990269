"""Rate limits."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from jiucom.cache.redis import RedisUnavailableError
from jiucom.errors import ApiError
from jiucom.limiter import RateLimiter
from jiucom.limits import LOGIN, UPLOAD
from jiucom.settings import Settings
from jiucom.state import AppState
from testing.accounts import PASSWORD, login, said, signup
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


def client_at(app: Any, address: str) -> httpx.AsyncClient:
    """A client with this address, without a user."""
    transport = httpx.ASGITransport(app, client=(address, 40000), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://testserver/api/v1")


def _account(email: str) -> dict[str, str]:
    return {"email": email, "password": PASSWORD, "nickname": f"별명{secrets.token_hex(4)}"}


async def _next_minute(state: AppState) -> None:
    """All windows end; known networks stay."""
    for key in await state.redis.execute("KEYS", "{limit:*}"):
        await state.redis.execute("DEL", key)


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
        # A refused login shows the remaining number.
        assert [answer.headers["X-RateLimit-Remaining"] for answer in answers[:3]] == ["9", "8", "7"]
        # Reading goes on.
        assert (await client.get("/parts")).status_code == 200
        assert "X-RateLimit-Limit" not in (await client.get("/parts")).headers
    assert _refused(state, "login") == 1


async def test_logins_to_an_account_from_many_addresses(limited: tuple[Any, AppState]) -> None:
    app, _ = limited
    statuses = []
    for n in range(11):
        async with client_at(app, f"203.0.113.{n}") as client:
            spelling = ("victim@example.com", "Victim@example.com", "ｖictim@example.com")[n % 3]
            statuses.append((await _login(client, spelling)).status_code)
    assert statuses == [401] * 10 + [429]


async def test_addresses_of_one_network_are_one(limited: tuple[Any, AppState]) -> None:
    """A customer has 2^64 addresses of IPv6."""
    app, _ = limited
    statuses = []
    for n in range(11):
        async with client_at(app, f"2001:db8::{n:x}") as client:
            statuses.append((await _login(client, f"six-{n}@example.com")).status_code)
    assert statuses == [401] * 10 + [429]


async def test_forwarded_addresses_of_strangers_do_not_count(limited: tuple[Any, AppState]) -> None:
    """The caller controls the header."""
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
        # Requests without a user are counted by network.
        assert (await client.post("/auth/logout")).status_code == 401
    assert _refused(state, "write") == 11


async def test_window_ends(limited: tuple[Any, AppState]) -> None:
    app, state = limited
    async with client_of(app) as client:
        for n in range(11):
            await _login(client, f"window-{n}@example.com")
        (key,) = await state.redis.execute("KEYS", "{limit:login:*")
        # Every counter expires.
        assert 0 < await state.redis.execute("PTTL", key) <= 60_000
        await state.redis.execute("PEXPIRE", key, 1)
        await asyncio.sleep(0.01)
        assert (await _login(client, "window-again@example.com")).status_code == 401


async def test_a_counter_that_lost_its_end_ends(limited: tuple[Any, AppState]) -> None:
    """A restart of Redis may bring back a counter without its expiry."""
    app, state = limited
    async with client_of(app) as client:
        for n in range(10):
            await _login(client, f"endless-{n}@example.com")
        (key,) = await state.redis.execute("KEYS", "{limit:login:*")
        await state.redis.execute("PERSIST", key)
        refused = await _login(client, "endless@example.com")
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "60")
        assert 0 < await state.redis.execute("PTTL", key) <= 60_000


@pytest.mark.parametrize(
    "path", ["/auth/login", "/auth/signup", "/auth/password/reset-request", "/auth/password/reset"]
)
async def test_wrong_bodies_count(limited: tuple[Any, AppState], path: str) -> None:
    app, _ = limited
    async with client_of(app) as client:
        statuses = [(await client.post(path, json={"email": "x"})).status_code for _ in range(11)]
    assert statuses == [400] * 10 + [429]


async def test_a_refused_body_is_not_read(limited: tuple[Any, AppState]) -> None:
    app, _ = limited
    read = []

    async def body() -> AsyncIterator[bytes]:
        read.append(True)
        yield b"{}"

    headers = {"Content-Type": "application/json"}
    async with client_of(app) as client:
        for _ in range(11):
            response = await client.post("/auth/login", content=body(), headers=headers)
    assert response.status_code == 429
    assert len(read) == 10


async def test_successes_do_not_count(limited: tuple[Any, AppState]) -> None:
    app, _ = limited
    async with client_of(app) as client:
        account = await signup(client)
        answers = [await login(client, account.email) for _ in range(11)]
        assert {answer.status_code for answer in answers} == {200}
        assert {answer.headers["X-RateLimit-Remaining"] for answer in answers} == {"10"}
        # Mistakes among them do.
        for left in range(9, -1, -1):
            wrong = await _login(client, account.email)
            assert (wrong.status_code, wrong.headers["X-RateLimit-Remaining"]) == (401, str(left))
        assert (await login(client, account.email)).status_code == 429


async def test_login_signup_and_reset_have_counters_of_their_own(limited: tuple[Any, AppState]) -> None:
    app, _ = limited
    bodies: dict[str, dict[str, str]] = {
        "/auth/login": {"email": "own@example.com", "password": "wrong-password"},
        "/auth/signup": {"email": "own@example.com", "password": "short", "nickname": "게이머김"},
        "/auth/password/reset-request": {"email": "own@example.com"},
        "/auth/password/reset": {"token": "none", "newPassword": "another-horse-9"},
    }
    async with client_of(app) as client:
        for path, body in bodies.items():
            statuses = [(await client.post(path, json=body)).status_code for _ in range(11)]
            assert [status == 429 for status in statuses] == [False] * 10 + [True], path


async def test_a_stranger_does_not_keep_the_owner_out(limited: tuple[Any, AppState]) -> None:
    """Eleven wrong logins a minute from one address, for ten minutes; the owner comes from another one."""
    app, state = limited
    async with client_of(app) as anywhere:
        account = await signup(anywhere)
    async with client_at(app, "203.0.113.1") as stranger, client_at(app, "198.51.100.1") as owner:
        for _ in range(10):
            statuses = [(await _login(stranger, account.email)).status_code for _ in range(11)]
            assert statuses == [401] * 10 + [429]
            assert (await login(owner, account.email)).status_code == 200
            await _next_minute(state)


async def test_many_strangers_do_not_keep_a_known_address_out(limited: tuple[Any, AppState]) -> None:
    app, state = limited
    async with client_at(app, "198.51.100.1") as owner, client_at(app, "198.51.100.2") as abroad:
        account = await signup(owner)
        for _ in range(3):
            statuses = []
            for n in range(12):
                async with client_at(app, f"203.0.113.{n}") as stranger:
                    statuses.append((await _login(stranger, account.email)).status_code)
            assert statuses == [401] * 10 + [429] * 2
            # Of the owner, an address that is not known is one among them.
            assert (await login(abroad, account.email)).status_code == 429
            assert (await login(owner, account.email)).status_code == 200
            await _next_minute(state)
        # Failed networks never become known.
        assert len(await state.redis.execute("KEYS", "{limit:*:known:*")) == 1


@pytest.mark.parametrize("exists", [True, False])
async def test_an_account_has_one_limit_however_it_is_spelled(limited: tuple[Any, AppState], exists: bool) -> None:
    """MySQL takes marks without weight for nothing; and the limit does not tell which accounts exist."""
    app, _ = limited
    name = f"gamer{secrets.token_hex(4)}"
    if exists:
        async with client_at(app, "198.51.100.1") as client:
            assert (await client.post("/auth/signup", json=_account(f"{name}@example.com"))).status_code == 201
    marks = ("", "\u0591", "\u0592", "\u0488", "\u0640", "\u0610") if exists else ("",)
    statuses = []
    for n in range(11):
        async with client_at(app, f"203.0.113.{n}") as stranger:
            email = f"{name[:2]}{marks[n % len(marks)]}{name[2:]}@example.com"
            statuses.append((await _login(stranger, email)).status_code)
    assert statuses == [401] * 10 + [429]


async def test_without_redis_each_process_counts(
    limited: tuple[Any, AppState], redis_server: tuple[str, int], state: AppState
) -> None:
    app, own = limited
    async with client_of(app) as client, client_at(app, "203.0.113.1") as other:
        account = await signup(other)
        await asyncio.to_thread(docker, "pause", redis_server[0])
        try:
            statuses = [(await _login(client, account.email)).status_code for _ in range(12)]
            assert statuses == [401] * 10 + [429] * 2
            # The owner comes from elsewhere, and does not count.
            assert [(await login(other, account.email)).status_code for _ in range(11)] == [200] * 11
            # Many networks may not fail at one account here either, but they do not shut out a known one.
            refused = []
            for n in range(2, 12):
                async with client_at(app, f"203.0.113.{n}") as stranger:
                    refused.append((await _login(stranger, account.email)).status_code == 429)
            assert refused == [False] * 9 + [True]
            assert (await login(other, account.email)).status_code == 200
        finally:
            await asyncio.to_thread(docker, "unpause", redis_server[0])
            # For the next test: wait until the circuit closes.
            await eventually(lambda: _answers(state), 5)
    assert own.metrics.rate_unchecked.labels("login")._value.get() == 12 + 11 + 10 + 1


async def test_settings_say_how_many(changed: Callable[..., Settings], state: AppState) -> None:
    limiter = RateLimiter(changed(rate_limit_upload=2), state.redis, state.metrics)
    caller: dict[str, Any] = {"user_id": 10**12, "address": "127.0.0.1"}
    await state.redis.execute("DEL", f"{{limit:upload:user-{10**12}}}")
    assert (await limiter.take(UPLOAD, **caller)).headers["X-RateLimit-Remaining"] == "1"
    assert (await limiter.take(UPLOAD, **caller)).headers["X-RateLimit-Remaining"] == "0"
    with pytest.raises(ApiError, match="JIUCOM-429"):
        await limiter.take(UPLOAD, **caller)


async def test_failures_of_ours_do_not_count(changed: Callable[..., Settings], state: AppState) -> None:
    limiter = RateLimiter(changed(rate_limit_login=1), state.redis, state.metrics)
    caller: dict[str, Any] = {"user_id": None, "address": "192.0.2.77"}
    await state.redis.execute("DEL", "{limit:login:192.0.2.77}")
    for status in (503, 200, 401):
        await limiter.settle(await limiter.take(LOGIN, **caller), status)
    with pytest.raises(ApiError, match="JIUCOM-429"):
        await limiter.take(LOGIN, **caller)
