"""Clients that send the next request after each answer (closed loop), or at a fixed rate (open loop)."""

import asyncio
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import httptools

Address = tuple[str, int]
# Makes the next request, as it goes over the wire.
Source = Callable[[], bytes]

# Seconds until the connections of an open loop are there.
WARMUP = 5


@dataclass
class Measured:
    """Seconds that each answer took, of those with a status below 400; how many had another one, by status."""

    seconds: float = 0.0
    times: list[float] = field(default_factory=list)
    others: dict[int, int] = field(default_factory=dict)
    lost: int = 0

    def note(self, status: int, took: float) -> None:
        """One answer more."""
        if status < 400:
            self.times.append(took)
        else:
            self.others[status] = self.others.get(status, 0) + 1

    @property
    def rate(self) -> float:
        """Good answers per second."""
        return len(self.times) / self.seconds

    @property
    def refused(self) -> int:
        """Answers that were none."""
        return sum(self.others.values()) + self.lost

    @property
    def mean(self) -> float:
        """Mean time of the good ones (s)."""
        return statistics.fmean(self.times) if self.times else 0.0

    def quantile(self, share: float) -> float:
        """The quantile of the times of successful requests (s); 0 without any."""
        ordered = sorted(self.times)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


class Client(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self) -> None:
        # Called with the status of the answer, or None when the connection is lost first.
        self._answered: Callable[[int | None], None] | None = None
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, _: Exception | None) -> None:
        self._transport = None
        self._end(None)

    def on_message_complete(self) -> None:
        self._end(self._parser.get_status_code())

    def _end(self, status: int | None) -> None:
        answered, self._answered = self._answered, None
        if answered is not None:
            answered(status)

    def ask(self, request: bytes, answered: Callable[[int | None], None]) -> None:
        """Send a request; `answered` is called with its status, or with None when the connection is lost."""
        if self._transport is None:
            answered(None)
            return
        self._answered = answered
        self._transport.write(request)

    async def send(self, request: bytes) -> int:
        """The status of the answer. Raises ConnectionError."""
        answer = asyncio.get_running_loop().create_future()
        self.ask(request, lambda status: None if answer.done() else answer.set_result(status))
        status: int | None = await answer
        if status is None:
            raise ConnectionError("closed")
        return status

    def close(self) -> None:
        """Close it."""
        if self._transport is not None:
            self._transport.close()


async def connected(address: Address) -> Client:
    """A new connection. Raises OSError."""
    _, client = await asyncio.get_running_loop().create_connection(Client, *address)
    return client


async def closed_loop(address: Address, source: Source, connections: int, seconds: float) -> Measured:
    """So many clients, each of which asks again as soon as it has its answer. Answers of the first second do not count."""
    found = Measured(seconds)
    begin = time.perf_counter() + 1
    end = begin + seconds

    async def ask() -> None:
        client = await connected(address)
        while (started := time.perf_counter()) < end:
            try:
                status = await client.send(source())
            except OSError:
                found.lost += started > begin
                client = await connected(address)
                continue
            if started > begin:
                found.note(status, time.perf_counter() - started)
        client.close()

    await asyncio.gather(*(ask() for _ in range(connections)))
    return found


async def open_loop(address: Address, source: Source, rate: float, seconds: float) -> Measured:
    """So many requests per second, whether or not the earlier ones have been answered.

    Answers of the first WARMUP seconds do not count, in which connections are opened, nor those after the last request. Raises
    RuntimeError where this process cannot send as many: then the rates are its own and not the server's.
    """
    found, idle, opening = Measured(seconds), list[Client](), set[asyncio.Task[None]]()
    start, sent, late = time.perf_counter(), 0, 0.0

    def ask(client: Client, due: float) -> None:
        def answered(status: int | None) -> None:
            if status is not None:
                idle.append(client)
            now = time.perf_counter() - start
            if not WARMUP < now < seconds + WARMUP:
                return
            if status is None:
                found.lost += 1
            else:
                found.note(status, now - due)

        client.ask(source(), answered)

    async def open_and_ask(due: float) -> None:
        try:
            client = await connected(address)
        except OSError:
            found.lost += due > WARMUP
            return
        clients.append(client)
        ask(client, due)

    clients: list[Client] = []
    while (now := time.perf_counter() - start) < seconds + WARMUP:
        late = max(late, now - sent / rate)
        while sent < now * rate:
            if idle:
                ask(idle.pop(), sent / rate)
            else:
                task = asyncio.create_task(open_and_ask(sent / rate))
                opening.add(task)
                task.add_done_callback(opening.discard)
            sent += 1
        await asyncio.sleep(0.001)
    for task in opening:
        task.cancel()
    for client in clients:
        client.close()
    if late > 1:
        raise RuntimeError(f"{rate:.0f} requests per second are too many for this process: it was late by {late:.1f} s")
    return found
