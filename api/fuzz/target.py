"""What is fuzzed: a server process on real MySQL and Redis, and for each case a user nobody has used before."""

import itertools
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import requests
from anyio.from_thread import BlockingPortal, start_blocking_portal
from schemathesis import Response

from fuzz.belongings import Belongings, Headers
from fuzz.cases import Attempt, Case
from jiucom.auth.principal import Role
from jiucom.auth.tokens import Tokens
from jiucom.settings import Settings
from testing.database import drop_database, make_database, root
from testing.replica import replica

_numbers = itertools.count(1)


class Target:
    """A running server and its schema, which the cases may change as they like; `answers` counts by operation and status."""

    def __init__(self, url: str, tokens: Tokens, cursor: Any, portal: BlockingPortal) -> None:
        self.url = url
        self._tokens = tokens
        self._portal = portal
        self._cursor = cursor
        self._session = requests.Session()
        self.answers: Counter[tuple[str, int]] = Counter()

    def send(self, attempt: Attempt) -> Response:
        """The answer to it, as a fresh user."""
        headers: Headers = {}
        if attempt.role is not None:
            _, headers = self.user(attempt.role)
            if attempt.owner:
                self.lead(attempt.case, headers)
        return self.call(attempt.case, headers)

    def lead(self, case: Case, headers: Headers) -> None:
        """Let the ids in a request be those of what the user of `headers` owns."""
        Belongings(self._session, self.url, headers, self._make_part(), self.user).lead(case)

    def call(self, case: Case, headers: Headers) -> Response:
        """The answer to it, as it is."""
        response = case.call(base_url=self.url, session=self._session, headers=dict(headers))
        self.answers[case.operation.label, response.status_code] += 1
        return response

    def user(self, role: Role = "USER") -> tuple[int, Headers]:
        """A new user (with a shop that sells something, if a seller): id, and headers with the access token."""
        number = next(_numbers)
        user_id = self._insert(
            "INSERT INTO users (email, nickname, role) VALUES (%s, %s, %s)",
            (f"fuzz{number}@example.com", f"시험{number}", role),
        )
        if role == "SELLER":
            self._insert(
                "INSERT INTO sellers (user_id, name, site_url, status) VALUES (%s, %s, 'https://example.com', 'ACTIVE')",
                (user_id, f"시험 판매처 {number}"),
            )
        return user_id, {"Authorization": f"Bearer {self._tokens.access(user_id, role)}"}

    def _make_part(self) -> int:
        # Not the seed's: those, other cases may have deleted.
        return self._insert(
            "INSERT INTO parts (name, category, manufacturer, lowest_price) VALUES (%s, 'ETC', '시험', 10000)",
            (f"시험 부품 {next(_numbers)}",),
        )

    def _insert(self, sql: str, args: tuple[Any, ...]) -> int:
        self._portal.call(self._cursor.execute, sql, args)
        return int(self._cursor.lastrowid)


@contextmanager
def target(server: tuple[int, str], settings: Settings) -> Iterator[Target]:
    """A server with these settings; its schema is made on `server` (port, root's password) and removed at the end.

    Not async itself: what hypothesis raises to end a case would end an event loop too.
    """
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(_running(server, settings)) as (url, cursor),
    ):
        yield Target(url, Tokens(settings), cursor, portal)


@asynccontextmanager
async def _running(server: tuple[int, str], settings: Settings) -> AsyncIterator[tuple[str, Any]]:
    await make_database(server, settings)
    try:
        async with replica(settings) as process, root(server, settings.db_name) as cursor:
            yield process.url, cursor
    finally:
        await drop_database(server, settings)
