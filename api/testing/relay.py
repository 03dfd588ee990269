"""A relay on loopback between clients and a real server: slow, or silent for a while, as networks and frozen servers are."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from testing.servers import free_port


class Relay:
    """Passes bytes on: `delay` (s) after they came, and none between `freeze` and `thaw`."""

    def __init__(self, server_port: int) -> None:
        self.port = free_port()
        self.delay = 0.0
        # Bytes of clients that wait until it thaws.
        self.held = 0
        self._server_port = server_port
        self._open = asyncio.Event()
        self._open.set()
        self._tasks: set[asyncio.Task[None]] = set()

    def freeze(self) -> None:
        """Nothing gets through; connections are accepted."""
        self._open.clear()

    def thaw(self) -> None:
        """What was held goes on its way."""
        self.held = 0
        self._open.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client's connection, to its end."""
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._server_port)
        ways = [
            asyncio.create_task(self._pass(reader, there_writer, there=True)),
            asyncio.create_task(self._pass(there_reader, writer, there=False)),
        ]
        self._tasks.update(ways)
        await asyncio.wait(ways)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, there: bool) -> None:
        try:
            while data := await reader.read(65536):
                if there and not self._open.is_set():
                    self.held += len(data)
                await self._open.wait()
                if there and self.delay:
                    await asyncio.sleep(self.delay)
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    async def cut(self) -> None:
        """End every connection; what was held is lost."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def relay(server_port: int) -> AsyncIterator[Relay]:
    """A running relay to a port of loopback."""
    running = Relay(server_port)
    server = await asyncio.start_server(running.serve, "127.0.0.1", running.port)
    try:
        yield running
    finally:
        server.close()
        await running.cut()
