"""Filters that decide which source gives which image. They look and compute; they change nothing.

The table made by `images_table` has one entry an image:
  name, official (what a registry serves, prefix included), packaged (what a recipe builds, empty without a recipe),
  references (every tag under which the image may be found, best first), suite (of the recipe's base), recipe (its
  checksum), sources (in order).
"""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleFilterError

SOURCES = ("present", "archive", "registry", "packages")
_BASE = re.compile(r"^ARG BASE=debian:(\S+)-slim$", re.MULTILINE)
_UNTRACKED = {"__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache"}

Entry = dict[str, Any]
Host = Mapping[str, Mapping[str, Any]]
Refusals = Mapping[str, Mapping[str, str]]


def recipe_checksum(recipes: Path, name: str, salt: str = "") -> str:
    """Checksum of a recipe: of its files, of what all recipes share, and of `salt`, what it is given beyond them."""
    total = hashlib.sha256(salt.encode())
    for path in sorted(path for folder in ("common", name) for path in (recipes / folder).rglob("*")):
        if path.is_file() and path.suffix != ".pyc" and not _UNTRACKED & set(path.parts):
            total.update(f"{path.relative_to(recipes)}\0{path.stat().st_mode & 0o100}\0".encode())
            total.update(path.read_bytes())
    return total.hexdigest()


def images_table(
    images: Mapping[str, Mapping[str, str]],
    recipes: str,
    prefix: str = "",
    sources: Iterable[str] = SOURCES,
    overrides: Mapping[str, list[str]] | None = None,
    salts: Mapping[str, str] | None = None,
) -> list[Entry]:
    """Make the table from `platform_images`. An image with an empty reference is one that no registry has.

    Raises AnsibleFilterError for an unknown image or source in `overrides`, naming the variable.
    """
    overrides = overrides or {}
    for name, listed in overrides.items():
        if name not in images:
            raise AnsibleFilterError(f"images_sources_overrides.{name}: no such image; there are {', '.join(images)}")
        for source in listed:
            if source not in SOURCES:
                raise AnsibleFilterError(
                    f"images_sources_overrides.{name}: no source {source!r}; there are {', '.join(SOURCES)}"
                )
    table: list[Entry] = []
    for name, image in images.items():
        dockerfile = Path(recipes) / name / "Dockerfile"
        entry: Entry = {
            "name": name,
            "official": image["ref"] and prefix + image["ref"],
            "packaged": "",
            "recipe": "",
            "suite": "",
            "sources": [source for source in overrides.get(name, sources) if image["ref"] or source != "registry"],
        }
        if dockerfile.is_file():
            entry["recipe"] = recipe_checksum(Path(recipes), name, (salts or {}).get(name, ""))
            entry["packaged"] = f"localhost/jiucom/{name}:{entry['recipe'][:12]}"
            base = _BASE.search(dockerfile.read_text())
            entry["suite"] = base[1] if base else ""
        entry["references"] = list(dict.fromkeys(filter(None, [entry["official"], image["ref"], entry["packaged"]])))
        table.append(entry)
    return table


