"""Asks Docker on the host for its images, and reads product and version from an image's metadata."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.jiucom.platform.plugins.module_utils.engine import EngineError
from ansible_collections.jiucom.platform.plugins.module_utils.references import parse, same

# Where official images that have no label say which version they hold.
_VARIABLES = {
    "mysql": "MYSQL_VERSION",
    "redis": "REDIS_VERSION",
    "nginx": "NGINX_VERSION",
    "python": "PYTHON_VERSION",
    "grafana": "GF_VERSION",
}
_VERSION_LABEL = "org.opencontainers.image.version"
_PRODUCT_LABEL = "io.jiucom.product"
RECIPE_LABEL = "io.jiucom.recipe"


@dataclass(frozen=True)
class Image:
    """An image on the host, or in an archive, where it has no id that holds for every engine."""

    id: str
    names: tuple[str, ...]
    labels: Mapping[str, str]
    env: Mapping[str, str]
    layers: tuple[str, ...]
    created: str = ""

    @property
    def fingerprint(self) -> str:
        """A hash of layers and environment. Ids differ between engines: some use the index's digest, some the configuration's."""
        content = json.dumps([self.layers, sorted(self.env.items())])
        return hashlib.sha256(content.encode()).hexdigest()

    def digest(self, reference: str) -> str:
        """Return the digest that the registry of a reference knows the image by; empty where none does."""
        name = parse(reference).name
        listed = [parse(one) for one in self.names if "@" in one]
        return next((one.digest for one in listed if one.name == name), "")

    def describe(self, name: str, promised: str = "") -> tuple[str, str]:
        """Return product and version of the image that stands for `name`: what it says itself, else what was promised."""
        product = self.labels.get(_PRODUCT_LABEL) or name
        own = self.labels.get(_VERSION_LABEL, "") if _PRODUCT_LABEL in self.labels else ""
        # Images on Ubuntu carry its labels on where they set none of their own.
        inherited = self.labels.get("org.opencontainers.image.ref.name") == "ubuntu"
        label = "" if inherited else self.labels.get(_VERSION_LABEL, "")
        said = own or self.env.get(_VARIABLES.get(name, ""), "") or label
        found = re.search(r"\d+(?:\.\d+)+", said)
        return product, found[0] if found else promised


def image(id_: str, names: Iterable[str], config: Mapping[str, Any], layers: Iterable[str], created: str = "") -> Image:
    """Make an image from its configuration, as Docker and archives have it."""
    env = dict(entry.partition("=")[::2] for entry in config.get("Env") or [])
    return Image(id_, tuple(names), config.get("Labels") or {}, env, tuple(layers), created)


class Host:
    """Docker on this host; where it does not answer, nothing is there."""

    def __init__(self, get: Callable[[str], Any]) -> None:
        self._get = get
        try:
            self.info: dict[str, Any] = get("/info")
        except EngineError:
            self.info = {}

    @property
    def answers(self) -> bool:
        """Whether Docker answers."""
        return bool(self.info)

    @property
    def registries(self) -> dict[str, Any]:
        """The registries section of `docker info`."""
        return self.info.get("RegistryConfig") or {}

    @property
    def default_registry(self) -> str:
        """The domain that may be left out of references."""
        entries = (self.registries.get("IndexConfigs") or {}).items()
        return next((name for name, entry in entries if entry.get("Official")), "")

    def find(self, reference: str) -> Image | None:
        """Return the image behind a reference; None where the host has none.

        Docker is asked for the reference itself, and its answer must list it: nothing is compared as text.
        """
        if not self.answers or not reference:
            return None
        try:
            found = self._get(f"/images/{reference}/json")
        except EngineError as fault:
            if fault.status == 404:
                return None
            raise
        names = [*(found.get("RepoTags") or []), *(found.get("RepoDigests") or [])]
        if not any(same(name, reference, self.default_registry) for name in names):
            return None
        layers = (found.get("RootFS") or {}).get("Layers") or []
        return image(found["Id"], names, found.get("Config") or {}, layers, found.get("Created", ""))

    def unknown_options(self, options: Mapping[str, Any]) -> bool:
        """Whether docker_daemon_options hold mirrors, insecure registries or proxies that the daemon does not know yet."""
        known = {str(mirror).rstrip("/") for mirror in self.registries.get("Mirrors") or []}
        insecure = set(self.registries.get("InsecureRegistryCIDRs") or [])
        insecure |= {
            name for name, entry in (self.registries.get("IndexConfigs") or {}).items() if not entry.get("Secure", True)
        }
        proxies = {"http-proxy": "HttpProxy", "https-proxy": "HttpsProxy", "no-proxy": "NoProxy"}
        wanted = options.get("proxies") or {}
        return (
            any(str(mirror).rstrip("/") not in known for mirror in options.get("registry-mirrors") or [])
            or any(str(name) not in insecure for name in options.get("insecure-registries") or [])
            # The daemon never shows a proxy's account.
            or any(
                wanted[key] != self.info.get(name, "")
                for key, name in proxies.items()
                if key in wanted and "@" not in wanted[key]
            )
        )
