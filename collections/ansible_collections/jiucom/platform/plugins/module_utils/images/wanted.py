"""The wanted images: one entry each, made on the control node and read on the host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Recipe:
    """A recipe of files/images, which builds an image from packages. Product and line are known before the build."""

    name: str
    checksum: str
    product: str
    line: str
    # The Debian release of its base, or the image of the table that it is built on.
    suite: str = ""
    base: str = ""
    args: Mapping[str, str] = field(default_factory=dict)
    # Why this control node cannot give what the build needs.
    fault: str = ""


@dataclass(frozen=True)
class Wanted:
    """One image of the platform."""

    name: str
    # The reference in a registry; empty for an image that is only built by a recipe.
    reference: str
    sources: tuple[str, ...]
    # How many numbers of a version name its line: 8.0 of MySQL, 7 of Redis.
    parts: int = 1
    recipe: Recipe | None = None
    # The substitute that the inventory allows, such as `mysql 9.7` or `board`.
    substitute: str = ""
    # Whether there is data, which product and version wrote it, and the service's table of release lines.
    has_data: bool = False
    written: str = ""
    lines: Mapping[str, Any] = field(default_factory=dict)


def read(entry: Mapping[str, Any]) -> Wanted:
    """Make an entry from its mapping."""
    values = dict(entry)
    recipe = values.pop("recipe", None)
    return Wanted(
        **{**values, "sources": tuple(values["sources"])},
        recipe=Recipe(**recipe) if recipe else None,
    )
