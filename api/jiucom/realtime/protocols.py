"""uvicorn's protocols, extended by a way to abort a connection.

`close()` of a transport waits until the client has read what is buffered: for ever, if it never reads.
"""

import asyncio
import logging
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.http11 import Request

# Key in the scope: a function without arguments that aborts the connection.
ABORT = "jiucom.abort"

# Time for a closing handshake before the connection is aborted (s).
GRACE = 5.0

# uvicorn logs three lines per connection; a gauge counts connections instead.
_log = logging.getLogger("jiucom.realtime.protocol")
_log.setLevel(logging.WARNING)


class HttpProtocol(HttpToolsProtocol):
    """HTTP with ABORT in the scope."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope[ABORT] = self.transport.abort  # type: ignore[literal-required]


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """WebSockets with ABORT in the scope."""

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
        # There is no scope when the handshake was refused. The application starts in the next turn of the loop.
        if hasattr(self, "scope"):
            self.scope[ABORT] = self.transport.abort  # type: ignore[literal-required]

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self.loop.call_later(GRACE, self.transport.abort)
