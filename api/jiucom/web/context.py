"""What a handler gets as its first argument."""

from dataclasses import dataclass

from starlette.requests import Request

from jiucom.auth.principal import Principal, Role
from jiucom.errors import ApiError, ErrorCode
from jiucom.state import AppState


@dataclass(frozen=True, slots=True)
class Context:
    """The request, who is asking, and what the process owns (`ctx.app.db`, `.cache`, `.settings`, `.clock`, ...)."""

    app: AppState
    request: Request
    principal: Principal | None

    @property
    def user(self) -> Principal:
        """Who is asking. Raises 401 A001 for nobody."""
        if self.principal is None:
            raise ApiError(ErrorCode.UNAUTHORIZED)
        return self.principal

    def require(self, roles: frozenset[Role]) -> None:
        """Raises 401 A001 for nobody and 403 A002 for a user without one of `roles`."""
        if self.user.role not in roles:
            raise ApiError(ErrorCode.FORBIDDEN)

    @property
    def client_address(self) -> str:
        """The client's address, forwarded ones only from a trusted gateway."""
        return str(self.request.scope["jiucom.client"])
