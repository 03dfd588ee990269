"""How long the event loop is busy with one thing, while nothing else of the process can go on."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

# The handle is what the loop runs between two looks at what else there is to do.
_RUN = "_run"


class Pauses:
    """The longest run of one callback, by the name in `during`, which the caller sets."""

    def __init__(self) -> None:
        self.during = ""
        self.longest: dict[str, float] = {}

    def note(self, seconds: float) -> None:
        """A callback took so long, in CPU time of the loop's thread: what else the machine does, does not count."""
        self.longest[self.during] = max(seconds, self.longest.get(self.during, 0.0))


@contextmanager
def measured() -> Iterator[Pauses]:
    """Measures every callback of the asyncio loops of this process."""
    pauses = Pauses()
    original = getattr(asyncio.Handle, _RUN)

    def run(handle: asyncio.Handle) -> None:
        begun = time.thread_time()
        try:
            original(handle)
        finally:
            pauses.note(time.thread_time() - begun)

    setattr(asyncio.Handle, _RUN, run)
    try:
        yield pauses
    finally:
        setattr(asyncio.Handle, _RUN, original)
