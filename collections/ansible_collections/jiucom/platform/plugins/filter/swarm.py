"""Filters of the platform on several hosts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def swarm_labels(
    nodes: Mapping[str, str], edges: Iterable[str], pinned: Iterable[str], placement: Mapping[str, str]
) -> dict[str, list[str]]:
    """Return the labels of each node by its id: `edge`, and the services whose volumes it has.

    `nodes` are the ids by host, the first host first, which has what `placement` gives to no other.
    """
    first = next(iter(nodes))
    labels: dict[str, list[str]] = {host: [] for host in nodes}
    for host in edges:
        labels[host].append("edge")
    for service in pinned:
        labels[placement.get(service, first)].append(service)
    return {nodes[host]: names for host, names in labels.items()}


def missing_images(asked: Iterable[Mapping[str, Any]], images: Sequence[str]) -> list[str]:
    """Return the images that one of several hosts lacks; `asked` are the results of docker_image_info."""
    there = [{tag for image in result["images"] for tag in image["RepoTags"] or []} for result in asked]
    return [image for image in images if any(image not in tags for tags in there)]


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        """Names under which templates find the filters."""
        return {"swarm_labels": swarm_labels, "missing_images": missing_images}
