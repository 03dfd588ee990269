"""The releases of the API that this host has served: one file each in `.releases`, named by the image's tag."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

from ansible_collections.jiucom.platform.plugins.module_utils.comparison import FRAGMENTS
from ansible_collections.jiucom.platform.plugins.module_utils.files import replace

# compose.yaml as it shall be, beside it for as long as the release before serves.
NEXT = ".compose.next.yaml"
# As service_files writes it. Hosts need not have a reader of YAML.
_IMAGE = re.compile(r'^  image: "?([^"\s]+)"?$', re.MULTILINE)


def tag(image: str) -> str:
    """Return the tag of an image's reference, by which a release is known."""
    return image.rpartition(":")[2]


def image_of(fragment: str) -> str:
    """Return the image that a part of compose.yaml names. Raises ValueError when it names none."""
    found = _IMAGE.search(fragment)
    if not found:
        raise ValueError("the part of compose.yaml names no image")
    return found[1]


class Releases:
    """The releases of one installation."""

    def __init__(self, base: Path) -> None:
        self.fragment = base / FRAGMENTS / "app.yaml"
        self.directory = base / ".releases"

    def listed(self) -> list[dict[str, Any]]:
        """List them, the one that served last first."""
        found = [json.loads(file.read_text()) for file in self.directory.glob("*.json")]
        return sorted(found, key=lambda one: float(one["served"]), reverse=True)

    def record(self, commit: str) -> None:
        """Record that what the part of compose.yaml names serves now."""
        text = self.fragment.read_text()
        image = image_of(text)
        self.directory.mkdir(mode=0o700, exist_ok=True)
        release = {"image": image, "commit": commit, "served": time.time(), "fragment": text}
        replace(self.directory / f"{tag(image)}.json", json.dumps(release).encode(), -1, -1, 0o600)

    def forget(self, kept: set[str]) -> None:
        """Forget the releases whose images are not kept any more."""
        for release in self.listed():
            if release["image"] not in kept:
                (self.directory / f"{tag(release['image'])}.json").unlink()

    def before(self, name: str = "") -> dict[str, Any]:
        """Return the release to go back to: the one before, or the named one. Raises LookupError with those that there are."""
        releases = self.listed()
        now = image_of(self.fragment.read_text())
        others = [one for one in releases if one["image"] != now]
        wanted = (
            [one for one in releases if name in (tag(one["image"]), one["image"], one["commit"])] if name else others
        )
        if wanted:
            return wanted[0]
        known = ", ".join(f"{tag(one['image'])} (commit {one['commit'] or 'unknown'})" for one in others) or "none"
        raise LookupError(f"There is no release {name or 'before this one'}; those that can be taken are: {known}")

    def keep(self) -> None:
        """Put the part of what serves back in place; before the first release there is none."""
        for release in self.listed()[:1]:
            self.restore(release)

    def restore(self, release: dict[str, Any]) -> None:
        """Put a release's part of compose.yaml in place."""
        replace(self.fragment, release["fragment"].encode(), -1, -1, 0o600)
