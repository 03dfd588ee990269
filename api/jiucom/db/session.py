"""Statements on one connection. A session belongs to the task that opened it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from enum import Enum
from functools import partial
from typing import Any, NamedTuple, TypeVar

from asyncmy.connection import Connection
from opentelemetry.trace import Span

from jiucom.clock import Clock, stored
from jiucom.db.errors import translated
from jiucom.db.events import Events
from jiucom.db.rows import structs
from jiucom.db.shape import shape
from jiucom.telemetry import tracing

T = TypeVar("T")
Args = Sequence[Any]
Hook = Callable[[], Awaitable[None]]


class Result(NamedTuple):
    """What a statement brought: columns (their names first), rows, how many rows it matched, the id of an inserted one."""

    columns: Sequence[Any]
    rows: Sequence[tuple[Any, ...]]
    matched: int
    inserted: int


class Answer:
    """Closes the connection when the server does not answer within `seconds`: the driver then raises that it is lost.

    The driver's own `read_timeout` does the same for 10 µs per statement, a third of what the statement costs.
    """

    __slots__ = ("_connection", "_seconds", "_timer")

    def __init__(self, connection: Any, seconds: float) -> None:
        self._connection = connection
        self._seconds = seconds

    def __enter__(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self._give_up)

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def _give_up(self) -> None:
        # `close` would wait for a peer that takes nothing any more.
        if self._connection._transport is not None:
            self._connection._transport.abort()
        self._connection.close()


class ReadSession:
    """Reads. Placeholders are `%s`; a literal percent sign is `%%`."""

    def __init__(self, connection: Connection, clock: Clock, waited: float, silence: float = 30.0) -> None:
        self._connection = connection
        self._clock = clock
        # How long a statement may be without an answer (s).
        self._silence = silence
        # Shown by the first span: how long the pool made us wait (s).
        self._waited: float | None = waited

    async def fetch_all(self, sql: str, args: Args, into: type[T]) -> list[T]:
        """Every row as `into`, whose fields stand in the order of the columns."""
        found = await self._run(sql, args)
        return structs(found.columns, found.rows, into, self._clock)

    async def fetch_one(self, sql: str, args: Args, into: type[T]) -> T | None:
        """The first row as `into`, or None."""
        found = await self._run(sql, args)
        return structs(found.columns, found.rows[:1], into, self._clock)[0] if found.rows else None

    async def fetch_counted(self, sql: str, args: Args, into: type[T]) -> tuple[list[T], int | None]:
        """Every row as `into`, and what all rows have in common as one more column: a total. None without rows."""
        found = await self._run(sql, args)
        content = structs(found.columns[:-1], [row[:-1] for row in found.rows], into, self._clock)
        return content, found.rows[0][-1] if found.rows else None

    async def fetch_value(self, sql: str, args: Args = ()) -> Any:
        """The first column of the first row, or None. Times are aware."""
        rows = await self.fetch_rows(sql, args)
        value = rows[0][0] if rows else None
        return self._clock.local(value) if isinstance(value, datetime) else value

    async def fetch_rows(self, sql: str, args: Args = ()) -> Sequence[tuple[Any, ...]]:
        """Every row as the driver has it: DATETIME naive and in UTC, BOOLEAN as int, JSON as text."""
        return (await self._run(sql, args)).rows

    async def _run(self, sql: str, args: Args) -> Result:
        span = self._span(sql)
        try:
            with translated(), Answer(self._connection, self._silence):
                async with self._connection.cursor() as cursor:
                    matched = await cursor.execute(sql, tuple(_plain(arg) for arg in args))
                    columns = cursor.description or ()
                    rows = await cursor.fetchall() if columns else ()
                    inserted = cursor.lastrowid
        except BaseException as error:
            tracing.finish(span, error)
            raise
        if span is not None:
            span.set_attribute("db.response.returned_rows", len(rows))
            span.end()
        return Result(columns, rows, int(matched or 0), int(inserted or 0))

    def _span(self, sql: str) -> Span | None:
        name, text = shape(sql)
        span = tracing.child(name, db_system_name="mysql")
        if span is not None:
            span.set_attribute("db.query.text", text)
            if self._waited is not None:
                span.set_attribute("jiucom.db.pool_wait_ms", round(self._waited * 1000, 3))
                self._waited = None
        return span


class WriteSession(ReadSession):
    """Reads and writes inside one transaction (READ COMMITTED)."""

    def __init__(self, connection: Connection, clock: Clock, waited: float, silence: float, events: Events) -> None:
        super().__init__(connection, clock, waited, silence)
        self.hooks: list[Hook] = []
        # Those that also follow a commit of which nobody knows whether it happened.
        self.hooks_in_doubt: list[Hook] = []
        self._events = events

    async def execute(self, sql: str, args: Args = ()) -> int:
        """Run a statement; the number of rows it matched (for UPDATE also those it left as they were)."""
        return (await self._run(sql, args)).matched

    async def insert(self, sql: str, args: Args = ()) -> int:
        """Run an INSERT; the id it was given."""
        return (await self._run(sql, args)).inserted

    async def execute_many(self, sql: str, rows: Sequence[Args]) -> int:
        """Run a statement once per row of arguments, for some hundred rows at most; the rows it matched in all."""
        if not rows:
            return 0
        span = self._span(sql)
        try:
            with translated(), Answer(self._connection, self._silence):
                async with self._connection.cursor() as cursor:
                    matched = await cursor.executemany(sql, [tuple(_plain(arg) for arg in row) for row in rows])
        except BaseException as error:
            tracing.finish(span, error)
            raise
        if span is not None:
            span.set_attribute("db.operation.batch.size", len(rows))
            span.end()
        return int(matched or 0)

    def after_commit(self, hook: Hook, *, in_doubt: bool = False) -> None:
        """Run `hook` if and when the transaction has committed. Its failures are logged, not raised.

        With `in_doubt` also when the commit failed on its way: then it may have happened.
        """
        self.hooks.append(hook)
        if in_doubt:
            self.hooks_in_doubt.append(hook)

    def emit(self, *events: object) -> None:
        """Tell those who subscribed to an event's type (`Database.events`), once the transaction has committed.

        Events that are emitted together do not wait for each other.
        """
        self.after_commit(partial(self._events.tell, *events))


class StatementSession(WriteSession):
    """A session without a transaction around it: its one statement is one by itself."""

    _used = False

    async def _run(self, sql: str, args: Args) -> Result:
        if self._used:
            raise RuntimeError("a second statement without a transaction")
        self._used = True
        return await super()._run(sql, args)

    async def execute_many(self, sql: str, rows: Sequence[Args]) -> int:
        raise RuntimeError("many statements without a transaction")


_DRIVER_TYPES = frozenset({int, str, float, bool, bytes, type(None)})


def _plain(arg: Any) -> Any:
    """What the driver can take."""
    if type(arg) in _DRIVER_TYPES:
        return arg
    if isinstance(arg, datetime) and arg.tzinfo is not None:
        return stored(arg)
    if isinstance(arg, Enum):
        return arg.value
    return arg
