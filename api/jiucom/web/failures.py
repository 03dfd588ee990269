"""Turns exceptions into error answers; nothing else makes them."""

import logging

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jiucom.clock import Clock
from jiucom.errors import ApiError, ErrorCode
from jiucom.web.envelope import failure

log = logging.getLogger(__name__)

_BY_STATUS = {404: ErrorCode.RESOURCE_NOT_FOUND, 405: ErrorCode.METHOD_NOT_ALLOWED, 413: ErrorCode.PAYLOAD_TOO_LARGE}


class Failures:
    """Middleware. Sets `jiucom.exception` to the class name of the exception, for metrics and traces."""

    def __init__(self, app: ASGIApp, clock: Clock) -> None:
        self.app = app
        self.clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, watch)
        except ClientDisconnect:
            scope["jiucom.exception"] = "ClientDisconnect"
        except Exception as raised:
            error = _api_error(raised)
            if error.status >= 500:
                scope["jiucom.exception"] = type(raised.__cause__ or raised).__name__
            if error.error is ErrorCode.INTERNAL_SERVER_ERROR:
                log.exception(
                    "unhandled exception in %s %s", scope["method"], scope.get("jiucom.route", "unknown route")
                )
            if started:
                raise
            await failure(error, self.clock.now())(scope, receive, send)


def _api_error(raised: Exception) -> ApiError:
    if isinstance(raised, ApiError):
        return raised
    if isinstance(raised, HTTPException):
        known = _BY_STATUS.get(raised.status_code, ErrorCode.BAD_REQUEST)
        return ApiError(known, headers=raised.headers)
    return ApiError(ErrorCode.INTERNAL_SERVER_ERROR)
