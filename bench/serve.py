"""The server with a bare route beside the application, and knobs: `python -m bench.serve PORT`."""

import os
import sys
import time

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from jiucom import server
from jiucom.app import create_app
from jiucom.runtime_settings import SAMPLING
from jiucom.settings import Settings, load
from jiucom.telemetry import logs


class WithBare:
    """`/bare` and `/control` are Starlette's alone; everything else is the application's."""

    def __init__(self, app: Starlette) -> None:
        self.app = app
        self.state = app.state
        self._own = Starlette(routes=[Route("/bare", _bare), Route("/control", self._control)])
        self._observe = app.state.app.metrics.http.observe

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        own = scope["type"] == "http" and scope["path"] in ("/bare", "/control")
        await (self._own if own else self.app)(scope, receive, send)

    async def _control(self, request: Request) -> JSONResponse:
        """Sets what the query says; the CPU time of this process so far (s)."""
        known = self.state.app
        if sampling := request.query_params.get("sampling"):
            await known.redis.execute("SET", SAMPLING, sampling)
            await known.runtime.poll()
        if metrics := request.query_params.get("metrics"):
            known.metrics.http.observe = self._observe if metrics == "on" else lambda *_: None
        return JSONResponse(time.process_time())


async def _bare(_: Request) -> JSONResponse:
    return JSONResponse({"success": True})


def _with_bare(settings: Settings) -> WithBare:
    return WithBare(create_app(settings))


if __name__ == "__main__":
    # The log is written, as it is on the platform, and nobody reads it.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    settings = load(os.environ)
    logs.configure(settings.log_level, settings.time_zone)
    server.PORT = int(sys.argv[1])
    vars(server)["create_app"] = _with_bare
    sys.exit(server.run(settings))
