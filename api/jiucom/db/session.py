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
    """The result of a statement: column descriptions, rows, number of matched rows, id of the inserted row."""

    columns: Sequence[Any]
    rows: Sequence[tuple[Any, ...]]
    matched: int
    inserted: int


class ResponseTimeout:
    """Closes the connection when the server does not answer within `seconds`; the driver then raises a lost connection.

    The driver's own `read_timeout` does the same, but costs 10 µs per statement, a third of the whole statement.
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
        # `close` would wait until the peer reads what is buffered.
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
        # Wait for the connection, shown on the first span (s).
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
        """Every row as `into`, and the value of the last column, the same in all rows (a total); None without rows."""
        found = await self._run(sql, args)
        content = structs(found.columns[:-1], [row[:-1] for row in found.rows], into, self._clock)
        return content, found.rows[0][-1] if found.rows else None

    async def fetch_value(self, sql: str, args: Args = ()) -> Any:
        """The first column of the first row, or None. Times are aware."""
        rows = await self.fetch_rows(sql, args)
        value = rows[0][0] if rows else None
        return self._clock.local(value) if isinstance(value, datetime) else value

    async def fetch_rows(self, sql: str, args: Args = ()) -> Sequence[tuple[Any, ...]]:
        """Every row as the driver returns it: DATETIME naive and in UTC, BOOLEAN as int, JSON as text."""
        return (await self._run(sql, args)).rows

    async def _run(self, sql: str, args: Args) -> Result:
        span = self._span(sql)
        try:
            with translated(), ResponseTimeout(self._connection, self._silence):
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
        # Hooks that also run when a commit failed and may have happened or not.
        self.hooks_in_doubt: list[Hook] = []
        self._events = events

    async def execute(self, sql: str, args: Args = ()) -> int:
        """Run a statement; the number of rows it matched (for UPDATE also those it left as they were)."""
        return (await self._run(sql, args)).matched

    async def insert(self, sql: str, args: Args = ()) -> int:
        """Run an INSERT; the id it was given."""
        return (await self._run(sql, args)).inserted

    async def execute_many(self, sql: str, rows: Sequence[Args]) -> int:
        """Run a statement once per row of arguments, for some hundred rows at most; the number of rows it matched in all."""
        if not rows:
            return 0
        span = self._span(sql)
        try:
            with translated(), ResponseTimeout(self._connection, self._silence):
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

        With `in_doubt` also when the commit failed: the connection may have been lost after it happened.
        """
        self.hooks.append(hook)
        if in_doubt:
            self.hooks_in_doubt.append(hook)

    def emit(self, *events: object) -> None:
        """Deliver events to the subscribers of their types (`Database.events`) after the commit.

        Events of one call are delivered concurrently.
        """
        self.after_commit(partial(self._events.deliver, *events))


class StatementSession(WriteSession):
    """A session without a transaction, for exactly one statement (MySQL commits it)."""

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
    """The argument as a type that the driver takes."""
    if type(arg) in _DRIVER_TYPES:
        return arg
    if isinstance(arg, datetime) and arg.tzinfo is not None:
        return stored(arg)
    if isinstance(arg, Enum):
        return arg.value
    return arg
