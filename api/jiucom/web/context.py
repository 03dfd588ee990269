"""The first argument of handlers."""

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from starlette.requests import Request

from jiucom.auth.principal import Principal, Role
from jiucom.clock import Clock
from jiucom.db import Database
from jiucom.errors import ApiError, ErrorCode
from jiucom.limiter import RateLimiter
from jiucom.settings import Settings


class Application(Protocol):
    """The part of the application that this package uses. `jiucom.state.AppState`, in a higher layer, implements it."""

    @property
    def settings(self) -> Settings: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def db(self) -> Database: ...
    @property
    def limiter(self) -> RateLimiter: ...
    @property
    def document(self) -> bytes:
        """The encoded OpenAPI document."""
        ...


App = TypeVar("App", bound=Application, covariant=True)


@dataclass(frozen=True, slots=True)
class Context(Generic[App]):
    """The request, its user, and the application. Handlers of domains take `jiucom.state.Context`."""

    app: App
    request: Request
    principal: Principal | None

    @property
    def user(self) -> Principal:
        """The user. Raises 401 A001 when the request has none."""
        if self.principal is None:
            raise ApiError(ErrorCode.UNAUTHORIZED)
        return self.principal

    def require(self, roles: frozenset[Role]) -> None:
        """Raises 401 A001 without a user and 403 A002 for a user without one of `roles`."""
        if self.user.role not in roles:
            raise ApiError(ErrorCode.FORBIDDEN)

    @property
    def client_address(self) -> str:
        """The client's address, forwarded ones only from a trusted gateway."""
        return str(self.request.scope["jiucom.client"])
