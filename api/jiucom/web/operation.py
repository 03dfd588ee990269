"""`@endpoint`: a typed function becomes an operation of the API.

Everything is in the type hints: parameters named in the path are converted from it, `query` and `body` are structs, the
return type is the type of `data`. Routes and the OpenAPI document are both made from the same Operation.
"""

import inspect
import re
import typing
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType, UnionType
from typing import Any, Literal, TypeVar

from starlette.responses import Response

from jiucom.errors import ErrorCode
from jiucom.limits import WRITE, Limit
from jiucom.web.envelope import CREATED, OK

Access = Literal["public", "user", "seller", "admin"]
Handler = TypeVar("Handler", bound=Callable[..., Awaitable[Any]])

# A post of ten thousand escaped characters takes 60 kB. Uploads declare their own limit (bytes).
MAX_BODY = 64 * 1024

_PLACEHOLDER = re.compile(r"{(\w+)}")


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path."""

    method: str
    path: str
    handler: Callable[..., Awaitable[Any]]
    tag: str
    access: Access
    status: int
    message: str
    summary: str
    description: str
    # Wire name -> (argument, type)
    path_params: Mapping[str, tuple[str, Any]]
    query: type | None
    body: type | None
    body_optional: bool
    result: Any
    errors: tuple[ErrorCode, ...]
    deadline: float | None  # s; None: the setting's
    max_body: int
    limits: Limit | None
    replica: bool
    openapi: Mapping[str, Any] = field(repr=False)

    @property
    def operation_id(self) -> str:
        """Unique in the document: one handler may serve several paths."""
        words = [self.method.lower(), *re.split(r"\W+", self.path)]
        return words[0] + "".join(word[:1].upper() + word[1:] for word in words[1:])

    @property
    def raw(self) -> bool:
        """Whether the handler returns a whole Response."""
        return isinstance(self.result, type) and issubclass(self.result, Response)


def endpoint(
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"],
    path: str,
    *,
    tag: str,
    auth: Access = "public",
    status: int = 200,
    aliases: Sequence[str] = (),
    message: str | None = None,
    summary: str | None = None,
    errors: Sequence[ErrorCode] = (),
    deadline: float | None = None,
    max_body: int = MAX_BODY,
    limits: Limit | None = None,
    replica: bool = False,
    openapi: Mapping[str, Any] | None = None,
) -> Callable[[Handler], Handler]:
    """Register a handler `async def f(ctx, <path parameters>, query: Q, body: B) -> Result`.

    `aliases` are further paths with the same parameters. `message` defaults to the text that goes with the status.
    `errors` are the codes to document besides those that follow from the signature. `deadline` (s) and `max_body`
    (bytes) replace the defaults, `limits` (jiucom/limits.py) the one that every write has. With `replica`
    its reads may come from a read replica, and be some seconds old but for the caller's own writes. `openapi` is merged into the
    document's operation, for what hints cannot say.
    """

    def register(handler: Handler) -> Handler:
        operations = [
            _operation(
                handler,
                method=method,
                path=each,
                tag=tag,
                access=auth,
                status=status,
                message=message or (CREATED if status == 201 else OK),
                summary=summary,
                errors=tuple(errors),
                deadline=deadline,
                max_body=max_body,
                limits=limits or (None if method == "GET" else WRITE),
                replica=replica,
                openapi=openapi or {},
            )
            for each in (path, *aliases)
        ]
        known: list[Operation] = handler.__dict__.setdefault("__operations__", [])
        known.extend(operations)
        return handler

    return register


def collect(modules: Sequence[ModuleType]) -> list[Operation]:
    """The operations of the handlers that these modules define, in the order they stand there."""
    return [
        operation
        for module in modules
        for value in vars(module).values()
        if inspect.isfunction(value) and value.__module__ == module.__name__
        for operation in getattr(value, "__operations__", ())
    ]


def _operation(handler: Callable[..., Awaitable[Any]], *, summary: str | None, path: str, **known: Any) -> Operation:
    hints = typing.get_type_hints(handler, include_extras=True)
    parameters = list(inspect.signature(handler).parameters)[1:]
    names = {_camel(name): name for name in parameters if name not in ("query", "body")}
    placeholders = set(_PLACEHOLDER.findall(path))
    if placeholders != set(names):
        raise TypeError(f"{handler.__qualname__}: path {path} and parameters {sorted(names)} do not match")
    body = hints.get("body")
    optional = body is not None and type(None) in typing.get_args(body) and typing.get_origin(body) is UnionType
    first, _, rest = inspect.cleandoc(handler.__doc__ or handler.__name__).partition("\n")
    return Operation(
        path=path,
        handler=handler,
        summary=summary or first,
        description=rest.strip(),
        path_params={wire: (name, hints[name]) for wire, name in names.items()},
        query=hints.get("query"),
        body=typing.get_args(body)[0] if optional else body,
        body_optional=optional,
        result=hints["return"],
        **known,
    )


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.title() for word in rest)
