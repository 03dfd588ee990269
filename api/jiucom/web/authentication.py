"""The middleware that authenticates requests."""

import asyncio
from collections.abc import Collection

from starlette.types import ASGIApp, Receive, Scope, Send

from jiucom.auth.accounts import Accounts
from jiucom.auth.bearer import authenticate, bearer
from jiucom.auth.tokens import Tokens
from jiucom.db import queue
from jiucom.deadline import deadline
from jiucom.errors import ApiError


class Authentication:
    """Sets `jiucom.principal` where there is a valid bearer token. An invalid token is a 401, except on the paths
    `without_bearer`: their bodies hold the credentials, and clients send the bearer token with every request.

    `seconds` is the default deadline of a request. It runs from here: `jiucom.started`, on the event loop's clock.
    """

    def __init__(
        self,
        app: ASGIApp,
        tokens: Tokens,
        accounts: Accounts,
        seconds: float,
        without_bearer: Collection[str],
    ) -> None:
        self.app = app
        self.tokens = tokens
        self.accounts = accounts
        self.seconds = seconds
        self.without_bearer = frozenset(without_bearer)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            started = scope["jiucom.started"] = asyncio.get_running_loop().time()
            queue.came(started)
            for name, value in scope["headers"]:
                if name == b"authorization" and (token := bearer(value.decode("latin-1"))) is not None:
                    try:
                        async with deadline(started + self.seconds):
                            scope["jiucom.principal"] = await authenticate(token, self.tokens, self.accounts)
                    except ApiError as error:
                        if error.status != 401 or scope["path"] not in self.without_bearer:
                            raise
                    break
        await self.app(scope, receive, send)
