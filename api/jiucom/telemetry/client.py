"""Whose request it is: the peer's address, or what a trusted gateway says (C7, trap 41)."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from starlette.types import Scope


class ClientAddress:
    """Believes `X-Real-IP` and `X-Forwarded-For` only from the given addresses and networks (by commas)."""

    def __init__(self, trusted: str) -> None:
        self._trusted = tuple(ip_network(entry.strip()) for entry in trusted.split(",") if entry.strip())

    def of(self, scope: Scope) -> str:
        """The client's address; "unknown" where the server has none (a Unix socket, some tests)."""
        peer = str((scope.get("client") or ("unknown",))[0])
        if not self._trusts(peer):
            return peer
        headers: dict[bytes, str] = {
            name: value.decode("latin-1") for name, value in scope["headers"] if name in _HEADERS
        }
        real = headers.get(b"x-real-ip", "").strip()
        if _address(real):
            return real
        # Each gateway appends the address it saw: the last one that is not a gateway of ours is the client.
        for entry in reversed(headers.get(b"x-forwarded-for", "").split(",")):
            entry = entry.strip()
            if not _address(entry):
                break
            if not self._trusts(entry):
                return entry
        return peer

    def _trusts(self, text: str) -> bool:
        address = _address(text)
        return address is not None and any(address in network for network in self._trusted)


_HEADERS = frozenset({b"x-real-ip", b"x-forwarded-for"})


@lru_cache(maxsize=4096)
def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
