"""Filters of the report at the end of a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def check_results(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Collect the results of all check modules, facts named checks_<role>, sorted by id."""
    found = [result for name, results in facts.items() if name.startswith("checks_") for result in results]
    return sorted(found, key=lambda result: str(result["id"]))


def check_lines(results: Iterable[Mapping[str, Any]]) -> list[str]:
    """Write a line for each result: whether it passed, id, what was checked, what was seen."""
    return [
        f"{'ok    ' if one['passed'] else 'FAILED'}  {one['id']} · {one['what']} · {one['seen']}" for one in results
    ]


def image_lines(resolved: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Write a line for each image: product and version that run, and where they came from."""
    lines = []
    for name, image in resolved.items():
        built = ", built from packages" if image["origin"] == "packages" else ""
        lines.append(f"Image       {name}: {image['product']} {image['version']} ({image['source']}{built})")
    return lines


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        """Names under which templates find the filters."""
        return {
            "check_results": check_results,
            "check_lines": check_lines,
            "image_lines": image_lines,
        }
