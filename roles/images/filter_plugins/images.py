"""Filters that read on the control node what the images come from: the table, recipes, archives."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.jiucom.platform.plugins.module_utils.images import archives, recipes

SOURCES = ("present", "archive", "registry", "packages")


def _require_images(variable: str, given: Mapping[str, Any], images: Collection[str]) -> None:
    for name in given:
        if name not in images:
            raise AnsibleFilterError(f"{variable}.{name}: no such image; there are {', '.join(images)}")


def images_wanted(
    images: Mapping[str, Mapping[str, str]],
    recipes_dir: str,
    sources: Iterable[str] = SOURCES,
    overrides: Mapping[str, list[str]] | None = None,
    substitutes: Mapping[str, str] | None = None,
    given: Mapping[str, Mapping[str, Any]] | None = None,
    data: Mapping[str, Mapping[str, Any]] | None = None,
    known: Collection[str] = (),
) -> list[dict[str, Any]]:
    """Make the table of wanted images from `platform_images`, an entry as `wanted.Wanted` has it.

    `given` is what the role knows of single images: `recipe` (another directory than the image's name), `source`, `args`, `fault`
    and `parts`. `data` is what wrote the data, as the filter written_data returns it. `known` are the images of all services,
    also of those that are off. Raises AnsibleFilterError, naming the variable, for unknown images and sources.
    """
    overrides, substitutes, given, data = overrides or {}, substitutes or {}, given or {}, data or {}
    _require_images("images_sources_overrides", overrides, known or images)
    _require_images("images_substitutes", substitutes, known or images)
    for name, listed in overrides.items():
        for source in listed:
            if source not in SOURCES:
                raise AnsibleFilterError(
                    f"images_sources_overrides.{name}: no source {source!r}; there are {', '.join(SOURCES)}"
                )
    table = []
    for name, image in images.items():
        own = given.get(name, {})
        recipe = str(own.get("recipe", name))
        entry: dict[str, Any] = {
            "name": str(name),
            "reference": str(image["ref"] or ""),
            "sources": [str(s) for s in overrides.get(name, sources) if image["ref"] or s != "registry"],
            "substitute": str(substitutes.get(name, "")),
            "parts": int(own.get("parts", 1)),
        }
        if (Path(recipes_dir) / recipe / "Dockerfile").is_file():
            args = {str(key): str(value) for key, value in own.get("args", {}).items()}
            source, fault = str(own.get("source", "")), str(own.get("fault", ""))
            entry["recipe"] = recipes.read(Path(recipes_dir), recipe, source, args, fault)
        if name in data:
            entry |= {"has_data": True, "written": str(data[name]["version"]), "lines": dict(data[name]["lines"])}
        table.append(entry)
    return table


def images_archives(directory: str, cache_dir: str) -> dict[str, dict[str, Any]]:
    """Describe the archives of a directory. Raises AnsibleFilterError for a file that is none."""
    try:
        return archives.index(str(directory), Path(str(cache_dir)) / "archives.json")
    except ValueError as fault:
        raise AnsibleFilterError(str(fault)) from fault


def images_artifact(file: str) -> dict[str, str]:
    """Read an artifact.env of a recipe."""
    return recipes.artifact(Path(str(file)))


def images_artifact_fault(artifact: Mapping[str, str], cache_dir: str, local: bool) -> str:
    """Say why the control node cannot download an artifact; where it is the host itself, the role installs Maven."""
    if local or (Path(str(cache_dir)) / artifact["ARTIFACT_FILE"]).exists() or shutil.which("mvn"):
        return ""
    return f"the control node has no Maven to download {artifact['ARTIFACT']}; type there: apt-get install maven"


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        """Names under which templates find the filters."""
        return {
            "images_wanted": images_wanted,
            "images_archives": images_archives,
            "images_artifact": images_artifact,
            "images_artifact_fault": images_artifact_fault,
        }