def images_host(listing: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Index Docker's answer to `GET /images/json` by reference: {reference: {id, labels}}."""
    return {
        reference: {"id": image["Id"], "labels": image.get("Labels") or {}}
        for image in listing
        for reference in [*(image.get("RepoTags") or []), *(image.get("RepoDigests") or [])]
    }


def images_archives(directory: str) -> dict[str, dict[str, str]]:
    """Read what the `docker save` files of a directory hold: {reference: {file, id}}. No directory, nothing held.

    Raises AnsibleFilterError for a file that is no such archive: a broken bundle must not pass for an empty one.
    """
    held: dict[str, dict[str, str]] = {}
    files = [path for pattern in ("*.tar", "*.tar.gz", "*.tgz") for path in Path(directory).glob(pattern)]
    for path in sorted(files):
        try:
            with tarfile.open(path) as archive:
                manifest = json.load(archive.extractfile("manifest.json"))  # type: ignore[arg-type]
        except (tarfile.TarError, KeyError, ValueError, OSError) as fault:
            raise AnsibleFilterError(f"{path} is no archive made by `docker save`: {fault}") from fault
        for image in manifest:
            digest = Path(image["Config"]).name.removesuffix(".json")
            for reference in image.get("RepoTags") or []:
                held[reference] = {"file": str(path), "id": f"sha256:{digest}"}
    return held


def images_registry_answer(answer: Mapping[str, Any]) -> dict[str, str]:
    """Read Docker's answer to `GET /distribution/<reference>/json`: {verdict, reason}.

    The verdict is `given`; `locked`, because the daemon asks without the credentials that a `docker login` on the host
    may have left, so that only a pull can tell; `refused`, for this image; or `unreachable`, for all of the registry.
    """
    status = answer["status"]
    message = str((answer.get("json") or {}).get("message", "")).strip()
    if status == 200:
        return {"verdict": "given", "reason": ""}
    if status in (401, 403) or re.search(r"auth credentials|unauthorized|denied", message):
        return {"verdict": "locked", "reason": message}
    if status in (-1, 500):
        return {"verdict": "unreachable", "reason": message or "no answer in time (images_registry_timeout)"}
    return {"verdict": "refused", "reason": message or f"status {status}"}


def images_plan(
    table: Iterable[Entry],
    host: Host,
    refusals: Refusals | None = None,
    archives: Mapping[str, Mapping[str, str]] | None = None,
    rebuild: Iterable[str] = (),
) -> dict[str, dict[str, Any]]:
    """Choose for each image the first source that is not refused: {name: {source, reference, done}}.

    `done` means that the host has what the source would give. `refusals` is {name: {source: reason}}; without an entry
    a source is believed to work. An image without any source left gets the source ''. `rebuild` names images whose
    packaged copy on the host does not count.
    """
    plan: dict[str, dict[str, Any]] = {}
    for entry in table:
        name = entry["name"]
        here = {
            reference: host[reference]
            for reference in entry["references"]
            if reference in host and not (reference == entry["packaged"] and name in rebuild)
        }
        plan[name] = {"source": "", "reference": "", "done": False}
        for source in entry["sources"]:
            reference = {
                "present": next(iter(here), ""),
                "archive": next((known for known in entry["references"] if known in (archives or {})), ""),
                "registry": entry["official"],
                "packages": entry["packaged"],
            }[source]
            done = reference in here
            if source == "archive" and archives and done:
                done = here[reference]["id"] == archives[reference]["id"]
            if source == "present" and not done:
                continue
            if done or not (refusals or {}).get(name, {}).get(source):
                plan[name] = {"source": source, "reference": reference, "done": done}
                break
    return plan


def images_refusals_text(table: Iterable[Entry], refusals: Refusals, names: Iterable[str]) -> str:
    """Say for each named image why no source gives it, a line a source, in the order in which they were asked."""
    lines = []
    for entry in table:
        if entry["name"] in names:
            lines.append(f"{entry['name']} ({entry['official'] or entry['packaged']}):")
            for source in entry["sources"]:
                reason = "not on the host" if source == "present" else refusals.get(entry["name"], {}).get(source, "")
                lines.append(f"  {source}: {reason or 'not asked'}")
    return "\n".join(lines)


def images_resolve(
    table: Iterable[Entry], plan: Mapping[str, Mapping[str, Any]], host: Host, came: Mapping[str, str]
) -> dict[str, dict[str, str]]:
    """Describe each image as it is on the host: {name: {reference, source, id, version, origin, product}}.

    `came` is {name: source} of what this run has put there, and would now count as present. `origin` is `packages` for
    an image built by a recipe and `official` otherwise; `version` and `product` come from its labels, or from its tag
    and name. An image that is only planned has an empty id.
    """
    resolved = {}
    for entry in table:
        chosen = plan[entry["name"]]
        image = host.get(chosen["reference"], {})
        labels = image.get("labels", {})
        packaged = chosen["reference"] == entry["packaged"]
        tag = chosen["reference"].partition("@")[0].rpartition(":")[2]
        resolved[entry["name"]] = {
            "reference": chosen["reference"],
            "source": came.get(entry["name"], chosen["source"]),
            "id": image.get("id", ""),
            "version": labels.get("org.opencontainers.image.version") or ("" if packaged else tag),
            "origin": "packages" if packaged else "official",
            "product": labels.get("io.jiucom.product", entry["name"]),
            "pull_policy": "never" if packaged else "",
        }
    return resolved


def images_report(resolved: Mapping[str, Mapping[str, str]]) -> list[str]:
    """List source, product, version and reference of each image, a line an image."""
    lines = []
    for name, image in resolved.items():
        product = f"{image['product']} {image['version']}".strip()
        built = ", built from packages" if image["origin"] == "packages" and image["source"] != "packages" else ""
        lines.append(f"{name}: {product} ({image['source']}{built}) {image['reference']}")
    return lines


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        """Names under which templates find the filters."""
        return {
            "images_table": images_table,
            "images_host": images_host,
            "images_archives": images_archives,
            "images_registry_answer": images_registry_answer,
            "images_plan": images_plan,
            "images_refusals_text": images_refusals_text,
            "images_resolve": images_resolve,
            "images_report": images_report,
        }
