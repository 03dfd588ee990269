"""Filters of the platform on several hosts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def swarm_labels(
    nodes: Mapping[str, str], edges: Iterable[str], pinned: Iterable[str], placement: Mapping[str, str], first: str
) -> dict[str, list[str]]:
    """Return the labels of each node by its id: `edge`, and the services whose volumes it has.

    `nodes` are the ids by host, without those that do not answer, which keep their labels; the host `first` has what `placement`
    gives to no other.
    """
    given = [(host, "edge") for host in edges] + [(placement.get(service, first), service) for service in pinned]
    return {node: [label for host, label in given if host == name] for name, node in nodes.items()}


def missing_images(asked: Iterable[Mapping[str, Any]], images: Sequence[str]) -> list[str]:
    """Return the images that one of several hosts lacks; `asked` are the results of docker_image_info."""
    there = [{tag for image in result["images"] for tag in image["RepoTags"] or []} for result in asked]
    return [image for image in images if any(image not in tags for tags in there)]


def swarm_edges(addresses: Mapping[str, str], nodes: Mapping[str, str]) -> dict[str, str]:
    """Return the addresses of gateways by the ids of their nodes; both are given by host."""
    return {nodes[host]: address for host, address in addresses.items() if host in nodes}


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        """Names under which templates find the filters."""
        return {"swarm_labels": swarm_labels, "swarm_edges": swarm_edges, "missing_images": missing_images}
