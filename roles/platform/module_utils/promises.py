"""What the check modules of the roles share: a list of promises, each looked at even when another is broken.

A check module registers functions with their id of docs/manual-checks.md and what they show; each returns whether the promise
holds and what was seen. An exception is a broken promise too, with its text as what was seen.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ansible.module_utils.basic import AnsibleModule

Seen = tuple[bool, str]
Check = Callable[[dict[str, Any]], Seen]

ARGUMENTS = {"facts": {"type": "dict", "default": {}}}


@dataclass
class Promises:
    """The promises of one role."""

    checks: list[tuple[str, str, Check]] = field(default_factory=list)

    def promise(self, id: str, what: str) -> Callable[[Check], Check]:
        """Register a check under its id and what it shows."""

        def register(check: Check) -> Check:
            self.checks.append((id, what, check))
            return check

        return register

    def run(self) -> None:
        """Run as an Ansible module: look at every promise and return the lines, never failing on a broken one."""
        module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
        lines = []
        for id_, what, check in self.checks:
            try:
                kept, seen = check(module.params["facts"])
            except Exception as fault:
                kept, seen = False, f"{type(fault).__name__}: {fault}"
            lines.append({"id": id_, "what": what, "seen": " ".join(str(seen).split())[:300], "kept": bool(kept)})
        module.exit_json(changed=False, promises=lines)


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


_OPENER = urllib.request.build_opener(_KeepRedirects, urllib.request.ProxyHandler({}))


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


def docker(*args: str) -> str:
    """Run docker and return its output; raises RuntimeError with what it said."""
    run = subprocess.run(["docker", *args], capture_output=True, text=True, timeout=60, check=False)
    if run.returncode != 0:
        raise RuntimeError(run.stderr.strip() or f"docker {args[0]} ended with {run.returncode}")
    return run.stdout


def containers(project: str) -> dict[str, list[dict[str, Any]]]:
    """Inspect a Compose project's containers, by service."""
    ids = docker("ps", "--all", "--quiet", "--filter", f"label=com.docker.compose.project={project}").split()
    found: dict[str, list[dict[str, Any]]] = {}
    for container in json.loads(docker("inspect", *ids)) if ids else []:
        labels = container["Config"]["Labels"]
        if labels.get("com.docker.compose.oneoff") != "True":
            found.setdefault(labels["com.docker.compose.service"], []).append(container)
    return found


def eventually(look: Callable[[], Seen], seconds: float = 20, pause: float = 0.5) -> Seen:
    """Look again and again until it holds or `seconds` have passed, and return the last look."""
    end = time.monotonic() + seconds
    while True:
        kept, seen = look()
        if kept or time.monotonic() > end:
            return kept, seen
        time.sleep(pause)
