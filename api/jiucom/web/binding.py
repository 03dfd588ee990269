"""Runs an operation: path, query and body become the handler's arguments, its result becomes a response."""

import typing
from contextlib import nullcontext
from types import UnionType
from typing import Any

import msgspec
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from jiucom.auth.principal import Role
from jiucom.db.queue import urgent
from jiucom.db.reading import replica_allowed
from jiucom.deadline import deadline
from jiucom.errors import ApiError, ErrorCode
from jiucom.web.body import media_type, read_body
from jiucom.web.context import Application, Context
from jiucom.web.envelope import success
from jiucom.web.operation import Access, Operation
from jiucom.web.validation import convert

_ROLES: dict[Access, frozenset[Role]] = {
    "user": frozenset({"USER", "SELLER", "ADMIN"}),
    "seller": frozenset({"SELLER", "ADMIN"}),
    "admin": frozenset({"ADMIN"}),
}

# The gateway's limit for a request line (bytes).
MAX_QUERY = 8 * 1024


class Endpoint:
    """One operation as an ASGI application."""

    def __init__(self, operation: Operation, app: Application) -> None:
        self.operation = operation
        self.app = app
        self._deadline = operation.deadline or app.settings.request_deadline
        self._roles = _ROLES.get(operation.access)
        # Logins have database connections of their own, see db/queue.py.
        self._precedence = urgent if operation.tag == "Auth" else nullcontext
        self._path = _struct("Path", [(name, hint, name) for name, hint in operation.path_params.values()])
        self._path_names = {wire: name for wire, (name, _) in operation.path_params.items()}
        fields = msgspec.structs.fields(operation.query) if operation.query else ()
        # A required text may be empty; an empty optional one counts as absent.
        self._texts = frozenset(field.encode_name for field in fields if field.required and _is_text(field.type))
        self._lists = frozenset(field.encode_name for field in fields if _is_list(field.type))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        async with deadline(scope["jiucom.started"] + self._deadline):
            with self._precedence():
                response = await self._respond(request)
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        operation, limiter = self.operation, self.app.limiter
        ctx = Context(self.app, request, request.scope.get("jiucom.principal"))
        if self._roles:
            ctx.require(self._roles)
        if operation.limits is None:
            return await self._handle(ctx)
        # Before the body is read.
        user_id = ctx.principal.user_id if ctx.principal else None
        counted = await limiter.take(operation.limits, user_id=user_id, address=ctx.client_address)
        try:
            response = await self._handle(ctx)
        except ApiError as error:
            error.headers = {**await limiter.settle(counted, error.status), **error.headers}
            raise
        response.headers.update(await limiter.settle(counted, response.status_code))
        return response

    async def _handle(self, ctx: Context[Application]) -> Response:
        operation = self.operation
        result = await self._run(ctx, await self._arguments(ctx.request))
        if operation.raw:
            return typing.cast(Response, result)
        return success(result, operation.message, operation.status, self.app.clock.now())

    async def _run(self, ctx: Context[Application], arguments: dict[str, Any]) -> Any:
        operation, user_id = self.operation, ctx.principal.user_id if ctx.principal else None
        if operation.replica:
            with replica_allowed(user_id):
                return await operation.handler(ctx, **arguments)
        if operation.method == "GET" or user_id is None:
            return await operation.handler(ctx, **arguments)
        try:
            return await operation.handler(ctx, **arguments)
        finally:
            # Also after an error: the handler may have written before it.
            await ctx.app.db.keep_position(user_id)

    async def _arguments(self, request: Request) -> dict[str, Any]:
        operation = self.operation
        arguments: dict[str, Any] = {}
        if self._path_names:
            found: Any = convert(request.path_params, self._path, strict=False)
            arguments = {name: getattr(found, name) for name in self._path_names.values()}
        if operation.query:
            if len(request.scope["query_string"]) > MAX_QUERY:
                raise ApiError(ErrorCode.BAD_REQUEST, f"쿼리는 {MAX_QUERY}바이트 이하여야 합니다.")
            arguments["query"] = self._query(request.query_params, operation.query)
        if operation.body:
            arguments["body"] = await self._body(request, operation.body)
        return arguments

    def _query(self, params: QueryParams, target: type) -> Any:
        """Empty parameters count as absent, since forms send them; required texts may be empty."""
        values: dict[str, Any] = {name: value for name, value in params.items() if value != "" or name in self._texts}
        for name in self._lists & values.keys():
            values[name] = [value for value in params.getlist(name) if value != ""]
        return convert(values, target, strict=False)

    async def _body(self, request: Request, target: type) -> Any:
        raw = await read_body(request, self.operation.max_body)
        if not raw:
            if self.operation.body_optional:
                return None
            raise ApiError(ErrorCode.BAD_REQUEST, "요청 본문이 필요합니다.")
        if not _is_json(request.headers.get("content-type", "")):
            raise ApiError(ErrorCode.UNSUPPORTED_MEDIA_TYPE)
        try:
            value = msgspec.json.decode(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise ApiError(ErrorCode.BAD_REQUEST, "요청 본문이 올바른 JSON이 아닙니다.") from None
        return convert(value, target, strict=True)


def _is_json(content_type: str) -> bool:
    media = media_type(content_type)
    charset = content_type.partition(";")[2].lower().partition("charset=")[2].strip(' "')
    return (media == "application/json" or media.endswith("+json")) and charset in ("", "utf-8", "utf8")


def _struct(name: str, fields: list[tuple[str, Any, str]]) -> type:
    """A struct whose wire names are those of the path."""
    return msgspec.defstruct(name, [(field, hint) for field, hint, _ in fields], rename="camel", frozen=True)


def _is_text(hint: Any) -> bool:
    while typing.get_origin(hint) is typing.Annotated:
        hint = typing.get_args(hint)[0]
    return hint is str


def _is_list(hint: Any) -> bool:
    origin = typing.get_origin(hint)
    if origin in (typing.Union, UnionType, typing.Annotated):
        return any(_is_list(arg) for arg in typing.get_args(hint))
    return origin in (list, tuple, set, frozenset)
