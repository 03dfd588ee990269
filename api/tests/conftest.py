"""Fixtures: servers, a migrated database, the application, clients and users."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import httpx
import pytest
from msgspec.structs import replace
from starlette.applications import Starlette

from jiucom.settings import Settings
from jiucom.state import AppState
from testing import servers
from testing.clients import User, client_of, started, state_of
from testing.columns import compared
from testing.database import apart, drop_database, make_database


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def columns_and_fields() -> Iterator[None]:
    """Every statement of the session is read in the order of the fields."""
    with compared() as wrong:
        yield
    assert sorted(set(wrong)) == []


@pytest.fixture(scope="session")
def mysql_server() -> Iterator[tuple[int, str]]:
    """Port and root's password of a real MySQL."""
    with servers.mysql() as server:
        yield server


@pytest.fixture(scope="session")
def redis_server() -> Iterator[tuple[str, int]]:
    """Container and port of a real Redis, this session's own."""
    with servers.redis() as server:
        yield server


@pytest.fixture(scope="module")
def settings(
    mysql_server: tuple[int, str], redis_server: tuple[str, int], tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    """Settings of an application on both servers, the file's own; its database exists from `database` on."""
    name = f"t_{secrets.token_hex(6)}"
    return Settings(
        jwt_secret=secrets.token_hex(32),
        db_host="127.0.0.1",
        db_port=mysql_server[0],
        db_name=name,
        db_username=name,
        db_password="app-of-this-test",
        db_migrate_username=f"{name}_m",
        db_migrate_password="migrate-of-this-test",
        redis_host="127.0.0.1",
        redis_port=redis_server[1],
        # Nothing listens there: tests that look at spans say where.
        zipkin_endpoint="http://127.0.0.1:9/api/v2/spans",
        tracing_sampling=0.0,
        request_deadline=10,
        storage_upload_dir=str(tmp_path_factory.mktemp("uploads")),
        # Tests of limits have an application of their own.
        rate_limit_login=1_000_000,
        rate_limit_write=1_000_000,
        rate_limit_upload=1_000_000,
    )


@pytest.fixture(scope="module")
async def database(
    mysql_server: tuple[int, str], redis_server: tuple[str, int], settings: Settings
) -> AsyncIterator[Settings]:
    """A schema of the file's own, migrated, with the demo seed, and an empty Redis: no file sees another's rows or keys."""
    servers.docker("exec", redis_server[0], "redis-cli", "FLUSHALL")
    await make_database(mysql_server, settings)
    yield settings
    await drop_database(mysql_server, settings)


@pytest.fixture(scope="module")
async def application(database: Settings) -> AsyncIterator[Starlette]:
    """The application of the file's tests."""
    async with started(database) as app:
        yield app


@pytest.fixture(scope="module")
def state(application: Starlette) -> AppState:
    """The AppState of the application."""
    return state_of(application)


@pytest.fixture
async def client(application: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a user."""
    async with client_of(application) as anonymous:
        yield anonymous


@pytest.fixture(scope="module")
async def seeded(settings: Settings, mysql_server: tuple[int, str]) -> AsyncIterator[Starlette]:
    """An application with the demo seed and nothing else, on servers' corners of its own: read it, do not write."""
    async with apart(mysql_server, settings, f"{settings.db_name}_seed") as (_, own), started(own) as app:
        yield app


@pytest.fixture
async def seeded_client(seeded: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    """A client of `seeded`, without a user."""
    async with client_of(seeded) as anonymous:
        yield anonymous


@pytest.fixture
async def make_user(application: Starlette, state: AppState) -> AsyncIterator[Callable[..., Awaitable[User]]]:
    """`await make_user()` or `await make_user("ADMIN")`: a new active user (without a password)."""
    clients = []

    async def make(role: str = "USER") -> User:
        unique = secrets.token_hex(4)
        email, nickname = f"{unique}@example.com", f"사용자{unique}"
        async with state.db.transaction() as session:
            user_id = await session.insert(
                "INSERT INTO users (email, nickname, role) VALUES (%s, %s, %s)", (email, nickname, role)
            )
        token = state.tokens.access(user_id, role)
        clients.append(client_of(application, token))
        return User(user_id, email, nickname, token, clients[-1])

    yield make
    for each in clients:
        await each.aclose()


@pytest.fixture
async def user(make_user: Callable[..., Awaitable[User]]) -> User:
    """A user."""
    return await make_user()


@pytest.fixture
async def admin(make_user: Callable[..., Awaitable[User]]) -> User:
    """An administrator."""
    return await make_user("ADMIN")


@pytest.fixture
def changed(settings: Settings) -> Callable[..., Settings]:
    """`changed(request_deadline=0.2)`: the file's settings with other values, for an application of the test's own."""
    return lambda **values: replace(settings, **values)


@pytest.fixture
async def own_mysql(changed: Callable[..., Settings]) -> AsyncIterator[tuple[str, Settings]]:
    """A MySQL of the test's own, to be killed: its container, and settings of an application on it."""
    name, password = f"jiucom-test-mysql-{secrets.token_hex(4)}", servers.KEPT_PASSWORD
    servers.start_mysql(name, password)
    try:
        servers.await_mysql(name, password)
        port = servers.port(name, 3306)
        # The file's Redis keeps answers about the file's database.
        with servers.redis() as (_, redis_port):
            settings = changed(db_port=port, redis_port=redis_port)
            await make_database((port, password), settings)
            yield name, settings
    finally:
        servers.docker("rm", "--force", "--volumes", name)
