"""Finds the operation of a request, segment by segment: a literal segment wins over a parameter, and the cost does not depend on
the number of routes."""

from collections.abc import Iterable

from starlette.types import ASGIApp, Receive, Scope, Send

from jiucom.errors import ApiError, ErrorCode
from jiucom.paths import CONTEXT_PATH
from jiucom.web.binding import Endpoint
from jiucom.web.context import Application
from jiucom.web.operation import Operation


class _Node:
    __slots__ = ("endpoints", "literals", "names", "parameter", "template")

    def __init__(self) -> None:
        self.literals: dict[str, _Node] = {}
        self.parameter: _Node | None = None
        self.endpoints: dict[str, ASGIApp] = {}
        self.names: tuple[str, ...] = ()
        self.template = ""


class Router:
    """The HTTP operations below the context path; `mounts` take whole subtrees (prefix -> application)."""

    def __init__(
        self, operations: Iterable[Operation], app: Application, mounts: dict[str, ASGIApp] | None = None
    ) -> None:
        self._root = _Node()
        self._mounts = mounts or {}
        for operation in operations:
            self._add(operation, Endpoint(operation, app))

    def _add(self, operation: Operation, endpoint: ASGIApp) -> None:
        node, names = self._root, []
        for segment in operation.path.strip("/").split("/"):
            if segment.startswith("{"):
                names.append(segment[1:-1])
                node.parameter = node.parameter or _Node()
                node = node.parameter
            else:
                node = node.literals.setdefault(segment, _Node())
        if operation.method in node.endpoints:
            raise ValueError(f"{operation.method} {operation.path} is registered twice")
        if node.endpoints and node.names != tuple(names):
            raise ValueError(f"{operation.path} and {node.template} differ only in the names of their parameters")
        node.template, node.names = operation.path, tuple(names)
        node.endpoints[operation.method] = endpoint
        if operation.method == "GET":
            node.endpoints["HEAD"] = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises ApiError 404 or 405; sets `jiucom.route` (the template, without the context path) for metrics and traces."""
        path: str = scope["path"]
        if not path.startswith(CONTEXT_PATH + "/"):
            raise ApiError(ErrorCode.RESOURCE_NOT_FOUND)
        path = path[len(CONTEXT_PATH) :]
        values: list[str] = []
        node = _find(self._root, path[1:].split("/"), 0, values)
        if node is None:
            await self._mounted(path, scope, receive, send)
            return
        scope["jiucom.route"] = node.template
        endpoint = node.endpoints.get(scope["method"])
        if endpoint is None:
            raise ApiError(ErrorCode.METHOD_NOT_ALLOWED, headers={"Allow": ", ".join(sorted(node.endpoints))})
        scope["path_params"] = dict(zip(node.names, values, strict=True))
        await endpoint(scope, receive, send)

    async def _mounted(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        for prefix, app in self._mounts.items():
            if f"{path}/".startswith(f"{prefix}/"):
                scope["jiucom.route"] = f"{prefix}/**"
                await app({**scope, "root_path": CONTEXT_PATH + prefix}, receive, send)
                return
        raise ApiError(ErrorCode.RESOURCE_NOT_FOUND)


def _find(node: _Node, segments: list[str], at: int, values: list[str]) -> _Node | None:
    if at == len(segments):
        return node if node.endpoints else None
    segment = segments[at]
    literal = node.literals.get(segment)
    if literal is not None and (found := _find(literal, segments, at + 1, values)):
        return found
    if node.parameter is not None and segment:
        values.append(segment)
        if found := _find(node.parameter, segments, at + 1, values):
            return found
        values.pop()
    return None
