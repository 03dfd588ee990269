"""The authenticated user of a request."""

from dataclasses import dataclass
from typing import Literal

Role = Literal["USER", "SELLER", "ADMIN"]


@dataclass(frozen=True, slots=True)
class Principal:
    """A user whose token is valid and whose account is active. The role is the account's present one."""

    user_id: int
    role: Role
    jti: str
    expires_at: int  # s since the epoch
    # The login that the token comes from; empty for a token that comes from none.
    family: str = ""

    @property
    def is_admin(self) -> bool:
        """May moderate and administer."""
        return self.role == "ADMIN"
