"""The mirrors of Debian that packaged images are built from."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ansible_collections.jiucom.platform.plugins.module_utils.apt_sources import Release


class Suites:
    """Finds for each release of Debian the first mirror that has it, and asks each mirror once."""

    def __init__(
        self,
        mirror: str,
        own_mirrors: Callable[[], list[str]],
        look_up: Callable[[str, str], Release],
        distribution: str = "debian",
    ) -> None:
        self._mirror, self._own, self._look_up, self._distribution = mirror, own_mirrors, look_up, distribution
        self._lock = threading.Lock()
        self._mirrors: list[str] | None = None
        self._found: dict[str, Release] = {}

    def _candidates(self) -> list[str]:
        if self._mirrors is None:
            self._mirrors = [self._mirror.rstrip("/")] if self._mirror else self._own()
        return self._mirrors

    def find(self, suite: str) -> Release:
        """Return the release, on the first mirror that has it, or with what each of them said."""
        with self._lock:
            if suite not in self._found:
                self._found[suite] = self._ask(suite)
            return self._found[suite]

    def fault(self, suite: str) -> str:
        """Say why nothing can be built from a release; empty when it can."""
        return self.find(suite).fault

    def _ask(self, suite: str) -> Release:
        if not self._mirror and self._distribution != "debian":
            return Release(
                "",
                f"the host is {self._distribution}, whose mirrors have no Debian {suite}: set images_packages_mirror to the "
                "address of a Debian mirror",
            )
        try:
            mirrors = self._candidates()
        except RuntimeError as fault:
            return Release("", f"{fault}; set images_packages_mirror")
        faults = []
        for mirror in mirrors:
            release = self._look_up(mirror, suite)
            if not release.fault:
                return release
            faults.append(release.fault)
        said = "; ".join(faults) or "the host's own apt sources name no mirror of Debian"
        return Release("", said if "images_packages_" in said else f"{said}; set images_packages_mirror")
