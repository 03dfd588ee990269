"""uvicorn's protocols with one thing more: a way to end a connection at once.

Closing a transport waits until what is buffered has been read: with a client that never reads, for ever.
"""

import asyncio
import logging
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.http11 import Request

# Key of the scope: a function without arguments.
ABORT = "jiucom.abort"

# After its polite end a connection has this long (s).
GRACE = 5.0

# Three lines for each client that comes and goes are too many; a gauge counts them.
_log = logging.getLogger("jiucom.realtime.protocol")
_log.setLevel(logging.WARNING)


class HttpProtocol(HttpToolsProtocol):
    """HTTP whose scope says how to end the connection."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope[ABORT] = self.transport.abort  # type: ignore[literal-required]


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """WebSockets whose scope says how to end the connection."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.logger = self.conn.logger = _log

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        # Absent when the handshake was refused. The application starts with the loop's next round.
        if hasattr(self, "scope"):
            self.scope[ABORT] = self.transport.abort  # type: ignore[literal-required]

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self.loop.call_later(GRACE, self.transport.abort)
