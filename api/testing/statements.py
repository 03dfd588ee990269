"""The SQL statements that this process runs."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest

from jiucom.db.session import ReadSession

# Parts of statements that workers run at any time.
_WORKERS = (
    "FROM backlog WHERE next_at",
    "mail_outbox",
    "job_runs",
    "DELETE cache_outbox",
    "SELECT id, scope",
    "FROM notifications WHERE id >",
    "SELECT (SELECT COUNT",
)


class Statement(NamedTuple):
    """A statement in one line, and the kind of session that ran it."""

    session: type
    sql: str


@contextmanager
def recorded() -> Iterator[list[Statement]]:
    """The statements of all applications of this process from now on."""
    run = ReadSession._run
    known: list[Statement] = []

    async def record(session: ReadSession, sql: str, args: Any) -> Any:
        known.append(Statement(type(session), " ".join(sql.split())))
        return await run(session, sql, args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ReadSession, "_run", record)
        yield known


def requested(statements: Sequence[Statement]) -> list[str]:
    """The statements that requests ran, not workers."""
    return [each.sql for each in statements if not any(words in each.sql for words in _WORKERS)]
