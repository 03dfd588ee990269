"""uvicorn's protocols, extended by a way to abort a connection, and by refusals under overload.

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

from jiucom.web.overload import Overload

# Key in the scope: a function without arguments that aborts the connection.
ABORT = "jiucom.abort"

# Time for a closing handshake before the connection is aborted (s).
GRACE = 5.0

# uvicorn logs three lines per connection; a gauge counts connections instead.
_log = logging.getLogger("jiucom.realtime.protocol")
_log.setLevel(logging.WARNING)


class HttpProtocol(HttpToolsProtocol):
    """HTTP with ABORT in the scope, and refusals instead of requests that are too many."""

    def __init__(self, config: Config, *others: Any, **named: Any) -> None:
        super().__init__(config, *others, **named)
        self._overload: Overload = config.app.state.app.overload  # type: ignore[union-attr]
        # Whether the current request was refused.
        self._refused = False

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._refused = False
        self.scope[ABORT] = self.transport.abort  # type: ignore[literal-required]

    def on_headers_complete(self) -> None:
        # A pipelined request is not refused, because its answer would overtake the one before, nor is a change of protocol.
        waiting = self.cycle is not None and not self.cycle.response_complete
        if waiting or self.parser.should_upgrade() or not self._overload.refuses(self.url):
            super().on_headers_complete()
            return
        # Written here, because the application would take three times as long for it.
        self._refused = True
        stays = self.parser.should_keep_alive()
        headers = [*self.server_state.default_headers, *(() if stays else ((b"connection", b"close"),))]
        head, body = self._overload.refusal(headers)
        self.transport.write(head if self.parser.get_method() == b"HEAD" else head + body)
        if stays:
            self.on_response_complete()
        else:
            self.transport.close()

    def on_body(self, body: bytes) -> None:
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if not self._refused:
            super().on_message_complete()


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
