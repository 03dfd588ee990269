"""A made-up Docker: what it has, and what registries answer through it."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable
from typing import Any

from ansible_collections.jiucom.platform.plugins.module_utils.apt_sources import Release
from ansible_collections.jiucom.platform.plugins.module_utils.engine import EngineError
from ansible_collections.jiucom.platform.plugins.module_utils.images.host import RECIPE_LABEL, Host
from ansible_collections.jiucom.platform.plugins.module_utils.images.plan import Choice, Planner, packaged_name
from ansible_collections.jiucom.platform.plugins.module_utils.images.registry import Registry
from ansible_collections.jiucom.platform.plugins.module_utils.images.suites import Suites
from ansible_collections.jiucom.platform.plugins.module_utils.images.wanted import Recipe, Wanted
from ansible_collections.jiucom.platform.plugins.module_utils.references import parse

DEFAULT = "registry.default.example"
PREFIX = "localhost/jiucom/"
ALL = ("present", "archive", "registry", "packages")
# What registries say, as Docker 26 passes it on: status and message.
REFUSED = (500, 'Get "https://mirror.example/v2/": dial tcp 192.0.2.1:443: connect: connection refused')
NO_NAME = (500, 'Get "https://mirror.example/v2/": dial tcp: lookup mirror.example: no such host')
MISSING = (404, "manifest unknown: manifest unknown")
LOCKED = (401, "unauthorized: authentication required")
DENIED = (403, "denied: requested access to the resource is denied")
BUSY = (429, "toomanyrequests: you have reached your pull rate limit")
BROKEN = (500, "received unexpected HTTP status: 503 Service Unavailable")
GIVEN = (200, "")
SILENT = (0, "Docker does not answer at /var/run/docker.sock: timed out")


def canonical(reference: str) -> str:
    """The name under which Docker keeps what it is asked for; a digest makes it forget the tag."""
    parts = parse(reference, DEFAULT)
    return f"{parts.name}@{parts.digest}" if parts.digest else str(parts)


class Docker:
    """Answers paths of Docker's API from dictionaries, and keeps what it was asked."""

    def __init__(self, running: bool = True, **registry_config: Any) -> None:
        index = {DEFAULT: {"Official": True, "Secure": True}}
        self.info = {"RegistryConfig": {"IndexConfigs": index, **registry_config}} if running else None
        self.images: dict[str, dict[str, Any]] = {}
        self.answers: dict[str, list[tuple[int, str]]] = {}
        self.asked: list[str] = []
        self._lock = threading.Lock()

    def give(self, reference: str, *, labels: dict[str, str] | None = None, env: Iterable[str] = ()) -> dict[str, Any]:
        """Put an image on the host, listed as Docker lists it; returns what inspecting it says."""
        name = canonical(reference)
        digest = hashlib.sha256(f"{reference}{labels}{env}".encode()).hexdigest()
        listed = {"RepoDigests": [name], "RepoTags": []} if "@" in name else {"RepoTags": [name], "RepoDigests": None}
        found = {
            "Id": f"sha256:{digest}",
            "Config": {"Labels": labels, "Env": list(env)},
            "RootFS": {"Layers": [f"sha256:{digest}"]},
            "Created": "2026-11-01T00:00:00Z",
            **listed,
        }
        self.images[name] = found
        return found

    def answer(self, reference: str, *said: tuple[int, str]) -> None:
        """Set what a registry says of a reference, one after the other; the last one stays."""
        self.answers[reference] = list(said)

    def get(self, path: str, seconds: float = 60) -> Any:
        """Answer as module_utils/engine.get does."""
        if self.info is None:
            raise EngineError(0, "Docker does not answer")
        if path == "/info":
            return self.info
        kind, _, rest = path.lstrip("/").partition("/")
        reference = rest.removesuffix("/json")
        if kind == "images":
            if canonical(reference) not in self.images:
                raise EngineError(404, f"No such image: {reference}")
            return self.images[canonical(reference)]
        assert kind == "distribution", path
        with self._lock:
            self.asked.append(reference)
            said = self.answers.get(reference, [MISSING])
            status, message = said.pop(0) if len(said) > 1 else said[0]
        if status != 200:
            raise EngineError(status, message)
        return {}


MYSQL = Recipe("mysql", "m" * 64, "mysql", "9.7", suite="sid")
REDIS = Recipe("redis", "r" * 64, "redis", "7.0", suite="bookworm")
PYTHON = Recipe("python", "p" * 64, "python", "3.13", suite="trixie")
BOARD = Recipe("board", "b" * 64, "board", "1", base="python")
TABLE = {
    "mysql": Wanted("mysql", "mysql:8.0.43", ALL, parts=2, recipe=MYSQL),
    "redis": Wanted("redis", "redis:7.4.5-alpine", ALL, recipe=REDIS),
    "python": Wanted("python", "python:3.13.9-slim-trixie", ALL, parts=2, recipe=PYTHON),
    "grafana": Wanted("grafana", "grafana/grafana:11.6.4", ALL, recipe=BOARD),
}


def own(recipe: Recipe, base: str = "") -> tuple[str, dict[str, str]]:
    """The name and the labels of what a recipe builds."""
    name = packaged_name(PREFIX, recipe, base)
    labels = {"io.jiucom.product": recipe.product, RECIPE_LABEL: name.rpartition(":")[2]}
    return name, {**labels, "org.opencontainers.image.version": f"{recipe.line}.4"}


def planner(
    docker: Docker,
    archives: dict[str, Any] | None = None,
    look_up: Callable[[str, str], Release] | None = None,
    **options: Any,
) -> Planner:
    """A planner on a made-up Docker; Debian's mirror has every release."""
    suites = Suites("", lambda: ["http://debian.example"], look_up or (lambda mirror, _: Release(mirror)))
    registry = Registry(docker.get, 5)
    return Planner(Host(docker.get), registry, suites, archives or {}, image_prefix=PREFIX, **options)


def choose(docker: Docker, wanted: Wanted, archives: dict[str, Any] | None = None, **options: Any) -> Choice:
    """Plan one image alone."""
    return planner(docker, archives, **options).plan([wanted])[wanted.name]
