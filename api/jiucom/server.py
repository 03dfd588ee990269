"""uvicorn, set up for one process behind a gateway."""

import logging
import os
import resource
import socket
from types import FrameType

import uvicorn

from jiucom.app import create_app
from jiucom.realtime.protocols import HttpProtocol, WebSocketProtocol
from jiucom.settings import Settings
from jiucom.state import AppState

log = logging.getLogger(__name__)

PORT = 8080

# Some Docker daemons start containers with a soft limit of 1024, too few for a thousand WebSockets.
_OPEN_FILES = 65_536


class Server(uvicorn.Server):
    """Makes readiness DOWN when shutdown begins."""

    def __init__(self, config: uvicorn.Config, app: AppState) -> None:
        super().__init__(config)
        self._app = app

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._app.stopping = True
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Streaming responses do not end by themselves.
        self._app.realtime.close_all()
        await super().shutdown(sockets)


def run(settings: Settings) -> int:
    """Serve until SIGTERM; the exit code."""
    _allow_open_files()
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        host=os.environ.get("LISTEN_ADDRESS", "0.0.0.0"),  # noqa: S104
        port=PORT,
        loop="uvloop",
        http=HttpProtocol,
        ws=WebSocketProtocol,
        # Logging is configured in telemetry/logs.py; the middleware writes the request log.
        log_config=None,
        access_log=False,
        # telemetry/client.py reads client addresses (X-Real-IP too).
        proxy_headers=False,
        server_header=False,
        # Longer than the gateway keeps idle connections, or it would send a request on one that we are closing.
        timeout_keep_alive=75,
        timeout_graceful_shutdown=20,
        ws_max_size=64 * 1024,
        ws_per_message_deflate=False,
    )
    server = Server(config, app.state.app)
    server.run()
    return 0 if server.started else 3


def _allow_open_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
