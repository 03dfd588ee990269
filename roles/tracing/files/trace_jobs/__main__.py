"""The service trace-jobs: two jobs each hour, figures each ten seconds, shown at /metrics.

`python trace_jobs SETTINGS` goes on until it is told to end. A job that fails is tried again with the next figures.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from trace_jobs import retention
from trace_jobs.dependencies import Dependencies
from trace_jobs.figures import figures, text
from trace_jobs.settings import Settings
from trace_jobs.store import Store, StoreError

PAUSE = 10  # s
HOUR = 3600  # s


class Jobs:
    """Runs the jobs and remembers how they ended."""

    def __init__(self, settings: Settings) -> None:
        store = Store(settings)
        self._figures: Callable[[], dict[str, float]] = lambda: figures(store, settings)
        self._jobs: dict[str, Callable[[], None]] = {
            "retention": lambda: retention.remove(store, settings),
            "dependencies": Dependencies(store, settings).run,
        }
        self._due = dict.fromkeys(self._jobs, 0.0)
        self._ended: dict[str, float] = {f'job_failed{{job_name="{name}"}}': 0 for name in self._jobs}
        self.page = text({"store_up": 0} | self._ended)

    def run(self) -> None:
        """Do what is due, and look at the store."""
        for name, job in self._jobs.items():
            if time.monotonic() < self._due[name]:
                continue
            failed = f'job_failed{{job_name="{name}"}}'
            try:
                job()
            except (StoreError, LookupError, ValueError) as fault:
                self._ended[failed] = 1
                print(f"{name}: {fault}", file=sys.stderr, flush=True)
            else:
                self._ended |= {failed: 0, f'job_success_timestamp_seconds{{job_name="{name}"}}': time.time()}
                self._due[name] = time.monotonic() + HOUR
        try:
            seen = {"store_up": 1.0} | self._figures()
        except (StoreError, LookupError, ValueError) as fault:
            seen = {"store_up": 0.0}
            print(f"figures: {fault}", file=sys.stderr, flush=True)
        self.page = text(seen | self._ended)


def serve(port: int, page: Callable[[], str]) -> ThreadingHTTPServer:
    """Show the page at every path, from a thread of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = page().encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Quiet: a scrape is nothing to tell."""

    server = ThreadingHTTPServer(("", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def main() -> None:
    """Run until SIGTERM."""
    settings = Settings.read(Path(sys.argv[1]))
    jobs, end = Jobs(settings), threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: end.set())
    serve(settings.port, lambda: jobs.page)
    while True:
        jobs.run()
        if end.wait(PAUSE):
            return


if __name__ == "__main__":
    main()
