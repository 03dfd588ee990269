"""What the check modules of the roles share: a list of checks, each of which runs even when another fails.

A check module registers functions with their id of docs/manual-checks.md and what they show; each returns whether it holds and
what was seen. An exception is a failed check too, with its text as what was seen. The results are facts: {checks_<role>: [...]}.
"""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.jiucom.platform.plugins.module_utils import engine

Seen = tuple[bool, str]
Check = Callable[[dict[str, Any]], Seen]


@dataclass
class Checks:
    """The checks of one role."""

    role: str
    registered: list[tuple[str, str, Check]] = field(default_factory=list)

    def check(self, id: str, what: str) -> Callable[[Check], Check]:
        """Register a check under its id and what it shows."""

        def register(function: Check) -> Check:
            self.registered.append((id, what, function))
            return function

        return register

    def run(self) -> None:
        """Run as an Ansible module; a failed check does not fail it.

        Each check gets `expected`, what it compares with, and in the same mapping `secrets`, which Ansible never prints.
        """
        module = AnsibleModule(
            {"expected": {"type": "dict", "default": {}}, "secrets": {"type": "dict", "default": {}, "no_log": True}},
            supports_check_mode=True,
        )
        expected = module.params["expected"] | module.params["secrets"]
        results = []
        for id_, what, function in self.registered:
            engine_cache.clear()
            try:
                passed, seen = function(expected)
            except Exception as fault:
                passed, seen = False, f"{type(fault).__name__}: {fault}"
            results.append({"id": id_, "what": what, "seen": " ".join(str(seen).split())[:300], "passed": bool(passed)})
        module.exit_json(changed=False, ansible_facts={f"checks_{self.role}": results})


engine_cache: dict[str, dict[str, list[dict[str, Any]]]] = {}


def containers(project: str) -> dict[str, list[dict[str, Any]]]:
    """Inspect a Compose project's containers, by service; one check asks Docker once."""
    if project not in engine_cache:
        engine_cache[project] = engine.containers(project)
    return engine_cache[project]


def address(expected: dict[str, Any], service: str) -> str:
    """Return the base URL of a service inside the network, as the host reaches it: in prod nothing is published.

    `expected` holds `project`, `network` and `ports`, the container ports by service.
    """
    container = containers(expected["project"])[service][0]
    ip = container["NetworkSettings"]["Networks"][expected["network"]]["IPAddress"]
    return f"http://{ip}:{expected['ports'][service]}"


@dataclass
class Answer:
    """An HTTP answer. Header names are lower case; `headers` keeps repeated ones as a list."""

    status: int
    headers: dict[str, list[str]]
    body: bytes

    def json(self) -> Any:
        """Decode the body."""
        return json.loads(self.body)

    def header(self, name: str) -> str:
        """Return the header's value, of repeated ones the first, or an empty string."""
        return (self.headers.get(name.lower()) or [""])[0]


class _KeepRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


# Checks ask the gateway by its address, for which no certificate is good; the check H3.1 looks at the certificate itself.
UNVERIFIED = ssl.create_default_context()
UNVERIFIED.check_hostname, UNVERIFIED.verify_mode = False, ssl.CERT_NONE

_OPENER = urllib.request.build_opener(
    _KeepRedirects, urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=UNVERIFIED)
)


def http_request(
    url: str, method: str = "GET", headers: dict[str, str] | None = None, body: bytes | None = None, seconds: float = 10
) -> Answer:
    """Send one request, redirects not followed; every status is an answer, only a broken connection raises OSError."""
    request = urllib.request.Request(url, data=body, headers=headers or {}, method=method)  # noqa: S310 - our own host
    try:
        response = _OPENER.open(request, timeout=seconds)
    except urllib.error.HTTPError as refusal:
        response = refusal
    names: dict[str, list[str]] = {}
    for name, value in response.headers.items():
        names.setdefault(name.lower(), []).append(value)
    try:
        content = response.read()
    except http.client.IncompleteRead as partial:
        content = partial.partial
    return Answer(response.status, names, content)


def administrator(expected: dict[str, Any]) -> dict[str, str]:
    """Return the headers with which one of the gateway's administrators asks; none where it has no administrators.

    `expected` holds `administrators`, the passwords by user.
    """
    for user, password in expected.get("administrators", {}).items():
        return {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}
    return {}


def docker(*args: str) -> str:
    """Run docker and return its output; raises RuntimeError with what it said."""
    run = subprocess.run(["docker", *args], capture_output=True, text=True, timeout=60, check=False)
    if run.returncode != 0:
        raise RuntimeError(run.stderr.strip() or f"docker {args[0]} ended with {run.returncode}")
    return run.stdout


def eventually(look: Callable[[], Seen], seconds: float = 20, pause: float = 0.5) -> Seen:
    """Repeat a check until it holds or `seconds` have passed, and return the last result."""
    end = time.monotonic() + seconds
    while True:
        engine_cache.clear()
        passed, seen = look()
        if passed or time.monotonic() > end:
            return passed, seen
        time.sleep(pause)
