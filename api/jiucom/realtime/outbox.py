"""The send queue of one connection. It is bounded, so that a client that does not read costs little."""

import asyncio

MAX_WAITING = 256
MAX_WAITING_BYTES = 256 * 1024


class OutboxClosedError(Exception):
    """The queue is empty and finished: close the connection with `code` and `reason`."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Outbox:
    """Filled by the session, emptied by the writer of its transport."""

    def __init__(self) -> None:
        # Interval of heart-beats to the client (s); None: no heart-beats.
        self.heartbeat: float | None = None
        self._waiting: list[str] = []
        self._bytes = 0
        self._end: OutboxClosedError | None = None
        self._news = asyncio.Event()

    @property
    def finished(self) -> bool:
        """Whether `finish` was called."""
        return self._end is not None

    def put(self, text: str) -> bool:
        """Add a text. False when the queue is full or finished."""
        if self._end or len(self._waiting) >= MAX_WAITING or self._bytes + len(text) > MAX_WAITING_BYTES:
            return False
        self._waiting.append(text)
        self._bytes += len(text)
        self._news.set()
        return True

    def finish(self, code: int, reason: str, last: str | None = None, *, drop: bool = False) -> None:
        """Finish the queue, with `last` as the last text; `drop` discards all waiting texts."""
        if self._end:
            return
        if drop:
            self._waiting.clear()
        if last is not None:
            self._waiting.append(last)
        self._end = OutboxClosedError(code, reason)
        self._news.set()

    async def take(self, idle: float | None = None) -> list[str]:
        """All waiting texts; a heart-beat when one is due; an empty list after `idle` seconds. Raises OutboxClosedError."""
        if not self._waiting and not self._end:
            limits = [limit for limit in (self.heartbeat, idle) if limit is not None]
            limit = min(limits, default=None)
            try:
                async with asyncio.timeout(limit):
                    await self._news.wait()
            except TimeoutError:
                return ["\n"] if limit == self.heartbeat else []
        self._news.clear()
        taken, self._waiting, self._bytes = self._waiting, [], 0
        if not taken and self._end:
            self._news.set()
            raise self._end
        if self._end:
            self._news.set()
        return taken

    def give_back(self, texts: list[str]) -> None:
        """Put back texts that could not be written."""
        self._waiting[:0] = texts
        self._bytes += sum(map(len, texts))

    def wake(self) -> None:
        """Make a waiting `take` return."""
        self._news.set()
