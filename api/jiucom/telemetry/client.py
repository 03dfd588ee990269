"""Headers of a trusted gateway: the client's address (C7), and the id under which the gateway logs the request."""

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from starlette.types import Scope


class Gateway:
    """Reads `X-Real-IP`, `X-Forwarded-For` and `X-Request-Id` only from the given addresses and networks (by commas)."""

    def __init__(self, trusted: str) -> None:
        self._trusted = tuple(ip_network(entry.strip()) for entry in trusted.split(",") if entry.strip())

    def client_address(self, scope: Scope) -> str:
        """The client's address; "unknown" where the server has none (a Unix socket, some tests)."""
        peer = _peer(scope)
        if not self._trusts(peer):
            return peer
        headers = _headers(scope)
        real = headers.get(b"x-real-ip", "").strip()
        if _address(real):
            return real
        # Each gateway appends the address it saw: the last one that is not a trusted gateway is the client.
        for entry in reversed(headers.get(b"x-forwarded-for", "").split(",")):
            entry = entry.strip()
            if not _address(entry):
                break
            if not self._trusts(entry):
                return entry
        return peer

    def request_id(self, scope: Scope) -> str:
        """The gateway's id of the request; empty when there is none, or an invalid one."""
        if not self._trusts(_peer(scope)):
            return ""
        given = _headers(scope).get(b"x-request-id", "")
        return given if _REQUEST_ID.fullmatch(given) else ""

    def _trusts(self, text: str) -> bool:
        address = _address(text)
        return address is not None and any(address in network for network in self._trusted)


_HEADERS = frozenset({b"x-real-ip", b"x-forwarded-for", b"x-request-id"})
_REQUEST_ID = re.compile(r"[0-9A-Za-z-]{1,64}")


def _peer(scope: Scope) -> str:
    return str((scope.get("client") or ("unknown",))[0])


def _headers(scope: Scope) -> dict[bytes, str]:
    return {name: value.decode("latin-1") for name, value in scope["headers"] if name in _HEADERS}


@lru_cache(maxsize=4096)
def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
