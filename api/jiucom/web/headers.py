"""Security headers of every answer (docs/decisions.md).

The content security policy is set here because only the API knows what its pages load; the gateway sets the other headers.
"""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Swagger UI sets styles in its elements and has its icons in them.
_POLICY = (
    b"default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'none'; "
    b"frame-ancestors 'self'; form-action 'self'"
)
SECURITY = (b"content-security-policy", _POLICY)
PRIVATE = (b"cache-control", b"no-store")


class Headers:
    """Middleware. `no-store` on answers to requests with `Authorization`, and to all but GET and HEAD: some hold tokens."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def add(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message["headers"] = [*message["headers"], SECURITY]
                if _is_private(scope) and not any(name == b"cache-control" for name, _ in headers):
                    headers.append(PRIVATE)
            await send(message)

        await self.app(scope, receive, add)


def _is_private(scope: Scope) -> bool:
    return scope["method"] not in ("GET", "HEAD") or any(name == b"authorization" for name, _ in scope["headers"])
