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
        self._answer: asyncio.Future[int] | None = None
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, _: Exception | None) -> None:
        self._transport = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError("closed"))

    def on_message_complete(self) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(self._parser.get_status_code())

    @property
    def is_open(self) -> bool:
        """Whether it can be used."""
        return self._transport is not None

    async def send(self, request: bytes) -> int:
        """The status of the answer. Raises ConnectionError."""
        if self._transport is None:
            raise ConnectionError("closed")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

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
    """So many requests per second, whether or not the earlier ones have been answered. Those of the first second do not count."""
    found, idle, tasks = Measured(seconds), list[Client](), set[asyncio.Task[None]]()
    start = time.perf_counter()

    async def ask(due: float) -> None:
        try:
            client = idle.pop() if idle else await connected(address)
            status = await client.send(source())
        except OSError:
            found.lost += due > 1
            return
        if due > 1:
            found.note(status, time.perf_counter() - start - due)
        if client.is_open:
            idle.append(client)

    sent = 0
    while (now := time.perf_counter() - start) < seconds + 1:
        while sent < now * rate:
            task = asyncio.create_task(ask(sent / rate))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            sent += 1
        await asyncio.sleep(0.001)
    if tasks:
        await asyncio.wait(tasks)
    for client in idle:
        client.close()
    return found
