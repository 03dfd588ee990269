"""Which reads may come from a replica: those of operations that say so, until the request writes."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class Reader:
    """A request that may read from a replica. `user_id` is the user whose own writes must be visible; None without a login."""

    __slots__ = ("user_id", "wrote")

    def __init__(self, user_id: int | None) -> None:
        self.user_id = user_id
        self.wrote = False


_reader: ContextVar[Reader | None] = ContextVar("reader", default=None)


@contextmanager
def replica_allowed(user_id: int | None) -> Iterator[None]:
    """Reads inside the block may come from a replica, as long as it does not write."""
    token = _reader.set(Reader(user_id))
    try:
        yield
    finally:
        _reader.reset(token)


@contextmanager
def primary_only() -> Iterator[None]:
    """Reads inside the block come from the primary: what others will be shown later must not be old."""
    token = _reader.set(None)
    try:
        yield
    finally:
        _reader.reset(token)


def reader() -> Reader | None:
    """The reader of this task; None where reads come from the primary."""
    found = _reader.get()
    return found if found is not None and not found.wrote else None


def written() -> None:
    """The request writes: its later reads come from the primary."""
    found = _reader.get()
    if found is not None:
        found.wrote = True
