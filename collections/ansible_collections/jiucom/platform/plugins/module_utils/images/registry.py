"""Asking registries for images, through the daemon: its mirrors, proxies and certificates count."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.jiucom.platform.plugins.module_utils.engine import EngineError

# The meaning of a registry's answer.
GIVEN = "given"
# Asked without the credentials that `docker login` may have left on the host: only a pull can tell.
LOCKED = "locked"
# The registry answers, and does not have the image.
ABSENT = "absent"
# The registry answers, and cannot serve now.
LATER = "later"
# No registry answers, or none that can be trusted.
UNREACHABLE = "unreachable"
# Something else, such as a full disk, which another source would not cure.
FAILED = "failed"

# Seconds before each further attempt: a busy registry gets more time than an unreachable one.
PAUSES = {LATER: (1, 3, 6), UNREACHABLE: (1,)}

_BUSY = re.compile(r"toomanyrequests|too many requests|rate limit", re.IGNORECASE)
_STATUS = re.compile(
    r"unexpected HTTP status:? (\d{3})|parsing HTTP (\d{3}) response|status code:? (\d{3})", re.IGNORECASE
)
_ABSENT = re.compile(r"manifest unknown|not found|name unknown|no such manifest|no matching manifest", re.IGNORECASE)
_LOCKED = re.compile(r"unauthorized|denied|authentication required|no basic auth credentials", re.IGNORECASE)
_TLS = re.compile(r"HTTP response to HTTPS client|does not look like a TLS handshake", re.IGNORECASE)
_UNTRUSTED = re.compile(r"x509:|certificate", re.IGNORECASE)
_UNREACHABLE = re.compile(
    r"no such host|connection refused|no route to host|network is unreachable|i/o timeout|deadline exceeded|Client\.Timeout|"
    r"handshake timeout|connection reset|proxyconnect|temporary failure in name resolution|server misbehaving|dial tcp|"
    # After the address comes the proxy's own message, or the reason why the connection ended.
    r'(?:Get|Head) "[^"]+": (?-i:[A-Z][A-Za-z ]*)$',
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Answer:
    """A registry's answer for one image."""

    verdict: str
    message: str = ""


def classify(status: int, message: str) -> Answer:
    """Read what the daemon says of a registry's answer. `status` 0 means that the daemon said nothing in time.

    The daemon gives 500 for most of what registries answer, and names their status in its message.
    """
    found = _STATUS.search(message)
    said = int(next(filter(None, found.groups()))) if found else status
    if 200 <= status < 300:
        return Answer(GIVEN)
    if _BUSY.search(message) or said == 429 or (found and said >= 500):
        return Answer(LATER, message)
    if status == 0 or any(pattern.search(message) for pattern in (_UNREACHABLE, _TLS, _UNTRUSTED)):
        return Answer(UNREACHABLE, message or "no answer in time (images_registry_timeout)")
    if said in (401, 403) or _LOCKED.search(message):
        return Answer(LOCKED, message)
    if said in (400, 404) or _ABSENT.search(message):
        return Answer(ABSENT, message or f"status {said}")
    return Answer(FAILED, message or f"status {said}")


def advice(answer: Answer, reference: str, prefix: str) -> str:
    """Return what the registry said, with what to do about it."""
    host = reference.partition("/")[0]
    mirror = f"images_registry_prefix is {prefix}" if prefix else "for a mirror set images_registry_prefix"
    if answer.verdict == LATER:
        todo = f"log in on the host (docker login), use a mirror ({mirror}), or run this again later"
    elif answer.verdict == LOCKED:
        todo = "set images_registry_user and images_registry_password, or log in on the host, as root: docker login"
        todo += f" {host}" if "." in host or ":" in host else ""
    elif answer.verdict in (ABSENT, FAILED):
        todo = mirror if prefix else ""
    elif _TLS.search(answer.message):
        todo = f"it speaks http: set docker_daemon_options: {{insecure-registries: [{host}]}}"
    elif _UNTRUSTED.search(answer.message):
        todo = "set images_registry_ca to a file with its certificate authority"
    else:
        todo = mirror
    return f"{answer.message}; {todo}" if todo else answer.message


def patient(ask: Callable[[], Answer], pauses: Mapping[str, Sequence[float]]) -> Answer:
    """Ask again, with the pauses of each verdict, while the registry is unreachable or busy."""
    answer = ask()
    for attempt in range(max(map(len, pauses.values()))):
        waits = pauses.get(answer.verdict, ())
        if attempt >= len(waits):
            break
        time.sleep(waits[attempt])
        answer = ask()
    return answer


class Registry:
    """The registries behind the daemon."""

    def __init__(self, get: Callable[[str, float], Any], timeout: float) -> None:
        self._get, self._timeout = get, timeout

    def _once(self, reference: str) -> Answer:
        try:
            self._get(f"/distribution/{reference}/json", self._timeout)
        except EngineError as fault:
            return classify(fault.status, "" if fault.status == 0 else str(fault).strip())
        return Answer(GIVEN)

    def ask(self, reference: str) -> Answer:
        """Ask whether an image can be pulled."""
        return patient(lambda: self._once(reference), PAUSES)
