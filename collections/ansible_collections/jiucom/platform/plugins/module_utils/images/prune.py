"""Which of our own images are no longer needed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from ansible_collections.jiucom.platform.plugins.module_utils.images.build import PROJECT_LABEL


def _names(image: Mapping[str, Any]) -> list[str]:
    return [name for name in image.get("RepoTags") or [] if not name.startswith("<none>")]


def _release(image: Mapping[str, Any], prefix: str) -> str:
    """Return what an image is a release of, such as mysql: by its name, or where a newer build has taken that, by its label."""
    names, labels = _names(image), image.get("Labels") or {}
    return names[0].rpartition(":")[0].removeprefix(prefix) if names else str(labels.get("io.jiucom.image", ""))


def superfluous(
    images: Iterable[Mapping[str, Any]],
    needed: Collection[str],
    project: str,
    prefix: str,
    keep: int,
) -> list[Mapping[str, Any]]:
    """Return the images to remove, the oldest first: those with our label that are not `needed`, but for the `keep` newest of
    each name.

    `images` is Docker's list, `needed` the ids of images that a container uses or the platform wants. An image that somebody
    has given a name outside `prefix` is theirs.
    """
    own = [
        image
        for image in images
        if (image.get("Labels") or {}).get(PROJECT_LABEL) == project
        and all(name.startswith(prefix) for name in _names(image))
    ]
    kept: dict[str, int] = {}
    found = []
    for image in sorted(own, key=lambda one: int(one["Created"]), reverse=True):
        release = _release(image, prefix)
        if image["Id"] in needed or kept.get(release, 0) < keep:
            kept[release] = kept.get(release, 0) + 1
        else:
            found.append(image)
    return found[::-1]
