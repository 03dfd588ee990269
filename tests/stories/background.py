"""Repeat something in a thread while a story does something else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread


@contextmanager
def repeated(action: Callable[[], object], pause: float = 0) -> Iterator[None]:
    """Call the action again and again until the end of the block, each time after a pause (s); returns when the last call has."""
    ended = Event()

    def repeat() -> None:
        while not ended.wait(pause):
            action()

    thread = Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
