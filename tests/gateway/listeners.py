"""Clients as web pages have them: sockjs-client and stomp.js in node, and what happened to them."""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

from tests.role import ROOT

NPM = ROOT / "tests/npm"


class Listeners:
    """Several clients of one user."""

    def __init__(self, process: subprocess.Popen[str], count: int) -> None:
        self.count = count
        # Of each what happened, in order: what, and its detail.
        self.happened: list[list[tuple[str, Any]]] = [[] for _ in range(count)]
        self._process = process
        Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            event = json.loads(line)
            self.happened[event["client"]].append((event["what"], event.get("detail")))

    def each(self, client: int, what: str) -> list[Any]:
        """The details of one client's events of a kind."""
        return [detail for happened, detail in tuple(self.happened[client]) if happened == what]

    def heard(self, client: int) -> Counter[int]:
        """How often each notification came."""
        return Counter(self.each(client, "message"))

    def wait(self, condition: Callable[[int], bool], seconds: float) -> None:
        """Return once it holds for every client."""
        end = time.monotonic() + seconds
        while not all(map(condition, range(self.count))):
            assert time.monotonic() < end, self.happened
            assert self._process.poll() is None, self.happened
            time.sleep(0.05)


@contextmanager
def listening(url: str, token: str, transport: str, count: int) -> Iterator[Listeners]:
    """Clients that have subscribed."""
    command = ["node", "listen.js", url, token, transport, str(count)]
    process = subprocess.Popen(command, cwd=NPM, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        started = Listeners(process, count)
        started.wait(lambda client: bool(started.each(client, "subscribed")), 30)
        yield started
    finally:
        process.kill()
        process.wait()
